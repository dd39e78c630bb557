"""The typeface of the house: DejaVu Sans, as matplotlib ships it, and how it is set.

Prompts are text, never markup: what is typed is what is drawn. A letter that the
typeface lacks comes from another installed font that has it, run by run; what no font
has is drawn as a clear box. HTML has the browser's fonts and needs none of this.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

BOX = "\u25af"  # stands for a letter that no installed font has
ELLIPSIS = "…"
_DOT = "·"
_REPLACEMENT = "\ufffd"
_JOINER = "\u200c"  # the one invisible character that changes how words are read
_SELECTORS = range(0xFE00, 0xFE10)  # they choose between glyphs that we do not have

_ODDITIES = (
    *("bold", "black", "light", "thin", "italic", "oblique", "condensed", "narrow"),
    *("serif", "mono", "math", "display"),
)


@cache
def face(*, bold: bool = False) -> Path:
    """Return the font file; it is always there, whatever the system has installed."""
    name = Path("fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    # To import matplotlib for it takes longer than to paint a picture.
    found = find_spec("matplotlib")
    if found and found.origin:
        usual = Path(found.origin).with_name("mpl-data") / name
        if usual.is_file():
            return usual
    import matplotlib as mpl  # a distribution may keep them elsewhere

    return Path(mpl.get_data_path(), name)


@cache
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return the typeface at ``size`` pixels per em."""
    return _font(face(bold=bold), size)


@cache
def charmap() -> Mapping[int, int]:
    """Return the code points that the typeface can draw, with their glyph numbers."""
    from matplotlib.ft2font import FT2Font

    covered: Mapping[int, int] = FT2Font(str(face())).get_charmap()
    return covered


def whole(text: str) -> str:
    """Return text that every file can hold: no lone surrogates, no control codes.

    Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        _REPLACEMENT
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
        else char
        for char in text
    )


def legible(text: str) -> str:
    """Return the one line of text that can be drawn, letter for letter.

    White space of any kind becomes one space; what has no shape of its own (joiners,
    direction overrides, variation selectors) is left out; what no font has is a box.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    visible = (char for char in " ".join(whole(text).split()) if not _formless(char))
    return "".join(char if _source(char, bold=False) else BOX for char in visible)


def runs(text: str, *, bold: bool = False) -> tuple[tuple[str, Path], ...]:
    """Split legible text into runs that one font file can draw."""
    if text.isascii():
        return ((text, face(bold=bold)),) if text else ()
    return tuple(
        ("".join(chars), path)
        for path, chars in groupby(text, lambda char: _drawn_by(char, bold=bold))
    )


@lru_cache(maxsize=8192)
def width(text: str, size: int, *, bold: bool = False) -> float:
    """Return how wide legible text is at ``size``, in pixels."""
    return sum(
        _font(path, size).getlength(part) for part, path in runs(text, bold=bold)
    )


def write(
    draw: ImageDraw,
    at: tuple[float, float],
    text: str,
    *,
    size: int,
    fill: str,
    bold: bool = False,
) -> None:
    """Draw one line of legible text; ``at`` is its left end on the baseline."""
    x, y = at
    for part, path in runs(text, bold=bold):
        used = _font(path, size)
        draw.text((x, y), part, font=used, fill=fill, anchor="ls")
        x += used.getlength(part)


def wrap(
    text: str, room: float, size: int, *, lines: int, bold: bool = False
) -> tuple[str, ...]:
    """Set text in at most ``lines`` lines no wider than ``room`` pixels.

    The lines are balanced: as even as their number allows. What does not fit ends in
    an ellipsis. A single letter is never refused, however narrow the room.
    """
    pieces = [
        (piece, width(piece, size, bold=bold))
        for word in _pieces(legible(text))
        for piece in _cut(word, room, size, bold=bold)
    ]
    space = width(" ", size, bold=bold)
    filled = _fill(pieces, room, space, lines + 1)
    if len(filled) > lines:
        last = _shortened(filled[lines - 1], room, size, bold=bold)
        return (*filled[: lines - 1], last)
    low, high = room / 2, room
    while high - low > 1:  # the narrowest room that needs no further line
        middle = (low + high) / 2
        trial = _fill(pieces, middle, space, len(filled) + 1)
        low, high = (low, middle) if len(trial) == len(filled) else (middle, high)
    return tuple(_fill(pieces, high, space, lines))


def _fill(
    pieces: list[tuple[str, float]], room: float, space: float, lines: int
) -> list[str]:
    """Fill lines greedily and stop after ``lines`` of them."""
    filled: list[str] = []
    line, used = "", 0.0
    for piece, wide in pieces:
        gap = piece.startswith(" ")
        if line and used + wide > room:
            filled.append(line)
            if len(filled) == lines:
                return filled
            line, used = "", 0.0
        line, used = (
            (line + piece, used + wide)
            if line or not gap
            else (piece[1:], wide - space)
        )
    return [*filled, line] if line else filled


def _pieces(text: str) -> Iterator[str]:
    """Yield what may not be broken: words with the space before, single ideographs."""
    piece = ""
    for char, following in zip(text, text[1:] + " ", strict=False):
        wide = unicodedata.east_asian_width(char) in "WF"
        closing = unicodedata.category(char) in ("Pe", "Pf", "Po")
        after_wide = bool(piece) and unicodedata.east_asian_width(piece[-1]) in "WF"
        # A line never begins with a closing mark: it stays with what it closes. Nor
        # with the dot between two facts.
        gap = char == " " and following != _DOT
        if piece and (gap or ((wide or after_wide) and not closing)):
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def _cut(piece: str, room: float, size: int, *, bold: bool) -> Iterator[str]:
    """Cut a word that is wider than a line into parts that are not."""
    while len(piece) > 1 and width(piece.strip(), size, bold=bold) > room:
        kept = len(_fitting(piece, room, size, bold=bold)) or 1
        yield piece[:kept]
        piece = piece[kept:]
    yield piece


def _shortened(line: str, room: float, size: int, *, bold: bool) -> str:
    """End the line with an ellipsis, within the room."""
    left = room - width(ELLIPSIS, size, bold=bold)
    return _fitting(line, left, size, bold=bold).rstrip(" ,;:.") + ELLIPSIS


def _fitting(text: str, room: float, size: int, *, bold: bool) -> str:
    """Return the longest beginning of ``text`` that is no wider than ``room``."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(text[:middle], size, bold=bold) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low]


def _formless(char: str) -> bool:
    """Tell whether the character only changes how others are drawn."""
    if char == _JOINER:
        return False
    return unicodedata.category(char) == "Cf" or ord(char) in _SELECTORS


def _drawn_by(char: str, *, bold: bool) -> Path:
    """Return the font file that draws a legible character."""
    return _source(char, bold=bold) or face(bold=bold)


@cache
def _source(char: str, *, bold: bool) -> Path | None:
    """Return the font file that has the character, or None when none has."""
    own = face(bold=bold)
    if ord(char) in _covered(own):
        return own
    # Only now is it worth asking what else is installed: most text never does.
    candidates = (face(), *_installed())
    return next((path for path in candidates if ord(char) in _covered(path)), None)


@cache
def _installed() -> tuple[Path, ...]:
    """Return the installed fonts, those that go best with a sans serif first."""
    from matplotlib.font_manager import findSystemFonts

    return tuple(sorted(map(Path, findSystemFonts(fontext="ttf")), key=_strangeness))


def _strangeness(path: Path) -> tuple[int, str]:
    """Rank a font by its file name: a plain sans is 0, every oddity adds one."""
    name = path.stem.lower().replace("sansserif", "")
    return sum(word in name for word in _ODDITIES), str(path)


@cache
def _covered(path: Path) -> frozenset[int]:
    """Return the code points that a font file can draw at any size."""
    from matplotlib.ft2font import FT2Font

    if path == face():
        return frozenset(charmap())
    if "lastresort" in path.stem.lower().replace(" ", ""):
        return frozenset()  # it claims every character and draws only placeholders
    try:
        opened = FT2Font(str(path))
    except (OSError, RuntimeError):
        return frozenset()  # a damaged font on this machine is not the sheet's concern
    # Bitmap fonts (colour emoji) come in one size only and cannot set a line of text.
    return frozenset(opened.get_charmap()) if opened.scalable else frozenset()


@cache
def _font(path: Path, size: int) -> FreeTypeFont:
    """Return a font file at ``size`` pixels per em."""
    from PIL import ImageFont

    return ImageFont.truetype(path, size)
