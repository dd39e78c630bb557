"""Night: moonlight with readable shadows, lamps that glow, and a sun that is a moon.

Pictures are float32 (height, width, 3), 0 to 1, sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.regions import (
    blurred,
    grid,
    hue_chroma,
    labelled,
    luma,
    resized,
    smoothstep,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]

_COARSE = 320  # px on the long side, where lights are told apart
_LARGEST_LAMP = 0.02  # share of the picture: what is larger is no lamp
_LEAST_LAMP = 3  # coarse pixels
_TINY = 0.001  # share of the picture
_LONGEST = 4.0  # a lamp's longer side over its shorter one
_CONTRAST = 0.2  # by how much luma a light stands out of what is around it
_LARGEST_SUN = 0.05
_ROUND = (0.68, 0.88)  # what a disc covers of its box: pi / 4, give or take
_BRIGHT_SKY = 0.45


@dataclass(frozen=True, slots=True)
class _Spot:
    """A connected bright region on the coarse copy, its holes filled.

    Args:
        cells: Where it is.
        box: Top, left, bottom, right.
        around: Mean colours of what is beside it, (up to 8 directions, 3).
        contrast: By how much luma it is brighter than the brightest of them, or, if it
            is tiny (a letter of a sign, a lantern), than all of them but two.
    """

    cells: NDArray[np.bool_]
    box: tuple[int, int, int, int]
    around: Pixels
    contrast: float

    @property
    def area(self) -> int:
        """Return how many cells it has."""
        return int(self.cells.sum())

    @property
    def slimness(self) -> float:
        """Return the longer side of its box over the shorter one."""
        top, left, bottom, right = self.box
        return max(bottom - top, right - left) / max(1, min(bottom - top, right - left))


def night(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return moonlight: mid-tones at four tenths of their light, cold, still readable.

    Small warm bright things that stand out of what is around them glow as lamps do; a
    bright disc in a bright sky becomes the moon.
    """
    height, width = pixels.shape[:2]
    grey = luma(pixels)
    y, x = grid(height, width)
    # Local contrast stands in for the light that is gone: shapes stay apart.
    local = grey - blurred(grey, width / 40)
    level = np.clip(grey + 0.45 * local, 0, 1) ** np.float32(1.08)
    fall = 1.04 - 0.55 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    dark = level * np.asarray((0.44 - 0.07 * (1 - y)) * fall, np.float32)
    cold = np.array([0.64, 0.9, 1.5], np.float32)
    keep = (pixels - grey[..., None]) * np.float32(0.24)
    out: Pixels = (
        dark[..., None] * cold + keep + np.array([0.012, 0.02, 0.05], np.float32)
    )
    lamps, discs = _lights(pixels)
    for disc in discs:
        out = _with_moon(out, disc, width / lamps.shape[1])
    if not lamps.any():
        return out
    spots = blurred(resized(lamps, width, height), width / 900)
    spots = smoothstep(0.2, 0.8, spots) * smoothstep(0.5, 0.75, grey)
    lamp = np.array([1.0, 0.76, 0.4], np.float32) * np.float32(rng.uniform(0.95, 1.05))
    near, far = blurred(spots, 0.008 * width), blurred(spots, 0.04 * width)
    # A lit thing keeps its own drawing; the air around it only gets brighter.
    lit = pixels * (0.55 + 0.45 * lamp)
    out = out + (lit - out) * np.clip(spots, 0, 1)[..., None] * np.float32(0.92)
    glow = np.clip(0.3 * near + 0.75 * far, 0, 1)[..., None] * lamp
    return np.asarray(1 - (1 - np.clip(out, 0, 1)) * (1 - glow), np.float32)


def _lights(pixels: Pixels) -> tuple[Pixels, list[_Spot]]:
    """Return where the lamps are (a coarse mask, 0 or 1), and discs like the sun."""
    height, width = pixels.shape[:2]
    shrink = max(1.0, max(height, width) / _COARSE)
    size = max(1, round(width / shrink)), max(1, round(height / shrink))
    small = np.stack([resized(pixels[..., c], *size) for c in range(3)], -1)
    grey = luma(small)
    hue, chroma = hue_chroma(small)
    warm = (chroma > 0.11) & (np.abs(hue - 0.12) < 0.055)  # noqa: PLR2004 - lamplight, not skin
    lamps = np.zeros(grey.shape, np.float32)
    for spot in _spots(small, (grey > 0.68) & warm):  # noqa: PLR2004 - bright
        if _is_lamp(spot, grey.size):
            lamps[_grown(spot.cells, 1)] = 1
    discs = [
        spot
        for spot in _spots(small, grey > 0.82)  # noqa: PLR2004 - very bright
        if _is_sun(spot, grey.shape)
    ]
    for disc in discs:
        lamps[_grown(disc.cells, 1)] = 0
    return lamps, discs


def _spots(small: Pixels, there: NDArray[np.bool_]) -> list[_Spot]:
    """Return the connected regions of a mask that are not too large for a light."""
    labels, count = labelled(there)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    grey = luma(small)
    found = []
    for label in range(1, count + 1):
        if not _LEAST_LAMP <= sizes[label] <= _LARGEST_SUN * labels.size:
            continue
        rows, columns = np.nonzero(labels == label)
        top, left = int(rows.min()), int(columns.min())
        bottom, right = int(rows.max()) + 1, int(columns.max()) + 1
        cells = np.zeros(labels.shape, np.bool_)
        cells[top:bottom, left:right] = _filled(labels[top:bottom, left:right] == label)
        sides = _sides(cells, (top, left, bottom, right))
        if sides:
            around = np.stack([small[side].mean(0) for side in sides])
            beside = luma(around)
            tiny = sizes[label] <= _TINY * labels.size
            against = np.sort(beside)[-min(3, beside.size) if tiny else -1]
            contrast = float(grey[cells].mean() - against)
            found.append(_Spot(cells, (top, left, bottom, right), around, contrast))
    return found


def _filled(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a region with its holes."""
    outside, _ = labelled(~np.pad(cells, 1))
    filled: NDArray[np.bool_] = outside[1:-1, 1:-1] != outside[0, 0]
    return filled


def _sides(
    cells: NDArray[np.bool_], box: tuple[int, int, int, int]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the cells just outside a region, in up to eight directions from it.

    A light differs from what is on every side of it; a glint or the bright half of a
    thing runs on into the thing.
    """
    near = _grown(cells, 2)  # the soft edge belongs to neither
    ring = _grown(near, 2 + max(box[2] - box[0], box[3] - box[1]) // 10) & ~near
    rows, columns = np.nonzero(ring)
    y, x = rows - (box[0] + box[2] - 1) / 2, columns - (box[1] + box[3] - 1) / 2
    direction = np.floor((np.arctan2(y, x) / pi + 1) * 4).astype(int) % 8
    groups = (np.flatnonzero(direction == d) for d in range(8))
    return [(rows[g], columns[g]) for g in groups if g.size > 1]


def _grown(cells: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Return a region grown by some cells, up and down and sideways."""
    out = cells.copy()
    for _ in range(steps):
        last = out.copy()
        out[1:] |= last[:-1]
        out[:-1] |= last[1:]
        out[:, 1:] |= last[:, :-1]
        out[:, :-1] |= last[:, 1:]
    return out


def _is_lamp(spot: _Spot, picture: int) -> bool:
    """Say whether a spot is small, compact, and stands out of what is around it."""
    return (
        spot.area <= _LARGEST_LAMP * picture
        and spot.slimness <= _LONGEST
        and spot.contrast >= _CONTRAST
    )


def _is_sun(spot: _Spot, shape: tuple[int, ...]) -> bool:
    """Say whether a spot is a disc high up in a bright sky that is not warm."""
    top, left, bottom, right = spot.box
    filled = spot.area / ((bottom - top) * (right - left))
    beside = spot.around
    sky = (luma(beside) > _BRIGHT_SKY).all() and (beside[:, 2] >= beside[:, 0]).all()
    return bool(
        spot.slimness < 1.25  # noqa: PLR2004 - round
        and _ROUND[0] < filled < _ROUND[1]
        and spot.area >= 4 * _LEAST_LAMP
        and bottom < 0.6 * shape[0]
        and sky
        and spot.contrast > 0.08  # noqa: PLR2004 - the sky beside the sun is bright too
    )


def _with_moon(out: Pixels, disc: _Spot, scale: float) -> Pixels:
    """Return the picture with a moon, whole and softly shaded, where a disc was."""
    height, width = out.shape[:2]
    rows, columns = np.nonzero(disc.cells)
    cy, cx = (rows.mean() + 0.5) * scale, (columns.mean() + 0.5) * scale
    radius = np.float32((sqrt(disc.area / pi) + 0.8) * scale)
    y, x = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    dx, dy = (x[None, :] + 0.5 - cx) / radius, (y[:, None] + 0.5 - cy) / radius
    away = np.sqrt(dx * dx + dy * dy)
    inside = (1 - smoothstep(0.97, 1.05, away))[..., None]
    shade = (0.96 - 0.1 * away**2 - 0.05 * (dx + dy))[..., None]
    moon = np.array([0.86, 0.9, 0.98], np.float32) * np.clip(shade, 0, 1)
    halo = np.exp(-np.maximum(away - 1, 0) * 1.6)[..., None] * np.float32(0.16)
    sky = out + np.array([0.55, 0.7, 1.0], np.float32) * halo
    result: Pixels = sky + (moon - sky) * inside
    return result


__all__ = ["night"]
