"""Shapes in a picture: soft masks of (h, w), and the window they fill."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.scene_fields import blurred

TURN = np.linspace(0, 2 * np.pi, 90, endpoint=False)


def oval(centre, wide, high):
    """Return the outline of an ellipse of these radii."""
    around = np.stack([wide * np.cos(TURN), high * np.sin(TURN)], axis=1)
    return np.asarray(centre) + around


def rounded(rng, mask, depth):
    """Return the light on a shape that bulges towards us, about 1; soft, then glossy.

    Args:
        rng: Draws where the light comes from.
        mask: The shape.
        depth: How far from its edge it is still round, in pixels.
    """
    height = depth * np.sqrt(np.clip(blurred(mask, 0.6 * depth) * 2 - 0.6, 0, 1))
    down, across = np.gradient(blurred(height, 0.15 * depth))
    angle = rng.uniform(0, 2 * np.pi)
    facing = 1 / np.sqrt(1 + down**2 + across**2)
    lit = facing * (0.8 + 0.6 * (np.sin(angle) * down + np.cos(angle) * across))
    gloss = float(rng.choice([0.0, 0.4])) * np.clip(lit, 0, 1.3) ** 12 / 4
    return np.clip(0.25 + 0.85 * np.clip(lit, 0, 1.6) + gloss, 0, 2).astype(np.float32)


def drawn(w, h, polygons, softness):
    """Return a mask of filled polygons, each of (x, y) rows, with a soft edge.

    Drawn at twice the size: a step of one pixel would be a sharper edge than any lens
    draws.
    """
    image = Image.new("L", (2 * w, 2 * h))
    pen = ImageDraw.Draw(image)
    for polygon in polygons:
        pen.polygon((2 * np.asarray(polygon)).ravel().tolist(), fill=255)
    image = image.reduce(2).filter(ImageFilter.GaussianBlur(float(softness)))
    return np.asarray(image, np.float32) / 255


def ring(rng, centre, radius, kind="blob"):
    """Return the outline of something roundish or angular."""
    n = 90 if kind == "blob" else int(rng.integers(3, 8))
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    if kind == "blob":
        r = 1 + sum(
            rng.normal(0, 0.35 / k) * np.cos(k * angles + rng.uniform(0, 7))
            for k in range(2, 7)
        )
        r = np.clip(r, 0.3, 1.9)
    else:
        angles = angles + rng.uniform(-0.5, 0.5, n) * np.pi / n + rng.uniform(0, 7)
        r = rng.uniform(0.7, 1.3, n)
    squeeze = np.exp(rng.normal(0, 0.25))
    turned = np.stack([np.cos(angles) * r * squeeze, np.sin(angles) * r / squeeze], 1)
    return np.asarray(centre) + radius * turned


def stroke(rng, centre, length, width):
    """Return the outline of a curved line of some width."""
    t = np.linspace(0, 1, 40)
    heading = rng.uniform(0, 7) + np.cumsum(rng.normal(0, 0.06, 40)) + t * rng.normal()
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0)
    path = (path - path.mean(0)) * length / 40
    normal = np.stack([-np.sin(heading), np.cos(heading)], 1) * width / 2
    return np.asarray(centre) + np.concatenate([path + normal, (path - normal)[::-1]])


def region(rng, w, h, area, softness=None):
    """Return a random shape of about ``area`` (a share of the picture), soft-edged."""
    unit = np.sqrt(w * h / 1e6)
    if softness is None:
        softness = unit * float(rng.choice([0.6, 1.0, 2.5, 6.0]))
    kind = rng.choice(["blob", "blob", "polygon", "stroke", "parts"])
    pixels = area * w * h

    def place(radius):
        x, y = min(radius, w / 2.2), min(radius, h / 2.2)
        return rng.uniform(x, w - x), rng.uniform(y, h - y)

    if kind == "stroke" and area < 0.08:
        length = min(np.sqrt(pixels * rng.uniform(4, 12)), 0.8 * min(w, h))
        outlines = [stroke(rng, place(length / 2), length, pixels / length)]
    elif kind == "parts":
        shares = rng.dirichlet(np.full(int(rng.integers(2, 6)), 2.0))
        radii = np.sqrt(pixels * shares / np.pi)
        outlines = [ring(rng, place(radius), radius) for radius in radii]
    else:
        radius = np.sqrt(pixels / np.pi)
        outlines = [ring(rng, place(radius), radius, str(kind))]
    return drawn(w, h, outlines, softness)
