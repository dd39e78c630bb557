"""The small shift of light and colour that a whole picture gets on its way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

# A re-encode or a decoder of latents moves tones by a few values; what moves them by
# more was asked for, or is worth seeing as a change.
LARGEST_SHIFT = 12.0
_ROUNDS = 8
_SAMPLE = 40_000
_LEAST_SCATTER = 1.5


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
        """By how much the middle grey moved, in values of 0 to 255: the most of three."""
        pairs = zip(self.gain, self.offset, strict=True)
        return max((gain * 128 + offset - 128 for gain, offset in pairs), key=abs)

    def undone(self, image: Image.Image) -> Image.Image:
        """Return an RGB image with the tone taken back."""
        if self == Tone():
            return image
        values = np.arange(256)
        table = [
            np.clip(np.rint((values - offset) / gain), 0, 255)
            for gain, offset in zip(self.gain, self.offset, strict=True)
        ]
        return image.point(np.concatenate(table).astype(int).tolist())


def tone_between(before: Image.Image, after: Image.Image, seen: Mask) -> Tone:
    """Return the tone that most pixels of two registered RGB images agree on.

    Pixels that changed differ by more than the rest scatters, and lose their say in a
    fit that is repeated with the weights of Cauchy.

    Args:
        before: The picture before.
        after: The picture after, in the same frame.
        seen: (height, width) which pixels both show.
    """
    step = max(1, int((seen.sum() / _SAMPLE) ** 0.5))
    part = seen[::step, ::step]
    ones, others = (np.asarray(i)[::step, ::step][part] for i in (before, after))
    gains, offsets = [], []
    for channel in range(3):
        x, y = (p[:, channel].astype(np.float64) for p in (ones, others))
        gain, offset = _line(x, y)
        gains.append(gain)
        offsets.append(offset)
    tone = Tone((gains[0], gains[1], gains[2]), (offsets[0], offsets[1], offsets[2]))
    return tone if abs(tone.shift) <= LARGEST_SHIFT else Tone()


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return gain and offset, robustly; a gain only where there is a range to see it."""
    if not len(x):
        return 1.0, 0.0
    gain, offset = 1.0, float(np.median(y - x))
    # Clipped values do not follow a line.
    usable = (x > 3) & (x < 252) & (y > 3) & (y < 252)
    if usable.sum() < 100:
        return gain, offset
    x, y = x[usable], y[usable]
    for _ in range(_ROUNDS):
        left = y - gain * x - offset
        scatter = max(_LEAST_SCATTER, 1.5 * float(np.median(np.abs(left))))
        weight = 1 / (1 + (left / scatter) ** 2)
        total = weight.sum()
        middle_x, middle_y = (weight @ x) / total, (weight @ y) / total
        spread = weight @ (x - middle_x) ** 2
        # As if 4 % of the pixels said that the gain is 1, from 30 values away.
        wish = 0.04 * total * 900
        slope = (weight @ ((x - middle_x) * (y - middle_y)) + wish) / (spread + wish)
        gain, offset = float(slope), float(middle_y - slope * middle_x)
    return gain, offset
