"""Which pixels of two pictures really differ, and not only by the way they came."""

from __future__ import annotations

from functools import partial

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.looking import LOOKS, SEES_PX, texture_of
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.regions import regions, without_holes
from kontext_nb.preservation.together import in_bands, together

_LEAST_SURE_PX, _LEAST_AREA_PX = 12, 30
_CLOSED_PX = 2
_HOLE_SHARE = 0.001
_EVERY = 4  # pixels, both ways: enough to say what is usual


def changed_in(before: Array, after: Array, seen: Mask) -> Mask:
    """Return which pixels changed.

    A part that changed holds some pixels that surely did, and reaches as far as it is
    likely; gaps and small holes in it are closed.

    Args:
        before: (3, height, width) CIELAB of the picture before, as the way alone would
            have changed it: of the tone and the sharpness of the one after.
        after: (3, height, width) of the picture after; as before where it was not seen.
        seen: (height, width) which pixels both show; no other counts as changed.
    """
    light, hue, *differences = in_bands(_compared, before, after, reach=SEES_PX)
    few = seen[::_EVERY, ::_EVERY]
    of_light, of_hue, *some = (
        plane[::_EVERY, ::_EVERY][few] for plane in (light, hue, *differences)
    )
    needed = together(
        *(
            partial(look.needed, difference, look.texture_in(of_light, of_hue))
            for look, difference in zip(LOOKS, some, strict=True)
        )
    )

    def found(light: Array, hue: Array, *differences: Array) -> list[Mask]:
        views = (
            look.seen(difference, look.texture_in(light, hue), least)
            for look, difference, least in zip(LOOKS, differences, needed, strict=True)
        )
        return [np.logical_or.reduce(view) for view in zip(*views, strict=True)]

    reach = max(look.reach_px for look in LOOKS)
    sure, likely = in_bands(found, light, hue, *differences, reach=reach)
    return _parts(sure, likely & seen) & seen


def _compared(before: Array, after: Array) -> list[Array]:
    """Return the texture of lightness, that of colour, and what each look finds."""
    light, *hues = map(texture_of, before, after)
    differences = (look.compare(before, after) for look in LOOKS)
    return [light, np.maximum(*hues), *differences]


def _parts(sure: Mask, likely: Mask) -> Mask:
    """Return the likely parts that hold enough sure pixels."""
    parts = regions(likely)
    kept = (parts.counts(sure) >= _LEAST_SURE_PX) & (parts.areas >= _LEAST_AREA_PX)
    whole = planes.closed(parts.mask(kept), _CLOSED_PX)
    return without_holes(whole, up_to=_HOLE_SHARE * whole.size)
