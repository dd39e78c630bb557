"""The one door for pictures: whatever is given becomes upright, checked sRGB pixels.

Convention: a `Picture` holds an 8-bit RGB image, or RGBA where the source has an alpha
channel, already turned upright and converted to sRGB. Arrays are (height, width,
channels); float arrays are in [0, 1].
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from kontext_nb.errors import ImageRejected
from kontext_nb.headers import is_bounded
from kontext_nb.model import echo
from kontext_nb.srgb import upright

MAX_PIXELS = 40_000_000
# As a JPEG. Pillow keeps two pointers a row: 40 megapixels in a column take gigabytes.
MAX_SIDE = 65_535
MAX_FILE_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 2**20
TIMES = "\N{MULTIPLICATION SIGN}"

_FORMATS = ("PNG", "JPEG", "WEBP")
# MPO is what many phones call a JPEG with a second, hidden picture; its first is read.
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp"}
_WANTED = "Give a PNG, JPEG or WebP picture of at most 40 megapixels."


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that came through the door.

    Args:
        image: Upright 8-bit RGB or RGBA pixels in sRGB.
        digest: SHA-256 (hex) of mode, size and pixels: equal pixels, equal digest,
            whatever the file around them looked like.
        encoded: The bytes it was read from, or a PNG of its pixels.
        suffix: File suffix that fits ``encoded``, with its dot.
    """

    image: Image.Image
    digest: str
    encoded: bytes
    suffix: str


def load(source: Any) -> Picture:
    """Read a picture from a path, bytes, a file object, a Pillow image or an array.

    Files are read up to `MAX_FILE_BYTES`. Bytes may be more, as they are in memory
    already: a PNG this module made of `MAX_PIXELS` pixels must come in again.

    Raises:
        ImageRejected: It is no such thing, or not a picture that can be used; the
            message names the file and the reason.
    """
    if isinstance(source, Picture):
        return source
    image, encoded, suffix = _read(source)
    return Picture(image, digest(image), encoded or encode_png(image), suffix)


def load_image(source: Any) -> Image.Image:
    """Read a picture as `load` does, sooner: no digest is taken, and no PNG is made."""
    return source.image if isinstance(source, Picture) else _read(source)[0]


def _read(source: Any) -> tuple[Image.Image, bytes, str]:
    """Return upright pixels, the file they come from, if any, and its suffix."""
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, str | os.PathLike):
        path = Path(os.fsdecode(source))
        return _from_bytes(_bytes_of(path), echo(path.name))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "The given data")
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        shown = echo(Path(name).name) if isinstance(name, str) else "The file object"
        data = _drained(source, shown)
        if not data:
            raise ImageRejected(
                f"{shown} is empty, or was read to its end.",
                "Go back to its start with seek(0).",
            )
        return _from_bytes(data, shown)
    if hasattr(source, "__array_interface__"):
        return _from_array(np.asarray(source))
    has_one = isinstance(getattr(source, "image", None), Image.Image)
    raise ImageRejected(
        f"A picture cannot be read from {type(source).__name__} {echo(source)}.",
        "Give its .image, or call its edit()."
        if has_one
        else "Give a path, bytes, a Pillow image or a NumPy array.",
    )


def _bytes_of(path: Path) -> bytes:
    """Read a regular file; never block on a pipe or a device."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path.expanduser(), flags)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "not a usable name"
        raise ImageRejected(
            f"The picture {echo(str(path))} cannot be opened: {reason}.",
            f"Check the name; relative names start {_start()}.",
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ImageRejected(f"{echo(str(path))} is not a file.", _WANTED)
    with os.fdopen(descriptor, "rb") as file:
        return _drained(file, echo(path.name))


def _start() -> str:
    try:
        return f"at {echo(str(Path.cwd()))}"
    except OSError:
        return "at the working folder, which no longer exists"


def _drained(file: Any, shown: str) -> bytes:
    """Read a file to its end, but hardly more than a picture may have."""
    data = bytearray()
    try:
        while len(data) <= MAX_FILE_BYTES:
            more = file.read(MAX_FILE_BYTES + 1 - len(data))
            if not more:
                return bytes(data)
            data += more
    # Whoever wrote it may raise anything: it is closed, write-only, or text.
    except Exception as error:
        raise ImageRejected(
            f"{shown} cannot be read as bytes: {echo(str(error))}.",
            'Give one that is open in mode "rb".',
        ) from error
    raise ImageRejected(f"{shown} has over {MAX_FILE_BYTES // 2**20} MiB.", _WANTED)


class _Filters:
    """Warning filters for as long as any thread reads a picture.

    They belong to the process: were each thread to put back what it found, one that
    ends late would put back another's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._kept = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._kept = warnings.catch_warnings()
                self._kept.__enter__()
                # What Pillow finds odd and reads all the same is no news to the user.
                warnings.filterwarnings("ignore", module=r"PIL\.")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._kept.__exit__(None, None, None)


_filters = _Filters()


@contextmanager
def _pillow_speaks_for(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on a bad file into one typed error."""
    try:
        with _filters:
            yield
    except ImageRejected:
        raise
    except UnidentifiedImageError:
        raise ImageRejected(
            f"{name} is not a PNG, JPEG or WebP picture.", _WANTED
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    # Damaged files make Pillow's decoders raise nearly anything; none of it is ours.
    except Exception as error:
        raise ImageRejected(
            f"{name} is damaged and cannot be decoded ({type(error).__name__}).",
            _WANTED,
        ) from error


def _too_large(name: str, shown: str = "far too many") -> ImageRejected:
    return ImageRejected(
        f"{name} has {shown} pixels, more than {MAX_PIXELS // 10**6} megapixels.",
        _WANTED,
    )


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width}x{height}")
    if max(width, height) > MAX_SIDE:
        raise ImageRejected(
            f"{name} has {width}x{height} pixels, more than {MAX_SIDE} on a side.",
            "Cut it into pieces, or make it smaller.",
        )


def _from_bytes(data: bytes, name: str) -> tuple[Image.Image, bytes, str]:
    if not data:
        raise ImageRejected(f"{name} is empty.", _WANTED)
    image, suffix = _decode(io.BytesIO(data), name)
    return image, data, suffix


def _decode(file: BinaryIO, name: str) -> tuple[Image.Image, str]:
    """Return a file's upright pixels, and the suffix that fits its bytes."""
    with _pillow_speaks_for(name):
        if not is_bounded(file):
            raise ImageRejected(
                f"{name} has far too much in its header, before its pixels.",
                "Save it again with an image program, without its metadata.",
            )
        with Image.open(file, formats=_FORMATS) as opened:
            # The size stands in the header: a bomb is refused before it is decoded.
            _check_size(name, *opened.size)
            if opened.format != "MPO" and getattr(opened, "is_animated", False):
                raise ImageRejected(
                    f"{name} is animated.",
                    "Save the frame you want as a picture of its own.",
                )
            return upright(opened), _SUFFIXES[opened.format or "PNG"]


def _from_pillow(source: Image.Image) -> tuple[Image.Image, bytes, str]:
    with _pillow_speaks_for("The Pillow image"):
        if source.width * source.height == 0:
            raise ImageRejected("The Pillow image has no pixels.", _WANTED)
        _check_size("The Pillow image", *source.size)
        try:
            source.load()
        except Exception:
            file = getattr(source, "fp", None)
            if file is None or getattr(file, "closed", False):
                raise ImageRejected(
                    "The Pillow image is closed.",
                    "Give it before it is closed, or give its copy().",
                ) from None
            raise
        return upright(source), b"", ".png"


def _from_array(array: np.ndarray[Any, Any]) -> tuple[Image.Image, bytes, str]:
    """Accept (height, width) or (height, width, 1|3|4) of uint8 or float in [0, 1]."""
    match array.shape:
        case (height, width, 1) if height and width:
            array = array[:, :, 0]
        case (height, width) | (height, width, 3 | 4) if height and width:
            pass
        case shape:
            raise ImageRejected(
                f"An array of shape {shape} is not a picture.",
                "Give (height, width) or (height, width, 3 or 4).",
            )
    _check_size("The array", width, height)
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ImageRejected(
                "The float array has values outside 0 to 1.",
                "Scale it to 0..1, or give uint8 values of 0 to 255.",
            )
        array = np.rint(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ImageRejected(
            f"An array of {array.dtype} is not a picture.",
            "Give uint8 values of 0 to 255, or floats of 0 to 1.",
        )
    return upright(Image.fromarray(np.ascontiguousarray(array))), b"", ".png"


def check_whole(file: BinaryIO, name: str) -> str:
    """Decode an encoded picture to its end, and return the suffix that fits it.

    It is read piece by piece: what stands behind the picture takes no memory.

    Args:
        file: Of any length.
        name: What to call it.

    Raises:
        ImageRejected: It is none, or some of it is missing or damaged.
    """
    suffix = _decode(file, name)[1]
    with _pillow_speaks_for(name):
        if suffix == ".png" and not _is_whole_png(file):
            raise ImageRejected(f"{name} is damaged or cut short.", _WANTED)
    return suffix


def _is_whole_png(file: BinaryIO) -> bool:
    """Tell whether a PNG has its end, and the sums of all that stands before it.

    Its decoder looks at neither. What is cut off a JPEG or a WebP is missed by theirs,
    and they have no sums to check.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:  # noqa: PLR2004 - length and kind
        left, total = int.from_bytes(head[:4]), zlib.crc32(head[4:])
        while piece := file.read(min(left, _PIECE_BYTES)):
            left -= len(piece)
            total = zlib.crc32(piece, total)
        if left or file.read(4) != total.to_bytes(4):
            return False
        if head[4:] == b"IEND":
            return True
    return False


def digest(image: Image.Image) -> str:
    """Return SHA-256 (hex) over mode, size and pixels."""
    head = f"{image.mode} {image.width}x{image.height} ".encode()
    state = hashlib.sha256(head)
    # Band by band in strips: a 12-megapixel copy only to hash it would be waste.
    rows = max(1, 2**22 // (image.width * len(image.mode)))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        state.update(strip.tobytes())
    return state.hexdigest()


def encode_png(image: Image.Image, text: Mapping[str, str] | None = None) -> bytes:
    """Encode without loss; Z_RLE is 6 times faster on photographs and no larger.

    Args:
        image: Of any mode a PNG can hold.
        text: Names and texts to store beside the pixels.
    """
    chunks = PngImagePlugin.PngInfo()
    for name, words in (text or {}).items():
        chunks.add_itxt(name, words)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_type=zlib.Z_RLE, pnginfo=chunks)
    return buffer.getvalue()


def preview(image: Image.Image, *, longest_px: int, quality: int = 85) -> bytes:
    """Return a JPEG of at most ``longest_px`` on its longer side, on white if RGBA."""
    scale = min(1.0, longest_px / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image if scale == 1 else image.resize(size, reducing_gap=2.0)
    buffer = io.BytesIO()
    on_white(small).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def on_white(image: Image.Image) -> Image.Image:
    """Return the image in RGB, on white where it is transparent; itself if it is."""
    if image.mode == "RGB":
        return image
    if image.mode != "RGBA":
        return image.convert("RGB")
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def load_rgb(source: Any) -> Image.Image:
    """Read a picture as `load_image` does, and return it as `on_white` does."""
    return on_white(load_image(source))


def size_text(image: Image.Image) -> str:
    """Return the size as people write it: width, a multiplication sign, height."""
    return shape_text(image.size)


def shape_text(size: tuple[int, int]) -> str:
    """Return (width, height) as people write it; see `size_text`."""
    return f"{size[0]}{TIMES}{size[1]}"
