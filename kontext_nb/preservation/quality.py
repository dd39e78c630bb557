"""How alike two pictures are, as numbers that others use too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask

if TYPE_CHECKING:
    from PIL import Image


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
    off = np.asarray(before, np.int32) - np.asarray(after)
    off *= off
    mean_square = float(off.sum(axis=2)[where].mean()) / 3
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
    products = (before, after, before * before, after * after, before * after)
    x, y, xx, yy, xy = (planes.mean(product, 3) for product in products)
    # Small numbers that keep flat areas from a division by zero; 100 is the range.
    c1, c2 = np.float32((0.01 * 100) ** 2), np.float32((0.03 * 100) ** 2)
    both = x * y
    squares = x * x + y * y
    alike = (2 * both + c1) * (2 * (xy - both) + c2)
    alike /= (squares + c1) * (xx + yy - squares + c2)
    return float(alike[where].mean())
