"""How long one call may wait, all told: for a lock, for a question, for its job.

Every wait of a call takes from the same time. So a store that is locked, or a catalogue
that is silent, does not come on top of the deadline the user gave.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# After its time a call still writes down what it knows, so a lock gets a moment more.
LAST_S = 0.2

# By context: work that is started inside a block takes the block's time along.
_until_s: ContextVar[float] = ContextVar("until_s", default=math.inf)


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


def for_lock_s(most_s: float) -> float:
    """Return how many seconds to wait for a lock.

    Args:
        most_s: No longer than that, however much is left.
    """
    return min(most_s, max(LAST_S, left_s()))
