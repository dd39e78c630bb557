"""Two pictures are registered, compared and put together."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

import kontext_nb as kx
from kontext_nb.demo import samples
from kontext_nb.errors import ImageRejected, ParameterRejected
from kontext_nb.preservation import prefit
from kontext_nb.preservation.affine import Affine, cut
from tests.scenes import cases

RED = (200, 30, 40)


@pytest.fixture(scope="module")
def street():
    """A picture of half a megapixel, with the noise of a camera."""
    image = samples.street().convert("RGB").resize((832, 624), Image.Resampling.LANCZOS)
    grain = np.random.default_rng(0).normal(0, 3, (624, 832, 3))
    pixels = np.clip(np.asarray(image) + grain, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def sent(image, *, size=(880, 656), zoom=1.0, shift=(0.0, 0.0), tone=0, box=None):
    """What a service gives back: resized, zoomed about the middle, shifted, re-encoded.

    Returns:
        The picture and where the one before lies in it. ``box`` is painted red before,
        in pixels of the picture before.
    """
    if box:
        image = image.copy()
        ImageDraw.Draw(image).rectangle(box, fill=RED)
    about = tuple(
        end / 2 * (1 - zoom) + by for end, by in zip(size, shift, strict=True)
    )
    way = Affine.stretch(image.size, size).then(Affine((zoom, zoom), about))
    back = cut(image, way.inverse().box(0, 0, *size), size)
    return back.point(lambda value: value + tone), way


def corners_off(found, way, size):
    """How far the worst corner is off, in pixels."""
    return np.abs(
        np.subtract(found.affine.box(0, 0, *size), way.box(0, 0, *size))
    ).max()


@pytest.mark.parametrize("zoom", [0.97, 1.0, 1.004, 1.03])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.3), (7.5, 4.25)])
def test_zoom_and_shift_are_found(street, zoom, shift):
    """Where the picture lies is found to 0.1 px at the worst corner."""
    after, way = sent(street, zoom=zoom, shift=shift)
    found = kx.register(street, after)
    assert found.confident, found.reason
    assert corners_off(found, way, street.size) < 0.1
    assert max(np.abs(np.subtract(found.shift, shift))) < 0.1
    assert max(np.abs(np.subtract(found.zoom, zoom - 1))) < 5e-4


def test_a_change_of_two_fifths_has_no_say(street):
    """What changed does not move where the rest is found to lie."""
    after, way = sent(street, zoom=1.01, shift=(3, -2), box=(30, 30, 560, 500))
    found = kx.register(street, after)
    assert found.confident
    assert corners_off(found, way, street.size) < 0.1
    assert found.agreement < 0.8


def test_a_plain_resize_is_exactly_that(street):
    """Of maps that fit, the simplest is taken: no shift of a hundredth of a pixel."""
    after, _ = sent(street)
    found = kx.register(street, after)
    assert found.affine == Affine.stretch(street.size, after.size)
    assert str(found) == "shift 0.0 px · zoom 0.0 %"


def nothing_alike(image):
    shape = (*image.size[::-1], 3)
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, shape, np.uint8))


def drawn_anew(image):
    return image.filter(ImageFilter.CONTOUR).transpose(Image.Transpose.ROTATE_180)


def even(image):
    return Image.new("RGB", image.size, "grey")


def tiny(image):
    return image.resize((48, 36))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (nothing_alike, "too much has changed"),
        (drawn_anew, "too much has changed"),
        (even, "too much has changed"),
        (tiny, "smaller than 64 pixels"),
    ],
)
def test_it_does_not_guess(street, made, reason):
    """Without enough in common the answer is the plain resize, and why."""
    after = made(street)
    found = kx.register(street, after)
    assert not found.confident
    assert reason in found.reason
    assert found.affine == Affine.stretch(street.size, after.size)
    assert str(found).startswith("not registered: ")


def test_two_even_pictures_tell_nothing():
    """Without texture nobody knows where anything lies."""
    blank = Image.new("RGB", (400, 300), "white")
    assert "too little texture" in kx.register(blank, blank).reason


def test_what_only_travelled_has_not_changed(street, tmp_path):
    """Resized, shifted, brightened and encoded again, nothing counts as changed."""
    after, _ = sent(street, zoom=1.005, shift=(3.3, -1.6), tone=4)
    after.save(tmp_path / "after.jpg", quality=85)
    found = kx.drift(street, tmp_path / "after.jpg")
    assert found.ignored
    assert found.changed == 0
    assert found.boxes == ()
    assert found.tone.shift == pytest.approx(4, abs=0.7)
    assert str(found).startswith("nothing changed · shift 3.")


def test_what_only_lost_its_sharpness_has_hardly_changed(street):
    """A service that softens every pixel did not change a tenth of them."""
    assert kx.drift(street, street.filter(ImageFilter.GaussianBlur(0.8))).changed == 0
    soft = street.filter(ImageFilter.GaussianBlur(1.5))
    assert kx.drift(street, soft).changed < 0.02


def test_a_change_is_found_where_it_is(street):
    """The changed share and box are those of what was painted, to a pixel or two."""
    box = (300, 200, 420, 290)
    after, _ = sent(street, zoom=1.01, shift=(4, 2), box=box)
    found = kx.drift(street, after)
    painted = 121 * 91 / (832 * 624)
    assert found.changed == pytest.approx(painted, rel=0.1)
    assert np.abs(np.subtract(found.boxes[0], (300, 200, 421, 291))).max() <= 3
    assert not found.ignored
    assert not found.everywhere


def test_pixels_compared_as_they_lie_would_say_far_more(street):
    """The measure is needed: a shift alone would mark a tenth of the picture."""
    after, _ = sent(street, shift=(3, 0))
    apart = np.abs(
        np.asarray(after.resize(street.size), int) - np.asarray(street, int)
    ).max(axis=2)
    assert (apart > 32).mean() > 0.05
    assert kx.drift(street, after).changed == 0


def test_a_crop_is_seen_and_not_counted_as_change(street):
    """What a service cut off is not shown, which is no change of it."""
    after, _ = sent(street, size=(1024, 656), zoom=1.18)
    found = kx.drift(street, after)
    assert found.seen < 0.9
    assert found.changed < 0.005


def test_a_picture_made_anew_is_changed_everywhere(street):
    """Without a registration nothing counts as kept."""
    found = kx.drift(street, nothing_alike(street))
    assert found.everywhere
    assert not found.registration.confident


def test_the_change_is_told_in_pixels_of_the_source():
    """Boxes and masks of a large picture are in its own frame."""
    large = samples.street().convert("RGB").resize((2400, 1800))
    after, _ = sent(large, size=(1184, 880), box=(1200, 600, 1500, 900))
    found = kx.drift(large, after)
    assert np.abs(np.subtract(found.boxes[0], (1200, 600, 1501, 901))).max() <= 8
    assert found.mask.width * found.mask.height < 1.3e6


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("distortion", 0),
        ("edit", 2),
        ("letter", 0),
        pytest.param("distortion", 2, marks=pytest.mark.nightly),
        pytest.param("edit", 0, marks=pytest.mark.nightly),
        pytest.param("letter", 2, marks=pytest.mark.nightly),
    ],
)
def test_computed_pictures_hold_what_the_benchmark_promises(kind, first):
    """Cases of known truth: quiet without an edit, and found with one."""
    for case in cases(11, kind=kind, count=2, first=first, megapixels=0.35):
        found = kx.drift(case.before, case.after)
        assert found.registration.confident, case.name
        if kind == "distortion":
            assert found.changed <= 0.005, case.name
            continue
        mask = np.asarray(found.mask.resize(case.truth.shape[::-1])) > 127
        both, either = mask & case.truth, mask | case.truth
        assert both.sum() > 0.5 * case.truth.sum(), case.name
        if kind == "edit":
            assert both.sum() > 0.6 * either.sum(), case.name


def test_outside_the_change_every_byte_is_the_originals(street):
    """Where the mask is 0 nothing differs, and where it is full the change shows."""
    box = (300, 200, 420, 290)
    after, _ = sent(street, zoom=1.01, shift=(4, 2), tone=3, box=box)
    kept = kx.preserve(street, after)
    assert kept.reason == ""
    assert kept.image.size == street.size
    same = (np.asarray(kept.image) == np.asarray(street)).all(axis=2)
    mask = np.asarray(kept.mask)
    assert same[mask == 0].all()
    assert (mask > 0).mean() < 0.06
    assert np.abs(np.asarray(kept.image)[245, 360] - np.array(RED)).max() <= 6


def test_a_chain_of_twenty_steps_keeps_what_no_step_asked_for(street):
    """After 20 preserved edits each byte that no mask held is the original's."""
    first = now = street.resize((416, 312), Image.Resampling.LANCZOS)
    touched = np.zeros((312, 416), bool)
    for step in range(20):
        left, top = 20 + 18 * step, 30 + 12 * step
        after, _ = sent(
            now,
            size=(440, 328),
            zoom=1 + 0.002 * (step % 3),
            shift=(step % 5 - 2, 1),
            box=(left, top, left + 25, top + 20),
        )
        kept = kx.preserve(now, after)
        assert kept.reason == ""
        touched |= np.asarray(kept.mask) > 0
        now = kept.image
    same = (np.asarray(now) == np.asarray(first)).all(axis=2)
    assert same[~touched].all()
    assert touched.mean() < 0.4


def test_the_border_cannot_be_told_by_its_tone(street):
    """The result's lighter ground is matched to the original around the change."""
    box = (300, 200, 420, 290)
    after, _ = sent(street, box=box)
    uneven = np.linspace(0, 11, after.width)[None, :, None] + np.asarray(after)
    after = Image.fromarray(np.clip(uneven, 0, 255).astype(np.uint8))
    kept = kx.preserve(street, after, mask=(270, 170, 450, 320))
    off = np.asarray(kept.image, int) - np.asarray(street)
    ring = np.zeros((624, 832), bool)
    ring[170:320, 270:450] = True
    ring[192:300, 292:430] = False
    assert abs(off[ring].mean()) < 0.6


@pytest.mark.parametrize("how", ["box", "picture", "array", "small picture"])
def test_a_mask_of_the_users_own_is_kept_to(street, how):
    """However it is given, nothing outside it changes."""
    inside = np.zeros((624, 832), bool)
    inside[100:220, 300:500] = True
    picture = Image.fromarray(inside.astype(np.uint8) * 255)
    mask = {
        "box": (300, 100, 500, 220),
        "picture": picture,
        "array": inside,
        "small picture": picture.resize((416, 312)),
    }[how]
    after, _ = sent(street, box=(250, 60, 550, 260))
    kept = kx.preserve(street, after, mask=mask, feather=0)
    same = (np.asarray(kept.image) == np.asarray(street)).all(axis=2)
    assert same[~inside].mean() > 0.99
    assert same[np.asarray(kept.mask) == 0].all()
    assert not same[140:180, 340:460].any()


def test_a_mask_gets_its_part_of_another_light(street):
    """Where the whole picture became night, a box gets night, and all else day."""
    night = street.point([round(0.4 * value) for value in range(256)] * 3)
    kept = kx.preserve(street, night.resize((1184, 888)), mask=(200, 100, 500, 400))
    shown, old = (np.asarray(image, int) for image in (kept.image, street))
    assert abs(shown - night)[130:370, 230:470].mean() < 2
    assert (shown == old)[np.asarray(kept.mask) == 0].all()


def test_what_is_transparent_stays_so(street):
    """An original with transparency keeps it, byte for byte, outside the change."""
    original = street.copy()
    original.putalpha(Image.linear_gradient("L").resize(street.size))
    after, _ = sent(Image.alpha_composite(white(street), original).convert("RGB"))
    ImageDraw.Draw(after).rectangle((300, 400, 400, 500), fill=RED)
    kept = kx.preserve(original, after)
    assert kept.image.mode == "RGBA"
    same = (np.asarray(kept.image) == np.asarray(original)).all(axis=2)
    assert same[np.asarray(kept.mask) == 0].all()


def white(image):
    return Image.new("RGBA", image.size, "white")


def test_what_cannot_be_set_in_comes_back_as_it_is(street):
    """A picture made anew is given raw, with a plain reason."""
    anew = nothing_alike(street)
    kept = kx.preserve(street, anew)
    assert kept.image.tobytes() == anew.tobytes()
    assert kept.mask is None
    assert kept.reason.startswith("It could not be registered: only")


def test_a_tone_that_was_asked_for_is_not_taken_back(street):
    """Where only the tone changed, and by more than a way does, the result is left."""
    warmer, _ = sent(street, tone=9)
    kept = kx.preserve(street, warmer)
    assert not kept.drift.ignored
    assert str(kept.drift).startswith("only the tone changed · shift 0.0 px")
    assert kept.reason == "Only the tone of the whole picture changed, by +9 of 255."
    assert kept.image.tobytes() == warmer.tobytes()


@pytest.mark.parametrize("factor", [1.06, 1.1, 1.2, 0.7])
def test_however_bright_it_is_made_only_the_tone_changed(street, factor):
    """The tone says by how much, and the picture is not set back in."""
    after = street.point(lambda value: value * factor)
    kept = kx.preserve(street, after)
    assert str(kept.drift).startswith("only the tone changed")
    assert kept.drift.tone.shift == pytest.approx(128 * (factor - 1), abs=2.5)
    assert kept.reason.startswith("Only the tone")


def test_a_change_beside_another_light_is_not_set_in(street):
    """The light was asked for as much as the change, and would be lost."""
    after, _ = sent(street, tone=30, box=(300, 200, 420, 290))
    kept = kx.preserve(street, after)
    assert 0 < kept.drift.changed < 0.05
    assert "tone of the whole picture changed, by +30 of 255" in kept.reason


def test_every_number_is_told_with_what_it_means(street):
    """As text and as HTML, with the map of the change."""
    after, _ = sent(street, shift=(2, 1), box=(300, 200, 420, 290))
    found = kx.drift(street, after)
    for told in (repr(found), found._repr_html_()):
        for number in ("changed", "shift", "zoom", "tone", "PSNR", "SSIM", "ΔE"):
            assert number in told
    assert len(repr(found).splitlines()) == 10
    assert "data:image/png;base64," in found._repr_html_()
    anew = kx.drift(street, nothing_alike(street))
    assert "not registered" in repr(anew)
    assert "everywhere" in repr(anew)


def test_without_a_change_the_original_is_left(street):
    """A result that only travelled leaves nothing to set in."""
    after, _ = sent(street, shift=(2, 1))
    kept = kx.preserve(street, after)
    assert kept.drift.ignored
    assert kept.image.tobytes() == street.tobytes()


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ({"mask": (5, 5, 5, 9)}, "box ends before it begins"),
        ({"mask": ("a", 1, 2, 3)}, "not four numbers"),
        ({"mask": np.zeros((624, 832), bool)}, "empty"),
        ({"mask": np.ones((624, 624), bool)}, "another shape"),
        ({"mask": (900, 0, 950, 10)}, "empty"),
        ({"feather": -1}, "feather of -1"),
        ({"feather": True}, "feather of True"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(street, how, wrong):
    """The sentence says what is wrong with it."""
    with pytest.raises(ParameterRejected, match=wrong):
        kx.preserve(street, street, **how)


def test_what_is_no_picture_is_refused(street):
    """Either side is checked by the same door as an edit's source."""
    with pytest.raises(ImageRejected):
        kx.drift(street, b"no picture")


@pytest.mark.parametrize("size", [(4000, 3000), (1920, 1080), (1080, 1350), (900, 300)])
def test_a_fitted_picture_comes_back_in_its_own_shape(size):
    """Padded to a safe size and cut out again, a picture is stretched by nothing."""
    image = samples.street().convert("RGB").resize(size)
    fitted = prefit(image)
    back = fitted.undone(fitted.image)
    assert fitted.image.width * fitted.image.height <= 1024 * 1024
    assert back.width / back.height == pytest.approx(size[0] / size[1], rel=2e-3)
    small = image.resize(back.size, Image.Resampling.LANCZOS, reducing_gap=3)
    assert back.tobytes() == small.tobytes()
