"""The deadline is one budget: whatever a call waits for, it ends by then (P9)."""

import sqlite3
import time
from contextlib import closing

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.engine import pace
from kontext_nb.errors import (
    KontextError,
    NotAuthorised,
    ServiceBusy,
    StillRunning,
    StoreError,
)
from kontext_nb.lifecycle import State
from kontext_nb.session import models
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from kontext_nb.store.patience import within
from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
QUEUED = as_json({"status": "in_queue"})
DEADLINES_S = (0.6, 2.4, 9.6)  # until one is enough to come as far as a test needs
LATE_S = 2.0  # what P9 grants
LOOK_S = 3.0


@pytest.fixture
def service(monkeypatch):
    """A service that never ends a job, and was never asked in vain."""
    monkeypatch.setattr(models, "_in_vain", {})
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    with faulty.serve(status=[QUEUED]) as one:
        for name, value in as_environment(one.origin).items():
            monkeypatch.setenv(name, value)
        yield one


def ended(work, error=KontextError):
    """Do what must end with an error, by its deadline; return the error."""
    for deadline_s in DEADLINES_S:
        started_s = time.monotonic()
        with kx.configure(deadline_s=deadline_s), pytest.raises(KontextError) as caught:
            work()
        assert time.monotonic() - started_s < deadline_s + LATE_S
        if isinstance(caught.value, error):
            break
    assert isinstance(caught.value, error)
    return caught.value


def an_edit(_job=None, **how):
    return kx.edit(SOURCE, PROMPT, seed=7, **how)


WAYS = {
    "waiting": an_edit,
    "a task": lambda _job=None: an_edit(wait=False).result(),
    "resume": kx.resume,
}


@pytest.mark.parametrize("way", ["waiting", "a task"])
def test_a_silent_catalogue_takes_its_time_from_the_edits(service, way):
    """What is known without it must do, in time to send the edit."""
    service.script("catalogue", faulty.silent)
    error = ended(WAYS[way], StillRunning)
    assert error.state is State.SUBMITTED
    assert service.paid == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_store_that_stays_locked_is_given_up_in_time(service, way):
    """Another program holds the ledger: told by the deadline, and nothing is sent."""
    job = ended(an_edit, StillRunning).job
    with closing(sqlite3.connect(Desk(current()).ledger.path)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert "locked" in str(ended(lambda: WAYS[way](job), StoreError))
    assert service.paid == 1


def test_a_store_that_is_locked_after_the_sending_is_given_up_in_time(service):
    """The id is kept beside the ledger, and the job is collected by a re-run."""
    holders = []

    def locking(_service, connection):
        holder = sqlite3.connect(Desk(current()).ledger.path, check_same_thread=False)
        holder.execute("BEGIN EXCLUSIVE")
        holders.append(holder)
        connection.sendall(as_json({"request_id": "job-1"}))

    service.script("submit", locking)
    try:
        error = ended(an_edit, StoreError)
    finally:
        for holder in holders:
            holder.close()
    assert error.request_id == "job-1"
    service.script("status", as_json({"status": "completed"}))
    assert an_edit().job == error.job
    assert service.paid == 1


def test_no_edit_is_sent_when_its_time_is_over(service):
    """Nobody would be there to hear the answer: it stays unsent, for a re-run."""
    with (
        within(0),
        pytest.raises(ServiceBusy, match="before the edit was") as told,
    ):
        an_edit()
    assert (told.value.state, service.paid) == (State.INTENT, 0)
    service.script("status", as_json({"status": "completed"}))
    assert an_edit().job == told.value.job


@pytest.mark.parametrize("way", ["waiting", "a task"])
def test_what_gets_no_connection_in_time_was_not_sent(monkeypatch, way):
    """The network swallows what would open it: that costs nothing, and says so."""
    with faulty.unreachable() as origin:
        for name, value in as_environment(origin).items():
            monkeypatch.setenv(name, value)
        error = ended(WAYS[way], ServiceBusy)
    assert error.state is State.INTENT
    assert not error.may_have_been_charged


def test_a_view_waits_for_a_locked_store_once(service):
    """However many things it would look up there: what it knows without is shown."""
    service.script("status", as_json({"status": "completed"}))
    with kx.configure(deadline_s=LOOK_S):
        made = an_edit()
        with closing(sqlite3.connect(Desk(current()).ledger.path)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            started_s = time.monotonic()
            shown = made._repr_mimebundle_()
            assert time.monotonic() - started_s < 2 * LOOK_S
    assert PROMPT in shown["text/plain"]


def test_settings_that_cannot_be_end_only_what_needs_them(command, monkeypatch):
    """They have no deadline to give, and whose token it is does not depend on them."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", "nobody")
    assert command("whoami") == NotAuthorised.exit_code
