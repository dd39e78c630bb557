"""The changed part of a result, set into the untouched original."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from kontext_nb import pixels
from kontext_nb.errors import ParameterRejected
from kontext_nb.preservation import planes
from kontext_nb.preservation.affine import Affine, Size, cut
from kontext_nb.preservation.comparing import Pair, paired
from kontext_nb.preservation.masks import chosen, mask_of
from kontext_nb.preservation.measuring import Drift, measured
from kontext_nb.preservation.membrane import spread_inwards
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.regions import without_holes
from kontext_nb.preservation.registering import registered
from kontext_nb.preservation.together import together
from kontext_nb.preservation.toning import USUAL_SHIFT, Tone

# Of the longer side: how wide the result fades into the original.
FEATHER_SHARE = 1 / 170
MOST_FEATHER_PX = 200
# A change has a soft edge that is too faint to be measured.
_SOFT_EDGE_PX = 2
# What lies between two changed parts this near to each other was changed with them.
_GAP_PX = 5
_HOLE_SHARE = 0.01
# What the surroundings differ by is smooth, and worked out in blocks.
_BLOCK_PX = 4
# Strips are drawn one by one, so that a large original is not held as floats.
_STRIP_PX = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class Preserved:
    """A picture that is the original wherever it was not changed.

    Args:
        image: The composite, of the original's size and mode; or the raw result where
            nothing could be set in.
        mask: An "L" image of the original's size: where it is 0, each byte of ``image``
            is the original's. None for the raw result.
        drift: What was measured on the way.
        reason: Why it is the raw result, as a sentence; "" for a composite.
    """

    image: Image.Image
    mask: Image.Image | None
    drift: Drift
    reason: str

    def _repr_jpeg_(self) -> bytes:
        """Show the picture, made smaller."""
        return pixels.preview(self.image, longest_px=768)


def preserve(
    before: Any, after: Any, *, mask: Any = None, feather: float | None = None
) -> Preserved:
    """Set what an edit changed into the original, and keep every other pixel of it.

    The changed part is drawn once at the original's place and resolution, its tone is
    matched to what surrounds it, and it fades into the original inside the mask. Where
    the whole picture became another, as at night, a mask gets its part as it is.

    Args:
        before: The original, in any form that `edit` takes.
        after: The same picture after an edit, of any size.
        mask: Where the change may show: a picture (white is changed), an array of
            booleans or of 0..1, or a box (left, top, right, bottom) in pixels of the
            original. Left out, it is the change that `drift` finds, a little widened.
        feather: Over how many of the original's pixels the change fades in, 0 to 200;
            left out, about 6 for each thousand of its longer side.

    Returns:
        The composite. Where the two cannot be registered or everything changed, and no
        mask says where to look, it is the result as it came, with the reason.

    Raises:
        ImageRejected: One of the pictures cannot be read.
        ParameterRejected: The mask or the feather does not fit.
    """
    original, other = map(pixels.load_image, (before, after))
    given = None if mask is None else mask_of(mask, original.size)
    width = _feather(feather, original.size)
    plain, result = pixels.on_white(original), pixels.on_white(other)
    found = registered(plain, result)
    pair = paired(plain, result, found)
    seen = measured(pair, found)
    reason = _refusal(seen)
    if reason and not given:
        return Preserved(other, None, seen, reason)
    changed = _whole(chosen(seen.mask))
    if reason:  # a mask was given; within it the new light is what was wanted
        pair, changed = replace(pair, tone=Tone()), np.ones_like(changed)
    where = _where(pair, changed, given, width, original.size)
    left_over = _left_over(pair, changed)
    toned = pair.tone.undone(result)
    image = _set_in(original, toned, found.affine, where, left_over)
    return Preserved(image, where, seen, "")


def _feather(given: float | None, size: Size) -> float:
    if given is None:
        return max(2.0, max(size) * FEATHER_SHARE)
    if isinstance(given, bool) or not 0 <= given <= MOST_FEATHER_PX:
        raise ParameterRejected(
            f"A feather of {given!r} is not 0 to {MOST_FEATHER_PX} pixels.",
            "Leave it out, or give the width in which the change fades in.",
        )
    return float(given)


def _refusal(seen: Drift) -> str:
    """Return why a result is better left as it came, or ""."""
    if not seen.registration.confident:
        return f"It could not be registered: {seen.registration.reason}"
    if seen.everywhere:
        share = f"{100 * seen.changed:.0f} %"
        return f"The change is everywhere: {share} of the picture is not as before."
    tone = f"{seen.tone.shift:+.0f} of 255"
    if not seen.changed and not seen.ignored:
        return f"Only the tone of the whole picture changed, by {tone}."
    if abs(seen.tone.shift) > USUAL_SHIFT:  # so that it was asked for
        return f"The tone of the whole picture changed, by {tone}, and not only a part."
    return ""


def _whole(changed: Mask) -> Mask:
    """Return a change without gaps and islands, which belong to it too."""
    closed = planes.closed(changed, _GAP_PX)
    return without_holes(closed, up_to=_HOLE_SHARE * changed.size)


def _where(
    pair: Pair, changed: Mask, given: Image.Image | None, feather: float, size: Size
) -> Image.Image:
    """Return how much of the result shows at each pixel of the original, as "L"."""
    reach = round(feather * pair.scale / 2)
    # Beyond what the result shows there is nothing to set in.
    may = planes.shrunk(pair.seen, reach)
    if given:
        # The user's border is the outer one: the result fades in within it.
        small = chosen(given.resize(pair.before.size))
        core = planes.shrunk(small, reach) & may
    else:
        core = planes.widened(changed, reach + _SOFT_EDGE_PX) & may
    shown = core.astype(np.float32)
    if reach:
        shown = planes.mean(shown, reach)
    shown *= 255
    small_mask = Image.fromarray(np.rint(shown).astype(np.uint8))
    whole = small_mask.resize(size, Image.Resampling.BILINEAR)
    return ImageChops.darker(whole, given) if given else whole


def _set_in(
    original: Image.Image,
    toned: Image.Image,
    lies: Affine,
    where: Image.Image,
    left_over: LeftOver,
) -> Image.Image:
    """Return the original with the result drawn into it where a mask says."""
    image = original.copy()
    for box in _strips(where):
        size = (box[2] - box[0], box[3] - box[1])
        piece = np.asarray(cut(toned, lies.box(*box), size), np.float32)
        there = left_over.lies.box(*box)
        off = [np.asarray(cut(plane, there, size)) for plane in left_over.planes]
        matched = np.clip(np.rint(piece + np.stack(off, axis=-1)), 0, 255)
        drawn = Image.fromarray(matched.astype(np.uint8)).convert(original.mode)
        image.paste(drawn, box[:2], where.crop(box))
    return image


def _strips(where: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes that together hold all of a mask that is not 0."""
    left, top, right, bottom = where.getbbox() or (0, 0, 0, 0)
    rows = max(1, _STRIP_PX // max(1, right - left))
    for begin in range(top, bottom, rows):
        part = where.crop((left, begin, right, min(begin + rows, bottom))).getbbox()
        if part:
            yield left + part[0], begin + part[1], left + part[2], begin + part[3]


@dataclass(frozen=True, slots=True, eq=False)
class LeftOver:
    """By how much the original is lighter than the result around the change.

    Within the change it goes on smoothly, so that no border shows.

    Args:
        planes: Red, green and blue as "F" images, made smaller.
        lies: From the original's coordinates to theirs.
    """

    planes: list[Image.Image]
    lies: Affine


def _left_over(pair: Pair, changed: Mask) -> LeftOver:
    unchanged = pair.seen & ~planes.widened(changed, _SOFT_EDGE_PX)
    known = unchanged.astype(np.float32)
    weight = planes.blocks(known[None], _BLOCK_PX)
    after = pair.tone.undone(pair.after)
    channels = zip(pair.before.split(), after.split(), strict=True)
    sums = np.stack(together(*(partial(_off, *both, known) for both in channels)))
    values = sums / np.maximum(weight, 1e-6)
    smooth = spread_inwards(values, np.minimum(weight[0] * 2, 1))
    block = pair.scale / _BLOCK_PX
    return LeftOver(
        [Image.fromarray(np.ascontiguousarray(plane)) for plane in smooth],
        Affine((block, block), (0.0, 0.0)),
    )


def _off(before: Image.Image, after: Image.Image, known: Array) -> Array:
    """Return the block means of what one channel differs by, where it is known."""
    off: Array = np.asarray(before, np.float32) - np.asarray(after, np.float32)
    off *= known
    means: Array = planes.blocks(off[None], _BLOCK_PX)[0]
    return means
