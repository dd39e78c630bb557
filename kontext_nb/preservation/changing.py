"""Which pixels of two pictures really differ, and not only by the way they came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.regions import regions, without_holes
from kontext_nb.preservation.together import together


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking for a difference, in CIELAB.

    A difference is surely a change where it exceeds three things at once: a multiple of
    what is usual in this pair of pictures for places with as much texture, a share of
    the texture itself, and a least value.

    Args:
        compare: Returns the differences and the texture they lie in.
        above_usual: The multiple.
        of_texture: The share; texture is the range of values within 5 pixels.
        least: The least value.
        likely: A sure change goes on where its strength is at least this share.
        reach_px: And at least half of the strongest within so many pixels: a wide mean
            blurs the border, and half is where it was. 0 for a look that is sharp.
    """

    compare: Callable[[Array, Array], tuple[Array, Array]]
    above_usual: float
    of_texture: float
    least: float
    likely: float
    reach_px: int


_LEAST_SURE_PX, _LEAST_AREA_PX = 12, 30
_CLOSED_PX = 2
_HOLE_SHARE = 0.001
_BINS = 12
# Of L*: below, colour counts for less, down to a share.
_DARK, _DARK_SHARE = 20, 0.3


def changed_in(before: Array, after: Array, seen: Mask) -> Mask:
    """Return which pixels changed.

    Args:
        before: (3, height, width) CIELAB of the picture before, as the way alone would
            have changed it: of the tone and the sharpness of the one after.
        after: (3, height, width) of the picture after.
        seen: (height, width) which pixels both show; no other counts as changed.
    """
    views = together(*(partial(_seen_by, look, before, after, seen) for look in _LOOKS))
    sure = np.logical_or.reduce([view[0] for view in views])
    likely = np.logical_or.reduce([view[1] for view in views])
    found = regions(likely & seen)
    kept = (found.sums(sure) >= _LEAST_SURE_PX) & (found.areas >= _LEAST_AREA_PX)
    mask = found.mask(kept).view(np.uint8)
    closed = planes.least(planes.most(mask, _CLOSED_PX), _CLOSED_PX).view(np.bool_)
    return without_holes(closed & seen, up_to=_HOLE_SHARE * mask.size) & seen


def _seen_by(look: Look, before: Array, after: Array, seen: Mask) -> tuple[Mask, Mask]:
    """Return what is surely a change, and where it would go on."""
    strength = _strength(look, *look.compare(before, after), seen)
    likely = strength > look.likely
    if look.reach_px:
        likely &= strength > planes.most(strength, look.reach_px) / 2
    return strength > 1, likely


def _fine(before: Array, after: Array) -> tuple[Array, Array]:
    """Lightness that leaves the range of its neighbours: lines, letters, texture."""
    light, other = before[0], after[0]
    return planes.mean(_beyond(light, other), 1), _texture(light, other)


def _point(before: Array, after: Array) -> tuple[Array, Array]:
    """All three values of a pixel and its eight neighbours: the exact border."""
    off = planes.mean(after - before, 1)
    return _length(off), _texture(before[0], after[0]) + _mixed(before, after)


def _broad(before: Array, after: Array) -> tuple[Array, Array]:
    """Lightness of 9 x 9 pixels: a faint change of a large area, hidden by noise."""
    light, other = before[0], after[0]
    return np.abs(planes.mean(other - light, 4)), _texture(light, other)


def _colour(before: Array, after: Array) -> tuple[Array, Array]:
    """Colour of an area: encoders soften it so much that single pixels say little."""
    off = planes.mean(planes.mean(after[1:] - before[1:], 2), 2)
    # In the dark a step of one stored value is a leap in CIELAB that nobody sees.
    lit = np.clip(before[0] / _DARK, _DARK_SHARE, 1)
    return _length(off) * lit, _mixed(before, after)


def _mixed(before: Array, after: Array) -> Array:
    mixed: Array = np.maximum(*map(_texture, before[1:], after[1:]))
    return mixed


# Each finds what the others miss; its numbers come from generated scenes, see the
# benchmark.
_LOOKS = (
    Look(_fine, 6.0, 0.2, 2.2, likely=0.5, reach_px=3),
    Look(_point, 5.0, 0.25, 3.5, likely=0.7, reach_px=0),
    Look(_broad, 4.5, 0.08, 2.2, likely=0.5, reach_px=7),
    Look(_colour, 5.0, 0.1, 3.0, likely=0.5, reach_px=7),
)


def _strength(look: Look, difference: Array, texture: Array, seen: Mask) -> Array:
    """Return by how many times a difference exceeds what is needed to be sure."""
    needed = look.above_usual * _usual(difference, texture, seen)
    np.maximum(needed, look.least, out=needed)
    np.maximum(needed, look.of_texture * texture, out=needed)
    return difference / needed


def _length(vectors: Array) -> Array:
    length: Array = np.sqrt((vectors * vectors).sum(axis=0))
    return length


def _beyond(one: Array, other: Array) -> Array:
    """Return how far either leaves the range of the other's nine nearest pixels.

    An edge that lies half a pixel aside stays within that range; a line that is new or
    gone does not.
    """
    ways = (
        np.maximum(a - planes.most(b, 1), planes.least(b, 1) - a)
        for a, b in ((one, other), (other, one))
    )
    beyond: Array = np.maximum(np.maximum(*ways), 0)
    return beyond


def _texture(one: Array, other: Array) -> Array:
    """Return the range of values around each pixel, in either picture."""
    ranges = (planes.most(p, 2) - planes.least(p, 2) for p in (one, other))
    return planes.mean(np.maximum(*ranges), 3)


def _usual(difference: Array, texture: Array, seen: Mask) -> Array:
    """Return how large a difference is usual where there is as much texture."""
    part = seen[::3, ::3]
    values, of = difference[::3, ::3][part], texture[::3, ::3][part]
    if not len(values):
        return np.zeros_like(difference)
    edges = np.quantile(of, np.linspace(0, 1, _BINS + 1))
    at = np.clip(np.searchsorted(edges, of, "right") - 1, 0, _BINS - 1)
    medians = [
        np.median(values[at == n]) if (at == n).any() else 0.0 for n in range(_BINS)
    ]
    # More texture never means less difference: a bin that says so holds a change.
    rising = np.maximum.accumulate(medians)
    centres = (edges[:-1] + edges[1:]) / 2
    usual: Array = np.interp(texture, centres, rising).astype(np.float32)
    return usual
