"""The sample picture of a street: houses, a bakery, a red car."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.motorcar import park
from kontext_nb.demo.painting import Canvas, Rgb, mix
from kontext_nb.demo.regions import smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Plane = NDArray[np.floating[Any]]

_WALK, _KERB, _ROAD = 532, 572, 584  # pavement, kerb and road begin
_GLASS: Rgb = (92, 116, 134)

# Left, right, eaves, wall colour, roof colour; and window rows (y) and columns (x).
_HOUSES: tuple[tuple[float, float, float, Rgb, Rgb], ...] = (
    (-30, 196, 214, (214, 156, 108), (132, 74, 60)),
    (196, 470, 150, (236, 220, 186), (120, 82, 72)),
    (470, 690, 232, (140, 172, 176), (98, 84, 92)),
    (690, 900, 176, (222, 178, 164), (138, 80, 64)),
    (900, 1060, 226, (238, 206, 140), (112, 84, 78)),
)


def street() -> Image:
    """Paint the picture, back to front."""
    canvas = Canvas(1024, 683, seed=23)
    _sky(canvas)
    for left, right, eaves, wall, roof in _HOUSES:
        _house(canvas, left, right, eaves=eaves, wall=wall, roof=roof)
    _bakery(canvas)
    _doors(canvas)
    _awning(canvas)
    _ground(canvas)
    _tree(canvas, 806, 536)
    _lamp(canvas, 148)
    park(canvas, 520, 622)
    canvas.light(canvas.glow(940, -30, 420, 420), (255, 226, 170), 0.34)
    return canvas.done(grain=1.6, vignette=0.16)


def _sky(canvas: Canvas) -> None:
    """Paint a summer sky with drifting clouds."""
    whole = canvas.whole()
    height = np.broadcast_to(np.clip(whole.y / 330, 0, 1), whole.cover.shape)
    canvas.paint(whole, mix((92, 152, 216), (214, 230, 238), height))
    clouds = canvas.noise(230, 90, 5) + 0.25 * canvas.noise(520, 200)
    body = smoothstep(0.1, 0.9, clouds) * (1 - smoothstep(250, 420, whole.y))
    lit = np.clip(0.78 - np.gradient(clouds, axis=0) * 5, 0, 1)
    canvas.paint(whole.times(body * 0.92), mix((196, 204, 218), (255, 253, 248), lit))


def _house(
    canvas: Canvas, left: float, right: float, *, eaves: float, wall: Rgb, roof: Rgb
) -> None:
    """Paint one house: chimney, tiled roof, rendered wall, two storeys of windows."""
    ridge = eaves - 74
    stack = left + (right - left) * 0.68
    canvas.paint(canvas.box(stack, ridge - 34, stack + 26, ridge + 34), (142, 88, 72))
    canvas.paint(
        canvas.box(stack - 3, ridge - 38, stack + 29, ridge - 30), (172, 118, 96)
    )
    slope = [
        (left + 16, ridge),
        (right - 16, ridge),
        (right + 6, eaves),
        (left - 6, eaves),
    ]
    tiles = canvas.polygon(slope)
    rows = 0.5 + 0.5 * np.sin((tiles.y - ridge) * 0.92)
    courses = np.floor((tiles.y - ridge) * 0.1465)
    cells = 0.5 + 0.5 * np.sin(tiles.x * 0.7 + courses * 2.2)
    share = np.clip(0.35 + 0.35 * rows + 0.18 * cells, 0, 1)
    dark: Rgb = (roof[0] * 0.62, roof[1] * 0.62, roof[2] * 0.66)
    canvas.paint(
        tiles, mix(dark, (roof[0] * 1.16, roof[1] * 1.12, roof[2] * 1.1), share)
    )
    front = canvas.box(left, eaves, right, _WALK)
    stucco = canvas.noise(60, 46, 4)[: front.cover.shape[0], : front.cover.shape[1]]
    fine = canvas.noise(3, 3)[: front.cover.shape[0], : front.cover.shape[1]]
    base = np.array(wall, np.float32) * (1 + 0.025 * stucco + 0.018 * fine)[..., None]
    down = 1.03 - 0.14 * smoothstep(eaves, _WALK, front.y)
    canvas.paint(front, base * down[..., None])
    canvas.shade(canvas.box(left, eaves, right, eaves + 17, blur=6), 0.5)
    canvas.paint(canvas.box(left - 8, eaves - 4, right + 8, eaves + 5), (242, 236, 222))
    canvas.shade(canvas.box(left - 1, eaves, left + 3, _WALK, blur=2), 0.4)
    count = 3 if right - left > 250 else 2  # noqa: PLR2004 - px: as many as fit
    for row in (eaves + 38, eaves + 134):
        if row + 78 > 439:  # noqa: PLR2004 - the ground floor is the shop's
            continue
        for index in range(count):
            middle = left + (right - left) * (index + 0.5) / count
            _window(canvas, middle, row, wall)


def _window(canvas: Canvas, x: float, y: float, wall: Rgb) -> None:
    """Paint a sash window with a sill, shutters and the sky in its panes."""
    canvas.shade(canvas.box(x - 23, y - 4, x + 28, y + 78, blur=4), 0.4)
    canvas.paint(canvas.box(x - 24, y - 5, x + 24, y + 74), (244, 240, 230))
    pane = canvas.box(x - 19, y, x + 19, y + 69)
    sheen = np.clip((pane.x - x + pane.y - y) / 90, 0, 1)
    curtain = 0.16 * (np.abs(pane.x - x) > 10) * np.ones_like(pane.y)  # noqa: PLR2004 - px
    canvas.paint(
        pane,
        mix(
            (58, 76, 94),
            (188, 214, 230),
            np.clip(0.1 + 0.55 * sheen**2 + curtain, 0, 1),
        ),
    )
    canvas.shade(canvas.box(x - 19, y, x + 19, y + 9, blur=3), 0.5)
    canvas.paint(canvas.box(x - 1.5, y, x + 1.5, y + 69), (244, 240, 230))
    canvas.paint(canvas.box(x - 19, y + 26, x + 19, y + 29), (244, 240, 230))
    canvas.paint(canvas.box(x - 30, y + 74, x + 30, y + 80), (228, 220, 206))
    canvas.shade(canvas.box(x - 30, y + 80, x + 30, y + 87, blur=2.4), 0.36)
    leaf: Rgb = (wall[0] * 0.36 + 14, wall[1] * 0.42 + 16, wall[2] * 0.42 + 20)
    for side in (-1, 1):
        edge = x + side * 33
        shutter = canvas.box(edge - 8, y - 4, edge + 8, y + 74, 1)
        slats = 0.5 + 0.5 * np.sin((shutter.y - y) * 1.25)
        lit: Rgb = (leaf[0] * 1.3, leaf[1] * 1.3, leaf[2] * 1.3)
        canvas.shade(canvas.box(edge - 6, y - 1, edge + 11, y + 78, blur=3), 0.24)
        canvas.paint(shutter, mix(leaf, lit, slats * np.ones_like(shutter.x)))


def _bakery(canvas: Canvas) -> None:
    """Paint the shop: sign, striped awning, and a lit window full of bread."""
    canvas.paint(canvas.box(206, 388, 460, _WALK), (58, 70, 66))
    sign = canvas.box(214, 370, 452, 414, 3)
    canvas.shade(canvas.box(214, 374, 454, 422, 3, blur=5), 0.5)
    shine = np.broadcast_to(np.clip((414 - sign.y) / 44, 0, 1), sign.cover.shape)
    canvas.paint(sign, mix((24, 46, 44), (36, 66, 62), shine))
    gold: Rgb = (238, 208, 138)
    rim = canvas.box(218, 374, 448, 410, 2)
    inner = canvas.box(220, 376, 446, 408, 2)
    canvas.paint(rim, gold, 0.8)
    canvas.paint(inner, (30, 56, 53))
    canvas.paint(canvas.text("BAKERY", 333, 392.5, 30, "DejaVuSans-Bold.ttf"), gold)
    glass = canvas.box(218, 440, 384, 520)
    warm = np.exp(-(((glass.x - 300) / 90) ** 2) - ((glass.y - 470) / 44) ** 2)
    canvas.paint(glass, mix((112, 76, 48), (255, 220, 150), warm))
    for row, size in ((486, 9), (512, 11)):
        canvas.paint(canvas.box(218, row + 4, 384, row + 8), (92, 60, 38))
        for index in range(9):
            x = 230 + index * 18 + canvas.rng.uniform(-3, 3)
            loaf = canvas.ellipse(x, row, size, size * 0.62)
            crust = np.clip(0.5 - (loaf.y - row) / size, 0, 1) * np.ones_like(loaf.x)
            canvas.paint(loaf, mix((140, 78, 34), (232, 168, 92), crust))
    canvas.light(
        canvas.polygon([(240, 440), (276, 440), (236, 520), (218, 520), (218, 488)], 1),
        (220, 235, 245),
        0.3,
    )
    canvas.paint(canvas.box(300, 440, 304, 520), (44, 56, 54))


def _awning(canvas: Canvas) -> None:
    """Paint the awning with its scalloped hem, and its shadow."""
    canvas.shade(canvas.box(210, 440, 456, 476, blur=8), 0.5)
    for index in range(10):
        top, low = 222 + index * 22.2, 206 + index * 25.4
        stripe: Rgb = (196, 62, 52) if index % 2 == 0 else (250, 242, 226)
        cloth = canvas.polygon(
            [(top, 418), (top + 22.2, 418), (low + 25.4, 452), (low, 452)]
        )
        light = np.broadcast_to(1.08 - 0.22 * (cloth.y - 418) / 34, cloth.cover.shape)
        canvas.paint(cloth, np.array(stripe, np.float32) * light[..., None])
        hem = canvas.box(low, 446, low + 25.4, 463, 8)
        canvas.paint(hem, (stripe[0] * 0.86, stripe[1] * 0.84, stripe[2] * 0.84))
    canvas.light(canvas.box(222, 416, 444, 420, blur=1), (255, 250, 230), 0.5)


def _doors(canvas: Canvas) -> None:
    """Paint the doors and ground-floor windows of the other houses."""
    for x, tint in (
        (423, (70, 96, 92)),
        (64, (52, 84, 112)),
        (582, (122, 62, 52)),
        (852, (62, 92, 74)),
        (980, (92, 66, 96)),
    ):
        canvas.paint(canvas.box(x - 27, 432, x + 27, _WALK, 2), (232, 224, 208))
        door = canvas.box(x - 22, 438, x + 22, _WALK, 2)
        fall = np.broadcast_to(1.16 - 0.34 * (door.y - 438) / 94, door.cover.shape)
        canvas.paint(door, np.array(tint, np.float32) * fall[..., None])
        for top, low in ((446, 476), (484, 526)):
            canvas.shade(canvas.box(x - 15, top, x + 15, low, 1), 0.28)
            canvas.light(
                canvas.box(x - 14, top + 2, x + 15, low + 1, 1), (255, 255, 255), 0.08
            )
        canvas.paint(canvas.ellipse(x + 16, 490, 2.2, 2.2), (240, 212, 130))
        canvas.shade(canvas.box(x - 22, 438, x + 22, 448, blur=3), 0.5)
    for x in (516, 648, 742):
        _window(canvas, x, 436, (150, 160, 160))


def _ground(canvas: Canvas) -> None:
    """Paint flagstones, kerb and cobbles that grow toward the viewer."""
    walk = canvas.box(0, _WALK, 1024, _KERB)
    mottled = canvas.noise(26, 5, 3)[: walk.cover.shape[0]] * 0.1
    canvas.paint(
        walk, mix((150, 142, 134), (196, 188, 176), np.clip(0.55 + mottled, 0, 1))
    )
    for x in range(-300, 1400, 58):
        seam = canvas.line([(512 + (x - 512) * 0.92, _WALK), (x, _KERB)], 1.1, blur=0.5)
        canvas.shade(seam, 0.36)
    canvas.shade(canvas.box(0, 548, 1024, 549.4, blur=0.5), 0.3)
    canvas.shade(canvas.box(-30, _WALK - 5, 1054, _WALK + 11, blur=6), 0.5)
    canvas.paint(canvas.box(0, _KERB, 1024, _ROAD), (206, 200, 190))
    canvas.shade(canvas.box(0, _KERB + 5, 1024, _ROAD + 2, blur=1.5), 0.5)
    road = canvas.box(0, _ROAD, 1024, 683)
    depth = (road.y - _ROAD + 16) / 115
    v = 30 * np.log(depth)
    row = np.floor(v)
    u = (road.x - 512) / (13 * depth + 9) + 0.5 * (row % 2)
    edge = np.minimum(np.abs((u % 1) - 0.5), 0.5)
    gap = np.minimum(
        smoothstep(0.5, 0.36, edge), smoothstep(0.5, 0.3, np.abs((v % 1) - 0.5))
    )
    random = np.sin(np.floor(u) * 12.9898 + row * 78.233) * 43758.5453
    tone = (
        0.42
        + 0.26 * (random % 1)
        + 0.14 * canvas.noise(180, 30, 3)[: road.cover.shape[0]]
    )
    canvas.paint(
        road,
        mix((58, 54, 56), (158, 148, 142), np.clip(tone * (0.45 + 0.55 * gap), 0, 1)),
    )
    canvas.light(canvas.glow(800, 640, 330, 50), (255, 226, 180), 0.16)


def _tree(canvas: Canvas, x: float, y: float) -> None:
    """Paint a small tree: a trunk, and leaves as many lit dabs."""
    canvas.shade(canvas.ellipse(x - 30, y + 12, 92, 10, blur=6), 0.5)
    trunk = canvas.blob(
        [
            (x - 7, y + 8),
            (x - 5, y - 90),
            (x - 2, y - 150),
            (x + 4, y - 150),
            (x + 6, y - 80),
            (x + 9, y + 8),
        ]
    )
    canvas.paint(
        trunk,
        mix(
            (62, 46, 36),
            (138, 108, 80),
            smoothstep(x - 8, x + 9, trunk.x) * np.ones_like(trunk.y),
        ),
    )
    crown = canvas.ellipse(x, y - 196, 78, 82, blur=6)
    canvas.paint(crown, (36, 74, 38), 0.94)
    dabs = []
    for _ in range(330):
        angle, reach = (
            canvas.rng.uniform(0, 2 * np.pi),
            canvas.rng.uniform(0, 1) ** 0.55,
        )
        lump = 1 + 0.16 * np.sin(angle * 5 + 1)
        dabs.append(
            (reach * lump * np.cos(angle) * 82, reach * lump * np.sin(angle) * 88)
        )
    dabs.sort(key=lambda dab: 0.7 * dab[0] - dab[1] + canvas.rng.normal(0, 26))
    for layer in range(6):
        part = dabs[layer * 55 : layer * 55 + 55]
        share = layer / 5
        tint: Rgb = (34 + 110 * share, 74 + 96 * share, 36 + 32 * share)

        def leaves(d: object, part: list[tuple[float, float]] = part) -> None:
            for dx, dy in part:
                cx, cy, r = (x + dx) * 2, (y - 196 + dy) * 2, 26
                d.ellipse((cx - r, cy - r * 0.8, cx + r, cy + r * 0.8), fill=255)  # type: ignore[attr-defined]

        shape = canvas.draw(leaves, blur=0.7)
        ragged = canvas.noise(7, 6, 2)[: shape.cover.shape[0], : shape.cover.shape[1]]
        canvas.shade(canvas.draw(leaves, blur=5), 0.22)
        canvas.paint(shape.times(smoothstep(-0.75, -0.2, ragged)), tint)


def _lamp(canvas: Canvas, x: float) -> None:
    """Paint a street lamp."""
    iron: Rgb = (34, 40, 42)
    canvas.shade(canvas.ellipse(x - 20, 556, 40, 4, blur=3), 0.5)
    canvas.paint(canvas.box(x - 3.4, 318, x + 3.4, 556, 2), iron)
    canvas.light(canvas.box(x + 0.6, 322, x + 2.2, 550, blur=0.6), (255, 255, 255), 0.3)
    canvas.paint(canvas.box(x - 9, 530, x + 9, 558, 3), iron)
    canvas.paint(canvas.box(x - 7, 316, x + 7, 324, 2), iron)
    lantern = canvas.polygon([(x - 9, 316), (x - 15, 274), (x + 15, 274), (x + 9, 316)])
    canvas.paint(lantern, iron)
    panes = canvas.polygon([(x - 6, 312), (x - 11, 278), (x + 11, 278), (x + 6, 312)])
    canvas.paint(panes, (255, 238, 178))
    canvas.paint(canvas.box(x - 1, 276, x + 1, 314), iron)
    canvas.paint(canvas.polygon([(x - 18, 275), (x, 256), (x + 18, 275)]), iron)
    canvas.paint(canvas.ellipse(x, 255, 3, 4), iron)
