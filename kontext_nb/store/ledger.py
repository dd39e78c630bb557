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
from kontext_nb.model import EditRequest, Job

BUSY_TIMEOUT_S = 30.0

# Append only: a store is brought up to date by the scripts it has not yet seen.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        prompt TEXT NOT NULL,
        seed INTEGER NOT NULL,
        aspect_ratio TEXT,
        source TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        ask TEXT NOT NULL,
        source_blob TEXT NOT NULL,
        request_id TEXT,
        result_blob TEXT,
        engine TEXT,
        notices TEXT NOT NULL,
        error TEXT,
        created_at REAL NOT NULL,
        submitted_at REAL,
        finished_at REAL
    ) STRICT;
    CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
    CREATE INDEX jobs_by_ask ON jobs (ask);
    CREATE TABLE steps (
        id TEXT PRIMARY KEY,
        chain TEXT NOT NULL,
        parent TEXT REFERENCES steps (id),
        job TEXT NOT NULL REFERENCES jobs (id),
        call TEXT,
        text_call TEXT,
        created_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX steps_by_chain ON steps (chain);
    CREATE INDEX steps_by_call ON steps (call);
    CREATE INDEX steps_by_text_call ON steps (text_call);
    """,
)

# What every kernel that waits for a job may see, and not only the one that sent it.
_SEEN_BY_ALL = frozenset(
    {Event.START, Event.FINISH, Event.FAIL, Event.CANCEL, Event.EXPIRE}
)

_INSERT_JOB = """
    INSERT INTO jobs (id, state, provider, model, prompt, seed, aspect_ratio, source,
        fingerprint, ask, source_blob, notices, created_at)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING
"""

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
            found = (_job(row) for row in alike)
            fitting = (j for j in found if j.state in adopt and j.id not in besides)
            step = replace(step, job=next(fitting, step.job))
            # In one place of a chain a job stands once, however often it is asked for.
            there = db.execute(
                _STEP + "WHERE job = ? AND chain = ? AND parent IS ?",
                (step.job.id, step.chain, step.parent),
            ).fetchone()
            if there:
                return _step(there)
            db.execute(_INSERT_JOB, _job_values(step.job))
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
            **facts: Columns to set: request_id, result_blob, engine, notices, error.

        Raises:
            StoreError: Someone else moved the job, or the disk did not take it.
        """
        state = after(job.state, event)
        if event is Event.ACCEPT:
            facts["submitted_at"] = at
        if state in FINAL:
            facts["finished_at"] = at
        columns = {"state": state, **facts}
        if "notices" in columns:
            columns["notices"] = json.dumps(columns["notices"])
        # Column names are this module's and its callers' keywords, never data.
        sets = ", ".join(f"{name} = ?" for name in columns)
        with self._transaction() as db:
            changed = db.execute(
                f"UPDATE jobs SET {sets} WHERE id = ? AND state = ?",  # noqa: S608
                (*columns.values(), job.id, job.state),
            ).rowcount
        if changed != 1:
            return self._overtaken(job, event, at, facts)
        return replace(job, state=state, **facts)

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
        raise StoreError(
            "Another kernel or program is working on the same edit.",
            "Wait for it, then re-run: its result will be here.",
        )

    def job(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", job_id)
        return _job(rows[0]) if rows else None

    def step_of_call(self, call: str, ask: str) -> Step | None:
        """Return the newest step that a call made for a request.

        Args:
            call: Its key; by the cell's code where there is no id.
            ask: Fingerprint of what it asks for.
        """
        rows = self._rows(
            _STEP + "WHERE (call = ? OR text_call = ?) AND ask = ?"
            " ORDER BY stepped_at DESC, steps.rowid DESC",
            call,
            call,
            ask,
        )
        return _step(rows[0]) if rows else None

    def step_of_job(self, job_id: str) -> Step | None:
        """Return the first step that shows this job."""
        rows = self._rows(_STEP + "WHERE job = ? ORDER BY stepped_at", job_id)
        return _step(rows[0]) if rows else None

    def chain(self, chain: str) -> tuple[Step, ...]:
        """Return a chain's steps, oldest first."""
        rows = self._rows(
            _STEP + "WHERE chain = ? ORDER BY stepped_at, steps.rowid", chain
        )
        return tuple(_step(row) for row in rows)

    def expected_s(self, provider: str, model: str) -> float | None:
        """Return the median seconds of the last 15 jobs from accepted to done."""
        rows = self._rows(
            "SELECT finished_at - submitted_at AS took FROM jobs WHERE state = ? AND"
            " provider = ? AND model = ? ORDER BY finished_at DESC LIMIT 15",
            State.DONE,
            provider,
            model,
        )
        return statistics.median(row["took"] for row in rows) if rows else None

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        # Asking makes no file. Path.exists would raise where a folder is unreadable.
        if not os.path.exists(self.path):  # noqa: PTH110 - see above
            return []
        with self._connection() as db:
            return db.execute(query, values).fetchall()

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
                db.execute("PRAGMA journal_mode = DELETE")
                db.execute("PRAGMA synchronous = EXTRA")
                _migrate(db)
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


def _migrate(db: sqlite3.Connection) -> None:
    if _scripts_to_run(db):
        db.execute("BEGIN IMMEDIATE")
        for script in _scripts_to_run(db):  # another kernel may have been here
            for statement in script.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")


def _scripts_to_run(db: sqlite3.Connection) -> tuple[str, ...]:
    seen: int = db.execute("PRAGMA user_version").fetchone()[0]
    if seen > len(MIGRATIONS):
        raise sqlite3.DatabaseError("a newer kontext_nb wrote it; please upgrade")
    return MIGRATIONS[seen:]


def _job_values(job: Job) -> tuple[Any, ...]:
    """Return a new job's values in the order of `_INSERT_JOB`."""
    asked = job.request
    return (
        job.id,
        job.state,
        asked.provider,
        asked.model,
        asked.prompt,
        asked.seed,
        asked.aspect_ratio,
        asked.source,
        asked.fingerprint,
        job.ask,
        job.source_blob,
        json.dumps(job.notices),
        job.created_at,
    )


def _job(row: sqlite3.Row) -> Job:
    try:
        return _read_job(row)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"A row of the ledger is damaged: {error}.",
            "Restore the file from a backup, or choose another place with "
            "configure(home=…).",
        ) from error


def _read_job(row: sqlite3.Row) -> Job:
    request = EditRequest(
        source=row["source"],
        prompt=row["prompt"],
        seed=row["seed"],
        aspect_ratio=row["aspect_ratio"],
        model=row["model"],
        provider=row["provider"],
    )
    same = (
        "id",
        "ask",
        "source_blob",
        "created_at",
        "request_id",
        "result_blob",
        "engine",
        "submitted_at",
        "finished_at",
        "error",
    )
    return Job(
        request=request,
        state=State(row["state"]),
        notices=tuple(json.loads(row["notices"])),
        **{name: row[name] for name in same},
    )


def _step(row: sqlite3.Row) -> Step:
    return Step(
        id=row["step"],
        chain=row["chain"],
        parent=row["parent"],
        job=_job(row),
        call=row["call"],
        text_call=row["text_call"],
        created_at=row["stepped_at"],
    )
