"""Sheets as Pillow images: right places, right formats, within the bytes allowed."""

import io
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import as_image
from kontext_nb.grids.layout import lay_out
from kontext_nb.grids.plan import Cell, Sheet, pair, strip

RED, BLUE = Image.new("RGB", (64, 64), (250, 0, 0)), Image.new("RGB", (64, 64), "blue")


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder."""
    path = tmp_path / "out"
    path.mkdir()
    return path


def noise(width, height, seed=0):
    """Return a picture that compresses badly."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def places(sheet, cell_px):
    """Return the slots of the first row."""
    size = as_image._type_size(cell_px)
    return lay_out(sheet, cell_px=cell_px, type_size=size).rows[0]


def test_pictures_are_where_the_plan_says():
    """The middle of each slot shows the slot's own picture."""
    sheet = pair(Cell(RED), Cell(BLUE))
    drawn = as_image.draw(sheet, cell_px=128)
    left, right = places(sheet, 128)
    assert drawn.getpixel((left.x + 64, left.y + 64)) == (250, 0, 0)
    assert drawn.getpixel((right.x + 64, right.y + 64)) == (0, 0, 255)


def test_the_footer_is_always_drawn():
    """Who made the pictures is seen on the sheet: its lowest strip has ink."""
    bare = as_image.draw(pair(Cell(RED), Cell(BLUE)))
    told = as_image.draw(pair(Cell(RED), Cell(BLUE), footer="demo engine"))
    assert told.height > bare.height
    strip_below = told.crop((0, bare.height - 10, told.width, told.height))
    assert strip_below.convert("L").getextrema()[0] < 160


def test_every_word_can_be_read():
    """Ink, quiet words and alarms have a contrast of 4.5 to 1 on paper and panel."""

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for ground in (as_image.PAPER, as_image.PANEL):
        for ink in as_image.TONES.values():
            low, high = sorted((luminance(ground), luminance(ink)))
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_transparency_shows_the_ground():
    """A see-through picture lies on the sheet's own ground, never on black."""
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    sheet = pair(Cell(clear), Cell(BLUE))
    slot = places(sheet, 128)[0]
    drawn = as_image.draw(sheet, cell_px=128)
    assert min(drawn.getpixel((slot.x + 64, slot.y + 64))) > 230


def test_files_and_images_draw_alike(tmp_path):
    """A sheet of files, decoded by threads, equals the sheet of the same images."""
    images = [noise(90, 70, seed) for seed in range(9)]
    for number, image in enumerate(images):
        image.save(tmp_path / f"{number}.png")
    from_images = strip([Cell(image) for image in images])
    from_files = strip([Cell(tmp_path / f"{n}.png") for n in range(9)])
    one, two = (as_image.draw(s, cell_px=64) for s in (from_images, from_files))
    assert one.tobytes() == two.tobytes()


def test_a_picture_that_vanishes_between_plan_and_drawing_is_a_blank(
    tmp_path, monkeypatch
):
    """A file deleted while the sheet is drawn costs its cell, not the sheet."""
    path = tmp_path / "brief.png"
    RED.save(path)
    planned = as_image.lay_out

    def plan_then_delete(*args, **options):
        plan = planned(*args, **options)
        path.unlink()
        return plan

    monkeypatch.setattr(as_image, "lay_out", plan_then_delete)
    sheet = pair(Cell(path, "gone"), Cell(BLUE))
    drawn = as_image.draw(sheet, cell_px=128)
    assert drawn.getpixel((20, 20)) == (0xF4, 0xF4, 0xF2)


def test_a_large_sheet_never_holds_its_pictures_at_full_size(tmp_path):
    """Forty files of 3 MB each leave no trace of 120 MB in Python's memory."""
    path = tmp_path / "large.png"
    noise(1000, 1000).save(path, compress_level=0)
    sheet = strip([Cell(path) for _ in range(40)])
    opened = []
    real = as_image.pictures.look

    def look(cell, box):
        seen = real(cell, box)
        opened.append(seen.size)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(as_image.pictures, "look", look)
        tracemalloc.start()
        as_image.draw(sheet, cell_px=64)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert set(opened) == {(64, 64)}
    assert peak < 60_000_000


@pytest.mark.parametrize("cell_px", [0, -5, 31, 4097, 100.5, None, "large"])
def test_impossible_cell_sizes_are_refused(cell_px):
    """A cell has 32 to 4096 whole pixels."""
    with pytest.raises(ParameterRejected):
        as_image.draw(pair(Cell(RED), Cell(BLUE)), cell_px=cell_px)


def test_a_sheet_too_large_to_open_again_is_refused():
    """Rather no sheet, with the remedy, than one that Pillow calls a bomb."""
    big = Sheet(tuple((Cell(None),) * 20 for _ in range(20)))
    with pytest.raises(ParameterRejected, match="cell_px"):
        as_image.draw(big, cell_px=4096)


@pytest.mark.parametrize("suffix", as_image.SUFFIXES)
def test_each_format_opens_again(folder, suffix):
    """Saved sheets are what their names say, and as large as drawn."""
    sheet = pair(Cell(RED, "a"), Cell(BLUE, "b"))
    path = as_image.save(sheet, folder / f"sheet{suffix.upper()}")
    with Image.open(path) as image:
        image.load()
        assert image.format == as_image.SUFFIXES[suffix][0]
        assert image.size == as_image.draw(sheet).size
    assert [p.name for p in folder.iterdir()] == [path.name]


def test_a_sheet_too_wide_for_webp_is_refused_and_leaves_nothing(folder):
    """WebP has 16383 pixels to a side; the error names a format that has more."""
    sheet = strip([Cell(None)] * 40)
    with pytest.raises(ParameterRejected, match=r"\.png"):
        as_image.save(sheet, folder / "wide.webp")
    assert list(folder.iterdir()) == []


@settings(max_examples=25)
@given(
    st.integers(600, 60_000),
    st.sampled_from(["JPEG", "WEBP"]),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_an_encoding_never_exceeds_its_bytes(max_bytes, kind, size):
    """However little is allowed, the answer is within it and is a picture."""
    data = as_image.encode_within(noise(*size), max_bytes, format=kind)
    assert len(data) <= max_bytes
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.format == kind


def test_quality_gives_way_before_size():
    """A picture is made smaller only when its worst quality is still too large."""
    picture = noise(200, 200)
    for max_bytes, shrinks in ((32_000, False), (20_000, False), (4_000, True)):
        data = as_image.encode_within(picture, max_bytes)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.width < 200) == shrinks


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_limit_is_exact(kind):
    """One byte less than the smallest encoding at full size costs size."""
    picture = noise(160, 160)
    least = len(as_image._encoded(picture, kind, as_image._QUALITIES[-1]))
    assert len(as_image.encode_within(picture, least, format=kind)) == least
    with Image.open(
        io.BytesIO(as_image.encode_within(picture, least - 1, format=kind))
    ) as image:
        assert image.width < 160


def test_more_bytes_never_mean_a_worse_picture():
    """The best quality that fits is found: the next better one does not fit."""
    picture = noise(120, 120)
    sizes = []
    for quality in as_image._QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        sizes.append(buffer.tell())
    for better, fits in pairwise(sizes):
        assert len(as_image.encode_within(picture, better - 1)) == fits


@pytest.mark.parametrize(
    "ask", [{"max_bytes": 40}, {"max_bytes": 9999, "format": "PNG"}]
)
def test_what_cannot_be_encoded_is_refused(ask):
    """Too few bytes for any picture, or a format without quality, is an error."""
    with pytest.raises(ParameterRejected):
        as_image.encode_within(noise(64, 64), **ask)


def test_transparent_pictures_become_jpegs_on_white():
    """What is see-through is white in a JPEG, not black."""
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    data = as_image.encode_within(clear, 9999)
    with Image.open(io.BytesIO(data)) as image:
        assert image.getpixel((20, 20)) == (255, 255, 255)


def test_a_pair_for_the_notebook_stays_below_48_kilobytes():
    """The preview of two noisy pictures, the worst case, keeps its width."""
    sheet = pair(Cell(noise(1024, 1024, 1), "a"), Cell(noise(1024, 1024, 2), "b"))
    data = as_image.encode_within(as_image.draw(sheet), 48_000)
    assert len(data) <= 48_000
