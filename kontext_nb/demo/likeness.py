"""The sample picture of a woman; she is nobody, every line of her is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.painting import Canvas, Point, Rgb, Shape, mix, placed, smooth_line
from kontext_nb.demo.regions import smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Plane = NDArray[np.floating[Any]]

_X = 416.0  # the middle of the face
_SKIN_DARK: Rgb = (172, 102, 78)
_SKIN_LIT: Rgb = (250, 212, 182)
_HAIR_DARK: Rgb = (30, 18, 16)
_HAIR_LIT: Rgb = (128, 80, 54)
_WOOL: Rgb = (184, 70, 46)


def portrait() -> Image:
    """Paint the picture, back to front."""
    canvas = Canvas(832, 1024, seed=31)
    _backdrop(canvas)
    _hair_behind(canvas)
    _neck(canvas)
    _jumper(canvas)
    _face(canvas)
    _nose(canvas)
    _mouth(canvas)
    for side in (-1, 1):
        _eye(canvas, _X + side * 58, 418, side)
    _hair_in_front(canvas)
    canvas.light(canvas.glow(120, 200, 360, 460), (255, 226, 190), 0.2)
    return canvas.done(grain=1.6, vignette=0.24)


def _mirrored(points: Sequence[Point]) -> list[Point]:
    """Return a closed outline from its right half, given from the top down."""
    return [*points, *((2 * _X - x, y) for x, y in reversed(points) if x != _X)]


def _backdrop(canvas: Canvas) -> None:
    """Paint foliage far out of focus, with round lights in it."""
    whole = canvas.whole()
    slope = np.clip(whole.x / 832 * 0.6 + whole.y / 1024 * 0.5, 0, 1)
    canvas.paint(whole, mix((150, 170, 150), (44, 64, 66), slope))
    patches = canvas.noise(220, 240, 2)
    canvas.pixels += patches[..., None] * np.array([13, 15, 8], np.float32)
    for _ in range(34):
        x, y = canvas.rng.uniform(-20, 850), canvas.rng.uniform(-20, 760)
        size = canvas.rng.uniform(16, 44)
        tint: Rgb = (255, canvas.rng.uniform(206, 246), canvas.rng.uniform(140, 206))
        strength = float(canvas.rng.uniform(0.05, 0.2))
        canvas.light(canvas.ellipse(x, y, size, size, blur=3), tint, strength)
        canvas.light(
            canvas.ellipse(x, y, size, size * 0.98, blur=1.5), tint, strength * 0.4
        )


def _hair_shaded(canvas: Canvas, shape: Shape, flow: float) -> None:
    """Paint hair: strands that follow the fall, a band of light across them."""
    height, width = shape.cover.shape
    strands = canvas.noise(5, 240, 2)[:height, :width] * 0.16
    strands = strands + canvas.noise(2.2, 160)[:height, :width] * 0.12
    band = np.exp(-(((shape.y - flow + 0.0016 * (shape.x - _X) ** 2) / 62) ** 2))
    left = smoothstep(700, 180, shape.x)
    share = np.clip(0.14 + strands + 0.42 * band * left + 0.12 * left, 0, 1)
    canvas.paint(shape, mix(_HAIR_DARK, _HAIR_LIT, share))


def _hair_behind(canvas: Canvas) -> None:
    """Paint the mass of hair behind the face, down to the shoulders."""
    half = [
        (_X, 196),
        (500, 204),
        (572, 262),
        (604, 372),
        (612, 500),
        (632, 620),
        (626, 712),
        (560, 742),
        (480, 720),
    ]
    outline = _mirrored(half)
    canvas.shade(canvas.blob(outline, blur=20), 0.35)
    _hair_shaded(canvas, canvas.blob(outline, blur=0.8), 330)


def _neck(canvas: Canvas) -> None:
    """Paint the neck, in the shade of the chin."""
    neck = canvas.blob(
        _mirrored([(_X, 520), (478, 530), (482, 640), (500, 740), (_X, 770)])
    )
    across = np.clip(1 - ((neck.x - 396) / 112) ** 2, 0, 1) * np.ones_like(neck.y)
    canvas.paint(neck, mix((186, 134, 112), _SKIN_LIT, across * 0.5))
    canvas.shade(canvas.ellipse(_X + 10, 590, 104, 62, blur=20), 0.55, (160, 118, 102))


def _jumper(canvas: Canvas) -> None:
    """Paint a woollen jumper with a high ribbed collar."""
    half = [
        (_X, 712),
        (496, 716),
        (560, 748),
        (690, 800),
        (764, 880),
        (800, 1060),
        (_X, 1080),
    ]
    outline = _mirrored(half)
    wool = canvas.blob(outline)
    rows, columns = wool.cover.shape
    curve = wool.y - 0.0011 * (wool.x - _X) ** 2
    stitch = 0.5 + 0.5 * np.sin(
        wool.x * 0.62 + 1.4 * np.abs((curve * 0.11) % 2 - 1) * 2
    )
    fuzz = canvas.noise(3, 3, 2)[:rows, :columns] * 0.07
    lit = (
        0.74
        - 0.34 * smoothstep(260, 820, wool.x)
        - 0.16 * smoothstep(860, 1024, wool.y)
    )
    folds = canvas.noise(150, 110, 2)[:rows, :columns] * 0.09
    canvas.shade(canvas.blob(outline, blur=12), 0.4)
    share = np.clip(lit + folds + fuzz + (stitch - 0.5) * 0.14, 0, 1)
    canvas.paint(wool, mix((66, 20, 20), (226, 108, 72), share))
    canvas.shade(canvas.ellipse(_X, 752, 116, 34, blur=14), 0.4)
    collar = canvas.blob(
        _mirrored(
            [(_X, 668), (470, 660), (508, 668), (520, 716), (508, 758), (_X, 778)]
        )
    )
    ribs = 0.5 + 0.5 * np.sin((collar.x - _X) * 0.5)
    round_ = np.clip(1 - ((collar.x - 388) / 150) ** 2, 0, 1)
    share = np.clip(
        0.12 + 0.6 * round_ + 0.2 * (ribs - 0.5) - 0.1 * smoothstep(730, 776, collar.y),
        0,
        1,
    )
    canvas.paint(collar, mix((74, 22, 22), (230, 112, 76), share))
    canvas.shade(canvas.ellipse(_X + 8, 664, 84, 16, blur=7), 0.6, (120, 60, 46))


def _face(canvas: Canvas) -> None:
    """Paint the face: an oval, lit from the left, with warm cheeks."""
    half = [
        (_X, 226),
        (486, 240),
        (528, 310),
        (536, 400),
        (526, 476),
        (494, 550),
        (450, 594),
        (_X, 604),
    ]
    face = canvas.blob(_mirrored(half), blur=0.6)
    nx, ny = (face.x - _X) / 140, (face.y - 410) / 210
    nz = np.sqrt(np.maximum(0.04, 1 - nx * nx * 0.86 - ny * ny * 0.7))
    lit = np.clip(-0.42 * nx - 0.26 * ny + 0.72 * nz, 0, 1)
    pores = canvas.noise(4, 4, 2)[: lit.shape[0], : lit.shape[1]] * 0.012
    share = np.clip(0.12 + 1.04 * lit + pores, 0, 1)
    canvas.shade(canvas.blob(_mirrored(half), blur=10), 0.3)
    canvas.paint(face, mix(_SKIN_DARK, _SKIN_LIT, share))
    for side, strength in ((-1, 0.17), (1, 0.22)):
        cheek = canvas.glow(_X + side * 78, 486, 44, 34)
        canvas.shade(cheek, strength, (226, 96, 84))
    canvas.light(canvas.glow(_X - 74, 452, 30, 18), (255, 236, 214), 0.3)
    canvas.light(canvas.glow(_X - 22, 300, 70, 42), (255, 238, 216), 0.24)
    canvas.shade(canvas.glow(_X, 572, 38, 10), 0.2, (150, 80, 62))
    canvas.light(canvas.glow(_X - 6, 582, 20, 12), (255, 230, 210), 0.2)
    for _ in range(36):
        x, y = _X + canvas.rng.normal(0, 52), 462 + canvas.rng.normal(0, 13)
        size = canvas.rng.uniform(0.9, 1.7)
        canvas.shade(canvas.ellipse(x, y, size, size, blur=0.6), 0.26, (130, 64, 40))


_NOSTRILS: list[Point] = [
    (390, 492), (402, 499), (416, 503), (430, 499), (444, 492), (430, 507), (402, 507),
]  # fmt: skip
_UPPER_LIP: list[Point] = [
    (367, 536), (394, 532), (408, 529), (416, 532), (424, 529), (440, 533), (465, 536),
    (438, 544), (416, 545), (394, 544),
]  # fmt: skip
_LOWER_LIP: list[Point] = [
    (369, 537), (394, 544), (416, 546), (438, 544), (463, 537), (446, 558), (416, 566),
    (386, 558),
]  # fmt: skip
_LIP_LINE: list[Point] = [
    (367, 536),
    (394, 543.5),
    (416, 545),
    (438, 543.5),
    (465, 536),
]


def _nose(canvas: Canvas) -> None:
    """Paint the nose by its shade and light only."""
    side = [(424, 402), (434, 446), (444, 486), (424, 498), (420, 450)]
    canvas.shade(canvas.blob(side, blur=6), 0.34, (140, 70, 56))
    ridge = [(410, 396), (418, 396), (420, 476), (408, 478)]
    canvas.light(canvas.blob(ridge, blur=5), (255, 240, 220), 0.36)
    canvas.light(canvas.glow(413, 481, 9, 8), (255, 246, 232), 0.46)
    canvas.shade(canvas.blob(_NOSTRILS, blur=2.4), 0.5, (130, 56, 46))
    for x in (402, 431):
        canvas.shade(canvas.ellipse(x, 498, 6, 2.8, blur=1.4), 0.62, (80, 26, 22))


def _mouth(canvas: Canvas) -> None:
    """Paint closed lips, about to smile."""
    canvas.paint(canvas.blob(_LOWER_LIP, blur=0.7), (206, 98, 92), 0.9)
    canvas.paint(canvas.blob(_UPPER_LIP, blur=0.7), (172, 68, 68), 0.92)
    canvas.shade(canvas.line(_LIP_LINE, 2.2, blur=0.8), 0.62, (90, 20, 26))
    canvas.light(canvas.ellipse(410, 555, 20, 3.6, blur=2.4), (255, 226, 218), 0.5)
    for x in (368, 464):
        canvas.shade(canvas.glow(x, 536, 7, 5), 0.36, (140, 62, 54))


# An eye's lines, from its middle; x grows toward the temple.
_ALMOND: list[Point] = [
    (-30, 4), (-16, -9), (2, -14), (20, -9), (32, 0), (18, 9), (0, 12), (-18, 9),
]  # fmt: skip
_SOCKET: list[Point] = [(-36, 0), (-10, -26), (22, -24), (42, -4), (10, -10)]
_LID_SHADE: list[Point] = [
    (-30, 2), (-14, -10), (4, -15), (22, -10), (32, 0), (14, -6), (-12, -4),
]  # fmt: skip
_LASH: list[Point] = [
    (-31, 4), (-16, -10), (3, -16), (22, -10), (39, -4), (23, -7), (3, -12), (-16, -6),
]  # fmt: skip
_LOWER_LID: list[Point] = [(-26, 8), (-8, 12.5), (12, 11.5), (30, 3)]
_CREASE: list[Point] = [(-28, -7), (-8, -22), (18, -21), (36, -8)]
_BROW: list[Point] = [
    (-34, -33), (-14, -42), (12, -46), (38, -36), (46, -27), (34, -32), (10, -38),
    (-14, -34), (-33, -26),
]  # fmt: skip


def _eye(canvas: Canvas, x: float, y: float, side: int) -> None:
    """Paint one eyeball, lit from above; ``side`` -1 is on the left."""
    canvas.shade(canvas.blob(placed(_SOCKET, x, y, side), blur=6), 0.44, (136, 72, 58))
    canvas.shade(canvas.glow(x, y + 18, 30, 8), 0.18, (150, 82, 70))
    ball = canvas.blob(placed(_ALMOND, x, y, side), blur=0.5)
    fall = np.clip(0.52 + (ball.y - y) / 26, 0, 1) * np.ones_like(ball.x)
    canvas.paint(ball, mix((176, 164, 158), (250, 246, 240), fall))
    reach = np.hypot((ball.x - x - 1) / 15, (ball.y - y + 1) / 15)
    iris = ball.times(1 - smoothstep(0.94, 1.02, reach))
    spokes = 0.12 * np.sin(np.arctan2(ball.y - y, ball.x - x) * 22)
    rings = np.clip(reach**2 * 0.9 + spokes, 0, 1)
    canvas.paint(iris, mix((128, 150, 110), (34, 52, 46), rings))
    canvas.paint(ball.times(1 - smoothstep(0.4, 0.5, reach)), (14, 12, 14))
    canvas.shade(canvas.blob(placed(_LID_SHADE, x, y, side), blur=2), 0.62)
    glint = canvas.ellipse(x - 5, y - 6, 3.6, 3.2, blur=0.5)
    canvas.light(glint, (255, 255, 255), 0.96)
    canvas.light(canvas.ellipse(x + 6, y + 5, 2, 1.6, blur=0.6), (255, 255, 255), 0.5)
    _lids(canvas, x, y, side)


def _lids(canvas: Canvas, x: float, y: float, side: int) -> None:
    """Paint the lashes, the lids' lines and the brow of one eye."""
    lash = smooth_line(placed(_LASH, x, y, side), 6)
    canvas.paint(canvas.polygon(lash, blur=0.5), (30, 18, 18), 0.94)
    for step in range(7):
        root = (8 + step * 4.2, -13 + step * 1.5)
        tip = (root[0] + 7 + step * 0.6, -20 + step * 1.7)
        hair = canvas.line(placed([root, tip], x, y, side), 1.2, blur=0.4)
        canvas.paint(hair, (34, 20, 20), 0.7)
    lower = canvas.line(placed(_LOWER_LID, x, y, side), 1.4, blur=0.8)
    canvas.shade(lower, 0.44, (90, 40, 34))
    crease = canvas.line(placed(_CREASE, x, y, side), 1.8, blur=1)
    canvas.shade(crease, 0.44, (120, 60, 48))
    brow = canvas.blob(placed(_BROW, x, y, side), blur=1.6)
    canvas.paint(brow, (62, 38, 30), 0.84)


_LOCK: list[Point] = [
    (-14, 208), (34, 196), (104, 222), (158, 292), (180, 400), (184, 520), (200, 640),
    (178, 704), (142, 640), (134, 530), (128, 440), (112, 362), (66, 304), (10, 270),
]  # fmt: skip


def _hair_in_front(canvas: Canvas) -> None:
    """Paint the parted hair that frames the face."""
    for side in (-1, 1):
        lock = placed(_LOCK, _X, 0, side)
        canvas.shade(canvas.blob(lock, blur=9), 0.5, (60, 26, 22))
        _hair_shaded(canvas, canvas.blob(lock, blur=0.6), 318)
