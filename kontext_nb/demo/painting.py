"""A small painter for the sample pictures: smooth shapes, soft light, grain.

Shapes are drawn at twice the size and reduced, so their edges are smooth; light and
texture are computed per pixel on floats. Lengths are pixels, colours are 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kontext_nb.demo.regions import resized, to_bytes
from kontext_nb.lettering import face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

Point = tuple[float, float]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape's coverage, 0 to 1, and where its top left corner is."""

    cover: Plane
    left: int
    top: int

    @property
    def x(self) -> Plane:
        """Pixel columns of the shape, as a row."""
        return self.left + np.arange(self.cover.shape[1], dtype=np.float32)[None, :]

    @property
    def y(self) -> Plane:
        """Pixel rows of the shape, as a column."""
        return self.top + np.arange(self.cover.shape[0], dtype=np.float32)[:, None]

    def times(self, mask: Plane) -> Shape:
        """Return the shape with its coverage multiplied."""
        return Shape(self.cover * mask, self.left, self.top)


def mix(first: Rgb, second: Rgb, share: Plane) -> Plane:
    """Blend two colours by a mask: (height, width, 3)."""
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    return a + (b - a) * share[..., None]


def smooth_line(points: Sequence[Point], steps: int = 10) -> list[Point]:
    """Return a closed Catmull-Rom curve through the points."""
    knots = np.array(points, np.float64)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    out = []
    for i in range(len(knots)):
        p0, p1, p2, p3 = (knots[(i + k) % len(knots)] for k in (-1, 0, 1, 2))
        bend = (2 * p0 - 5 * p1 + 4 * p2 - p3) * t + (3 * p1 - 3 * p2 + p3 - p0) * t * t
        out.append(p1 + 0.5 * t * (p2 - p0 + bend))
    return [(float(x), float(y)) for x, y in np.concatenate(out)]


def placed(points: Sequence[Point], x: float, y: float, side: int = 1) -> list[Point]:
    """Move points to (x, y); ``side`` -1 mirrors them left to right."""
    return [(x + side * px, y + py) for px, py in points]


class Canvas:
    """A picture being painted, with its own seeded chance."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self.pixels: Plane = np.zeros((height, width, 3), np.float32)
        self.rng = np.random.default_rng(seed)

    def whole(self) -> Shape:
        """Return the whole canvas as a shape."""
        return Shape(np.ones((self.height, self.width), np.float32), 0, 0)

    def draw(
        self, paint: Callable[[ImageDraw.ImageDraw], None], blur: float = 0
    ) -> Shape:
        """Return what ``paint`` draws in white on a canvas twice as large."""
        mask = Image.new("L", (self.width * 2, self.height * 2))
        paint(ImageDraw.Draw(mask))
        return self._shape(mask, blur)

    def _shape(self, mask: Image.Image, blur: float) -> Shape:
        """Crop a mask twice the canvas' size to what is drawn, and reduce it."""
        box = mask.getbbox() or (0, 0, 2, 2)
        grow = int(blur * 3) * 2 + 2
        left, top = max(0, box[0] - grow) // 2, max(0, box[1] - grow) // 2
        right = min(self.width, (box[2] + grow) // 2 + 1)
        bottom = min(self.height, (box[3] + grow) // 2 + 1)
        small = mask.crop((left * 2, top * 2, right * 2, bottom * 2)).reduce(2)
        if blur:
            small = small.filter(ImageFilter.GaussianBlur(blur))
        return Shape(np.asarray(small, np.float32) / 255, left, top)

    def polygon(self, points: Sequence[Point], blur: float = 0) -> Shape:
        """Return a polygon."""
        doubled = [(x * 2, y * 2) for x, y in points]
        return self.draw(lambda d: d.polygon(doubled, fill=255), blur)

    def blob(self, points: Sequence[Point], blur: float = 0) -> Shape:
        """Return a closed smooth curve through the points."""
        return self.polygon(smooth_line(points), blur)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, blur: float = 0
    ) -> Shape:
        """Return an ellipse around a centre."""
        box = ((x - rx) * 2, (y - ry) * 2, (x + rx) * 2, (y + ry) * 2)
        return self.draw(lambda d: d.ellipse(box, fill=255), blur)

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        r: float = 0,
        *,
        blur: float = 0,
    ) -> Shape:
        """Return a rectangle, rounded by ``r``."""
        corners = (x0 * 2, y0 * 2, x1 * 2 - 1, y1 * 2 - 1)
        return self.draw(lambda d: d.rounded_rectangle(corners, r * 2, fill=255), blur)

    def line(self, points: Sequence[Point], width: float, blur: float = 0) -> Shape:
        """Return a line with round joints."""
        doubled = [(x * 2, y * 2) for x, y in points]
        thick = max(1, round(width * 2))
        return self.draw(lambda d: d.line(doubled, 255, thick, joint="curve"), blur)

    def text(
        self, word: str, x: float, y: float, height: float, typeface: str
    ) -> Shape:
        """Return a word centred on a point, ``height`` pixels per em."""
        from PIL import ImageFont

        font = ImageFont.truetype(face().with_name(typeface), round(height * 2))
        return self.draw(lambda d: d.text((x * 2, y * 2), word, 255, font, anchor="mm"))

    def paint(self, shape: Shape, colour: Rgb | Plane, opacity: float = 1) -> None:
        """Lay a colour, or one colour a pixel, over the canvas."""
        view = self._under(shape)
        cover = (shape.cover * np.float32(opacity))[..., None]
        view += (np.asarray(colour, np.float32) - view) * cover

    def light(self, shape: Shape, colour: Rgb, amount: float = 1) -> None:
        """Add light."""
        view = self._under(shape)
        rays = np.array(colour, np.float32) * np.float32(amount)
        view += (255 - np.minimum(view, 255)) / 255 * rays * shape.cover[..., None]

    def shade(self, shape: Shape, amount: float, tint: Rgb = (30, 26, 40)) -> None:
        """Darken toward a tint, by multiplying, so that what is below stays visible."""
        view = self._under(shape)
        keep = np.array(tint, np.float32) / 255
        view *= 1 - shape.cover[..., None] * np.float32(amount) * (1 - keep)

    def glow(self, x: float, y: float, rx: float, ry: float) -> Shape:
        """Return a soft round falloff, 1 in the centre, as a shape."""
        left, right = max(0, int(x - 2.6 * rx)), min(self.width, int(x + 2.6 * rx) + 1)
        top, bottom = max(0, int(y - 2.6 * ry)), min(self.height, int(y + 2.6 * ry) + 1)
        xs = (np.arange(left, right, dtype=np.float32)[None, :] - x) / rx
        ys = (np.arange(top, bottom, dtype=np.float32)[:, None] - y) / ry
        return Shape(np.exp(-(xs * xs + ys * ys)), left, top)

    def noise(self, across: float, down: float, octaves: int = 1) -> Plane:
        """Return smooth noise over the canvas, about -1 to 1.

        Args:
            across: Pixels per cell in x.
            down: Pixels per cell in y; an unequal one makes grain.
            octaves: How many times finer detail of half the strength is added.
        """
        out = np.zeros((self.height, self.width), np.float32)
        strength = 1.0
        for _ in range(octaves):
            cells = int(self.height / down) + 2, int(self.width / across) + 2
            random = self.rng.uniform(-1, 1, cells).astype(np.float32)
            out += np.float32(strength) * resized(random, self.width, self.height)
            across, down, strength = across / 2, down / 2, strength / 2
        return out

    def done(self, grain: float = 1.6, vignette: float = 0.14) -> Image.Image:
        """Return the picture, with a lens' vignette and a film's fine grain."""
        y = np.linspace(-1, 1, self.height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, self.width, dtype=np.float32)[None, :]
        fall = 1 - np.float32(vignette) * (x * x + y * y) ** 2 * np.float32(0.5)
        grains = self.rng.standard_normal((self.height, self.width), np.float32)
        out = self.pixels * fall[..., None] + (grains * np.float32(grain))[..., None]
        return Image.fromarray(to_bytes(out / 255))

    def _under(self, shape: Shape) -> Plane:
        """Return the canvas' pixels below a shape, to be changed in place."""
        height, width = shape.cover.shape
        return self.pixels[
            shape.top : shape.top + height, shape.left : shape.left + width
        ]
