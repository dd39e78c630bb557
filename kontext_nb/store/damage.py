"""A damaged ledger is set aside and replaced by one that is built from the records."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path

from kontext_nb.store import claims, connection, patience, rebuild, rows
from kontext_nb.store.part import ASIDE, aside, flush

# Our queries are fixed: one that is wrong (ERROR) meets tables that are not ours. A
# file that we may write to, and sqlite may not (READONLY), has a strange header. A disk
# that is full, locked or broken is not among these: there, waiting may help.
_CODES = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_TOOBIG,
    }
)
_COMPANIONS = ("-journal", "-wal", "-shm")


def is_damage(error: BaseException | None) -> bool:
    """Tell whether an error of using a ledger says that the file is damaged."""
    if isinstance(error, rows.Damaged | UnicodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the module's own, about a text it cannot read
        return isinstance(error, sqlite3.Error) and "UTF-8" in str(error)
    return code & 0xFF in _CODES


def mend(path: Path) -> None:
    """Set a damaged ledger aside and put one in its place that is built anew.

    One process does it, the others wait and find it done. The new one replaces the old
    in one step, so that nobody ever sees an empty place and begins a ledger there.

    Raises:
        StoreError: It cannot be done here; the old file is where it was.
        OSError: The same.
        sqlite3.Error: The same.
    """
    wait_s = patience.try_s()
    with claims.held(path.with_name(path.name + ".mending"), wait_s):
        if _is_sound(path):
            return
        for left in path.parent.glob(f"{ASIDE}*"):  # by a process that died at this
            left.unlink()
        place = ":memory:" if path.is_dir() else str(path)
        with closing(sqlite3.connect(place, timeout=wait_s)) as old:
            # Whoever still writes into the old one is waited for, and included.
            try:
                old.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
            new, unreadable = _built(path, old)
            kept_as = _swapped(path, new)
    said = f" {unreadable} records could not be read." if unreadable else ""
    warnings.warn(
        f"The ledger was damaged. It is kept as {kept_as}, and a new one was built "
        f"from the records of what was sent.{said}",
        stacklevel=2,
    )


def _is_sound(path: Path) -> bool:
    """Tell whether all of a ledger can be read."""
    try:
        if path.is_dir():
            return False
        with closing(connection.connect(path)) as db:
            connection.read_through(db)
            db.execute("BEGIN IMMEDIATE")  # it can be written, too
    except (sqlite3.Error, UnicodeError, rows.Damaged) as error:
        if not is_damage(error):
            raise
        return False
    return True


def _built(path: Path, old: sqlite3.Connection) -> tuple[Path, int]:
    """Build a ledger beside the damaged one; return it, and what could not be read."""
    handle, new = aside(path.parent)
    os.close(handle)
    try:
        with closing(connection.connect(new)) as db:
            unreadable = rebuild.fill(db, path.parent, old)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return new, unreadable


def set_aside(path: Path) -> list[Path]:
    """Return the damaged ledgers that are kept beside this one."""
    return sorted(path.parent.glob(f"{path.name}.corrupt-*"))


def _swapped(path: Path, new: Path) -> Path:
    """Put ``new`` in place of a ledger, and return as what the old one is kept."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept_as = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while os.path.lexists(kept_as):
        number += 1
        kept_as = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    # First: the new ledger must never meet a journal that is not its own.
    for end in _COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{kept_as}{end}")
    if path.is_dir():
        path.rename(kept_as)
    else:
        try:
            os.link(path, kept_as)
        except OSError:  # a disk without second names
            shutil.copy2(path, kept_as)
    new.replace(path)
    flush(path.parent)
    return kept_as
