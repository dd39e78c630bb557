"""The pictures with known truth are what they say they are."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.scene_fields import as_bytes, filled
from tests.scenes import KINDS, LEAST, MOST, cases
from tests.simulated_services import drawn, served


def waves(x, y):
    """Return a smooth function of places, of which the slopes are known to be real."""
    return 0.5 + 0.2 * np.sin(x / 37) + 0.2 * np.cos(y / 29 + x / 91)


@pytest.mark.usefixtures("small_results")
@pytest.mark.parametrize("kind", KINDS)
def test_a_case_is_the_same_each_time(kind):
    """A case is made by its seed and its number, however many are asked for."""
    first = next(cases(5, kind=kind, count=1, megapixels=0.1))
    again = next(cases(5, kind=kind, count=2, megapixels=0.1))
    assert first.name == again.name
    assert np.array_equal(first.after, again.after)
    assert np.array_equal(first.before, again.before)
    assert np.array_equal(first.truth, again.truth)


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("lanczos", False),
        ("bicubic", False),
        ("bilinear", False),
        ("lanczos", True),
        # Which filter came before is no matter of the way back.
        pytest.param("bicubic", True, marks=pytest.mark.nightly),
        pytest.param("bilinear", True, marks=pytest.mark.nightly),
    ],
)
def test_the_geometry_is_exact(request, name, back):
    """What a service moves is within 0.02 px of where the case says, at any corner."""
    plain = {"blur": 0, "repaint": 0, "noise": 0, "tint": 0, "gamma": 1, "jpeg": 0}
    plain |= {"gain": (1, 1, 1), "offset": (0, 0, 0), "filter": name, "back": back}
    w, h = 500, 375
    if not back:  # what is rounded twice is told only by many pixels
        request.getfixturevalue("small_results")
        w, h = 240, 180
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    picture = as_bytes(np.repeat(waves(x, y)[..., None], 3, axis=-1))
    for seed in range(3):
        service = replace(drawn(np.random.default_rng(seed)), **plain)
        found, way = served(service, picture)
        (sx, sy), (tx, ty) = way.scale, way.shift
        x = (np.arange(way.size[0]) + 0.5 - tx) / sx
        y = (np.arange(way.size[1]) + 0.5 - ty) / sy
        within = np.ix_((y > 6) & (y < h - 6), (x > 6) & (x < w - 6))
        x, y = np.meshgrid(x, y)
        miss = (found[..., 0] / 255 - waves(x, y))[within]
        across = ((waves(x + 0.5, y) - waves(x - 0.5, y)) * sx)[within]
        down = ((waves(x, y + 0.5) - waves(x, y - 0.5)) * sy)[within]
        u, v = (x / w - 0.5)[within], (y / h - 0.5)[within]
        # The shift and zoom that would explain what differs; u and v are at most 1/2.
        columns = (across, across * u, down, down * v)
        fit = np.linalg.lstsq(np.stack([c.ravel() for c in columns], 1), miss.ravel())
        shift_x, zoom_x, shift_y, zoom_y = np.abs(fit[0])
        assert shift_x + zoom_x / 2 < 0.02
        assert shift_y + zoom_y / 2 < 0.02


@pytest.mark.usefixtures("small_results")
def test_an_edit_changes_as_much_as_it_should():
    """Of a picture, an edit changes 0.5 to 40 %."""
    for case in cases(2, kind="edit", count=4, megapixels=0.1):
        assert LEAST <= case.truth.mean() <= MOST
        assert not case.refuse


@pytest.mark.usefixtures("small_results")
def test_a_letter_is_a_letter():
    """One letter changes, of 24 x 24 pixels at a megapixel, and nothing else."""
    for case in cases(2, kind="letter", count=2, megapixels=0.1):
        rows, columns = np.nonzero(case.truth)
        limit = 24 * np.sqrt(case.truth.size / 1e6) + 4  # and the lens
        assert np.ptp(rows) < limit
        assert np.ptp(columns) < limit


@pytest.mark.usefixtures("small_results")
def test_nothing_is_changed_by_a_service_alone():
    """A distortion has no changed pixel, a refused case no other."""
    assert not next(cases(1, kind="distortion", count=1, megapixels=0.1)).truth.any()
    assert next(cases(1, kind="refuse", count=1, megapixels=0.1)).truth.all()


@pytest.mark.usefixtures("small_results")
def test_the_changes_of_a_chain_add_up():
    """What was changed at a step stays changed at all that follow."""
    steps = list(cases(3, kind="chain", count=3, megapixels=0.1))
    for earlier, later in itertools.pairwise(steps):
        assert np.array_equal(earlier.before, later.before)
        assert later.truth[earlier.truth].all()


def test_only_small_holes_are_closed():
    """A hole of a few pixels in a mask is closed, a larger one and the outside not."""
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    mask[10:12, 10:13] = False
    mask[20:30, 20:30] = False
    closed = filled(mask, 8)
    assert closed[10:12, 10:13].all()
    assert not closed[20:30, 20:30].any()
    assert closed.sum() == 800
