"""Filling a ledger from the records, and from what a damaged one still tells.

A record is written before the row it stands for is committed. So a ledger that lost
rows, or went back to older ones, is brought forward by it: what was sent once must not
look as if it never was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import FINAL, State
from kontext_nb.model import Job
from kontext_nb.store import rows, tables
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.part import check
from kontext_nb.store.records import Records

# How much is known of a job. Running is no more than submitted: it is not recorded.
_KNOWN = {
    State.INTENT: 0,
    State.SENDING: 1,
    State.UNKNOWN: 2,
    State.SUBMITTED: 3,
    State.RUNNING: 3,
}
_ENDED = 4


def fill(db: sqlite3.Connection, home: Path, old: sqlite3.Connection | None) -> int:
    """Fill an empty ledger with all that is known.

    Args:
        db: A connection to it, with the tables.
        home: The store's folder.
        old: The damaged ledger, if it can be asked at all.

    Returns:
        How many records could not be read.
    """
    blobs, unreadable = Blobs(home / "blobs"), list[Path]()
    db.execute("BEGIN IMMEDIATE")
    for job, steps in Records(home / "records").read_all(unreadable):
        _put(db, job, steps, blobs)
    for salvaged in _salvaged(old) if old else ():
        if _is_told_of(db, salvaged[0]):
            continue  # by a record, and that has a checksum
        db.execute("SAVEPOINT one")
        try:
            _put(db, *salvaged, blobs)
        except (sqlite3.Error, StoreError):  # a text where a number was, or so
            db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")
    # A step whose parent nobody remembers begins its chain.
    db.execute(
        "UPDATE steps SET parent = NULL WHERE parent NOT IN (SELECT id FROM steps)"
    )
    db.execute("COMMIT")
    return len(unreadable)


def catch_up(db: sqlite3.Connection, home: Path) -> None:
    """Bring a sound ledger forward to what the records know, and the other way round.

    It is behind after a backup was restored, after a journal that is not its own was
    played into it, or after a crash between the two writes. Only the records of jobs
    that it misses, or that are open, are read. The first version wrote no records; what
    it sent gets one here.
    """
    records, blobs = Records(home / "records"), Blobs(home / "blobs")
    states = dict(db.execute("SELECT id, state FROM jobs").fetchall())
    recorded = {path.stem for path in records.files()}
    doubtful = [one for one in recorded if states.get(one) not in FINAL]
    bare = [one for one in states.keys() - recorded if states[one] != State.INTENT]
    if not bare and not any(_is_ahead(db, records, job_id) for job_id in doubtful):
        return
    db.execute("BEGIN IMMEDIATE")
    for job_id in doubtful:
        # As it is now: another process may just have brought it to its end.
        if record := records.read(job_id):
            _put(db, *record, blobs)
    for job_id in bare:
        steps = [
            rows.step(s) for s in db.execute(rows.STEP + "WHERE job = ?", [job_id])
        ]
        if steps and not records.read(job_id):
            with suppress(StoreError):  # it does without, as before
                records.write(steps[0].job, steps)
    db.execute("COMMIT")


def _is_ahead(db: sqlite3.Connection, records: Records, job_id: str) -> bool:
    record = records.read(job_id)
    return record is not None and says_more(record[0], _job(db, job_id))


def _is_told_of(db: sqlite3.Connection, job: Job) -> bool:
    """Tell whether a job is known, if only by the service's id for it."""
    same = "SELECT 1 FROM jobs WHERE id = ? OR request_id = ?"
    return bool(db.execute(same, (job.id, job.request_id)).fetchone())


def says_more(told: Job, known: Job | None) -> bool:
    """Tell whether a job is told to be further than it is known to be."""
    if known is None:
        return True
    more, as_much = _KNOWN.get(told.state, _ENDED), _KNOWN.get(known.state, _ENDED)
    # Of two ids of the service, the one that is written with a checksum is right.
    submitted = more == as_much == _KNOWN[State.SUBMITTED]
    return more > as_much or (submitted and told.request_id != known.request_id)


def _put(
    db: sqlite3.Connection, told: Job, steps: Iterable[Step], blobs: Blobs
) -> None:
    """Write a job and its steps, unless as much is known of it already."""
    known = _job(db, told.id)
    job = _as_kept(told, blobs) if says_more(told, known) else known or told
    if job is not known:
        db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
    for step in steps:
        rows.insert(db, replace(step, job=job))


def _as_kept(job: Job, blobs: Blobs) -> Job:
    """Return a job as it stands: only what is kept whole is done."""
    if job.state is not State.DONE or all(_is_whole(blobs, n) for n in job.results):
        return job
    # The service may still have it, and asking for it again costs nothing.
    state = State.SUBMITTED if job.request_id else State.EXPIRED
    said = "The file of its result is damaged."
    return replace(job, state=state, results=(), finished_at=None, error=said)


def _is_whole(blobs: Blobs, name: str) -> bool:
    with suppress(OSError, StoreError):
        check(blobs.path(name), name)
        return True
    return False


def _job(db: sqlite3.Connection, job_id: str) -> Job | None:
    row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return rows.job(row) if row else None


def _salvaged(old: sqlite3.Connection) -> Iterator[tuple[Job, Iterable[Step]]]:
    """Go through the jobs a damaged ledger still tells, as far as it can be read.

    What had not been sent is left out: an old page could take an edit back to before it
    was paid for.
    """
    with suppress(sqlite3.Error, UnicodeError), closing(_copied(old)) as copy:
        found: dict[str, tuple[Job, list[Step]]] = {}
        with suppress(sqlite3.Error, UnicodeError):  # at the damage it ends
            for row in copy.execute(rows.STEP):
                with suppress(StoreError):
                    step = rows.step(row)
                    found.setdefault(step.job.id, (step.job, []))[1].append(step)
        yield from (one for one in found.values() if one[0].state is not State.INTENT)


def _copied(old: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy in memory, of this version and without unreadable texts."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        copy.row_factory = sqlite3.Row
        copy.text_factory = lambda text: text.decode(errors="replace")
        # Its backup() would wait for ever for the lock that `old` itself may hold.
        copy.deserialize(old.serialize())
        tables.migrate(copy)
    except BaseException:
        copy.close()
        raise
    return copy
