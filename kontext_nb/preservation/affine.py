"""Where a pixel of one picture lies in another, and pictures drawn there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

Pair = tuple[float, float]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Affine:
    """A map without turning: ``to = scale * of + shift``, each axis by itself.

    Coordinates are of the pixels' edges, (x, y) from the top left: a picture of width
    w reaches from 0 to w, and the middle of its first pixel is at 0.5.

    Args:
        scale: Pixels there for a pixel here, per axis; more than 0.
        shift: Where the top left corner comes to lie, in pixels there.
    """

    scale: Pair
    shift: Pair

    @classmethod
    def stretch(cls, of: Size, to: Size) -> Affine:
        """Return the map of a picture that is resized as a whole."""
        return cls((to[0] / of[0], to[1] / of[1]), (0.0, 0.0))

    def then(self, other: Affine) -> Affine:
        """Return this map followed by another."""
        (ax, ay), (bx, by) = self.scale, other.scale
        (px, py), (qx, qy) = self.shift, other.shift
        return Affine((bx * ax, by * ay), (bx * px + qx, by * py + qy))

    def inverse(self) -> Affine:
        """Return the way back."""
        (sx, sy), (tx, ty) = self.scale, self.shift
        return Affine((1 / sx, 1 / sy), (-tx / sx, -ty / sy))

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return where a box comes to lie."""
        (sx, sy), (tx, ty) = self.scale, self.shift
        return (sx * left + tx, sy * top + ty, sx * right + tx, sy * bottom + ty)


Box = tuple[float, float, float, float]


def useful(size: Size, other: Size, largest_px: float) -> Size:
    """Return a size of the same ratio that has no more pixels than are of use.

    What one of two pictures does not show need not be looked for in the other.

    Args:
        size: (width, height) of the one.
        other: (width, height) of the other.
        largest_px: Pixels, of which more are never needed.
    """
    most = min(largest_px, 1.3 * other[0] * other[1])
    scale = min(1.0, (most / (size[0] * size[1])) ** 0.5)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def drawn(
    image: Image.Image, lies: Affine, size: Size, *, gap: float | None = None
) -> Image.Image:
    """Return what an image shows in another frame, resampled once.

    Beyond its edge an image goes on as its last pixels do.

    Args:
        image: Any mode that Pillow resizes.
        lies: From the image's coordinates to the frame's.
        size: The frame's (width, height).
        gap: Of what is drawn smaller, squares of pixels are averaged first, until it is
            at most so many times as large: faster, and a little less sharp.
    """
    box = lies.inverse().box(0, 0, *size)
    return cut(image, box, size, gap=gap)


def cut(
    image: Image.Image, box: Box, size: Size, *, gap: float | None = None
) -> Image.Image:
    """Return a box of an image, which may reach beyond it, resized to a size."""
    left, top, right, bottom = box
    before = [max(0, int(np.ceil(-edge))) for edge in (left, top)]
    after = [
        max(0, int(np.ceil(edge - end)))
        for edge, end in zip((right, bottom), image.size, strict=True)
    ]
    if any(before + after):
        array = np.asarray(image)
        rest = [(0, 0)] * (array.ndim - 2)
        margins = [(before[1], after[1]), (before[0], after[0]), *rest]
        image = Image.fromarray(np.pad(array, margins, mode="edge"))
        left, right = left + before[0], right + before[0]
        top, bottom = top + before[1], bottom + before[1]
    # A box that ends beyond the image by less than rounding is refused by Pillow.
    right, bottom = min(right, image.width), min(bottom, image.height)
    box = (left, top, right, bottom)
    return image.resize(size, Image.Resampling.BICUBIC, box, reducing_gap=gap)
