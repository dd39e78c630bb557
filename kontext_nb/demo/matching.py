"""Where a small picture is found in a larger one: normalised cross-correlation.

After J. P. Lewis, "Fast Normalized Cross-Correlation" (1995): the products by FFT, the
sums by summed-area tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

_BAND_PX = 2**15


@dataclass(frozen=True, slots=True)
class Ground:
    """What templates are looked for in, with all that is the same for each of them.

    ``shape`` is that of the padded plane whose FFT ``spectrum`` is; ``sums`` and
    ``squares`` are the summed-area tables of the plane and of its square.
    """

    plane: Plane
    shape: tuple[int, int]
    spectrum: NDArray[np.complexfloating[Any, Any]]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, plane: Plane) -> Ground:
        """Prepare a plane."""
        shape = _quick(plane.shape[0]), _quick(plane.shape[1])
        spectrum = np.fft.rfft2(plane, shape)
        return cls(plane, shape, spectrum, _summed(plane), _summed(plane * plane))

    def correlated(self, template: Plane) -> Plane | None:
        """Return the normalised cross-correlation at every place the template fits.

        None if it fits nowhere.
        """
        rows, columns = template.shape
        fits = self.plane.shape[0] - rows + 1, self.plane.shape[1] - columns + 1
        if min(fits) < 1:
            return None
        zero_mean = template - template.mean()
        sought = np.conj(np.fft.rfft2(zero_mean, self.shape))
        inner = np.fft.irfft2(self.spectrum * sought, self.shape)
        norm = float(np.sqrt((zero_mean * zero_mean).sum())) + 1e-6
        scores = np.empty(fits, np.float32)
        # Some rows at a time stay in the processor's own memory.
        step = max(1, _BAND_PX // fits[1])
        for top in range(0, fits[0], step):
            band = slice(top, min(top + step, fits[0]))
            total = _window_sums(self.sums, band, rows, columns)
            variance = _window_sums(self.squares, band, rows, columns)
            total *= total
            total /= template.size
            variance -= total
            # Flat ground correlates with anything once its noise is divided by itself.
            np.maximum(variance, template.size * 0.03**2, out=variance)
            spread = np.sqrt(variance, out=variance)
            spread *= norm
            np.divide(
                inner[band, : fits[1]], spread, out=scores[band], casting="same_kind"
            )
        return scores


def _summed(plane: Plane) -> NDArray[np.float64]:
    """Return the summed-area table, with a row and a column of zeros before it."""
    table = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1))
    table[1:, 1:] = plane
    # Row by row: down its columns NumPy sums many times slower.
    for above, row in pairwise(table):
        row += above  # noqa: PLW2901 - the table's own row
    return np.cumsum(table, 1, out=table)


def _window_sums(
    table: NDArray[np.float64], band: slice, rows: int, columns: int
) -> NDArray[np.float64]:
    """Return the sums over windows of that size that begin in a band of rows."""
    wide = table[band.start + rows : band.stop + rows] - table[band]
    sums: NDArray[np.float64] = wide[:, columns:] - wide[:, :-columns]
    return sums


def _quick(length: int) -> int:
    """Return the next length whose FFT is quick: 2, 3 and 5 are its only factors."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1
