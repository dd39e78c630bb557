"""The pictures that were opened by hand in one cell, so that a re-run shows them again.

A picture that code names is named again by a re-run. One that was dropped on the Editor
is known to nobody but the store: its bytes are kept as every source's are, and a small
file says which cell they belong to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kontext_nb import pixels
from kontext_nb.errors import ImageRejected, StoreError
from kontext_nb.pixels import Picture
from kontext_nb.session.desk import Desk
from kontext_nb.store.part import write_whole

MOST = 20  # a cell's list of pictures, oldest forgotten first; their edits stay
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture that was opened by hand.

    Args:
        name: As the user knows it.
        picture: Its pixels.
    """

    name: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures opened in one place.

    Args:
        desk: Where they are kept.
        key: Names the place, the same over re-runs; None where nobody knows: then
            nothing is remembered.
    """

    desk: Desk
    key: str | None

    def opened(self) -> tuple[Opened, ...]:
        """Return what was opened and is still there, the newest last."""
        return tuple(self._read())

    def add(self, opened: Opened) -> None:
        """Keep a picture, and remember that it was opened here.

        Raises:
            StoreError: The disk did not take it.
        """
        self.desk.make_home()
        picture = opened.picture
        blob = self.desk.blobs.put(picture.encoded, picture.suffix)
        if self.key is None:
            return
        kept = [[name, known] for name, known in self._names() if known != blob]
        listed = [*kept, [opened.name, blob]][-MOST:]
        try:
            write_whole(self._file, json.dumps(listed).encode())
        except OSError as error:
            raise StoreError(
                f"The list of pictures {self._file} cannot be written: "
                f"{error.strerror}.",
                "The picture is open all the same; a re-run will not show it.",
            ) from error

    @property
    def _file(self) -> Path:
        name = hashlib.sha256((self.key or "").encode()).hexdigest()[:32]
        return self.desk.home / "opened" / f"{name}.json"

    def _read(self) -> Iterator[Opened]:
        for name, blob in self._names():
            with contextlib.suppress(StoreError, ImageRejected):
                yield Opened(name, pixels.load(self.desk.blobs.get(blob)))

    def _names(self) -> list[tuple[str, str]]:
        """Return names and blobs; what cannot be read is no worse than nothing."""
        if self.key is None:
            return []
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            if self._file.stat().st_size <= _MOST_BYTES:
                found = json.loads(self._file.read_bytes())
                return [(name, blob) for name, blob in found if _is_text(name, blob)]
        return []


def _is_text(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)
