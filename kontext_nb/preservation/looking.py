"""Four ways of looking for a difference between two pictures in CIELAB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kontext_nb.preservation import planes
from kontext_nb.preservation.planes import Array, Mask

# Of L*: below, colour counts for less, down to a share.
_DARK, _DARK_SHARE = 20, 0.3
# How far from a pixel lies what its texture and its differences are made of.
SEES_PX = 5
_BINS = 12
_MOST_TEXTURE = 800  # half values


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking, and what it takes to be sure.

    A difference is surely a change where it exceeds three things at once: a multiple of
    what is usual in this pair of pictures for places with as much texture, a share of
    the texture itself, and a least value.

    Args:
        compare: Returns (height, width) differences of two (3, height, width) pictures.
        texture: Whose texture counts: that of lightness, of colour, or of both.
        above_usual: The multiple.
        of_texture: The share.
        least: The least value.
        most: What the multiple never exceeds: where a change holds most of a texture,
            it would else be its own usual.
        likely: A sure change goes on where its strength is at least this share.
        reach_px: And at least half of the strongest within so many pixels: a wide mean
            blurs the border, and half is where it was. 0 for a look that is sharp.
        sure: Whether it alone makes a change sure; else it only draws the border.
    """

    compare: Callable[[Array, Array], Array]
    texture: Literal["light", "hue", "both"]
    above_usual: float
    of_texture: float
    least: float
    most: float
    likely: float
    reach_px: int
    sure: bool = True

    def texture_in(self, light: Array, hue: Array) -> Array:
        """Return how much texture it must see through, from that of both kinds."""
        kinds = {"light": light, "hue": hue}
        return kinds[self.texture] if self.texture in kinds else light + hue

    def needed(self, difference: Array, texture: Array) -> Array:
        """Return what a difference must exceed, for each half value of texture.

        Args:
            difference: (n,) of many pixels, from `compare`.
            texture: (n,) how much there is around each of them.
        """
        steps = np.arange(_MOST_TEXTURE) / 2
        usual = np.interp(steps, *_usual(difference, texture))
        needed = np.clip(self.above_usual * usual, self.least, self.most)
        return needed.astype(np.float32)

    def seen(
        self, difference: Array, texture: Array, needed: Array
    ) -> tuple[Mask, Mask]:
        """Return what is surely a change, and where a sure one would go on.

        Args:
            difference: (height, width), from `compare`.
            texture: (height, width) how much there is around each pixel.
            needed: Of the whole picture, from `needed`.
        """
        # Looked up, not interpolated for each pixel: many times faster.
        least = needed.take((texture * 2).astype(np.uint16), mode="clip")
        strength = difference / np.maximum(least, self.of_texture * texture)
        likely = strength > self.likely
        if self.reach_px:
            likely &= strength > planes.most(strength, self.reach_px) / 2
        return (strength > 1) & self.sure, likely


def texture_of(one: Array, other: Array) -> Array:
    """Return the range of values within 5 pixels, in whichever picture it is larger."""
    ranges = (planes.most(p, 2) - planes.least(p, 2) for p in (one, other))
    return planes.mean(np.maximum(*ranges), 3)


def _usual(difference: Array, texture: Array) -> tuple[Array, Array]:
    """Return textures, and how large a difference is usual where there is as much."""
    if len(texture) < _BINS:
        return np.zeros(1), np.zeros(1)
    order = np.argsort(texture)
    medians, centres = (
        [np.median(bin_) for bin_ in np.array_split(values[order], _BINS)]
        for values in (difference, texture)
    )
    # More texture never means less difference: a bin that says so holds a change.
    return np.array(centres), np.maximum.accumulate(medians)


def _fine(before: Array, after: Array) -> Array:
    """Lightness that leaves the range of its neighbours: lines, letters, texture.

    An edge that lies half a pixel aside stays within that range; a line that is new or
    gone does not.
    """
    ways = (
        np.maximum(a - planes.most(b, 1), planes.least(b, 1) - a)
        for a, b in ((before[0], after[0]), (after[0], before[0]))
    )
    return planes.mean(np.maximum(np.maximum(*ways), 0), 1)


def _point(before: Array, after: Array) -> Array:
    """All three values of nine pixels, to which encoders do as much as an edit."""
    return planes.length(
        planes.mean(new - old, 1) for old, new in zip(before, after, strict=True)
    )


def _broad(before: Array, after: Array) -> Array:
    """Lightness of 9 x 9 pixels: a faint change of a large area, hidden by noise."""
    off: Array = np.abs(planes.mean(after[0] - before[0], 4))
    return off


def _colour(before: Array, after: Array) -> Array:
    """Colour of an area: encoders soften it so much that single pixels say little."""
    off = planes.length(
        planes.mean(planes.mean(new - old, 2), 2)
        for old, new in zip(before[1:], after[1:], strict=True)
    )
    # In the dark a step of one stored value is a leap in CIELAB that nobody sees.
    off *= np.clip(before[0] / _DARK, _DARK_SHARE, 1)
    # CIE 94: of strong colours a larger difference looks the same.
    off /= 1 + np.float32(0.015) * planes.length(hue.copy() for hue in before[1:])
    return off


# Each finds what the others miss. The numbers were found with computed pictures whose
# truth is known; the benchmark says how well they do.
LOOKS = (
    Look(_fine, "light", 6.0, 0.2, 2.2, 12, likely=0.5, reach_px=3),
    Look(_point, "both", 5.0, 0.25, 3.5, 20, likely=0.7, reach_px=0, sure=False),
    Look(_broad, "light", 4.5, 0.08, 2.2, 8, likely=0.5, reach_px=7),
    Look(_colour, "hue", 5.0, 0.1, 3.0, 8, likely=0.5, reach_px=7),
)
