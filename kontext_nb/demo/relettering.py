"""Replace lettering: find the old word, mend the ground under it, write the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from kontext_nb.demo.grammar import ReplaceText
from kontext_nb.demo.reading import Lettering, find, ink
from kontext_nb.demo.refusals import DemoRefusal, quoted
from kontext_nb.demo.regions import blurred, smoothstep, to_bytes
from kontext_nb.lettering import charmap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]

_ROOM = 1.12  # how much wider than the old word the new one may be


class TextNotFound(DemoRefusal):
    """The lettering to replace is not in the picture, as far as can be seen."""

    def __init__(self, text: str) -> None:
        """Name the text."""
        super().__init__(
            f"The demo engine does not find the text {quoted(text)} in the picture.",
            "Write it exactly as it stands there, capitals included; plain upright "
            "lettering on one line is what it can find.",
        )


def relettered(image: Image.Image, wanted: ReplaceText) -> Image.Image:
    """Return the picture with the old word replaced by the new one.

    Raises:
        TextNotFound: The old word is not there, or has letters that cannot be drawn.
        DemoRefusal: The new word has letters that cannot be drawn.
    """
    if not _drawable(wanted.old) or len(wanted.old) < 2:  # noqa: PLR2004 - one letter is anywhere
        raise TextNotFound(wanted.old)
    if not _drawable(wanted.new):
        raise DemoRefusal(
            f"The demo engine cannot draw every letter of {quoted(wanted.new)}.",
            "Use Latin, Greek or Cyrillic letters, digits and punctuation.",
        )
    found = find(image, wanted.old)
    if found is None:
        raise TextNotFound(wanted.old)
    return _rewritten(image, found, wanted)


def _drawable(text: str) -> bool:
    """Say whether the typefaces have every letter, and any ink at all."""
    return not text.isspace() and all(ord(c) in charmap() for c in text)


def _rewritten(
    image: Image.Image, found: Lettering, wanted: ReplaceText
) -> Image.Image:
    """Mend a crop around the lettering, write on it, and paste it back."""
    left, top, right, bottom = found.box
    pad = (bottom - top) * 0.45 + 3
    wide = (right - left) * (_ROOM - 1) / 2
    crop = (
        max(0, int(left - pad - wide)),
        max(0, int(top - pad)),
        min(image.width, int(right + pad + wide) + 1),
        min(image.height, int(bottom + pad) + 1),
    )
    pixels = np.asarray(image.crop(crop), np.float32) / 255
    box = left - crop[0], top - crop[1], right - crop[0], bottom - crop[1]
    old = _coverage(wanted.old, found, box, pixels.shape[:2])
    colour, ground = _ink_and_ground(pixels, old, box)
    stain = _stain(pixels, old, colour, ground, box)
    mended = _mended(pixels, stain)
    new = _coverage(wanted.new, found, _fitted(wanted, found, box), pixels.shape[:2])
    out = mended + (colour - mended) * new[..., None]
    result = image.copy()
    result.paste(Image.fromarray(to_bytes(out)), crop[:2])
    return result


def _coverage(
    word: str,
    found: Lettering,
    box: tuple[float, float, float, float],
    shape: tuple[int, int],
) -> Pixels:
    """Return a word's coverage of a crop, 0 to 1, its ink filling ``box`` exactly."""
    left, top, right, bottom = box
    mask = ink(word, found.typeface, 96)
    sx, sy = mask.width / (right - left), mask.height / (bottom - top)
    big = Image.new("L", (mask.width + 8, mask.height + 8))
    big.paste(mask, (4, 4))
    # Shrinking by more than a factor of two needs a blur first, else edges break up.
    big = big.filter(ImageFilter.GaussianBlur(max(0.0, 0.42 * max(sx, sy) - 0.3)))
    inverse = (sx, 0, 4 - left * sx, 0, sy, 4 - top * sy)
    out = big.transform(
        (shape[1], shape[0]), Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC
    )
    return np.asarray(out, np.float32) / 255


def _fitted(
    wanted: ReplaceText, found: Lettering, box: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Return the new word's ink box: the same size of type, centred, shrunk to fit."""
    from kontext_nb.demo.reading import typeface

    face = typeface(found.typeface, 96)
    o_left, o_top, o_right, o_bottom = face.getbbox(wanted.old)
    n_left, n_top, n_right, n_bottom = face.getbbox(wanted.new)
    left, top, right, bottom = box
    sx = (right - left) / max(1.0, o_right - o_left)
    sy = (bottom - top) / max(1.0, o_bottom - o_top)
    width = (n_right - n_left) * sx
    shrink = min(1.0, (right - left) * _ROOM / width)
    base = top + (0 - o_top) * sy  # the ascender line: both words hang from it
    new_top, new_bottom = base + n_top * sy, base + n_bottom * sy
    centre_x = (left + right) / 2
    centre_y = (new_top + new_bottom) / 2
    half_x, half_y = width * shrink / 2, (new_bottom - new_top) * shrink / 2
    return centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y


def _ink_and_ground(
    pixels: Pixels, old: Pixels, box: tuple[float, float, float, float]
) -> tuple[Pixels, Pixels]:
    """Return the colour of the ink and the median colour of what it is on."""
    solid = old > min(0.85, float(np.percentile(old[old > 0.2], 70)))  # noqa: PLR2004 - touched at all
    within = _rectangle(box, old.shape, 2)
    plain = within & (old < 0.02)  # noqa: PLR2004 - no ink
    plain = plain if plain.any() else old < 0.5  # noqa: PLR2004
    return np.median(pixels[solid], 0), np.median(pixels[plain], 0)


def _stain(
    pixels: Pixels,
    old: Pixels,
    colour: Pixels,
    ground: Pixels,
    box: tuple[float, float, float, float],
) -> Pixels:
    """Mask all that is ink: what the fit says, and what has its colour near there."""
    axis = colour - ground
    length = float(axis @ axis) + 1e-6
    share = ((pixels - ground) @ axis) / length
    inky = (share > 0.3) & _rectangle(box, old.shape, 3)  # noqa: PLR2004 - a third ink
    grown = Image.fromarray(to_bytes(np.maximum(old, inky.astype(np.float32))))
    size = 5 if box[3] - box[1] < 40 else 7  # noqa: PLR2004 - px: soft edges reach further
    grown = grown.filter(ImageFilter.MaxFilter(size))
    return smoothstep(0.1, 0.3, np.asarray(grown, np.float32) / 255)


def _mended(pixels: Pixels, stain: Pixels) -> Pixels:
    """Fill the stain from what is around it, near first, and give it the same grain."""
    filled = np.zeros_like(pixels)
    missing = np.ones(stain.shape, np.float32)
    clean = 1 - stain
    for radius in (2.0, 5.0, 12.0, 30.0):
        weight = blurred(clean, radius)
        known = smoothstep(0.02, 0.12, weight) * missing
        for channel in range(3):
            soft = blurred(pixels[..., channel] * clean, radius)
            filled[..., channel] += known * soft / np.maximum(weight, 0.02)
        missing = missing - known
    filled += missing[..., None] * np.median(pixels[clean > 0.5], 0)  # noqa: PLR2004 - clean
    smooth = _relaxed(pixels + (filled - pixels) * stain[..., None], stain)
    outside = clean > 0.9  # noqa: PLR2004 - surely ground
    rough = pixels - np.stack([blurred(pixels[..., c], 1.2) for c in range(3)], -1)
    spread = float(np.median(np.abs(rough[outside]))) * 1.48
    grain = np.random.default_rng(0).normal(0, spread, (*stain.shape, 1))
    filled = smooth + grain.astype(np.float32)
    return pixels + (filled - pixels) * stain[..., None]


def _relaxed(pixels: Pixels, stain: Pixels, rounds: int = 90) -> Pixels:
    """Let the stain settle between its edges (Jacobi rounds of Laplace's equation)."""
    inside = stain[1:-1, 1:-1, None]
    out = pixels.copy()
    for _ in range(rounds):
        mean = out[:-2, 1:-1] + out[2:, 1:-1] + out[1:-1, :-2] + out[1:-1, 2:]
        out[1:-1, 1:-1] += (mean * np.float32(0.25) - out[1:-1, 1:-1]) * inside
    return out


def _rectangle(
    box: tuple[float, float, float, float], shape: tuple[int, ...], grow: int
) -> NDArray[np.bool_]:
    """Return a boolean mask of a box, grown by some pixels."""
    mask = np.zeros(shape, np.bool_)
    top, left = max(0, int(box[1]) - grow), max(0, int(box[0]) - grow)
    mask[top : int(box[3]) + grow + 1, left : int(box[2]) + grow + 1] = True
    return mask
