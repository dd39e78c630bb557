"""Draw a sheet as one Pillow image, save it, or squeeze it into a number of bytes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import pictures
from kontext_nb.grids.layout import Label, Layout, Slot, blank_labels, lay_out
from kontext_nb.grids.plan import Blank, Sheet
from kontext_nb.lettering import write
from kontext_nb.pixels import encode_png, on_white
from kontext_nb.target import replacing, suffix_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw


PAPER = "#ffffff"
PANEL = "#f4f4f2"  # shows a cell's extent where its picture does not
TONES = {"ink": "#1f1f1e", "muted": "#6a6a66", "alarm": "#b3261e"}
"""The colours of words; all have a contrast of at least 4.5 to 1 on the grounds."""

SUFFIXES: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 92, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 92, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 88, "method": 3}),
}

_CELL_PX = range(32, 4097)
_MAX_PIXELS = 178_000_000  # Pillow refuses to open what is larger
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # of the file formats
_QUALITIES = (88, 82, 76, 70, 64, 58, 52, 46, 40)  # best first; below it is mush
_SMALLEST_SIDE = 16
_WORKERS = 2  # decoding lets go of the interpreter: measured 1.9 times faster
_AHEAD = 6  # pictures that wait to be pasted: enough to keep both at work


def draw(sheet: Sheet, *, cell_px: int = 512) -> Image:
    """Draw the sheet.

    Args:
        sheet: What to draw.
        cell_px: Longer side of a picture, 32 to 4096 pixels.

    Raises:
        ParameterRejected: ``cell_px`` is out of range, or the sheet would be too large.
    """
    from PIL import Image as PILImage
    from PIL import ImageDraw

    plan = lay_out(sheet, cell_px=_checked(cell_px), type_size=_type_size(cell_px))
    if plan.width * plan.height > _MAX_PIXELS:
        raise ParameterRejected(
            f"The sheet would be {plan.width} by {plan.height} pixels.",
            f"Take fewer cells, or a cell_px smaller than {cell_px}.",
        )
    canvas = PILImage.new("RGB", (plan.width, plan.height), PAPER)
    pen = ImageDraw.Draw(canvas)
    for slot, seen in _looks(plan):
        if isinstance(seen, Blank):
            _draw_blank(pen, slot, seen, plan.type_size)
        else:
            _draw_picture(canvas, pen, slot, seen)
    for label in plan.labels:
        _write(pen, label)
    return canvas


def save(sheet: Sheet, path: str | os.PathLike[str]) -> Path:
    """Draw the sheet into a .png, .jpg, .jpeg or .webp file and return its path.

    Raises:
        ParameterRejected: Unknown suffix, no such folder, or too large for the format.
        NotSaved: Nothing can be written there.
    """
    kind, options = SUFFIXES[suffix_of(path, SUFFIXES)]
    with replacing(path) as (aside, target):
        image = draw(sheet)
        if max(image.size) > _MAX_SIDE.get(kind, max(image.size)):
            raise ParameterRejected(
                f"{kind} cannot hold {image.width} by {image.height} pixels.",
                "Save it as .png, or with fewer cells.",
            )
        if kind == "PNG":
            aside.write_bytes(encode_png(image))
        else:
            image.save(aside, kind, **options)
    return target


def encode_within(
    image: Image,
    max_bytes: int,
    *,
    format: str = "JPEG",  # noqa: A002 - Pillow's own word
) -> bytes:
    """Encode as well as ``max_bytes`` allow: first quality gives way, then size.

    Args:
        image: RGB or RGBA; JPEG has no transparency and gets a white ground.
        max_bytes: The answer is never longer.
        format: "JPEG" or "WEBP".

    Raises:
        ParameterRejected: Not even a thumbnail fits, or the format is another one.
    """
    if format not in ("JPEG", "WEBP"):
        raise ParameterRejected(
            f"{format} has no quality to choose.", "Use JPEG or WEBP."
        )
    trial = on_white(image) if format == "JPEG" else image
    while True:
        worst = _encoded(trial, format, _QUALITIES[-1])
        if len(worst) <= max_bytes:
            return _best_quality(trial, max_bytes, format) or worst
        # Size grows about with the area; 0.95 keeps the number of rounds near one.
        scale = min(0.9, 0.95 * (max_bytes / len(worst)) ** 0.5)
        width, height = round(trial.width * scale), round(trial.height * scale)
        smaller = max(1, width), max(1, height)
        if max(smaller) < _SMALLEST_SIDE:
            raise ParameterRejected(
                f"No picture fits into {max_bytes} bytes.", "Allow a few thousand."
            )
        trial = trial.resize(smaller, reducing_gap=2.0)


def _best_quality(image: Image, max_bytes: int, kind: str) -> bytes | None:
    """Return the best encoding that fits, but for the worst; three attempts."""
    best, low, high = None, 0, len(_QUALITIES) - 1
    while low < high:
        middle = (low + high) // 2
        data = _encoded(image, kind, _QUALITIES[middle])
        if len(data) <= max_bytes:
            best, high = data, middle
        else:
            low = middle + 1
    return best


def _encoded(image: Image, kind: str, quality: int) -> bytes:
    """Return the image as a preview: a little more time for fewer bytes."""
    buffer = BytesIO()
    effort = {"optimize": True} if kind == "JPEG" else {"method": 2}
    image.save(buffer, kind, quality=quality, **effort)
    return buffer.getvalue()


def _looks(plan: Layout) -> Iterator[tuple[Slot, Image | Blank]]:
    """Yield every slot with its picture, a few files being decoded ahead.

    Images are not given to the threads: two cells may share one, and the first look at
    a lazily opened image decodes it in place.
    """
    ahead: deque[tuple[Slot, Future[Image | Blank] | None]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for slot in (slot for row in plan.rows for slot in row):
            on_disk = isinstance(slot.cell.picture, Path)
            ahead.append(
                (slot, pool.submit(_look, slot) if on_disk else None),
            )
            if len(ahead) > _AHEAD:
                yield _seen(*ahead.popleft())
        while ahead:
            yield _seen(*ahead.popleft())


def _seen(
    slot: Slot, future: Future[Image | Blank] | None
) -> tuple[Slot, Image | Blank]:
    """Return the slot with its picture, once it is there."""
    return slot, future.result() if future else _look(slot)


def _look(slot: Slot) -> Image | Blank:
    """Look at the slot's picture, at the slot's size."""
    return pictures.look(slot.cell, slot.box)


def _draw_picture(canvas: Image, pen: ImageDraw, slot: Slot, picture: Image) -> None:
    """Put the picture into the middle of its slot, on a mat if it is smaller."""
    if picture.size != slot.box:
        _draw_panel(pen, slot)
    left = slot.x + (slot.width - picture.width) // 2
    top = slot.y + (slot.height - picture.height) // 2
    mask = picture.getchannel("A") if picture.mode == "RGBA" else None
    canvas.paste(picture, (left, top), mask)


def _draw_blank(pen: ImageDraw, slot: Slot, blank: Blank, type_size: int) -> None:
    """Write the state of a cell where its picture would be."""
    _draw_panel(pen, slot)
    for label in blank_labels(slot, blank, type_size):
        _write(pen, label)


def _draw_panel(pen: ImageDraw, slot: Slot) -> None:
    """Tint a slot."""
    corners = (slot.x, slot.y, slot.x + slot.width - 1, slot.y + slot.height - 1)
    pen.rectangle(corners, fill=PANEL)


def _write(pen: ImageDraw, label: Label) -> None:
    """Write one line."""
    write(
        pen,
        (label.x, label.y),
        label.text,
        size=label.size,
        fill=TONES[label.tone],
        bold=label.bold,
    )


def _type_size(cell_px: int) -> int:
    """Return a size that reads well beside pictures this large."""
    return max(12, round(cell_px / 32))


def _checked(cell_px: int) -> int:
    """Refuse a cell size that no sheet can have.

    Raises:
        ParameterRejected: It is not a whole number in the range.
    """
    if cell_px not in _CELL_PX:
        raise ParameterRejected(
            f"A cell cannot be {cell_px} pixels.",
            f"Give a whole number from {_CELL_PX[0]} to {_CELL_PX[-1]}.",
        )
    return cell_px
