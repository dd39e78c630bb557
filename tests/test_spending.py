"""The user's caps: no edit gets past them, whoever asks, whatever became of it."""

import math
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_nb import pixels
from kontext_nb.errors import LimitReached, StoreError
from kontext_nb.lifecycle import TABLE, Event, State
from kontext_nb.model import Limits
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests.asking import asked
from tests.test_ledger import job, step

PAID = asked(provider="runcomfy", seed=7)
NO_LIMITS = Limits()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite3")


def sent(ledger, name, price=0.04, limits=NO_LIMITS, request=PAID):
    """Return a job that was claimed for sending."""
    made = job(name, request.having(seed=abs(hash(name)) % 2**31), estimate_usd=price)
    ledger.add(step(made))
    return ledger.claim(made, 1.0, owner="me", limits=limits)


def test_max_edits_counts_every_paid_request(ledger):
    """The one after the last allowed is refused, and stays unsent."""
    for name in "abc":
        sent(ledger, name, limits=Limits(max_edits=3))
    with pytest.raises(LimitReached, match="max_edits is 3"):
        sent(ledger, "d", limits=Limits(max_edits=3))
    assert ledger.job("d").state is State.INTENT
    assert ledger.spent().edits == 3


def test_a_budget_is_reached_to_the_cent(ledger):
    """Three edits of 4 cents fit 12 cents, a fourth does not."""
    for name in "abc":
        sent(ledger, name, limits=Limits(budget_usd=0.12))
    with pytest.raises(LimitReached, match=r"\$0.12"):
        sent(ledger, "d", limits=Limits(budget_usd=0.12))


@pytest.mark.parametrize("price", [None, math.inf])
def test_an_unknown_price_never_fits_a_budget(ledger, price):
    """Unknown is not free."""
    with pytest.raises(LimitReached, match="not known"):
        sent(ledger, "a", price, limits=Limits(budget_usd=100))


def test_the_demo_is_never_limited(ledger):
    """What costs nothing passes a cap of nothing, and does not count."""
    sent(ledger, "a", None, Limits(0.0, 0), asked(seed=7))
    assert ledger.spent().edits == 0


@pytest.mark.parametrize(
    ("events", "edits"),
    [
        ((Event.WITHDRAW,), 0),
        ((Event.FAIL,), 0),
        ((Event.LOSE,), 1),
        ((Event.LOSE, Event.ABANDON), 1),
        ((Event.LOSE, Event.RESUBMIT), 1),
        ((Event.ACCEPT, Event.FAIL), 1),
        ((Event.ACCEPT, Event.FINISH), 1),
        ((Event.ACCEPT, Event.EXPIRE), 1),
    ],
)
def test_what_may_have_been_charged_counts(ledger, events, edits):
    """Only what certainly was not taken is given back."""
    made = sent(ledger, "a")
    for event in events:
        made = ledger.record(made, event, 2.0)
    assert ledger.spent().edits == edits
    assert ledger.spent().usd == pytest.approx(0.04 * edits)
    if made.state is State.INTENT and edits:
        ledger.claim(made, 3.0, owner="me", limits=NO_LIMITS)
        assert ledger.spent().usd == pytest.approx(0.08)


def test_a_told_cost_takes_the_estimates_place(ledger):
    """What the service says it cost is what it cost."""
    made = ledger.record(sent(ledger, "a"), Event.ACCEPT, 2.0, request_id="r")
    ledger.record(made, Event.FINISH, 3.0, cost_usd=0.5)
    assert ledger.spent().usd == pytest.approx(0.5)


STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(Event)), max_size=25
)


@settings(max_examples=40)
@given(STEPS)
def test_no_order_of_events_passes_a_cap(tmp_path_factory, steps):
    """Whatever happens to four jobs, never are more than two sendings counted."""
    ledger = Ledger(tmp_path_factory.mktemp("s") / "ledger.sqlite3")
    for name in "abcd":
        ledger.add(step(job(name, PAID.having(seed=ord(name)))))
    for name, event in steps:
        made = ledger.job(name)
        if (made.state, event) not in TABLE:
            continue
        if event is Event.SEND:
            try:
                ledger.claim(made, 1.0, owner="me", limits=Limits(max_edits=2))
            except LimitReached:
                continue
        else:
            ledger.record(made, event, 2.0)
        assert 0 <= ledger.spent().edits <= 2


def _spend(path, names):
    ledger = Ledger(Path(path))
    for name in names:
        try:
            ledger.claim(ledger.job(name), 1.0, owner="me", limits=Limits(max_edits=10))
        except (LimitReached, StoreError):
            continue


def test_a_cap_holds_over_processes(ledger):
    """Eight processes that try a hundred edits send ten."""
    names = [f"j{i}" for i in range(100)]
    for name in names:
        ledger.add(step(job(name, PAID.having(seed=len(name)), estimate_usd=0.1)))
    context = multiprocessing.get_context("spawn")
    shares = [names[i::4] + names[(i + 1) % 4 :: 4] for i in range(4)] * 2
    workers = [
        context.Process(target=_spend, args=(ledger.path, share)) for share in shares
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert ledger.spent().edits == 10


def test_a_store_of_the_first_schema_opens(tmp_path):
    """What it holds is found by today's fingerprints, with its pictures."""
    shutil.copytree(Path(__file__).parent / "stores" / "schema-1", tmp_path / "s")
    ledger, blobs = Ledger(tmp_path / "s/ledger.sqlite3"), Blobs(tmp_path / "s/blobs")
    done = ledger.jobs(State.DONE)
    assert {made.request.prompt for made in done} == {"Make it sepia", "Make it night"}
    for made in done:
        pixels.load(blobs.get(made.source))
        pixels.load(blobs.get(made.result))
        (digest,) = made.request.pictures
        same = asked(source=digest, prompt=made.request.prompt, seed=made.request.seed)
        assert (made.ask, made.request) == (same.fingerprint, same)
        fresh = replace(made, id=f"fresh-{made.id}", state=State.INTENT)
        assert ledger.add(step(fresh), adopt={State.DONE}).job == made
    (failed,) = ledger.jobs(State.FAILED)
    assert failed.error
