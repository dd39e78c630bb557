"""A picture on its way from the browser: put together from its parts, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kontext_nb.errors import ImageRejected
from kontext_nb.model import echo
from kontext_nb.pixels import MAX_FILE_BYTES

_AGAIN = "Open it again."
_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came whole.

    Args:
        name: As the user knows it.
        data: Its bytes; nobody has looked yet whether they are a picture.
    """

    name: str
    data: bytes


class Uploads:
    """Takes the parts of one file after the other; a new one ends the old.

    What a browser sends is believed in nothing: not its size, not its order.
    """

    def __init__(self) -> None:
        self._id: object = None
        self._name, self._size, self._data = "", 0, bytearray()

    def take(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> Upload | None:
        """Take what the browser sent; return the file once it is whole.

        Raises:
            ImageRejected: It is too large, or its parts do not fit each other.
        """
        if message.get("kind") == "start":
            self._start(message)
            return None
        if message.get("kind") != "part" or message.get("id") != self._id:
            return None  # of a file that another one took the place of
        part = buffers[0] if buffers else b""
        whole = len(self._data) + len(part)
        if message.get("at") != len(self._data) or not part or whole > self._size:
            self._id = None
            raise ImageRejected(f"A part of {echo(self._name)} is missing.", _AGAIN)
        self._data += part
        if whole < self._size:
            return None
        done = Upload(self._name, bytes(self._data))
        self._id, self._data = None, bytearray()
        return done

    def _start(self, message: Mapping[str, Any]) -> None:
        name, size = message.get("name"), message.get("size")
        self._name = name[:_NAME_CHARS] if isinstance(name, str) else "The picture"
        self._data = bytearray()
        if type(size) is not int or not 0 < size <= MAX_FILE_BYTES:
            self._id = None
            raise ImageRejected(
                f"{echo(self._name)} is empty, or has over {MAX_FILE_BYTES >> 20} MiB.",
                "Give a PNG, JPEG or WebP picture of at most 40 megapixels.",
            )
        self._id, self._size = message.get("id"), size
