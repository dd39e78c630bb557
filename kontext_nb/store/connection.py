"""A connection to the ledger's file: never as WAL, and with all its tables.

Home folders are often NFS, so the journal is sqlite's rollback journal; each operation
opens its own connection, so threads, forks and kernels share nothing else.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kontext_nb.store import patience, rows, tables


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to a ledger with all its tables.

    Raises:
        sqlite3.Error: It cannot be used, or somebody else keeps it a WAL.
    """
    db = sqlite3.connect(path, timeout=patience.try_s(), isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        _keep_rollback_journal(db)
        db.execute("PRAGMA synchronous = EXTRA")
        tables.migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _keep_rollback_journal(db: sqlite3.Connection) -> None:
    """Bring back a file that another program left in WAL, or refuse it.

    Raises:
        sqlite3.Error: It stays what it is.
    """
    mode: str = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise sqlite3.OperationalError(f"its journal stays {mode}")


def check(db: sqlite3.Connection) -> None:
    """Refuse a ledger whose pages contradict each other.

    Raises:
        Damaged: They do; an index may then hide an edit that was paid for.
        sqlite3.Error: The same, found by sqlite itself.
    """
    (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise rows.Damaged(verdict)


def read_through(db: sqlite3.Connection) -> None:
    """Refuse a ledger that cannot be read to its last row; see `check`."""
    check(db)
    for row in db.execute("SELECT * FROM jobs"):
        rows.job(row)
    db.execute("SELECT * FROM steps").fetchall()
    db.execute("SELECT * FROM measures").fetchall()


def only_read(path: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing, to a ledger as it is."""
    source = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(source, timeout=patience.try_s(), uri=True)
