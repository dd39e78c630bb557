"""The store's part of a checkup: its folder, its ledger, and the jobs left open."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import UNDER_WAY, State
from kontext_nb.model import Job
from kontext_nb.session.desk import Desk
from kontext_nb.session.findings import Check, Finding, fail, failed, ok, skip, warn
from kontext_nb.session.settings import Settings
from kontext_nb.store import owner, place
from kontext_nb.store.place import MIB, RESULT_BYTES

LITTLE_BYTES = 1024 * MIB
# Of an sqlite file's header: where it says how it is written, and what WAL is there.
_WRITE_VERSION, _WAL = 18, 2
_NAMED = 3  # ids in one sentence
_ELSEWHERE = "Or choose another place: set KONTEXT_NB_HOME to a folder of your own."


def checks(settings: Settings) -> list[tuple[str, Check]]:
    """Return the checks of the store that the settings name."""
    return [
        ("store", partial(_folder, settings)),
        ("ledger", partial(_ledger, settings)),
        ("damage", partial(_set_aside, settings)),
    ]


def _folder(settings: Settings) -> Iterator[Finding]:
    """Look whether the folder can be written to, now or once it is made."""
    home = Desk(settings).home
    there = next(path for path in (home, *home.parents) if os.path.lexists(path))
    if not there.is_dir():
        yield fail(
            "store",
            f"{there} is no folder, so the store cannot be there.",
            f"Move it out of the way. {_ELSEWHERE}",
        )
        return
    try:
        if there == home:
            with tempfile.TemporaryFile(dir=home):
                pass
        elif not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")  # as the disk would say it
    except OSError as error:
        yield fail(
            "store",
            f"{there} cannot be written to: {error.strerror}.",
            f"Check its permissions and the disk. {_ELSEWHERE}",
        )
        return
    free = shutil.disk_usage(there).free
    size = f"{free / 1024 / MIB:.1f} GiB free"
    if free < RESULT_BYTES:
        yield fail(
            "store",
            f"{home} has no room: {free // MIB} MiB free.",
            f"Free some space: nothing is sent on a full disk. {_ELSEWHERE}",
        )
    elif free < LITTLE_BYTES:
        yield warn(
            "store",
            f"{home}; there is little room, {free // MIB} MiB free.",
            "Free some space; kontext-nb store gc names files that can go.",
        )
    else:
        made = "" if there == home else "; it is made with the first edit"
        yield ok("store", f"{home}; {size}{made}.")
    if place.is_network(there):
        yield warn(
            "store",
            "It is on a network filesystem, where two kernels may not see each "
            "other's locks.",
            "Set KONTEXT_NB_HOME to a folder on a local disk, or use the store from "
            "one kernel at a time.",
        )


def _ledger(settings: Settings) -> Iterator[Finding]:
    ledger = Desk(settings).ledger
    was_wal = _is_wal(ledger.path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        jobs = ledger.jobs()  # which also mends it, or brings it back from WAL
    there = os.path.lexists(ledger.path)
    try:
        if there:
            ledger.worked(lambda _: None, write=True)
    except StoreError as error:  # it is read another way then
        yield failed("ledger", error)
        yield from _open(jobs)
        return
    for mended in told:
        yield warn(
            "ledger", str(mended.message), "Keep that file until all is as it was."
        )
    if was_wal:
        yield warn(
            "ledger",
            "Another program had turned its journal into WAL, which is not safe on "
            "network disks; it is a rollback journal again.",
            f"Do not open {ledger.path.name} with other programs while edits run.",
        )
    if not there:
        yield ok("ledger", "There is none yet; it is made with the first edit.")
    else:
        edits = "1 edit" if len(jobs) == 1 else f"{len(jobs)} edits"
        yield ok("ledger", f"It opens, holds {edits}, and keeps a rollback journal.")
    yield from _open(jobs)


def _is_wal(path: Path) -> bool:
    """Tell how an sqlite file is journalled, without opening it as one."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(_WRITE_VERSION + 1)[_WRITE_VERSION:] == bytes([_WAL])
    return False


def _open(jobs: Iterable[Job]) -> Iterator[Finding]:
    """Name what is not finished, and above all what nobody knows the fate of."""
    # What the demo engine left open ended with its process: nobody waits for it.
    paid = [job for job in jobs if job.request.provider != "demo"]
    lost = [job for job in paid if _is_lost(job)]
    waiting = [job for job in paid if job.state in UNDER_WAY and not _is_lost(job)]
    for job in lost[:_NAMED]:
        yield warn(
            "jobs",
            f"{job.id} was sent and its answer was lost: it may have been charged.",
            "Look in the service's history, then run: kontext-nb jobs resolve "
            f"{job.id} with --request-id ID, --resubmit or --abandon.",
        )
    if len(lost) > _NAMED:
        yield warn(
            "jobs",
            f"{len(lost) - _NAMED} more were sent and their answers were lost.",
            "See all of them: kontext-nb jobs --all",
        )
    if waiting:
        ids = ", ".join(job.id for job in waiting[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        yield ok(
            "jobs",
            f"Not finished: {ids}{more}. Asking for the edit again, or kontext-nb "
            "result ID, collects the result and sends nothing twice.",
        )
    if not lost and not waiting:
        yield ok("jobs", "No paid edit is left open.")


def _is_lost(job: Job) -> bool:
    # Who dies while sending leaves a row that turns UNKNOWN when it is asked for.
    dead = job.state is State.SENDING and owner.is_dead(job.owner or "") is True
    return dead or job.state is State.UNKNOWN


def _set_aside(settings: Settings) -> Iterator[Finding]:
    home = Desk(settings).home
    if not home.is_dir():
        yield skip("damage", "There is no store yet.")
        return
    found = sorted(path.name for path in home.glob("*.corrupt-*"))
    if found:
        yield warn(
            "damage",
            f"Damaged files were set aside: {', '.join(found[:_NAMED])}"
            f"{' and more' if len(found) > _NAMED else ''}.",
            "Restore the store from a backup if edits are missing; kontext-nb store "
            "verify names pictures that are damaged.",
        )
    else:
        yield ok("damage", "No damaged file was set aside.")
