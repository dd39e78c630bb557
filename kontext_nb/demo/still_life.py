"""The sample picture of a bottle and two lemons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kontext_nb.demo.painting import Canvas, Rgb, Shape, mix
from kontext_nb.demo.regions import smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Plane = NDArray[np.floating[Any]]

_TABLE = 792  # where the wall meets the table
_AXIS, _FOOT = 372.0, 902.0  # the bottle's middle, and where it stands


def bottle() -> Image:
    """Paint the picture, back to front."""
    canvas = Canvas(768, 1024, seed=11)
    _wall(canvas)
    _table(canvas)
    _shadows(canvas)
    _lemon(canvas, 606, 852, 74, tilt=0.32)
    _glass(canvas)
    _label(canvas)
    _lemon(canvas, 190, 906, 66, tilt=-0.5)
    return canvas.done(grain=1.8, vignette=0.2)


def _wall(canvas: Canvas) -> None:
    """Paint plaster, and a window's light falling across it."""
    whole = canvas.whole()
    slope = smoothstep(-0.1, 1.1, whole.y / 1024 * 0.55 + whole.x / 768 * 0.45)
    canvas.paint(whole, mix((224, 208, 188), (148, 128, 116), slope))
    plaster = canvas.noise(90, 70, 4) * 2.4 + canvas.noise(5, 4) * 1.1
    canvas.pixels += plaster[..., None]
    for left in (40, 236):
        pane = [(left, 40), (left + 168, 78), (left + 292, 640), (left + 124, 602)]
        light = canvas.polygon(pane, blur=13)
        bar = (light.y - 318 - 0.17 * light.x) / 13
        canvas.light(light.times(1 - 0.8 * np.exp(-bar * bar)), (255, 226, 178), 0.5)


def _table(canvas: Canvas) -> None:
    """Paint planks with grain that runs across the picture."""
    top = canvas.box(0, _TABLE, 768, 1024)
    depth = (top.y - _TABLE) / (1024 - _TABLE)
    grain = (
        canvas.noise(420, 7, 3)[_TABLE - 1 :] * 0.5
        + canvas.noise(160, 2.4)[_TABLE - 1 :] * 0.35
    )
    rows = top.cover.shape[0]
    wave = np.sin((top.y + canvas.noise(300, 40)[-rows:] * 26) * 0.22) * 0.25
    share = np.clip(0.45 + (grain[-rows:] + wave) * 0.5, 0, 1)
    wood = mix((92, 54, 32), (176, 116, 70), share) * (0.78 + 0.36 * depth)[..., None]
    canvas.paint(top, wood)
    for seam in (868, 962):
        line = canvas.box(0, seam, 768, seam + 2.4, blur=0.8)
        canvas.shade(line, 0.62)
        canvas.light(
            canvas.box(0, seam + 3, 768, seam + 4.5, blur=0.7), (255, 220, 180), 0.16
        )
    canvas.shade(canvas.box(-40, _TABLE - 8, 808, _TABLE + 10, blur=7), 0.4)
    canvas.light(canvas.glow(240, 930, 300, 90), (255, 214, 160), 0.2)


def _shadows(canvas: Canvas) -> None:
    """Paint what the things throw on the table: shade, and light through glass."""
    throw = [(300, 884), (440, 884), (768, 822), (780, 852), (470, 926), (330, 924)]
    canvas.shade(canvas.blob(throw, blur=16), 0.62)
    canvas.light(
        canvas.blob([(420, 876), (640, 836), (660, 846), (450, 898)], 9),
        (70, 190, 90),
        0.34,
    )
    canvas.shade(canvas.ellipse(372, 905, 116, 20, blur=7), 0.72)
    canvas.shade(canvas.ellipse(640, 918, 108, 18, blur=10), 0.6)
    canvas.shade(canvas.ellipse(226, 966, 100, 16, blur=9), 0.62)


def _half_width(y: Plane) -> Plane:
    """Return the bottle's half width at each row."""
    body = 112 - 4 * smoothstep(880, 902, y) * 2
    neck = 35 + 3 * smoothstep(330, 200, y)
    shoulder = smoothstep(300, 452, y)
    lip = 7 * smoothstep(150, 153, y) * (1 - smoothstep(172, 175, y))
    foot = 16 * np.clip((y - 884) / 18, 0, 1) ** 2
    return neck + (body - neck) * shoulder + lip - foot


def _turned(top: float, bottom: float) -> tuple[Shape, Plane]:
    """Return the bottle's silhouette between two heights, and u from -1 to 1 across."""
    left, right = int(_AXIS - 124), int(_AXIS + 124)
    y = np.arange(int(top), int(bottom) + 8, dtype=np.float32)[:, None]
    x = np.arange(left, right, dtype=np.float32)[None, :]
    half = _half_width(y)
    sag = 9 * (half / 112) * (1 - np.minimum(np.abs((x - _AXIS) / half), 1) ** 2) ** 0.5
    cover = np.clip(half - np.abs(x - _AXIS) + 0.5, 0, 1)
    cover = cover * np.clip(y - top, 0, 1) * np.clip(bottom - 8 + sag - y, 0, 1)
    u = np.clip((x - _AXIS) / half, -1, 1)
    return Shape(cover.astype(np.float32), left, int(top)), u.astype(np.float32)


def _strip(u: Plane, at: float, width: float) -> Plane:
    """Return a soft vertical reflection at ``u``."""
    strip: Plane = np.exp(-(((u - at) / width) ** 2))
    return strip


def _glass(canvas: Canvas) -> None:
    """Paint green glass with wine in it, its reflections, and a dark capsule."""
    body, u = _turned(150, 910)
    deep: Rgb = (12, 62, 30)
    clear: Rgb = (112, 206, 96)
    through = 0.1 + 0.55 * (1 - u * u) * (0.55 + 0.45 * smoothstep(1.0, -0.6, u))
    through = through + 0.3 * _strip(u, 0.72, 0.14) + 0.12 * _strip(u, -0.9, 0.07)
    wine = smoothstep(322, 330, body.y + 5 * (1 - u * u))
    through = through * (1.12 - 0.36 * wine)
    through = through * (0.82 + 0.34 * smoothstep(640, 905, body.y))
    canvas.paint(body, mix(deep, clear, np.clip(through, 0, 1)))
    canvas.light(
        body.times(_strip(u, 0.0, 0.6) * _strip(body.y, 326, 3)), (200, 255, 190), 0.3
    )
    base = _strip(body.y, 884, 10) * (1 - u * u)
    canvas.light(body.times(base), (150, 230, 120), 0.42)
    tall = smoothstep(330, 470, body.y) * (1 - smoothstep(846, 884, body.y))
    neck = smoothstep(236, 262, body.y) * (1 - smoothstep(300, 352, body.y))
    window = smoothstep(-0.74, -0.71, u) * (1 - smoothstep(-0.53, -0.5, u))
    canvas.light(
        body.times(window * np.maximum(tall * 0.78, neck * 0.6)), (245, 252, 240), 0.8
    )
    canvas.light(body.times(_strip(u, 0.84, 0.035) * tall), (235, 255, 230), 0.5)
    canvas.light(body.times(_strip(u, -0.4, 0.02) * tall), (235, 255, 230), 0.22)
    capsule, v = _turned(148, 252)
    shine = 0.12 + 0.5 * _strip(v, -0.5, 0.26) + 0.2 * _strip(v, 0.62, 0.16)
    ring = _strip(capsule.y, 176, 2.4) + _strip(capsule.y, 239, 1.6)
    canvas.paint(capsule, mix((40, 14, 20), (176, 66, 72), shine))
    canvas.shade(capsule.times(np.clip(ring, 0, 1) * np.ones_like(v)), 0.5)
    lid = canvas.ellipse(_AXIS, 151, 41, 6)
    canvas.paint(lid, (120, 44, 52))
    canvas.light(canvas.ellipse(_AXIS - 10, 150, 26, 3.4, blur=1), (255, 200, 190), 0.3)


def _label(canvas: Canvas) -> None:
    """Paint the paper label, curved with the glass."""
    paper, u = _turned(536, 764)
    lit = 0.72 + 0.3 * np.sqrt(np.maximum(0, 1 - (u + 0.18) ** 2 / 1.4))
    fibre = canvas.noise(3, 3, 2)[
        paper.top : paper.top + u.shape[0], paper.left : paper.left + u.shape[1]
    ]
    cream = mix((120, 104, 84), (250, 242, 222), np.clip(lit + fibre * 0.012, 0, 1))
    canvas.paint(paper, cream)
    canvas.shade(paper.times(smoothstep(0.55, 1.0, u)), 0.45)
    ink: Rgb = (38, 34, 34)
    for low, high in ((552, 554), (742, 744.5)):
        rule = canvas.box(_AXIS - 88, low, _AXIS + 88, high)
        canvas.paint(rule, (168, 128, 58), 0.9)
    canvas.paint(
        canvas.text("ALPHA", _AXIS, 640, 43, "DejaVuSerif-Bold.ttf"), ink, 0.94
    )
    canvas.paint(canvas.text("OLIVE GROVE", _AXIS, 698, 17, "DejaVuSans.ttf"), ink, 0.8)
    canvas.paint(
        canvas.text("No. 7 · 750 ml", _AXIS, 724, 13, "DejaVuSans.ttf"), ink, 0.65
    )
    canvas.paint(canvas.text("❦", _AXIS, 588, 36, "DejaVuSans.ttf"), (96, 116, 62))


def _lemon(canvas: Canvas, x: float, y: float, size: float, *, tilt: float) -> None:
    """Paint a lemon: a lit ellipsoid with a nipple at one end and pores."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    along = 1.16 + 0.16 * np.exp(-((np.minimum(angle, 2 * np.pi - angle) / 0.2) ** 2))
    px, py = np.cos(angle) * size * along, np.sin(angle) * size * 0.86
    turned = zip(
        x + px * np.cos(tilt) - py * np.sin(tilt),
        y + px * np.sin(tilt) + py * np.cos(tilt),
        strict=True,
    )
    skin = canvas.polygon([(float(a), float(b)) for a, b in turned])
    nx, ny = (skin.x - x) / (size * 1.2), (skin.y - y) / (size * 0.94)
    height, width = skin.cover.shape
    pores = canvas.noise(5, 5)[:height, :width] * 0.07
    nx, ny = nx + pores, ny + pores[::-1]
    nz = np.sqrt(np.maximum(0.02, 1 - nx * nx - ny * ny))
    lit = np.clip(-0.52 * nx - 0.6 * ny + 0.6 * nz, -0.2, 1)
    body = mix((150, 92, 8), (252, 212, 52), np.clip(0.2 + 0.9 * lit, 0, 1))
    canvas.paint(skin, body)
    canvas.light(skin.times(np.clip(lit, 0, 1) ** 14), (255, 252, 226), 0.85)
    canvas.light(skin.times(np.clip(ny - 0.35, 0, 1) ** 2), (220, 130, 60), 0.3)
