"""A file beside the ledger for each job: what a ledger that is lost is rebuilt from.

The ledger writes it before it commits the row, and sends nothing without it. So what a
record says is never behind on whether the job may have been sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.model import Job
from kontext_nb.store import rows
from kontext_nb.store.part import make, write_whole
from kontext_nb.store.place import file_of

VERSION = 1  # of what a record holds; one of a newer version is not read


@dataclass(frozen=True, slots=True)
class Records:
    """A folder of one small JSON file per job.

    Args:
        root: Made with the first record.
    """

    root: Path

    def write(self, job: Job, steps: Iterable[Step]) -> None:
        """Write a job and its steps down, in the place of what was written before.

        Raises:
            StoreError: The disk did not take it; the older record stands.
        """
        facts = {
            "version": VERSION,
            "job": rows.columns(job),
            "steps": [rows.step_columns(step) for step in steps],
        }
        data = json.dumps(facts | {"sha256": _digest(facts)}, indent=1).encode()
        path = self._path(job.id)
        try:
            make(self.root)
            write_whole(path, data)
        except OSError as error:
            raise StoreError(
                f"The record of a job cannot be kept in {self.root}: {error.strerror}.",
                "Free some space, or choose another place with configure(home=…).",
            ) from error

    def read_all(
        self, skipped: list[Path] | None = None
    ) -> Iterator[tuple[Job, tuple[Step, ...]]]:
        """Go through all the jobs and their steps, in no particular order.

        Args:
            skipped: Gets the files that are damaged, or of a newer version.

        Raises:
            StoreError: The folder is there but cannot be read.
        """
        for path in self.files():
            record = _read(path)
            if record:
                yield record
            elif skipped is not None:
                skipped.append(path)

    def read(self, job_id: str) -> tuple[Job, tuple[Step, ...]] | None:
        """Return a job and its steps; None if there is no record that can be read."""
        return _read(self._path(job_id))

    def remove(self, job_id: str) -> None:
        """Remove the record of a job that was not sent after all."""
        with suppress(OSError):
            self._path(job_id).unlink()

    def _path(self, job_id: str) -> Path:
        return file_of(self.root / job_id[:2], job_id, ".json")

    def files(self) -> list[Path]:
        """Return the files, each named by its job's id.

        Raises:
            StoreError: The folder is there but cannot be read.
        """
        # glob would pass over a folder that cannot be read, and jobs would be missing.
        try:
            if not self.root.exists():
                return []
            folders = [path for path in self.root.iterdir() if path.is_dir()]
            files = [path for folder in folders for path in folder.iterdir()]
        except OSError as error:
            raise StoreError(
                f"The records in {self.root} cannot be read: {error.strerror}.",
                "Check the folder's permissions.",
            ) from error
        return sorted(path for path in files if path.suffix == ".json")


def _read(path: Path) -> tuple[Job, tuple[Step, ...]] | None:
    """Return what a file holds; None if it is damaged or newer."""
    try:
        facts = json.loads(path.read_bytes())
        written = facts.pop("sha256")
        if facts["version"] != VERSION or _digest(facts) != written:
            return None
        # A column may be younger than the record.
        kept = dict.fromkeys(rows.PLAIN) | facts["job"]
        younger = {"marks": "{}", "place": None, "keeping": "{}", "kept": "{}"}
        steps = (kept | younger | step for step in facts["steps"])
        return rows.job(kept), tuple(map(rows.step, steps))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # no file, no JSON, or not of the shape that is written here
    except (RecursionError, StoreError):
        return None


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
