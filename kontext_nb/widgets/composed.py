"""Two pictures in one, by mode: what a browser paints where scripts may run."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

# Closer than this, shapes count as one: models give sizes in steps of 16 pixels.
_ALIKE = 0.02


def same_frame(
    lower: bytes, upper: bytes, *, cut: bool
) -> tuple[Image.Image, Image.Image]:
    """Decode two previews; bring the second to the size of the first.

    Args:
        lower: An encoded picture.
        upper: Another; another shape is shown whole, on black.
        cut: Fill the frame with it instead.
    """
    first, second = (
        Image.open(io.BytesIO(data)).convert("RGB") for data in (lower, upper)
    )
    shapes = [image.width / image.height for image in (first, second)]
    if abs(shapes[0] / shapes[1] - 1) <= _ALIKE:
        return first, second.resize(first.size)
    return first, (ImageOps.fit if cut else ImageOps.pad)(second, first.size)


def slider(lower: Image.Image, upper: Image.Image, position: float) -> Image.Image:
    """Return the lower picture left of ``position`` (0 to 1), else the upper one."""
    made = upper.copy()
    edge = round(position * made.width)
    made.paste(lower.crop((0, 0, edge, made.height)))
    made.paste("white", (max(0, edge - 1), 0, edge + 1, made.height))
    return made


def difference(lower: Image.Image, upper: Image.Image, gain: float) -> Image.Image:
    """Return the absolute difference, ``gain`` times amplified."""
    return ImageChops.difference(lower, upper).point(lambda value: value * gain)


def laid_over(lower: Image.Image, overlay: bytes) -> Image.Image:
    """Return a picture with an overlay on it; none leaves it as it is."""
    if not overlay:
        return lower
    with Image.open(io.BytesIO(overlay)) as opened:
        over = opened.convert("RGBA").resize(lower.size)
    made = lower.copy()
    made.paste(over, mask=over)
    return made


# The modes in which two pictures are painted as one.
DRAWN: dict[str, Callable[[Image.Image, Image.Image, float], Image.Image]] = {
    "slider": slider,
    "onion": Image.blend,
    "difference": difference,
}
