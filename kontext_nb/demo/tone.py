"""Whole-picture effects of the demo engine: tones and looks.

Pictures are float32 (height, width, 3), 0 to 1, sRGB; every function returns a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from kontext_nb.demo.grammar import Look, Tone
from kontext_nb.demo.nightfall import night
from kontext_nb.demo.regions import (
    blurred,
    grid,
    luma,
    smoothstep,
    subject,
    to_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]


def toned(pixels: Pixels, tone: Tone) -> Pixels:
    """Apply a change of brightness, warmth, contrast or saturation."""
    amount = float(np.clip(tone.amount, -2, 2))
    match tone.axis:
        case "brightness":  # a gamma keeps black and white where they are
            return np.clip(pixels, 0, 1) ** np.float32(2 ** (-0.55 * amount))
        case "warmth":
            gains = np.array([0.1, 0.015, -0.16], np.float32) * amount
            warm = pixels * (1 + gains)
            return warm * ((luma(pixels) + 1e-3) / (luma(warm) + 1e-3))[..., None]
        case "contrast":
            middle = float(np.clip(luma(pixels).mean(), 0.25, 0.75))
            return _contrasted(pixels, middle, amount)
        case _:
            grey = luma(pixels)[..., None]
            factor = 1 + 0.45 * amount if amount > 0 else max(0.0, 1 + 0.5 * amount)
            return grey + (pixels - grey) * np.float32(factor)


def _contrasted(pixels: Pixels, middle: float, amount: float) -> Pixels:
    """Steepen or flatten the curve around ``middle``, without clipping the ends."""
    if amount < 0:
        return middle + (pixels - middle) * np.float32(max(0.2, 1 + 0.3 * amount))
    above = np.clip((pixels - middle) / (1 - middle), 0, 1)
    below = np.clip((middle - pixels) / middle, 0, 1)
    power = np.float32(2 ** (0.55 * amount))
    up = 1 - (1 - above) ** power
    down = 1 - (1 - below) ** power
    out: Pixels = middle + up * np.float32(1 - middle) - down * np.float32(middle)
    return out


def monochrome(pixels: Pixels, _rng: np.random.Generator) -> Pixels:
    """Return black and white, with a little more contrast, as it is printed."""
    grey = luma(pixels)[..., None]
    printed = grey + (_contrasted(grey, 0.48, 0.6) - grey) * np.float32(0.6)
    return printed.repeat(3, -1)


def sepia(pixels: Pixels, _rng: np.random.Generator) -> Pixels:
    """Return a brown-toned print: dark umber shadows, cream lights."""
    grey = luma(pixels)[..., None]
    shadow = np.array([0.13, 0.075, 0.04], np.float32)
    middle = np.array([0.6, 0.44, 0.29], np.float32)
    light = np.array([1.0, 0.95, 0.83], np.float32)
    low = shadow + (middle - shadow) * np.minimum(grey * 2, 1)
    out: Pixels = low + (light - middle) * np.maximum(grey * 2 - 1, 0)
    return out


def sunset(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return golden hour: a warm gradient, a low sun's haze, violet shadows."""
    height, width = pixels.shape[:2]
    grey = luma(pixels)[..., None]
    y, x = grid(height, width)
    base = _contrasted(pixels, 0.5, 0.25) ** np.float32(1.22)
    light = np.array([1.16, 0.84, 0.5], np.float32)
    shade = np.array([0.98, 0.72, 0.84], np.float32)
    out = base * (shade + (light - shade) * smoothstep(0.1, 0.7, grey))
    sun_x = 0.5 + float(rng.choice([-1, 1])) * float(rng.uniform(0.26, 0.34))
    reach = np.exp(-(((x - sun_x) / 0.5) ** 2) - ((y - 0.3) / 0.34) ** 2)[..., None]
    sky = np.exp(-((y / 0.55) ** 2))[..., None]
    glow = np.array([1.0, 0.55, 0.18], np.float32) * (0.34 * reach)
    glow = glow + np.array([0.9, 0.36, 0.28], np.float32) * (0.1 * sky)
    screened: Pixels = 1 - (1 - np.clip(out, 0, 1)) * (1 - glow)  # nothing clips
    return screened


def sketch(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return pencil on paper: lines by dodge blend, hatching for tone, paper grain."""
    height, width = pixels.shape[:2]
    grey = luma(pixels)
    radius = max(height, width) / 260
    dodge = np.clip(grey / (blurred(grey, radius) + 1e-3), 0, 1)
    lines = dodge ** np.float32(3.2)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain = rng.normal(0, 1, (height, width)).astype(np.float32)
    tooth = blurred(np.clip(0.5 + grain * 0.2, 0, 1), 0.8) - 0.5
    hatch = 0.5 + 0.5 * np.sin((x + y) * np.float32(1.05) + tooth * 14)
    tone = 1 - blurred(grey, 2)
    strokes = 1 - 0.5 * smoothstep(0.3, 0.95, tone) * (0.35 + 0.65 * hatch)
    graphite = np.clip(lines * strokes, 0, 1)
    graphite = graphite + tooth * (0.12 + 0.7 * (1 - graphite))
    paper = np.array([0.985, 0.972, 0.945], np.float32)
    lead = np.array([0.17, 0.17, 0.19], np.float32)
    out: Pixels = lead + (paper - lead) * np.clip(graphite, 0, 1)[..., None]
    return out


def blurred_background(pixels: Pixels, _rng: np.random.Generator) -> Pixels:
    """Blur what is not the subject, as a wide-open lens does."""
    height, width = pixels.shape[:2]
    mask = subject(pixels)[..., None]
    # The subject is taken out before blurring, else it would bleed into a halo.
    image = Image.fromarray(to_bytes(pixels * (1 - mask)))
    weight = Image.fromarray(to_bytes(1 - mask[..., 0]))
    radius = max(height, width) / 90
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    share = np.asarray(weight.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    behind = soft / np.maximum(share, 6)[..., None]
    return pixels * mask + behind * (1 - mask)


_LOOKS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "monochrome": monochrome,
    "sepia": sepia,
    "night": night,
    "sunset": sunset,
    "sketch": sketch,
    "blur": blurred_background,
}


def look(pixels: Pixels, wanted: Look, rng: np.random.Generator) -> Pixels:
    """Apply a look; an adverb ("slightly") mixes it with the picture."""
    share = np.float32(min(1.0, wanted.strength))
    changed = _LOOKS[wanted.name](pixels, rng)
    return pixels + (changed - pixels) * share if share < 1 else changed
