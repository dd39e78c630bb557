"""The typeface of the house: DejaVu Sans, as matplotlib ships it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


def face(*, bold: bool = False) -> Path:
    """Return the font file; it is always there, whatever the system has installed."""
    import matplotlib as mpl

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(mpl.get_data_path(), "fonts", "ttf", name)


@cache
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return the typeface at ``size`` pixels per em."""
    from PIL import ImageFont

    return ImageFont.truetype(face(bold=bold), size)


@cache
def charmap() -> Mapping[int, int]:
    """Return the code points that the typeface can draw, with their glyph numbers."""
    from matplotlib.ft2font import FT2Font

    covered: Mapping[int, int] = FT2Font(str(face())).get_charmap()
    return covered
