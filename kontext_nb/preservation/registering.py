"""Where a picture lies in the frame of its edited version, coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from kontext_nb import pixels
from kontext_nb.preservation.affine import Affine, Pair, Size, drawn, useful
from kontext_nb.preservation.fitting import Fit, consensus, fitted, simplest
from kontext_nb.preservation.planes import Array
from kontext_nb.preservation.tiles import large_moves, small_moves
from kontext_nb.preservation.together import together

# The longest side of each level, as a share of the frame; how large its tiles are, and
# how often it is measured: each time starts from a picture that lies better.
_COARSE_PX, _COARSE_TILE_PX = 192, 64
_LEVELS = ((1 / 6, 16, 2), (1 / 4, 16, 1), (1 / 2, 32, 2), (1, 32, 1))
# More pixels make the answer no better, only later.
_LARGEST_PX = 1.2e6
# Nor does it matter how well a picture was made smaller that is looked at only roughly.
_GAP = 1.0

# Below these nobody knows. In generated scenes with edits of up to 40 % at least half
# of the textured tiles agree; of pictures with nothing in common, one in eight does.
LEAST_AGREEMENT = 0.25
LEAST_TILES = 12
LARGEST_ERROR_PX = 0.15
# No service we know crops or stretches by more; beyond it is chance that agrees.
LARGEST_ZOOM = 0.25


@dataclass(frozen=True, slots=True)
class Registration:
    """Where the picture before lies in the frame of the picture after.

    Args:
        affine: From coordinates before to coordinates after, in pixels of each; see
            `Affine`.
        before_size: (width, height) of the picture before.
        after_size: (width, height) of the picture after.
        agreement: Share of the tiles with enough texture that moved as the map says and
            look the same, 0 to 1. Low when much was changed.
        error_px: One standard error of where the corners lie, in pixels of the picture
            after, from how the agreeing tiles scatter.
        confident: Whether to build on it.
        reason: Why not, as a sentence; "" if it is confident.
    """

    affine: Affine
    before_size: Size
    after_size: Size
    agreement: float
    error_px: float
    confident: bool
    reason: str

    @property
    def zoom(self) -> Pair:
        """How much larger things are than a plain resize made them, per axis.

        0.01 is 1 %. A service that crops to another ratio, or a model that moves the
        camera, shows here.
        """
        plain = Affine.stretch(self.before_size, self.after_size)
        return _beyond(self.affine, plain)

    @property
    def shift(self) -> Pair:
        """How far the middle of the picture moved, in pixels of the picture after."""
        middle_x, middle_y = (edge / 2 for edge in self.before_size)
        x, y, _, _ = self.affine.box(middle_x, middle_y, middle_x, middle_y)
        return (x - self.after_size[0] / 2, y - self.after_size[1] / 2)

    def __str__(self) -> str:
        """Say what was found, in one line."""
        if not self.confident:
            return f"not registered: {self.reason}"
        shift, zoom = (max(map(abs, pair)) for pair in (self.shift, self.zoom))
        return f"shift {shift:.1f} px · zoom {100 * zoom:.1f} %"


def _beyond(lies: Affine, plain: Affine) -> Pair:
    """Return how much larger a map makes things than the plain resize, per axis."""
    x, y = (own / by - 1 for own, by in zip(lies.scale, plain.scale, strict=True))
    return (x, y)


def register(before: Any, after: Any) -> Registration:
    """Find where the picture before lies in the frame of the picture after.

    Each axis has a scale and a shift; nothing turns. The tiles of the picture vote, so
    that the changed part has no say, and of the maps that explain the votes the
    simplest is taken: the plain resize, then a shift, then shift and zoom.

    Args:
        before: A picture in any form that `edit` takes.
        after: The same picture after an edit, of any size.

    Returns:
        The map and how sure it is. Where the two have too little in common, or too
        little texture, it is the plain resize, with ``confident=False`` and the reason.

    Raises:
        ImageRejected: One of them cannot be read as a picture.
    """
    return registered(pixels.load_rgb(before), pixels.load_rgb(after))


def registered(before: Image.Image, after: Image.Image) -> Registration:
    """Do what `register` does, for two RGB images."""
    frame = useful(after.size, before.size, _LARGEST_PX)
    plain = Affine.stretch(before.size, after.size)
    fit = None
    lies = Affine.stretch(before.size, frame)
    if min(frame) >= _COARSE_TILE_PX:
        lies, fit = _aligned(before, after, frame)
        lies = lies.then(Affine.stretch(frame, after.size))
    reason = _doubt(fit, frame, lies, plain)
    return Registration(
        affine=plain if reason else lies,
        before_size=before.size,
        after_size=after.size,
        agreement=fit.share if fit else 0.0,
        error_px=fit.error_px(frame) * after.width / frame[0] if fit else float("inf"),
        confident=not reason,
        reason=reason,
    )


def _doubt(fit: Fit | None, frame: Size, lies: Affine, plain: Affine) -> str:
    """Return why not to trust a fit, or ""."""
    if fit is None:
        return f"the pictures are smaller than {_COARSE_TILE_PX} pixels."
    if fit.informed.sum() < LEAST_TILES:
        return "they have too little texture to tell where anything lies."
    if fit.share < LEAST_AGREEMENT or fit.agree.sum() < LEAST_TILES:
        return (
            f"only {100 * fit.share:.0f} % of the textured tiles are the same in both, "
            "so that too much has changed."
        )
    zoom = max(map(abs, _beyond(lies, plain)))
    if zoom > LARGEST_ZOOM or fit.error_px(frame) > LARGEST_ERROR_PX:
        return "the tiles that are the same do not say clearly enough where they lie."
    return ""


def _aligned(
    before: Image.Image, after: Image.Image, frame: Size
) -> tuple[Affine, Fit]:
    """Return where the picture before lies in a frame, and the last fit."""
    source, other = together(
        *(partial(_grey, image, frame) for image in (before, after))
    )
    start = Affine.stretch(before.size, source.size)
    lies = Affine.stretch(source.size, frame)
    size = _level(frame, _COARSE_PX / max(frame))
    first, second = _pair(source, other, lies, size)
    rough = large_moves(first, second, side=_COARSE_TILE_PX)
    change = consensus(rough, size, within_px=1.5)
    lies = _changed(lies, change, frame, size)
    for share, side, times in _LEVELS:
        size = _level(frame, share)
        for _ in range(times):
            first, second = _pair(source, other, lies, size)
            fit = fitted(small_moves(first, second, side=side), size)
            lies = _changed(lies, fit.change, frame, size)
    plain = Affine.stretch(source.size, frame)
    return start.then(simplest(lies, plain, fit, frame)), fit


def _grey(image: Image.Image, frame: Size) -> Image.Image:
    """Return luma, not much larger than a frame."""
    scale = max(frame[0] / image.width, frame[1] / image.height)
    if scale >= 1:
        return image.convert("L").resize(frame) if scale > 1 else image.convert("L")
    # A size that keeps the ratio: what the frame does to it is measured, not assumed.
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2).convert("L")


def _level(frame: Size, share: float) -> Size:
    share = min(1.0, share)
    return (round(frame[0] * share), round(frame[1] * share))


def _pair(
    source: Image.Image, other: Image.Image, lies: Affine, size: Size
) -> tuple[Array, Array]:
    """Return both pictures in a smaller frame, as grey values."""
    smaller = Affine.stretch(other.size, size)
    first = drawn(source, lies.then(smaller), size, gap=_GAP)
    second = drawn(other, smaller, size, gap=_GAP) if size != other.size else other
    return np.asarray(first, np.float32), np.asarray(second, np.float32)


def _changed(lies: Affine, change: Array, frame: Size, size: Size) -> Affine:
    """Return a map followed by a change that was measured in a smaller frame."""
    scale = 1 + change[:2]
    shift = np.array(frame) * ((1 - scale) / 2 + change[2:] / np.array(size))
    (sx, sy), (tx, ty) = scale.tolist(), shift.tolist()
    return lies.then(Affine((sx, sy), (tx, ty)))
