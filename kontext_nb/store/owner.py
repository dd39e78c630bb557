"""Which process holds a job it is sending, and whether that process still lives.

A process id alone is not enough: it is given out again, after a reboot too. So an owner
is named by host, boot, process and the moment it started.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19  # of the fields after the name, in /proc/<pid>/stat


def mine() -> str:
    """Return this process as an owner: ``host|boot id|pid|start``."""
    return _named(os.getpid())


@cache  # by its id, for a fork is another process
def _named(pid: int) -> str:
    return "|".join((_host(), _boot(), str(pid), _start(pid)))


def is_dead(owner: str) -> bool | None:
    """Tell whether an owner's process has ended; None where that cannot be known.

    Args:
        owner: As `mine` named it. What is no owner's name counts as dead.
    """
    parts = owner.split("|")
    if len(parts) != 4 or not parts[2].isdigit():  # noqa: PLR2004 - see `mine`
        return True
    host, boot, pid, start = parts
    if host != _host():
        return None  # another machine shares this store over a network
    return boot != _boot() or not _alive(int(pid)) or start != _start(int(pid))


def _host() -> str:
    return socket.gethostname().replace("|", "-")


def _boot() -> str:
    """Return what differs for each boot; "" on systems that do not say."""
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return ""


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's, but it is there
        return True
    return True


def _start(pid: int) -> str:
    """Return when a process started, in ticks; "" on systems without /proc."""
    with suppress(OSError, IndexError):
        # The name, in parentheses, may hold anything, spaces too.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # A zombie holds its id, but nothing else.
        return "" if fields[0] == "Z" else fields[_STARTED]
    return ""
