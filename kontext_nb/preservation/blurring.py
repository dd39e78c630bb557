"""How much sharpness the way of a picture took, so that it is not called a change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask

# Radii of the means that a pixel is mixed with.
_RADII = (1, 2, 4)
_SAMPLE = 60_000
_ROUNDS = 6
_LEAST_SCATTER = 0.5
# Keeps the mix of an even picture, which tells nothing, at none.
_WISH = 0.01


def as_sent_back(before: Array, after: Array, seen: Mask) -> Array:
    """Return planes as sharp as those after, if one way made all pixels of them.

    What the way did is taken to be a mix of each pixel with the means around it; how
    much of each is fitted to what most pixels agree on.

    Args:
        before: (channels, height, width).
        after: The same, later.
        seen: (height, width) which pixels both show.
    """
    views = [before, *(planes.mean(before, radius) for radius in _RADII)]
    steps = [coarse - fine for fine, coarse in pairwise(views)]
    rows, columns = np.nonzero(seen)
    every = max(1, len(rows) // _SAMPLE)
    at = (slice(None), rows[::every], columns[::every])
    told = np.stack([step[at].ravel() for step in steps], axis=1).astype(np.float64)
    mix = _fitted(told, (after[at] - before[at]).ravel().astype(np.float64))
    # In steps from view to view: whatever the mix, an even area stays as it is.
    sharp = before.copy()
    for share, step in zip(mix, steps, strict=True):
        sharp += np.float32(share) * step
    return sharp


def _fitted(steps: Array, wanted: Array) -> Array:
    """Return how much of each step most pixels took, by weights as in `toning`."""
    mix: Array = np.zeros(steps.shape[1])
    wish = _WISH * len(steps) * np.eye(len(mix))
    for _ in range(_ROUNDS):
        left = wanted - steps @ mix
        scatter = max(_LEAST_SCATTER, 1.5 * float(np.median(np.abs(left))))
        weight = 1 / (1 + (left / scatter) ** 2)
        told = steps.T * weight
        mix = np.linalg.solve(told @ steps + wish, told @ wanted)
    return mix
