"""The pictures an Editor has open, each with a chain of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontext_nb import pixels
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.album import Album, Opened
from kontext_nb.session.asking import open_chain
from kontext_nb.session.desk import Desk
from kontext_nb.session.edits import Chain
from kontext_nb.session.starters import NAMES, sample

FIRST = "Source"


@dataclass(frozen=True, slots=True)
class Place:
    """One picture and its chain.

    Args:
        name: What the picture is called.
        chain: Its edits in this cell.
    """

    name: str
    chain: Chain


class Workplace:
    """Opens pictures for one cell, and remembers those that no code names.

    Args:
        source: The picture that code gives; None for none.
        name: Of the chain; None for the cell's own.

    Raises:
        ImageRejected: It is no usable picture.
        ParameterRejected: The name cannot be used.
    """

    def __init__(self, source: Any, name: str | None) -> None:
        # In a callback nobody knows any more which cell this is.
        self._cell = cells.here(name)
        key = self._cell.key if self._cell else None
        self._album = Album(Desk(settings.current()), key)
        given = [] if source is None else [self._place(source, _called(source))]
        self._given = bool(given)
        kept = [self._place(o.picture, o.name) for o in self._album.opened()]
        ids = {place.chain.id for place in given}
        self.places: tuple[Place, ...] = (
            *given,
            *(place for place in kept if place.chain.id not in ids),
        )

    @property
    def first(self) -> Place | None:
        """The place to begin with: the given picture's, or the one opened last."""
        if not self.places:
            return None
        return self.places[0 if self._given else -1]

    def add(self, name: str, data: bytes) -> Place:
        """Open a picture that came from the browser.

        Raises:
            ImageRejected: It is none that can be used.
            StoreError: It cannot be kept.
        """
        return self._add(Opened(name, pixels.load(data)))

    def add_sample(self, name: str) -> Place:
        """Open one of the samples."""
        if name not in NAMES:
            raise KeyError(name)
        return self._add(Opened(name, sample(name)))

    def _add(self, opened: Opened) -> Place:
        place = self._place(opened.picture, opened.name)
        self._album.add(opened)
        known = {one.chain.id: one for one in self.places}
        if place.chain.id in known:
            return known[place.chain.id]
        self.places = (*self.places, place)
        return place

    def _place(self, source: Any, name: str) -> Place:
        return Place(name, open_chain(source, cell=self._cell))


def _called(source: Any) -> str:
    """Return what to call a picture that code gives."""
    named = isinstance(source, str | os.PathLike) and not str(source).startswith("http")
    return Path(source).name if named else FIRST
