"""A file on its way into the store: received aside, and named only once it is whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from kontext_nb.errors import StoreError
from kontext_nb.store import owner

ASIDE = ".aside-"


class Part:
    """What has arrived of a file; a context manager that drops what was not kept.

    Nobody who looks for the finished file can see it before it is whole. It belongs to
    one task at a time.

    Args:
        root: Folder of the blobs; made if it is not there.
        place: Where the blob of a name is kept.

    Raises:
        StoreError: The folder or the file cannot be made. Every method raises it, too,
            when the disk does not take or give the bytes.
    """

    def __init__(self, root: Path, place: Callable[[str], Path]) -> None:
        self._root = root
        self._place = place
        self._hash = hashlib.sha256()
        self.size = 0  # bytes
        with self._told():
            make(root)
            handle, self.path = aside(root)
            # Unbuffered: what a full disk refuses is told here, not when it is closed.
            self._file = os.fdopen(handle, "r+b", buffering=0)

    def __enter__(self) -> Self:
        """Receive in this block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop it, unless it was kept."""
        self.drop()

    def append(self, data: bytes) -> None:
        """Add what arrived."""
        with self._told():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Forget what arrived: the sender began again."""
        with self._told():
            self._file.seek(0)
            self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    def open(self) -> BinaryIO:
        """Open what arrived so far, to be read."""
        with self._told():
            return self.path.open("rb")

    def keep(self, suffix: str) -> str:
        """Make it a blob and return its name, ``<sha-256>.<suffix>``.

        Flushed to the disk, read back, then moved: a name that exists always has the
        bytes it promises, even after a power cut.
        """
        name = self._hash.hexdigest() + suffix
        path = self._place(name)
        with self._told():
            if touch_whole(path, name):
                self.drop()
                return name
            os.fsync(self._file.fileno())
            check(self.path, name)
            self._file.close()  # Windows moves no open file
            settle(self.path, path)
        return name

    def drop(self) -> None:
        """Leave nothing of it; after `keep`, do nothing."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"The picture cannot be kept in {self._root}: {error.strerror}.",
                "Free some space, or choose another place with configure(home=…).",
            ) from error


def make(folder: Path) -> None:
    """Make a folder whose name outlives a power cut, unless it is there."""
    if folder.is_dir():
        return
    missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        flush(made.parent)


def aside(folder: Path) -> tuple[int, Path]:
    """Make an empty file that names its process, and return its handle and path.

    Only the user may read it, as everything in the store.
    """
    pid, start = owner.mine().split("|")[2:]
    handle, path = tempfile.mkstemp(dir=folder, prefix=f"{ASIDE}{pid}-{start}-")
    return handle, Path(path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name has all the bytes, or what it had before.

    Raises:
        OSError: The disk did not take it.
    """
    make(path.parent)
    handle, written = aside(path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        settle(written, path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def settle(written: Path, path: Path) -> None:
    """Move a flushed file to its name, so that the name outlives a power cut."""
    make(path.parent)
    written.replace(path)
    flush(path.parent)
    flush(path.parent.parent)  # another writer may have made the folder just now


def check(path: Path, name: str) -> None:
    """Read a file through.

    Raises:
        OSError: It cannot be read.
        StoreError: Its bytes are not those that the blob's name promises.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != name.partition(".")[0]:
        raise damaged(name)


def touch_whole(path: Path, name: str) -> bool:
    """Tell whether the blob is there and whole, and make it count as just written.

    It may be an old one that no job refers to, and about to be swept: whoever finds it
    here is about to refer to it.
    """
    try:
        check(path, name)
        os.utime(path)  # by its name: it fails if it was swept while it was read
        # Whoever moved it here may not have come to this yet.
        flush(path.parent)
        flush(path.parent.parent)
    except (OSError, StoreError):
        return False
    return True


REFETCH = (
    "Run its edit again: while the service has it, it is fetched again for nothing. Or "
    "restore it from a backup."
)


def damaged(name: str) -> StoreError:
    """Return the error that says that a blob's bytes are not what they were."""
    return StoreError(
        f"The picture {name[:12]}… is damaged on disk.",
        REFETCH,
    )


def flush(path: Path) -> None:
    """Make the names in a folder durable, or the bytes of a file.

    Systems that cannot flush a folder do it themselves.
    """
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
