"""The small shift of light and colour that a whole picture gets on its way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.robust import cauchy_weights
from kontext_nb.preservation.together import together

if TYPE_CHECKING:
    from PIL.Image import Image

    from kontext_nb.preservation.planes import Array, Mask

_BLOCK_PX = 8
# A block is the same if so much of its texture, in values squared, is alike.
_TEXTURE, _ALIKE = 6.0, 0.7
# Of 255: what a re-encode or a decoder of latents moves middle grey by, at the most.
USUAL_SHIFT = 12.0
_ROUNDS = 8
_LEAST_SCATTER = 1.0
_CLIPPED = (4, 252)
_LEAST_BLOCKS = 50
# As if this share of the blocks said that the gain is 1, from so many values away: a
# picture of one grey tells nothing of a gain.
_WISH, _WISH_RANGE = 0.02, 30


@dataclass(frozen=True, slots=True)
class Tone:
    """How stored values became others: ``after = gain * before + offset``, per channel.

    Args:
        gain: Of red, green and blue; 1 is none. Above 1 there is more contrast.
        offset: Of red, green and blue, in values of 0 to 255.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def shift(self) -> float:
        """By how much middle grey moved, in values of 0 to 255: the most of three."""
        pairs = zip(self.gain, self.offset, strict=True)
        return max((gain * 128 + offset - 128 for gain, offset in pairs), key=abs)

    def applied(self, image: Image) -> Image:
        """Return an RGB image as the way would have left it."""
        values = np.arange(256)
        return self._mapped(
            image,
            [g * values + o for g, o in zip(self.gain, self.offset, strict=True)],
        )

    def undone(self, image: Image) -> Image:
        """Return an RGB image with the tone taken back."""
        values = np.arange(256)
        return self._mapped(
            image,
            [(values - o) / g for g, o in zip(self.gain, self.offset, strict=True)],
        )

    def _mapped(self, image: Image, tables: list[Array]) -> Image:
        if self == Tone():
            return image
        table = np.clip(np.rint(np.concatenate(tables)), 0, 255)
        return image.point(table.astype(int).tolist())


def tone_between(before: Image, after: Image, seen: Mask) -> Tone:
    """Return the tone that most of two registered RGB images agrees on.

    Blocks are compared, not pixels: noise and lost sharpness leave their means alone.
    Blocks that changed differ by more than the rest scatters, and lose their say in a
    fit that is repeated with the weights of Cauchy. A large tone must be that of blocks
    of the same structure, too: most of the picture may have been replaced.

    Args:
        before: The picture before.
        after: The picture after, in the same frame.
        seen: (height, width) which pixels both show.
    """
    whole = planes.blocks(seen.astype(np.float32)[None], _BLOCK_PX)[0] == 1
    one, other = together(*(partial(_means, image) for image in (before, after)))
    tone = _fitted(one, other, whole)
    if abs(tone.shift) <= USUAL_SHIFT:
        return tone
    same = _same_structure(before, after) & whole
    return _fitted(one, other, same)


def _means(image: Image) -> Array:
    return planes.blocks(planes.of(image), _BLOCK_PX)


def _fitted(before: Array, after: Array, says: Mask) -> Tone:
    """Return the tone of some blocks, given the means of all."""
    lines = (_line(x[says], y[says]) for x, y in zip(before, after, strict=True))
    (r, p), (g, q), (b, t) = lines
    return Tone((r, g, b), (p, q, t))


def _same_structure(before: Image, after: Image) -> Mask:
    """Say in which blocks the green of one picture goes up and down as the other's."""
    one, other = (np.asarray(i.getchannel("G"), np.float32) for i in (before, after))
    products = np.stack([one, other, one * one, other * other, one * other])
    mean_x, mean_y, xx, yy, xy = planes.blocks(products, _BLOCK_PX)
    spread = np.sqrt(np.maximum(xx - mean_x**2, 0) * np.maximum(yy - mean_y**2, 0))
    same: Mask = (spread > _TEXTURE) & (xy - mean_x * mean_y > _ALIKE * spread)
    return same


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return gain and offset, robustly."""
    low, high = _CLIPPED
    # What was clipped on the way does not follow a line.
    usable = (y > low) & (y < high)
    if usable.sum() < _LEAST_BLOCKS:
        return 1.0, 0.0
    x, y = x[usable], y[usable]
    gain, offset = 1.0, float(np.median(y - x))
    for _ in range(_ROUNDS):
        left = y - gain * x - offset
        weight = cauchy_weights(left, _LEAST_SCATTER)
        total = weight.sum()
        middle_x, middle_y = (weight @ x) / total, (weight @ y) / total
        wish = _WISH * total * _WISH_RANGE**2
        both = weight @ ((x - middle_x) * (y - middle_y)) + wish
        gain = float(both / (weight @ (x - middle_x) ** 2 + wish))
        offset = float(middle_y - gain * middle_x)
    return gain, offset
