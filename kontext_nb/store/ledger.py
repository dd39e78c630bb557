"""The rows: every job that was ever meant to be sent, and the steps made of them.

How the file is opened, and what if it is damaged, is told in `store.opening`.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import FINAL, TABLE, Event, State, after
from kontext_nb.model import Job, Limits
from kontext_nb.store import opening, rows, spending
from kontext_nb.store.records import Records
from kontext_nb.store.spending import Spent

T = TypeVar("T")

_STEPS_OF_JOB = rows.STEP + "WHERE job = ? ORDER BY stepped_at, steps.rowid"

# What every kernel that waits for a job may see, and not only the one that sent it; and
# the answer that came when another had taken the sender for dead.
_SEEN_BY_ALL = frozenset(
    {Event.START, Event.FINISH, Event.FAIL, Event.CANCEL, Event.EXPIRE}
    | {Event.ACCEPT, Event.LOSE}
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One sqlite file.

    Args:
        path: Made with the first row.
    """

    path: Path

    @property
    def records(self) -> Records:
        """What the ledger is rebuilt from, beside it."""
        return Records(self.path.parent / "records")

    def add(
        self,
        step: Step,
        *,
        adopt: Collection[State] = (),
        besides: Collection[str] = (),
    ) -> Step:
        """Write a step, and its job unless that has a row already.

        Args:
            step: What to write.
            adopt: Let the step show a job that is there for the same ask, if it is in
                one of these states; in the same transaction, so that two kernels that
                ask the same share one.
            besides: Ids of jobs that are not to be adopted.

        Returns:
            The step, with the job it shows.

        Raises:
            StoreError: It could not be written; nothing may be sent then.
        """

        def work(db: sqlite3.Connection) -> Step:
            # The fingerprint also finds a job whose seed was picked, not given.
            alike = db.execute(
                "SELECT * FROM jobs WHERE fingerprint = ? OR ask = ?"
                " ORDER BY state = 'done' DESC, created_at DESC",
                (step.job.ask, step.job.ask),
            )
            known = (rows.job(row) for row in alike)
            fitting = (j for j in known if j.state in adopt and j.id not in besides)
            shown = replace(step, job=next(fitting, step.job))
            # In one place of a chain a job stands once, however often it is asked for.
            there = db.execute(
                rows.STEP + "WHERE job = ? AND chain = ? AND parent IS ?",
                (shown.job.id, step.chain, step.parent),
            ).fetchone()
            if there:
                return rows.step(there)
            rows.insert(db, shown)
            if shown.job.sends:
                with suppress(StoreError):
                    self._recorded(db, shown.job.id)
            return shown

        return self._written(work)

    def record(self, job: Job, event: Event, at: float, **facts: Any) -> Job:
        """Write what happened to a job and return its new row.

        The row changes only if it still stands where ``job`` stands, so two kernels
        can never both claim a job for sending.

        Args:
            job: The row as the caller knows it.
            event: What happened.
            at: Unix seconds.
            **facts: Fields of `Job` to set: request_id, results, engine, error.

        Raises:
            StoreError: Someone else moved the job, or the disk did not take it.
        """
        state = after(job.state, event)
        if event is Event.ACCEPT:
            facts["submitted_at"] = at
        if state in FINAL:
            facts["finished_at"] = at
        if event is Event.WITHDRAW or (event, job.state) == (Event.FAIL, State.SENDING):
            facts["sends"] = job.sends - 1  # certain that it was not taken
        if event is Event.MISS:
            facts["finished_at"] = None
        if event is Event.RESUBMIT:
            facts["consents"] = (*job.consents, at)

        def work(db: sqlite3.Connection) -> bool:
            changed = rows.update(db, job, state=state, **facts)
            if changed and event is not Event.START:
                # What the service said must get into the row, record or not.
                with suppress(StoreError):
                    self._recorded(db, job.id)
            return changed

        if not self._written(work):
            return self._overtaken(job, event, at, facts)
        return replace(job, state=state, **facts)

    def claim(
        self, job: Job, at: float, *, owner: str, limits: Limits, **facts: Any
    ) -> Job:
        """Claim a job for its one paid request, within the user's limits.

        The limits are checked in the transaction that claims, over every paid job of
        the store: no number of kernels, and no crash, gets past them.

        Args:
            job: In INTENT.
            at: Unix seconds.
            owner: The claiming process; see `store.owner`.
            limits: Caps over all paid jobs of the store; a free one passes none.
            **facts: Columns to set besides.

        Raises:
            LimitReached: It would pass a limit; the job stays in INTENT.
            StoreError: Another kernel claimed it, or the disk did not take it.
        """
        claimed: dict[str, Any] = {
            "owner": owner,
            "claimed_at": at,
            "sends": job.sends + 1,
        } | facts

        recorded = False

        def work(db: sqlite3.Connection) -> bool:
            nonlocal recorded
            spending.check(db, job, limits)
            state = after(job.state, Event.SEND)
            changed = rows.update(db, job, state=state, **claimed)
            if changed:
                recorded = True
                self._recorded(db, job.id)
            return changed

        try:
            won = self._written(work)
        except BaseException:
            # It is not claimed, so it is not sent, and no record may say it is.
            if recorded:
                self.records.remove(job.id)
            raise
        if not won:
            raise _working_elsewhere()
        return replace(job, state=State.SENDING, **claimed)

    def mark(self, step: Step, **marks: Any) -> Step:
        """Set some of a step's marks; what another kernel set meanwhile stays.

        Args:
            step: A step of this ledger.
            **marks: Fields of `Marks`.

        Raises:
            ParameterRejected: A text is too long.
            StoreError: The disk did not take it.
        """

        def work(db: sqlite3.Connection) -> Step:
            marked = rows.mark(db, step, **marks)
            if step.job.sends:
                with suppress(StoreError):  # stars are not worth a refusal
                    self._recorded(db, step.job.id)
            return marked

        return self._written(work)

    def move(
        self,
        chains: Collection[str],
        moved: Callable[[Sequence[Step]], Iterable[Step]],
    ) -> None:
        """Let steps belong elsewhere, all of them or none.

        Args:
            chains: Ids of the chains they are in.
            moved: Given all steps of these, oldest first, deleted ones too; returns
                those that are to stand in another chain, place or call.

        Raises:
            StoreError: The disk did not take it; nothing was moved.
        """

        def work(db: sqlite3.Connection) -> None:
            marks = ",".join("?" * len(chains))
            query = f"WHERE chain IN ({marks}) ORDER BY stepped_at, steps.rowid"
            found = [rows.step(row) for row in db.execute(rows.STEP + query, [*chains])]
            jobs = set()
            for step in moved(found):
                rows.move(db, step)
                jobs.add(step.job.id)
            for job_id in jobs:
                with suppress(StoreError):
                    self._recorded(db, job_id)

        self._written(work)

    def priced(self, job: Job, estimate_usd: float) -> Job:
        """Note what a job should cost by today's price, as long as it is not sent."""
        changed = self._written(
            lambda db: rows.update(db, job, estimate_usd=estimate_usd)
        )
        return replace(job, estimate_usd=estimate_usd) if changed else job

    def has_answer(self, ask: str) -> bool:
        """Tell whether a job for this ask is done."""
        query = "SELECT 1 FROM jobs WHERE (fingerprint = ? OR ask = ?) AND state = ?"
        return bool(self._found(tuple, query, ask, ask, State.DONE))

    def spent(self) -> Spent:
        """Return what the paid jobs of this store cost so far, as far as is known."""
        found = self._found(spending.read, spending.SPENT, now_usd=None)
        return found[0] if found else Spent(0, 0.0, 0)

    def _overtaken(
        self, job: Job, event: Event, at: float, facts: dict[str, Any]
    ) -> Job:
        """Write down what two kernels saw that wait for the same job.

        What the other one wrote already stands; else it goes on from its row.
        """
        now = self.job(job.id)
        if now and event in _SEEN_BY_ALL:
            if now.state is after(job.state, event):
                return now
            if (now.state, event) in TABLE:
                return self.record(now, event, at, **facts)
        raise _working_elsewhere()

    def job(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        found = self._found(rows.job, "SELECT * FROM jobs WHERE id = ?", job_id)
        return found[0] if found else None

    def step_of_call(self, call: str, ask: str) -> Step | None:
        """Return the newest step that a call made for a request.

        Args:
            call: Its key; by the cell's code where there is no id.
            ask: Fingerprint of what it asks for.
        """
        found = self._found(
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
        return next(iter(self._found(rows.step, _STEPS_OF_JOB, job_id)), None)

    def chain(self, chain: str) -> tuple[Step, ...]:
        """Return a chain's steps, oldest first."""
        query = rows.STEP + "WHERE chain = ? ORDER BY stepped_at, steps.rowid"
        return tuple(self._found(rows.step, query, chain))

    def chains(self) -> tuple[tuple[Step, ...], ...]:
        """Return all chains as their steps, oldest first; the newest chain first."""
        query = rows.STEP + "ORDER BY stepped_at, steps.rowid"
        found: dict[str, list[Step]] = {}
        for step in self._found(rows.step, query):
            found.setdefault(step.chain, []).append(step)
        newest = sorted(found.values(), key=lambda steps: -steps[-1].created_at)
        return tuple(map(tuple, newest))

    def expected_s(self, provider: str, model: str) -> float | None:
        """Return the median seconds that the last 15 jobs took at the service."""
        took = self._found(
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
        found = self._found(
            rows.job,
            f"SELECT * FROM jobs WHERE state IN ({marks})"  # noqa: S608 - only marks
            " ORDER BY created_at DESC, rowid DESC",
            *(states or State),
        )
        return tuple(found)

    @contextmanager
    def held(self) -> Iterator[tuple[Job, ...]]:
        """Give all jobs, and let nobody write a row until the block ends.

        Raises:
            StoreError: Somebody else writes for too long, or it cannot be written.
        """
        with opening.opened(self.path, write=True) as db:
            yield tuple(rows.job(row) for row in db.execute("SELECT * FROM jobs"))

    def job_of_request(self, request_id: str) -> Job | None:
        """Return the job that the service knows by this id."""
        query = "SELECT * FROM jobs WHERE request_id = ?"
        found = self._found(rows.job, query, request_id)
        return found[0] if found else None

    def restored(self, job: Job) -> Job:
        """Return a job with the files its record names, and let its row name them.

        For when a file is missing that the row names: its name may be what is damaged,
        and nothing in the ledger could tell. The record has a checksum.
        """
        record = self.records.read(job.id)
        if not record or record[0].state is not job.state:
            return job
        told = record[0]
        files = {"results": told.results, "pictures": dict(told.pictures)}
        self._written(lambda db: rows.update(db, job, **files))
        return replace(job, results=told.results, pictures=told.pictures)

    def _found(
        self, make: Callable[[sqlite3.Row], T], query: str, *values: Any, **named: Any
    ) -> list[T]:
        """Return what a query finds, made into values."""

        def work(db: sqlite3.Connection) -> list[T]:
            return [make(row) for row in db.execute(query, named or values)]

        # Asking makes no file. Path.exists would raise where a folder is unreadable.
        if not any(map(os.path.exists, (self.path, self.records.root))):
            return []
        return opening.work_on(self.path, work, write=False)

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of ``work`` in one transaction, or nothing of it."""
        return opening.work_on(self.path, work, write=True)

    def _recorded(self, db: sqlite3.Connection, job_id: str) -> None:
        """Write the record of a job as its row stands in this transaction."""
        steps = [rows.step(row) for row in db.execute(_STEPS_OF_JOB, (job_id,))]
        if steps:
            self.records.write(steps[0].job, steps)


def _working_elsewhere() -> StoreError:
    return StoreError(
        "Another kernel or program is working on the same edit.",
        "Wait for it, then re-run: its result will be here.",
    )
