"""How far each tile of a picture has moved, and how surely that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kontext_nb.preservation.planes import Array
from kontext_nb.preservation.together import in_bands, together

# Into which the work is cut: what is between stays in the processor's own memory.
_PARTS = 8


@dataclass(frozen=True, slots=True)
class Moves:
    """How far the content of n tiles moved from one picture to another of one frame.

    Args:
        centre: (n, 2) x and y of the tiles' middles, in pixels.
        moved: (n, 2) how far, in pixels.
        alike: (n,) how much speaks for it, 0 to 1.
    """

    centre: Array
    moved: Array
    alike: Array


@dataclass(frozen=True, slots=True)
class Tiles(Moves):
    """Moves of which is known how surely; of each ``alike`` is what it explains.

    That is the share of the second picture's variance, 0 to 1.

    Args:
        known: (n, 2, 2) the inverse of the covariance of ``moved`` if the noise had a
            variance of 1: the tile's structure tensor (Lucas and Kanade, 1981).
        noise: (n,) variance of what the movement does not explain, in grey values².
    """

    known: Array
    noise: Array


def _in_tiles(plane: Array, side: int) -> Array:
    """Cut a plane into (n, side * side); what is left over at the end is dropped."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return cut.swapaxes(1, 2).reshape(rows * columns, side * side)


def _centres(shape: tuple[int, ...], side: int) -> Array:
    """Return the middles of the tiles that `_in_tiles` cuts."""
    y, x = np.mgrid[: shape[0] // side, : shape[1] // side]
    return (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * side


def smoothed(plane: Array) -> Array:
    """Weigh each pixel with its neighbours, 1 : 2 : 1, both ways."""
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / np.float32(16)


def small_moves(first: Array, second: Array, *, side: int) -> Tiles:
    """Measure moves of less than about a pixel by the pictures' gradients.

    In each tile the second picture is explained as the first one, moved a little, with
    a gain and an offset of its own: so a change of light is no movement.

    Args:
        first: (height, width) grey values.
        second: (height, width) grey values of the same frame.
        side: Of the tiles, in pixels.
    """
    stack = in_bands(_with_slopes, first, second, reach=2)
    high = side * max(1, first.shape[0] // side // _PARTS)
    parts = ([p[top : top + high] for p in stack] for top in range(0, len(first), high))
    each = (partial(_products, part, side) for part in parts if len(part[0]) >= side)
    gram = np.concatenate(together(*each)).astype(np.float64)
    return _solved(gram, _centres(first.shape, side), side * side)


def _products(planes: Sequence[Array], side: int) -> Array:
    """Return (n, k, k): for each tile, its k planes times each other."""
    columns = np.stack([_in_tiles(plane, side) for plane in planes], axis=1)
    columns -= columns.mean(axis=2, keepdims=True)
    products: Array = columns @ columns.swapaxes(1, 2)
    return products


def _with_slopes(first: Array, second: Array) -> list[Array]:
    """Return the slopes of two planes across and down, and both of them smoothed."""
    first, second = smoothed(first), smoothed(second)
    # The mean of both gradients: that of one alone is blind to half of the other's
    # noise, and pulls the estimate to 0.
    both = (first + second) / 2
    slope_y, slope_x = np.gradient(both, axis=0), np.gradient(both, axis=1)
    return [slope_x, slope_y, first, second]


def _solved(gram: Array, centre: Array, count: int) -> Tiles:
    """Explain the last of four columns by the others, in each tile.

    Args:
        gram: (n, 4, 4) products of slope_x, slope_y, first and second, summed.
        centre: (n, 2) kept as it is.
        count: Pixels in a tile.
    """
    ridge = 1e-3 * count
    power = gram[:, 2, 2] + ridge
    # What the gain explains is taken out of the rest.
    left = gram - gram[:, :, 2:3] * gram[:, 2:3, :] / power[:, None, None]
    known = left[:, :2, :2] + ridge * np.eye(2)
    moved: Array = -np.linalg.solve(known, left[:, :2, 3:])[:, :, 0]
    rest = left[:, 3, 3] - np.einsum("ni,nij,nj->n", moved, known, moved)
    noise = np.maximum(rest, 0) / count
    # Of a tile that is even nothing is explained.
    alike = (gram[:, 3, 3] - np.maximum(rest, 0)) / (gram[:, 3, 3] + ridge)
    return Tiles(centre, moved, np.clip(alike, 0, 1), known, noise)


def large_moves(first: Array, second: Array, *, side: int) -> Moves:
    """Measure moves of up to a quarter of a tile by phase correlation.

    Tiles overlap by half. Of several peaks, as repeated patterns make, the one of the
    smaller move is preferred.

    Args:
        first: (height, width) grey values, at least one tile large.
        second: (height, width) grey values of the same frame.
        side: Of the tiles, in pixels.
    """
    step = side // 2
    views = [
        np.lib.stride_tricks.sliding_window_view(p, (side, side))[::step, ::step]
        for p in (first, second)
    ]
    rows, columns = views[0].shape[:2]
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    spectra = []
    for view in views:
        tiles = view.reshape(-1, side, side)
        tiles = tiles - tiles.mean(axis=(1, 2), keepdims=True)
        spectra.append(np.fft.rfft2(tiles * window[:, None] * window))
    cross = spectra[1] * spectra[0].conj()
    # Halfway between plain correlation, which is blunt, and pure phase, which hears
    # the noise of empty frequencies as loudly as the picture.
    cross /= np.sqrt(np.abs(cross)) + 1e-3
    peaks = np.fft.irfft2(cross, s=(side, side))
    axis = np.fft.fftfreq(side, 1 / side)
    near = np.exp(-(axis**2) / (2 * (side / 4) ** 2))
    weighed = peaks * near[:, None] * near
    best = weighed.reshape(len(weighed), -1).argmax(axis=1)
    y, x = np.unravel_index(best, (side, side))
    y_grid, x_grid = np.mgrid[:rows, :columns]
    grid = np.stack([x_grid.ravel(), y_grid.ravel()], axis=1)
    power = np.abs(peaks).mean(axis=(1, 2)) + 1e-9
    height = weighed.reshape(len(weighed), -1).max(axis=1)
    moved = np.stack([axis[x], axis[y]], axis=1).astype(np.float64)
    return Moves(
        centre=(grid * step + side / 2).astype(np.float64),
        moved=moved,
        alike=np.clip(height / power / 40, 0, 1),
    )
