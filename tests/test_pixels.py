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

from kontext_nb import pixels
from kontext_nb.errors import ImageRejected, ParameterRejected

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
    parcel = pixels.pack(pixels.load(data))
    assert b"CANARY" not in parcel.png
    assert parcel.size == (64, 48)
    assert parcel.notice is None


def test_a_large_picture_is_sent_smaller_and_says_so():
    """More than 6 MiB of PNG is scaled down, keeping its shape, with a notice."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    parcel = pixels.pack(pixels.load(noise))
    assert len(parcel.png) <= pixels.MAX_SENT_BYTES
    assert parcel.size[0] / parcel.size[1] == pytest.approx(4 / 3, abs=0.01)
    assert "instead of 2000x1500" in parcel.notice


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_saved_picture_carries_its_facts(tmp_path, suffix):
    """What made the picture can be read back from the file alone."""
    path = pixels.write(scene(), tmp_path / f"out{suffix}", '{"seed": 7}')
    with Image.open(path) as saved:
        found = saved.info.get("kontext_nb") or saved.getexif()[0x010E]
    assert found == '{"seed": 7}'
    assert [p.name for p in tmp_path.glob("*out*")] == [path.name]


def test_saving_elsewhere_is_refused(tmp_path):
    """An unknown suffix or folder is an error that lists what works."""
    with pytest.raises(ParameterRejected, match=r"\.png, \.jpg"):
        pixels.write(scene(), tmp_path / "out.tiff", "{}")
    with pytest.raises(ParameterRejected, match="no folder"):
        pixels.write(scene(), tmp_path / "none" / "out.png", "{}")


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
