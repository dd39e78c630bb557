"""Looking after the store: are the blobs whole, and which does nobody need any more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kontext_nb.errors import StoreError
from kontext_nb.model import Job
from kontext_nb.store import owner
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.damage import set_aside
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.lookup import Beside, blobs_of
from kontext_nb.store.part import ASIDE, aside, check
from kontext_nb.store.previews import Previews
from kontext_nb.store.records import Records

DAY_S = 24 * 3600.0

_ASIDE = re.compile(re.escape(ASIDE) + r"(\d+)-(\d*)-")


@dataclass(frozen=True, slots=True)
class Damage:
    """One blob that is not what its name promises.

    Args:
        blob: Its name.
        missing: It is not there, or cannot be read; else its bytes have changed, or
            the row that names it.
        jobs: Ids of the jobs that refer to it.
        derived: Whether it is made again, free of charge, when its edit is asked for.
    """

    blob: str
    missing: bool
    jobs: tuple[str, ...]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found.

    Args:
        checked: How many blobs there are, or should be.
        damages: Those that are damaged or missing.
    """

    checked: int
    damages: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file of the store that nobody needs.

    Args:
        path: Where it is.
        size: Bytes.
    """

    path: Path
    size: int


def verify(blobs: Blobs, ledger: Ledger) -> Verified:
    """Read every blob through that is there, or that a job refers to.

    Where a row names a blob that cannot be used, the job's record is asked: it may be
    the name that is damaged, and is mended then.
    """
    jobs = {job.id: job for job in ledger.jobs()}
    further = ledger.beside()
    found = _verified(blobs, jobs.values(), further)
    named = {job_id for damage in found.damages for job_id in damage.jobs}
    doubtful = named & jobs.keys()
    mended = {job_id: ledger.restored(jobs[job_id]) for job_id in doubtful}
    if all(mended[job_id] == jobs[job_id] for job_id in doubtful):
        return found
    return _verified(blobs, (jobs | mended).values(), further)


def _verified(blobs: Blobs, jobs: Iterable[Job], further: Iterable[Beside]) -> Verified:
    used: dict[str, list[str]] = {}
    for job in jobs:
        for name in blobs_of(job):
            used.setdefault(name, []).append(job.id)
    lasting = used.keys() | {one.blob for one in further if not one.derived}
    for one in further:
        known = used.setdefault(one.blob, [])
        known += [one.job] if one.job and one.job not in known else []
    derived = used.keys() - lasting
    names = sorted(used.keys() | set(blobs.names()))
    damages = []
    for name in names:
        try:
            check(blobs.path(name), name)
        except (OSError, StoreError) as error:
            missing = isinstance(error, OSError)
            named_by = tuple(used.get(name, ()))
            damages.append(Damage(name, missing, named_by, name in derived))
    return Verified(len(names), tuple(damages))


def gc(
    blobs: Blobs,
    ledger: Ledger,
    records: Records,
    *,
    besides: Iterable[Path] = (),
    now: float,
    delete: bool = False,
    older_than_s: float = DAY_S,
) -> tuple[Leftover, ...]:
    """Find, or delete, the blobs no job refers to, and what dead processes left aside.

    A writer keeps its blob before it writes the row that refers to it. Until then only
    the blob's age protects it, so nothing young is ever removed; `Blobs.put` makes an
    old blob young again. From then on its row does: no row is added while this deletes.

    Args:
        blobs: Where to look.
        ledger: Its jobs refer to blobs.
        records: So do theirs, should the ledger have lost some.
        besides: Further folders in which processes write aside.
        now: Unix seconds.
        delete: Delete them, and not only say which.
        older_than_s: Nothing younger is touched. What another machine has aside cannot
            be told from what a dead process left, so keep it longer than any download.

    Returns:
        What was deleted, or would be.

    Raises:
        StoreError: The ledger cannot be read, is gone, or a file cannot be deleted.
    """
    until = now - older_than_s
    used = {one.blob for one in ledger.beside()}.union(*map(blobs_of, ledger.jobs()))
    for job, steps in records.read_all():
        used |= blobs_of(job).union(*(step.blobs for step in steps))
    unused = {name: found for name, found in _old(blobs, until) if name not in used}
    roots = (blobs.root, records.root, *besides)
    asides = [left for root in roots for left in _left(root, until)]
    if unused and not os.path.exists(ledger.path):  # noqa: PTH110 - as in the ledger
        raise StoreError(
            f"The ledger {ledger.path} is missing, so nobody knows what is needed.",
            "Restore it from a backup; nothing was deleted.",
        )
    if unused and (damaged := set_aside(ledger.path)):
        raise StoreError(
            f"{damaged[0]} may still tell of edits that need these pictures.",
            "Once you know that it does not, delete or move it; nothing was deleted.",
        )
    if not delete:
        return (*unused.values(), *asides)
    gone = [left for left in asides if _removed(left.path)]
    if unused:
        with ledger.held() as in_use:
            gone += [
                found
                for name, found in unused.items()
                if name not in in_use and _swept(blobs, found.path, until)
            ]
    return tuple(gone)


def gc_previews(
    previews: Previews,
    blobs: Blobs,
    *,
    now: float,
    delete: bool = False,
    older_than_s: float = DAY_S,
) -> tuple[Leftover, ...]:
    """Find, or delete, the previews of pictures that are no longer there.

    What dead processes left aside among them goes too; see `gc` for the arguments.

    Raises:
        StoreError: A file cannot be deleted.
    """
    found = list(_left(previews.root, now - older_than_s))
    for path in previews.of_nothing(blobs):
        with suppress(FileNotFoundError):  # swept by somebody else just now
            found.append(Leftover(path, path.stat().st_size))
    return tuple(one for one in found if not delete or _removed(one.path))


def _old(blobs: Blobs, until: float) -> Iterator[tuple[str, Leftover]]:
    for name in blobs.names():
        path = blobs.path(name)
        with suppress(FileNotFoundError):  # swept by somebody else just now
            facts = path.stat()
            if facts.st_mtime < until:
                yield name, Leftover(path, facts.st_size)


def _left(root: Path, until: float) -> Iterator[Leftover]:
    """Go through what processes that have ended left aside, in or below a folder."""
    host, boot = owner.mine().split("|")[:2]
    for pattern in (f"{ASIDE}*", f"*/{ASIDE}*"):
        for path in root.glob(pattern):
            with suppress(FileNotFoundError):
                facts = path.stat()
                named = _ASIDE.match(path.name)  # not so in the first versions
                by = "|".join((host, boot, *named.groups())) if named else ""
                if facts.st_mtime < until and owner.is_dead(by):
                    yield Leftover(path, facts.st_size)


def _swept(blobs: Blobs, path: Path, until: float) -> bool:
    """Remove a blob, unless a writer made it count as new since it was looked at.

    Taken out of sight first: a writer that comes later finds it missing and writes it
    anew, and one that came earlier has left its mark.
    """
    try:
        handle, hidden = aside(blobs.root)
        os.close(handle)
        try:
            path.replace(hidden)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise
        if hidden.stat().st_mtime >= until:
            hidden.replace(path)
            return False
        hidden.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_removed(path, error) from error
    return True


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_removed(path, error) from error
    return True


def _not_removed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be deleted: {error.strerror}.",
        "Check the folder's permissions; what is not deleted does no harm.",
    )
