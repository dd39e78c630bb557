"""Looking after the store that the settings name."""

from __future__ import annotations

import time
from pathlib import Path

from kontext_nb.session import models
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from kontext_nb.store import upkeep
from kontext_nb.store.upkeep import Leftover, Verified


def place() -> Path:
    """Return the store's folder, whether or not it is there yet."""
    return Desk(current()).home


def verify() -> Verified:
    """Read every picture of the store through.

    Raises:
        StoreError: The ledger cannot be read.
    """
    desk = Desk(current())
    return upkeep.verify(desk.blobs, desk.ledger)


def gc(*, delete: bool) -> tuple[Leftover, ...]:
    """Find, or delete, the store's files that no edit needs (see `store.upkeep`).

    Raises:
        StoreError: The ledger cannot be read, or a file cannot be deleted.
    """
    desk, now = Desk(current()), time.time()
    unneeded = upkeep.gc(
        desk.blobs,
        desk.ledger,
        desk.ledger.records,
        besides=(models.folder(desk.settings),),
        now=now,
        delete=delete,
    )
    previews = upkeep.gc_previews(desk.previews, desk.blobs, now=now, delete=delete)
    return (*unneeded, *previews)
