"""How alike two pictures are, as numbers that others use too."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.together import in_bands

_SSIM_PX = 3


def psnr_db(before: Image.Image, after: Image.Image, where: Mask) -> float:
    """Return the peak signal-to-noise ratio over the stored RGB values, in dB.

    ``20 log10(255 / root mean square difference)``; infinite where nothing differs, and
    not a number where there is nothing to compare.

    Args:
        before: An RGB image.
        after: Another of the same size.
        where: (height, width) which pixels count.
    """
    if not where.any():
        return float("nan")
    counted = Image.fromarray(where.view(np.uint8))
    off = ImageChops.difference(before, after).histogram(counted)
    squares = np.tile(np.arange(256) ** 2, 3)
    mean_square = float(np.average(squares, weights=off))
    if mean_square == 0:
        return float("inf")
    return float(20 * np.log10(255) - 10 * np.log10(mean_square))


def ssim(before: Array, after: Array, where: Mask) -> float:
    """Return the mean structural similarity of two planes, at most 1.

    As Wang and others (2004) define it, over squares of 7 pixels.

    Args:
        before: (height, width) values of 0 to 100.
        after: (height, width).
        where: (height, width) which pixels count.
    """
    if not where.any():
        return float("nan")
    (alike,) = in_bands(_alike, before, after, reach=_SSIM_PX)
    return float(alike[where].mean())


def _alike(before: Array, after: Array) -> tuple[Array]:
    products = (before, after, before * before, after * after, before * after)
    x, y, xx, yy, xy = (planes.mean(product, _SSIM_PX) for product in products)
    # Small numbers that keep flat areas from a division by zero; 100 is the range.
    c1, c2 = np.float32((0.01 * 100) ** 2), np.float32((0.03 * 100) ** 2)
    both = x * y
    squares = x * x + y * y
    alike = (2 * both + c1) * (2 * (xy - both) + c2)
    alike /= (squares + c1) * (xx + yy - squares + c2)
    return (alike,)
