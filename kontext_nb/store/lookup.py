"""What can be asked of the ledger; asking makes no file and changes nothing."""

from __future__ import annotations

import os
import sqlite3
import statistics
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kontext_nb.chain import Step
from kontext_nb.lifecycle import State
from kontext_nb.model import Job
from kontext_nb.store import opening, patience, rows, spending
from kontext_nb.store.records import Records
from kontext_nb.store.spending import Spent

T = TypeVar("T")

# What a step shows, and what is known of it.
_KEPT = "SELECT job, keeping, kept FROM steps WHERE keeping <> '{}' OR kept <> '{}'"
_ROOT = """
    WITH RECURSIVE line (id, parent) AS (
        SELECT id, parent FROM steps WHERE id = ?
        UNION SELECT steps.id, steps.parent FROM steps JOIN line
        ON steps.id = line.parent
    )
"""
_MASKS = "SELECT DISTINCT mask FROM measures"
STEPS_OF_JOB = rows.STEP + "WHERE job = ? ORDER BY stepped_at, steps.rowid"


@dataclass(frozen=True, slots=True)
class Beside:
    """A blob that is needed beside those that a job names.

    Args:
        blob: Its name.
        job: Id of the job whose step shows it; "" for the map of a measured change.
        derived: Whether it is made again, free of charge, when it is missing.
    """

    blob: str
    job: str
    derived: bool


def blobs_of(job: Job) -> set[str]:
    """Return the names of the blobs that a job refers to."""
    return {n for n in (*job.pictures.values(), *job.results) if "://" not in n}


def beside(db: sqlite3.Connection) -> list[Beside]:
    """Return what is needed beside the jobs' own blobs."""
    found = [Beside(name, "", True) for (name,) in db.execute(_MASKS)]
    for row in db.execute(_KEPT):
        keeping, kept = rows.kept(row)
        of_step = [(keeping.mask, False), (keeping.source, False)]
        of_step += [(kept.picture, True), (kept.cut, True)]
        found += [Beside(name, row["job"], made) for name, made in of_step if name]
    return found


@dataclass(frozen=True, slots=True)
class Lookup:
    """One sqlite file.

    Args:
        path: Made with the first row.
        patience_s: Most seconds to wait for who holds it.
    """

    path: Path
    patience_s: float = patience.LOCK_S

    @property
    def records(self) -> Records:
        """What the ledger is rebuilt from, beside it."""
        return Records(self.path.parent / "records")

    def has_job(self, ask: str, states: Collection[State]) -> bool:
        """Tell whether there is a job for this ask in one of these states."""
        query = "SELECT state FROM jobs WHERE fingerprint = ? OR ask = ?"
        return any(state in states for (state,) in self.found(tuple, query, ask, ask))

    def spent(self) -> Spent:
        """Return what the paid jobs of this store cost so far, as far as is known."""
        found = self.found(spending.read, spending.SPENT, now_usd=None)
        return found[0] if found else Spent(0, 0.0, 0)

    def job(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        found = self.found(rows.job, "SELECT * FROM jobs WHERE id = ?", job_id)
        return found[0] if found else None

    def step_of_call(self, call: str, ask: str) -> Step | None:
        """Return the newest step that a call made for a request.

        Args:
            call: Its key; by the cell's code where there is no id.
            ask: Fingerprint of what it asks for.
        """
        found = self.found(
            rows.step,
            rows.STEP + "WHERE (call = ? OR text_call = ?) AND ask = ?"
            " ORDER BY stepped_at DESC, steps.rowid DESC",
            call,
            call,
            ask,
        )
        return found[0] if found else None

    def step_of_job(self, job_id: str) -> Step | None:
        """Return the first step that shows this job."""
        return next(iter(self.found(rows.step, STEPS_OF_JOB, job_id)), None)

    def chain(self, chain: str) -> tuple[Step, ...]:
        """Return a chain's steps, oldest first."""
        query = rows.STEP + "WHERE chain = ? ORDER BY stepped_at, steps.rowid"
        return tuple(self.found(rows.step, query, chain))

    def root(self, step_id: str) -> Step | None:
        """Return the first edit of the source from which a step descends."""
        query = "WHERE steps.id = (SELECT id FROM line WHERE parent IS NULL)"
        return next(
            iter(self.found(rows.step, _ROOT + rows.STEP + query, step_id)), None
        )

    def chains(self) -> tuple[tuple[Step, ...], ...]:
        """Return all chains as their steps, oldest first; the newest chain first."""
        query = rows.STEP + "ORDER BY stepped_at, steps.rowid"
        found: dict[str, list[Step]] = {}
        for step in self.found(rows.step, query):
            found.setdefault(step.chain, []).append(step)
        newest = sorted(found.values(), key=lambda steps: -steps[-1].created_at)
        return tuple(map(tuple, newest))

    def expected_s(self, provider: str, model: str) -> float | None:
        """Return the median seconds that the last 15 jobs took at the service."""
        took = self.found(
            lambda row: float(row["took_s"]),
            "SELECT took_s FROM jobs WHERE took_s IS NOT NULL AND"
            " provider = ? AND model = ? ORDER BY finished_at DESC LIMIT 15",
            provider,
            model,
        )
        return statistics.median(took) if took else None

    def jobs(self, *states: State) -> tuple[Job, ...]:
        """Return the jobs in these states, or all, newest first."""
        marks = ",".join("?" * len(states or State))
        found = self.found(
            rows.job,
            f"SELECT * FROM jobs WHERE state IN ({marks})"  # noqa: S608 - only marks
            " ORDER BY created_at DESC, rowid DESC",
            *(states or State),
        )
        return tuple(found)

    def job_of_request(self, request_id: str) -> Job | None:
        """Return the job that the service knows by this id."""
        query = "SELECT * FROM jobs WHERE request_id = ?"
        found = self.found(rows.job, query, request_id)
        return found[0] if found else None

    def beside(self) -> tuple[Beside, ...]:
        """Return the blobs that are needed beside those that jobs name."""
        if not self._is_there():
            return ()
        return tuple(self.worked(beside, write=False))

    def _is_there(self) -> bool:
        # Asking makes no file. Path.exists would raise where a folder is unreadable.
        return any(map(os.path.exists, (self.path, self.records.root)))

    def found(
        self, make: Callable[[sqlite3.Row], T], query: str, *values: Any, **named: Any
    ) -> list[T]:
        """Return what a query finds, made into values."""

        def work(db: sqlite3.Connection) -> list[T]:
            return [make(row) for row in db.execute(query, named or values)]

        if not self._is_there():
            return []
        return self.worked(work, write=False)

    def worked(self, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        """Do something with the file; see `opening.work_on`."""
        with patience.within(self.patience_s):
            return opening.work_on(self.path, work, write=write)
