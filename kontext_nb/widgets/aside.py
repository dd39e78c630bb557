"""Work that takes its time, away from the thread a front end's message came on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def aside(work: Callable[..., object], *given: Any) -> None:
    """Do ``work`` on a thread of its own, and return at once."""
    threading.Thread(target=work, args=given, daemon=True).start()


class Latest:
    """Does the latest of the things it is asked for, one at a time.

    Who clicks through ten steps wants to see the last of them, not all ten in turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Callable[[], object] | None = None
        self._working = False
        self._idle = threading.Event()
        self._idle.set()

    def do(self, work: Callable[[], object]) -> None:
        """Do ``work`` soon, unless something later comes first; return at once."""
        with self._lock:
            self._next = work
            if self._working:
                return
            self._working = True
            self._idle.clear()
        aside(self._work)

    def settled(self, limit_s: float) -> bool:
        """Wait until all is done; False if that takes longer."""
        return self._idle.wait(limit_s)

    def _work(self) -> None:
        while True:
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._working = False
                    self._idle.set()
                    return
            work()
