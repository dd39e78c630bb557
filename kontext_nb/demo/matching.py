"""Where a small picture is found in a larger one: normalised cross-correlation.

After J. P. Lewis, "Fast Normalized Cross-Correlation" (1995): the products by FFT, the
sums by summed-area tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]


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
        total = _window_sums(self.sums, rows, columns)
        square = _window_sums(self.squares, rows, columns)
        variance = square - total * total / template.size
        # Flat ground correlates with anything once its noise is divided by itself.
        spread = np.sqrt(np.maximum(variance, template.size * 0.03**2))
        norm = float(np.sqrt((zero_mean * zero_mean).sum())) + 1e-6
        scores = inner[: fits[0], : fits[1]] / (spread * norm)
        return scores.astype(np.float32, copy=False)


def _summed(plane: Plane) -> NDArray[np.float64]:
    """Return the summed-area table, with a row and a column of zeros before it."""
    table = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1))
    np.cumsum(plane, 0, np.float64, table[1:, 1:])
    np.cumsum(table[1:, 1:], 1, out=table[1:, 1:])
    return table


def _window_sums(
    table: NDArray[np.float64], rows: int, columns: int
) -> NDArray[np.float64]:
    """Return the sum over every window of that size, from a summed-area table."""
    wide = table[rows:] - table[:-rows]
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
