"""What a pixel's neighbourhood holds: its mean, its least and its most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
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
    count, height, width = planes.shape
    # Rows first: whole rows are added at once, and leave a fraction to be done.
    rows = planes.reshape(count, height // side, side, width).mean(axis=2)
    means: Array = rows.reshape(count, height // side, -1, side).mean(axis=3)
    return means


def mean(plane: Array, radius: int) -> Array:
    """Return the mean of each pixel's square of ``2 * radius + 1``, edges replicated.

    Args:
        plane: (height, width).
        radius: In pixels.
    """
    side = 2 * radius + 1
    means: Array = _over_windows(_summed, plane, radius)
    means /= np.float32(side * side)
    return means


def least(plane: NDArray[Any], radius: int) -> NDArray[Any]:
    """Return the least of each pixel's square of ``2 * radius + 1``."""
    return _over_windows(partial(_extreme, of=np.minimum), plane, radius)


def most(plane: NDArray[Any], radius: int) -> NDArray[Any]:
    """Return the most of each pixel's square of ``2 * radius + 1``."""
    return _over_windows(partial(_extreme, of=np.maximum), plane, radius)


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


def _over_windows(
    of: Callable[[NDArray[Any], int, int], NDArray[Any]],
    plane: NDArray[Any],
    radius: int,
) -> NDArray[Any]:
    """Return what becomes of each pixel's square, along the rows, then across them.

    All is done on one long line, which NumPy walks three times as fast as rows of which
    each has an end. A window that goes on in the next row is one that is cut off.

    Args:
        of: Takes a line, how many values a window holds, and how far they lie apart;
            returns a value for each window, from the one that begins first.
        plane: (height, width).
        radius: In pixels, 0 or more.
    """
    height, width = plane.shape
    row, side = width + 2 * radius, 2 * radius + 1
    # The last window begins in the last pixel, and ends beyond the last row.
    line = np.zeros((height + 2 * radius) * row + 2 * radius, plane.dtype)
    padded = line[: (height + 2 * radius) * row].reshape(-1, row)
    inner = padded[radius : radius + height]
    inner[:, radius : radius + width] = plane
    inner[:, :radius], inner[:, radius + width :] = plane[:, :1], plane[:, -1:]
    padded[:radius], padded[radius + height :] = inner[0], inner[-1]
    for apart in (1, row):
        line = of(line, side, apart)
    return np.ascontiguousarray(line.reshape(height, row)[:, :width])


def _summed(line: Array, side: int, apart: int) -> Array:
    """Return the sums of windows, put together from those of 1, 2, 4, ... values."""
    count = len(line) - (side - 1) * apart
    total: Array | None = None
    begin, width = 0, 1
    while True:
        if side & width:
            part = line[begin * apart :][:count]
            total = part.copy() if total is None else np.add(total, part, out=total)
            begin += width
        if total is not None and begin == side:
            return total
        line = line[: -width * apart] + line[width * apart :]
        width *= 2


def _extreme(
    line: NDArray[Any], side: int, apart: int, *, of: np.ufunc
) -> NDArray[Any]:
    """Widen by doubling: a window of 2 n is that of n, twice."""
    width = 1
    while width < side:
        step = min(width, side - width)
        line = of(line[: -step * apart], line[step * apart :])
        width += step
    return line
