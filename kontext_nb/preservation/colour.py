"""Pixels as CIELAB, where a distance of about 2 is just seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kontext_nb.preservation.planes import Array
from kontext_nb.preservation.together import together

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_GAMMA = 2.4
# IEC 61966-2-1: from stored sRGB to light, for each of 256 values.
_LINE_ENDS = 0.04045
_STORED = np.arange(256) / 255
_LIGHT = np.where(
    _STORED <= _LINE_ENDS, _STORED / 12.92, ((_STORED + 0.055) / 1.055) ** _GAMMA
).astype(np.float32)
# sRGB's primaries in XYZ, each row divided by that of the white D65.
_TO_XYZ = (
    np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    / np.array([[0.95047], [1.0], [1.08883]])
).astype(np.float32)
# CIE 15's curve at 65536 values: exact to 0.02 of L*, and four times as fast as roots.
_STEPS = 65535
# So much at a time stays in the processor's own memory.
_BAND_PX = 2**15
_SHARE = np.arange(_STEPS + 1) / _STEPS
_CURVE = np.where(
    _SHARE < (6 / 29) ** 3, _SHARE * 841 / 108 + 4 / 29, np.cbrt(_SHARE)
).astype(np.float32)


def lab(image: Image.Image) -> Array:
    """Return (3, height, width): L* of 0 to 100, then a* and b*.

    Args:
        image: 8-bit sRGB. Transparency is left out.
    """
    pixels = np.asarray(image.convert("RGB"))
    planes = np.empty((3, *pixels.shape[:2]), np.float32)
    rows = max(1, _BAND_PX // pixels.shape[1])

    def band(top: int) -> None:
        planes[:, top : top + rows] = _converted(pixels[top : top + rows])

    together(*(partial(band, top) for top in range(0, pixels.shape[0], rows)))
    return planes


def _converted(pixels: NDArray[np.uint8]) -> Array:
    """Return a band of a picture."""
    light = np.take(_LIGHT, pixels.reshape(-1, 3).T)
    shares = _TO_XYZ @ light
    np.clip(shares, 0, 1, out=shares)
    shares *= _STEPS
    x, y, z = np.take(_CURVE, shares.astype(np.uint16))
    out = np.stack([y * 116 - 16, (x - y) * 500, (y - z) * 200])
    band: Array = out.reshape(3, *pixels.shape[:2])
    return band
