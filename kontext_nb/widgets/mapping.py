"""The change between two pictures: outlined on the first one, and said in words."""

from __future__ import annotations

import io
from typing import NotRequired, TypedDict

import numpy as np
from PIL import Image

from kontext_nb.preservation import Drift, drift, planes
from kontext_nb.preservation.masks import chosen
from kontext_nb.widgets.shots import Shot

OVERLAY_PX = 1024
MEASURING = "Measuring what changed…"
NO_PICTURES = "There are no two pictures to measure yet."

# A tint where it changed, and around it a white line and a black one: on whatever
# picture this lies, one of the three is seen. What did not change stays clear.
_CLEAR, _TINT, _WHITE, _BLACK = range(4)
_COLOURS = (0, 0, 0, 255, 40, 180, 255, 255, 255, 0, 0, 0)
_OPACITY = bytes((0, 96, 255, 255))
# Pixels left free around the change, so that no line hides its edge, and of each line.
_FREE_PX, _LINE_PX = 2, 3
_ROWS, _COLUMNS = ("top", "", "bottom"), ("left", "", "right")


class Mapped(TypedDict):
    """What is known of the change between two pictures, as it travels."""

    said: str  # in one line
    alt: NotRequired[str]  # the same for those who cannot see the overlay
    overlay: NotRequired[bytes]  # a PNG to be laid over the first; empty for none


def known(before: Shot, after: Shot) -> Mapped | None:
    """Return what the store says of the change without a look at the pictures."""
    line = after.change.line if _follows(before, after) and after.change else ""
    return Mapped(said=_sentence(line)) if line else None


def mapped(before: Shot, after: Shot) -> Mapped:
    """Measure what changed; this takes up to a second, so not in a callback.

    Args:
        before: What the map is of.
        after: The other one.
    """
    if before.picture is None or after.picture is None:
        return Mapped(said=NO_PICTURES, overlay=b"")
    try:
        if after.change and _follows(before, after):
            return map_of(after.change.drift(), after.change.line)
        return map_of(drift(before.picture, after.picture))
    except Exception as error:  # noqa: BLE001 - else the view would wait for ever
        return Mapped(said=f"It could not be measured: {error}", overlay=b"")


def _follows(before: Shot, after: Shot) -> bool:
    """Tell whether one picture was made from the other, and the store knows how."""
    return bool(
        before.picture and after.change and after.change.since == before.picture.digest
    )


def map_of(seen: Drift, line: str = "") -> Mapped:
    """Return what was measured as it is shown.

    Args:
        seen: What was measured.
        line: What to say of it; left out, what its numbers say.
    """
    said = _sentence(_said(seen) if seen.everywhere else line or _said(seen))
    if not seen.changed or not seen.registration.confident:
        # Of pictures that were not registered the mask may only be a misplacement.
        return Mapped(said=said, alt=said, overlay=b"")
    if seen.everywhere:
        return Mapped(said=said, alt=said, overlay=overlay(seen.mask, tinted=False))
    places = dict.fromkeys(_place(box, seen) for box in seen.boxes)
    alt = f"{said}. It is outlined: {', '.join(places)}."
    return Mapped(said=said, alt=alt, overlay=overlay(seen.mask))


def _said(seen: Drift) -> str:
    if not seen.registration.confident:
        return f"Not registered: {seen.registration.reason}"
    if seen.everywhere:
        share = f"{100 * seen.changed:.0f} % of the picture"
        return f"Changed everywhere, {share} · {seen.registration}"
    return str(seen)


def _sentence(line: str) -> str:
    return line[:1].upper() + line[1:]


def _place(box: tuple[int, int, int, int], seen: Drift) -> str:
    """Return where in the picture the middle of a box lies."""
    middles = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    sizes = seen.registration.before_size
    x, y = (
        min(2, int(3 * middle / size))
        for middle, size in zip(middles, sizes, strict=True)
    )
    return " ".join(filter(None, (_ROWS[y], _COLUMNS[x]))) or "middle"


def overlay(mask: Image.Image, *, tinted: bool = True) -> bytes:
    """Return a mask as a PNG to be laid over its picture.

    Args:
        mask: "L", white where it changed.
        tinted: Whether to tint what changed, and not only to draw the line around it.
    """
    scale = min(1.0, OVERLAY_PX / max(mask.size))
    size = (max(1, round(mask.width * scale)), max(1, round(mask.height * scale)))
    # The largest value around, else a thin line of change is lost.
    wide = Image.fromarray(planes.most(np.asarray(mask), 1)) if scale < 1 else mask
    changed = chosen(wide.resize(size, Image.Resampling.NEAREST))
    free = planes.widened(changed, _FREE_PX)
    white = planes.widened(free, _LINE_PX)
    black = planes.widened(white, _LINE_PX)
    drawn = np.full(changed.shape, _CLEAR, np.uint8)
    drawn[black] = _BLACK
    drawn[white] = _WHITE
    drawn[free] = _CLEAR
    drawn[changed] = _TINT if tinted else _CLEAR
    image = Image.fromarray(drawn, "P")
    image.putpalette(_COLOURS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=_OPACITY, bits=2)
    return buffer.getvalue()
