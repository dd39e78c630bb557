"""The sample picture of a living room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.painting import Canvas, Point, Rgb, Shape, mix
from kontext_nb.demo.regions import smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Plane = NDArray[np.floating[Any]]

_FLOOR = 566  # where the wall meets the floor
_CLOTH: Rgb = (222, 158, 42)


def room() -> Image:
    """Paint the picture, back to front."""
    canvas = Canvas(1024, 768, seed=5)
    _wall(canvas)
    _floor(canvas)
    _window(canvas)
    _pictures(canvas)
    _rug(canvas)
    _sunbeam(canvas)
    _lamp(canvas)
    _sofa(canvas)
    _plant(canvas)
    return canvas.done(grain=1.6, vignette=0.18)


def _wall(canvas: Canvas) -> None:
    """Paint a blue wall, lit from the window on the left, and its skirting."""
    wall = canvas.box(0, 0, 1024, _FLOOR)
    reach = np.exp(-(((wall.x - 250) / 560) ** 2) - ((wall.y - 260) / 420) ** 2)
    plaster = canvas.noise(70, 60, 4)[: wall.cover.shape[0]] * 0.02
    fine = canvas.noise(3, 3)[: wall.cover.shape[0]] * 0.012
    share = np.clip(0.16 + 0.72 * reach + plaster + fine, 0, 1)
    canvas.paint(wall, mix((44, 78, 112), (120, 164, 196), share))
    canvas.shade(canvas.box(0, -40, 1024, 24, blur=18), 0.4)
    canvas.paint(canvas.box(0, _FLOOR - 26, 1024, _FLOOR), (226, 224, 218))
    canvas.shade(canvas.box(0, _FLOOR - 27, 1024, _FLOOR - 25, blur=0.6), 0.4)
    canvas.shade(canvas.box(0, _FLOOR - 9, 1024, _FLOOR + 6, blur=4), 0.36)


def _floor(canvas: Canvas) -> None:
    """Paint oak boards that run toward the viewer."""
    floor = canvas.box(0, _FLOOR, 1024, 768)
    rows = floor.cover.shape[0]
    depth = (floor.y - _FLOOR + 150) / 352
    u = (floor.x - 512) / (112 * depth)
    board = np.floor(u)
    tone = np.sin(board * 91.7) * 0.16
    grain = canvas.noise(9, 60, 3)[:rows] * 0.16 + canvas.noise(3, 26)[:rows] * 0.1
    share = np.clip(0.5 + tone + grain, 0, 1)
    canvas.paint(
        floor,
        mix((122, 80, 48), (206, 156, 104), share) * (0.8 + 0.3 * depth)[..., None],
    )
    seam = smoothstep(0.485, 0.5, np.abs(u - board - 0.5))
    canvas.shade(floor.times(seam), 0.6)
    shine = np.exp(-(((floor.x - 270) / 240) ** 2) - ((floor.y - 600) / 90) ** 2)
    canvas.light(floor.times(shine), (255, 238, 206), 0.3)


def _window(canvas: Canvas) -> None:
    """Paint a tall window with a garden behind it, and linen curtains."""
    left, top, right, low = 132, 76, 372, 436
    canvas.shade(canvas.box(left - 14, top - 8, right + 22, low + 18, blur=8), 0.4)
    canvas.paint(canvas.box(left - 14, top - 14, right + 14, low + 10), (240, 238, 232))
    view = canvas.box(left, top, right, low)
    sky = np.broadcast_to(np.clip((view.y - top) / 300, 0, 1), view.cover.shape)
    canvas.paint(view, mix((176, 212, 240), (250, 250, 240), sky))
    hedge = canvas.noise(36, 26, 4)[
        top - 1 : top - 1 + sky.shape[0], left - 1 : left - 1 + sky.shape[1]
    ]
    trees = smoothstep(-0.2, 0.35, (view.y - 300) / 110 + hedge * 0.5)
    leaves = np.clip(0.5 + hedge * 0.42, 0, 1)
    canvas.paint(view.times(trees * 0.88), mix((82, 122, 70), (206, 222, 142), leaves))
    canvas.light(canvas.glow(250, 200, 190, 210), (255, 250, 230), 0.42)
    for x in (248, 256):
        canvas.shade(canvas.box(x - 5, top, x + 5, low, blur=2), 0.12)
    canvas.paint(canvas.box(246, top, 258, low), (240, 238, 232))
    for y in (192, 316):
        canvas.paint(canvas.box(left, y, right, y + 7), (240, 238, 232))
    canvas.paint(
        canvas.box(left - 28, low + 8, right + 28, low + 22, 3), (246, 244, 238)
    )
    canvas.shade(canvas.box(left - 24, low + 22, right + 24, low + 34, blur=5), 0.42)
    canvas.paint(canvas.box(52, 50, 452, 57, 3), (64, 54, 48))
    for near, far, sway in ((62, 150, 1), (442, 354, -1)):
        _curtain(canvas, near, far, sway)


def _curtain(canvas: Canvas, near: float, far: float, sway: int) -> None:
    """Paint one curtain: hanging folds with daylight coming through."""
    hem = [
        (near, 56),
        (far, 56),
        (far + 2 * sway, 300),
        (far + 9 * sway, 548),
        (near - 8 * sway, 550),
        (near, 300),
    ]
    cloth = canvas.polygon(hem)
    canvas.shade(canvas.polygon(hem, blur=9), 0.28)
    swing = 5 * np.sin(cloth.y / 120)
    fold = 0.5 + 0.5 * np.sin((cloth.x + swing * sway - near) * 0.34)
    lit = 0.3 + 0.5 * fold + 0.2 * np.clip((cloth.x - near) / (far - near), 0, 1)
    weave = (
        canvas.noise(2.4, 2.4)[: cloth.cover.shape[0], : cloth.cover.shape[1]] * 0.05
    )
    canvas.paint(
        cloth, mix((176, 164, 150), (250, 244, 232), np.clip(lit + weave, 0, 1))
    )


def _pictures(canvas: Canvas) -> None:
    """Paint two framed prints over the sofa."""
    for x, y, w, h in ((560, 108, 136, 176), (722, 132, 112, 140)):
        canvas.shade(canvas.box(x + 4, y + 8, x + w + 12, y + h + 14, blur=8), 0.5)
        canvas.paint(canvas.box(x, y, x + w, y + h), (54, 42, 34))
        canvas.paint(canvas.box(x + 6, y + 6, x + w - 6, y + h - 6), (246, 242, 232))
        art = canvas.box(x + 22, y + 24, x + w - 22, y + h - 24)
        down = np.broadcast_to(
            np.clip((art.y - y - 24) / (h - 48), 0, 1), art.cover.shape
        )
        canvas.paint(art, mix((240, 196, 158), (250, 232, 206), down))
        cx, cy = x + w * 0.58, y + h * 0.4
        canvas.paint(canvas.ellipse(cx, cy, w * 0.14, w * 0.14), (206, 84, 60))
        for step, tint in (
            (0.52, (128, 160, 158)),
            (0.62, (74, 116, 122)),
            (0.72, (40, 76, 88)),
        ):
            hill = x + 22 + (art.x - x - 22)
            line = y + h * step + 9 * np.sin(hill / w * 6.3 + step * 19)
            canvas.paint(art.times(np.clip(art.y - line, 0, 1)), tint)
        canvas.light(
            canvas.polygon(
                [(x + 6, y + 6), (x + w * 0.5, y + 6), (x + 6, y + h * 0.6)], 2
            ),
            (255, 255, 255),
            0.1,
        )


def _rug(canvas: Canvas) -> None:
    """Paint an oval woven rug."""
    canvas.shade(canvas.ellipse(640, 706, 322, 52, blur=5), 0.44)
    rug = canvas.ellipse(640, 701, 318, 50)
    reach = np.sqrt(((rug.x - 640) / 318) ** 2 + ((rug.y - 701) / 50) ** 2)
    ring = 0.5 + 0.5 * np.sin(reach * 66)
    yarn = canvas.noise(4, 2.4)[: rug.cover.shape[0], : rug.cover.shape[1]] * 0.1
    share = np.clip(0.56 + 0.24 * ring + yarn, 0, 1)
    band = smoothstep(0.76, 0.78, reach) * (1 - smoothstep(0.88, 0.9, reach))
    canvas.paint(rug, mix((168, 152, 136), (242, 232, 214), share))
    canvas.paint(rug.times(band), mix((120, 50, 42), (190, 96, 78), share))


def _lamp(canvas: Canvas) -> None:
    """Paint a floor lamp that is switched on."""
    canvas.light(canvas.glow(934, 286, 110, 130), (255, 206, 130), 0.34)
    canvas.paint(canvas.box(931, 330, 937, 640, 2), (58, 50, 44))
    canvas.shade(canvas.ellipse(926, 646, 52, 8, blur=5), 0.5)
    canvas.paint(canvas.ellipse(934, 640, 40, 8), (52, 46, 42))
    canvas.light(canvas.ellipse(930, 638, 26, 3, blur=2), (255, 240, 210), 0.26)
    shade = canvas.polygon([(898, 236), (970, 236), (996, 340), (872, 340)])
    warm = np.exp(-(((shade.x - 934) / 44) ** 2) - ((shade.y - 300) / 60) ** 2)
    canvas.paint(
        shade, mix((212, 168, 112), (255, 240, 184), np.minimum(1, 1.5 * warm))
    )
    canvas.shade(canvas.box(872, 336, 996, 341, blur=0.6), 0.3)


def _cushion(
    canvas: Canvas, points: Sequence[Point], colour: Rgb, *, soft: float = 1
) -> Shape:
    """Paint one padded piece: lit at the top, dark at the foot, woven all over."""
    shape = canvas.blob(points)
    ys = [y for _, y in points]
    top, low = min(ys), max(ys)
    v = np.clip((shape.y - top) / (low - top), 0, 1) * np.ones_like(shape.x)
    u = np.clip((shape.x - shape.left) / max(1, shape.cover.shape[1]), 0, 1)
    lit = (
        0.72
        + 0.34 * np.exp(-(((v - 0.14) / 0.24) ** 2))
        - 0.34 * smoothstep(0.45, 1, v) * soft
    )
    lit = lit + 0.06 - 0.16 * u
    weave = (
        canvas.noise(2.2, 2.2)[: shape.cover.shape[0], : shape.cover.shape[1]] * 0.045
    )
    dark: Rgb = (colour[0] * 0.26, colour[1] * 0.23, colour[2] * 0.26)
    light: Rgb = (colour[0] * 1.12, colour[1] * 1.14, colour[2] * 1.14)
    canvas.shade(canvas.blob(points, blur=5), 0.4)
    canvas.paint(shape, mix(dark, light, np.clip(lit + weave, 0, 1)))
    return shape


def _rounded(x0: float, y0: float, x1: float, y1: float, bulge: float) -> list[Point]:
    """Return knots of a rectangle with round corners and slightly bulging sides."""
    r = min(x1 - x0, y1 - y0) * 0.16
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return [
        (x0 + r, y0), (cx, y0 - bulge), (x1 - r, y0), (x1, y0 + r), (x1 + bulge, cy),
        (x1, y1 - r), (x1 - r, y1), (cx, y1 + bulge), (x0 + r, y1), (x0, y1 - r),
        (x0 - bulge, cy), (x0, y0 + r),
    ]  # fmt: skip


def _sofa(canvas: Canvas) -> None:
    """Paint a mustard sofa with two seats, arms, wooden legs and cushions."""
    canvas.shade(canvas.ellipse(664, 668, 262, 22, blur=11), 0.72)
    for x in (450, 866):
        canvas.paint(
            canvas.polygon([(x - 8, 634), (x + 8, 634), (x + 5, 678), (x - 4, 678)]),
            (92, 58, 36),
        )
    _cushion(canvas, _rounded(446, 402, 660, 570, 4), _CLOTH)
    _cushion(canvas, _rounded(656, 402, 872, 570, 4), _CLOTH)
    canvas.shade(canvas.box(654, 416, 662, 560, blur=4), 0.4)
    _cushion(canvas, _rounded(430, 590, 888, 650, 2), _CLOTH, soft=0.7)
    _cushion(canvas, _rounded(446, 534, 661, 600, 5), _CLOTH, soft=0.8)
    _cushion(canvas, _rounded(657, 534, 870, 600, 5), _CLOTH, soft=0.8)
    canvas.shade(canvas.box(450, 526, 868, 540, blur=6), 0.4)
    _cushion(canvas, _rounded(398, 468, 462, 654, 4), _CLOTH)
    _cushion(canvas, _rounded(856, 468, 920, 654, 4), _CLOTH)
    _pillow(canvas, 522, 496, 52, turn=-0.16, tint=(228, 222, 208))
    _pillow(canvas, 792, 498, 50, turn=0.2, tint=(62, 116, 122))


def _pillow(
    canvas: Canvas, x: float, y: float, size: float, *, turn: float, tint: Rgb
) -> None:
    """Paint a square pillow standing on one edge."""
    c, s = np.cos(turn), np.sin(turn)
    knots = [
        (-1, -1),
        (0, -0.88),
        (1, -1),
        (0.9, 0),
        (1, 1),
        (0, 0.92),
        (-1, 1),
        (-0.9, 0),
    ]
    points = [
        (float(x + size * (c * a - s * b)), float(y + size * (s * a + c * b)))
        for a, b in knots
    ]
    _cushion(canvas, points, tint, soft=0.8)


def _plant(canvas: Canvas) -> None:
    """Paint a potted plant with broad leaves."""
    canvas.shade(canvas.ellipse(98, 716, 84, 14, blur=8), 0.6)
    pot = canvas.polygon([(40, 596), (152, 596), (136, 716), (56, 716)])
    round_ = np.clip(1 - ((pot.x - 80) / 86) ** 2, 0, 1) * np.ones_like(pot.y)
    canvas.paint(pot, mix((110, 58, 40), (222, 142, 104), round_))
    canvas.paint(canvas.box(34, 588, 158, 612, 5), (212, 130, 94))
    canvas.shade(canvas.box(36, 612, 156, 620, blur=3), 0.4)
    canvas.shade(canvas.box(112, 590, 158, 712, blur=14), 0.4)
    canvas.paint(canvas.ellipse(96, 592, 54, 5), (58, 42, 34))
    for angle, reach, share in (
        (-2.5, 150, 0.1), (-0.62, 150, 0.15), (-2.15, 196, 0.3), (-1.0, 190, 0.32),
        (-2.85, 120, 0.4), (-0.3, 122, 0.45), (-1.82, 226, 0.6), (-1.3, 214, 0.66),
        (-2.4, 130, 0.85), (-0.8, 132, 0.9), (-1.56, 160, 1.0),
    ):  # fmt: skip
        _leaf(canvas, 96, 590, angle, reach=reach, share=share)


def _leaf(
    canvas: Canvas, x: float, y: float, angle: float, *, reach: float, share: float
) -> None:
    """Paint one leaf on its stem: two halves, one in the light, and a rib."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    start = reach * 0.4

    def at(along: float, aside: float) -> Point:
        droop = 0.0011 * along * along * (0.3 + abs(c))
        return x + along * c - aside * s, y + along * s + aside * c + droop

    wide = reach * 0.17
    rib = [at(start + (reach - start) * k / 6, 0) for k in range(7)]
    sides = []
    for side in (-1, 1):
        bow = [
            at(
                start + (reach - start) * k / 6,
                side * wide * float(np.sin(np.pi * (k / 6) ** 0.8)),
            )
            for k in range(7)
        ]
        sides.append([*rib, *reversed(bow)])
    canvas.paint(
        canvas.line([at(0, 0), at(start * 0.5, 0), at(start, 0)], 3.4), (70, 104, 52)
    )
    canvas.shade(
        canvas.polygon([*rib, *reversed(sides[0][7:]), *sides[1][7:]], blur=5), 0.2
    )
    for half, lift in zip(sides, (0.0, 0.2), strict=True):
        tone = 0.2 + 0.6 * share + lift
        tint: Rgb = (22 + 74 * tone, 62 + 96 * tone, 38 + 40 * tone)
        canvas.paint(canvas.polygon(half), tint)
    canvas.light(canvas.line(rib, 1.4, blur=0.4), (220, 240, 170), 0.5)


def _sunbeam(canvas: Canvas) -> None:
    """Paint the window's light on the floor."""
    for left in (196, 318):
        for top, low in ((606, 650), (656, 712)):
            lean_top, lean_low = (top - 560) * 0.9, (low - 560) * 0.9
            wide_top, wide_low = 96 + (top - 606) * 0.3, 96 + (low - 606) * 0.3
            pane = [
                (left + lean_top, top),
                (left + wide_top + lean_top, top),
                (left + wide_low + lean_low, low),
                (left + lean_low, low),
            ]
            canvas.light(canvas.polygon(pane, blur=4), (255, 232, 180), 0.42)
