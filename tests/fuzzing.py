"""Damaged pictures by the thousand, for the door that must take or refuse each.

As a program it feeds a fresh process: ``python -m tests.fuzzing COUNT`` prints
as JSON what went wrong, how many came in, and how much memory it took.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, PngImagePlugin, TiffTags

from kontext_nb import pixels
from kontext_nb.errors import ImageRejected

PNG = b"\x89PNG\r\n\x1a\n"
# What a header may lie: none, one, negative, past every limit, and just within ours.
LIES = (0, 1, 7, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
SIZE = (24, 16)
STATUS = Path("/proc/self/status")


def scene(mode: str = "RGB") -> Image.Image:
    """Return a small picture with something in it."""
    noise = random.Random(1).randbytes(SIZE[0] * SIZE[1] * 3)  # noqa: S311 - a seed
    return Image.frombytes("RGB", SIZE, noise).quantize(7).convert("RGB").convert(mode)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """Return a small picture as a file."""
    buffer = io.BytesIO()
    scene(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Take a PNG apart."""
    found, at = [], len(PNG)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def png_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Put a PNG together, with checksums that fit whatever it says."""
    return PNG + b"".join(chunk(*part) for part in parts)


def seeds() -> dict[str, bytes]:
    """Return whole pictures, of each kind that comes in and with all they may carry."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b" * 50, zip=True)
    text.add_itxt("c", "d", zip=True)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    exif.get_ifd(0x8825)[1] = "N"
    second = [scene().transpose(Image.Transpose.ROTATE_180)]
    return {
        "png": saved("PNG"),
        "png rgba": saved("PNG", "RGBA"),
        "png palette": saved("PNG", "P", transparency=0),
        "png one bit": saved("PNG", "1"),
        "png text": saved("PNG", "L", pnginfo=text),
        "png exif": saved("PNG", exif=exif),
        "png profile": saved("PNG", icc_profile=profile),
        "apng": saved("PNG", save_all=True, append_images=second),
        "jpeg": saved("JPEG"),
        "jpeg progressive": saved("JPEG", "L", progressive=True),
        "jpeg cmyk": saved("JPEG", "CMYK"),
        "jpeg exif": saved("JPEG", exif=exif, comment=b"x" * 20),
        "mpo": saved("MPO", save_all=True, append_images=second),
        "webp": saved("WEBP"),
        "webp lossless": saved("WEBP", "RGBA", lossless=True, exif=exif),
        "webp animated": saved("WEBP", save_all=True, append_images=second),
    }


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yield small files that are large, or endless, for whoever believes them."""
    first, *rest = chunks(saved("PNG"))
    ihdr = first[1]
    zeros = zlib.compress(bytes(2**26), 9)  # 64 MiB in 64 kB
    for name, body in {
        "zTXt": (b"zTXt", b"key\0\0" + zeros),
        "iTXt": (b"iTXt", b"key\0\1\0\0\0" + zeros),
        "iCCP": (b"iCCP", b"name\0\0" + zeros),
        "eXIf": (b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(2**20)),
        "tEXt": (b"tEXt", b"key\0" + bytes(2**22)),
    }.items():
        yield f"a {name} bomb", png_of([first, body, *rest])
        yield f"a {name} bomb at the end", png_of([first, *rest[:-1], body, rest[-1]])
    many = [(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(2**20))) for n in range(80)]
    yield "80 zTXt of 1 MiB", png_of([first, *many, *rest])
    yield "IDAT of 64 MiB", png_of([first, (b"IDAT", zeros), (b"IEND", b"")])
    for width, height in [(40_000, 1000), (1, 40_000_000), (6324, 6324), (13_000,) * 2]:
        head = struct.pack(">II", width, height) + ihdr[8:]
        few = (b"IDAT", zlib.compress(bytes(1000)))
        yield f"{width}x{height} of nothing", png_of([(b"IHDR", head), few, rest[-1]])
    # A tag table that points at itself, and a count no file can hold.
    loop = b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"
    huge = b"II*\0\x08\0\0\0\1\0\x0f\x01\2\0\xff\xff\xff\xff\x08\0\0\0" + bytes(4)
    for name, exif in {"that turns": loop, "that lies": huge}.items():
        yield f"a JPEG with EXIF {name}", saved("JPEG", exif=b"Exif\0\0" + exif)
        yield f"a PNG with EXIF {name}", png_of([first, (b"eXIf", exif), *rest])
        yield f"a WebP with EXIF {name}", saved("WEBP", exif=b"Exif\0\0" + exif)
    yield "65,000 comments", b"\xff\xd8" + b"\xff\xfe\0\4ab" * 65_000
    yield "a JPEG of markers", b"\xff\xd8" + b"\xff" * 2**20


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Flip some bits."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 40))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Cut at a sixteenth."""
    return data[: len(data) * rng.randrange(1, 16) // 16]


def patched(data: bytes, rng: random.Random) -> bytes:
    """Write something else over a piece, in the header more often than not."""
    damaged = bytearray(data)
    at = rng.randrange(min(len(data), 64) if rng.random() < 0.6 else len(data))
    form = rng.choice((">I", "<I", ">H", "<H", "B"))
    lie = rng.choice(LIES) % 2 ** (8 * struct.calcsize(form))
    piece = struct.pack(form, lie)
    damaged[at : at + len(piece)] = piece
    return bytes(damaged)


def spliced(data: bytes, rng: random.Random) -> bytes:
    """Leave a piece out, or have one twice."""
    one, two = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return rng.choice((data[:one] + data[two:], data[:two] + data[one:]))


def rechecked(data: bytes, rng: random.Random) -> bytes:
    """Damage a PNG's chunks, or their order, and have the checksums fit."""
    if not data.startswith(PNG):
        return flipped(patched(data, rng), rng)
    parts = chunks(data)
    if rng.random() < 0.3:
        rng.shuffle(parts)
        return png_of(parts)
    at = rng.randrange(len(parts))
    kind, body = parts[at]
    parts[at] = (kind, rng.choice((flipped, patched, spliced))(body or b"\0", rng))
    return png_of(parts)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(flipped, cut, patched, spliced, rechecked),
)


def mutants(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield that many damaged pictures, each with a name to find it again by."""
    sound = sorted(seeds().items())
    rng = random.Random(seed)  # noqa: S311 - the same ones each time
    for number in range(count):
        name, data = rng.choice(sound)
        mutate = rng.choice(MUTATIONS)
        yield f"{number}: {name}, {mutate.__name__}", mutate(data, rng)


def globals_of_pillow() -> tuple[object, ...]:
    """Return what of Pillow, and of warnings, the whole process shares."""
    return (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        ImageFile.MAXBLOCK,
        PngImagePlugin.MAX_TEXT_CHUNK,
        PngImagePlugin.MAX_TEXT_MEMORY,
        len(JpegImagePlugin.samplings),
        len(TiffTags.TAGS_V2),
        tuple(warnings.filters),
    )


def faults(files: Iterator[tuple[str, bytes]]) -> tuple[list[str], Counter[str]]:
    """Return what was neither taken nor refused, and how many were which."""
    found, told = [], Counter[str]()
    before = globals_of_pillow()
    for name, data in files:
        try:
            picture = pixels.load(data)
        except ImageRejected as error:
            told["refused"] += 1
            if not str(error).isprintable():
                found.append(f"{name}: {error!r}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a fault
            found.append(f"{name}: {type(error).__name__}: {error}")
        else:
            told["taken"] += 1
            if picture.image.mode not in ("RGB", "RGBA") or picture.image.info:
                found.append(f"{name}: {picture.image}")
        if globals_of_pillow() != before:
            found.append(f"{name}: changed the process")
            before = globals_of_pillow()
    return found, told


def peak_kib() -> int:
    """Return the most memory this process had at once.

    Not `getrusage`: its number begins with that of the process that started this one.
    """
    (told,) = re.findall(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    return int(told)


def _program(count: int) -> None:
    pixels.load(seeds()["png profile"])  # what is loaded once is not growth
    base = peak_kib()
    found, told = faults(mutants(count))
    more, of_bombs = faults(bombs())
    told += Counter({f"bombs {word}": number for word, number in of_bombs.items()})
    grown = peak_kib() - base
    json.dump({"faults": found + more, **told, "grown_kib": grown}, sys.stdout)


if __name__ == "__main__":
    _program(int(sys.argv[1]))
