"""Any order of edits, lost answers, crashes and decisions: nobody pays twice.

A machine plays the user, the service and the crashes; hypothesis chooses the order, and
after each step the store is held against the books of the service.
"""

import contextlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import kontext_nb as kx
from kontext_nb.engine import pace
from kontext_nb.errors import KontextError, LimitReached
from kontext_nb.lifecycle import CAME_TO_NOTHING, State
from kontext_nb.model import Limits
from kontext_nb.session import desk as desks
from kontext_nb.session import errand, models
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import Settings, current
from kontext_nb.store import owner
from tests.billing import PRICE_USD, REFUSALS
from tests.crashing import PROMPT, SOURCE, forgetful, unlike

LOSSES = ("lose", "odd")
WHICH = range(1, 5)
EDITS = st.sampled_from(WHICH)
DEAD = "|".join([*owner.mine().split("|")[:2], "1", "0"])  # init, but started never
RUNS = itertools.count(1)


class Lossy(RuleBasedStateMachine):
    """One user, one store, one service.

    Args:
        shop: The service.
        folder: For stores.
    """

    def __init__(self, shop, folder):
        super().__init__()
        self.shop = shop
        self.first = next(RUNS) * 1000  # so that no two machines share a seed
        self.home = folder / f"store-{self.first}"
        self.desk = Desk(Settings(home=self.home))
        self.limits = {}
        shop.script()
        # Else a price could be unknown where a short deadline left no time to ask.
        models.known(replace(current(), home=self.home))

    def ask(self, which, **script):
        """Ask for an edit of a service that does as the script says."""
        self.shop.script(**script)
        here = kx.configure(home=self.home, **self.limits)
        with here, contextlib.suppress(KontextError):
            kx.edit(SOURCE, PROMPT, seed=self.first + which)
        self.shop.script()

    def jobs(self, *states):
        return sorted(self.desk.ledger.jobs(*states), key=lambda job: job.created_at)

    def resume(self, job, **decision):
        here = kx.configure(home=self.home, **self.limits)
        with here, contextlib.suppress(KontextError):
            kx.resume(job.id, **decision)

    @rule(which=EDITS)
    def edit(self, which):
        """All goes well, unless the edit was lost before."""
        self.ask(which)

    @rule(which=EDITS, how=st.sampled_from(LOSSES))
    def lose_the_answer(self, which, how):
        """It is booked, and no answer to use ever comes."""
        self.ask(which, submit=how)

    @rule(which=EDITS, how=st.sampled_from(sorted(REFUSALS)))
    def refuse(self, which, how):
        """It is not taken."""
        self.ask(which, submit=how)

    @rule(which=EDITS)
    def leave_in_the_queue(self, which):
        """The deadline passes and the job goes on."""
        for deadline_s in (0.15, 0.6, 2.4, 9.6):
            with kx.configure(deadline_s=deadline_s):
                self.ask(which, status="in_queue")
            # On a busy machine it passes before anything is sent: that is another rule.
            unsent = [job.request.seed for job in self.jobs(State.INTENT)]
            if self.first + which not in unsent:
                return

    @rule()
    def restart(self):
        """A new kernel: it has no job in hand."""
        desks._in_hand.clear()
        desks._placed_here.clear()

    @rule(which=EDITS, arrived=st.booleans())
    def die_while_sending(self, which, arrived):
        """A kernel is killed after the claim: the request arrived, or did not."""
        self.ask(which, submit="login")
        for job in self.jobs(State.INTENT):
            if job.request.seed == self.first + which:
                with contextlib.suppress(LimitReached):
                    limits = Limits(**self.limits)
                    self.desk.ledger.claim(job, 1.0, owner=DEAD, limits=limits)
                    if arrived:
                        self.shop.pay(job.request.seed)

    @rule(data=st.data())
    @precondition(lambda self: self.jobs(State.UNKNOWN))
    def decide(self, data):
        """The user looks in the history, or sends it again, or gives it up."""
        job = data.draw(st.sampled_from(self.jobs(State.UNKNOWN)))
        known = {kept.request_id for kept in self.jobs()}
        ids = [
            bill["request_id"]
            for bill in self.shop.booked()
            if bill["seed"] == job.request.seed and bill["request_id"] not in known
        ]
        decisions = [{"resubmit": True}, {"abandon": True}]
        decisions += [{"request_id": found} for found in ids]
        self.resume(job, **data.draw(st.sampled_from(decisions)))

    @rule(how=st.sampled_from(["cancelled", "not_cancellable"]), data=st.data())
    @precondition(lambda self: self.jobs(State.SUBMITTED))
    def cancel(self, how, data):
        """It is cancelled on the service's own page, or too late for that."""
        job = data.draw(st.sampled_from(self.jobs(State.SUBMITTED)))
        self.shop.script(cancel=how)
        self.shop.cancel(job.request_id)
        self.shop.script()
        self.resume(job)

    @rule(most=st.integers(0, 4))
    def set_a_cap(self, most):
        """No more paid edits than these on top of what was spent."""
        spent = self.desk.ledger.spent()
        self.limits = {
            "max_edits": spent.edits + most,
            "budget_usd": round(spent.usd + most * PRICE_USD, 2),
        }

    @rule()
    def lift_the_cap(self):
        """Any number of edits again."""
        self.limits = {}

    @invariant()
    def the_books_and_the_store_agree(self):
        """Nothing is paid twice, forgotten, or done without its picture."""
        bills = self.shop.bills()
        jobs = self.jobs()
        for seed in {job.request.seed for job in jobs}:
            alike = [job for job in jobs if job.request.seed == seed]
            sent = sum(1 + len(job.consents) for job in alike if job.sends)
            assert bills[seed] <= sent, f"{bills[seed]} bills for {sent} sendings"
            alive = [job for job in alike if job.state not in CAME_TO_NOTHING]
            assert len(alive) <= 1, "asked for again, it was made again"
        for job in jobs:
            if job.state is State.DONE:
                assert list(unlike(self.home, job)) == []

    @invariant()
    def what_was_billed_is_counted_as_spent(self):
        """Also what is unknown; and no cap is passed."""
        spent, bills = self.desk.ledger.spent(), self.shop.bills()
        mine = sum(bills[self.first + which] for which in WHICH)
        assert spent.edits >= mine
        assert spent.usd >= mine * PRICE_USD - 1e-9
        assert spent.edits <= self.limits.get("max_edits", spent.edits)
        assert spent.usd <= self.limits.get("budget_usd", spent.usd) + 1e-9


@pytest.fixture
def machine(shop, tmp_path, monkeypatch):
    """Return what makes a machine, without a service's pauses."""
    monkeypatch.setattr(pace, "FIRST_STEP_S", 0.002)
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    return lambda: Lossy(shop, tmp_path)


def run(machine, examples, steps, **how):
    """Have the machine run."""
    usual = {
        "max_examples": examples,
        "stateful_step_count": steps,
        "deadline": None,
        "database": None,
        "suppress_health_check": list(HealthCheck),
    }
    run_state_machine_as_test(machine, settings=settings(**usual | how))


def test_in_any_order_nothing_is_paid_twice_or_lost(machine):
    """The invariants hold after each of some hundred steps."""
    run(machine, 25, 24, derandomize=True)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_in_any_order_nothing_is_paid_twice_or_lost_for_long(machine):
    """They hold as well in what nobody has run before."""
    run(machine, 300, 40)


def test_the_machine_finds_what_is_sent_again_after_a_crash(machine, monkeypatch):
    """With that bug planted, it soon sees an edit paid for twice."""
    monkeypatch.setattr(errand, "journalled", errand.journalled)
    forgetful()
    with pytest.raises(AssertionError, match="bills for"):
        run(machine, 60, 25, phases=[Phase.generate], derandomize=True)
