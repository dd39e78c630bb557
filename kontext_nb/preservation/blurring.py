"""How much sharpness the way of a picture took, so that it is not called a change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.robust import cauchy_weights
from kontext_nb.preservation.together import in_bands

# Radii of the means that a pixel is mixed with.
_RADII = (1, 2, 4)
_EVERY = 8  # pixels, both ways: enough to fit three numbers
_ROUNDS = 6
_LEAST_SCATTER = 0.5
# Keeps the mix of an even picture, which tells nothing, at none.
_WISH = 0.01


def send_back(before: Array, after: Array, seen: Mask) -> None:
    """Make a plane as sharp as the one after, if one way made all pixels of it.

    What the way did is taken to be a mix of each pixel with the means around it; how
    much of each is fitted to what most pixels agree on.

    Args:
        before: (height, width); it is changed in place.
        after: The same, later.
        seen: (height, width) which pixels both show.
    """
    steps = in_bands(_steps, before, reach=max(_RADII))
    part = seen[::_EVERY, ::_EVERY]
    told = np.stack([s[::_EVERY, ::_EVERY][part] for s in steps], axis=1)
    wanted = (after[::_EVERY, ::_EVERY] - before[::_EVERY, ::_EVERY])[part]
    # In steps from mean to mean: whatever the mix, an even area stays as it is.
    for share, step in zip(_fitted(told, wanted), steps, strict=True):
        step *= np.float32(share)  # noqa: PLW2901 - the step itself, to save a plane
        before += step


def _steps(plane: Array) -> list[Array]:
    """Return what each mean differs by from the finer one."""
    means = [plane, *(planes.mean(plane, radius) for radius in _RADII)]
    return [coarser - finer for finer, coarser in pairwise(means)]


def _fitted(steps: Array, wanted: Array) -> Array:
    """Return how much of each step most pixels took."""
    mix: Array = np.zeros(steps.shape[1])
    if not len(steps):
        return mix
    wish = _WISH * len(steps) * np.eye(len(mix))
    for _ in range(_ROUNDS):
        left = wanted - steps @ mix
        weight = cauchy_weights(left, _LEAST_SCATTER)
        told = steps.T * weight
        mix = np.linalg.solve(told @ steps + wish, told @ wanted)
    return mix
