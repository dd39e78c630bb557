"""The red car of the sample street."""

from __future__ import annotations

import numpy as np

from kontext_nb.demo.painting import Canvas, Point, mix, placed
from kontext_nb.demo.regions import smoothstep

# Outlines, from the middle of the sill; the car drives to the right.
_CABIN: list[Point] = [
    (-84, -32), (-66, -66), (-34, -80), (14, -80), (44, -68), (74, -30), (0, -24),
]  # fmt: skip
_BODY: list[Point] = [
    (-136, -8), (-132, -28), (-96, -37), (0, -39), (84, -33), (126, -22), (138, -4),
    (136, 14), (118, 19), (0, 20), (-120, 19), (-137, 12),
]  # fmt: skip
_PANES: tuple[list[Point], ...] = (
    [(-70, -37), (-56, -62), (-32, -72), (-12, -73), (-12, -38)],
    [(-5, -38), (-5, -73), (14, -73), (36, -63), (58, -36)],
)


def park(canvas: Canvas, x: float, y: float) -> None:
    """Paint a small red car from the side, the middle of its sill at (x, y)."""
    canvas.shade(canvas.ellipse(x, y + 24, 152, 13, blur=6), 0.86)
    canvas.paint(canvas.blob(placed(_CABIN, x, y)), (178, 24, 28))
    body = canvas.blob(placed(_BODY, x, y))
    height = np.clip((body.y - (y - 39)) / 58, 0, 1) * np.ones_like(body.x)
    shine = 0.42 * np.exp(-(((height - 0.16) / 0.12) ** 2))
    metal = 0.62 + shine - 0.42 * smoothstep(0.42, 1.0, height)
    canvas.paint(body, mix((74, 4, 10), (226, 38, 38), np.clip(metal, 0, 1)))
    _glass(canvas, x, y)
    _trim(canvas, x, y)
    for wheel in (-82, 84):
        _wheel(canvas, x + wheel, y + 12)


def _glass(canvas: Canvas, x: float, y: float) -> None:
    """Paint the windows and the sky in them."""
    for points in _PANES:
        pane = canvas.polygon(placed(points, x, y))
        sky = np.clip((y - 36 - pane.y) / 38, 0, 1) * np.ones_like(pane.x)
        canvas.paint(pane, mix((38, 50, 60), (176, 204, 220), sky**1.4))
    sheen = placed([(-48, -40), (-34, -70), (-22, -71), (-36, -40)], x, y)
    canvas.light(canvas.polygon(sheen, blur=0.8), (255, 255, 255), 0.3)


def _trim(canvas: Canvas, x: float, y: float) -> None:
    """Paint highlights, door gaps, lights, handle and bumpers."""
    edge = canvas.line(placed([(-122, -27), (0, -32), (112, -20)], x, y), 2.6, blur=1.2)
    canvas.light(edge, (255, 210, 200), 0.75)
    roof = placed([(-62, -64), (-32, -78), (14, -78), (42, -66)], x, y)
    canvas.light(canvas.line(roof, 2.2, blur=1), (255, 200, 190), 0.6)
    crease = canvas.line(placed([(-130, -2), (132, -1)], x, y), 1.6, blur=0.6)
    canvas.shade(crease, 0.4)
    gaps: tuple[list[Point], ...] = (
        [(-10, -38), (-12, 14)],
        [(66, -33), (58, -6), (60, 14)],
    )
    for gap in gaps:
        canvas.shade(canvas.line(placed(gap, x, y), 1.3, blur=0.4), 0.6)
    canvas.paint(canvas.box(x + 2, y - 24, x + 18, y - 20.5, 1.6), (232, 226, 222))
    canvas.paint(canvas.ellipse(x + 127, y - 10, 7, 8), (255, 244, 206))
    canvas.paint(canvas.box(x - 137, y - 14, x - 129, y - 2, 3), (150, 20, 20))
    for end in (x - 133, x + 133):
        bumper = canvas.box(end - 12, y + 7, end + 12, y + 15, 4)
        canvas.paint(bumper, (206, 206, 208))


def _wheel(canvas: Canvas, x: float, y: float) -> None:
    """Paint a wheel in its arch."""
    canvas.paint(canvas.ellipse(x, y - 3, 30, 29), (26, 14, 16))
    canvas.paint(canvas.ellipse(x, y, 26, 26), (30, 30, 33))
    canvas.light(canvas.ellipse(x, y - 1, 24, 24), (120, 120, 130), 0.16)
    canvas.paint(canvas.ellipse(x, y, 16.5, 16.5), (206, 206, 210))
    rim = canvas.ellipse(x, y, 15, 15)
    spokes = 0.5 + 0.5 * np.cos(np.arctan2(rim.y - y, rim.x - x) * 8)
    canvas.paint(rim, mix((96, 98, 104), (226, 226, 230), spokes))
    canvas.paint(canvas.ellipse(x, y, 4.5, 4.5), (236, 236, 238))
