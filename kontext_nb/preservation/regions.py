"""The connected parts of a mask: their sizes, boxes, and masks of some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kontext_nb.preservation.planes import Mask

Whole = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Regions:
    """The parts of a mask, each of pixels that touch, also by a corner.

    They are kept as runs: unbroken pieces of one row, from left to right and from top
    to bottom, so that a large part costs no more than its edge is long.

    Args:
        shape: (height, width) of the mask.
        start: (n,) where each run begins in the flattened mask, which has one more
            column than ``shape`` so that no run goes on in the next row.
        end: (n,) where it has ended.
        part: (n,) the part a run belongs to, from 0.
        count: How many parts there are.
    """

    shape: tuple[int, int]
    start: Whole
    end: Whole
    part: Whole
    count: int

    @property
    def areas(self) -> Whole:
        """Pixels of each part."""
        return self._summed(self.end - self.start)

    @property
    def boxes(self) -> Whole:
        """(count, 4): left, top, right, bottom of each; the last two are outside."""
        row, left = np.divmod(self.start, self.shape[1] + 1)
        right = self.end - row * (self.shape[1] + 1)
        boxes = np.empty((self.count, 4), np.intp)
        boxes[:, :2], boxes[:, 2:] = max(self.shape), 0
        for column, values, of in (
            (0, left, np.minimum),
            (1, row, np.minimum),
            (2, right, np.maximum),
            (3, row + 1, np.maximum),
        ):
            of.at(boxes[:, column], self.part, values)
        return boxes

    def counts(self, mask: Mask) -> Whole:
        """Return how many pixels of another mask of this shape lie in each part."""
        at = np.flatnonzero(np.pad(mask, ((0, 0), (0, 1))))
        return self._summed(
            np.searchsorted(at, self.end) - np.searchsorted(at, self.start)
        )

    def mask(self, kept: Mask) -> Mask:
        """Return the mask of some parts only.

        Args:
            kept: (count,) whether a part stays.
        """
        height, width = self.shape
        steps = np.zeros(height * (width + 1) + 1, np.int8)
        stays = kept[self.part]
        steps[self.start[stays]] = 1
        steps[self.end[stays]] = -1
        flat = np.cumsum(steps[:-1], dtype=np.int8)
        return flat.reshape(height, width + 1)[:, :width].astype(np.bool_)

    def _summed(self, of_runs: Whole) -> Whole:
        """Add up in each part what is known of its runs."""
        sums = np.bincount(self.part, of_runs, minlength=self.count)
        return sums.astype(np.intp)


def regions(mask: Mask) -> Regions:
    """Return the parts of a mask."""
    height, width = mask.shape
    flat = np.pad(mask, ((0, 0), (0, 1))).ravel().view(np.int8)
    steps = np.diff(flat, prepend=np.int8(0))
    start, end = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    # A run touches those of the row above that end at or after its start there and
    # begin at or before its end.
    first = np.searchsorted(end, start - (width + 1), "left")
    last = np.searchsorted(start, end - (width + 1), "right")
    touching = np.maximum(last - first, 0)
    lower = np.repeat(np.arange(len(start)), touching)
    begun = np.repeat(np.cumsum(touching) - touching, touching)
    upper = np.arange(len(lower)) - begun + np.repeat(first, touching)
    part = _joined(len(start), lower, upper)
    names, part = np.unique(part, return_inverse=True)
    return Regions((height, width), start, end, part, len(names))


def _joined(count: int, one: Whole, other: Whole) -> Whole:
    """Return for each of ``count`` things the least one it hangs together with."""
    least = np.arange(count)
    while True:
        known = least.copy()
        low = np.minimum(least[one], least[other])
        np.minimum.at(least, one, low)
        np.minimum.at(least, other, low)
        np.minimum.at(least, known[one], low)
        np.minimum.at(least, known[other], low)
        least = least[least]
        if np.array_equal(least, known):
            return least


def without_holes(mask: Mask, *, up_to: float) -> Mask:
    """Fill holes of at most so many pixels; what reaches the border is no hole."""
    empty = regions(~mask)
    height, width = mask.shape
    boxes = empty.boxes
    inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < (width, height)).all(
        axis=1
    )
    return mask | empty.mask(inside & (empty.areas <= up_to))
