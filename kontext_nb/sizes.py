"""The sizes FLUX.1 Kontext works at, all about one megapixel."""

from __future__ import annotations

Size = tuple[int, int]

SIZES: tuple[Size, ...] = (
    (672, 1568),
    (688, 1504),
    (720, 1456),
    (752, 1392),
    (800, 1328),
    (832, 1248),
    (880, 1184),
    (944, 1104),
    (1024, 1024),
    (1104, 944),
    (1184, 880),
    (1248, 832),
    (1328, 800),
    (1392, 752),
    (1456, 720),
    (1504, 688),
    (1568, 672),
)
"""All of them, as (width, height); any other picture is stretched or cropped to one."""

SAFE: tuple[Size, ...] = tuple(
    (width, height) for width, height in SIZES if width * height <= 1024 * 1024
)
"""Those of at most 1024 x 1024 pixels; some pipelines shrink the others once more."""


def nearest(width: float, height: float) -> Size:
    """Return the one whose ratio is nearest, by difference, as the model's own code."""
    return min(SIZES, key=lambda size: abs(width / height - size[0] / size[1]))
