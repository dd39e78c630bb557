"""Pictures on disk, named by what they contain."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kontext_nb.errors import StoreError
from kontext_nb.model import echo

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z]+")


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of files whose names are the SHA-256 of their bytes.

    Args:
        root: Made with the first blob.
    """

    root: Path

    def put(self, data: bytes, suffix: str) -> str:
        """Keep ``data`` and return its name, ``<sha-256>.<suffix>``.

        Written aside, flushed to the disk, read back, then moved: a name that exists
        always has the bytes it promises, even after a power cut.

        Raises:
            StoreError: The disk did not take it.
        """
        name = hashlib.sha256(data).hexdigest() + suffix
        path = self.path(name)
        if self._holds(name):
            return name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".aside-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                _verify(Path(aside).read_bytes(), name)
                Path(aside).replace(path)
            except BaseException:
                Path(aside).unlink(missing_ok=True)
                raise
            for folder in (path.parent, path.parent.parent):
                _flush_folder(folder)
        except OSError as error:
            raise StoreError(
                f"The picture cannot be kept in {self.root}: {error.strerror}.",
                "Free some space, or choose another place with configure(home=…).",
            ) from error
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes of a blob.

        Raises:
            StoreError: It is missing or damaged.
        """
        try:
            data = self.path(name).read_bytes()
        except OSError as error:
            raise StoreError(
                f"The picture {name[:12]}… is missing from {self.root}.",
                "Restore the folder, or run the edit again with refresh=True.",
            ) from error
        _verify(data, name)
        return data

    def _holds(self, name: str) -> bool:
        """Return whether the blob is there and whole; a damaged one is replaced."""
        try:
            self.get(name)
        except StoreError:
            return False
        return True

    def path(self, name: str) -> Path:
        """Return where the blob of that name is kept.

        Raises:
            StoreError: It is no blob's name; a damaged row could lead anywhere.
        """
        if not _NAME.fullmatch(name):
            raise StoreError(
                f"{echo(name)} is no picture of the store.",
                "The ledger is damaged: restore it from a backup.",
            )
        return self.root / name[:2] / name[2:]


def _verify(data: bytes, name: str) -> None:
    if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
        raise StoreError(
            f"The picture {name[:12]}… is damaged on disk.",
            "Restore it from a backup, or run the edit again with refresh=True.",
        )


def _flush_folder(folder: Path) -> None:
    """Make a new name durable; systems that cannot flush a folder do it themselves."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
