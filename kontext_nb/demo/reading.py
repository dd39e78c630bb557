"""Find where a known word is written in a picture, without reading it.

The word is rendered in a few typefaces and looked for by correlation. A coarse search
keeps the lettering at one small height and shrinks the picture instead, so that large
lettering is found on small pictures, quickly. The best places are then fitted in
close-up, and each letter must look right on its own: one that does not means that
another word is written there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kontext_nb.demo.matching import Ground
from kontext_nb.lettering import face

Box = tuple[float, float, float, float]  # left, top, right, bottom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

    Plane = NDArray[np.floating[Any]]

TYPEFACES = (
    "DejaVuSans-Bold.ttf",
    "DejaVuSans.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSansMono-Bold.ttf",
    "DejaVuSansMono.ttf",
)
_COARSE_FACES = TYPEFACES[:3]
_COARSE_HEIGHT = 10  # px of the lettering while searching ...
_CLOSE_HEIGHT = 26  # ... and while fitting
_SMALLEST, _LARGEST = 12.5, 260.0  # px of lettering that is looked for
_STEP = 1.13
_HEAD = 6  # letters looked for first: a longer word forgives no error of scale
_MARGIN = 2  # px of plain ground around the lettering while searching ...
_ROUND = 4  # ... and while fitting
_CANDIDATES = 8
_STRETCHES = (0.82, 0.87, 0.91, 0.94, 0.97, 1.03, 1.06, 1.1, 1.15, 1.2)
_COARSE_SCORE = 0.5
_SCORE = 0.66
_LETTER_SCORE = 0.45
_STROKES = frozenset("lI1i|!/\\-_.,':;")  # hardly more than a line: found anywhere


@dataclass(frozen=True, slots=True)
class Lettering:
    """Where a word is written.

    Args:
        box: Left, top, right, bottom of its ink, in pixels.
        typeface: File name of the typeface that fits best.
        score: Normalised cross-correlation, 0 to 1.
        dark: Whether the ink is darker than what it is written on.
    """

    box: Box
    typeface: str
    score: float
    dark: bool


@cache
def typeface(name: str, size: int) -> FreeTypeFont:
    """Return one of `TYPEFACES` at ``size`` pixels per em."""
    return ImageFont.truetype(face().with_name(name), size)


@cache
def ink(word: str, name: str, height: int, stretch: float = 1.0) -> Image.Image:
    """Return a word's coverage (mode L), cropped to its ink, ``height`` px high."""
    big = typeface(name, 96)
    left, top, right, bottom = (round(v) for v in big.getbbox(word))
    mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(mask).text((-left, -top), word, 255, big)
    mask = mask.crop(mask.getbbox() or (0, 0, 1, 1))
    width = max(2, round(mask.width * height / mask.height * stretch))
    return mask.resize((width, height), Image.Resampling.BOX)


def find(image: Image.Image, word: str) -> Lettering | None:
    """Return where ``word`` is written, or None if it is not in the picture."""
    grey = image.convert("L")
    best: Lettering | None = None
    for box, dark in _places(grey, word[:_HEAD].strip()):
        fitted = _fit(grey, word, box, dark=dark)
        if fitted and (best is None or fitted.score > best.score):
            best = fitted
    # The fewer shapes a word has, the more often something merely looks like it.
    letters = set(word.replace(" ", ""))
    shapes = len(letters - _STROKES) + 0.5 * len(letters & _STROKES)
    needed = _SCORE + 0.28 / max(0.5, shapes) ** 2
    return best if best and best.score >= needed else None


def _places(grey: Image.Image, word: str) -> Iterator[tuple[Box, bool]]:
    """Yield the likeliest boxes of a word, best first, and whether its ink is dark."""
    found: list[tuple[float, Box, bool]] = []
    height = _SMALLEST
    while height < min(_LARGEST, grey.height * 0.9):
        factor = _COARSE_HEIGHT / height
        size = round(grey.width * factor), round(grey.height * factor)
        if size[0] * size[1] >= 1:
            picture = _plane(grey.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
            for score, box, dark in _peaks(picture, word):
                x0, y0, x1, y1 = (v / factor for v in box)
                found.append((score, (x0, y0, x1, y1), dark))
        height *= _STEP
    found.sort(key=lambda item: -item[0])
    kept: list[Box] = []
    for _, place, dark in found:
        if len(kept) == _CANDIDATES:
            return
        if all(_overlap(place, other) < 0.5 for other in kept):  # noqa: PLR2004 - the same place
            kept.append(place)
            yield place, dark


def _peaks(picture: Plane, word: str) -> Iterator[tuple[float, Box, bool]]:
    """Yield the best few matches of a word at the coarse height, per typeface."""
    ground = Ground.of(picture)
    for name in _COARSE_FACES:
        template = _framed(ink(word, name, _COARSE_HEIGHT))
        scores = ground.correlated(template)
        if scores is None:
            continue
        rows, columns = template.shape
        for sign in (1, -1):
            work = scores * sign
            for _ in range(2):
                at = int(np.argmax(work))
                y, x = divmod(at, work.shape[1])
                score = float(work[y, x])
                if score < _COARSE_SCORE:
                    break
                frame = (x + _MARGIN, y + _MARGIN)
                box = (*frame, x + columns - _MARGIN, y + rows - _MARGIN)
                yield score, box, sign < 0
                work[max(0, y - 3) : y + 4, max(0, x - 5) : x + 6] = -1


def _framed(mask: Image.Image, margin: int = _MARGIN) -> Plane:
    """Return coverage as floats with a margin of plain ground."""
    return np.pad(np.asarray(mask, np.float32) / 255, margin)


def _plane(grey: Image.Image) -> Plane:
    """Return luminance as floats around zero, which float32 sums exactly enough."""
    return np.asarray(grey, np.float32) / 255 - np.float32(0.5)


@dataclass(frozen=True, slots=True)
class _Close:
    """A close-up of a place, its lettering made bright and about `_CLOSE_HEIGHT` high.

    ``region`` is what it shows of the picture.
    """

    region: Box
    ground: Ground


@dataclass(frozen=True, slots=True)
class _Match:
    """How a word fits a close-up best, and where its frame's top left corner is."""

    score: float
    typeface: str
    tall: int
    stretch: float
    y: int
    x: int


def _fit(
    grey: Image.Image,
    word: str,
    box: Box,
    *,
    dark: bool,
) -> Lettering | None:
    """Fit typeface, size and stretch in close-up; None if a letter looks wrong."""
    head = word[:_HEAD].strip()
    match = _fit_freely(_close(grey, box, dark=dark), head)
    if match is None:
        return None
    whole = ink(word, match.typeface, 96).width / ink(head, match.typeface, 96).width
    right = box[0] + (box[2] - box[0]) * whole * 1.06
    close = _close(
        grey, (*box[:2], right if word != head else box[2], box[3]), dark=dark
    )
    match = _fit_near(close, word, match)
    if match is None or not _letters_agree(close.ground.plane, word, match):
        return None
    left, top, right, bottom = close.region
    fx = close.ground.plane.shape[1] / (right - left)
    fy = close.ground.plane.shape[0] / (bottom - top)
    wide = ink(word, match.typeface, match.tall, match.stretch).width
    x, y = left + (match.x + _ROUND) / fx, top + (match.y + _ROUND) / fy
    fitted = x, y, x + wide / fx, y + match.tall / fy
    return Lettering(fitted, match.typeface, match.score, dark)


def _close(grey: Image.Image, box: Box, *, dark: bool) -> _Close:
    """Take a close-up of a box and a little around it."""
    pad = (box[3] - box[1]) * 0.6
    region = (
        max(0.0, box[0] - pad),
        max(0.0, box[1] - pad),
        min(float(grey.width), box[2] + pad),
        min(float(grey.height), box[3] + pad),
    )
    factor = _CLOSE_HEIGHT / (box[3] - box[1])
    wide, tall = region[2] - region[0], region[3] - region[1]
    size = max(1, round(wide * factor)), max(1, round(tall * factor))
    plane = _plane(grey.resize(size, Image.Resampling.BICUBIC, region))
    return _Close(region, Ground.of(-plane if dark else plane))


def _tried(
    close: _Close, word: str, name: str, tall: int, stretch: float
) -> _Match | None:
    """Return the best place for one rendering of a word, or None if it is too large."""
    template = _framed(ink(word, name, tall, stretch), _ROUND)
    scores = close.ground.correlated(template)
    if scores is None:
        return None
    y, x = divmod(int(np.argmax(scores)), scores.shape[1])
    return _Match(float(scores[y, x]), name, tall, stretch, y, x)


def _best(matches: Iterable[_Match | None]) -> _Match | None:
    """Return the match with the highest score."""
    return max((m for m in matches if m), key=lambda m: m.score, default=None)


def _fit_freely(close: _Close, word: str) -> _Match | None:
    """Fit a short word: any typeface, 15 % in height, 20 % in stretch."""
    heights = range(_CLOSE_HEIGHT - 4, _CLOSE_HEIGHT + 5, 2)
    best = _best(_tried(close, word, n, h, 1.0) for n in TYPEFACES for h in heights)
    if best is None:
        return None
    near = (best.tall - 1, best.tall, best.tall + 1)
    stretched = _best(
        _tried(close, word, best.typeface, h, s) for s in _STRETCHES for h in near
    )
    best = _best((best, stretched)) or best
    return _best(
        [best, *(_tried(close, word, n, best.tall, best.stretch) for n in TYPEFACES)]
    )


def _fit_near(close: _Close, word: str, near: _Match) -> _Match | None:
    """Fit the whole word, starting from the fit of its first letters."""
    best = _tried(close, word, near.typeface, near.tall, near.stretch)
    for percent in (-4, -2, -1, 1, 2, 4):
        stretch = near.stretch * (1 + percent / 100)
        tried = _tried(close, word, near.typeface, near.tall, stretch)
        best = _best((best, tried))
    return best


def _letters_agree(picture: Plane, word: str, match: _Match) -> bool:
    """Say whether each letter's own patch looks like that letter."""
    template = _framed(ink(word, match.typeface, match.tall, match.stretch), _ROUND)
    rows, columns = template.shape
    patch = picture[match.y : match.y + rows, match.x : match.x + columns]
    big = typeface(match.typeface, 96)
    length = big.getlength(word)
    inner = columns - 2 * _ROUND
    for index, letter in enumerate(word):
        if letter.isspace():
            continue
        start = _ROUND + inner * big.getlength(word[:index]) / length
        end = _ROUND + inner * big.getlength(word[: index + 1]) / length
        cell = slice(max(0, int(start) - 1), int(end) + 2)
        if _alike(template[:, cell], patch[:, cell]) < _LETTER_SCORE:
            return False
    return True


def _alike(first: Plane, second: Plane) -> float:
    """Return the correlation coefficient of two patches."""
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-6))


def _overlap(a: Box, b: Box) -> float:
    """Return the shared area over the smaller box's."""
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    tall = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return wide * tall / max(1e-6, min(areas))
