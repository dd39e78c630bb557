"""What preservation is made of: maps, neighbourhoods, regions and smooth filling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from kontext_nb.preservation import changing, looking, planes, together
from kontext_nb.preservation.affine import Affine, cut, drawn
from kontext_nb.preservation.colour import lab
from kontext_nb.preservation.membrane import spread_inwards
from kontext_nb.preservation.quality import psnr_db, ssim
from kontext_nb.preservation.regions import regions, without_holes
from kontext_nb.preservation.toning import tone_between

masks = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
scales = st.floats(0.2, 5)
shifts = st.floats(-100, 100)
maps = st.builds(Affine, st.tuples(scales, scales), st.tuples(shifts, shifts))


@given(maps, maps, maps)
def test_maps_can_be_taken_back_and_joined_in_any_order(one, two, three):
    """A map and its inverse do nothing, and joining is associative."""
    box = (0, 0, 640, 480)
    assert np.allclose(one.then(one.inverse()).box(*box), box, atol=1e-6)
    left, right = one.then(two).then(three), one.then(two.then(three))
    assert np.allclose(left.box(*box), right.box(*box))


def test_a_picture_drawn_in_its_own_frame_is_itself():
    """The plain map to the same size changes no pixel."""
    image = Image.fromarray(noise(40, 50))
    same = drawn(image, Affine.stretch(image.size, image.size), image.size)
    assert same.tobytes() == image.tobytes()


def test_a_picture_goes_on_beyond_its_edge():
    """A box that reaches out of a picture shows its last pixels there."""
    image = Image.new("RGB", (10, 10), (1, 2, 3))
    assert cut(image, (-4.5, -3, 12, 14.5), (8, 8)).getcolors() == [(64, (1, 2, 3))]


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 7])
def test_neighbourhoods_are_those_of_a_sliding_window(radius):
    """Mean, least and most of a square are what NumPy's own windows give."""
    plane = np.random.default_rng(radius).random((30, 41)).astype(np.float32)
    wide = np.pad(plane, radius, mode="edge")
    side = (2 * radius + 1, 2 * radius + 1)
    windows = np.lib.stride_tricks.sliding_window_view(wide, side)
    assert np.allclose(planes.mean(plane, radius), windows.mean((-1, -2)), atol=1e-5)
    assert np.array_equal(planes.least(plane, radius), windows.min((-1, -2)))
    assert np.array_equal(planes.most(plane, radius), windows.max((-1, -2)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (40, 3), (37, 90), (5, 400)])
def test_bands_put_together_are_the_whole(monkeypatch, height, width):
    """However a plane is cut into bands, its neighbourhoods are the same to the bit."""
    monkeypatch.setattr(together, "_BAND_PX", 300)
    plane = np.random.default_rng(height).random((height, width), np.float32)

    def around(plane):
        return planes.mean(planes.most(plane, 3), 2), planes.least(plane, 5)

    banded = together.in_bands(around, plane, reach=5)
    for made, whole in zip(banded, around(plane), strict=True):
        assert np.array_equal(made, whole)


def test_no_look_sees_farther_than_it_says():
    """What is compared in bands is what is compared in the whole picture."""
    before, after = np.random.default_rng(0).random((2, 3, 60, 50), np.float32) * 100
    middle = slice(20 - looking.SEES_PX, 40 + looking.SEES_PX)
    part = changing._compared(before[:, middle], after[:, middle])
    for cut_out, whole in zip(part, changing._compared(before, after), strict=True):
        inner = slice(looking.SEES_PX, -looking.SEES_PX)
        assert np.array_equal(cut_out[inner], whole[20:40])


def test_blocks_are_means_and_the_last_one_is_made_full():
    """A block that would end beyond the picture repeats its last pixels."""
    plane = np.arange(15, dtype=np.float32).reshape(1, 3, 5)
    assert planes.blocks(plane, 2)[0].tolist() == [[3, 5, 6.5], [10.5, 12.5, 14]]


@given(masks)
@settings(max_examples=200)
def test_parts_are_those_found_pixel_by_pixel(mask):
    """Parts, their areas and boxes are as a search from pixel to pixel finds them."""
    found = regions(mask)
    parts = list(searched(mask))
    assert sorted(found.areas) == sorted(map(len, parts))
    assert sorted(map(tuple, found.boxes)) == sorted(map(box_of, parts))
    assert np.array_equal(found.mask(np.ones(found.count, bool)), mask)


@given(masks, st.integers(0, 99))
def test_each_part_counts_what_lies_in_it(mask, seed):
    """How much of another mask lies in each part, and no more."""
    other = np.random.default_rng(seed).random(mask.shape) < 0.5
    found = regions(mask)
    for n, count in enumerate(found.counts(other)):
        assert count == (found.mask(np.arange(found.count) == n) & other).sum()


def test_only_small_holes_inside_are_filled():
    """A hole is filled up to a size; a bay that reaches the border never."""
    mask = np.ones((9, 12), bool)
    mask[2, 2] = mask[5:8, 5:8] = mask[0, 10] = False
    filled = without_holes(mask, up_to=4)
    assert filled[2, 2]
    assert not filled[5:8, 5:8].any()
    assert not filled[0, 10]


def test_a_smooth_ground_goes_on_into_a_hole():
    """What is filled in lies between what is known around it, and is known no more."""
    y, x = np.mgrid[:64, :80].astype(np.float32)
    ground = (x + y)[None]
    known = np.ones((64, 80), np.float32)
    known[20:40, 30:50] = 0
    filled = spread_inwards(np.where(known, ground, 0), known)
    assert np.array_equal(filled[0][known == 1], ground[0][known == 1])
    inside = filled[0][20:40, 30:50]
    assert abs(inside - ground[0][20:40, 30:50]).max() < 8


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_cielab_is_that_of_the_standard(rgb, expected):
    """Known colours have their known values, to 0.05."""
    found = lab(Image.new("RGB", (1, 1), rgb))[:, 0, 0]
    assert np.allclose(found, expected, atol=0.05)


def test_psnr_is_that_of_its_definition():
    """An even difference of 10 values is 20 log10(25.5) dB; none is infinite."""
    one, other = (Image.new("RGB", (9, 9), (v, v, v)) for v in (100, 110))
    everywhere = np.ones((9, 9), bool)
    assert psnr_db(one, other, everywhere) == pytest.approx(20 * np.log10(25.5))
    assert psnr_db(one, one, everywhere) == np.inf
    assert np.isnan(psnr_db(one, other, ~everywhere))


def test_ssim_is_one_for_the_same_and_falls_with_texture():
    """The same plane is alike by 1; one whose texture is gone is not."""
    plane = 50 + 20 * np.random.default_rng(0).standard_normal((60, 60))
    everywhere = np.ones((60, 60), bool)
    assert ssim(plane, plane, everywhere) == pytest.approx(1)
    assert ssim(plane, np.full_like(plane, 50), everywhere) < 0.2


@given(st.floats(0.95, 1.05), st.floats(-5, 5))
@settings(max_examples=20)
def test_a_tone_is_found_with_a_third_of_the_picture_changed(gain, offset):
    """Gain and offset are found to within one value, whatever else happened."""
    before = noise(96, 128)
    after = np.clip(before * gain + offset, 0, 255)
    after[:, :42] = 255 - after[:, :42]
    rounded = np.rint(after).astype(np.uint8)
    one, other = Image.fromarray(before), Image.fromarray(rounded)
    tone = tone_between(one, other, np.ones((96, 128), bool))
    assert abs(tone.shift - (gain * 128 + offset - 128)) < 1


def test_a_large_shift_of_tone_is_told():
    """A picture made much darker has a tone that says by how much."""
    before = Image.fromarray(noise(96, 128))
    after = before.point(lambda value: value * 0.7)
    tone = tone_between(before, after, np.ones((96, 128), bool))
    assert tone.shift == pytest.approx(-38.4, abs=1)


def noise(height, width):
    """A coloured picture of soft blots."""
    small = np.random.default_rng(7).integers(40, 215, (height // 8, width // 8, 3))
    return np.asarray(
        Image.fromarray(small.astype(np.uint8)).resize((width, height)), np.uint8
    ).copy()


def searched(mask):
    """Parts as lists of pixels, found from neighbour to neighbour."""
    left = set(zip(*map(list, np.nonzero(mask)), strict=True))
    while left:
        part, edge = [], [left.pop()]
        while edge:
            y, x = edge.pop()
            part.append((y, x))
            near = {(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        yield part


def box_of(part):
    rows, columns = zip(*part, strict=True)
    return (min(columns), min(rows), max(columns) + 1, max(rows) + 1)
