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
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageCms,
    ImageOps,
    PngImagePlugin,
    UnidentifiedImageError,
)

from kontext_nb.errors import ImageRejected
from kontext_nb.model import echo
from kontext_nb.target import check_target, replacing, suffix_of

MAX_PIXELS = 40_000_000
MAX_FILE_BYTES = 64 * 1024 * 1024
# What RunComfy's own clients keep to, so that the request stays under its limit.
MAX_SENT_BYTES = 6 * 1024 * 1024

_FORMATS = ("PNG", "JPEG", "WEBP")
# MPO is what many phones call a JPEG with a second, hidden picture; its first is read.
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp"}
_WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
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
        name: What to call it: the file's name, or what kind of object it was.
    """

    image: Image.Image
    digest: str
    encoded: bytes
    suffix: str
    name: str


def load(source: Any) -> Picture:
    """Read a picture from a path, bytes, a file object, a Pillow image or an array.

    Raises:
        ImageRejected: It is no such thing, or not a picture that can be used; the
            message names the file and the reason.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, str | os.PathLike):
        path = Path(os.fsdecode(source)).expanduser()
        return _decode(_read(path), path.name)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source), "the given bytes")
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise ImageRejected(
                "The file object gives text, not bytes.", 'Open it in mode "rb".'
            )
        return _decode(data, str(getattr(source, "name", "the given file")))
    if hasattr(source, "__array_interface__"):
        return _from_array(np.asarray(source))
    raise ImageRejected(
        f"A picture cannot be read from {type(source).__name__} {echo(source)}.",
        "Give a path, bytes, a Pillow image or a NumPy array.",
    )


def _read(path: Path) -> bytes:
    """Read a regular file; never block on a pipe or a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable name"
        raise ImageRejected(
            f"The picture {echo(str(path))} cannot be opened: {reason}.",
            f"Check the name; relative names start at {Path.cwd()}.",
        ) from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise ImageRejected(f"{echo(str(path))} is not a file.", _WANTED)
    with os.fdopen(descriptor, "rb") as file:
        if facts.st_size > MAX_FILE_BYTES:
            raise ImageRejected(
                f"{path.name} is {facts.st_size / 2**20:.0f} MiB large, more than "
                f"{MAX_FILE_BYTES // 2**20}.",
                _WANTED,
            )
        return file.read()


@contextmanager
def _pillow_speaks_for(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on a bad file into one typed error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
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


def _too_large(name: str, size: tuple[int, int] | None = None) -> ImageRejected:
    shown = f"{size[0]}x{size[1]} pixels" if size else "far too many pixels"
    return ImageRejected(
        f"{name} has {shown}, more than {MAX_PIXELS // 10**6} megapixels.", _WANTED
    )


def _decode(data: bytes, name: str) -> Picture:
    if not data:
        raise ImageRejected(f"{name} is empty.", _WANTED)
    if len(data) > MAX_FILE_BYTES:
        raise ImageRejected(
            f"{name} is {len(data) / 2**20:.0f} MiB large, more than "
            f"{MAX_FILE_BYTES // 2**20}.",
            _WANTED,
        )
    with (
        _pillow_speaks_for(name),
        Image.open(io.BytesIO(data), formats=_FORMATS) as opened,
    ):
        # The size stands in the header: a bomb is refused before it is decoded.
        if opened.width * opened.height > MAX_PIXELS:
            raise _too_large(name, opened.size)
        if opened.format != "MPO" and getattr(opened, "is_animated", False):
            raise ImageRejected(
                f"{name} is animated.",
                "Save the frame you want as a picture of its own.",
            )
        suffix = _SUFFIXES[opened.format or "PNG"]
        image = upright(opened)
    return Picture(image, digest(image), data, suffix, name)


def _from_pillow(source: Image.Image) -> Picture:
    with _pillow_speaks_for("The Pillow image"):
        if source.width * source.height == 0:
            raise ImageRejected("The Pillow image has no pixels.", _WANTED)
        if source.width * source.height > MAX_PIXELS:
            raise _too_large("The Pillow image", source.size)
        image = upright(source)
    name = os.path.basename(getattr(source, "filename", "") or "") or "picture"  # noqa: PTH119 - Pillow gives text, maybe empty
    return Picture(image, digest(image), encode_png(image), ".png", name)


def _from_array(array: np.ndarray[Any, Any]) -> Picture:
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
    if height * width > MAX_PIXELS:
        raise _too_large("The array", (width, height))
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
    image = upright(Image.fromarray(np.ascontiguousarray(array)))
    return Picture(image, digest(image), encode_png(image), ".png", "array")


def upright(image: Image.Image) -> Image.Image:
    """Return a copy turned as its EXIF says, in sRGB, 8 bits, RGB or RGBA."""
    alpha = image.has_transparency_data
    turned = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if turned.mode.startswith("I;16"):
        # Pillow's own conversion clips 16-bit greys instead of scaling them.
        turned = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8))
    wanted = "RGBA" if alpha else "RGB"
    converted = _to_srgb(turned, profile) if profile else None
    if converted and alpha:
        converted.putalpha(turned.convert("RGBA").getchannel("A"))
    result = (converted or turned).convert(wanted)
    result.info.clear()
    return result


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert by the embedded profile; None if that is broken or does not fit.

    A picture with a damaged profile is still a picture: every viewer shows it as if
    the profile were not there, and so do we.
    """
    if image.mode in ("RGBA", "P", "PA"):
        image = image.convert("RGBA").convert("RGB")
    elif image.mode == "LA":
        image = image.getchannel("L")
    if image.mode not in ("RGB", "CMYK", "L"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


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


@dataclass(frozen=True, slots=True)
class Parcel:
    """A picture as it travels to a service.

    Args:
        png: At most `MAX_SENT_BYTES`; holds pixels and nothing else of the source.
        size: (width, height) that was sent.
        notice: What the user should know, if it had to be made smaller.
    """

    png: bytes
    size: tuple[int, int]
    notice: str | None = None


def pack(picture: Picture) -> Parcel:
    """Encode for sending, scaled down only as far as the limit demands."""
    image = picture.image
    while len(png := encode_png(image)) > MAX_SENT_BYTES:
        # PNG size grows about with the area; 0.95 keeps the number of rounds near one.
        scale = 0.95 * (MAX_SENT_BYTES / len(png)) ** 0.5
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image is picture.image:
        return Parcel(png, image.size)
    notice = (
        f"Sent at {image.width}x{image.height} instead of {picture.image.width}x"
        f"{picture.image.height} to stay under {MAX_SENT_BYTES // 2**20} MiB."
    )
    return Parcel(png, image.size, notice)


def preview(image: Image.Image, *, longest_px: int, quality: int = 85) -> bytes:
    """Return a JPEG of at most ``longest_px`` on its longer side, on white if RGBA."""
    scale = min(1.0, longest_px / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image if scale == 1 else image.resize(size, reducing_gap=2.0)
    buffer = io.BytesIO()
    on_white(small).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def on_white(image: Image.Image) -> Image.Image:
    """Return the image in RGB, where it is transparent on white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def size_text(image: Image.Image) -> str:
    """Return the size as people write it: width, a multiplication sign, height."""
    return f"{image.width}\N{MULTIPLICATION SIGN}{image.height}"


def check_savable(path: str | os.PathLike[str]) -> None:
    """Refuse a path no picture can be saved to, before anything is paid for.

    Raises:
        ParameterRejected: Not .png, .jpg, .jpeg or .webp, or no such folder.
    """
    suffix_of(path, _WRITTEN)
    check_target(path)


def write(image: Image.Image, path: str | os.PathLike[str], facts: str) -> Path:
    """Save a picture with ``facts`` (JSON text in ASCII) in its metadata.

    A PNG carries them as the text chunk ``kontext_nb``, JPEG and WebP as the EXIF
    image description.

    Raises:
        ParameterRejected: Not .png, .jpg, .jpeg or .webp, or no such folder.
        NotSaved: Nothing can be written there.
    """
    kind = _WRITTEN[suffix_of(path, _WRITTEN)]
    with replacing(path) as (aside, target):
        if kind == "PNG":
            aside.write_bytes(encode_png(image, {"kontext_nb": facts}))
        else:
            exif = Image.Exif()
            exif[ExifTags.Base.ImageDescription] = facts
            shown = on_white(image) if kind == "JPEG" else image
            shown.save(aside, kind, quality=95, exif=exif)
    return target
