"""Where a change may show, in whichever way somebody says it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from kontext_nb import pixels
from kontext_nb.errors import ParameterRejected
from kontext_nb.preservation.affine import Size
from kontext_nb.preservation.planes import Mask

_BOX_NUMBERS = 4
_RATIO_OFF = 0.02
_HALF = 127
_WANTED = (
    "Give a picture, an array of booleans or of 0..1, or a box (left, top, right, "
    "bottom) in pixels of the picture before."
)


def mask_of(given: Any, size: Size) -> Image.Image:
    """Return a mask as an "L" image: 255 where something may change, 0 where not.

    Args:
        given: A picture whose white is the mask, an array, or a box.
        size: (width, height) of the picture before; a mask of another size but the same
            ratio is made as large.

    Raises:
        ImageRejected: A picture that cannot be read.
        ParameterRejected: It is no mask, of another ratio, or empty.
    """
    mask = _read(given, size)
    if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > _RATIO_OFF:
        raise ParameterRejected(
            f"The mask of {pixels.shape_text(mask.size)} has another shape than the "
            f"picture of {pixels.shape_text(size)}.",
            "Give a mask of the picture before, at any size but of its ratio.",
        )
    if mask.size != size:
        mask = mask.resize(size, Image.Resampling.BILINEAR)
    if mask.getbbox() is None:
        raise ParameterRejected("The mask is empty: nothing could change.", _WANTED)
    return mask


def chosen(mask: Image.Image) -> Mask:
    """Return which pixels of an "L" image are of the mask: those that are half or more.

    Returns:
        (height, width).
    """
    return np.asarray(mask) > _HALF


def _read(given: Any, size: Size) -> Image.Image:
    if isinstance(given, tuple | list) and len(given) == _BOX_NUMBERS:
        return _boxed(given, size)
    if getattr(getattr(given, "dtype", None), "kind", "") == "b":
        return Image.fromarray(np.asarray(given, np.uint8) * 255)
    return pixels.load_rgb(given).convert("L")


def _boxed(given: Any, size: Size) -> Image.Image:
    try:
        left, top, right, bottom = (int(edge) for edge in given)
    except (TypeError, ValueError, OverflowError):
        raise ParameterRejected(
            "The mask's box is not four numbers.", _WANTED
        ) from None
    if not (left < right and top < bottom):
        raise ParameterRejected(
            "The mask's box ends before it begins, so that nothing could change.",
            _WANTED,
        )
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle((left, top, right - 1, bottom - 1), fill=255)
    return mask
