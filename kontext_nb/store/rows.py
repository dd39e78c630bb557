"""How jobs and steps stand in sqlite: the tables, and rows to values and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from kontext_nb.chain import Marks, Step
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import Job, Request, picture_mark


class Damaged(StoreError):
    """What stands in the ledger cannot have been written by kontext_nb."""

    def __init__(self, what: object) -> None:
        super().__init__(
            f"The ledger is damaged: {what}.",
            "Restore the file from a backup, or choose another place with "
            "configure(home=…).",
        )


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
    # Any model's inputs and outputs, who sends, and what it costs. The foreign key of
    # steps follows the name, so the old table makes room first.
    """
    CREATE TABLE jobs_2 (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        body TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        ask TEXT NOT NULL,
        pictures TEXT NOT NULL,
        owner TEXT,
        claimed_at REAL,
        sends INTEGER NOT NULL,
        consents TEXT NOT NULL,
        request_id TEXT,
        results TEXT NOT NULL,
        output TEXT,
        engine TEXT,
        estimate_usd REAL,
        cost_usd REAL,
        notices TEXT NOT NULL,
        error TEXT,
        created_at REAL NOT NULL,
        submitted_at REAL,
        took_s REAL,
        finished_at REAL
    ) STRICT;
    INSERT INTO jobs_2 SELECT id, state, provider, model,
        body_1(prompt, seed, aspect_ratio, source),
        fingerprint_1(model, provider, prompt, seed, aspect_ratio, source),
        fingerprint_1(model, provider, prompt,
            CASE WHEN ask = fingerprint THEN seed END, aspect_ratio, source),
        json_object(source, source_blob), NULL, NULL,
        state NOT IN ('intent', 'cancelled'), '[]', request_id,
        CASE WHEN result_blob IS NULL THEN '[]' ELSE json_array(result_blob) END,
        NULL, engine, NULL, NULL, notices, error, created_at, submitted_at,
        finished_at - submitted_at, finished_at
        FROM jobs;
    DROP TABLE jobs;
    ALTER TABLE jobs_2 RENAME TO jobs;
    CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
    CREATE INDEX jobs_by_ask ON jobs (ask);
    CREATE INDEX jobs_by_request ON jobs (request_id);
    """,
    # Stars, names, notes and what is hidden; and where a chain belongs, which for most
    # steps is in front of the number of the call.
    """
    ALTER TABLE steps ADD COLUMN marks TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE steps ADD COLUMN place TEXT;
    UPDATE steps SET place = rtrim(rtrim(call, '0123456789'), ':')
    """,
)

PLAIN = (
    "id",
    "ask",
    "created_at",
    "owner",
    "claimed_at",
    "sends",
    "request_id",
    "output",
    "engine",
    "estimate_usd",
    "cost_usd",
    "submitted_at",
    "took_s",
    "finished_at",
    "error",
)
STEP = """
    SELECT steps.id AS step, chain, parent, call, text_call,
        steps.created_at AS stepped_at, place, marks, jobs.*
    FROM steps JOIN jobs ON jobs.id = steps.job
"""

# Values by the names of columns, wherever they were kept.
Row = sqlite3.Row | Mapping[str, Any]

_LISTS = ("consents", "results", "notices")
JSON_COLUMNS = frozenset({*_LISTS, "pictures"})


def migrate(db: sqlite3.Connection) -> None:
    """Bring a store up to date, in one transaction.

    Raises:
        sqlite3.DatabaseError: A newer version wrote it.
    """
    if _scripts_to_run(db):
        db.create_function("body_1", 4, _body_1, deterministic=True)
        db.create_function("fingerprint_1", 6, _fingerprint_1, deterministic=True)
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


def _body_1(prompt: str, seed: int | None, ratio: str | None, source: str) -> str:
    """Return what the first schema held in columns as a request's body."""
    inputs = {"prompt": prompt, "image_url": picture_mark(source)}
    given = {"seed": seed, "aspect_ratio": ratio}
    return Request.of(inputs | {k: v for k, v in given.items() if v is not None}).body


def _fingerprint_1(model: str, provider: str, *inputs: Any) -> str:
    return Request(model=model, provider=provider, body=_body_1(*inputs)).fingerprint


def columns(job: Job) -> dict[str, Any]:
    """Return a job as the columns of its row."""
    asked = job.request
    return {
        "state": job.state,
        "provider": asked.provider,
        "model": asked.model,
        "body": asked.body,
        "fingerprint": asked.fingerprint,
        "pictures": json.dumps(dict(job.pictures)),
        **{name: getattr(job, name) for name in PLAIN},
        **{name: json.dumps(getattr(job, name)) for name in _LISTS},
    }


def job(row: Row) -> Job:
    """Return the job of a row.

    Raises:
        Damaged: No job can have been written like this.
    """
    try:
        facts: dict[str, Any] = {name: row[name] for name in PLAIN}
        facts |= {name: tuple(json.loads(row[name])) for name in _LISTS}
        of = {name: row[name] for name in ("model", "provider", "body")}
        request = Request(**of)
        if row["fingerprint"] != request.fingerprint:
            raise Damaged("a request is not what its fingerprint says")
        return Job(
            request=request,
            state=State(row["state"]),
            pictures=json.loads(row["pictures"]),
            **facts,
        )
    except (TypeError, ValueError, LookupError, RecursionError) as error:
        raise Damaged(error) from error


def step_columns(step: Step) -> dict[str, Any]:
    """Return a step, without its job, as the columns that `step` reads."""
    return {
        "step": step.id,
        "chain": step.chain,
        "parent": step.parent,
        "call": step.call,
        "text_call": step.text_call,
        "stepped_at": step.created_at,
        "place": step.place,
        "marks": _marked(step.marks),
    }


def step(row: Row) -> Step:
    """Return the step of a row that holds its job as well.

    Raises:
        Damaged: No job can have been written like this.
    """
    return Step(
        id=row["step"],
        chain=row["chain"],
        parent=row["parent"],
        job=job(row),
        call=row["call"],
        text_call=row["text_call"],
        created_at=row["stepped_at"],
        place=row["place"],
        marks=_marks(row["marks"]),
    )


def _marked(marks: Marks) -> str:
    """Return marks as JSON, with what is not as it always is."""
    usual = asdict(Marks())
    return json.dumps({k: v for k, v in asdict(marks).items() if v != usual[k]})


def _marks(text: Any) -> Marks:
    """Return the marks of a row; damaged ones are none, since no edit hangs on them."""
    try:
        told = json.loads(text)
        return Marks(**{name: told[name] for name in asdict(Marks()) if name in told})
    except (TypeError, ValueError, RecursionError, ParameterRejected):
        return Marks()


def insert(db: sqlite3.Connection, step: Step) -> None:
    """Write a step, and its job unless there is a row of that id."""
    values = columns(step.job)
    # Column names are fields of our own values, never data.
    db.execute(
        f"INSERT INTO jobs ({', '.join(values)})"  # noqa: S608 - see above
        f" VALUES ({', '.join('?' * len(values))}) ON CONFLICT (id) DO NOTHING",
        tuple(values.values()),
    )
    place = (step.id, step.chain, step.parent, step.job.id)
    call = (step.call, step.text_call, step.created_at)
    db.execute(
        "INSERT INTO steps VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
        (*place, *call, _marked(step.marks), step.place),
    )


def mark(db: sqlite3.Connection, step: Step, **marks: Any) -> Step:
    """Set some of a step's marks, and leave the others as they stand in its row."""
    row = db.execute("SELECT marks FROM steps WHERE id = ?", (step.id,)).fetchone()
    now = replace(_marks(row["marks"]), **marks) if row else step.marks
    db.execute("UPDATE steps SET marks = ? WHERE id = ?", (_marked(now), step.id))
    return replace(step, marks=now)


def move(db: sqlite3.Connection, step: Step) -> None:
    """Write where a step belongs, and which call made it."""
    db.execute(
        "UPDATE steps SET chain = ?, place = ?, call = ?, text_call = ? WHERE id = ?",
        (step.chain, step.place, step.call, step.text_call, step.id),
    )


def update(db: sqlite3.Connection, job: Job, **facts: Any) -> bool:
    """Set columns of a job's row if it still stands where ``job`` stands."""
    values = {
        name: json.dumps(fact) if name in JSON_COLUMNS else fact
        for name, fact in facts.items()
    }
    sets = ", ".join(f"{name} = ?" for name in values)
    changed = db.execute(
        f"UPDATE jobs SET {sets} WHERE id = ? AND state = ?",  # noqa: S608 - as above
        (*values.values(), job.id, job.state),
    )
    return changed.rowcount == 1
