"""`kx.compare` and what it gives: pictures in, state, full pictures and files out."""

import io
import re
import threading

import ipywidgets
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

import kontext_nb as kx
from kontext_nb import parcel, pixels
from kontext_nb.errors import ImageRejected, ParameterRejected
from kontext_nb.widgets import mapping
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.shots import Shot

RED, BLUE = (200, 40, 40), (40, 40, 200)


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """Close what a test opened: ipywidgets keeps every widget until told."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def picture():
    return Image.new("RGB", (320, 240), RED)


def labels(view):
    return [one["label"] for one in view.pictures]


def test_it_takes_what_an_edit_takes(picture, tmp_path):
    """Paths, bytes, Pillow images and arrays, two to four of them."""
    picture.save(path := tmp_path / "a.png")
    given = path, path.read_bytes(), picture, np.asarray(picture)
    view = kx.compare(*given)
    assert labels(view) == [f"Picture {n}" for n in (1, 2, 3, 4)]
    assert labels(kx.compare(*given[:2])) == ["Source", "Result"]
    assert {one["size"] for one in view.pictures} == {"320\N{MULTIPLICATION SIGN}240"}
    assert all(one["preview"][:2] == b"\xff\xd8" for one in view.pictures)


@pytest.mark.usefixtures("small_results")
def test_an_edit_gives_its_source_and_result(picture):
    """Edits of one source show it once, each with its own words."""
    first = kx.edit(picture, "Make it sepia")
    second = first.edit("Make it darker")
    view = kx.compare(first, second)
    assert labels(view) == ["Source", "Make it sepia", "Make it darker"]
    assert view.footer == "demo engine"
    assert labels(kx.compare(picture, first)) == ["Source", "Make it sepia"]


@pytest.mark.usefixtures("small_results")
def test_how_large_it_was_sent_is_said(monkeypatch):
    """A source that was made smaller to be sent says to which size."""
    monkeypatch.setattr(parcel, "MAX_SENT_BYTES", 100_000)
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    edit = kx.edit(noise, "Make it sepia")
    sent = edit.step.job.notices[0].split()[2].replace("x", pixels.TIMES)
    source = kx.compare(edit).pictures[0]
    assert source["size"] == f"640{pixels.TIMES}480 → sent {sent}"


@pytest.mark.parametrize(
    ("given", "options", "error"),
    [
        (["nowhere.png", "nowhere.png"], {}, ImageRejected),
        ([], {}, ParameterRejected),
        (1, {}, ParameterRejected),
        (5, {}, ParameterRejected),
        (2, {"labels": ["one"]}, ParameterRejected),
        (2, {"labels": "ab"}, ParameterRejected),
        (2, {"labels": [1, 2]}, ParameterRejected),
        (2, {"mode": "sideways"}, ParameterRejected),
    ],
)
def test_what_cannot_be_compared_is_refused(picture, given, options, error):
    """Too few or many pictures, names that do not fit, and modes there are none of."""
    pictures = [picture] * given if isinstance(given, int) else given
    with pytest.raises(error):
        kx.compare(*pictures, **options)


@pytest.mark.parametrize("view", [Compare, PlainCompare])
def test_state_stays_where_it_makes_sense(view):
    """Numbers are brought into their range, and a pair is two different places."""
    shown = view()
    for name, given, kept in [
        ("zoom", 1e9, 32),
        ("zoom", float("nan"), 0),
        ("position", -1, 0),
        ("gain", 0, 1),
        ("center", [2.0, 0.25], [1, 0.25]),
        ("center", [0.0], [0.5, 0.5]),
    ]:
        setattr(shown, name, given)
        assert getattr(shown, name) == kept
    for wrong in ([0, 0], [1], [0, 4], [-1, 0]):
        with pytest.raises(ParameterRejected):
            shown.pair = wrong


def test_other_pictures_keep_the_way_of_looking(picture):
    """Mode and zoom outlive new pictures; a pair that is no more does not."""
    shots = [Shot.of(pixels.load(picture), str(n)) for n in range(4)]
    view = Compare(mode="slider", zoom=2.0)
    view.show(shots, previous=shots[0])
    view.pair, view.swapped = [2, 3], True
    view.show(shots[:2])
    assert (view.mode, view.zoom, view.pair) == ("slider", 2.0, [0, 1])
    assert (view.previous, view.swapped) == ({}, False)


def test_full_pictures_travel_only_when_asked_for(picture):
    """State holds previews; a message brings the full picture from another thread."""
    large = Image.effect_noise((2000, 1500), 60).convert("RGB")
    view = kx.compare(large, picture)
    assert all(len(one["preview"]) < 500_000 for one in view.pictures)
    told, sent = threading.Event(), []

    def send(content, buffers):
        sent.append((threading.current_thread(), content, buffers))
        told.set()

    view.send = send
    ask = {"kind": "full", "key": view.pictures[0]["key"]}
    view._handle_custom_msg(ask, [])
    assert told.wait(30)
    thread, content, (data,) = sent[0]
    assert thread is not threading.current_thread()
    assert content == ask
    with Image.open(io.BytesIO(data)) as full:
        assert full.size == (2000, 1500)
        assert np.array_equal(np.asarray(full.convert("RGB")), np.asarray(large))


def test_what_is_shown_no_more_is_not_sent(picture):
    """An answer to an old question, or a picture that is gone, is empty."""
    view = kx.compare(picture, picture)
    old = view.pictures[0]["key"]
    view.show([Shot("none"), Shot("none")])
    assert view.full(old) == view.full("?") == b""


def test_a_camera_file_is_sent_upright_and_bare(tmp_path):
    """Turned as its EXIF says, and without telling where it was taken."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret garden"
    Image.new("RGB", (400, 300), RED).save(path := tmp_path / "a.jpg", exif=exif)
    view = kx.compare(path, path)
    data = view.full(view.pictures[0]["key"])
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as full:
        assert full.size == (300, 400)


def test_a_page_holds_everything(picture, tmp_path):
    """One file, with nothing from elsewhere; no label ends its script."""
    label = "</script><script>pwn()</script>"
    view = kx.compare(picture, picture, labels=(label, "b"), footer=label)
    text = view.to_html(tmp_path / "pair.html").read_text("utf-8")
    assert "pwn()</script>" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<script") == text.count("</script>") == 2
    with pytest.raises(ParameterRejected):
        view.to_html(tmp_path / "pair.png")


def changed(picture):
    after = picture.copy()
    after.paste(BLUE, (160, 120, 320, 240))
    return after


MARK = (400, 200, 560, 320)  # where the textured picture is edited


def textured(size=(800, 600)):
    """Return a picture with enough in it to be found again."""
    small = size[1] // 8, size[0] // 8, 3
    noise = np.random.default_rng(7).integers(60, 196, small, np.uint8)
    return Image.fromarray(noise).resize(size)


def edited(picture, zoom=1.0):
    """Return a picture with a disc on it, and all of it a little larger."""
    after = picture.copy()
    ImageDraw.Draw(after).ellipse(MARK, fill="red")
    width, height = picture.size
    left, top = (width - width / zoom) / 2, (height - height / zoom) / 2
    box = left, top, width - left, height - top
    return after.resize(picture.size, Image.Resampling.BICUBIC, box)


def opacity(mapped, at):
    with Image.open(io.BytesIO(mapped["overlay"])) as overlay:
        return overlay.convert("RGBA").getpixel(at)[3]


@pytest.mark.parametrize("kind", ["live", "plain"])
def test_the_map_is_of_what_truly_changed(kind):
    """A zoom of the whole picture is measured and said, and never outlined."""
    before = textured()
    with kx.configure(widgets=kind):
        view = kx.compare(before, edited(before, zoom=1.01))
    assert view.maps == {}
    view.mode = "change"
    assert view.settled(30)
    (found,) = view.maps.values()
    assert re.match(r"Changed [23]\.\d % · shift 0\.\d px · zoom 1\.0 %", found["said"])
    assert found["alt"] == f"{found['said']}. It is outlined: middle."
    assert 60 < opacity(found, (480, 260)) < 140
    assert [opacity(found, at) for at in ((40, 40), (700, 300), (480, 500))] == [0] * 3
    assert len(found["overlay"]) < 10_000


def test_each_pair_is_measured_once_and_from_old_to_new():
    """However two are chosen; new pictures are measured anew."""
    before = textured()
    view = kx.compare(before, edited(before), before, mode="change")
    for pair in ([1, 0], [0, 2], [0, 1]):
        view.pair = pair
        assert view.settled(30)
    keys = [picture["key"] for picture in view.pictures]
    assert list(view.maps) == [f"{keys[0]}-{keys[1]}", f"{keys[0]}-{keys[2]}"]
    found = [one["said"].split(" · ")[0] for one in view.maps.values()]
    assert found[0].startswith("Changed ")
    assert found[1] == "Nothing changed"
    view.show([Shot.of(pixels.load(before), "a"), Shot("b")])
    assert view.settled(30)
    assert [one["said"] for one in view.maps.values()] == [mapping.NO_PICTURES]


@pytest.mark.usefixtures("small_results")
def test_what_the_store_knows_of_an_edit_is_not_measured_again(monkeypatch):
    """Its line stands there at once, and its map is looked up."""
    edit = kx.edit(kx.samples.bottle(), "Add a red star", preserve=True)
    monkeypatch.setattr(mapping, "drift", None)
    view = kx.compare(edit)
    (told,) = view.maps.values()
    line = edit.line_of_change
    assert told == {"said": line[0].upper() + line[1:]}
    assert "changed" not in view.pictures[1]["size"]
    view.mode = "change"
    assert view.settled(30)
    (told,) = view.maps.values()
    assert told["said"].lower() == line.lower()
    assert told["overlay"]


def test_what_cannot_be_measured_is_said(picture):
    """Without texture nothing is registered, and no map pretends that it was."""
    view = kx.compare(picture, changed(picture), mode="change")
    assert view.settled(30)
    (found,) = view.maps.values()
    assert found["said"].startswith("Not registered: only 0 % of the")
    assert found["overlay"] == b""


def test_what_changed_everywhere_is_not_painted_over():
    """Words say it; a tint on all of the picture would only hide it."""
    street = kx.samples.street()
    other = street.copy()
    other.paste("crimson", (0, 0, street.width * 2 // 3, street.height))
    view = kx.compare(street, other, mode="change")
    assert view.settled(30)
    (found,) = view.maps.values()
    assert re.match(r"Changed everywhere, \d+ % of the picture · ", found["said"])
    assert found["alt"] == found["said"]
    assert opacity(found, (300, 300)) == 0


def test_a_tone_alone_is_said_and_not_outlined():
    """The light of the whole picture is no place in it."""
    before = kx.samples.bottle().convert("RGB")
    after = ImageEnhance.Brightness(before).enhance(1.05)
    view = kx.compare(before, after, mode="change")
    assert view.settled(30)
    (found,) = view.maps.values()
    assert found["said"].startswith("Only the tone changed")
    assert (found["alt"], found["overlay"]) == (found["said"], b"")


def test_plain_widgets_outline_the_change_on_the_picture_before():
    """Its words are a status, and the pixels outside are the picture's own."""
    before = textured()
    with kx.configure(widgets="plain"):
        view = kx.compare(before, edited(before), mode="change")
    assert view.settled(30)
    assert 'role="status"' in view._said.value
    assert "It is outlined: middle." in view._said.value
    for at in ((40, 40), (700, 300)):
        pairs = zip(painted(view, at), before.getpixel(at), strict=True)
        assert all(abs(a - b) < 30 for a, b in pairs)
    assert painted(view, (480, 260))[1] < before.getpixel((480, 260))[1]


def test_a_change_of_one_pixel_is_still_outlined():
    """However much smaller the overlay is than what was measured."""
    mask = Image.new("L", (1400, 800))
    mask.putpixel((701, 401), 255)
    with Image.open(io.BytesIO(mapping.overlay(mask))) as drawn:
        assert drawn.size == (1024, 585)
        assert drawn.convert("RGBA").getchannel("A").getbbox() is not None


def painted(view, at):
    (image,) = [c for side in view._sides.children for c in side.children[1:]]
    with Image.open(io.BytesIO(image.value)) as shown:
        return shown.getpixel(at)


def test_plain_widgets_compare_in_every_mode(picture):
    """Without a script, Python puts the pair together: the same modes, by controls."""
    with kx.configure(widgets="plain"):
        view = kx.compare(picture, changed(picture))
    wanted = {
        "slider": BLUE,
        "blink": RED,
        "onion": (120, 40, 120),
        "difference": (255, 0, 255),
    }
    for mode, colour in wanted.items():
        view._view.value = mode
        assert view.mode == mode
        at = painted(view, (250, 200))
        assert all(abs(a - b) < 8 for a, b in zip(at, colour, strict=True)), mode
    view.mode = "slider"
    view._tuner.value = 1.0
    assert view.position == 1.0
    assert painted(view, (250, 200))[0] > 150
    view.mode = "blink"
    view._blink.click()
    assert painted(view, (250, 200))[2] > 150


def test_plain_widgets_choose_the_pair_and_swap():
    """Of four pictures two are chosen by name; a button swaps in the previous one."""
    colours = [RED, BLUE, (40, 200, 40), (200, 200, 40), (40, 200, 200)]
    shots = [
        Shot.of(pixels.load(Image.new("RGB", (80, 60), colour)), str(n))
        for n, colour in enumerate(colours)
    ]
    view = PlainCompare(mode="slider", position=0.0)
    view.show(shots[:4], previous=shots[4])
    view._pair[1].value = 3
    assert view.pair == [0, 3]
    assert painted(view, (60, 30))[2] < 60
    view._swap.click()
    assert painted(view, (60, 30))[2] > 180
