"""When to ask next: short steps near the end, and never past the deadline."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.engine.pace import (
    MAX_RETRY_AFTER_S,
    MAX_STEP_S,
    Clock,
    Pace,
    retry_after_s,
)
from kontext_nb.errors import BadReply, ServiceBusy, StillRunning


class Time:
    """A clock that sleeps without waiting, and remembers its sleeps."""

    def __init__(self):
        self.now_s = 1000.0
        self.slept = []

    @property
    def clock(self):
        return Clock(now=lambda: self.now_s, sleep=self.sleep)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds


def paused_until_the_end(pace):
    async def pausing():
        while True:
            await pace.pause()

    with pytest.raises(StillRunning) as caught:
        asyncio.run(asyncio.wait_for(pausing(), 10))
    return caught.value


def busy(seconds):
    error = ServiceBusy("Busy.", "Wait.")
    error.retry_after_s = seconds
    return error


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_a_retry_after_is_never_absurd(text):
    """Whatever a service asks for, the answer is 0 to 120 seconds."""
    seconds = retry_after_s({"retry-after": text})
    assert 0 <= seconds <= MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        ("7.5", 7.5),
        ("120", 120),
        ("121", 120),
        ("1e9", 120),
        ("-3", 0),
        ("nan", 0),
        ("inf", 0),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 0),
    ],
)
def test_a_retry_after_in_seconds_is_honoured(text, seconds):
    """Seconds count up to two minutes; dates, nonsense and the past count as none."""
    assert retry_after_s({"retry-after": text}) == seconds
    assert retry_after_s({}) == 0


@given(
    expected_s=st.none() | st.floats(0.1, 600),
    deadline_s=st.floats(0.1, 900),
    asked_s=st.lists(st.floats(0, 120), max_size=5),
)
def test_the_deadline_is_kept_whatever_the_service_asks(
    expected_s, deadline_s, asked_s
):
    """No pause is negative or reaches past the deadline, not even a Retry-After."""
    time = Time()
    pace = Pace(time.clock, expected_s, deadline_s)
    for seconds in asked_s:
        pace.trouble(busy(seconds))
        try:
            asyncio.run(pace.pause())
        except StillRunning:
            break
    paused_until_the_end(pace)
    assert all(seconds >= 0 for seconds in time.slept)
    assert time.now_s - 1000 <= deadline_s + 1e-6


def test_without_experience_it_asks_in_growing_steps():
    """The first questions come soon, the later ones every two seconds at most."""
    time = Time()
    paused_until_the_end(Pace(time.clock, None, 60))
    steps = time.slept[:-1]
    assert steps[0] < 0.1
    assert steps == sorted(steps)
    assert steps[-1] == MAX_STEP_S


def test_with_experience_it_asks_often_near_the_expected_end():
    """It asks every two seconds at first, and in short steps from nine tenths on."""
    time = Time()
    pace = Pace(time.clock, 20.0, 60)
    paused_until_the_end(pace)
    ends = [sum(time.slept[: i + 1]) for i in range(len(time.slept))]
    assert any(math.isclose(end, 18.0) for end in ends)
    assert sum(1 for end in ends if 18.0 < end < 19.0) >= 4
    assert sum(1 for end in ends if end <= 18.0 + 1e-6) == 9


def test_a_busy_service_is_left_alone_as_long_as_it_asks():
    """The pause after a Retry-After is at least that long, and only that one."""
    time = Time()
    pace = Pace(time.clock, None, 900)
    pace.trouble(busy(30.0))
    asyncio.run(pace.pause())
    asyncio.run(pace.pause())
    assert time.slept[0] == 30.0
    assert time.slept[1] < 1


def test_the_third_unreadable_answer_in_a_row_is_the_last():
    """Nonsense is asked again twice; a good answer between starts the count anew."""
    pace = Pace(Time().clock, None, 900)
    error = BadReply("Nonsense.", "Re-run.")
    for _ in range(2):
        pace.trouble(error)
    pace.answered()
    for _ in range(2):
        pace.trouble(error)
    with pytest.raises(BadReply):
        pace.trouble(error)


def test_questions_that_are_answered_in_drops_end_at_the_deadline():
    """A block of questions is cut off by the deadline, as the same typed error."""

    async def asking():
        async with Pace(Clock(), None, 0.02).within_deadline():
            await asyncio.Event().wait()

    with pytest.raises(StillRunning, match="not finished"):
        asyncio.run(asyncio.wait_for(asking(), 10))
