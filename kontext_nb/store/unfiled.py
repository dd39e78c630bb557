"""Ids of paid jobs that the ledger did not take, kept until it does.

The one thing a full disk or a lock must not lose is the id the service gave: with it
the result can be had, without it the edit is paid for nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from kontext_nb.lifecycle import TABLE, Event
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.part import flush, make

_FOLDER = "unfiled"


def put(home: Path, job_id: str, request_id: str) -> Path | None:
    """Keep an id in the store, or where there is room for it; return where.

    Args:
        home: Folder of the store.
        job_id: The job.
        request_id: What the service calls it.
    """
    text = json.dumps({"job": job_id, "request_id": request_id})
    for folder in (home / _FOLDER, Path(tempfile.gettempdir(), f"kontext-{_FOLDER}")):
        path = folder / f"{job_id}.json"
        with suppress(OSError, UnicodeError):
            there = path.is_file() and path.read_text(encoding="utf-8") == text
            if not there:
                make(folder)
                # A name in a shared folder may be a trap: only a new file will do.
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
            # Also of an earlier try, which may have been stopped before this.
            for one in (path, folder, folder.parent):
                flush(one)
            return path
    return None


def take(home: Path, ledger: Ledger, at: float) -> None:
    """Write the ids that were kept into the ledger, if it takes them now.

    Args:
        home: Folder of the store.
        ledger: Its ledger.
        at: Unix seconds.
    """
    for folder in (home / _FOLDER, Path(tempfile.gettempdir(), f"kontext-{_FOLDER}")):
        paths: list[Path] = []
        with suppress(OSError):  # what may not be looked into tells nothing
            paths = sorted(folder.glob("*.json"))
        for path in paths:
            with suppress(OSError, ValueError, KeyError, TypeError):
                if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
                    continue  # in a folder all may write to, another's word is nothing
                kept = json.loads(path.read_text(encoding="utf-8"))
                job = ledger.job(kept["job"])
                if job is None:
                    continue  # of another store, which shares the folder
                taken = ledger.job_of_request(kept["request_id"])
                if taken is None and (job.state, Event.ACCEPT) in TABLE:
                    ledger.record(job, Event.ACCEPT, at, request_id=kept["request_id"])
                path.unlink()
