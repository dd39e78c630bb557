"""Pictures with the statistics of photographs, before any camera has seen them.

Each is ``picture(rng, w, h)``.
"""

import numpy as np
from PIL import Image, ImageDraw

from kontext_nb.demo import samples
from kontext_nb.lettering import font
from tests.scene_fields import (
    as_bytes,
    blurred,
    cloud,
    colour,
    coloured,
    from_lab,
    palette,
    resized,
    smooth,
)
from tests.scene_shapes import drawn, oval, ring, rounded
from tests.scene_surfaces import (
    LARGE,
    foliage,
    fur,
    leaves,
    over,
    pattern,
    stuff,
    unit_of,
)

WORDS = (
    *("the", "light", "of", "a", "window", "on", "old", "stone", "water", "under"),
    *("bridges", "three", "red", "chairs", "and", "table", "by", "sea", "every"),
    *("morning", "bread", "milk", "salt", "open", "late", "museum", "harbour"),
    *("street", "north", "gate", "platform", "seven", "please", "keep", "clear"),
    *("private", "garden", "hand", "made", "coffee"),
)


def portrait(rng, w, h):
    """Return a head and shoulders before something far out of focus."""
    unit = unit_of(w, h)
    behind = leaves if rng.random() < 0.5 else street
    shown = blurred(behind(rng, w, h), unit * rng.uniform(10, 40))
    size = min(0.24 * h, 0.3 * w)
    x, y = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.38, 0.5)
    cloth = fur(rng, w, h) if rng.random() < 0.5 else stuff(rng, w, h)
    body = [oval((x, y + 2.6 * size), 1.7 * size, 1.6 * size)]
    body.append(oval((x, y + size), 0.4 * size, 0.8 * size))
    mask = drawn(w, h, body, unit)
    shown = over(shown, cloth * rounded(rng, mask, 0.4 * size)[..., None], mask)
    tint = colour(rng, light=(8, 60), chroma=(0, 30))
    shown = _hair(rng, shown, (x, y - 0.1 * size), 1.02 * size, tint)
    hue, strength = rng.normal(0.95, 0.12), rng.uniform(12, 24)
    tone = [rng.uniform(35, 80), strength * np.cos(hue), strength * np.sin(hue)]
    skin = stuff(rng, w, h, from_lab([tone, tone]))
    skin = 0.6 * skin + 0.4 * blurred(skin, 6 * unit)
    mask = drawn(w, h, [oval((x, y), 0.68 * size, 0.95 * size)], 1.5 * unit)
    face = skin * rounded(rng, mask, 0.35 * size)[..., None]
    nose = drawn(w, h, [oval((x, y + 0.12 * size), 0.1 * size, 0.25 * size)], unit)
    face = face * rounded(rng, nose, 0.08 * size)[..., None]
    for side in (-1, 1):
        eye = (x + 0.27 * side * size, y - 0.12 * size)
        for centre, wide, high, tone in (
            ((eye[0], eye[1] - 0.17 * size), 0.2, 0.04, 0.45 * tint + 0.05),
            (eye, 0.2, 0.1, 0.55 * skin.mean((0, 1))),
            (eye, 0.14, 0.06, np.full(3, 0.8)),
            (eye, 0.065, 0.065, colour(rng, light=(15, 45))),
            (eye, 0.03, 0.03, np.full(3, 0.03)),
        ):
            spot = drawn(w, h, [oval(centre, wide * size, high * size)], 0.02 * size)
            face = over(face, tone.astype(np.float32), spot)
    mouth = drawn(w, h, [oval((x, y + 0.5 * size), 0.25 * size, 0.07 * size)], 2 * unit)
    face = over(face, face * np.float32([0.85, 0.55, 0.55]), mouth)
    return np.clip(over(shown, face, mask), 0, 1)


def _hair(rng, shown, centre, size, tint):
    """Draw a head of hair, of which single ones stand out."""
    h, w = shown.shape[:2]
    unit, fine = unit_of(w, h), 2 if w * h < LARGE else 1
    image = Image.new("L", (fine * w, fine * h))
    tones = Image.new("L", (fine * w, fine * h), 90)
    pen, toner = ImageDraw.Draw(image), ImageDraw.Draw(tones)
    cap = oval((fine * centre[0], fine * centre[1]), fine * size * 0.9, fine * size)
    pen.polygon([tuple(p) for p in cap], fill=255)
    for _ in range(int(rng.integers(1500, 3000))):
        start = rng.uniform(np.pi, 2 * np.pi)
        grow = np.linspace(0, 1, 12)
        angle = start + grow * rng.normal(0, 0.25) + 0.05 * np.sin(6 * grow)
        r = size * (rng.uniform(0.3, 0.8) + grow * rng.uniform(0.1, 0.5))
        fall = grow**2 * size * rng.uniform(0, 1.6)
        x, y = centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle) + fall
        path = [(fine * a, fine * b) for a, b in zip(x, y, strict=True)]
        wide = max(1, round(fine * unit * rng.uniform(0.4, 1.8)))
        pen.line(path, fill=int(rng.integers(150, 256)), width=wide)
        toner.line(path, fill=int(rng.integers(60, 230)), width=wide)
    mask = np.asarray(image.reduce(fine), np.float32) / 255
    light = np.asarray(tones.reduce(fine), np.float32)[..., None] / 128
    return over(shown, np.clip(tint * light, 0, 1), mask)


def sky(rng, w, h):
    """Return a sky: a gradient, and clouds in some."""
    top = colour(rng, light=(45, 85), chroma=(5, 35))
    low = np.clip(0.4 * top + 0.6 * colour(rng, light=(75, 95), chroma=(0, 20)), 0, 1)
    slope = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    shown = np.broadcast_to(top + slope * (low - top), (h, w, 3)).copy()
    if rng.random() < 0.5:
        puffs = np.clip(cloud(rng, h, w, 1.7) * rng.uniform(0.3, 1), 0, 1)
        light = 0.85 + 0.06 * cloud(rng, h, w, 1.5)
        shown = over(shown, light[..., None], puffs)
    return shown


def landscape(rng, w, h):
    """Return hills behind hills, paler the farther they are, and grass before us."""
    shown = sky(rng, w, h)
    haze = shown.mean((0, 1))
    horizon, count = rng.uniform(0.25, 0.5), int(rng.integers(2, 5))
    for n in range(count):
        line = h * (horizon + 0.12 * n) + 0.04 * h * (1 + n) * cloud(rng, 1, w, 1.2)[0]
        mask = np.clip(np.arange(h)[:, None] - line[None] + 0.5, 0, 1)
        cover = foliage if n else stuff
        air = 0.75 * (1 - (n + 1) / count)
        ground = cover(rng, w, h) * (1 + 0.2 * smooth(rng, h, w, 3))[..., None]
        shown = over(shown, ground * (1 - air) + air * haze, mask.astype(np.float32))
    line = h * rng.uniform(0.8, 1.0) + 0.03 * h * cloud(rng, 1, w, 1.0)[0]
    mask = np.clip(np.arange(h)[:, None] - line[None] + 0.5, 0, 1).astype(np.float32)
    return np.clip(over(shown, fur(rng, w, h, 0.6), mask), 0, 1)


def street(rng, w, h):
    """Return two rows of houses that run to a point far away, and the road."""
    shown = sky(rng, w, h)
    vx, vy = w * rng.uniform(0.3, 0.7), h * rng.uniform(0.4, 0.6)
    near, far = rng.uniform(0.02, 0.1), rng.uniform(0.15, 0.3)
    road = [(-w, 1.6 * h), (2 * w, 1.6 * h), (vx + 9, vy), (vx - 9, vy)]
    shown = _laid(shown, stuff(rng, 900, 900), road)
    for side in (-1, 1):
        edge = 0 if side < 0 else w
        inner = vx + (edge - vx) * far
        top, low = vy - h * rng.uniform(0.6, 1.1), vy + h * rng.uniform(0.5, 0.8)
        outer = edge + side * w * near
        gap = (inner - vx) / (outer - vx)
        quad = [(outer, top), (inner, vy + (top - vy) * gap)]
        quad += [(inner, vy + (low - vy) * gap), (outer, low)]
        shown = _laid(shown, facade(rng, 900, 700), quad)
    front = drawn(w, h, [ring(rng, (vx, vy), 0.12 * min(w, h), "polygon")], 0.8)
    shown = over(shown, pattern(rng, w, h), front)
    return np.clip(shown * (1 + 0.2 * smooth(rng, h, w, 3))[..., None], 0, 1)


def facade(rng, w, h):
    """Return the front of a house: a wall with rows of windows."""
    shown = stuff(rng, w, h, palette(rng, 2, light=(35, 85)))
    columns, rows = int(rng.integers(5, 14)), int(rng.integers(3, 8))
    wide, high = w / columns, h / rows
    glass = sky(rng, w, h) * 0.45
    for row in range(rows):
        for column in range(columns):
            x, y = int((column + 0.25) * wide), int((row + 0.2) * high)
            part = np.s_[y : y + int(0.6 * high), x : x + int(0.5 * wide)]
            pane = part[0], slice(x + 3, x + int(0.5 * wide) - 3)
            shown[part] = rng.uniform(0.2, 0.9)
            shown[pane] = glass[pane] * rng.uniform(0.2, 1.4)
            middle = x + int(0.25 * wide)
            shown[part[0], middle : middle + 3] = 0.6
            shown[y + int(0.6 * high) :][:5, x - 4 : x + int(0.5 * wide) + 4] *= 0.6
    return np.clip(shown, 0, 1)


def _laid(shown, surface, quad):
    """Lay a surface into four corners: upper left, upper right, lower right, left."""
    h, w = shown.shape[:2]
    fine = 2 if w * h < LARGE else 1
    high, wide = surface.shape[:2]
    corners = [(0, 0), (wide, 0), (wide, high), (0, high)]
    rows, right = [], []
    for (x, y), (u, v) in zip(quad, corners, strict=True):
        x, y = fine * x, fine * y  # noqa: PLW2901 - in the larger picture
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    way = np.linalg.solve(np.array(rows), np.array(right))
    size, kind = (fine * w, fine * h), Image.Transform.PERSPECTIVE
    image = Image.fromarray(as_bytes(surface)).convert("RGBA")
    image = image.transform(size, kind, tuple(way), Image.Resampling.BILINEAR)
    flat = np.asarray(image.reduce(fine), np.float32) / 255
    return over(shown, flat[..., :3], drawn(w, h, [quad], 0.3))


def table(rng, w, h):
    """Return round and angular things on a table, lit from one side."""
    unit = unit_of(w, h)
    shown = wall(rng, w, h, empty=True)
    edge = h * rng.uniform(0.3, 0.55)
    quad = [(-0.1 * w, edge), (1.1 * w, edge), (1.8 * w, 1.2 * h), (-0.8 * w, 1.2 * h)]
    board = pattern if rng.random() < 0.3 else stuff
    shown = _laid(shown, board(rng, 1100, 900), quad)
    light = rng.uniform(-0.5, 0.5)
    skins = [stuff(rng, w, h, palette(rng, 2, chroma=(0, 60))) for _ in range(3)]
    for n in range(int(rng.integers(3, 9))):
        radius = unit * rng.uniform(40, 160)
        x, y = rng.uniform(0, w), edge + 0.5 * n / 9 * h
        kind = "blob" if rng.random() < 0.7 else "polygon"
        outline = ring(rng, (x, y), radius, kind)
        foot = oval((x + light * radius, y + radius), 1.3 * radius, 0.3 * radius)
        shadow = drawn(w, h, [foot], 0.12 * radius)
        shown = shown * (1 - 0.6 * shadow[..., None])
        mask = drawn(w, h, [outline], 0.6 * unit)
        skin = skins[n % 3] * rounded(rng, mask, 0.4 * radius)[..., None]
        shown = over(shown, np.clip(skin, 0, 1), mask)
    return np.clip(shown, 0, 1)


def wall(rng, w, h, *, empty=False):
    """Return a nearly empty picture: a wall or a sky, and little before it."""
    grain = float(rng.choice([0.0, 0.0, 0.006, 0.02])) * cloud(
        rng, h, w, rng.uniform(0.3, 1.1)
    )
    light = 1 + rng.uniform(0.0, 0.1) * smooth(rng, h, w, 2) + grain
    if rng.random() < 0.5:
        shown = sky(rng, w, h)
    else:
        paint = palette(rng, 3, light=(40, 90))
        shown = coloured(0.3 * smooth(rng, h, w, 2), paint)
    shown = np.clip(shown * light[..., None], 0, 1)
    if empty:
        return shown
    share = rng.uniform(0.1, 0.4)
    if rng.random() < 0.5:  # a skyline
        ridge = h * (1 - share) + 0.05 * h * cloud(rng, 1, w, 1.2)[0]
        mask = np.clip(np.arange(h)[:, None] - ridge[None] + 0.5, 0, 1)
        ground = (leaves, stuff, foliage)[int(rng.integers(3))](rng, w, h)
        return np.clip(over(shown, ground, mask.astype(np.float32)), 0, 1)
    for _ in range(int(rng.integers(1, 5))):
        radius = np.sqrt(share * w * h / np.pi) * rng.uniform(0.2, 0.6)
        spot = ring(rng, (rng.uniform(0, w), rng.uniform(0, h)), radius, "polygon")
        shown = over(shown, stuff(rng, w, h), drawn(w, h, [spot], 0.7))
    return np.clip(shown, 0, 1)


def page(rng, w, h):
    """Return a page of small text, with thin lines."""
    unit = unit_of(w, h)
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
    sheet = over(np.broadcast_to(paper, (h, w, 3)), ink, mask) * lit[..., None]
    if rng.random() < 0.5:  # a sheet that lies on something, not quite straight
        turn = rng.normal(0, 0.04, (4, 2)) * [w, h]
        inner = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]) * [w, h]
        return np.clip(_laid(stuff(rng, w, h), sheet, (inner + turn).tolist()), 0, 1)
    return np.clip(sheet, 0, 1)


def sample(rng, w, h):
    """Return one of the package's own samples, cut to the ratio."""
    image = getattr(samples, str(rng.choice(samples.NAMES)))().convert("RGB")
    own_w, own_h = image.size
    scale = min(own_w / w, own_h / h)
    wide, high = w * scale, h * scale
    # Of the ratio itself one side is all there is, and may be less by a rounding.
    left, top = (rng.uniform(0, max(0, n)) for n in (own_w - wide, own_h - high))
    picture = np.asarray(image, np.float32) / 255
    box = (left, top, left + wide, top + high)
    return np.clip(resized(picture, w, h, box), 0, 1)


FAMILIES = {
    family.__name__: family
    for family in (
        *(foliage, fur, leaves, pattern),
        *(portrait, landscape, street, table, wall, page, sample),
    )
}
