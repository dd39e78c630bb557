"""Where the store lies: on a filesystem whose locks may not hold, there is more to do.

Some network filesystems grant the same lock to everybody. sqlite cannot see that, so
the user is warned, and the ledger is used under a file that only one process can make.
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from kontext_nb.errors import StoreError
from kontext_nb.model import echo

MIB = 2**20
RESULT_BYTES = 64 * MIB  # what one result may take
_MOUNTS = Path("/proc/mounts")
_NETWORK = (
    *("nfs*", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p"),
    *("fuse", "fuse.*"),  # sshfs and its like; a local disk's is fuseblk
)
_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")

_seen: set[Path] = set()


def type_of(path: PurePosixPath, mounts: str) -> str:
    """Return the filesystem type of a path; "" if no line fits.

    Args:
        path: Absolute, without symbolic links.
        mounts: What /proc/mounts says.
    """
    deepest, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, folder, type
            continue
        # Blanks in names stand as octal numbers there.
        name = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[1])
        folder = PurePosixPath(name)
        depth = len(folder.parts)
        # What is mounted later covers what is mounted in the same place.
        if depth >= deepest and path.is_relative_to(folder):
            deepest, found = depth, fields[2]
    return found


def is_network(path: Path) -> bool:
    """Tell whether a path is on a filesystem whose locks may not hold.

    False where that cannot be known; the path need not be there yet.
    """
    with suppress(OSError, RuntimeError):  # no such list, or a loop of links
        mounts = os.fsdecode(_MOUNTS.read_bytes())
        kind = type_of(PurePosixPath(path.resolve()), mounts)
        return any(fnmatchcase(kind, pattern) for pattern in _NETWORK)
    return False


def warn_once(folder: Path) -> None:
    """Warn if the store's folder is on such a filesystem; once in a process."""
    if folder in _seen:
        return
    _seen.add(folder)
    if is_network(folder):
        warnings.warn(
            f"The store {folder} is on a network filesystem, where two kernels may "
            "not see each other's locks. Set KONTEXT_NB_HOME to a folder on a local "
            "disk, or use the store from one kernel at a time.",
            stacklevel=2,
        )


def check_room(folder: Path) -> None:
    """Refuse a store in which there may be no room for another result.

    Raises:
        StoreError: There is less than 64 MiB.
    """
    with suppress(OSError):  # a disk that does not tell is found out by writing
        free = shutil.disk_usage(folder).free
        if free < RESULT_BYTES:
            raise StoreError(
                f"{folder} has no room for a result: {free // MIB} MiB free.",
                "Free some space and re-run; nothing was sent.",
            )


def file_of(folder: Path, job_id: str, suffix: str = "") -> Path:
    """Return a job's file in a folder.

    Raises:
        StoreError: It is no job's id; a damaged row could lead anywhere.
    """
    if not _ID.fullmatch(job_id):
        raise StoreError(
            f"{echo(job_id)} is no job of the store.",
            "The ledger is damaged: restore it from a backup.",
        )
    return folder / (job_id + suffix)
