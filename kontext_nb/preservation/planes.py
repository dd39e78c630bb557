"""What a pixel's neighbourhood holds: its mean, its least and its most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def of(image: Image) -> Array:
    """Return an RGB image as (3, height, width) of 0 to 255."""
    pixels = np.asarray(image).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, np.float32)


def length(parts: Iterable[Array]) -> Array:
    """Return the lengths of vectors, of which each plane holds one part.

    Args:
        parts: (height, width) each; they are written over.
    """
    squares = (np.multiply(part, part, out=part) for part in parts)
    total = next(squares)
    for square in squares:
        total += square
    return np.sqrt(total, out=total)


def blocks(planes: Array, side: int) -> Array:
    """Return the means of square blocks, those at the end made full by repetition.

    Args:
        planes: (channels, height, width).
        side: Of the blocks, in pixels.
    """
    height, width = planes.shape[1:]
    if height % side or width % side:
        margins = ((0, 0), (0, -height % side), (0, -width % side))
        planes = np.pad(planes, margins, mode="edge")
    shape = (len(planes), planes.shape[1] // side, side, -1, side)
    means: Array = planes.reshape(shape).mean(axis=4).mean(axis=2)
    return means


def mean(plane: Array, radius: int) -> Array:
    """Return the mean of each pixel's square of ``2 * radius + 1``, edges replicated.

    Args:
        plane: (height, width).
        radius: In pixels, at least 1.
    """
    side = 2 * radius + 1
    for axis in (-1, -2):
        plane = _summed(_padded(plane, radius, axis), side, axis)
    plane /= np.float32(side * side)
    return plane


def least(planes: NDArray[Any], radius: int) -> NDArray[Any]:
    """Return the least of each pixel's square of ``2 * radius + 1``."""
    return _extreme(planes, radius, np.minimum)


def most(planes: NDArray[Any], radius: int) -> NDArray[Any]:
    """Return the most of each pixel's square of ``2 * radius + 1``."""
    return _extreme(planes, radius, np.maximum)


def widened(mask: Mask, radius: int) -> Mask:
    """Return a mask with all that is within so many pixels of it."""
    wide: Mask = most(mask.view(np.uint8), radius).view(np.bool_)
    return wide


def shrunk(mask: Mask, radius: int) -> Mask:
    """Return a mask without all that is within so many pixels of its outside."""
    less: Mask = least(mask.view(np.uint8), radius).view(np.bool_)
    return less


def closed(mask: Mask, radius: int) -> Mask:
    """Return a mask with its gaps closed, of up to twice so many pixels."""
    return shrunk(widened(mask, radius), radius)


def _summed(planes: Array, side: int, axis: int) -> Array:
    """Return the sums of windows, put together from those of 1, 2, 4, ... pixels."""
    count = planes.shape[axis] - side + 1
    total: Array | None = None
    begin, width = 0, 1
    while True:
        if side & width:
            part = _part(planes, begin, count, axis)
            total = part.copy() if total is None else np.add(total, part, out=total)
            begin += width
        if total is not None and begin == side:
            return total
        left = planes.shape[axis] - width
        planes = _part(planes, 0, left, axis) + _part(planes, width, left, axis)
        width *= 2


def _extreme(planes: NDArray[Any], radius: int, of: np.ufunc) -> NDArray[Any]:
    """Widen by doubling: a window of 2 n is that of n, twice."""
    side = 2 * radius + 1
    for axis in (-1, -2):
        planes = _padded(planes, radius, axis)
        width = 1
        while width < side:
            step = min(width, side - width)
            left = planes.shape[axis] - step
            planes = of(_part(planes, 0, left, axis), _part(planes, step, left, axis))
            width += step
    return planes


def _padded(planes: NDArray[Any], radius: int, axis: int) -> NDArray[Any]:
    margins = [(0, 0)] * planes.ndim
    margins[axis] = (radius, radius)
    return np.pad(planes, margins, mode="edge")


def _part(planes: NDArray[Any], begin: int, count: int, axis: int) -> NDArray[Any]:
    at = [slice(None)] * planes.ndim
    at[axis] = slice(begin, begin + count)
    return planes[tuple(at)]
