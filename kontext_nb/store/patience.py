"""How long one call may wait, all told: for a lock, for a question, for its job.

Every wait of a call takes from the same time. So a store that is locked, or a catalogue
that is silent, does not come on top of the deadline the user gave.

A lock is tried again and again, and the waiting between two tries is Python's: sqlite's
own waiting hears no Ctrl-C, and would hold up a whole event loop.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from kontext_nb.errors import StoreError

T = TypeVar("T")

# However much time is left, who holds a lock for longer than this does not give it up.
LOCK_S = 30.0
# After its time a call still writes down what it knows, so a lock gets a moment more.
LAST_S = 0.1
# How long one try of a lock may take before a Stop is heard again.
TRY_S = 0.05
# Between two tries, first and at most: who holds it seldom does so for longer.
FIRST_PAUSE_S, PAUSE_S = 0.001, 0.025

# By context: work that is started inside a block takes the block's time along.
_until_s: ContextVar[float] = ContextVar("until_s", default=math.inf)
_try_s: ContextVar[float] = ContextVar("try_s", default=TRY_S)


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """Give a block, and the work that is started in it, that many seconds.

    Args:
        limit_s: Seconds, from now on; inside another block no more than that has left.
    """
    token = _until_s.set(min(_until_s.get(), time.monotonic() + limit_s))
    try:
        yield
    finally:
        _until_s.reset(token)


def left_s() -> float:
    """Return the seconds that are left, never below 0; infinity outside a block."""
    return max(0.0, _until_s.get() - time.monotonic())


def try_s() -> float:
    """Return how many seconds one try of a lock may wait for it."""
    return _try_s.get()


def waiting(work: Callable[[], T]) -> T:
    """Do something with the store, and do it again while somebody else holds it.

    Args:
        work: What stops it halfway is as if it had not begun.

    Raises:
        StoreError: It is held for too long, or something else is wrong.
    """
    began_s = time.monotonic()
    while True:
        try:
            return work()
        except StoreError as error:
            # Without time for one try this is part of what `yielding` tries.
            if not try_s() or not _goes_on(error, began_s):
                raise
        time.sleep(FIRST_PAUSE_S)


async def yielding(work: Callable[[], T], *, to_its_end: bool = False) -> T:
    """Do on an event loop what `waiting` does; what else runs there goes on meanwhile.

    Args:
        work: See `waiting`. A cancel finds it done, or nothing of it.
        to_its_end: Whether a first cancel is heard only once it is done: for what has
            happened, and is to be written down.

    Raises:
        StoreError: See `waiting`.
        asyncio.CancelledError: The task was cancelled.
    """
    import asyncio

    began_s, pause_s, stop = time.monotonic(), FIRST_PAUSE_S, None
    while True:
        token = _try_s.set(0.0)
        try:
            done = work()
            break
        except StoreError as error:
            if not _goes_on(error, began_s):
                raise
        finally:
            _try_s.reset(token)
        try:
            await asyncio.sleep(pause_s)
        except asyncio.CancelledError as cancelled:
            if stop or not to_its_end:
                raise
            stop = cancelled
        pause_s = min(2 * pause_s, PAUSE_S)
    if stop:
        raise stop
    return done


def _goes_on(error: StoreError, began_s: float) -> bool:
    """Tell whether what failed is to be tried again."""
    waited_s = time.monotonic() - began_s
    return is_locked(error) and (
        waited_s < LAST_S or (waited_s < LOCK_S and left_s() > 0)
    )


def is_locked(error: StoreError) -> bool:
    """Tell whether all that is wrong is that somebody else holds the store now."""
    cause = error.__cause__
    code: int = getattr(cause, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY or isinstance(cause, BlockingIOError)
