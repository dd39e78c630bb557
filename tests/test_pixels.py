"""The door for pictures: good ones come in upright and sRGB, bad ones are refused."""

import contextlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kontext_nb import parcel, pixels
from kontext_nb.errors import ImageRejected

CORNERS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))


def scene(width=64, height=48):
    """Four coloured quarters: any turn or flip shows."""
    image = Image.new("RGB", (width, height))
    for n, colour in enumerate(CORNERS):
        box = (n % 2 * width // 2, n // 2 * height // 2)
        image.paste(Image.new("RGB", (width // 2, height // 2), colour), box)
    return image


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(orientation):
    """A phone's picture comes in upright, whichever way it was held."""
    turn = TURNS[orientation]
    stored = scene() if turn is None else scene().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = pixels.load(encoded(stored, "PNG", exif=exif))
    assert loaded.image.size == (64, 48)
    assert np.array_equal(np.asarray(loaded.image), np.asarray(scene()))


def test_equal_pixels_have_equal_digests_whatever_the_file():
    """PNG, array and Pillow image of the same pixels are the same picture."""
    image = scene()
    digests = {
        pixels.load(given).digest
        for given in (encoded(image), image, np.asarray(image), np.asarray(image) / 255)
    }
    assert len(digests) == 1
    assert pixels.load(scene(48, 64)).digest not in digests


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_common_mode_becomes_rgb_or_rgba(mode):
    """Greys, palettes, CMYK and 16 bits all arrive as 8-bit RGB or RGBA."""
    image = scene()
    if mode == "I;16":
        deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image = Image.fromarray(deep)
        expected = scene().convert("L").convert("RGB")
    else:
        image = image.convert(mode)
        expected = image.convert("RGBA" if mode in ("LA", "RGBA") else "RGB")
    loaded = pixels.load(image).image
    assert loaded.mode == expected.mode
    assert np.array_equal(np.asarray(loaded), np.asarray(expected))


def test_an_embedded_profile_is_converted_to_srgb():
    """Where the profile says red is green, what looked green comes in green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = (
        profile.replace(b"rXYZ", b"-XYZ", 1)
        .replace(b"gXYZ", b"rXYZ", 1)
        .replace(b"-XYZ", b"gXYZ", 1)
    )
    loaded = pixels.load(encoded(scene(), icc_profile=swapped)).image
    red, green, blue = scene().split()
    expected = np.asarray(Image.merge("RGB", (green, red, blue)))
    assert abs(np.asarray(loaded).astype(int) - expected).max() <= 3
    assert not loaded.info


def test_the_first_picture_of_a_phones_mpo_is_read():
    """A JPEG with a second picture inside is a picture, not an animation."""
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene().rotate(180)])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    loaded = np.asarray(pixels.load(data).image).astype(int)
    assert abs(loaded - np.asarray(scene())).mean() < 8


def test_a_broken_profile_is_ignored():
    """A damaged colour profile does not cost the user the picture."""
    loaded = pixels.load(encoded(scene(), icc_profile=b"not a profile")).image
    assert np.array_equal(np.asarray(loaded), np.asarray(scene()))


def bomb(side):
    """A tiny PNG whose header promises side x side pixels."""

    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (side + 1) * 4)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


animation = [scene().convert("P"), scene().convert("P").transpose(1)]
BAD_BYTES = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is no picture", "not a PNG, JPEG or WebP"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG, JPEG or WebP"),
    "gif": (encoded(scene(), "GIF"), "not a PNG, JPEG or WebP"),
    "tiff": (encoded(scene(), "TIFF"), "not a PNG, JPEG or WebP"),
    "half a png": (encoded(scene())[:90], "damaged"),
    "half a jpeg": (encoded(scene(640, 480), "JPEG")[:900], "damaged"),
    "200 megapixels": (bomb(14200), "megapixels"),
    "41 megapixels": (bomb(6404), "6404x6404 pixels, more than 40 megapixels"),
    "animated": (
        encoded(
            scene(),
            "WEBP",
            save_all=True,
            append_images=[scene().transpose(1)],
            duration=9,
        ),
        "animated",
    ),
}


@pytest.mark.parametrize("name", BAD_BYTES)
def test_a_bad_file_is_refused_by_name_and_reason(name, tmp_path):
    """One typed error, two sentences: the file, what is wrong with it, what to give."""
    data, reason = BAD_BYTES[name]
    path = tmp_path / "holiday.png"
    path.write_bytes(data)
    with pytest.raises(ImageRejected, match=reason) as caught:
        pixels.load(path)
    assert "holiday.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    """Missing files, folders, pipes and devices are refused at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "pipe", "/dev/zero", "\0"):
        with pytest.raises(ImageRejected):
            pixels.load(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4,), np.uint8),
        np.full((4, 4, 3), 1.5),
        np.full((4, 4, 3), np.nan),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), object),
        3,
        None,
    ],
    ids=repr,
)
def test_what_is_no_picture_is_refused(array):
    """Arrays of other shapes and ranges, and other objects, are refused."""
    with pytest.raises(ImageRejected):
        pixels.load(array)


def test_what_is_sent_holds_pixels_only():
    """No position, camera or comment travels with the picture."""
    exif = Image.Exif()
    exif[0x010F] = "CANARY-MAKER"
    data = encoded(scene(), "JPEG", exif=exif, comment=b"CANARY-COMMENT")
    assert b"CANARY" in data
    packed = parcel.pack(pixels.load(data))
    assert b"CANARY" not in packed.png
    assert packed.size == (64, 48)
    assert packed.notice is None


def test_a_large_picture_is_sent_smaller_and_says_so():
    """More than 6 MiB of PNG is scaled down, keeping its shape, with a notice."""
    packed = parcel.pack(pixels.load(noise(2000, 1500)))
    assert len(packed.png) <= parcel.MAX_SENT_BYTES
    assert packed.size[0] / packed.size[1] == pytest.approx(4 / 3, abs=0.01)
    assert "instead of 2000x1500" in packed.notice


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("kind", [np.asarray, Image.fromarray], ids=["array", "Pillow"])
def test_what_came_in_comes_in_again_from_the_store(kind, monkeypatch):
    """A picture whose own PNG is larger than a file may be is not lost by that."""
    monkeypatch.setattr(pixels, "MAX_FILE_BYTES", 1000)
    picture = pixels.load(kind(noise(40, 30)))
    assert len(picture.encoded) > 1000
    assert pixels.load(picture.encoded).digest == picture.digest


@pytest.mark.parametrize("opened", [False, True], ids=["path", "file object"])
def test_a_file_is_read_up_to_its_limit(opened, tmp_path, monkeypatch):
    """At the limit it comes in; one byte less allowed, and it is refused unread."""
    path = tmp_path / "holiday.png"
    path.write_bytes(encoded(scene()))
    monkeypatch.setattr(pixels, "MAX_FILE_BYTES", path.stat().st_size)
    assert pixels.load(path).image.size == (64, 48)
    monkeypatch.setattr(pixels, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with path.open("rb") as file, pytest.raises(ImageRejected, match=r"holiday.* MiB"):
        pixels.load(file if opened else path)


class Endless:
    """A file that never ends, and gives as many bytes as it is asked for."""

    given = 0

    def read(self, size=-1):
        self.given += size
        return bytes(size)


def test_a_file_that_never_ends_is_left(monkeypatch):
    """No more is read than shows that it is too much."""
    monkeypatch.setattr(pixels, "MAX_FILE_BYTES", 1000)
    file = Endless()
    with pytest.raises(ImageRejected, match="over"):
        pixels.load(file)
    assert file.given == 1001


class Dripping:
    """A file that gives a few bytes at a time, in a bytearray."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size=-1):
        return bytearray(self._file.read(min(size, 7)))


def test_a_file_object_is_read_to_its_end():
    """Short reads and a bytearray are what some file objects give."""
    assert pixels.load(Dripping(encoded(scene()))).image.size == (64, 48)


def closed():
    file = io.BytesIO(encoded(scene()))
    file.close()
    return file


def at_its_end():
    file = io.BytesIO(encoded(scene()))
    file.read()
    return file


BAD_FILES = {
    "closed": (closed, "closed file.* open"),
    "write-only": (lambda: open("w.png", "wb"), "w.png.* read.* open"),  # noqa: PTH123, SIM115
    "text": (lambda: io.StringIO("hello"), 'as bytes.* mode "rb"'),
    "at its end": (at_its_end, r"is empty, or was read to its end.*seek\(0\)"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_object_that_gives_no_bytes_is_refused(name):
    """The message says what is wrong with it and how to give it."""
    make, words = BAD_FILES[name]
    with contextlib.closing(make()) as file, pytest.raises(ImageRejected, match=words):
        pixels.load(file)


DEEP = {
    "16 bits in 32": (np.int32, 257, "I"),
    "32-bit float": (np.float32, 1 / 255, "F"),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_greys_are_scaled_not_clipped(name):
    """A grey comes in as bright as it is, whatever its numbers."""
    kind, scale, mode = DEEP[name]
    grey = scene().convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(kind) * kind(scale))
    assert deep.mode == mode
    assert pixels.load(deep).digest == pixels.load(grey).digest


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (np.int32, (0, 200)),
        (np.int32, (-1, 70)),
        (np.int32, (0, 70000)),
        (np.float32, (0, 200)),
        (np.float32, (-0.1, 0.5)),
        (np.float32, (0, np.nan)),
    ],
)
def test_deep_greys_of_no_known_scale_are_refused(kind, values):
    """0..200 may be a dark picture of 16 bits or one of 8: nobody guesses."""
    with pytest.raises(ImageRejected, match=r"no known scale\. Scale"):
        pixels.load(Image.fromarray(np.array([values], kind)))


def test_a_closed_pillow_image_is_called_closed(tmp_path):
    """Closed before or after it was decoded, or its file closed under it."""
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene()))
    with Image.open(path) as lazy:
        pass
    loaded = scene()
    loaded.close()
    with path.open("rb") as file:
        pulled = Image.open(file)
    for image in (lazy, loaded, pulled):
        with pytest.raises(ImageRejected, match="is closed"):
            pixels.load(image)


def test_a_damaged_pillow_image_is_not_called_closed(tmp_path):
    """Half a file that is still open is damaged."""
    path = tmp_path / "half.jpg"
    path.write_bytes(encoded(scene(640, 480), "JPEG")[:900])
    with Image.open(path) as half, pytest.raises(ImageRejected, match="damaged"):
        pixels.load(half)


class LikeAnEdit:
    """Has a picture, as an Edit does."""

    image = scene()


def test_what_has_a_picture_is_answered_how_to_give_it():
    """An Edit is no picture; its image is, and it has an edit() of its own."""
    with pytest.raises(ImageRejected, match=r"Give its \.image, or call its edit\(\)"):
        pixels.load(LikeAnEdit())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize(
    "name", [b"a\x1b[31m\nb.png", b"caf\xe9.png", b"x" * 200 + b".png"], ids=ascii
)
def test_a_hostile_file_name_is_shown_on_one_plain_line(name):
    """No colour, line break or broken letter of a name reaches the terminal."""
    with open(name, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"no picture")
    for path in (os.fsdecode(name), os.fsdecode(b"none" + name)):
        with pytest.raises(ImageRejected) as caught:
            pixels.load(path)
        text = str(caught.value)
        assert text.isprintable()
        assert len(text.encode()) < 300


def test_names_that_lead_nowhere_are_refused(tmp_path, monkeypatch):
    """A home folder nobody has, and a working folder that was deleted."""
    with pytest.raises(ImageRejected, match="not a usable name"):
        pixels.load("~nobody-of-that-name/x.png")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ImageRejected, match="no longer exists"):
        pixels.load("x.png")


@given(st.binary(max_size=200))
def test_random_bytes_never_crash_the_door(data):
    """Whatever the bytes, the answer is a picture or an ImageRejected."""
    with pytest.raises(ImageRejected):
        pixels.load(b"\x89PNG\r\n\x1a\n" + data)


@given(st.data())
def test_a_damaged_picture_never_crashes_the_door(data):
    """Flip any byte of a real file: it loads, or is refused with the typed error."""
    whole = bytearray(
        encoded(scene(), data.draw(st.sampled_from(["PNG", "JPEG", "WEBP"])))
    )
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(
            st.integers(0, 255)
        )
    with contextlib.suppress(ImageRejected):
        assert pixels.load(bytes(whole)).image.mode in ("RGB", "RGBA")
