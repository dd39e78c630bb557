"""Which pixels of two registered pictures really differ, and not only by their way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kontext_nb.preservation import planes
from kontext_nb.preservation.regions import regions, without_holes

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking for a difference.

    Args:
        above_usual: How many times the usual difference of places with as much texture
            is a sure change.
        least: The difference, in CIELAB, below which nothing is one.
        reach: In pixels, how far the strongest difference nearby sets the border: it
            runs where half of that is reached.
    """

    above_usual: float
    least: float
    reach: int


# Lightness that leaves the range of its neighbours: fine lines, letters, texture.
FINE = Look(above_usual=6.0, least=2.2, reach=3)
# Lightness of a small area on average: what noise and fine texture hide.
BROAD = Look(above_usual=4.5, least=1.6, reach=7)
# Colour of a small area: every way makes colour softer, so single pixels say nothing.
COLOUR = Look(above_usual=4.5, least=2.0, reach=7)

_BROAD_PX = 4
_COLOUR_PX = 2
_LEAST_SURE, _LEAST_AREA = 12, 30
_HOLE_SHARE = 0.001


def changed_in(before: Array, after: Array, seen: Mask) -> Mask:
    sure, likely = _strength(before, after, seen)
    found = regions(likely)
    kept = (found.sums(sure) >= _LEAST_SURE) & (found.areas >= _LEAST_AREA)
    mask = found.mask(kept)
    closed = planes.least(planes.most(mask.view(np.uint8), 2), 2).view(np.bool_)
    return without_holes(closed, up_to=_HOLE_SHARE * mask.size) & seen


def _strength(before: Array, after: Array, seen: Mask) -> tuple[Mask, Mask]:
    light, other = before[0], after[0]
    rough = _contrast(light, other)
    sure = np.zeros(seen.shape, np.bool_)
    likely = np.zeros(seen.shape, np.bool_)
    fine = planes.mean(_beyond(light, other), 1)
    broad = np.abs(planes.mean(other - light, _BROAD_PX))
    soft = planes.mean(np.stack([before[1:], after[1:]]), _COLOUR_PX)
    off = planes.mean(soft[1] - soft[0], _COLOUR_PX)
    colour = np.hypot(off[0], off[1])
    mixed = _contrast(soft[0], soft[1]).max(axis=0)
    for look, difference, texture in (
        (FINE, fine, rough),
        (BROAD, broad, rough),
        (COLOUR, colour, mixed),
    ):
        usual = _usual(difference, texture, seen)
        strength = difference / np.maximum(look.above_usual * usual, look.least)
        strength[~seen] = 0
        sure |= strength > 1
        likely |= strength > np.maximum(0.5, planes.most(strength, look.reach) / 2)
    return sure, likely


def _beyond(one: Array, other: Array) -> Array:
    """Return how far either leaves the range of the other's nine nearest pixels.

    An edge that lies half a pixel aside stays within that range; a line that is new or
    gone does not.
    """
    out = [
        np.maximum(a - planes.most(b, 1), planes.least(b, 1) - a)
        for a, b in ((one, other), (other, one))
    ]
    return np.maximum(np.maximum(*out), 0)


def _contrast(one: Array, other: Array) -> Array:
    """Return how much texture there is around each pixel, in either picture."""
    ranges = [planes.most(p, 2) - planes.least(p, 2) for p in (one, other)]
    return planes.mean(np.maximum(*ranges), 3)


def _usual(difference: Array, texture: Array, seen: Mask) -> Array:
    """Return how large a difference is usual where there is as much texture."""
    part = seen[::3, ::3]
    values, of = difference[::3, ::3][part], texture[::3, ::3][part]
    if not len(values):
        return np.zeros_like(difference)
    edges = np.quantile(of, np.linspace(0, 1, 13))
    at = np.clip(np.searchsorted(edges, of, "right") - 1, 0, 11)
    middles = np.array(
        [np.median(values[at == n]) if (at == n).any() else 0.0 for n in range(12)]
    )
    rising = np.maximum.accumulate(middles)
    centres = (edges[:-1] + edges[1:]) / 2
    return np.interp(texture, centres, rising).astype(np.float32)
