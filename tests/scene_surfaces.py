"""Surfaces, near and far: ground, foliage, fur, things that hide one another, bricks.

Each is ``surface(rng, w, h)`` and fills the picture. Lengths grow with the picture, so
that one of twelve megapixels shows the same as one of a single one.
"""

import numpy as np
from PIL import Image, ImageDraw

from tests.scene_fields import (
    as_bytes,
    blurred,
    cloud,
    coloured,
    palette,
    resized,
    smooth,
)
from tests.scene_shapes import drawn, ring

LARGE = 3e6  # pixels: a larger picture is drawn at its own size, not at twice that


def over(picture, colours, mask):
    """Lay colours over a picture where the mask says."""
    return picture + mask[..., None] * (colours - picture)


def unit_of(w, h):
    """Return what is one pixel long in a picture of a megapixel."""
    return float(np.sqrt(w * h / 1e6))


def stuff(rng, w, h, colours=None):
    """Return coloured noise at several scales, as ground or plaster is."""
    colours = palette(rng, int(rng.integers(3, 7))) if colours is None else colours
    shown = coloured(cloud(rng, h, w, rng.uniform(1.2, 1.8)), colours)
    fine = cloud(rng, h, w, rng.uniform(0.6, 1.1))
    if rng.random() < 0.4:  # with a grain: wood, cloth, rain
        long = int(rng.integers(6, 14))
        fine = resized(cloud(rng, h, -(-w // long), 0.7), w, h) + 0.5 * fine
        if rng.random() < 0.5:
            fine = resized(np.ascontiguousarray(fine.T), w, h)
    uneven = np.clip(1 + 0.7 * smooth(rng, h, w, 5), 0.1, 2)
    strength = rng.uniform(0.03, 0.16) * uneven
    return np.clip(shown * (1 + (strength * fine)[..., None]), 0, 1)


def foliage(rng, w, h):
    """Return several layers of surface, one before the other, each with its shadow."""
    unit = unit_of(w, h)
    shown = stuff(rng, w, h)
    for _ in range(int(rng.integers(2, 5))):
        mask = np.clip((cloud(rng, h, w, rng.uniform(1.2, 1.8)) - 0.5) * 12, 0, 1)
        mask = blurred(mask, unit * float(rng.choice([0.5, 0.8, 2.5])))
        deep = np.roll(mask, round(5 * unit), 0)
        shown = shown * (1 - 0.5 * blurred(deep, 4.0 * unit)[..., None])
        near = fur(rng, w, h) if rng.random() < 0.4 else stuff(rng, w, h)
        shown = over(shown, near, mask)
    return shown


def fur(rng, w, h, density=1.0):
    """Return thousands of fine strokes that follow one another: grass, hair, cloth."""
    unit, fine = unit_of(w, h), 2 if w * h < LARGE else 1
    colours = as_bytes(palette(rng, 8))
    base = as_bytes(stuff(rng, w, h, palette(rng, 3, light=(10, 40))))
    image = Image.fromarray(base).resize((fine * w, fine * h), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    bend = 1.2 * smooth(rng, 32, 32, 3) + rng.uniform(0, 2 * np.pi)
    long, count = unit * rng.uniform(10, 45), int(density * rng.uniform(4000, 9000))
    wide = max(1, round(fine * unit * rng.uniform(0.5, 1.6)))
    dim = np.linspace(0.45, 1.25, count)  # what is deeper is darker
    # Chance stroke by stroke, and all that follows from it for all strokes at once.
    starts, turns, halves, tones = [], [], [], []
    for _ in range(count):
        starts.append((rng.uniform(-0.05, 1.05) * w, rng.uniform(-0.05, 1.05) * h))
        turns.append(rng.normal(0, 0.2, 2))
        halves.append(long * rng.uniform(0.25, 0.7))
        tones.append(rng.integers(8))
    starts, halves = np.array(starts), np.array(halves)[:, None]
    across, down = np.clip(32 * starts / (w, h), 0, 31).astype(int).T
    angles = bend[down, across][:, None] + np.array(turns)
    steps = halves[..., None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    paths = fine * np.cumsum(np.stack([starts, *np.moveaxis(steps, 1, 0)], 1), 1)
    tints = np.clip(colours[tones] * dim[:, None], 0, 255).astype(int)
    for path, tint in zip(
        paths.reshape(count, -1).tolist(), tints.tolist(), strict=True
    ):
        pen.line(path, fill=tuple(tint), width=wide)
    return np.asarray(image.reduce(fine), np.float32) / 255


def leaves(rng, w, h):
    """Return things of all sizes that hide one another: textured, lit, out of focus."""
    unit = unit_of(w, h)
    colours = np.concatenate([palette(rng, 6), palette(rng, 6)])
    skin = [stuff(rng, w, h, np.full((2, 3), 0.5, np.float32)) for _ in range(3)]
    shown = stuff(rng, w, h, colours[:4])
    for layer in range(3):
        count = int(rng.integers(150, 700))
        # As many small things as the cube of their size is small: so it is outside.
        radii = 5 * unit * (1 - rng.random(count)) ** -0.7
        for radius in sorted(np.minimum(radii, 150 * unit), reverse=layer == 0):
            _leaf(rng, shown, float(radius), colours, skin)
        out_of_focus = (rng.uniform(1, 6), rng.uniform(0, 2), 0.0)[layer]
        shown = blurred(shown, unit * out_of_focus)
    return shown


def _leaf(rng, shown, radius, colours, skin):
    """Paint one thing and its shadow."""
    h, w = shown.shape[:2]
    x, y = rng.uniform(0, w), rng.uniform(0, h)
    reach = int(2 * radius) + 3
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    right, bottom = min(w, int(x) + reach), min(h, int(y) + reach)
    if right - left < 2 or bottom - top < 2:
        return
    kind = rng.choice(["blob", "blob", "polygon"])
    outline = ring(rng, (x - left, y - top), radius, kind)
    mask = drawn(right - left, bottom - top, [outline], 0.4)
    part = (slice(top, bottom), slice(left, right))
    if radius > 12:
        low = outline + 0.12 * radius
        shade = drawn(right - left, bottom - top, [low], 0.1 * radius)
        shown[part] *= 1 - 0.45 * shade[..., None]
    rows = np.arange(top - y, bottom - y, dtype=np.float32)[: bottom - top, None]
    columns = np.arange(left - x, right - x, dtype=np.float32)[: right - left]
    lit = rng.normal(0, 0.25, 2).astype(np.float32)
    shade = 1 + (lit[0] * rows + lit[1] * columns[None]) / (radius + 1)
    grain = 2 * skin[int(rng.integers(3))][part]
    own = colours[int(rng.integers(len(colours)))] * float(np.exp(rng.normal(0, 0.15)))
    surface = own * grain * shade[..., None]
    shown[part] = np.clip(over(shown[part], surface, mask), 0, 1)


def pattern(rng, w, h):
    """Return something that repeats: bricks, tiles, a fence, stripes, dots."""
    unit = unit_of(w, h)
    # It is on a surface that is neither flat nor quite straight before us.
    warp = rng.uniform(0.0, 6.0) * unit
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    turn, lean = rng.normal(0, 0.15), rng.normal(0, 1.5e-4) / unit
    far = 1 + lean * (columns - w / 2)
    x = (columns - w / 2 + turn * rows) / far + warp * smooth(rng, h, w, 4)
    y = (rows - h / 2 - turn * columns) / far + warp * smooth(rng, h, w, 4)
    kind = str(rng.choice(["bricks", "tiles", "fence", "stripes", "dots"]))
    mask, cell = _repeated(rng, kind, x, y, unit * rng.uniform(14, 80))
    wide = rng.random() < 0.5
    behind = blurred(leaves(rng, w, h), 3 * unit) if wide else stuff(rng, w, h)
    own = stuff(rng, w, h, palette(rng, 2, light=(30, 85)))
    shown = over(behind, own * cell[..., None], mask)
    return np.clip(shown * (1 + 0.12 * smooth(rng, h, w, 2))[..., None], 0, 1)


def _repeated(rng, kind, x, y, step):
    """Return the mask of a pattern and how bright each of its cells is."""
    across = step * (2.2 if kind == "bricks" else 1)
    line = np.floor(y / step)
    x = x / across + (0.5 * (line % 2) if kind == "bricks" else 0)
    column = np.floor(x)
    fx, fy = x - column, y / step - line
    if kind == "dots":
        inside = rng.uniform(0.2, 0.4) - np.hypot(fx - 0.5, fy - 0.5)
    elif kind in ("fence", "stripes"):
        inside = rng.uniform(0.15, 0.4) - np.abs(fx - 0.5)
        line = 0 * line
    else:
        sides = np.minimum(fx, 1 - fx) * across / step, np.minimum(fy, 1 - fy)
        inside = np.minimum(*sides) - rng.uniform(0.02, 0.06)
    # Prime, so that the tones of the cells do not repeat themselves.
    tones = rng.normal(1, rng.uniform(0.01, 0.12), 997).astype(np.float32)
    cell = tones[(line * 131 + column * 17).astype(int) % 997]
    return np.clip(inside * step + 0.5, 0, 1).astype(np.float32), cell
