"""When to ask next, and when to stop asking."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kontext_nb.errors import BadReply, KontextError, ServiceBusy, StillRunning

FIRST_STEP_S, STEP_GROWTH, MAX_STEP_S = 0.05, 1.5, 2.0
# Near the expected end it is worth asking often: this much before it, and after.
CLOSE_TO_END = 0.9
BAD_REPLY_TRIES = 3
# After Stop: how long an answer under way is still heard, then the cancel's own limit.
ANSWER_GRACE_S = 2.0
CANCEL_TIMEOUT_S = 5.0
CLEAN_UP_S = ANSWER_GRACE_S + CANCEL_TIMEOUT_S + 1.0
MAX_RETRY_AFTER_S = 120.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, passed in so that tests need not wait.

    Args:
        now: Monotonic seconds.
        sleep: Waits that many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Pace:
    """The pauses of one waiting job.

    Until nine tenths of the expected time it asks every 2 s, only to show the place in
    the queue; from there in short growing steps of at most 2 s.

    Args:
        clock: Time.
        expected_s: Running median of past jobs; None to ask in short steps from the
            start.
        deadline_s: How long to go on.
    """

    def __init__(
        self, clock: Clock, expected_s: float | None, deadline_s: float
    ) -> None:
        self._clock = clock
        self._close_s = CLOSE_TO_END * (expected_s or 0.0)
        self._deadline_s = deadline_s
        self._started = clock.now()
        self._step_s = FIRST_STEP_S
        self._asked_for_s = 0.0
        self._bad_replies = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since waiting began."""
        return self._clock.now() - self._started

    @property
    def _left_s(self) -> float:
        return max(0.0, self._deadline_s - self.elapsed_s)

    async def pause(self) -> None:
        """Wait until it is time to ask again.

        Raises:
            StillRunning: The deadline has passed.
        """
        until_close_s = self._close_s - self.elapsed_s
        if until_close_s > 0:
            pause_s = max(min(until_close_s, MAX_STEP_S), FIRST_STEP_S)
        else:
            pause_s = self._step_s
            self._step_s = min(self._step_s * STEP_GROWTH, MAX_STEP_S)
        pause_s = max(pause_s, self._asked_for_s)
        # The deadline holds also where the service asks for a longer pause.
        left_s = self._left_s
        await self._clock.sleep(min(pause_s, left_s))
        if pause_s >= left_s:
            raise self._overdue()
        self._asked_for_s = 0.0

    @asynccontextmanager
    async def within_deadline(self) -> AsyncIterator[None]:
        """Bound a block of questions, however slowly they are answered.

        Raises:
            StillRunning: The deadline has passed.
        """
        try:
            async with asyncio.timeout(self._left_s):
                yield
        except TimeoutError:
            raise self._overdue() from None

    def _overdue(self) -> StillRunning:
        return StillRunning(
            f"The edit is not finished after {self.elapsed_s:.0f} s.",
            "Re-run to go on waiting: nothing is sent again.",
        )

    def answered(self) -> None:
        """Note a good answer."""
        self._bad_replies = 0

    def trouble(self, error: KontextError) -> None:
        """Note an answer that did not come, or could not be read.

        Raises:
            KontextError: ``error`` itself, once asking again has no point.
        """
        if isinstance(error, ServiceBusy):
            self._asked_for_s = error.retry_after_s
        if isinstance(error, BadReply):
            self._bad_replies += 1
            if self._bad_replies >= BAD_REPLY_TRIES:
                raise error


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Return the seconds a ``Retry-After`` asks for, 0 to 120; 0 for nonsense.

    The date form is ignored: it compares two clocks, and no provider here sends it.
    """
    try:
        seconds = float(headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
    if not math.isfinite(seconds) or seconds < 0:
        return 0.0
    return min(seconds, MAX_RETRY_AFTER_S)
