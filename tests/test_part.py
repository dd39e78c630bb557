"""What is being received is invisible until it is whole, and gone if it never is."""

import errno
import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.errors import StoreError
from kontext_nb.store import owner
from kontext_nb.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def files(blobs):
    return sorted(path for path in blobs.root.rglob("*") if path.is_file())


@given(pieces=st.lists(st.binary(max_size=50) | st.none(), max_size=8))
def test_pieces_add_up_to_one_blob(pieces, tmp_path_factory):
    """The blob is all that came since the last restart (None here)."""
    blobs = Blobs(tmp_path_factory.getbasetemp() / "pieces")
    expected = b""
    with blobs.part() as part:
        for piece in pieces:
            if piece is None:
                part.restart()
                expected = b""
            else:
                part.append(piece)
                expected += piece
            assert part.size == len(expected)
            with part.open() as file:
                assert file.read() == expected
        name = part.keep(".png")
    assert name == hashlib.sha256(expected).hexdigest() + ".png"
    assert blobs.get(name) == expected
    assert not part.path.exists()


def test_a_part_is_no_blob_until_it_is_kept(blobs):
    """Whoever looks for the finished file finds nothing, or all of it."""
    name = hashlib.sha256(b"pixels").hexdigest() + ".png"
    with blobs.part() as part:
        for letter in b"pixels":
            part.append(bytes([letter]))
            assert files(blobs) == [part.path]
            assert not blobs.path(name).exists()
        part.keep(".png")
    assert files(blobs) == [blobs.path(name)]


def test_a_part_names_its_process_and_is_private(blobs):
    """So that what a dead process left can be told from what is being written."""
    pid, start = owner.mine().split("|")[2:]
    with blobs.part() as one, blobs.part() as other:
        assert one.path.name.startswith(f".aside-{pid}-{start}-")
        assert one.path != other.path
        if os.name == "posix":
            assert one.path.stat().st_mode & 0o777 == 0o600


def test_a_hundred_failures_leave_nothing(blobs):
    """What is not kept is dropped, whatever ended it."""
    for _ in range(100):
        with pytest.raises(ConnectionError), blobs.part() as part:  # noqa: PT012
            part.append(b"half a pic")
            raise ConnectionError
    assert files(blobs) == []


def test_a_part_of_what_is_there_already_is_dropped(blobs):
    """The blob that stands stays as it is, and counts as just written."""
    name = blobs.put(b"pixels", ".png")
    before = blobs.path(name).stat()
    os.utime(blobs.path(name), (100, 100))
    with blobs.part() as part:
        part.append(b"pixels")
        assert part.keep(".png") == name
        assert files(blobs) == [blobs.path(name)]
    assert blobs.path(name).stat().st_ino == before.st_ino
    assert blobs.path(name).stat().st_mtime > 100


def test_a_part_mends_a_damaged_blob(blobs):
    """The same bytes received again take the place of the damaged ones."""
    name = blobs.put(b"pixels", ".png")
    blobs.path(name).write_bytes(b"pixelz")
    with blobs.part() as part:
        part.append(b"pixels")
        part.keep(".png")
    assert blobs.get(name) == b"pixels"


def test_what_changed_on_the_disk_is_not_kept(blobs):
    """The hash is of what arrived; the file is read back against it."""
    with blobs.part() as part:
        part.append(b"pixels")
        part.path.write_bytes(b"pixelz")
        with pytest.raises(StoreError, match="damaged"):
            part.keep(".png")
    assert files(blobs) == []


@pytest.mark.parametrize("suffix", ["", ".", "/../../x", ".PNG", ".p/g"])
def test_a_suffix_cannot_lead_elsewhere(blobs, suffix):
    """What is no blob's name is refused, and nothing stays."""
    with blobs.part() as part:
        part.append(b"pixels")
        with pytest.raises(StoreError, match="no picture"):
            part.keep(suffix)
    assert files(blobs) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from kontext_nb.errors import StoreError
from kontext_nb.store.blobs import Blobs

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with Blobs(Path(sys.argv[1])).part() as part:
        part.append(bytes(60_000))
        part.append(bytes(60_000))
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
def test_a_file_that_may_not_grow_is_told(blobs):
    """A piece of which only a part still fits is a typed error, and nothing stays."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, blobs.root],
        capture_output=True,
        text=True,
        check=True,
    )
    assert os.strerror(errno.EFBIG) in done.stdout
    assert files(blobs) == []
