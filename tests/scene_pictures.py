"""Pictures with the statistics of photographs, before any camera has seen them.

Each is ``picture(rng, w, h)``; lengths grow with the picture, so that one of twelve
megapixels shows the same scene as one of a single one.
"""

import numpy as np
from PIL import Image, ImageDraw

from kontext_nb.demo import samples
from kontext_nb.lettering import font
from tests.scene_fields import (
    blurred,
    cloud,
    colour,
    coloured,
    palette,
    resized,
    smooth,
)
from tests.scene_shapes import drawn, ring

WORDS = (
    *("the", "light", "of", "a", "window", "on", "old", "stone", "water", "under"),
    *("bridges", "three", "red", "chairs", "and", "table", "by", "sea", "every"),
    *("morning", "bread", "milk", "salt", "open", "late", "museum", "harbour"),
    *("street", "north", "gate", "platform", "seven", "please", "keep", "clear"),
    *("private", "garden", "hand", "made", "coffee"),
)


def over(picture, colours, mask):
    """Lay colours over a picture where the mask says."""
    return picture + mask[..., None] * (colours - picture)


def stuff(rng, w, h, colours=None):
    """Return a surface: coloured noise at several scales, as ground or foliage is."""
    colours = palette(rng, int(rng.integers(3, 7))) if colours is None else colours
    coarse = cloud(rng, h, w, rng.uniform(1.2, 1.8))
    fine = cloud(rng, h, w, rng.uniform(0.5, 1.1))
    shown = coloured(coarse, colours)
    strength = rng.uniform(0.04, 0.22) * np.clip(1 + 0.7 * smooth(rng, h, w, 5), 0.1, 2)
    return np.clip(shown * (1 + (strength * fine)[..., None]), 0, 1)


def foliage(rng, w, h):
    """Return several layers of surface, one before the other, each with its shadow."""
    shown = stuff(rng, w, h)
    for depth in range(int(rng.integers(2, 6))):
        field = cloud(rng, h, w, rng.uniform(1.0, 1.7))
        mask = np.clip((field - rng.uniform(0.2, 1.2)) * 12, 0, 1)
        mask = blurred(mask, rng.choice([0.5, 0.8, 2.5 / (1 + depth)]))
        shown = shown * (1 - 0.5 * blurred(np.roll(mask, 5, 0), 4.0)[..., None])
        shown = over(shown, stuff(rng, w, h), mask)
    return shown


def leaves(rng, w, h, blur=None):
    """Return things of all sizes that hide one another: textured, lit, out of focus."""
    unit = np.sqrt(w * h / 1e6)
    colours = palette(rng, 12)
    skin = [cloud(rng, h, w, s) for s in (0.7, 1.3)]
    shown = stuff(rng, w, h, colours[:4])
    for layer in range(3):
        count = int(rng.integers(150, 700))
        # As many small things as the cube of their size is small: so it is outside.
        radii = 6 * unit * (1 - rng.random(count)) ** -0.7
        for radius in sorted(np.minimum(radii, 170 * unit), reverse=layer == 0):
            _leaf(rng, shown, float(radius), colours, skin)
        out_of_focus = (rng.uniform(1, 6), rng.uniform(0, 2), 0.0)[layer]
        shown = blurred(shown, unit * out_of_focus)
    return blurred(shown, blur) if blur else shown


def _leaf(rng, shown, radius, colours, skin):
    """Paint one thing."""
    h, w = shown.shape[:2]
    x, y = rng.uniform(0, w), rng.uniform(0, h)
    reach = int(2 * radius) + 3
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    right, bottom = min(w, int(x) + reach), min(h, int(y) + reach)
    if right - left < 2 or bottom - top < 2:
        return
    outline = ring(rng, (x - left, y - top), radius, rng.choice(["blob", "polygon"]))
    mask = drawn(right - left, bottom - top, [outline], 0.4)
    part = (slice(top, bottom), slice(left, right))
    rows, columns = np.mgrid[top - y : bottom - y - 0.5, left - x : right - x - 0.5]
    lit = rng.normal(0, 0.25, 2)
    shade = 1 + (lit[0] * rows + lit[1] * columns) / (radius + 1)
    grain = rng.uniform(0, 0.2) * skin[int(rng.integers(2))][part]
    own = colours[int(rng.integers(len(colours)))] * np.exp(rng.normal(0, 0.15))
    surface = own * (shade + grain)[..., None]
    shown[part] = np.clip(over(shown[part], surface, mask), 0, 1)


def portrait(rng, w, h):
    """Return a head and shoulders before something far out of focus."""
    unit = np.sqrt(w * h / 1e6)
    shown = blurred(leaves(rng, w, h), unit * rng.uniform(12, 40))
    x, y, size = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.38, 0.5), 0.24 * h
    size = min(size, 0.3 * w)
    turn = np.linspace(0, 2 * np.pi, 90)
    cloth = stuff(rng, w, h, palette(rng, 3))
    body = [
        (x + 1.7 * size * np.cos(t), y + 2.6 * size + 1.6 * size * np.sin(t))
        for t in turn
    ]
    shown = over(shown, cloth, drawn(w, h, [body], unit))
    hair = colour(rng, light=(8, 60), chroma=(0, 30))
    shown = _hair(rng, shown, (x, y - 0.1 * size), 1.02 * size, hair)
    skin = colour(rng, light=(40, 80), chroma=(15, 25))
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    lit = 1 + rng.normal(0, 0.3) * (columns - x) / size + 0.1 * (y - rows) / size
    pores = 0.02 * cloud(rng, h, w, 0.6) + 0.02 * cloud(rng, h, w, 1.3)
    face = skin * (np.clip(lit, 0.4, 1.4) + pores)[..., None]
    oval = [(x + 0.68 * size * np.cos(t), y + 0.95 * size * np.sin(t)) for t in turn]
    shown = over(shown, face, drawn(w, h, [oval], 1.5 * unit))
    for side in (-1, 1):
        for wide, tone, dy in ((0.17, 0.9, -0.1), (0.08, 0.12, -0.1), (0.2, 0.3, -0.3)):
            flat = 0.5 if dy == -0.1 else 0.12
            spot = [
                (
                    x + (0.28 * side + wide * np.cos(t)) * size,
                    y + (dy + flat * wide * np.sin(t)) * size,
                )
                for t in turn
            ]
            tint = np.full(3, tone, np.float32) if tone != 0.3 else hair
            shown = over(shown, tint, drawn(w, h, [spot], 0.8 * unit))
    mouth = [
        (x + 0.24 * size * np.cos(t), y + (0.5 + 0.07 * np.sin(t)) * size) for t in turn
    ]
    return np.clip(
        over(shown, skin * [0.8, 0.5, 0.5], drawn(w, h, [mouth], unit)), 0, 1
    )


def _hair(rng, shown, centre, size, tint):
    """Draw some hundreds of hairs around a head."""
    h, w = shown.shape[:2]
    unit = np.sqrt(w * h / 1e6)
    image = Image.new("L", (2 * w, 2 * h))
    tones = Image.new("L", (2 * w, 2 * h), 128)
    pen, toner = ImageDraw.Draw(image), ImageDraw.Draw(tones)
    for _ in range(int(rng.integers(500, 1200))):
        start = rng.uniform(np.pi, 2 * np.pi)
        grow = np.linspace(0, 1, 16)
        angle = start + grow * rng.normal(0, 0.25) + 0.05 * np.sin(6 * grow)
        r = size * (0.6 + grow * rng.uniform(0.2, 0.65))
        fall = grow**2 * size * rng.uniform(0, 1.6)
        path = [
            (2 * (centre[0] + a), 2 * (centre[1] + b))
            for a, b in zip(r * np.cos(angle), r * np.sin(angle) + fall, strict=True)
        ]
        wide = max(1, round(2 * unit * rng.uniform(0.4, 2.0)))
        pen.line(path, fill=int(rng.integers(150, 256)), width=wide)
        toner.line(path, fill=int(rng.integers(60, 256)), width=wide)
    mask = np.asarray(image.reduce(2), np.float32) / 255
    light = np.asarray(tones.reduce(2), np.float32)[..., None] / 128
    return over(shown, np.clip(tint * light, 0, 1), mask)


def wall(rng, w, h):
    """Return a nearly empty picture: a wall or a sky, and little before it."""
    top = colour(rng, light=(45, 92), chroma=(0, 35))
    bottom = np.clip(top + rng.normal(0, 0.08, 3), 0, 1)
    slope = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    light = 1 + rng.uniform(0.0, 0.08) * smooth(rng, h, w, 2)
    grain = rng.choice([0.0, 0.0, 0.006, 0.02]) * cloud(
        rng, h, w, rng.uniform(0.3, 1.2)
    )
    shown = (top + slope * (bottom - top)) * (light + grain)[..., None]
    share = rng.uniform(0.1, 0.4)
    if rng.random() < 0.6:  # a skyline
        ridge = h * (1 - share) + 0.05 * h * cloud(rng, 1, w, 1.2)[0]
        mask = np.clip(np.arange(h)[:, None] - ridge[None] + 0.5, 0, 1)
        ground = leaves(rng, w, h) if rng.random() < 0.5 else stuff(rng, w, h)
        return np.clip(over(shown, ground, mask), 0, 1)
    for _ in range(int(rng.integers(1, 5))):
        radius = np.sqrt(share * w * h / np.pi) * rng.uniform(0.2, 0.6)
        spot = ring(rng, (rng.uniform(0, w), rng.uniform(0, h)), radius, "polygon")
        shown = over(shown, stuff(rng, w, h), drawn(w, h, [spot], 0.7))
    return np.clip(shown, 0, 1)


def pattern(rng, w, h):
    """Return something that repeats: bricks, tiles, a fence, stripes, dots."""
    unit = np.sqrt(w * h / 1e6)
    # The pattern is on a surface that is neither flat nor quite straight before us.
    warp = rng.uniform(0.0, 6.0) * unit
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    turn, lean = rng.normal(0, 0.15), rng.normal(0, 1.5e-4) / unit
    far = 1 + lean * (columns - w / 2)
    x = (columns - w / 2 + turn * rows) / far + warp * smooth(rng, h, w, 4)
    y = (rows - h / 2 - turn * columns) / far + warp * smooth(rng, h, w, 4)
    kind = rng.choice(["bricks", "tiles", "fence", "stripes", "dots"])
    step = unit * rng.uniform(14, 80)
    across = step * (2.2 if kind == "bricks" else 1)
    line = np.floor(y / step).astype(int)
    column = np.floor(x / across + (0.5 * (line % 2) if kind == "bricks" else 0))
    fx = x / across + (0.5 * (line % 2) if kind == "bricks" else 0) - column
    fy = y / step - line
    if kind == "dots":
        inside = rng.uniform(0.2, 0.4) - np.hypot(fx - 0.5, fy - 0.5)
    elif kind in ("fence", "stripes"):
        inside = rng.uniform(0.15, 0.4) - np.abs(fx - 0.5)
        line = line * 0
    else:
        joint = rng.uniform(0.02, 0.06)
        inside = np.minimum(
            np.minimum(fx, 1 - fx) * across / step, np.minimum(fy, 1 - fy)
        )
        inside = inside - joint
    mask = np.clip(inside * step + 0.5, 0, 1)
    tones = rng.normal(1, rng.uniform(0.01, 0.12), (997,)).astype(np.float32)
    cell = tones[(line * 131 + column.astype(int) * 17) % 997][..., None]
    wide = rng.random() < 0.5
    behind = blurred(leaves(rng, w, h), 3 * unit) if wide else stuff(rng, w, h)
    own = stuff(rng, w, h, palette(rng, 2, light=(30, 85)))
    shown = over(behind, own * cell, mask)
    return np.clip(shown * (1 + 0.12 * smooth(rng, h, w, 2))[..., None], 0, 1)


def page(rng, w, h):
    """Return a page of small text, with thin lines."""
    unit = np.sqrt(w * h / 1e6)
    paper, ink = colour(rng, light=(80, 96), chroma=(0, 12)), colour(rng, light=(8, 35))
    image = Image.new("L", (w, h))
    pen = ImageDraw.Draw(image)
    size = round(unit * rng.uniform(11, 26))
    y = unit * rng.uniform(20, 60)
    left, right = w * 0.07, w * rng.uniform(0.6, 0.93)
    while y < h * 0.94:
        big = rng.random() < 0.08
        letters = font(round(size * (1.8 if big else 1)), bold=bool(big))
        line = " ".join(rng.choice(WORDS, 30))
        while letters.getlength(line) > (right - left) * (0.5 if big else 1):
            line = line[: line.rfind(" ")] if " " in line else ""
        pen.text((left, y), line, font=letters, fill=255)
        y += letters.size * rng.choice([1.35, 1.35, 1.35, 2.6])
        if rng.random() < 0.08:
            pen.line((left, y, right, y), fill=255, width=max(1, round(unit)))
            y += size * 0.8
    mask = np.asarray(image, np.float32) / 255
    lit = 1 + 0.07 * smooth(rng, h, w, 2) + 0.006 * cloud(rng, h, w, 0.5)
    return np.clip(
        over(np.broadcast_to(paper, (h, w, 3)), ink, mask) * lit[..., None], 0, 1
    )


def sample(rng, w, h):
    """Return one of the package's own samples, cut to the ratio."""
    image = getattr(samples, str(rng.choice(samples.NAMES)))().convert("RGB")
    own_w, own_h = image.size
    scale = min(own_w / w, own_h / h)
    wide, high = w * scale, h * scale
    left, top = rng.uniform(0, own_w - wide), rng.uniform(0, own_h - high)
    picture = np.asarray(image, np.float32) / 255
    box = (left, top, left + wide, top + high)
    return np.clip(resized(picture, w, h, box), 0, 1)


FAMILIES = {
    f.__name__: f for f in (foliage, leaves, portrait, wall, pattern, page, sample)
}
