"""What changed between two pictures, and how well the rest was kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from kontext_nb import pixels
from kontext_nb.preservation import planes, telling
from kontext_nb.preservation.blurring import send_back
from kontext_nb.preservation.changing import changed_in
from kontext_nb.preservation.colour import lab
from kontext_nb.preservation.comparing import Pair, paired
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.quality import psnr_db, ssim
from kontext_nb.preservation.regions import regions
from kontext_nb.preservation.registering import Registration, registered
from kontext_nb.preservation.together import together
from kontext_nb.preservation.toning import Tone

BoxPx = tuple[int, int, int, int]

# Who changes what a number means raises it: what was measured before is then measured
# again where it is asked for.
MEANING = 6
# When more than this share of the picture changed, nothing is left to be kept.
EVERYWHERE = 0.6
MOST_BOXES = 12
# Of 255: a re-encode or a decoder of latents moves middle grey by a few values. If
# nothing else changed, what moves it by more was asked for.
ASKED_TONE = 5.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drift:
    """What an edit changed, and how far the rest of the picture drifted.

    Args:
        registration: Where the picture before lies in the one after.
        tone: How the light of the whole picture changed; it is not counted as change.
        mask: An "L" image in the frame of the picture before, made smaller if that is
            large: 255 where it changed, 0 where it did not, between at soft edges.
        seen: Share of the picture before that the one after shows; a crop shows less.
        changed: Share of the picture before that changed, 0 to 1. Where the two could
            not be registered this is of the plain resize, and may be misplacement.
        boxes: (left, top, right, bottom) of the changed parts in pixels of the picture
            before, the largest first, at most 12.
        psnr_db: Outside the change: 20 log10(255 / root mean square difference of the
            stored RGB values). Above 40 nobody sees a difference, below 30 most do.
        toned_psnr_db: The same with the tone taken back: how well detail was kept.
        ssim: Outside the change: mean structural similarity of the lightness (Wang and
            others, 2004), at most 1. Below about 0.95 fine texture was lost or redrawn.
        delta_e: Outside the change: mean distance in CIELAB (CIE 1976). About 2 is just
            seen when two patches touch.
        ignored: Whether nothing stands out from the noise of the way, and the tone is
            about the same: the instruction was not followed, or the change is tiny.
        everywhere: Whether so much changed, or so little can be found again, that the
            picture counts as a new one.
    """

    registration: Registration
    tone: Tone
    mask: Image.Image
    seen: float
    changed: float
    boxes: tuple[BoxPx, ...]
    psnr_db: float
    toned_psnr_db: float
    ssim: float
    delta_e: float
    ignored: bool
    everywhere: bool

    def __str__(self) -> str:
        """Say the most important numbers in one line."""
        return telling.line(self)

    def __repr__(self) -> str:
        """Return every number with what it means."""
        return telling.table(self)

    def _repr_html_(self) -> str:
        """Show the map of the change and every number with what it means."""
        return telling.page(self)


def drift(before: Any, after: Any) -> Drift:
    """Measure what an edit changed and how far the rest drifted.

    The two are registered first, so that a shift or a zoom of the whole picture counts
    as what it is. A small change of light of the whole picture is measured and taken
    out before pixels are compared in CIELAB.

    Args:
        before: A picture in any form that `edit` takes.
        after: The same picture after an edit, of any size.

    Raises:
        ImageRejected: One of them cannot be read as a picture.
    """
    one, other = pixels.load_rgb(before), pixels.load_rgb(after)
    found = registered(one, other)
    return measured(paired(one, other, found), found)


def measured(pair: Pair, found: Registration) -> Drift:
    """Do what `drift` does, for two pictures in one frame."""
    way = pair.tone.applied(pair.before)
    own, theirs, expected = map(lab, (pair.before, pair.after, way))
    light = own[0].copy()
    own -= theirs
    delta_e = planes.length(own)
    del own  # what is held at once is what a large picture costs
    for before, after in zip(expected, theirs, strict=True):
        send_back(before, after, pair.seen)
    # What the picture after does not show is no difference, for its neighbours too.
    np.copyto(theirs, expected, where=~pair.seen)
    mask = changed_in(expected, theirs, pair.seen)
    outside = pair.seen & ~mask
    noise_db, toned_db, alike = together(
        partial(psnr_db, pair.before, pair.after, outside),
        partial(psnr_db, way, pair.after, outside),
        partial(ssim, light, theirs[0], outside),
    )
    share = float(mask.mean())
    return Drift(
        registration=found,
        tone=pair.tone,
        mask=Image.fromarray(mask.astype(np.uint8) * 255),
        seen=float(pair.seen.mean()),
        changed=share,
        boxes=_boxes(mask, pair.scale),
        psnr_db=noise_db,
        toned_psnr_db=toned_db,
        ssim=alike,
        delta_e=_mean(delta_e, outside),
        ignored=not mask.any() and abs(pair.tone.shift) <= ASKED_TONE,
        everywhere=share > EVERYWHERE or not found.confident,
    )


def _boxes(mask: Mask, scale: float) -> tuple[BoxPx, ...]:
    """Return the largest parts of a mask as boxes, in pixels of the picture before."""
    parts = regions(mask)
    largest = np.argsort(parts.areas)[::-1][:MOST_BOXES]
    wide = parts.boxes[largest] / scale
    whole = np.concatenate([np.floor(wide[:, :2]), np.ceil(wide[:, 2:])], axis=1)
    return tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in whole)


def _mean(values: Array, where: Mask) -> float:
    return float(values[where].mean()) if where.any() else float("nan")
