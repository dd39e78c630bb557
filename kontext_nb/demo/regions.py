"""Where things are in a picture: soft masks from colour, contrast and place.

All masks are float32, (height, width), 0 to 1. They are found on a small copy: what
they have to be is smooth and quick, not exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601
_COARSE = 96  # px on the long side: where connected regions are told apart


def luma(pixels: Pixels) -> Pixels:
    """Return Rec. 601 luma, (height, width)."""
    return pixels @ _LUMA


def blurred(mask: Pixels, radius: float) -> Pixels:
    """Blur a 0-to-1 array with a Gaussian of ``radius`` pixels."""
    if radius > 6:  # noqa: PLR2004 - wide blurs are as smooth on a small copy, and quick
        shrink = radius / 3
        height, width = mask.shape
        small = resized(
            mask, max(1, round(width / shrink)), max(1, round(height / shrink))
        )
        return resized(blurred(small, 3), width, height)
    image = Image.fromarray(to_bytes(mask)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32) / 255


def resized(mask: Pixels, width: int, height: int) -> Pixels:
    """Resize a (height, width) array smoothly."""
    image = Image.fromarray(np.ascontiguousarray(mask, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def to_bytes(values: Pixels) -> NDArray[np.uint8]:
    """Turn 0-to-1 floats into 8-bit values, rounded and clipped."""
    levels = np.clip(values, 0, 1)
    levels *= 255
    levels += 0.5
    return levels.astype(np.uint8)


def smoothstep(low: float, high: float, values: Pixels) -> Pixels:
    """Return 0 below ``low``, 1 above ``high``, and an S-curve between."""
    t: Pixels = np.clip((values - low) / (high - low), 0, 1)
    curve: Pixels = t * t * (3 - 2 * t)
    return curve


def grid(height: int, width: int) -> tuple[Pixels, Pixels]:
    """Return y as a column and x as a row, both from 0 to 1."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    return y[:, None], x[None, :]


def hue_chroma(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Return hue in turns (0 to 1) and chroma (largest minus smallest channel)."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    top = top_channel(pixels)
    chroma = top - low_channel(pixels)
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(
        top == red,
        (green - blue) / safe,
        np.where(top == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return turned(hue / 6), chroma


def top_channel(pixels: Pixels) -> Pixels:
    """Return the largest channel, many times as fast as `pixels.max(-1)`."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return np.maximum(np.maximum(red, green), blue)


def low_channel(pixels: Pixels) -> Pixels:
    """Return the smallest channel."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return np.minimum(np.minimum(red, green), blue)


def turned(turns: Pixels) -> Pixels:
    """Return turns without their whole ones, as `% 1` does, which is slow."""
    part: Pixels = turns - np.floor(turns)
    return part


def near_hue(
    pixels: Pixels, hue: float, saturation: tuple[float, float], *, width: float = 0.036
) -> Pixels:
    """Mask colours within ``width`` turns of ``hue``, from the first saturation up.

    It is full from the second one. Paler pixels of that hue count where the mask is all
    around them: they are the highlights of the thing, not another thing.
    """
    hues, chroma = hue_chroma(pixels)
    away = np.abs(turned(hues - np.float32(hue) + np.float32(0.5)) - np.float32(0.5))
    relative = chroma / (top_channel(pixels) + np.float32(0.12))
    alike = 1 - smoothstep(width, width * 1.5, away)
    mask = alike * smoothstep(*saturation, relative)
    around = smoothstep(0.3, 0.42, blurred(mask, max(mask.shape) / 60))
    wider = 1 - smoothstep(width * 2, width * 3, away)
    return np.maximum(
        mask, around * np.maximum(wider, 1 - smoothstep(0.04, 0.1, relative))
    )


def near_grey(pixels: Pixels, lightness: float) -> Pixels:
    """Mask colourless pixels about as light as ``lightness`` (luma, 0 to 1)."""
    _, chroma = hue_chroma(pixels)
    away = np.abs(luma(pixels) - lightness)
    return (1 - smoothstep(0.12, 0.25, chroma)) * (1 - smoothstep(0.2, 0.34, away))


def subject(pixels: Pixels) -> Pixels:
    """Mask what is probably the subject: central, and unlike both side edges."""
    height, width = pixels.shape[:2]
    small = _shrunk(pixels, 128)
    rows, columns = small.shape[:2]
    edge = max(1, columns // 16)
    y, x = grid(rows, columns)
    left = small[:, :edge].mean(1, keepdims=True)
    right = small[:, -edge:].mean(1, keepdims=True)
    behind = left * (1 - x[..., None]) + right * x[..., None]
    unlike = np.abs(small - behind).sum(-1)
    # Low down a subject may fill the picture from edge to edge: compare with the top.
    half = max(1, rows // 2)
    far = np.abs(small - np.median(behind[:half], axis=(0, 1))).sum(-1)
    unlike = np.maximum(unlike, far * smoothstep(0.5, 0.72, y))
    unlike = blurred(np.clip(unlike / (np.percentile(unlike, 84) + 0.05), 0, 1), 2)
    central = np.exp(-(((x - 0.5) / 0.3) ** 2) - ((y - 0.54) / 0.6) ** 2)
    score = unlike * (0.4 + 0.6 * central) + 0.4 * central**2
    high = float(score.max()) + 1e-6
    solid = largest(smoothstep(0.25 * high, 0.37 * high, score), centred=True, keep=0.5)
    # What a thing stands on, at its own distance, is as sharp as the thing.
    solid[half:] = np.maximum.accumulate(solid[half:], axis=0)
    return resized(blurred(solid, 1.6), width, height)


def largest(mask: Pixels, *, centred: bool, keep: float = 0.2) -> Pixels:
    """Keep the main connected regions of a mask, and drop the small ones.

    Args:
        mask: Any size; regions are told apart on a copy `_COARSE` px long.
        centred: Whether a region near the centre counts for more.
        keep: How large beside the main region another one must be to stay.
    """
    height, width = mask.shape
    shrink = max(height, width) / _COARSE
    if shrink > 1:
        size = max(1, round(width / shrink)), max(1, round(height / shrink))
        coarse = resized(mask, *size)
    else:
        coarse = mask
    labels, count = labelled(coarse > 0.35)  # noqa: PLR2004 - a third covered is "there"
    if not count:
        return mask
    y, x = grid(*coarse.shape)
    weight = coarse.copy()
    if centred:
        weight *= np.exp(-(((x - 0.5) / 0.34) ** 2) - ((y - 0.5) / 0.38) ** 2) + 0.02
    sizes = np.bincount(labels.ravel(), weight.ravel(), count + 1)
    sizes[0] = 0
    chosen = (sizes >= keep * sizes.max())[labels].astype(np.float32)
    if shrink > 1:  # dilate a little, so that the fine mask's own edge is what shows
        chosen = np.asarray(
            Image.fromarray(to_bytes(chosen)).filter(ImageFilter.MaxFilter(5)),
            np.float32,
        )
        chosen = resized(blurred(chosen / 255, 0.8), width, height)
    kept: Pixels = mask * chosen
    return kept


def closed(mask: Pixels) -> Pixels:
    """Fill what is open by less than a fortieth of the picture: glints, seams."""
    height, width = mask.shape
    size = max(1, width // 4), max(1, height // 4)
    small = Image.fromarray(to_bytes(resized(mask, *size)))
    reach = max(size) // 80 * 2 + 1
    filled = small.filter(ImageFilter.MaxFilter(reach))
    filled = filled.filter(ImageFilter.MinFilter(reach))
    out = np.asarray(filled.resize((width, height), Image.Resampling.BILINEAR))
    return np.maximum(mask, smoothstep(0.4, 0.8, out.astype(np.float32) / 255))


def labelled(there: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Number the 4-connected regions of a small boolean array from 1."""
    height, width = there.shape
    open_cells = {int(i) for i in np.flatnonzero(there)}
    labels = np.zeros(height * width, np.intp)
    count = 0
    while open_cells:
        count += 1
        queue = [open_cells.pop()]
        while queue:
            cell = queue.pop()
            labels[cell] = count
            row_neighbours = [cell - width, cell + width]
            if cell % width:
                row_neighbours.append(cell - 1)
            if (cell + 1) % width:
                row_neighbours.append(cell + 1)
            for neighbour in row_neighbours:
                if neighbour in open_cells:
                    open_cells.remove(neighbour)
                    queue.append(neighbour)
    return labels.reshape(height, width), count


def _shrunk(pixels: Pixels, longest: int) -> Pixels:
    """Return a small copy, ``longest`` pixels on its long side."""
    height, width = pixels.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    image = Image.fromarray(to_bytes(pixels)).resize(size, Image.Resampling.BOX)
    return np.asarray(image, np.float32) / 255
