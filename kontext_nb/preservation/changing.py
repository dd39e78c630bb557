"""Which pixels of two pictures really differ, and not only by the way they came."""

from __future__ import annotations

from functools import partial

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.looking import LOOKS, Look, texture_of
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.regions import regions, without_holes
from kontext_nb.preservation.together import together

_LEAST_SURE_PX, _LEAST_AREA_PX = 12, 30
_CLOSED_PX = 2
_HOLE_SHARE = 0.001


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
    light, *hues = together(*map(partial(partial, texture_of), before, after))
    hue = np.maximum(hues[0], hues[1], out=hues[0])

    def views(look: Look) -> tuple[Mask, Mask]:
        of_light, of_hue = look.texture
        texture = of_light * light + of_hue * hue
        return look.seen(look.compare(before, after), texture, seen)

    found = together(*(partial(views, look) for look in LOOKS))
    sure = np.logical_or.reduce([view[0] for view in found])
    likely = np.logical_or.reduce([view[1] for view in found])
    return _parts(sure, likely & seen) & seen


def _parts(sure: Mask, likely: Mask) -> Mask:
    """Return the likely parts that hold enough sure pixels."""
    parts = regions(likely)
    kept = (parts.sums(sure) >= _LEAST_SURE_PX) & (parts.areas >= _LEAST_AREA_PX)
    whole = planes.closed(parts.mask(kept), _CLOSED_PX)
    return without_holes(whole, up_to=_HOLE_SHARE * whole.size)
