"""Values that are known around a hole, continued into it as smoothly as can be."""

from __future__ import annotations

import numpy as np

from kontext_nb.preservation.planes import Array


def spread_inwards(values: Array, known: Array) -> Array:
    """Fill what is not known from what is, near before far.

    Values are averaged into ever smaller pictures with their weights, and come back
    down where the finer picture knows nothing: "pull-push" (Gortler and others, 1996).

    Args:
        values: (channels, height, width); what is not known may be anything finite.
        known: (height, width) weight of each value, 0 to 1.

    Returns:
        (channels, height, width), the known values kept as far as their weight goes.
    """
    height, width = known.shape
    if min(height, width) == 1 or (known >= 1).all():
        return values
    margins = ((0, height % 2), (0, width % 2))
    weight = np.pad(known, margins)
    weighted = np.pad(values * known, ((0, 0), *margins))
    less = _quartered(weight)
    small = _quartered(weighted) / np.maximum(less, 1e-6)
    coarse = spread_inwards(small, np.minimum(less, 1))
    wide = _doubled(coarse)[:, :height, :width]
    return values * known + wide * (1 - known)


def _quartered(plane: Array) -> Array:
    """Return the sums of squares of 2 pixels."""
    rows = plane[..., 0::2, :] + plane[..., 1::2, :]
    return rows[..., 0::2] + rows[..., 1::2]


def _doubled(plane: Array) -> Array:
    """Return a plane of twice the size, linear between the pixels' middles."""
    for axis in (-1, -2):
        count = plane.shape[axis]
        before = plane.take(np.maximum(np.arange(count) - 1, 0), axis)
        after = plane.take(np.minimum(np.arange(count) + 1, count - 1), axis)
        shape = list(plane.shape)
        shape[axis] *= 2
        pair = np.stack([(3 * plane + before) / 4, (3 * plane + after) / 4], axis)
        plane = pair.reshape(shape)
    return plane
