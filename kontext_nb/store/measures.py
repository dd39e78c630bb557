"""How two kept pictures differ, worked out once: the numbers, and where they do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kontext_nb.store.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Measure:
    """What was measured of a pair of pictures.

    Args:
        numbers: What JSON can say, and besides infinity and what is not a number.
        mask: Blob of the map of the change.
    """

    numbers: Mapping[str, Any]
    mask: str


@dataclass(frozen=True, slots=True)
class Measures:
    """The measured pairs of a store, by the names of their blobs.

    They are derived: who loses them measures again, and pays nothing.

    Args:
        ledger: In whose file they are.
        version: Of the way they are measured; what another one measured is not told.
    """

    ledger: Lookup
    version: int

    def get(self, before: str, after: str) -> Measure | None:
        """Return what was measured of a pair; None if nothing, or if it is damaged."""
        found = self.ledger.found(
            tuple,
            "SELECT numbers, mask FROM measures"
            " WHERE before = ? AND after = ? AND version = ?",
            before,
            after,
            self.version,
        )
        with suppress(ValueError, TypeError, RecursionError):
            for numbers, mask in found:
                told = json.loads(numbers)
                return Measure(told, mask) if isinstance(told, dict) else None
        return None

    def put(self, before: str, after: str, measure: Measure) -> None:
        """Keep what was measured of a pair.

        Args:
            before: The one picture's blob.
            after: The other's.
            measure: Its mask is kept already.

        Raises:
            StoreError: The disk did not take it.
        """
        row = (before, after, self.version, json.dumps(dict(measure.numbers)))

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT OR REPLACE INTO measures VALUES (?, ?, ?, ?, ?)",
                (*row, measure.mask),
            )

        self.ledger.worked(work, write=True)
