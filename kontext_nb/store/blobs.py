"""Pictures on disk, named by what they contain."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kontext_nb.errors import StoreError
from kontext_nb.model import echo
from kontext_nb.store.part import REFETCH, Part, damaged, touch_whole

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,5}")


def name_of(data: bytes, suffix: str) -> str:
    """Return what a blob of these bytes is called, kept or not."""
    return hashlib.sha256(data).hexdigest() + suffix


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of files whose names are the SHA-256 of their bytes.

    Args:
        root: Made with the first blob.
    """

    root: Path

    def part(self) -> Part:
        """Return a file to receive a blob into, piece by piece.

        Raises:
            StoreError: The disk does not take it.
        """
        return Part(self.root, self.path)

    def put(self, data: bytes, suffix: str) -> str:
        """Keep ``data`` and return its name, ``<sha-256>.<suffix>``.

        What is there already is not written again, but counts as just written.

        Raises:
            StoreError: The disk did not take it.
        """
        name = name_of(data, suffix)
        if touch_whole(self.path(name), name):
            return name
        with self.part() as part:
            part.append(data)
            return part.keep(suffix)

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
                REFETCH,
            ) from error
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise damaged(name)
        return data

    def holds(self, name: str) -> bool:
        """Tell whether a blob is there, and whole."""
        try:
            self.get(name)
        except StoreError:
            return False
        return True

    def names(self) -> Iterator[str]:
        """Go through the names of the blobs that are there, whole or not."""
        for path in self.root.glob("??/*"):
            name = path.parent.name + path.name
            if _NAME.fullmatch(name):
                yield name

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
