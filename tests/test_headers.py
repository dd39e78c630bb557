"""A picture's header is read in bounded time, or the picture is refused unread."""

import io
import struct
import zlib

import pytest
from PIL import Image

from kontext_nb import headers, pixels
from kontext_nb.errors import ImageRejected

SIZE = 3 * 2**20  # of a header; twenty times that held up the kernel for minutes


def encoded(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(buffer, kind)
    return buffer.getvalue()


JPEG, PNG = encoded("JPEG"), encoded("PNG")
START = 33  # of a PNG: its mark and its first chunk


def part(code, body=b""):
    """Return a part of a JPEG's header."""
    return b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body


def chunk(kind, body=b""):
    """Return a part of a PNG."""
    mark = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + mark


def jpeg(unit):
    """Return a JPEG whose header is full of ``unit``."""
    return JPEG[:2] + part(0xFE) + unit * (SIZE // len(unit)) + JPEG[2:]


def png(unit):
    """Return a PNG that is full of ``unit`` before its pixels."""
    return PNG[:START] + unit * (SIZE // len(unit)) + PNG[START:]


RESOURCE = b"8BIM" + struct.pack(">HBBI", 0x404, 0, 0, 0)
HOSTILE = {
    "empty comments": jpeg(part(0xFE)),
    "empty markers": jpeg(part(0xE5)),
    "empty Exif": jpeg(part(0xE1, b"Exif\0\0")),
    "full Exif": jpeg(part(0xE1, b"Exif\0\0" + b"x" * 60_000)),
    "empty profiles": jpeg(part(0xE2, b"ICC_PROFILE\0\1\1")),
    "small resources": jpeg(part(0xED, b"Photoshop 3.0\0" + RESOURCE * 5000)),
    "tables": jpeg(part(0xDB, (b"\0" + b"\1" * 64) * 1000)),
    "Huffman tables": jpeg(part(0xC4, bytes(17))),
    "nothing between parts": jpeg(b"\0"),
    "padding": jpeg(b"\xff"),
    "escaped bytes": jpeg(b"\xff\0"),
    "marks of a restart": jpeg(b"\xff\xd0"),
    "a mark whose body is not skipped": jpeg(part(0xF0, bytes(60_000))),
    "private chunks": png(chunk(b"prVt")),
    "texts": png(chunk(b"tEXt", b"a\0b")),
    "pixels of no size": png(chunk(b"IDAT")),
    "profiles": png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**20 - 100)))),
    "chunks after the pixels": PNG[:-12] + chunk(b"prVt") * 9000 + PNG[-12:],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_of_countless_parts_is_refused(name):
    """Its parts are counted only as far as an honest picture may have them."""
    with pytest.raises(ImageRejected, match="far too much in its header"):
        pixels.load(HOSTILE[name])


FULL = b"x" * 60_000
HONEST = {
    "a long description": jpeg(part(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + FULL)),
    "long comments": jpeg(part(0xFE, FULL)),
    "a large profile": JPEG[:2] + part(0xE2, b"ICC_PROFILE\0\1\1" + FULL) + JPEG[2:],
    "a thumbnail": JPEG[:2] + part(0xED, b"Photoshop 3.0\0" + FULL) * 9 + JPEG[2:],
    "padding": JPEG[:2] + b"\xff" * 100 + JPEG[2:],
    "many texts": PNG[:START] + chunk(b"tEXt", b"a\0b") * 1000 + PNG[START:],
    "something behind it": JPEG + bytes(SIZE),
    "something behind a PNG": PNG + bytes(SIZE),
}


@pytest.mark.parametrize("name", HONEST)
def test_a_header_with_much_in_it_is_read(name):
    """Megabytes of what cameras and image programs write are no reason to refuse."""
    assert pixels.load(HONEST[name]).image.size == (64, 64)


@pytest.mark.parametrize("whole", [JPEG, PNG, HOSTILE["texts"], HOSTILE["padding"]])
def test_a_header_that_breaks_off_anywhere_breaks_nothing(whole):
    """Whether it is bounded can be said of any beginning of a file."""
    for end in range(200):
        assert headers.is_bounded(io.BytesIO(whole[:end]))
