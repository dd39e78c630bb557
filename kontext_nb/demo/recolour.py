"""Recolouring: find the thing by its colour, then turn its hue and keep its shading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.colours import Colour
from kontext_nb.demo.grammar import Recolour
from kontext_nb.demo.phrases import PICTURE
from kontext_nb.demo.refusals import DemoRefusal, WhichPart, readable
from kontext_nb.demo.regions import (
    grid,
    hue_chroma,
    largest,
    low_channel,
    luma,
    near_grey,
    near_hue,
    smoothstep,
    top_channel,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]

LUMA_TOLERANCE = 0.18
"""How far a plain colour ("red", not "dark red") may move a region's mean luma."""

_GREY_CHROMA = 0.14  # below this a named colour counts as black, grey or white
# Things that are known by where they are: the band they fill, top and bottom (0 to 1).
_BANDS = {
    "sky": (-1.0, 0.45),
    "grass": (0.5, 2.0),
    "ground": (0.55, 2.0),
    "floor": (0.55, 2.0),
    "lawn": (0.5, 2.0),
    "road": (0.6, 2.0),
    "street": (0.6, 2.0),
    "table": (0.55, 2.0),
    "wall": (-1.0, 0.78),
}
_SURFACES = frozenset({*_BANDS, "walls", "water", "sea"})


LEAST_SHARE = 2e-4
"""A thing covers at least this share of the picture; fewer pixels are stray."""


def recoloured(pixels: Pixels, wanted: Recolour) -> Pixels:
    """Return the picture with the thing in its new colour, unchanged if not found.

    Raises:
        WhichPart: The thing's present colour is not named. Words cannot be seen in
            pixels: a guess would paint something else and call it done.
    """
    if wanted.source is None:
        raise _not_told(wanted)
    mask = found(pixels, wanted.subject, wanted.source)
    if float(mask.mean()) < LEAST_SHARE:
        return pixels
    return pixels + (_tinted(pixels, mask, wanted.target) - pixels) * mask[..., None]


def _not_told(wanted: Recolour) -> DemoRefusal:
    """Return the refusal of a thing that is named without its colour."""
    target = wanted.target.name
    example = "green" if "red" in target else "red"
    if not wanted.subject or re.fullmatch(PICTURE, wanted.subject):
        return DemoRefusal(
            "The demo engine does not colour the whole picture.",
            "Name one thing and its present colour, for example: "
            f"Change the {example} car to {target}.",
        )
    return WhichPart(
        wanted.subject,
        "Name its present colour, for example: "
        f"Change the {example} {readable(wanted.subject, 40)} to {target}.",
    )


def found(pixels: Pixels, thing: str, colour: Colour) -> Pixels:
    """Return where a thing of a colour is, (height, width), 0 to 1."""
    noun = thing.rsplit(maxsplit=1)[-1] if thing else ""
    height, width = pixels.shape[:2]
    y, _ = grid(height, width)
    top, bottom = _BANDS.get(noun, (-1.0, 2.0))
    prior = smoothstep(top - 0.05, top + 0.05, y) * (
        1 - smoothstep(bottom - 0.08, bottom + 0.08, y)
    )
    surface = noun in _SURFACES
    mask = _of_colour(pixels, colour, prior, surface=surface)
    every = surface or noun.endswith("s")
    return largest(mask, centred=False, keep=0.03 if every else 0.45)


def _of_colour(
    pixels: Pixels, source: Colour, prior: Pixels, *, surface: bool
) -> Pixels:
    """Mask a named colour; the picture's own shade of it counts, not the book's."""
    rgb = np.array(source.rgb, np.float32).reshape(1, 1, 3) / 255
    hue, chroma = hue_chroma(rgb)
    if float(chroma[0, 0]) < _GREY_CHROMA:
        return near_grey(pixels, float(luma(rgb)[0, 0])) * prior
    return _of_hue(pixels, float(hue[0, 0]), prior, reach=0.075, surface=surface)


def _of_hue(
    pixels: Pixels, hue: float, prior: Pixels, *, reach: float, surface: bool = False
) -> Pixels:
    """Mask the main shade within ``reach`` turns of a hue, as saturated as most.

    A surface ("wall", "sky") is large and unevenly lit, so it may be paler in places.
    """
    few = pixels[::4, ::4]
    hues, chromas = hue_chroma(few)
    relative = chromas / (few.max(-1) + 0.12)
    away = (hues - hue + 0.5) % 1 - 0.5
    here = np.broadcast_to(prior, pixels.shape[:2])[::4, ::4]
    close = np.clip(1 - (away / reach) ** 2, 0, 1) * (relative > 0.12)  # noqa: PLR2004 - not grey
    weight = relative**3 * close * here
    if float(weight.mean()) < 3e-5:  # noqa: PLR2004 - that colour is not there
        return np.zeros(pixels.shape[:2], np.float32)
    steps = np.clip(((away / reach + 1) * 12).astype(int), 0, 24).ravel()
    counts = np.bincount(steps, weight.ravel(), 25)
    peak = int(np.argmax(np.convolve(counts, (1, 2, 1), "same")))
    centre = hue + ((peak + 0.5) / 12 - 1) * reach
    usual = float((relative * weight).sum() / weight.sum())
    low, high = (0.3, 0.5) if surface else (0.7, 0.86)
    return near_hue(pixels, centre % 1, (low * usual, high * usual)) * prior


def _tinted(pixels: Pixels, mask: Pixels, target: Colour) -> Pixels:
    """Return the whole picture in the target colour, with its own shading.

    Each pixel keeps its luma (moved by what the name asks, see `_depth`) and gets the
    target's direction of chroma, as strong as its own chroma was beside its
    neighbours', so that highlights stay white. Chroma that would leave the gamut is
    shortened, never clipped: clipping would change the luma.
    """
    rgb = np.array(target.rgb, np.float32) / 255
    grey = luma(pixels)
    goal = float(luma(rgb))
    level = _depth(grey, mask, goal, target)
    top = top_channel(pixels)
    relative = (top - low_channel(pixels)) / (top + np.float32(0.12))
    sample = relative[::3, ::3][mask[::3, ::3] > 0.5]  # noqa: PLR2004 - inside the mask
    usual = float(np.percentile(sample, 70)) + 0.05 if sample.size else 1.0
    strength = np.clip(relative / usual, 0, 1.15)
    direction = rgb - goal
    wanted = strength * np.clip(level / max(goal, 0.05), 0.12, 2.4)
    room = np.full_like(grey, np.inf)
    for part in direction:
        if part > 0:
            room = np.minimum(room, (1 - level) / part)
        elif part < 0:
            room = np.minimum(room, level / -part)
    chroma = np.minimum(wanted, room)[..., None] * direction
    out: Pixels = level[..., None] + chroma
    return out


def _depth(grey: Pixels, mask: Pixels, goal: float, target: Colour) -> Pixels:
    """Move the luma toward the target's: all the way only if its name says so."""
    inside = mask > 0.5  # noqa: PLR2004 - inside the mask
    middle = float(np.median(grey[inside])) if inside.any() else float(grey.mean())
    middle = min(max(middle, 0.03), 0.97)
    if target.sets_depth:
        shift = (goal - middle) * 0.88
    else:
        shift = float(np.clip((goal - middle) * 0.6, -LUMA_TOLERANCE, LUMA_TOLERANCE))
    aim = min(max(middle + shift, 0.03), 0.97)
    # A gamma that carries the median there leaves black black and white white.
    return np.clip(grey, 1e-4, 1) ** np.float32(np.log(aim) / np.log(middle))


__all__ = ["LEAST_SHARE", "LUMA_TOLERANCE", "found", "recoloured"]
