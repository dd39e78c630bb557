"""Work that takes its time, away from the thread a front end's message came on."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable


def attempt(work: Callable[[], object]) -> None:
    """Do ``work``; what it raises is told as of a thread, and ends nothing else."""
    try:
        work()
    except Exception:  # noqa: BLE001 - whatever it is
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))


class Aside:
    """Does one thing after the other, in a thread that is there while it is needed.

    Args:
        latest_only: Whether what waits is dropped for what comes later. Who clicks
            through ten steps wants to see the last of them, not all ten in turn.
    """

    def __init__(self, *, latest_only: bool = False) -> None:
        self._waiting: deque[Callable[[], object]] = deque(
            maxlen=1 if latest_only else None
        )
        self._lock = threading.Lock()
        self._working = False
        self._idle = threading.Event()
        self._idle.set()

    def do(self, work: Callable[[], object]) -> None:
        """Do ``work`` soon; return at once."""
        with self._lock:
            self._waiting.append(work)
            if self._working:
                return
            self._working = True
            self._idle.clear()
        threading.Thread(target=self._work, daemon=True).start()

    def settled(self, limit_s: float) -> bool:
        """Wait until all is done; False if that takes longer."""
        return self._idle.wait(limit_s)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._working = False
                    self._idle.set()
                    return
                work = self._waiting.popleft()
            attempt(work)
