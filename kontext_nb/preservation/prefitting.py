"""A picture padded to a size that the service leaves alone, and cut out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from kontext_nb import sizes
from kontext_nb.preservation.affine import Affine, Size, cut

# A picture of such a ratio is stretched by less than a tenth of a pixel.
_FITS = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A picture to send instead of another.

    Args:
        image: Of one of `sizes.SAFE`, which services take as it is.
        box: (left, top, right, bottom) where the whole picture lies in it; around it
            the picture goes on as in a mirror.
    """

    image: Image.Image
    box: tuple[int, int, int, int]

    def undone(self, result: Image.Image) -> Image.Image:
        """Return the part of a result that shows the picture, without the padding.

        Args:
            result: What came back for ``image``, of the same ratio.
        """
        box = Affine.stretch(self.image.size, result.size).box(*self.box)
        whole = [round(edge) for edge in box]
        if max(abs(edge - near) for edge, near in zip(box, whole, strict=True)) < _FITS:
            return result.crop((whole[0], whole[1], whole[2], whole[3]))
        size = (round(box[2] - box[0]), round(box[3] - box[1]))
        return cut(result, box, size)


def prefit(image: Image.Image) -> Fitted:
    """Return a picture of a size that the service neither stretches nor crops.

    It is resized evenly, to the largest that fits one of the safe sizes, and padded: so
    what comes back is of the picture's own shape.

    Args:
        image: RGB, of any size.
    """
    size = min(sizes.SAFE, key=lambda size: _padding(image.size, size))
    width, height = _inner(image.size, size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
    margins = (
        (top, size[1] - height - top),
        (left, size[0] - width - left),
        (0, 0),
    )
    padded = np.pad(np.asarray(small), margins, mode="symmetric")
    box = (left, top, left + width, top + height)
    return Fitted(Image.fromarray(padded), box)


def _inner(size: Size, frame: Size) -> Size:
    """Return the largest even resize of a size that fits a frame."""
    scale = min(frame[0] / size[0], frame[1] / size[1])
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _padding(size: Size, frame: Size) -> float:
    """Return the share of a frame that would be padding."""
    width, height = _inner(size, frame)
    return 1 - width * height / (frame[0] * frame[1])
