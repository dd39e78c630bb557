"""How the ledger is used: looked over once, mended if it is damaged, or only read."""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from kontext_nb.errors import StoreError
from kontext_nb.store import connection, damage, patience, rebuild, rows, tables
from kontext_nb.store.claims import guarded
from kontext_nb.store.part import make

T = TypeVar("T")

# Which files this process has looked over. One that took another's place, be it from a
# backup or rebuilt, is another file and looked over again.
_looked: set[tuple[int, int]] = set()
# What the records told in place of a ledger, for they may be many.
_as_recorded: dict[Path, bytes] = {}


def work_on(path: Path, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
    """Do something with a ledger, and mend the ledger first if it is damaged.

    Args:
        path: Of the file; made if it is not there.
        work: Given an open connection; done again if damage or a lock is found on the
            way.
        write: Do it in one transaction that excludes other writers.

    Raises:
        StoreError: The ledger cannot be used, or may only be read.
    """
    return patience.waiting(partial(_worked_on, path, work, write=write))


def _worked_on(
    path: Path, work: Callable[[sqlite3.Connection], T], *, write: bool
) -> T:
    try:
        with opened(path, write=write) as db:
            return work(db)
    except StoreError as error:
        if not (damage.is_damage(error) or damage.is_damage(error.__cause__)):
            raise
    with _told(path), guarded(path):
        damage.mend(path)
    with opened(path, write=write) as db:
        return work(db)


@contextmanager
def opened(path: Path, *, write: bool) -> Iterator[sqlite3.Connection]:
    """Give a connection to a ledger; if ``write``, in a transaction.

    Raises:
        StoreError: The ledger cannot be used now, or may only be read.
    """
    with _told(path):
        make(path.parent)
        if not _may_write(path):
            if write:
                raise StoreError(
                    f"The ledger {path} can only be read, so nothing is sent.",
                    "Make it and its folder writable, or choose another place with "
                    "configure(home=…).",
                )
            with closing(_in_memory(path)) as db:
                yield db
            return
        with guarded(path):
            try:
                _look_over(path)
                db = _begun(path) if write else connection.connect(path)
            except tables.Newer:
                if write:
                    raise
                db = _in_memory(path)
            try:
                yield db
                if write:
                    db.execute("COMMIT")
            finally:
                # An open transaction is rolled back by closing. What goes wrong there
                # must not hide what went wrong before.
                with suppress(sqlite3.Error):
                    db.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except tables.Newer as error:
        raise StoreError(
            f"The ledger {path} can only be read, so nothing is sent: {error}.",
            "Update kontext_nb (pip install --upgrade kontext-nb), or choose another "
            "place with configure(home=…); the file is left as it is.",
        ) from error
    except (sqlite3.Error, OSError, UnicodeError) as error:  # the last: damage
        raise StoreError(
            f"The ledger {path} cannot be used: {error}.",
            "Check the disk and the file's permissions, or choose another place "
            "with configure(home=…).",
        ) from error


def _begun(path: Path) -> sqlite3.Connection:
    """Return a connection that may write, to the file that has the name."""
    while True:
        db = connection.connect(path)
        try:
            before = _identity(path)
            # A deferred transaction that reads first cannot wait for a writer.
            db.execute("BEGIN IMMEDIATE")
            if before in _looked and before == _identity(path):
                return db
        except BaseException:
            db.close()
            raise
        # While this waited, another process set the file aside and built a new one.
        db.close()
        _look_over(path)


def _look_over(path: Path) -> None:
    """Check a file that this process sees for the first time, and bring it forward."""
    if _identity(path) in _looked:
        return
    if path.is_dir():
        raise rows.Damaged("it is a folder")
    with closing(connection.connect(path)) as db:
        seen = _identity(path)
        connection.check(db)
        rebuild.catch_up(db, path.parent)
    if seen:
        _looked.add(seen)


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return all(
        os.access(one, os.W_OK, effective_ids=effective)
        for one in (path.parent, path)  # the journal is written beside it
        if os.path.lexists(one)
    )


def _in_memory(path: Path) -> sqlite3.Connection:
    """Return a copy that nobody can write to, of a ledger that may only be read.

    It may be of an older version, behind, or damaged: a copy can be mended. What the
    rows of a newer version mean is not known, so there the records tell alone.
    """
    db = _empty()
    try:
        try:
            with closing(connection.only_read(path)) as there:
                there.execute("BEGIN")
                there.execute("SELECT 1 FROM sqlite_schema").fetchone()  # locks it
                if there.execute("PRAGMA page_count").fetchone()[0]:
                    db.deserialize(there.serialize())
            tables.migrate(db)
            connection.read_through(db)
        except tables.Newer:
            db.close()
            db = _recorded(path, None)
        except (sqlite3.Error, UnicodeError, rows.Damaged) as error:
            # It cannot be opened, too, if a journal would have to be played back.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code != sqlite3.SQLITE_CANTOPEN and not damage.is_damage(error):
                raise
            with closing(db) as old:
                db = _recorded(path, old)
        rebuild.catch_up(db, path.parent)
        db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def _recorded(path: Path, old: sqlite3.Connection | None) -> sqlite3.Connection:
    """Return a ledger in memory, of what the records tell; see `rebuild.fill`."""
    db = _empty()
    try:
        if path not in _as_recorded:
            tables.migrate(db)
            rebuild.fill(db, path.parent, old)
            _as_recorded[path] = db.serialize()
            if old is None:
                warnings.warn(
                    "A newer kontext_nb wrote the ledger. Only what this one can read "
                    "in its records is shown, and nothing is sent: update kontext_nb.",
                    stacklevel=2,
                )
        db.deserialize(_as_recorded[path])
    except BaseException:
        db.close()
        raise
    return db


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    return db
