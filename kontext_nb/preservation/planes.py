"""What a pixel's neighbourhood holds: its mean, its least and its most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def mean(planes: Array, radius: int) -> Array:
    """Return the mean of each pixel's square of ``2 * radius + 1``, edges replicated.

    Args:
        planes: (..., height, width).
        radius: In pixels, at least 1.
    """
    for axis in (-1, -2):
        planes = _running(planes, radius, axis)
    return planes


def _running(planes: Array, radius: int, axis: int) -> Array:
    margins = [(0, 0)] * planes.ndim
    margins[axis] = (radius + 1, radius)
    total = np.pad(planes, margins, mode="edge").cumsum(axis=axis, dtype=np.float32)
    side = 2 * radius + 1
    if axis == -1:
        return (total[..., side:] - total[..., :-side]) / np.float32(side)
    return (total[..., side:, :] - total[..., :-side, :]) / np.float32(side)


def least(planes: Array, radius: int) -> Array:
    """Return the least of each pixel's square of ``2 * radius + 1``."""
    return _extreme(planes, radius, np.minimum)


def most(planes: Array, radius: int) -> Array:
    """Return the most of each pixel's square of ``2 * radius + 1``."""
    return _extreme(planes, radius, np.maximum)


def _extreme(planes: Array, radius: int, of: np.ufunc) -> Array:
    """Widen by doubling: a window of 2^k is that of 2^(k-1), twice."""
    for axis in (-1, -2):
        margins = [(0, 0)] * planes.ndim
        margins[axis] = (radius, radius)
        planes = np.pad(planes, margins, mode="edge")
        window, side = 1, 2 * radius + 1
        while window < side:
            step = min(window, side - window)
            planes = (
                of(planes[..., :-step], planes[..., step:])
                if axis == -1
                else of(planes[..., :-step, :], planes[..., step:, :])
            )
            window += step
    return planes
