"""Pictures made anew, so that the old one cannot be laid on them."""

import numpy as np
from PIL import Image, ImageFilter

from tests.scene_fields import (
    as_bytes,
    blurred,
    coloured,
    luma,
    palette,
    resized,
    sampled,
    smooth,
)
from tests.scene_pictures import FAMILIES
from tests.scene_shapes import drawn, ring
from tests.scene_surfaces import over


def poster(rng, picture):
    """Return a few flat colours with black outlines."""
    grey = luma(blurred(picture, 2.5))
    levels = int(rng.integers(3, 6))
    flat = np.floor(grey * levels) / max(1, levels - 1)
    shown = coloured(
        4 * flat - 2, palette(rng, levels, light=(20, 90), chroma=(20, 70))
    )
    rows, columns = np.gradient(grey)
    return shown * (1 - np.clip(12 * np.hypot(rows, columns), 0, 1))[..., None]


def painting(rng, picture):
    """Return it as broad strokes of paint, in other colours."""
    h, w = picture.shape[:2]
    unit = np.sqrt(w * h / 1e6)
    small = Image.fromarray(as_bytes(picture)).resize(
        (round(w / unit / 3), round(h / unit / 3))
    )
    for _ in range(3):
        small = small.filter(ImageFilter.ModeFilter(int(rng.choice([7, 9]))))
    paint = resized(np.asarray(small, np.float32) / 255, w, h)
    rows, columns = np.mgrid[:h, :w]
    bend = 5 * unit
    rows = rows + (bend * smooth(rng, h, w, 40)).astype(int)
    columns = columns + (bend * smooth(rng, h, w, 40)).astype(int)
    paint = paint[np.clip(rows, 0, h - 1), np.clip(columns, 0, w - 1)]
    mix = np.clip(np.eye(3) + rng.normal(0, 0.25, (3, 3)), -1, 2)
    return np.clip(paint @ (mix / mix.sum(1, keepdims=True)).T, 0, 1)


def sketch(rng, picture):
    """Return it in pencil."""
    h, w = picture.shape[:2]
    grey = luma(picture)
    lines = grey / np.maximum(blurred(grey, rng.uniform(3, 9)), 0.05)
    hatch = 1 - 0.15 * np.abs(blurred(rng.standard_normal((h, w), np.float32), 0.8))
    shown = np.clip(0.1 + 0.85 * np.clip(lines, 0, 1) ** 2, 0, 1) * hatch
    return np.repeat(shown[..., None], 3, axis=-1)


def recomposed(rng, picture):
    """Return the scene from elsewhere: near things have moved more than far ones."""
    h, w = picture.shape[:2]
    depth = np.clip(smooth(rng, h, w, 5), -1.5, 1.5)
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.04, 0.1) * min(w, h)
    zoom = rng.uniform(0.75, 0.95)
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    rows = (rows - h / 2) * zoom + h / 2 + far * depth * np.sin(angle)
    columns = (columns - w / 2) * zoom + w / 2 + far * depth * np.cos(angle)
    behind = sampled(picture, rows, columns)
    # The subject stands somewhere else, and is nearer or farther.
    centre = np.array([rng.uniform(0.35, 0.65) * w, rng.uniform(0.35, 0.65) * h])
    radius, closer = 0.22 * min(w, h), float(rng.choice([0.65, 0.75, 1.35, 1.5]))
    step = rng.uniform(0.1, 0.25, 2) * rng.choice([-1, 1], 2) * [w, h]
    mask = drawn(w, h, [ring(rng, centre, radius)], 1.5)
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    columns = (columns - centre[0] - step[0]) / closer + centre[0]
    rows = (rows - centre[1] - step[1]) / closer + centre[1]
    return over(behind, sampled(picture, rows, columns), sampled(mask, rows, columns))


def other(rng, picture):
    """Return another picture altogether."""
    h, w = picture.shape[:2]
    # Of the few samples it could be the same, cut elsewhere: that is the same picture.
    families = [name for name in FAMILIES if name != "sample"]
    return FAMILIES[str(rng.choice(families))](rng, w, h)


ALL = {f.__name__: f for f in (poster, painting, sketch, recomposed, other)}
