"""The frame's move that the tiles agree on: consensus first, then least squares."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from kontext_nb.preservation.affine import Affine, Size
from kontext_nb.preservation.planes import Array, Mask
from kontext_nb.preservation.tiles import Moves, Tiles

# Tiles agree when they lie within this of the fit, and the second picture's tile is
# explained by the first one's to this share.
AGREES_PX, ALIKE = 0.4, 0.5
_DRAWS = 300
# The simplest map is taken while the tiles are not against it: the 99 % points of
# chi-square, of the 4, 2 and 1 freedoms that each leaves out.
_AGAINST = (13.28, 9.21, 6.63)
# What one resampling differs from another by; tiles do not scatter by that.
_RESAMPLED_PX = 0.01
# And while it moves no corner by so much that it would be seen.
_UNSEEN_PX = 0.05


@dataclass(frozen=True, slots=True)
class Fit:
    """A move of the whole frame, as far as it differs from none.

    Args:
        change: (4,) of x and y the change of scale about the frame's middle (0.01 is
            1 % larger), then of x and y the shift of the middle in pixels.
        covariance: (4, 4) of ``change``, from how the agreeing tiles scatter.
        agree: (n,) which tiles agree.
        informed: (n,) which tiles have enough texture to say anything.
    """

    change: Array
    covariance: Array
    agree: Mask
    informed: Mask

    @property
    def share(self) -> float:
        """Share of the tiles with texture that agree, 0 to 1."""
        return float(self.agree.sum() / max(1, self.informed.sum()))

    def error_px(self, size: Size) -> float:
        """Return the standard error of where the frame's corners lie, in pixels."""
        return max(
            float(np.sqrt(np.trace(way @ self.covariance @ way.T)))
            for way in _corners(size)
        )


def _design(offset: Array) -> Array:
    """Return (n, 2, 4): how a change moves points, at offsets from the middle."""
    rows = np.zeros((len(offset), 2, 4))
    rows[:, 0, 0], rows[:, 1, 1] = offset[:, 0], offset[:, 1]
    rows[:, 0, 2] = rows[:, 1, 3] = 1
    return rows


def _corners(size: Size) -> Array:
    """Return the `_design` of a frame's corners."""
    return _design(np.array(list(product((-0.5, 0.5), repeat=2))) * size)


def consensus(tiles: Moves, size: Size, *, within_px: float) -> Array:
    """Return the change, drawn from two tiles, that most others agree with.

    Args:
        tiles: Rough measures, many of them wrong.
        size: The frame's (width, height).
        within_px: How far an agreeing tile may be off.
    """
    drawn = np.random.default_rng(0)
    offset = tiles.centre - np.array(size) / 2
    pairs = drawn.integers(0, len(offset), (_DRAWS, 2))
    gap = offset[pairs[:, 1]] - offset[pairs[:, 0]]
    found = tiles.moved[pairs[:, 1]] - tiles.moved[pairs[:, 0]]
    # Two tiles of one row say nothing of the scale along the column.
    far = np.abs(gap) > np.array(size) / 6
    scale = np.where(far, found / np.where(far, gap, 1), 0)
    shift = tiles.moved[pairs[:, 0]] - scale * offset[pairs[:, 0]]
    tries = np.concatenate([np.zeros((1, 4)), np.hstack([scale, shift])])
    said = np.einsum("nij,kj->kni", _design(offset), tries)
    off = np.linalg.norm(said - tiles.moved, axis=2)
    weight = np.clip(1 - (off / within_px) ** 2, 0, 1) * tiles.alike
    found_change: Array = tries[weight.sum(axis=1).argmax()]
    return found_change


def fitted(tiles: Tiles, size: Size) -> Fit:
    """Return the least-squares change, with tiles that do not agree left out.

    Args:
        tiles: Fine measures, of a frame that lies nearly right.
        size: The frame's (width, height).
    """
    design = _design(tiles.centre - np.array(size) / 2)
    strongest: Array = np.linalg.eigvalsh(tiles.known)[:, 1]
    informed = _informed(tiles, strongest)
    usual = np.median(tiles.noise[informed]) if informed.any() else 1.0
    trust = tiles.known / np.maximum(tiles.noise, usual / 4 + 1e-6)[:, None, None]
    # A weak wish for no change keeps what no tile tells from running away.
    wish = np.diag([1e2, 1e2, 1e-2, 1e-2])
    told = design.swapaxes(1, 2) @ trust
    squares, products = told @ design, np.einsum("nai,ni->na", told, tiles.moved)
    change, within = np.zeros(4), 2.5 * AGREES_PX
    for _ in range(6):
        left = design @ change - tiles.moved
        # How far it is off along what its texture can tell, in pixels.
        felt = np.einsum("ni,nij,nj->n", left, tiles.known, left)
        off = np.sqrt(felt / strongest)
        agree = informed & (off < within) & (tiles.alike > ALIKE)
        weight = np.where(agree, (1 - (off / within) ** 2) ** 2, 0)
        inverse = np.linalg.inv(np.tensordot(weight, squares, 1) + wish)
        change = inverse @ (weight @ products)
        within = max(AGREES_PX, within * 0.7)
    # How the agreeing tiles scatter says how far to trust the fit: noise that is alike
    # in neighbouring pixels makes them scatter more than their texture tells.
    left = design @ change - tiles.moved
    pull = weight[:, None] * np.einsum("nai,ni->na", told, left)
    scatter = inverse @ (pull.T @ pull) @ inverse
    covariance = scatter + inverse
    return Fit(change, covariance, agree, informed)


def _informed(tiles: Tiles, strongest: Array) -> Mask:
    """Say which tiles have texture enough for a move to be seen in it.

    Args:
        tiles: Fine measures.
        strongest: (n,) how much each tile tells along the way in which it tells most.
    """
    noise = np.median(tiles.noise) + 0.5
    return np.sqrt(noise / strongest) < AGREES_PX / 4


def simplest(lies: Affine, plain: Affine, fit: Fit, frame: Size) -> Affine:
    """Return the simplest map that the tiles are not against.

    Args:
        lies: What was fitted.
        plain: The plain resize.
        fit: The last fit, for how sure it is.
        frame: (width, height) of the frame that both lead to.
    """
    scale = np.array(lies.scale) / plain.scale - 1
    shift = np.array(lies.shift) + np.array(frame) / 2 * scale - plain.shift
    full = np.concatenate([scale, shift])
    resampled = np.array([*(_RESAMPLED_PX / np.array(frame)), *[_RESAMPLED_PX] * 2])
    sure = np.linalg.inv(fit.covariance + np.diag(resampled**2))
    one_zoom = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    for free, against in zip(
        (np.zeros((4, 0)), np.eye(4)[:, 2:], one_zoom), _AGAINST, strict=True
    ):
        told = free.T @ sure
        change = free @ np.linalg.solve(told @ free, told @ full)
        off = full - change
        moved = np.linalg.norm(_corners(frame) @ off, axis=1).max()
        if off @ sure @ off <= against and moved < _UNSEEN_PX:
            return _map(change, plain, frame)
    return lies


def _map(change: Array, plain: Affine, frame: Size) -> Affine:
    """Return the plain resize followed by a change about the frame's middle."""
    x, y, right, down = change.tolist()
    return plain.then(
        Affine((1 + x, 1 + y), (right - frame[0] / 2 * x, down - frame[1] / 2 * y))
    )
