"""A name that exists always has the bytes it promises."""

import hashlib
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.errors import StoreError
from kontext_nb.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def files(blobs):
    return sorted(path for path in blobs.root.rglob("*") if path.is_file())


@given(data=st.binary(max_size=200))
def test_what_is_put_can_be_got(data, tmp_path_factory):
    """The name is the digest of the bytes, and the bytes come back."""
    blobs = Blobs(tmp_path_factory.getbasetemp() / "law")
    name = blobs.put(data, ".png")
    assert name == hashlib.sha256(data).hexdigest() + ".png"
    assert blobs.get(name) == data


def test_the_same_bytes_are_kept_once(blobs):
    """A second put of the same bytes writes nothing, but makes them count as new."""
    name = blobs.put(b"pixels", ".png")
    before = blobs.path(name).stat()
    os.utime(blobs.path(name), (100, 100))
    assert blobs.put(b"pixels", ".png") == name
    after = blobs.path(name).stat()
    assert after.st_ino == before.st_ino
    assert after.st_mtime >= before.st_mtime
    assert files(blobs) == [blobs.path(name)]


@pytest.mark.parametrize("damage", [b"", b"pixel", b"pixels and a tail", b"pixelz"])
def test_a_damaged_blob_is_told_and_can_be_put_again(blobs, damage):
    """Damage is found when it is read, and the same picture put again mends it."""
    name = blobs.put(b"pixels", ".png")
    blobs.path(name).write_bytes(damage)
    with pytest.raises(StoreError, match="damaged"):
        blobs.get(name)
    assert blobs.put(b"pixels", ".png") == name
    assert blobs.get(name) == b"pixels"


@pytest.mark.parametrize("name", ["", "ab", "..//etc/passwd", "0" * 64 + ".png"])
def test_a_missing_blob_is_told(blobs, name):
    """A name nothing was put under is a typed error."""
    with pytest.raises(StoreError, match=r"missing|no picture"):
        blobs.get(name)


def test_a_write_that_fails_leaves_nothing(blobs, monkeypatch):
    """A full disk is a typed error with its reason, and no half file stays."""

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(100):
        with pytest.raises(StoreError, match="No space left"):
            blobs.put(b"pixels", ".png")
    assert files(blobs) == []


def test_what_the_disk_changed_is_not_kept(blobs, monkeypatch):
    """The bytes are read back before the name appears."""

    def damaging(handle):
        os.pwrite(handle, b"?", 2)

    blobs.root.mkdir()
    monkeypatch.setattr(os, "fsync", damaging)
    with pytest.raises(StoreError, match="damaged"):
        blobs.put(b"pixels", ".png")
    assert files(blobs) == []


def test_the_name_appears_only_with_all_bytes_on_disk(blobs, monkeypatch):
    """The bytes are flushed under another name, and moved when they are safe."""
    blobs.root.mkdir()
    digest = hashlib.sha256(b"pixels").hexdigest()
    blobs.path(digest + ".png").parent.mkdir()
    seen = []
    real = os.fsync

    def watched(handle):
        seen.append([path.name[:7] for path in files(blobs)])
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    blobs.put(b"pixels", ".png")
    assert seen[0] == [".aside-"]
    assert len(seen) == 3  # the file, and the two folders its name is in


def test_what_is_found_there_is_made_durable_too(blobs, monkeypatch):
    """Another writer may have moved it a moment ago, and not flushed its name yet."""
    name = blobs.put(b"pixels", ".png")
    flushed = set()
    real = os.fsync

    def watched(handle):
        flushed.add(os.fstat(handle).st_ino)
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    blobs.put(b"pixels", ".png")
    folder = blobs.path(name).parent
    assert flushed == {folder.stat().st_ino, blobs.root.stat().st_ino}


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """A store below a file is a typed error."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        Blobs(tmp_path / "file" / "blobs").put(b"pixels", ".png")


def test_two_writers_of_the_same_bytes_agree(blobs):
    """Threads that put the same picture at once all get it."""
    names = []
    data = os.urandom(100_000)
    threads = [
        threading.Thread(target=lambda: names.append(blobs.put(data, ".png")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 8
    assert files(blobs) == [blobs.path(names[0])]
    assert blobs.get(names[0]) == data
