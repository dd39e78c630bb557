"""A lock that is a file: for where the system's own locks cannot be trusted."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from kontext_nb.errors import StoreError
from kontext_nb.store import owner, patience, place

PAUSE_S = 0.01
# Nothing is done under such a lock that takes so long: its holder, on a machine that
# cannot be asked, is gone.
FORGOTTEN_S = 600.0


@contextmanager
def guarded(file: Path) -> Iterator[None]:
    """Work on a file alone where it is on a network, whose locks may be empty promises.

    Elsewhere sqlite's own locks do, and nothing is done here.

    Args:
        file: In a folder that is there.

    Raises:
        StoreError: Another program works on it for too long.
        OSError: The lock cannot be made.
    """
    if not _is_network(file.parent):
        yield
        return
    place.warn_once(file.parent)
    with held(file.with_name(file.name + ".lock"), patience.try_s()):
        yield


@cache
def _is_network(folder: Path) -> bool:
    return place.is_network(folder)  # which reads a list that may be long


@contextmanager
def held(path: Path, patience_s: float) -> Iterator[None]:
    """Hold ``path`` for the length of the block; one at a time, on every machine.

    A file whose process has ended is taken over.

    Args:
        path: Made, and removed at the end; its folder must be there.
        patience_s: Seconds to wait for who holds it.

    Raises:
        StoreError: Somebody holds it for longer than that.
        OSError: It cannot be made.
    """
    mark = f"{owner.mine()}\n{secrets.token_hex(8)}"
    until_s = time.monotonic() + patience_s
    while not _taken(path, mark):
        if _is_left(path):
            _take_away(path)
        elif time.monotonic() > until_s:
            raise StoreError(
                f"{path} is held by another program: {_holder(path) or 'unknown'}.",
                "Wait for it; if nothing else uses this store, delete that file.",
            ) from BlockingIOError()
        else:
            time.sleep(PAUSE_S)
    try:
        yield
    finally:
        # Whoever took this process for dead holds another file of that name.
        with suppress(OSError):
            if path.read_text() == mark:
                path.unlink()


def _taken(path: Path, mark: str) -> bool:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    try:
        os.write(handle, mark.encode())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return True


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeError):
        return path.read_text().partition("\n")[0]
    return ""


def _is_left(path: Path) -> bool:
    holder = _holder(path)
    # Without a name it has been made this very moment, by somebody who lives.
    dead = owner.is_dead(holder) if holder else None
    if dead is None:
        with suppress(OSError):
            return time.time() - path.stat().st_mtime > FORGOTTEN_S
    return bool(dead)


def _take_away(path: Path) -> None:
    """Remove a lock that was left; if another has just done so, give back his."""
    aside = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    with suppress(OSError):
        path.rename(aside)
        if not _is_left(aside):
            os.link(aside, path)
        aside.unlink()
