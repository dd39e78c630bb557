"""A picture on its way from the browser: put together from its parts, and checked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kontext_nb.errors import ImageRejected
from kontext_nb.model import echo
from kontext_nb.pixels import MAX_FILE_BYTES

_AGAIN = "Open it again."
_NAME_CHARS = 120
_REMEMBERED = 64  # files that are over, of which something may still come


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came whole.

    Args:
        name: As the user knows it.
        data: Its bytes; nobody has looked yet whether they are a picture.
    """

    name: str
    data: bytes


@dataclass(slots=True)
class _Coming:
    """A file of which parts are here: by where they begin."""

    id: str
    name: str = "The picture"
    size: int | None = None  # until its start was heard
    parts: dict[int, bytes] = field(default_factory=dict)

    def start(self, name: object, size: object) -> None:
        """Take what it is called, and how long it is."""
        if isinstance(name, str):
            self.name = name[:_NAME_CHARS]
        if type(size) is not int or not 0 < size <= MAX_FILE_BYTES:
            raise ImageRejected(
                f"{echo(self.name)} is empty, or has over {MAX_FILE_BYTES >> 20} MiB.",
                "Give a PNG, JPEG or WebP picture of at most 40 megapixels.",
            )
        self.size = size

    def add(self, at: object, part: bytes) -> None:
        """Take a part."""
        if type(at) is not int or at < 0 or at in self.parts or not part:
            raise self._damaged()
        self.parts[at] = part
        if self._here > (self.size or MAX_FILE_BYTES):
            raise self._damaged()

    def whole(self) -> Upload | None:
        """Return the file, if all of it is here."""
        if self.size is None or self._here < self.size:
            return None
        end, parts = 0, sorted(self.parts.items())
        for at, part in parts:
            if at != end:
                raise self._damaged()
            end += len(part)
        if end != self.size:
            raise self._damaged()
        return Upload(self.name, b"".join(part for _, part in parts))

    @property
    def _here(self) -> int:
        return sum(map(len, self.parts.values()))

    def _damaged(self) -> ImageRejected:
        return ImageRejected(f"A part of {echo(self.name)} is missing.", _AGAIN)


def whole_file(name: str, data: bytes) -> Upload:
    """Return a file that came in one piece.

    Raises:
        ImageRejected: It is empty, or too large.
    """
    coming = _Coming("")
    coming.start(name, len(data))
    return Upload(coming.name, data)


class Uploads:
    """Takes the parts of one file after the other; a new one ends the old.

    What a browser sends is believed in nothing: not its size, not its order. A kernel
    may hear it on two threads, and what came later first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: _Coming | None = None
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)

    def take(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> Upload | None:
        """Take what the browser sent; return the file once it is whole.

        Raises:
            ImageRejected: It is too large, or its parts do not fit each other.
        """
        kind, id_ = message.get("kind"), message.get("id")
        if kind not in ("start", "part") or not isinstance(id_, str):
            return None
        with self._lock:
            if id_ in self._ended:
                return None
            coming = self._of(id_)
            try:
                if kind == "start":
                    coming.start(message.get("name"), message.get("size"))
                else:
                    part = bytes(buffers[0]) if buffers else b""
                    coming.add(message.get("at"), part)
                done = coming.whole()
            except ImageRejected:
                self._end()
                raise
            if done:
                self._end()
            return done

    def _of(self, id_: str) -> _Coming:
        """Return the file that is meant; another one is over."""
        if self._coming is None or self._coming.id != id_:
            self._end()
            self._coming = _Coming(id_)
        return self._coming

    def _end(self) -> None:
        if self._coming is not None:
            self._ended.append(self._coming.id)
        self._coming = None
