"""The door for pictures, knocked at by thousands of damaged ones and every format."""

import contextlib
import io
import json
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile, features

from kontext_nb import parcel, pixels
from kontext_nb.errors import ImageRejected
from tests import fuzzing

DEADLINE_S = 170
MOST_KIB = 700 * 1024


def knocked(count, deadline_s=DEADLINE_S):
    """Feed a fresh process and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", str(count)],
        capture_output=True,
        text=True,
        check=True,
        timeout=deadline_s,
        cwd=fuzzing.__file__.rpartition("tests")[0],
    )
    assert done.stderr == "", "something warned"
    return json.loads(done.stdout)


def test_20_000_damaged_pictures_are_taken_or_refused():
    """Nothing else comes of them: no other error, no warning, no memory that stays."""
    if not fuzzing.STATUS.exists():
        pytest.skip("only Linux tells the memory of a process by itself")
    told = knocked(20_000)
    assert told["faults"] == []
    assert told["taken"] > 1000
    assert told["refused"] > 1000
    assert told["bombs refused"] > 5
    assert told["grown_kib"] < MOST_KIB


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_200_000_damaged_pictures_are_taken_or_refused():
    """The same ten times over."""
    if not fuzzing.STATUS.exists():
        pytest.skip("only Linux tells the memory of a process by itself")
    told = knocked(200_000, deadline_s=1700)
    assert told["faults"] == []
    assert told["grown_kib"] < MOST_KIB


EXIF = b"Exif\0\0II*\0\x08\0\0\0" + bytes(6)
RESULTS = {
    "PNG": fuzzing.saved("PNG"),
    "JPEG": fuzzing.saved("JPEG"),
    # The end of the small picture is no end of the large one.
    "JPEG with a thumbnail": fuzzing.saved("JPEG", exif=EXIF + fuzzing.saved("JPEG")),
    "JPEG in steps": fuzzing.saved("JPEG", progressive=True),
    "WebP": fuzzing.saved("WEBP"),
    "WebP without loss": fuzzing.saved("WEBP", lossless=True),
}


def passes(data):
    """Tell whether a result is taken for a whole one."""
    try:
        pixels.check_whole(io.BytesIO(data), "It")
    except ImageRejected:
        return False
    return True


@pytest.mark.parametrize("name", RESULTS)
def test_no_beginning_of_a_result_passes_for_it(name):
    """Wherever it is cut, also where a decoder would forgive it."""
    whole = RESULTS[name]
    assert passes(whole + b"and more")
    ends = {*range(0, len(whole), 5), *range(len(whole) - 40, len(whole))}
    assert [end for end in ends if passes(whole[:end])] == []


def test_no_flipped_bit_of_a_png_passes():
    """Its own sums are held against it, which no decoder does for all of it."""
    whole, passed = RESULTS["PNG"], []
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        passed += [at] if passes(bytes(damaged)) else []
    assert passed == []


def leaky(_name):
    """Stand for the door's guard, and let through what it forgets."""

    @contextlib.contextmanager
    def guard():
        try:
            yield
        except (SyntaxError, ValueError, EOFError) as error:
            raise ImageRejected(str(type(error)), "") from error

    return guard()


def test_an_error_that_is_let_through_is_found(monkeypatch):
    """The harness has teeth: a guard that forgets OSError is found out."""
    monkeypatch.setattr(pixels, "_pillow_speaks_for", leaky)
    found, _ = fuzzing.faults(fuzzing.mutants(200))
    assert any("OSError" in fault for fault in found)


def test_a_changed_process_is_found(monkeypatch):
    """The harness has teeth: a door that relaxes Pillow for everybody is found out."""

    @contextlib.contextmanager
    def lenient(_name):
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        with contextlib.suppress(Exception):
            yield
        raise ImageRejected("x", "y")

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    monkeypatch.setattr(pixels, "_pillow_speaks_for", lenient)
    found, _ = fuzzing.faults(fuzzing.mutants(3))
    assert "changed the process" in found[0]


def test_threads_leave_the_warning_filters_as_they_were():
    """However their decoding overlaps, what the process warns of stays the same."""
    before = list(warnings.filters)
    inside, leave = threading.Barrier(3), [threading.Event(), threading.Event()]

    def read(my_turn):
        with pixels._pillow_speaks_for("x"):
            inside.wait(10)
            my_turn.wait(10)

    threads = [threading.Thread(target=read, args=(turn,)) for turn in leave]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert list(warnings.filters) != before
    for thread, turn in zip(threads, leave, strict=True):  # the first in leaves first
        turn.set()
        thread.join(10)
    assert list(warnings.filters) == before


def zoo():
    """Yield a file of every format that Pillow can write, in the modes it takes."""
    Image.init()
    for kind in sorted(Image.SAVE):
        for mode in ("RGB", "L", "1", "P", "F", "RGBA"):
            with contextlib.suppress(Exception):  # not this mode, or no writer here
                yield kind, fuzzing.saved(kind, mode)
                break


UNWRITTEN = {
    "PSD": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x10\0\0\0\x10\0\x08\0\3" + bytes(64),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(64),
    "GRIB": b"GRIB\0\0\0\1" + bytes(64),
    "BUFR": b"BUFR" + bytes(64),
    "FLI": b"\x80\0\0\0\x11\xaf\1\0\x10\0\x10\0\x08\0\3\0" + bytes(112),
    "FITS": b"SIMPLE  =                    T".ljust(80) + b"END".ljust(80),
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(64),
    "XPM": b'/* XPM */ static char *x[] = {"1 1 1 1", "a c #000000", "a"};',
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage",
    "PDF": b"%PDF-1.4\n%%EOF",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
    "SUN": b"\x59\xa6\x6a\x95" + bytes(64),
    "DCX": b"\xb1\x68\xde\x3a" + bytes(64),
    "CUR": b"\0\0\2\0\1\0" + bytes(64),
    "PIXAR": b"\x80\xe8\0\0" + bytes(1024),
    "MPEG": b"\0\0\1\xb3\1\0\x10" + bytes(64),
    "FTEX": b"FTEX" + bytes(64),
    "HTML": b"<!DOCTYPE html><title>Sign in</title>",
    "JSON": b'{"error_code": 400001}',
}
TAKEN = {"PNG", "JPEG", "WEBP", "MPO"}


def test_of_all_formats_only_three_come_in():
    """PNG, JPEG (also as a phone's MPO) and WebP; no other reader is even asked."""
    animals = dict(zoo()) | UNWRITTEN
    assert len(animals) > 40
    assert animals.keys() >= TAKEN
    came_in = set()
    for kind, data in animals.items():
        with contextlib.suppress(ImageRejected):
            pixels.load(data)
            came_in.add(kind)
    assert came_in == TAKEN


def test_a_renamed_file_is_known_by_its_bytes(tmp_path):
    """A GIF called .png is a GIF, and a PNG called .gif is a PNG."""
    (tmp_path / "a.png").write_bytes(fuzzing.saved("GIF", "P"))
    (tmp_path / "a.gif").write_bytes(fuzzing.saved("PNG"))
    with pytest.raises(ImageRejected, match="not a PNG"):
        pixels.load(tmp_path / "a.png")
    assert pixels.load(tmp_path / "a.gif").suffix == ".png"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind):
    """Which of its frames is meant, nobody guesses."""
    frames = [fuzzing.scene(), fuzzing.scene().rotate(180)]
    data = fuzzing.saved(kind, save_all=True, append_images=frames)
    with pytest.raises(ImageRejected, match="is animated"):
        pixels.load(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_tail_is_not_sent(kind):
    """What stands behind the picture (a script, a zip) stays behind."""
    data = fuzzing.saved(kind) + b"<script>CANARY()</script>PK\3\4CANARY"
    assert b"CANARY" not in parcel.pack(pixels.load(data)).png


@pytest.mark.parametrize("orientation", [0, 9, 255, 65_535])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    """Only 1 to 8 mean anything."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = pixels.load(fuzzing.saved("PNG", exif=exif)).image
    assert np.array_equal(np.asarray(loaded), np.asarray(fuzzing.scene()))


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1)])
def test_a_picture_may_be_narrow_but_not_endless(size):
    """A column of 40 megapixels costs gigabytes in pointers alone."""
    image = Image.new("L", size)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    for given in (image, buffer.getvalue(), np.asarray(image)):
        with pytest.raises(ImageRejected, match="more than 65535 on a side"):
            pixels.load(given)
    assert pixels.load(image.crop((0, 0, min(size[0], 65_535), min(size[1], 65_535))))


@pytest.mark.skipif(not features.check("jpg"), reason="Pillow was built without JPEG")
def test_a_jpeg_of_inks_without_a_profile_comes_in_rgb():
    """CMYK from a printer's file is shown as Pillow reads it, not refused."""
    loaded = pixels.load(fuzzing.saved("JPEG", "CMYK")).image
    assert loaded.mode == "RGB"
    difference = np.asarray(loaded).astype(int) - np.asarray(fuzzing.scene())
    assert abs(difference).mean() < 60
