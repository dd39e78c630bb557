"""The demo engine's effects: what each does to the pixels, and the model's habits."""

import contextlib
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kontext_nb.demo import samples
from kontext_nb.demo.colours import colour
from kontext_nb.demo.drawing import PLACEHOLDER, symbol
from kontext_nb.demo.effects import NothingToChange, apply
from kontext_nb.demo.grammar import ABILITIES, DemoRefusal, Recolour, parse
from kontext_nb.demo.placing import spots
from kontext_nb.demo.reading import find, ink
from kontext_nb.demo.recolour import LUMA_TOLERANCE, recoloured
from kontext_nb.demo.refusals import WhichPart
from kontext_nb.demo.regions import luma
from kontext_nb.demo.relettering import TextNotFound
from kontext_nb.sizes import SIZES, nearest

BOTTLE, STREET = samples.bottle(), samples.street()
# What must not be found is looked for in two of the samples, each night in all.
EVERYWHERE = pytest.mark.parametrize(
    "name",
    [
        name
        if name in ("bottle", "street")
        else pytest.param(name, marks=pytest.mark.nightly)
        for name in samples.NAMES
    ],
)


def edited(image, prompt, seed=1, aspect_ratio=None):
    """Apply a prompt."""
    return apply(image, parse(prompt), seed, aspect_ratio)


@functools.cache
def shown(name, prompt):
    """Apply a prompt to a sample, once for all tests that look at the result."""
    return edited(getattr(samples, name)(), prompt)


def pixels_of(image, box=None):
    """Return a picture, or the part of it in ``box`` (0 to 1), as floats."""
    if box:
        width, height = image.size
        scale = (width, height, width, height)
        image = image.crop(tuple(round(v * s) for v, s in zip(box, scale, strict=True)))
    return np.asarray(image, np.float32) / 255


def test_there_are_seventeen_sizes_of_about_a_megapixel():
    """They are the model's: multiples of 8, upright and lying in pairs."""
    assert len(set(SIZES)) == 17
    assert {(h, w) for w, h in SIZES} == set(SIZES)
    assert all(w % 16 == 0 == h % 16 and 0.98e6 < w * h < 1.08e6 for w, h in SIZES)


@pytest.mark.parametrize(
    ("given_size", "size"),
    [
        ((1, 1), (1024, 1024)),
        ((3, 2), (1248, 832)),
        ((4, 3), (1184, 880)),
        ((1920, 1080), (1392, 752)),
        ((9, 16), (752, 1392)),
        ((5, 4), (1104, 944)),
        ((100, 1), (1568, 672)),
    ],
)
def test_the_nearest_size_is_that_of_the_nearest_ratio(given_size, size):
    """Known ratios go where the model's own code sends them."""
    assert nearest(*given_size) == size


def test_an_aspect_ratio_overrules_the_pictures_own():
    """The result has the size nearest to what was asked for."""
    assert edited(BOTTLE, "Make it warmer", aspect_ratio="21:9").size == (1568, 672)


@pytest.mark.parametrize("prompt", [a.split(": ", 1)[1] for a in ABILITIES])
def test_the_same_seed_gives_the_same_bytes(request, prompt):
    """An edit is a function of picture, prompt and seed; and it is no other's."""
    if "ALPHA" not in prompt:  # which is not read in a small picture
        request.getfixturevalue("small_results")
    first, second = edited(BOTTLE, prompt, 7), edited(BOTTLE, prompt, 7)
    assert first.tobytes() == second.tobytes()
    assert edited(BOTTLE, prompt, 8).tobytes() != first.tobytes()


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    "prompt", ["Make it warmer", "Change the green bottle to blue"]
)
def test_a_seed_changes_only_what_is_free(prompt):
    """Two seeds of one edit differ by far less than the edit itself."""
    one, two = (
        pixels_of(edited(BOTTLE, prompt, 1)),
        pixels_of(edited(BOTTLE, prompt, 2)),
    )
    assert 0 < np.abs(one - two).mean() < 0.012


@settings(max_examples=12)
@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.sampled_from(ABILITIES),
    st.integers(0, 99),
)
def test_a_picture_of_any_shape_becomes_one_of_the_sizes(width, height, ability, seed):
    """Noise of any shape is edited to a size of the table, or refused with reason."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    with contextlib.suppress(DemoRefusal):
        out = edited(Image.fromarray(noise), ability.split(": ", 1)[1], seed)
        assert out.size in SIZES
        assert out.mode == "RGB"


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (8, 8), (4000, 3000)])
def test_tiny_and_large_pictures_are_edited(size):
    """One pixel and twelve megapixels both work."""
    assert edited(Image.new("RGB", size, (90, 140, 60)), "Make it darker").size in SIZES


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    ("prompt", "measure", "sign"),
    [
        ("make it brighter", lambda p: luma(p).mean(), 1),
        ("make it darker", lambda p: luma(p).mean(), -1),
        ("make it warmer", lambda p: p[..., 0].mean() - p[..., 2].mean(), 1),
        ("make it cooler", lambda p: p[..., 0].mean() - p[..., 2].mean(), -1),
        ("more contrast", lambda p: luma(p).std(), 1),
        ("less contrast", lambda p: luma(p).std(), -1),
        ("make it more vivid", lambda p: (p.max(-1) - p.min(-1)).mean(), 1),
        ("make it muted", lambda p: (p.max(-1) - p.min(-1)).mean(), -1),
    ],
)
def test_a_tone_moves_its_measure(prompt, measure, sign):
    """Each tone word moves what it names, and an adverb moves it less or more."""
    start = measure(pixels_of(STREET))
    plain = sign * (measure(pixels_of(edited(STREET, prompt))) - start)
    head, last = prompt.rsplit(" ", 1) if "contrast" not in prompt else ("", prompt)
    last = last if "vivid" not in prompt else "vivid"
    slight = sign * (
        measure(
            pixels_of(
                edited(
                    STREET,
                    f"{head} slightly {last}".replace("more slightly", "slightly more"),
                )
            )
        )
        - start
    )
    assert plain > slight > 0


@pytest.mark.usefixtures("small_results")
def test_black_and_white_has_no_colour():
    """Every pixel is grey, but for the drift of tone that each pass adds."""
    out = pixels_of(edited(STREET, "Make the picture black and white"))
    assert (out.max(-1) - out.min(-1)).max() < 0.03


def test_night_is_dark_and_blue():
    """Night loses most of the light, and what is left is blue."""
    day, night = pixels_of(STREET), pixels_of(shown("street", "make it night"))
    assert luma(night).mean() < 0.45 * luma(day).mean()
    assert night[..., 2].mean() > 1.4 * night[..., 0].mean()


@pytest.mark.usefixtures("small_results")
def test_the_order_of_a_compound_prompt_does_not_matter_to_a_look():
    """A thing named by its colour is found although the light changes too."""
    one = edited(BOTTLE, "make it night and change the green bottle to red")
    two = edited(BOTTLE, "change the green bottle to red and make it night")
    assert one.tobytes() == two.tobytes()


def test_blurring_the_background_leaves_the_subject_sharp():
    """The wall loses its grain, the label keeps its lettering."""
    plain, soft = (
        shown("bottle", "slightly warmer"),
        edited(BOTTLE, "blur the background"),
    )

    def detail(image, box):
        return np.abs(np.diff(luma(pixels_of(image, box)), axis=1)).mean()

    wall, label = (0.75, 0.1, 0.95, 0.3), (0.38, 0.58, 0.6, 0.66)
    assert detail(soft, wall) < 0.8 * detail(plain, wall)
    assert detail(soft, label) > 0.95 * detail(plain, label)


def test_a_named_thing_changes_colour_and_its_surroundings_do_not():
    """The green bottle turns red; wall and lemons stay as they were."""
    plain, out = (
        shown("bottle", "slightly warmer"),
        edited(BOTTLE, "Change the green bottle to dark red"),
    )
    glass, wall, lemon = (
        (0.46, 0.44, 0.5, 0.5),
        (0.02, 0.3, 0.2, 0.6),
        (0.74, 0.8, 0.84, 0.86),
    )
    red, green, _ = pixels_of(out, glass).mean((0, 1))
    assert red > 2 * green
    for place in (wall, lemon):
        moved = pixels_of(out, place).mean((0, 1)) - pixels_of(plain, place).mean(
            (0, 1)
        )
        assert np.abs(moved).max() < 0.06


@settings(max_examples=25)
@given(
    st.sampled_from(["red", "blue", "green", "purple", "orange", "pink"]),
    st.integers(0, 99),
)
def test_recolouring_keeps_the_luma(name, seed):
    """A plain colour keeps the mean luma within tolerance, and the shading's order."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.25, 1, 96, dtype=np.float32)[:, None, None]
    tint = np.array([0.1, 0.62, 0.2], np.float32) + rng.uniform(-0.08, 0.08, 3).astype(
        np.float32
    )
    picture = np.full((96, 96, 3), 0.5, np.float32)
    picture[:, 24:72] = tint * ramp
    out = recoloured(picture, Recolour("bottle", colour("green"), colour(name)))
    before, after = luma(picture)[:, 48], luma(out)[:, 48]
    assert abs(float(after.mean() - before.mean())) <= LUMA_TOLERANCE + 0.01
    assert (np.diff(after) >= -1e-3).all()
    assert np.allclose(out[:, 8], 0.5, atol=1e-3)


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    ("prompt", "image"),
    [
        ("change the purple bottle to blue", BOTTLE),
        (
            "Make the picture black and white",
            Image.new("RGB", (64, 64), (120, 120, 120)),
        ),
        ("make it brighter", Image.new("RGB", (64, 64), "white")),
    ],
)
def test_an_edit_that_changes_nothing_is_refused(prompt, image):
    """The picture is never handed back as if it had been edited."""
    with pytest.raises(NothingToChange, match="nothing to change"):
        edited(image, prompt)


@EVERYWHERE
@pytest.mark.parametrize(
    ("prompt", "thing"),
    [
        ("Change the bottle to dark green", "is the bottle"),
        ("Change the car to yellow", "is the car"),
        ("Paint the house pink", "is the house"),
        ("Make the lemons red", "are the lemons"),
        ("Change the label to black", "is the label"),
        ("Make her eyes blue", "are the eyes"),
        ("Make the sky orange", "is the sky"),
    ],
)
def test_a_thing_without_its_colour_is_never_recoloured(name, prompt, thing):
    """Words cannot be seen in pixels: the refusal asks for the present colour."""
    with pytest.raises(WhichPart, match=f"which part {thing}") as caught:
        edited(getattr(samples, name)(), prompt)
    example = caught.value.remedy.split(": ")[1].rstrip(".")
    (again,) = parse(example).operations
    (first,) = parse(prompt).operations
    assert again.source is not None
    assert (again.subject, again.target) == (first.subject, first.target)


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    "prompt", ["make it red", "Make the picture red", "make everything blue"]
)
def test_the_whole_picture_is_not_recoloured(prompt):
    """A word for all of it names no thing."""
    with pytest.raises(DemoRefusal, match="whole picture"):
        edited(STREET, prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "Make it black and white but keep the red car in colour",
        "Make it night. Keep the red car as it is.",
        "Make it a sketch while preserving the red car",
        "Make it much darker and cooler, leave the red car unchanged",
    ],
)
def test_what_is_kept_by_its_colour_stays(prompt):
    """The body of the car keeps its pixels, and the house changes."""
    plain = pixels_of(shown("street", "Change the blue sky to orange"))
    out = pixels_of(edited(STREET, prompt))
    height, width = plain.shape[:2]
    moved = np.abs(out - plain).max(-1)
    door = np.s_[
        int(0.86 * height) : int(0.88 * height), int(0.42 * width) : int(0.47 * width)
    ]
    wall = np.s_[
        int(0.55 * height) : int(0.6 * height), int(0.5 * width) : int(0.6 * width)
    ]
    assert moved[door].mean() < 0.04
    assert moved[wall].mean() > 0.08


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("Make it night, keep the house the same", "which part is the house"),
        ("Make it warmer but do not change the sky", "which part is the sky"),
        ("Make it sepia, keep the purple dragon", "No purple dragon"),
        ("Make it night but keep the lighting", "keep the lighting"),
        ("Make it sunset, preserving the colours", "keep the colours"),
    ],
)
def test_a_promise_that_cannot_be_held_is_refused(prompt, why):
    """A change of the whole picture leaves alone only what can be found."""
    with pytest.raises(DemoRefusal, match=why):
        edited(STREET, prompt)


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    "prompt",
    [
        "Make it sunset, keep everything else the same",
        "Make it night while keeping the composition, style and framing",
        "Make it sepia. Keep the man in the exact same position, scale and pose.",
        "Make it brighter, keep the colors",
        "Make it night, keep it realistic",
        "Blur the background, keep the subject sharp",
        "Make it darker, leave the lettering 'BAKERY' alone",
        "Change the red car to blue, keep the house the same",
    ],
)
def test_a_promise_that_holds_anyway_is_accepted(prompt):
    """Shapes and places stay in any look, and one thing's edit leaves the rest."""
    free = prompt.split(", keep")[0].split(" while")[0].split(". Keep")[0]
    free = free.split(", leave")[0]
    assert edited(STREET, prompt).tobytes() == edited(STREET, free).tobytes()


def test_night_stays_readable():
    """Mid-tones keep a third or more of their light, and nothing turns black."""
    day = luma(pixels_of(shown("street", "slightly warmer")))
    dark = luma(pixels_of(shown("street", "make it night")))
    middle = (day > 0.35) & (day < 0.65)
    assert 0.33 < float((dark[middle] / day[middle]).mean()) < 0.45


def warm_share(image, box):
    """Return how much of a box is brighter in red than in blue."""
    part = pixels_of(image, box)
    return float(((part[..., 0] > part[..., 2]) & (luma(part) > 0.4)).mean())


def test_at_night_lamps_glow_and_lemons_do_not():
    """Only what stands out of its surroundings on every side is a light."""
    assert warm_share(edited(samples.room(), "make it night"), (0.86, 0.33, 0.96, 0.42))
    assert warm_share(edited(BOTTLE, "make it night"), (0, 0.5, 1, 1)) == 0


def test_at_night_the_sun_is_a_smooth_moon():
    """A disc in the sky becomes one even bright disc, whatever was in it."""
    sky = Image.new("RGB", (900, 600), (120, 170, 230))
    draw = ImageDraw.Draw(sky)
    draw.ellipse((640, 80, 740, 180), fill=(255, 250, 190))
    draw.ellipse((680, 110, 700, 130), fill=(255, 255, 255))
    moon = pixels_of(edited(sky, "make it night"), (0.735, 0.17, 0.795, 0.26))
    assert luma(moon).min() > 0.7
    assert luma(moon).std() < 0.05
    assert (moon[..., 2] >= moon[..., 0]).all()  # a lamp would be warm


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize("prompt", ["add an umbrela", "Add three umberellas on top"])
def test_a_slip_of_the_pen_is_asked_about(prompt):
    """A word that is nearly a symbol's name is no card."""
    with pytest.raises(DemoRefusal, match="Did you mean umbrella"):
        edited(STREET, prompt)


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize(
    "thing", ["tree", "dog", "bird", "hat", "bench", "balloon", "rainbow", "train"]
)
def test_an_ordinary_word_is_no_slip_of_the_pen(thing):
    """What the typeface lacks becomes a card."""
    assert edited(STREET, f"add a {thing}").size


@settings(max_examples=60)
@given(
    st.integers(1, 6),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.02, 0.9),
    st.booleans(),
)
def test_several_things_stand_apart_and_inside(count, x, y, share, loose):
    """However many and wherever: no two overlap, and none leaves the picture."""
    size = (round(688 * share), round(688 * share * 0.54) + 1)
    image = Image.linear_gradient("L").resize((1504, 688)).convert("RGB")
    centres, shrink = spots(image, (x, y), count, size, loose=loose)
    wide, tall = size[0] * shrink, size[1] * shrink
    assert len(centres) == count
    for index, (ax, ay) in enumerate(centres):
        assert wide / 2 - 1 <= ax <= 1504 - wide / 2 + 1
        assert tall / 2 - 1 <= ay <= 688 - tall / 2 + 1
        for bx, by in centres[:index]:
            assert abs(ax - bx) >= wide or abs(ay - by) >= tall


@pytest.mark.parametrize(
    ("prompt", "covered"),
    [("Add a dog on the sign", False), ("Add a dog in the centre", True)],
)
def test_what_may_move_does_not_cover_the_lettering(prompt, covered):
    """It goes where there is less to cover; what has a known place goes there."""
    sign = Image.new("RGB", (1024, 1024), (236, 232, 222))
    sign.paste((40, 40, 60), (360, 480), ink("OPEN", "DejaVuSans-Bold.ttf", 64))
    assert find(sign, "OPEN") is not None
    assert (find(edited(sign, prompt), "OPEN") is None) is covered


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        ("star", "★"),
        ("hearts", "♥"),
        ("sun", "☀"),
        ("umbrella", "☂"),
        ("snowman", "☃"),
        ("cloud", "☁"),
        ("crown", "♛"),
        ("cat", "🐱"),
        ("hat", None),
        ("man", None),
        ("sign", None),
    ],
)
def test_a_thing_is_drawn_as_its_symbol(thing, name):
    """The plain filled symbol of that name, or none rather than a wrong one."""
    assert symbol(thing) == name


def test_an_addition_is_drawn_where_it_was_asked_for():
    """A red heart on the left is red, and only there."""
    plain = pixels_of(shown("bottle", "slightly warmer"))
    out = pixels_of(edited(BOTTLE, "add a big red heart on the left"))
    changed = np.abs(out - plain).max(-1) > 0.25
    ys, xs = np.nonzero(changed)
    assert 0.08 < xs.mean() / plain.shape[1] < 0.26
    assert 0.4 < ys.mean() / plain.shape[0] < 0.6


def test_a_thing_without_a_symbol_is_a_card_that_says_so():
    """The card names the thing and calls itself a placeholder of the demo engine."""
    grey = Image.new("RGB", (1024, 1024), (96, 112, 128))
    out = edited(grey, "add a huge hat in the centre")
    assert find(out, "hat") is not None
    assert find(out, "placeholder") is not None
    assert PLACEHOLDER == "placeholder · demo engine"


@pytest.mark.parametrize(
    ("image", "old", "new"),
    [
        (BOTTLE, "ALPHA", "AURA"),
        pytest.param(STREET, "BAKERY", "LIBRARY", marks=pytest.mark.nightly),
    ],
)
def test_lettering_is_replaced_and_can_be_replaced_again(image, old, new):
    """After one pass the old word is gone and the new one stands in its place."""
    once = edited(image, f"Replace '{old}' with '{new}'")
    assert find(once, old) is None
    there, first = find(once, new), find(image.resize(once.size), old)
    assert there is not None
    assert abs(there.box[1] - first.box[1]) < 6
    again = edited(once, f"Replace '{new}' with '{old}'", 2)
    assert find(again, old) is not None
    assert find(again, new) is None


def test_lettering_is_found_after_other_edits():
    """A chain may change the light before the text."""
    night = edited(shown("street", "make it night"), "make it brighter", 2)
    assert find(edited(night, "Replace 'BAKERY' with 'CAFE'", 3), "CAFE") is not None


WORDS = ("OMEGA", "ALPHB", "BAKER'S", "Sale", "HI", "lll", "Æon")
# Written nowhere, and nothing like it either, as OMEGA on the bottle is.
NOTHING_ALIKE = {("street", "OMEGA"), ("street", "ALPHB"), ("bottle", "BAKER'S")}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        (name, word)
        if name in ("bottle", "street") and (name, word) not in NOTHING_ALIKE
        else pytest.param(name, word, marks=pytest.mark.nightly)
        for name in samples.NAMES
        for word in WORDS
    ],
)
def test_a_word_that_is_not_there_is_not_found(name, word):
    """Nothing is replaced where only something alike, or nothing, is written."""
    with pytest.raises(TextNotFound, match="does not find the text"):
        edited(getattr(samples, name)(), f"Replace '{word}' with 'NEW'")


@pytest.mark.parametrize("seed", range(3))
def test_noise_says_nothing(seed):
    """No word is read into noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (600, 800, 3), np.uint8)
    assert find(Image.fromarray(noise), "OPEN") is None


def test_a_word_that_cannot_be_drawn_is_refused():
    """Letters outside the typeface are an error, never empty boxes."""
    with pytest.raises(DemoRefusal, match="cannot draw"):
        edited(BOTTLE, "Replace 'ALPHA' with '漢字'")
