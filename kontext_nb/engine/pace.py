"""When to ask next, when to try again, and when to stop.

A `Pace` spaces the questions about one job that takes its time. A `Backoff` spaces the
tries of one call that failed; all of the process share one `Budget` of such tries, so
that a service in trouble is not asked three times as much by everybody.
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from kontext_nb.errors import BadReply, KontextError, ServiceBusy, StillRunning

# Without experience: a third of what has passed, so that no end is found out later than
# by a third of its time. From RunComfy's first 1.8 s to 10 s that is seven questions.
FIRST_STEP_S, SHARE, MAX_STEP_S = 0.15, 1 / 3, 3.0
# With it: three quarters of what is left of the expected time, but no step so small
# beside the job that asking would cost more than it gains. A job of 10 s costs five
# questions, and one that ends early is found out after a part of what it was early by.
TOWARDS_THE_END, MAX_GLANCE_S = 3 / 4, 10.0
SMALLEST_STEP, MIN_STEP_S = 0.02, 0.04
LATE_GROWTH = 1.5
BAD_REPLY_TRIES = 3
# After Stop: how long an answer under way is still heard, then the cancel's own limit.
ANSWER_GRACE_S = 1.1
CANCEL_TIMEOUT_S = 5.0
# How long whoever pressed Stop waits to hear what came of it; the rest goes on unheard.
# With what it takes to say so, and to end a process, it is less than two seconds.
STOP_S = 1.3

MAX_RETRY_AFTER_S = 120.0
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 20.0
MAX_SLEEP_S = 600.0  # over all the tries of one call
BUDGET, TRY_COST, TIMEOUT_COST = 500, 5, 10


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, passed in so that tests need not wait.

    Args:
        now: Monotonic seconds.
        sleep: Waits that many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Budget:
    """How many more tries all the calls of a process may have.

    Every try costs; every call that went well gives one back. Once it is empty,
    errors are raised at once: what fails that often fails again.

    Args:
        tokens: What it begins with, and never exceeds.
    """

    def __init__(self, tokens: int = BUDGET) -> None:
        self._full = self._tokens = tokens
        self._lock = threading.Lock()  # each bridge has a loop and thread of its own

    def spend(self, cost: int) -> bool:
        """Take ``cost``, or return False if there is not that much."""
        with self._lock:
            enough = self._tokens >= cost
            self._tokens -= cost * enough
            return enough

    def earn(self) -> None:
        """Give one back."""
        with self._lock:
            self._tokens = min(self._tokens + 1, self._full)


SHARED = Budget()


class Backoff:
    """The pauses between the tries of one call that may be made again.

    Args:
        clock: Time.
        tries: How often to make the call, all told.
        most_s: How long to pause, all told.
        budget: What other calls draw on too.
        chance: Random numbers from 0 to 1, so that clients that failed together do
            not come back together.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        tries: int = 3,
        most_s: float = MAX_SLEEP_S,
        budget: Budget = SHARED,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._tries = tries
        self._most_s = most_s
        self._budget = budget
        self._chance = chance
        self._failed = 0
        self._slept_s = 0.0

    async def pause(self, error: KontextError) -> None:
        """Wait until the call that failed with ``error`` may be made again.

        Raises:
            KontextError: ``error`` itself, if it may not: it was tried often enough,
                would fail again, or the service asks for too long a pause.
        """
        asked_s = getattr(error, "retry_after_s", 0.0)
        cost = TIMEOUT_COST if getattr(error, "timed_out", False) else TRY_COST
        pause_s = _jittered(self._failed, self._chance())
        if asked_s:
            # No sooner than asked, and not all at the same moment.
            pause_s = min(asked_s * (1 + self._chance() / 10), MAX_RETRY_AFTER_S)
        self._failed += 1
        if (
            self._failed >= self._tries
            or getattr(error, "lasting", False)
            or asked_s > MAX_RETRY_AFTER_S
            or self._slept_s + pause_s > self._most_s
            or not self._budget.spend(cost)
        ):
            raise error
        self._slept_s += pause_s
        await self._clock.sleep(pause_s)

    def exhaust(self) -> None:
        """Allow no further try: the time for it is over."""
        self._tries = 0

    def succeeded(self) -> None:
        """Note that the call went well."""
        self._budget.earn()


def _jittered(failed: int, chance: float) -> float:
    """Return a pause from nothing to one that doubles with each failure before."""
    return chance * min(FIRST_BACKOFF_S * 2.0 ** min(failed, 10), MAX_BACKOFF_S)


class Pace:
    """The pauses of one waiting job.

    Without experience each step is a third of the time waited so far, but at least
    0.15 s and at most 3 s. With it each step is three quarters of what is left until
    the expected end, and past it steps grow slowly, to 3 s at most. A question that
    failed is put again by the same pace, later and later, until the deadline: it is one
    the job would have been asked anyway, so it does not draw on the budget.

    Args:
        clock: Time.
        expected_s: Running median of past jobs; None without experience.
        deadline_s: How long to go on.
        chance: Random numbers from 0 to 1.
        least_s: Least pause between two questions.
        soonest_s: Without experience, how old a job is when it may have ended.
        age_s: How old the job is now.
    """

    def __init__(
        self,
        clock: Clock,
        expected_s: float | None,
        deadline_s: float,
        chance: Callable[[], float] = random.random,
        *,
        least_s: float = 0.0,
        soonest_s: float = 0.0,
        age_s: float = 0.0,
    ) -> None:
        self._clock = clock
        self._least_s = least_s
        self._expected_s = expected_s or 0.0
        self._soonest_s = soonest_s
        self._age_s = age_s
        self._deadline_s = deadline_s
        self._chance = chance
        self._started = clock.now()
        self._step_s = max(SMALLEST_STEP * self._expected_s, MIN_STEP_S)
        self._asked_for_s = 0.0
        self._troubles = 0
        self._bad_replies = 0
        self._trouble: KontextError | None = None
        self._put_s = self._running_s = 0.0

    @property
    def ended_s(self) -> float:
        """Seconds until the job probably ended, once the last question found it so.

        That is halfway between the last two answers. Taken for how long jobs take,
        the time of the last one would make the next ones wait longer, and so on.
        """
        return (self._running_s + self._put_s) / 2

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
        step_s = self._expectant_s() if self._expected_s else self._patient_s()
        pause_s = max(step_s, self._least_s)
        if self._troubles:
            later_s = _jittered(self._troubles, self._chance())
            pause_s = max(pause_s, later_s, self._asked_for_s)
        # The deadline holds also where the service asks for a longer pause.
        left_s = self._left_s
        await self._clock.sleep(min(pause_s, left_s))
        if pause_s >= left_s:
            raise self._overdue()
        self._asked_for_s = 0.0
        self._put_s = self.elapsed_s

    def _patient_s(self) -> float:
        """Return the next step where nobody knows how long such jobs take."""
        waited_s = self.elapsed_s
        step_s = min(SHARE * waited_s, MAX_STEP_S)
        return max(step_s, FIRST_STEP_S, self._soonest_s - self._age_s - waited_s)

    def _expectant_s(self) -> float:
        """Return the next step towards the expected end, or past it."""
        ahead_s = self._expected_s - self._age_s - self.elapsed_s
        glance_s = min(TOWARDS_THE_END * ahead_s, MAX_GLANCE_S)
        if glance_s > self._step_s:
            return glance_s
        step_s = min(self._step_s, MAX_STEP_S)
        self._step_s = step_s * LATE_GROWTH
        return step_s

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
        trouble, said = self._trouble, "."
        if trouble:
            said = f", and the last question failed: {trouble.problem}"
        error = StillRunning(
            f"The edit is not finished after {self.elapsed_s:.0f} s{said}",
            "Re-run to go on waiting: nothing is sent again.",
        )
        if trouble:  # a service that is broken is no job that takes its time
            error.exit_code = trouble.exit_code
        return error

    def answered(self) -> None:
        """Note a good answer: the job goes on."""
        self._running_s = self._put_s
        self._bad_replies = self._troubles = 0
        self._trouble = None

    def trouble(self, error: KontextError) -> None:
        """Note an answer that did not come, or could not be read.

        Raises:
            KontextError: ``error`` itself, once asking again has no point.
        """
        self._troubles += 1
        self._trouble = error
        if isinstance(error, ServiceBusy):
            self._asked_for_s = error.retry_after_s
            if self._asked_for_s > MAX_RETRY_AFTER_S or error.lasting:
                raise error
        if isinstance(error, BadReply):
            self._bad_replies += 1
            if self._bad_replies >= BAD_REPLY_TRIES:
                raise error


def asked_pause_s(
    headers: Mapping[str, str], wall_s: Callable[[], float] = time.time
) -> float:
    """Return the seconds that a ``Retry-After`` asks for.

    A date is compared with the answer's own date, since the two clocks may differ.

    Args:
        headers: Names in lower case.
        wall_s: Unix seconds, for an answer without a date.

    Returns:
        From 0 to 120; 0 for nonsense and for the past; infinity if it asks for more,
        which is no pause but a refusal.
    """
    text = headers.get("retry-after", "0")
    try:
        seconds = float(text)
    except ValueError:
        until = _unix_s(text)
        now = _unix_s(headers.get("date", ""))
        seconds = until - (wall_s() if math.isnan(now) else now)
    if not math.isfinite(seconds) or seconds < 0:
        return 0.0
    return seconds if seconds <= MAX_RETRY_AFTER_S else math.inf


def _unix_s(date: str) -> float:
    """Return an HTTP date as Unix seconds, or NaN."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan
