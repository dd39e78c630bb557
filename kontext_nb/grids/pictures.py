"""How the drawers look at a cell's picture: its shape first, its pixels when due.

A file may be gone, damaged or no picture at all by the time it is drawn. None of this
raises: the drawer gets a `Blank` and writes it in the picture's place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kontext_nb.grids.plan import Blank, Cell
from kontext_nb.srgb import upright

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("JPEG", "PNG", "WEBP")  # a phone's MPO is read by the JPEG reader
MAX_ENLARGEMENT = 2.0  # beyond twice its size a picture shows pixels, not more
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 mean that width and height are swapped
_FIRST_SWAPPED = 5
_PREVIEW_QUALITY = 85


# What Pillow tells of a file that is about how its pixels are written, and no more.
_BARE = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "progressive"),
    *("progression", "adobe", "adobe_transform", "gamma", "srgb", "transparency"),
    *("interlace", "background", "loop", "duration", "timestamp"),
}
_BARE_SEGMENTS = {"APP0", "APP14"}  # of a JPEG: JFIF's, and Adobe's for inks

_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True)
class Original:
    """An encoded picture: its format as Pillow names it, its bytes, (width, height)."""

    format: str
    data: bytes
    size: tuple[int, int]


def fitted(shape: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) at which a picture of ``shape`` fills the box."""
    scale = min(box[0] / shape[0], box[1] / shape[1], MAX_ENLARGEMENT)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def shape(cell: Cell) -> tuple[int, int] | None:
    """Return (width, height) as shown; of a file, only its header is read."""
    try:
        with _opened(cell.picture) as image:
            return _upright_shape(image) if min(image.size) > 0 else None
    except Exception:  # noqa: BLE001 - whatever is wrong with one picture, the sheet stands
        return None


def look(cell: Cell, box: tuple[int, int]) -> Image | Blank:
    """Return the picture, upright, RGB or RGBA, fitted into the box.

    The cell's own image is never changed.
    """

    def show() -> Image:
        with _opened(cell.picture) as image:
            size = fitted(_upright_shape(image), box)
            if image is not cell.picture:
                _draft(image, size)
            return _resized(upright(image), size)

    return _or_blank(cell, show)


def preview(cell: Cell, longest_px: int) -> Original | Blank:
    """Return the picture as a page shows it: small, and never enlarged.

    JPEG, or WebP where something is transparent. A file that is as small already is
    taken as it is, if it says no more than pixels: where it was taken, and by whom, is
    nobody's business who gets the page.

    Args:
        cell: Its own image is never changed.
        longest_px: Most pixels of the longer side.
    """

    def show() -> Original:
        with _opened(cell.picture) as image:
            whole = _upright_shape(image)
            scale = min(1.0, longest_px / max(whole))
            size = max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))
            if isinstance(cell.picture, Path):
                _draft(image, size)
                image.load()  # half a picture is none
            small = _encoded(_resized(upright(image), size))
            if isinstance(cell.picture, Path) and size == whole and is_bare(image):
                data = cell.picture.read_bytes()
                if len(data) <= len(small.data):
                    return Original(str(image.format), data, size)
            return small

    return _or_blank(cell, show)


def _encoded(image: Image) -> Original:
    kind = "WEBP" if image.mode == "RGBA" else "JPEG"
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=_PREVIEW_QUALITY)
    return Original(kind, buffer.getvalue(), image.size)


def is_bare(image: Image) -> bool:
    """Tell whether an opened and loaded file says nothing but pixels."""
    segments = {name for name, _ in getattr(image, "applist", ())}
    told = {str(name) for name in image.info}
    return image.format != "MPO" and told <= _BARE and segments <= _BARE_SEGMENTS


def _or_blank(cell: Cell, show: Callable[[], _Shown]) -> _Shown | Blank:
    """Show the picture, or word why it cannot be shown."""
    if cell.picture is None:
        return Blank.of(cell)
    try:
        return show()
    except FileNotFoundError:
        return Blank.of(cell, "The file is no longer there.")
    except Exception:  # noqa: BLE001 - whatever is wrong with one picture, the sheet stands
        return Blank.of(cell, "The picture cannot be read.")


def _draft(image: Image, size: tuple[int, int]) -> None:
    """Let a JPEG decode at a half, a quarter or an eighth, for a fraction of the time.

    This changes the image, so it is only for files that were opened here.
    """
    lying = _upright_shape(image) != image.size
    image.draft(None, size[::-1] if lying else size)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    """Resize well; by whole numbers, ten times faster than with a filter."""
    from PIL.Image import Resampling

    if image.size == size:
        return image
    factor = image.width // size[0]
    if factor > 1 and image.size == (size[0] * factor, size[1] * factor):
        return image.reduce(factor)
    return image.resize(size, Resampling.LANCZOS, reducing_gap=2.0)


def _upright_shape(image: Image) -> tuple[int, int]:
    """Return (width, height) after the camera's orientation is applied."""
    # Asking a PNG without the tag for its EXIF would decode all of its pixels.
    known = image.format in ("JPEG", "MPO") or "exif" in image.info
    turned = known and image.getexif().get(_ORIENTATION, 1) >= _FIRST_SWAPPED
    return (image.height, image.width) if turned else image.size


@contextmanager
def _opened(picture: Image | Path | None) -> Iterator[Image]:
    """Open a file for the time of the block; an image is just handed over."""
    from PIL import Image as PILImage

    if isinstance(picture, PILImage.Image):
        yield picture
        return
    if picture is None or not picture.is_file():  # a pipe would wait for ever
        raise FileNotFoundError(str(picture))
    with PILImage.open(picture, formats=_FORMATS) as image:
        yield image
