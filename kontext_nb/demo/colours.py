"""Colour names as people write them, and what they mean in sRGB."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMED: dict[str, tuple[int, int, int]] = {
    "amber": (245, 170, 20),
    "beige": (222, 206, 172),
    "black": (22, 22, 24),
    "blue": (38, 92, 200),
    "brown": (122, 76, 42),
    "burgundy": (112, 18, 44),
    "coral": (255, 120, 90),
    "cream": (250, 240, 212),
    "crimson": (196, 22, 52),
    "cyan": (20, 190, 220),
    "emerald": (22, 150, 98),
    "forest green": (30, 100, 48),
    "gold": (226, 170, 42),
    "golden": (226, 170, 42),
    "gray": (128, 128, 128),
    "green": (44, 150, 66),
    "grey": (128, 128, 128),
    "indigo": (70, 40, 150),
    "ivory": (250, 246, 230),
    "lavender": (180, 160, 225),
    "lime": (150, 210, 30),
    "magenta": (214, 32, 150),
    "maroon": (110, 24, 34),
    "mint": (150, 222, 188),
    "navy": (24, 38, 98),
    "navy blue": (24, 38, 98),
    "olive": (120, 122, 42),
    "orange": (242, 128, 24),
    "pink": (242, 130, 172),
    "purple": (124, 50, 158),
    "red": (206, 34, 38),
    "royal blue": (52, 84, 214),
    "salmon": (246, 144, 122),
    "silver": (188, 192, 198),
    "sky blue": (118, 186, 236),
    "teal": (14, 128, 128),
    "turquoise": (52, 198, 190),
    "violet": (138, 70, 200),
    "white": (246, 246, 244),
    "yellow": (246, 208, 34),
}
_DEPTHS = ("black", "white", "grey", "gray", "silver", "beige", "cream", "ivory")
_DEEP_NAMES = ("brown", "burgundy", "forest green", "maroon", "mint", "olive")
_SHADES = {
    "light": (255, 0.48),
    "pale": (255, 0.6),
    "pastel": (250, 0.5),
    "dark": (0, 0.5),
    "deep": (0, 0.38),
    "bright": (255, 0.0),
    "vivid": (255, 0.0),
    "matte": (118, 0.22),
}

PHRASE = rf"(?:(?:{'|'.join(_SHADES)})\s+)*(?:{'|'.join(sorted(_NAMED, reverse=True))})"
"""A regular expression (without groups) for a colour as people write it."""


@dataclass(frozen=True, slots=True)
class Colour:
    """A named colour.

    Args:
        name: As it was written, in lower case.
        rgb: sRGB, 0 to 255.
        sets_depth: Whether the name also says how light or dark it is ("dark red",
            "white"), so that a recoloured thing has to move there.
    """

    name: str
    rgb: tuple[int, int, int]
    sets_depth: bool = False


def colour(phrase: str) -> Colour:
    """Return what a colour phrase means: "green", "dark red", "light sky blue".

    Raises:
        KeyError: It is no colour phrase (see `PHRASE`).
    """
    words = phrase.split()
    shades = []
    while words and words[0] in _SHADES and " ".join(words) not in _NAMED:
        shades.append(words.pop(0))
    base = " ".join(words)
    rgb = _NAMED[base]
    for shade in shades:
        toward, share = _SHADES[shade]
        red, green, blue = (round(v + (toward - v) * share) for v in rgb)
        rgb = (red, green, blue)
    deep = base in _DEPTHS or base in _DEEP_NAMES or base.startswith("navy")
    return Colour(" ".join(phrase.split()), rgb, sets_depth=bool(shades) or deep)


def first_colour(text: str) -> Colour | None:
    """Return the first colour named in ``text``, if any."""
    found = re.search(rf"\b({PHRASE})\b", text)
    return colour(found[1]) if found else None
