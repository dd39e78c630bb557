"""Two pictures brought into one frame, so that a pixel of one is that of the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from kontext_nb.preservation.affine import Affine, Size, drawn, useful
from kontext_nb.preservation.planes import Mask
from kontext_nb.preservation.registering import Registration
from kontext_nb.preservation.together import together
from kontext_nb.preservation.toning import Tone, tone_between

# Kontext answers with about one megapixel: a larger frame would hold nothing more.
LARGEST_PX = 1.05e6
# The last pixels of a result were resampled with what lies beyond its edge.
_EDGE_PX = 2


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Both pictures in the frame of the one before, made smaller if that is large.

    Args:
        before: RGB.
        after: RGB, of the same size, its tone not touched.
        seen: (height, width) which pixels both show: a service that crops shows less.
        tone: How the whole picture's light changed.
        scale: Pixels of the frame for one of the picture before.
    """

    before: Image.Image
    after: Image.Image
    seen: Mask
    tone: Tone
    scale: float


def paired(before: Image.Image, after: Image.Image, found: Registration) -> Pair:
    """Bring two RGB images into one frame."""
    size = useful(before.size, after.size, LARGEST_PX)
    lies = found.affine.inverse().then(Affine.stretch(before.size, size))
    small, back = together(
        partial(before.resize, size, Image.Resampling.BICUBIC, reducing_gap=2),
        partial(drawn, after, lies, size),
    )
    seen = _shown(lies, after.size, size)
    # Of pictures that have nothing in common a tone would be made up.
    tone = tone_between(small, back, seen) if found.confident else Tone()
    return Pair(small, back, seen, tone, size[0] / before.width)


def _shown(lies: Affine, of: Size, size: Size) -> Mask:
    """Return which pixels of a frame an image covers that lies in it."""
    edge = _EDGE_PX * max(1.0, *lies.scale)
    left, top, right, bottom = lies.box(0, 0, *of)
    columns, rows = np.arange(size[0]), np.arange(size[1])
    # An edge that the frame ends with is the picture's own.
    near = [
        0 if abs(at - end) < 1 else edge
        for at, end in zip((left, top, right, bottom), (0, 0, *size), strict=True)
    ]
    across = (columns >= left + near[0] - 0.5) & (columns + 1 <= right - near[2] + 0.5)
    down = (rows >= top + near[1] - 0.5) & (rows + 1 <= bottom - near[3] + 0.5)
    shown: Mask = down[:, None] & across
    return shown
