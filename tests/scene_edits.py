"""Edits of a picture: each returns the pair before and after, in one frame.

``edit(rng, picture, area)``: ``area`` is about the share of the picture it changes.
Only those that need something there to change also change the picture before.
"""

import numpy as np
from PIL import Image, ImageDraw

from kontext_nb.lettering import font
from tests.scene_fields import (
    blurred,
    cloud,
    colour,
    from_lab,
    lab,
    luma,
    palette,
    sampled,
    smooth,
)
from tests.scene_pictures import FAMILIES, WORDS
from tests.scene_shapes import drawn, region, ring, rounded
from tests.scene_surfaces import over, stuff, unit_of


def paste(rng, picture, area):
    """Put an object there, lit and textured, with its shadow."""
    h, w = picture.shape[:2]
    mask = region(rng, w, h, area)
    reach = max(3, round(0.06 * np.sqrt(area * w * h)))
    shadow = blurred(np.roll(mask, (reach, reach // 2), (0, 1)), reach)
    ground = picture * (1 - rng.uniform(0.2, 0.5) * shadow[..., None])
    thing = stuff(rng, w, h, palette(rng, 3, chroma=(0, 60)))
    thing = thing * rounded(rng, mask, 4.0 * reach)[..., None]
    return picture, np.clip(over(ground, thing, mask), 0, 1)


def remove(rng, picture, area):
    """Fill a region by what is seen elsewhere in the picture."""
    h, w = picture.shape[:2]
    far = (int(rng.uniform(0.15, 0.85) * h), int(rng.uniform(0.15, 0.85) * w))
    return picture, over(
        picture, np.roll(picture, far, (0, 1)), region(rng, w, h, area)
    )


def recolour(rng, picture, area):
    """Give a region another hue; its light and texture stay."""
    h, w = picture.shape[:2]
    values = lab(picture)
    hue, strength = rng.uniform(0, 2 * np.pi), rng.uniform(18, 50)
    values[..., 1:] = 0.3 * values[..., 1:] + strength * np.array(
        [np.cos(hue), np.sin(hue)]
    )
    return picture, over(picture, from_lab(values), region(rng, w, h, area))


def light(rng, picture, area):
    """Darken or lighten a region."""
    h, w = picture.shape[:2]
    factor = float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.2, 0.6)))
    mask = region(rng, w, h, area)
    return picture, over(picture, np.clip(picture * factor, 0, 1), mask)


def retexture(rng, picture, area):
    """Put another surface in place of one, about as bright."""
    h, w = picture.shape[:2]
    mask = region(rng, w, h, area)
    other = str(rng.choice(["foliage", "fur", "pattern", "page"]))
    surface = FAMILIES[other](rng, w, h)
    means = [np.average(luma(p), weights=mask + 1e-9) for p in (picture, surface)]
    return picture, over(
        picture, np.clip(surface * float(means[0] / means[1]), 0, 1), mask
    )


def background(rng, picture, area):
    """Replace what is behind the subject, from the top of the picture down."""
    h, w = picture.shape[:2]
    subject = [(rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.6) * h), 0.2 * min(w, h)]
    horizon = h * np.clip(area * 1.15, 0.05, 0.6)
    wavy = 0.04 * h * cloud(rng, 1, w, 1.4)[0]
    mask = np.clip((horizon + wavy)[None] - np.arange(h)[:, None], 0, 1)
    mask = mask * (1 - drawn(w, h, [ring(rng, *subject)], 1.0))
    other = str(rng.choice(["foliage", "leaves", "wall"]))
    behind = blurred(FAMILIES[other](rng, w, h), float(rng.choice([0.0, 6.0])))
    return picture, over(picture, behind, blurred(mask.astype(np.float32), 0.7))


def smear(rng, picture, area):
    """Lose the detail of a region, or all that is in it."""
    h, w = picture.shape[:2]
    soft = blurred(picture, rng.uniform(3, 14) * unit_of(w, h))
    return picture, over(picture, soft, region(rng, w, h, area))


def reshape(rng, picture, area):
    """Bend what is in a region, as another face would be on the same head."""
    h, w = picture.shape[:2]
    reach, mask = rng.uniform(5, 16) * unit_of(w, h), region(rng, w, h, area)
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    knots = int(np.clip(2.5 / np.sqrt(area), 4, 30))
    rows += reach * mask * smooth(rng, h, w, knots)
    columns += reach * mask * smooth(rng, h, w, knots)
    return picture, sampled(picture, rows, columns)


def text(rng, picture, area):
    """Change what a sign says; the sign is in the picture before."""
    h, w = picture.shape[:2]
    wide = float(np.clip(np.sqrt(area * 5 * w * h), 0.12 * w, 0.8 * w))
    size = max(8, round(wide / 6))
    x, y = rng.uniform(0, w - wide), rng.uniform(0, h - 2.2 * size)
    board = [(x, y), (x + wide, y), (x + wide, y + 1.8 * size), (x, y + 1.8 * size)]
    paint, ink = colour(rng, light=(60, 92)), colour(rng, light=(8, 35))
    if rng.random() < 0.5:
        paint, ink = ink, paint
    before = over(picture, paint * (0.9 + 0.1 * picture), drawn(w, h, [board], 0.7))
    letters, pair = font(size, bold=True), []
    for word in rng.choice(WORDS, 2, replace=False):
        image = Image.new("L", (w, h))
        place = (x + wide / 2, y + 0.9 * size)
        ImageDraw.Draw(image).text(place, word, font=letters, fill=255, anchor="mm")
        mask = np.asarray(image, np.float32) / 255
        pair.append(np.clip(over(before, ink, blurred(mask, 0.5)), 0, 1))
    return pair[0], pair[1]


def letter(rng, picture, _area=0.0):
    """Change, add or take away one letter of 24 x 24 pixels at a megapixel."""
    h, w = picture.shape[:2]
    cell = 24 * unit_of(w, h)
    alphabet = list("ABDEFGHKMNPRSTUVXZ2345678")
    count = int(rng.choice([1, 4, 7, 10]))
    word = list(rng.choice(alphabet, count))
    at = int(rng.integers(count))
    left = rng.uniform(cell, max(cell + 1, w - (count + 2) * cell))
    top = rng.uniform(cell, h - 2 * cell)
    place = (slice(int(top), int(top + cell) + 1),)
    spot = lab(picture[(*place, slice(int(left), int(left + count * cell) + 1))])
    tone = spot.mean((0, 1)) + np.append(0, rng.normal(0, 6, 2))
    spread = min(25.0, float(spot[..., 0].std()))
    step = rng.uniform(32, 50) + spread
    tone[0] += step if tone[0] + step < 96 and rng.random() < 0.5 else -step
    if tone[0] < 4:
        tone[0] += 2 * step
    ink = from_lab(np.clip(tone, [4, -60, -60], [97, 60, 60]))
    changed = word.copy()
    kind = rng.choice(["change", "add", "take"])
    if kind == "change":
        changed[at] = str(rng.choice([c for c in alphabet if c != word[at]]))
    elif kind == "take":
        changed[at] = ""
    else:
        word[at] = ""
    soft = rng.uniform(0.3, 0.8)
    return tuple(
        over(picture, ink, blurred(_set(picture, (left, top), said, cell), soft))
        for said in (word, changed)
    )


def _set(picture, corner, word, cell):
    """Return the mask of letters, each of which fills its cell."""
    h, w = picture.shape[:2]
    mask = np.zeros((h, w), np.float32)
    letters = font(160, bold=True)
    for n, sign in enumerate(word):
        if not sign:
            continue
        box = letters.getbbox(sign)
        image = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(image)
        pen.text((-box[0], -box[1]), sign, font=letters, fill=255)
        side = max(2, round(cell))
        x, y = round(corner[0] + n * cell * 1.12), round(corner[1])
        glyph = np.asarray(image.resize((side, side), Image.Resampling.BOX))
        part = mask[y : y + side, x : x + side]
        part[:] = glyph[: part.shape[0], : part.shape[1]] / np.float32(255)
    return mask


EDITS = {
    f.__name__: f
    for f in (
        *(paste, remove, recolour, light, retexture, background, smear, reshape, text),
    )
}
