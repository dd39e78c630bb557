"""How much stands before a picture's pixels: looked at before Pillow reads it.

Pillow goes through a header part by part, and byte by byte where none is. It joins some
parts anew for each that comes. A picture has a few dozen; a file that has millions
would hold up the kernel for minutes. What is counted here is what Pillow would do.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import BinaryIO

from PIL.JpegImagePlugin import MARKER

# Twice as many as full ones fit into the largest file: an honest one never has more.
MAX_PARTS = 2048
# Bytes, all parts of a kind together, of what takes time by its square or by its size.
_EXIF, _PHOTOSHOP, _TABLES = "Exif", "Photoshop", "tables"
_MOST_BYTES = {_EXIF: 2**20, _PHOTOSHOP: 2**21, _TABLES: 2**16}
_TABLE_CODES = frozenset({0xC4, 0xDB})
_APP1, _APP13, _SCAN = 0xE1, 0xED, 0xDA
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS, _PROFILE = b"IDAT", b"iCCP"
MAX_PROFILES = 4  # a PNG has one, and each may unfold to a MiB


def is_bounded(file: BinaryIO) -> bool:
    """Tell whether an encoded picture's header can be read in bounded time.

    Args:
        file: Of any format; what is neither JPEG nor PNG has no such header. It is left
            at its start.
    """
    start = _read(file, 0, len(_PNG))
    try:
        if start.startswith(b"\xff\xd8\xff"):
            return _is_bounded_jpeg(file)
        return start != _PNG or _is_bounded_png(file)
    finally:
        file.seek(0)


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _is_bounded_jpeg(file: BinaryIO) -> bool:
    at, parts = 2, 0
    read = dict.fromkeys(_MOST_BYTES, 0)
    while parts <= MAX_PARTS:
        parts += 1
        ahead = _read(file, at, MAX_PARTS)
        gap = ahead.find(b"\xff")
        if gap < 0:
            return len(ahead) < MAX_PARTS
        parts += gap  # each byte between two parts is looked at by itself
        at += gap
        code, handler = _marker(_read(file, at, 2))
        if code == _SCAN or code is None:
            return parts <= MAX_PARTS  # the pixels begin, or nothing is read any more
        at += 1 if code == 0xFF else 2  # noqa: PLR2004 - a byte of padding
        if handler is None:
            continue
        head = _read(file, at, 8)
        length = int.from_bytes(head[:2])
        kind = _kind(code, head[2:])
        if kind:
            read[kind] += length
            if read[kind] > _MOST_BYTES[kind]:
                return False
        at += max(length, 2)
    return False


def _marker(start: bytes) -> tuple[int | None, object]:
    """Return the code of a part, and what Pillow reads its bytes with, if it does.

    The code is None where Pillow gives up.
    """
    code = start[1] if len(start) > 1 else None
    if code in (0x00, 0xFF):
        return code, None
    named = MARKER.get(0xFF00 | code) if code is not None else None
    return (code, named[2]) if named else (None, None)


def _kind(code: int, start: bytes) -> str | None:
    """Return which budget the bytes of a part are taken from, if any."""
    if code in _TABLE_CODES:
        return _TABLES
    if code == _APP13:
        return _PHOTOSHOP
    return _EXIF if code == _APP1 and start == b"Exif\0\0" else None


def _is_bounded_png(file: BinaryIO) -> bool:
    at, count, parts = len(_PNG), 0, Counter[bytes]()
    # Some programs write their pixels in pieces of a few KiB.
    most_pixels = MAX_PARTS + file.seek(0, os.SEEK_END) // 1024
    while len(head := _read(file, at, 8)) == 8:  # noqa: PLR2004 - length and kind
        kind = head[4:]
        if kind == b"IEND":  # what is behind it is not read
            break
        parts[kind] += 1
        count += 1
        if (
            count - parts[_PIXELS] > MAX_PARTS
            or parts[_PIXELS] > most_pixels
            or parts[_PROFILE] > MAX_PROFILES
        ):
            return False
        at += 12 + int.from_bytes(head[:4])
    return True
