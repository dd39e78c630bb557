"""Small copies of the store's pictures: derived, disposable, made once.

A chain of fifty results is shown at every re-run; to decode each of them in full takes
seconds. What is here is named after the picture it shows, and may be deleted any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kontext_nb.store.blobs import Blobs
from kontext_nb.store.part import write_whole

_NAME = re.compile(r"([0-9a-f]{64}\.[a-z0-9]{1,5})-\d+\.jpg")
_START, _END = b"\xff\xd8", b"\xff\xd9"  # of a JPEG


@dataclass(frozen=True, slots=True)
class Previews:
    """A folder of JPEG files.

    Args:
        root: Made with the first of them.
    """

    root: Path

    def get(self, blob: str, longest_px: int, make: Callable[[], bytes]) -> bytes:
        """Return the preview of a blob; a store that takes none costs only time.

        Args:
            blob: The picture's name.
            longest_px: Of the preview's longer side.
            make: Makes the JPEG if it is not there, or not whole.
        """
        path = self.root / blob[:2] / f"{blob}-{longest_px}.jpg"
        with suppress(OSError):
            data = path.read_bytes()
            if data.startswith(_START) and data.endswith(_END):
                return data
        data = make()
        with suppress(OSError):
            write_whole(path, data)
        return data

    def of_nothing(self, blobs: Blobs) -> Iterator[Path]:
        """Go through the previews of pictures that are no longer there."""
        for path in self.root.glob("??/*.jpg"):
            named = _NAME.fullmatch(path.name)
            if named and not blobs.path(named[1]).exists():
                yield path
