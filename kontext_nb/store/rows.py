"""How jobs and steps stand in the tables: rows to values and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from kontext_nb.chain import Keeping, Kept, Marks, Step
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import Job, Request

Value = TypeVar("Value", Marks, Keeping, Kept)


class Damaged(StoreError):
    """What stands in the ledger cannot have been written by kontext_nb."""

    def __init__(self, what: object) -> None:
        super().__init__(
            f"The ledger is damaged: {what}.",
            "Restore the file from a backup, or choose another place with "
            "configure(home=…).",
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
        steps.created_at AS stepped_at, place, marks, keeping, kept, jobs.*
    FROM steps JOIN jobs ON jobs.id = steps.job
"""

# Values by the names of columns, wherever they were kept.
Row = sqlite3.Row | Mapping[str, Any]

_VALUES = ("marks", "keeping", "kept")  # of a step; each has a usual one
_LISTS = ("consents", "results", "notices")
JSON_COLUMNS = frozenset({*_LISTS, "pictures"})


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
        **{name: text_of(getattr(step, name)) for name in _VALUES},
    }


def step(row: Row) -> Step:
    """Return the step of a row that holds its job as well.

    Raises:
        Damaged: No job can have been written like this.
    """
    shown = kept(row)
    return Step(
        id=row["step"],
        chain=row["chain"],
        parent=row["parent"],
        job=job(row),
        call=row["call"],
        text_call=row["text_call"],
        created_at=row["stepped_at"],
        place=row["place"],
        marks=_read(Marks, row["marks"]),
        keeping=shown[0],
        kept=shown[1],
    )


def kept(row: Row) -> tuple[Keeping, Kept]:
    """Return what a step shows in the place of the model's picture."""
    return _read(Keeping, row["keeping"]), _read(Kept, row["kept"])


def text_of(value: Marks | Keeping | Kept) -> str:
    """Return a value as JSON, with what is not as it always is."""
    usual = asdict(type(value)())
    return json.dumps({k: v for k, v in asdict(value).items() if v != usual[k]})


def _read(kind: type[Value], text: Any) -> Value:
    """Return the value of a row; a damaged one is the usual: no edit hangs on it."""
    if text == "{}":
        return kind()
    try:
        told = json.loads(text)
        return kind(**{name: told[name] for name in asdict(kind()) if name in told})
    except (TypeError, ValueError, RecursionError, ParameterRejected):
        return kind()


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
    keeping = (text_of(step.keeping), text_of(step.kept))
    db.execute(
        "INSERT INTO steps VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
        (*place, *call, text_of(step.marks), step.place, *keeping),
    )


def mark(db: sqlite3.Connection, step: Step, **marks: Any) -> Step:
    """Set some of a step's marks, and leave the others as they stand in its row."""
    row = db.execute("SELECT marks FROM steps WHERE id = ?", (step.id,)).fetchone()
    now = replace(_read(Marks, row["marks"]), **marks) if row else step.marks
    db.execute("UPDATE steps SET marks = ? WHERE id = ?", (text_of(now), step.id))
    return replace(step, marks=now)


def keep(db: sqlite3.Connection, step: Step, made: Kept) -> Step:
    """Write what a step shows, if nobody has since it was read; return the step."""
    was, now = text_of(step.kept), text_of(made)
    db.execute(
        "UPDATE steps SET kept = ? WHERE id = ? AND kept = ?", (now, step.id, was)
    )
    row = db.execute("SELECT kept FROM steps WHERE id = ?", (step.id,)).fetchone()
    return replace(step, kept=_read(Kept, row["kept"]) if row else made)


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
