"""The rows: every job that was ever meant to be sent, and the steps made of them.

Home folders are often NFS, so the journal is sqlite's rollback journal, never WAL; each
operation opens its own connection, so threads, forks and kernels share nothing else.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import FINAL, TABLE, Event, State, after
from kontext_nb.model import Job, Limits
from kontext_nb.store import rows, spending
from kontext_nb.store.spending import Spent

BUSY_TIMEOUT_S = 30.0

# What every kernel that waits for a job may see, and not only the one that sent it; and
# the answer that came when another had taken the sender for dead.
_SEEN_BY_ALL = frozenset(
    {Event.START, Event.FINISH, Event.FAIL, Event.CANCEL, Event.EXPIRE}
    | {Event.ACCEPT, Event.LOSE}
)

_STEP = """
    SELECT steps.id AS step, chain, parent, call, text_call,
        steps.created_at AS stepped_at, jobs.*
    FROM steps JOIN jobs ON jobs.id = steps.job
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One sqlite file.

    Args:
        path: Made with the first row.
    """

    path: Path

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
        with self._transaction() as db:
            # The fingerprint also finds a job whose seed was picked, not given.
            alike = db.execute(
                "SELECT * FROM jobs WHERE fingerprint = ? OR ask = ?"
                " ORDER BY state = 'done' DESC, created_at DESC",
                (step.job.ask, step.job.ask),
            )
            known = (rows.job(row) for row in alike)
            fitting = (j for j in known if j.state in adopt and j.id not in besides)
            step = replace(step, job=next(fitting, step.job))
            # In one place of a chain a job stands once, however often it is asked for.
            there = db.execute(
                _STEP + "WHERE job = ? AND chain = ? AND parent IS ?",
                (step.job.id, step.chain, step.parent),
            ).fetchone()
            if there:
                return rows.step(there)
            _insert(db, step.job)
            place = (step.id, step.chain, step.parent, step.job.id)
            db.execute(
                "INSERT INTO steps VALUES (?,?,?,?,?,?,?)",
                (*place, step.call, step.text_call, step.created_at),
            )
        return step

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
        if event is Event.RESUBMIT:
            facts["consents"] = (*job.consents, at)
        with self._transaction() as db:
            changed = _update(db, job, state=state, **facts)
        if not changed:
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
        with self._transaction() as db:
            spending.check(db, job, limits)
            changed = _update(db, job, state=after(job.state, Event.SEND), **claimed)
        if not changed:
            raise _working_elsewhere()
        return replace(job, state=State.SENDING, **claimed)

    def priced(self, job: Job, estimate_usd: float) -> Job:
        """Note what a job should cost by today's price, as long as it is not sent."""
        with self._transaction() as db:
            changed = _update(db, job, estimate_usd=estimate_usd)
        return replace(job, estimate_usd=estimate_usd) if changed else job

    def has_answer(self, ask: str) -> bool:
        """Tell whether a job for this ask is done."""
        query = "SELECT 1 FROM jobs WHERE (fingerprint = ? OR ask = ?) AND state = ?"
        return bool(self._rows(query, ask, ask, State.DONE))

    def spent(self) -> Spent:
        """Return what the paid jobs of this store cost so far, as far as is known."""
        found = self._rows(spending.SPENT, now_usd=None)
        return spending.read(found[0]) if found else Spent(0, 0.0, 0)

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
        found = self._rows("SELECT * FROM jobs WHERE id = ?", job_id)
        return rows.job(found[0]) if found else None

    def step_of_call(self, call: str, ask: str) -> Step | None:
        """Return the newest step that a call made for a request.

        Args:
            call: Its key; by the cell's code where there is no id.
            ask: Fingerprint of what it asks for.
        """
        found = self._rows(
            _STEP + "WHERE (call = ? OR text_call = ?) AND ask = ?"
            " ORDER BY stepped_at DESC, steps.rowid DESC",
            call,
            call,
            ask,
        )
        return rows.step(found[0]) if found else None

    def steps_of_job(self, job_id: str) -> tuple[Step, ...]:
        """Return the steps that show this job, oldest first."""
        found = self._rows(_STEP + "WHERE job = ? ORDER BY stepped_at", job_id)
        return tuple(rows.step(row) for row in found)

    def step_of_job(self, job_id: str) -> Step | None:
        """Return the first step that shows this job."""
        return next(iter(self.steps_of_job(job_id)), None)

    def chain(self, chain: str) -> tuple[Step, ...]:
        """Return a chain's steps, oldest first."""
        found = self._rows(
            _STEP + "WHERE chain = ? ORDER BY stepped_at, steps.rowid", chain
        )
        return tuple(rows.step(row) for row in found)

    def expected_s(self, provider: str, model: str) -> float | None:
        """Return the median seconds of the last 15 jobs from accepted to done."""
        found = self._rows(
            "SELECT finished_at - submitted_at AS took FROM jobs WHERE state = ? AND"
            " provider = ? AND model = ? ORDER BY finished_at DESC LIMIT 15",
            State.DONE,
            provider,
            model,
        )
        return statistics.median(row["took"] for row in found) if found else None

    def jobs(self, *states: State) -> tuple[Job, ...]:
        """Return the jobs in these states, or all, newest first."""
        marks = ",".join("?" * len(states or State))
        found = self._rows(
            f"SELECT * FROM jobs WHERE state IN ({marks})"  # noqa: S608 - only marks
            " ORDER BY created_at DESC, rowid DESC",
            *(states or State),
        )
        return tuple(rows.job(row) for row in found)

    @contextmanager
    def held(self) -> Iterator[tuple[Job, ...]]:
        """Give all jobs, and let nobody write a row until the block ends.

        Raises:
            StoreError: Somebody else writes for too long, or it cannot be written.
        """
        with self._transaction() as db:
            yield tuple(rows.job(row) for row in db.execute("SELECT * FROM jobs"))

    def job_of_request(self, request_id: str) -> Job | None:
        """Return the job that the service knows by this id."""
        found = self._rows("SELECT * FROM jobs WHERE request_id = ?", request_id)
        return rows.job(found[0]) if found else None

    def _rows(self, query: str, *values: Any, **named: Any) -> list[sqlite3.Row]:
        # Asking makes no file. Path.exists would raise where a folder is unreadable.
        if not os.path.exists(self.path):  # noqa: PTH110 - see above
            return []
        with self._connection() as db:
            return db.execute(query, named or values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as db:
            # A deferred transaction that reads first cannot wait for a writer.
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
            try:
                db.row_factory = sqlite3.Row
                _keep_rollback_journal(db)
                db.execute("PRAGMA synchronous = EXTRA")
                rows.migrate(db)
                yield db
            finally:
                # An open transaction is rolled back by closing.
                db.close()
        except (sqlite3.Error, OSError, UnicodeError) as error:  # the last: damage
            raise StoreError(
                f"The ledger {self.path} cannot be used: {error}.",
                "Check the disk and the file's permissions, or choose another place "
                "with configure(home=…).",
            ) from error


def _keep_rollback_journal(db: sqlite3.Connection) -> None:
    """Bring back a file that another program left in WAL, or refuse it.

    Raises:
        sqlite3.Error: It stays what it is.
    """
    mode: str = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise sqlite3.OperationalError(f"its journal stays {mode}")


def _working_elsewhere() -> StoreError:
    return StoreError(
        "Another kernel or program is working on the same edit.",
        "Wait for it, then re-run: its result will be here.",
    )


def _insert(db: sqlite3.Connection, job: Job) -> None:
    values = rows.columns(job)
    # Column names are fields of our own values, never data.
    db.execute(
        f"INSERT INTO jobs ({', '.join(values)})"  # noqa: S608 - see above
        f" VALUES ({', '.join('?' * len(values))}) ON CONFLICT (id) DO NOTHING",
        tuple(values.values()),
    )


def _update(db: sqlite3.Connection, job: Job, **facts: Any) -> bool:
    """Set columns of a job's row if it still stands where ``job`` stands."""
    values = {
        name: json.dumps(fact) if name in rows.JSON_COLUMNS else fact
        for name, fact in facts.items()
    }
    sets = ", ".join(f"{name} = ?" for name in values)
    changed = db.execute(
        f"UPDATE jobs SET {sets} WHERE id = ? AND state = ?",  # noqa: S608 - as above
        (*values.values(), job.id, job.state),
    )
    return changed.rowcount == 1
