"""When to ask next: short steps near the end, and never past the deadline."""

import asyncio
import itertools
import math
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.engine.pace import (
    FIRST_STEP_S,
    MAX_RETRY_AFTER_S,
    MAX_SLEEP_S,
    MAX_STEP_S,
    Backoff,
    Budget,
    Clock,
    Pace,
    asked_pause_s,
)
from kontext_nb.engine.wire import NotSent
from kontext_nb.errors import BadReply, ServiceBusy, StillRunning
from kontext_nb.providers.runcomfy import SOONEST_S


@pytest.fixture(autouse=True)
def quick_questions():
    """Nothing is quicker here than it is for a user."""


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


def dice(seed):
    return random.Random(seed).random  # noqa: S311 - no secret is made of it


def busy(seconds):
    error = ServiceBusy("Busy.", "Wait.")
    error.retry_after_s = seconds
    return error


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_a_retry_after_is_never_absurd(text):
    """Whatever a service asks for, the pause is 0 to 120 seconds, or a refusal."""
    seconds = asked_pause_s({"retry-after": text})
    assert 0 <= seconds <= MAX_RETRY_AFTER_S or seconds == math.inf


NOW_S = 1445412480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        ("7.5", 7.5),
        ("120", 120),
        ("121", math.inf),
        ("1e9", math.inf),
        ("-3", 0),
        ("nan", 0),
        ("inf", 0),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", math.inf),
        ("Wed, 99 Oct 2015 07:28:30 GMT", 0),
    ],
)
def test_a_retry_after_is_read_in_both_its_forms(text, seconds):
    """Seconds and dates count up to two minutes; nonsense and the past as none."""
    assert asked_pause_s({"retry-after": text}, lambda: NOW_S) == seconds
    assert asked_pause_s({}) == 0


def test_a_date_is_compared_with_the_services_own_clock():
    """A machine whose clock is a year off waits as long as it was asked to."""
    headers = {
        "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT",
        "date": "Wed, 21 Oct 2015 07:28:20 GMT",
    }
    assert asked_pause_s(headers, lambda: NOW_S + 31e6) == 10


def tries_of(time, error, failures=99, **facts):
    """Call what fails ``failures`` times with ``error``; return how often it was."""
    backoff = Backoff(time.clock, **facts)

    async def trying():
        for attempt in range(1, failures + 1):
            try:
                await backoff.pause(error)
            except type(error):
                return attempt
        backoff.succeeded()
        return failures + 1

    return asyncio.run(trying())


def not_sent(**facts):
    error = NotSent("No.", "Wait.")
    for name, value in facts.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(("error", "calls"), [(not_sent(), 50), (busy(0), 50)])
def test_the_budget_is_shared_by_all_calls(error, calls):
    """Fifty calls may fail three times each; the next one fails at once."""
    budget, time = Budget(), Time()
    for _ in range(calls):
        assert tries_of(time, error, budget=budget) == 3
    assert tries_of(time, error, budget=budget) == 1


def test_a_timeout_costs_twice_as_much():
    """What kept somebody waiting in vain is tried again only half as often."""
    budget, error = Budget(), not_sent(timed_out=True)
    assert [tries_of(Time(), error, budget=budget) for _ in range(25)] == [3] * 25
    assert tries_of(Time(), error, budget=budget) == 1


def test_success_earns_tries_back_but_no_more_than_there_were():
    """Five calls that went well pay for one more try; a full budget stays as it is."""
    budget = Budget(10)
    assert [tries_of(Time(), not_sent(), budget=budget) for _ in range(2)] == [3, 1]
    for _ in range(5):
        tries_of(Time(), not_sent(), failures=0, budget=budget)
    assert tries_of(Time(), not_sent(), budget=budget) == 2
    for _ in range(100):
        budget.earn()
    assert [tries_of(Time(), not_sent(), budget=budget) for _ in range(2)] == [3, 1]


def test_the_budget_holds_between_threads():
    """Eight threads together get no more than there is."""
    budget, got = Budget(), []

    def spend():
        got.extend(budget.spend(5) for _ in range(50))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 100


def test_what_would_fail_again_is_not_tried_again():
    """A certificate that does not fit, or a wait of hours, ends the tries."""
    time = Time()
    assert tries_of(time, not_sent(lasting=True), budget=Budget()) == 1
    assert tries_of(time, busy(math.inf), budget=Budget()) == 1
    assert time.slept == []


@pytest.mark.parametrize("asked_s", [0.5, 1, 30, 119, 120])
def test_a_pause_is_as_long_as_the_service_asks(asked_s):
    """No shorter, at most a tenth longer, and never above two minutes."""
    time = Time()
    tries_of(time, busy(asked_s), budget=Budget())
    assert len(time.slept) == 2
    for seconds in time.slept:
        assert asked_s <= seconds <= min(1.1 * asked_s, MAX_RETRY_AFTER_S)


@given(
    asked_s=st.lists(st.floats(0, 120), min_size=1, max_size=30),
    seed=st.integers(0, 999),
)
def test_one_call_sleeps_ten_minutes_at_most(asked_s, seed):
    """However often it is tried and whatever is asked, the pauses add up to 600 s."""
    time = Time()
    backoff = Backoff(time.clock, tries=99, budget=Budget(), chance=dice(seed))

    async def trying():
        for seconds in asked_s:
            await backoff.pause(busy(seconds))

    try:
        asyncio.run(trying())
    except ServiceBusy:
        assert sum(time.slept) > MAX_SLEEP_S - MAX_RETRY_AFTER_S
    assert sum(time.slept) <= MAX_SLEEP_S


def test_clients_that_failed_together_do_not_come_back_together():
    """Of 1000 pairs, few agree within a hundredth, and pauses double up to 20 s."""
    firsts, longest = [], 0.0
    for seed in range(1000):
        time = Time()
        tries_of(time, not_sent(), tries=9, budget=Budget(), chance=dice(seed))
        firsts.append(time.slept[0])
        longest = max(longest, *time.slept)
    pairs = itertools.pairwise(firsts)
    assert sum(abs(a - b) < 0.01 * 0.5 for a, b in pairs) < 50
    assert max(firsts) <= 0.5
    assert 19 < longest <= 20


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


def waited(pace, time, job_s):
    """Ask until a job of that many seconds has ended; return how late that is."""

    async def waiting():
        while True:
            await pace.pause()
            if time.now_s - 1000 >= job_s:
                return
            pace.answered()

    asyncio.run(waiting())
    return time.now_s - 1000 - job_s


@given(job_s=st.floats(0, 600), soonest_s=st.floats(0, 5))
def test_without_experience_no_end_is_found_late_by_more_than_its_third(
    job_s, soonest_s
):
    """The extra wait is a third of the job at most, and three seconds at most.

    Only a job that ends sooner than any should is found when the first one may end.
    """
    time = Time()
    late_s = waited(Pace(time.clock, None, 900, soonest_s=soonest_s), time, job_s)
    most_s = max(min(job_s / 3, MAX_STEP_S), FIRST_STEP_S, soonest_s - job_s)
    assert late_s <= most_s + 1e-6


@given(job_s=st.floats(0, 600), soonest_s=st.floats(0.5, 5))
def test_without_experience_the_questions_grow_with_the_logarithm(job_s, soonest_s):
    """Each question is a third later than the one before, then each by 3 s."""
    time = Time()
    waited(Pace(time.clock, None, 900, soonest_s=soonest_s), time, job_s)
    growing = max(0.0, math.log(min(job_s + 1e-9, 9) / soonest_s, 4 / 3))
    even = max(0.0, job_s - 9) / MAX_STEP_S
    assert len(time.slept) <= 1 + math.ceil(growing) + math.ceil(even)


@pytest.mark.parametrize(("job_s", "questions"), [(2, 2), (5, 5), (10, 7), (40, 17)])
def test_the_first_job_at_runcomfy_costs_few_questions(job_s, questions):
    """One of 10 s costs ten requests: these, the submit, the result and its file."""
    time = Time()
    waited(Pace(time.clock, None, 900, soonest_s=SOONEST_S), time, job_s)
    assert len(time.slept) == questions


@pytest.mark.parametrize("expected_s", [None, 30.0])
def test_a_job_taken_long_ago_is_asked_at_once(expected_s):
    """How old a job is counts, not only how long this process has waited for it."""
    time = Time()
    pace = Pace(time.clock, expected_s, 900, soonest_s=20.0, age_s=60.0)
    asyncio.run(pace.pause())
    assert time.slept[0] < 1


@pytest.mark.parametrize("job_s", [2.0, 5.0, 10.0, 20.0])
@pytest.mark.parametrize(("takes", "questions"), [(0.9, 5), (1.0, 6), (1.1, 9)])
def test_with_experience_few_questions_meet_the_end_closely(job_s, takes, questions):
    """A job about as long as expected costs few questions and little time."""
    time = Time()
    late_s = waited(Pace(time.clock, job_s, 900), time, takes * job_s)
    assert len(time.slept) <= questions
    assert late_s < 0.07 * job_s


def test_experience_settles_within_two_jobs():
    """What is learnt from the first, coarse answer is close at once, and no dearer."""
    expected_s, late = None, []
    for _ in range(4):
        time = Time()
        pace = Pace(time.clock, expected_s, 900, soonest_s=SOONEST_S)
        late.append(waited(pace, time, 10))
        assert len(time.slept) <= 7
        expected_s = pace.ended_s
    assert all(seconds < 0.3 for seconds in late[2:])
    assert abs(expected_s - 10) < 0.2


def test_a_question_that_failed_tells_nothing_of_when_a_job_ended():
    """The end lies between the last good answer and the one that found it."""
    time = Time()
    pace = Pace(time.clock, None, 900)
    asyncio.run(pace.pause())
    pace.answered()
    asyncio.run(pace.pause())
    pace.trouble(busy(0))
    asyncio.run(pace.pause())
    assert pace.ended_s == pytest.approx((time.slept[0] + sum(time.slept)) / 2)


def test_a_long_job_is_asked_now_and_then_while_it_queues():
    """However long it is expected to take, ten seconds is the longest silence."""
    time = Time()
    paused_until_the_end(Pace(time.clock, 300.0, 900))
    assert max(time.slept) == 10
    steps = time.slept[: time.slept.index(min(time.slept[:-1]))]
    assert steps == sorted(steps, reverse=True)


def test_questions_that_fail_come_later_and_later_but_without_limit():
    """Hundreds of failed questions do not end the wait, and no pause passes 20 s."""
    time = Time()
    pace = Pace(time.clock, None, 1e9, dice(0))

    async def failing():
        for _ in range(2000):
            pace.trouble(busy(0))
            await pace.pause()

    asyncio.run(failing())
    assert max(time.slept[:3]) < 5
    assert 15 < max(time.slept[-100:]) <= 20


def test_a_service_that_asks_for_hours_ends_the_wait():
    """The job stays; its error says so at once instead of sleeping."""
    pace = Pace(Time().clock, None, 900)
    with pytest.raises(ServiceBusy):
        pace.trouble(busy(math.inf))


def test_a_question_that_would_fail_again_is_not_put_again():
    """A certificate that does not fit now does not in a minute either."""
    error = not_sent(lasting=True).given_up()
    with pytest.raises(ServiceBusy) as caught:
        Pace(Time().clock, None, 900).trouble(error)
    assert caught.value.exit_code == 69


def test_a_busy_service_is_left_alone_as_long_as_it_asks():
    """The pause after a Retry-After is at least that long, and only that one."""
    time = Time()
    pace = Pace(time.clock, None, 900)
    pace.trouble(busy(30.0))
    asyncio.run(pace.pause())
    pace.answered()
    asyncio.run(pace.pause())
    assert time.slept == [30.0, MAX_STEP_S]


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
