"""Things the demo engine adds: symbols of the typeface, or a plainly labelled card."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING

from kontext_nb.demo.grammar import Add
from kontext_nb.demo.placing import spots
from kontext_nb.demo.refusals import DemoRefusal, quoted, readable
from kontext_nb.lettering import charmap, font

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    Rgb = tuple[int, int, int]

PLACEHOLDER = "placeholder · demo engine"
"""What stands on a card drawn for a thing that the typeface has no symbol of."""

_SYMBOL_BLOCKS = (
    (0x2300, 0x23FF),
    (0x2600, 0x27BF),
    (0x2B00, 0x2BFF),
    (0x1F300, 0x1FAFF),
)
_KNOWN_AS = {
    "cat": "cat face",
    "check": "heavy check mark",
    "coffee": "hot beverage",
    "cross": "heavy greek cross",
    "crown": "black chess queen",
    "cup": "hot beverage",
    "cup of coffee": "hot beverage",
    "flower": "black florette",
    "flash": "high voltage sign",
    "horse": "black chess knight",
    "letter": "envelope",
    "lightning": "high voltage sign",
    "lightning bolt": "high voltage sign",
    "moon": "last quarter moon",
    "note": "beamed eighth notes",
    "music": "beamed eighth notes",
    "music note": "beamed eighth notes",
    "phone": "black telephone",
    "plane": "airplane",
    "rain": "umbrella with rain drops",
    "skull": "skull and crossbones",
    "smile": "black smiling face",
    "smiley": "black smiling face",
    "sparkles": "sparkle",
    "sword": "crossed swords",
    "sun": "black sun with rays",
    "tower": "black chess rook",
}
# Words that stand in many names and would be answered with something unexpected.
_TOO_COMMON = frozenset(
    ("sign", "symbol", "mark", "face", "man", "box", "bar", "letter", "half", "with",
     "and", "square", "small", "large", "line", "hand", "left", "right", "black",
     "white", "paper", "dot", "point", "table", "earth", "play")
)  # fmt: skip
# Words in their own right that are a letter away from a symbol's name.
_ORDINARY = frozenset(
    ("barrow", "cart", "coat", "crow", "fountain", "hearth", "marrow", "planet",
     "plant", "stair", "train", "tree")
)  # fmt: skip
_ALIKE = 0.84  # difflib's ratio from which a word is taken for another, mistyped
_CARD_RATIO = 0.54
_INK, _PALE = (38, 42, 50, 255), (104, 110, 122, 255)  # a card's word and its caption
_USUAL_COLOURS: tuple[tuple[str, Rgb], ...] = (
    ("HEART", (222, 40, 62)),
    ("SUN", (255, 196, 40)),
    ("STAR", (255, 204, 51)),
    ("QUEEN", (240, 184, 48)),
    ("VOLTAGE", (255, 210, 50)),
    ("CLOUD", (246, 248, 252)),
    ("SNOWMAN", (150, 178, 206)),
    ("SNOW", (196, 226, 250)),
    ("MOON", (250, 226, 150)),
    ("UMBRELLA", (206, 48, 70)),
    ("FLORETTE", (240, 112, 160)),
    ("SHAMROCK", (60, 160, 80)),
    ("BEVERAGE", (120, 76, 46)),
)
_PLAIN: tuple[int, int, int] = (242, 108, 84)


@cache
def _symbols() -> dict[str, str]:
    """Return the pictograms the typeface can draw, by Unicode name."""
    return {
        name: char
        for first, last in _SYMBOL_BLOCKS
        for code in range(first, last + 1)
        if code in charmap()
        for char in [chr(code)]
        if unicodedata.category(char) == "So" and (name := unicodedata.name(char, ""))
    }


def symbol(thing: str) -> str | None:
    """Return the character for a thing: its exact name, BLACK X, or a name with X."""
    for noun in (thing, thing.removesuffix("s"), thing.removesuffix("es")):
        name = _KNOWN_AS.get(noun, noun).upper()
        names = _symbols()
        if name in names:
            return names[name]
        if not name or name.casefold() in _TOO_COMMON:
            continue
        if filled := [n for n in names if n.startswith(f"BLACK {name}")]:
            return names[min(filled, key=len)]
        if holding := [n for n in names if f" {name} " in f" {n} "]:
            return names[min(holding, key=len)]
    return None


def added(image: Image, wanted: Add, rng: np.random.Generator) -> Image:
    """Return the picture with the thing drawn ``count`` times around its anchor.

    Raises:
        DemoRefusal: The thing is most likely a symbol's name, mistyped.
    """
    out = image.copy()
    short = min(out.size)
    char = symbol(wanted.thing)
    if char is None and (meant := _meant(wanted.thing)):
        raise DemoRefusal(
            f"The demo engine has no symbol of {quoted(wanted.thing)}.",
            f"Did you mean {meant}?",
        )
    side = round(short * (0.2 if char else 0.3) * wanted.size)
    side = max(8, min(side, round(short * 0.8)))
    size = side, side if char else round(side * _CARD_RATIO)
    centres, shrink = spots(
        image, wanted.anchor, wanted.count, size, loose=wanted.loose
    )
    side = max(4, int(side * shrink))
    for x, y in centres:
        # Less than half the gap between two: what is added does not overlap.
        jitter = rng.uniform(-0.04, 0.04, 2) * side
        if char:
            rgb = wanted.colour.rgb if wanted.colour else _usual_colour(char)
            size_here = round(side * float(rng.uniform(0.96, 1.04)))
            sprite = _drawn_symbol(char, size_here, rgb)
        else:
            sprite = _card(wanted, side)
        _place(out, sprite, (x + jitter[0], y + jitter[1]))
    return out


def _meant(thing: str) -> str | None:
    """Return the symbol's name that a thing is a slip of the pen for, if any."""
    single = thing.removesuffix("s")
    if thing in _ORDINARY or single in _ORDINARY:
        return None
    plain = {
        name.split(" ")[-1].casefold()
        for name in _symbols()
        if re.fullmatch(r"(?:(?:BLACK|WHITE|HEAVY) )?[A-Z]{4,}", name)
    }
    names = sorted((plain | _KNOWN_AS.keys()) - _TOO_COMMON)
    near = get_close_matches(thing, names, 1, _ALIKE) or get_close_matches(
        single, names, 1, _ALIKE
    )
    return near[0] if near else None


def _usual_colour(char: str) -> Rgb:
    """Return the colour people expect of a symbol when they name none."""
    name = unicodedata.name(char)
    return next((rgb for word, rgb in _USUAL_COLOURS if word in name), _PLAIN)


def _drawn_symbol(char: str, side: int, rgb: Rgb) -> Image:
    """Return a symbol as RGBA: lit from above, with a rim a shade darker."""
    from PIL import Image, ImageChops, ImageDraw, ImageFilter

    big = side * 2
    face = font(big * 2)
    left, top, right, bottom = face.getbbox(char)
    glyph = Image.new("L", (round(right - left), round(bottom - top)))
    ImageDraw.Draw(glyph).text((-left, -top), char, 255, face)
    scale = side / max(glyph.size)
    size = max(1, round(glyph.width * scale)), max(1, round(glyph.height * scale))
    mask = glyph.resize(size, Image.Resampling.LANCZOS)
    light = tuple(round(v + (255 - v) * 0.34) for v in rgb)
    deep = tuple(round(v * 0.9) for v in rgb)
    ramp = Image.linear_gradient("L").resize(size)
    fill = Image.composite(
        Image.new("RGB", size, deep), Image.new("RGB", size, light), ramp
    )
    soft = mask.filter(ImageFilter.GaussianBlur(max(1, side / 60)))
    rim = ImageChops.multiply(ImageChops.invert(soft), mask).point(lambda v: v // 2)
    fill.paste(Image.new("RGB", size, tuple(round(v * 0.55) for v in rgb)), mask=rim)
    inner = _interior(mask)
    if inner is None:
        fill.putalpha(mask)
        return fill
    # An outlined symbol (a snowman) is a drawing: pale inside, dark lines.
    pale = tuple(round(v + (255 - v) * 0.72) for v in rgb)
    lines = Image.new("RGB", size, tuple(round(v * 0.42) for v in rgb))
    drawing = Image.composite(lines, Image.new("RGB", size, pale), mask)
    drawing.putalpha(ImageChops.lighter(mask, inner))
    return drawing


def _interior(mask: Image) -> Image | None:
    """Return what a glyph's lines enclose, or None if it is little: a filled symbol."""
    from PIL import Image, ImageDraw

    small = Image.new("L", (98, 98))
    small.paste(mask.resize((96, 96)), (1, 1))
    flood = small.point(lambda v: 255 if v > 70 else 0)  # noqa: PLR2004 - a thin line counts
    lines = flood.histogram()[255]
    ImageDraw.floodfill(flood, (0, 0), 128)
    if flood.histogram()[0] < lines * 0.7:
        return None
    inner = flood.point(lambda v: 255 if v == 0 else 0).crop((1, 1, 97, 97))
    return inner.resize(mask.size, Image.Resampling.BICUBIC)


def _card(wanted: Add, width: int) -> Image:
    """Return a rounded card as RGBA that says what it stands for, and that it does."""
    from PIL import Image, ImageDraw

    rgb = wanted.colour.rgb if wanted.colour else (112, 128, 150)
    width = max(width, 24)
    height = max(round(width * _CARD_RATIO), 14)
    w, h = width * 3, height * 3  # drawn large, so that edges come out smooth
    big = Image.new("RGBA", (w, h))
    draw = ImageDraw.Draw(big)
    round_by, edge = h * 0.16, max(2, w // 110)
    draw.rounded_rectangle((0, 0, w - 1, h - 1), round_by, (*rgb, 255))
    draw.rounded_rectangle(
        (edge, edge, w - 1 - edge, h - 1 - edge),
        round_by - edge,
        (251, 251, 250, 255),
    )
    line = w * 0.36, h * 0.64, w * 0.64, h * 0.64 + max(3, h // 36)
    draw.rounded_rectangle(line, h, (*rgb, 255))
    thing = wanted.thing
    if wanted.count > 1:
        thing = re.sub(r"(?<=[^s])s$", "", thing)
    words = wrap(readable(thing, 32), 16) or [thing]
    share, step = (0.4, 0.0) if len(words) == 1 else (0.24, 0.25)
    texts = [
        (word, share, 0.36 + step * (i - (len(words[:2]) - 1) / 2), _INK, True)
        for i, word in enumerate(words[:2])
    ]
    for text, part, at, ink, bold in (*texts, (PLACEHOLDER, 0.125, 0.81, _PALE, False)):
        size = round(h * part)
        length = font(size, bold=bold).getlength(text)
        size = max(6, min(size, int(size * w * 0.86 / length)))
        draw.text((w / 2, h * at), text, ink, font(size, bold=bold), anchor="mm")
    return big.resize((width, height), Image.Resampling.LANCZOS)


def _place(image: Image, sprite: Image, centre: tuple[float, float]) -> None:
    """Paste a sprite where it is wholly visible, over its own soft shadow."""
    from PIL import Image, ImageFilter

    margin = max(2, max(sprite.size) // 10)
    x = min(max(centre[0] - sprite.width / 2, 2), image.width - sprite.width - 2)
    y = min(max(centre[1] - sprite.height / 2, 2), image.height - sprite.height - 2)
    shade = Image.new("L", (sprite.width + 2 * margin, sprite.height + 2 * margin))
    shade.paste(sprite.getchannel("A").point(lambda v: v * 2 // 5), (margin, margin))
    shade = shade.filter(ImageFilter.GaussianBlur(margin / 2.5))
    drop = round(x) - margin + margin // 4, round(y) - margin + margin // 2
    image.paste((18, 16, 24), drop, shade)
    image.paste(sprite.convert("RGB"), (round(x), round(y)), sprite.getchannel("A"))
