"""Where added things go: in a row or rows that fit, and not over what is busy."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]
    Point = tuple[float, float]

_APART = 1.12  # from centre to centre, in widths of a thing
_COARSE = 96  # px on the long side, where busy places are told apart
_REACH = 0.24  # how far a loose place may move, in shares of the picture
_STEPS = 13
_FAR = 1.5  # what moving all that way counts, in mean busyness of the picture


def spots(
    image: Image.Image,
    anchor: Point,
    count: int,
    size: tuple[int, int],
    *,
    loose: bool,
) -> tuple[list[Point], float]:
    """Return the centres of ``count`` things around an anchor.

    Args:
        image: Where they will stand.
        anchor: x and y from 0 to 1.
        count: At least 1.
        size: Width and height of one, in pixels.
        loose: Whether they may move aside to where there is less to cover, such as
            lettering.

    Returns:
        The centres in pixels, and by how much each thing has to shrink (1 or less) for
        all to fit without overlapping.
    """
    pitch_x, pitch_y = size[0] * _APART, size[1] * _APART
    # At a side they stand below each other: the group stays where it was asked for.
    room = min(0.96, 2.1 * min(anchor[0], 1 - anchor[0])) * image.width
    columns = min(count, max(ceil(count / 3), int(room / pitch_x)))
    columns = max(1, min(columns, int(image.width * 0.96 / pitch_x)))
    columns = ceil(count / ceil(count / columns))  # rows about equally long
    rows = ceil(count / columns)
    shrink = min(
        1.0,
        image.width * 0.98 / (columns * pitch_x),
        image.height * 0.98 / (rows * pitch_y),
    )
    pitch_x, pitch_y = pitch_x * shrink, pitch_y * shrink
    group = columns * pitch_x, rows * pitch_y
    centre = _inside((anchor[0] * image.width, anchor[1] * image.height), group, image)
    if loose:
        centre = _calmest(image, centre, group)
    found = []
    for index in range(count):
        row, column = divmod(index, columns)
        here = min(columns, count - row * columns)
        x = centre[0] + (column - (here - 1) / 2) * pitch_x
        found.append((x, centre[1] + (row - (rows - 1) / 2) * pitch_y))
    return found, shrink


def _inside(centre: Point, group: Point, image: Image.Image) -> Point:
    """Move a centre so that the group around it is wholly in the picture."""
    x, y = (
        min(max(at, extent / 2), max(extent / 2, whole - extent / 2))
        for at, extent, whole in zip(centre, group, image.size, strict=True)
    )
    return x, y


def _calmest(image: Image.Image, centre: Point, group: Point) -> Point:
    """Return the centre near by where the group covers the fewest edges."""
    factor = _COARSE / max(image.size)
    size = max(2, round(image.width * factor)), max(2, round(image.height * factor))
    sums = _edge_sums(image, size)
    usual = sums[-1, -1] / (size[0] * size[1]) + 1e-3
    best, least = centre, float("inf")
    offsets = np.linspace(-_REACH, _REACH, _STEPS)
    for dy in offsets:
        for dx in offsets:
            moved = centre[0] + dx * image.width, centre[1] + dy * image.height
            at = _inside(moved, group, image)
            left, right = (
                round(min(max(at[0] + s * group[0] / 2, 0), image.width) * factor)
                for s in (-1, 1)
            )
            top, bottom = (
                round(min(max(at[1] + s * group[1] / 2, 0), image.height) * factor)
                for s in (-1, 1)
            )
            right, bottom = min(right, size[0]), min(bottom, size[1])
            area = max(1, (right - left) * (bottom - top))
            covered = sums[bottom, right] - sums[top, right]
            covered += sums[top, left] - sums[bottom, left]
            cost = covered / area / usual + _FAR * float(np.hypot(dx, dy)) / _REACH
            if cost < least:
                best, least = at, cost
    return best


def _edge_sums(image: Image.Image, size: tuple[int, int]) -> Pixels:
    """Return running sums of how busy a small copy is, (height + 1, width + 1)."""
    fine = image.convert("L").resize(
        (size[0] * 4, size[1] * 4), Image.Resampling.BOX, reducing_gap=2.0
    )
    grey = np.asarray(fine, np.float32) / 255
    edges = np.zeros_like(grey)
    edges[:, 1:] += np.abs(np.diff(grey, axis=1))
    edges[1:] += np.abs(np.diff(grey, axis=0))
    blocks = edges.reshape(size[1], 4, size[0], 4).mean((1, 3))
    return np.pad(blocks.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


__all__ = ["spots"]
