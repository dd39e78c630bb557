"""Jupyter's Stop and a terminal's Ctrl-C, while something is waited for.

Python's own handler raises KeyboardInterrupt wherever the main thread stands: in the
middle of a request, of its clean-up, or of a line being drawn. So a press is written
down instead, and whoever waits looks several times a second.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# What a stopped wait ends with.
STOPPED = (KeyboardInterrupt, asyncio.CancelledError)

# Their handlers only ask the running loop to cancel, which it cannot while a wait
# inside of it blocks it.
_ASKING = ("asyncio.", "ipykernel.")


class Stop:
    """How often Stop was pressed, and what that should raise."""

    def __init__(self, raised: type[BaseException]) -> None:
        self.presses = 0
        self._raised = raised

    def raise_if_pressed(self) -> None:
        """Raise what a stopped wait ends with, also where it had just ended well."""
        if self.presses:
            raise self._raised


@contextmanager
def noting_stop() -> Iterator[Stop]:
    """Write down in the value given what would raise or cancel meanwhile.

    Inside of a coroutine, which a cell with a top-level `await` is, the wait should end
    with CancelledError: KeyboardInterrupt would go through the loop and end the kernel.
    Other threads get no signals, and a handler of the user's own stays in force.
    """
    before = signal.getsignal(signal.SIGINT)
    asks = _asks(before)
    stop = Stop(asyncio.CancelledError if asks else KeyboardInterrupt)
    ours = asks or before is signal.default_int_handler
    if not ours or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def pressed(*which: Any) -> None:
        stop.presses += 1
        if asks and callable(before) and stop.presses == 1:
            before(*which)  # what comes after the wait is to be cancelled too

    signal.signal(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _asks(handler: Callable[..., Any] | int | None) -> bool:
    inner = handler.func if isinstance(handler, functools.partial) else handler
    return str(getattr(inner, "__module__", "")).startswith(_ASKING)
