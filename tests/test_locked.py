"""A ledger that another program holds: who waits for it stops nobody else (P9)."""

import json
import sqlite3
import threading
from contextlib import contextmanager

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb import parcel
from kontext_nb.errors import EditCancelled, StillRunning
from kontext_nb.lifecycle import State
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from kontext_nb.store import unfiled
from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
WAIT_S = 10
QUEUED = as_json({"status": "in_queue"})
ENDED = as_json({"status": "completed"})


@pytest.fixture
def service(monkeypatch):
    with faulty.serve(status=[QUEUED]) as one:
        for name, value in as_environment(one.origin).items():
            monkeypatch.setenv(name, value)
        yield one


def begun(seed):
    return kx.edit(SOURCE, "Make it night", seed=seed, wait=False)


class Holder:
    """Another program that holds the ledger: for writing, or as a whole."""

    def __init__(self, how="IMMEDIATE"):
        path = Desk(current()).ledger.path
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute(f"BEGIN {how}")

    def let_go(self):
        self._db.close()


def locking(locked, holders, request_id):
    """Return an answer to a submit, given when the ledger has just been taken."""

    def lock(_service, connection):
        holders.append(Holder("EXCLUSIVE"))
        locked.set()
        connection.sendall(as_json({"request_id": request_id}))

    return lock


def asked_again(service, times=3):
    """Wait until the service has been asked that often from now on."""
    asked = threading.Event()
    left = iter(range(times - 1))

    def count(_service, connection):
        connection.sendall(QUEUED)
        if next(left, None) is None:
            asked.set()

    service.script("status", count)
    return asked.wait(WAIT_S)


@contextmanager
def kept_waiting(service):
    """Give a second job whose id cannot be written yet; then it is ended by itself."""
    assert asked_again(service)
    locked, holders = threading.Event(), []
    service.script("submit", locking(locked, holders, "job-2"))
    second = begun(2)
    assert locked.wait(WAIT_S)
    try:
        yield second
        assert not second.done()
    finally:
        holders[0].let_go()
    service.script("status", ENDED)


def test_a_locked_ledger_holds_up_no_other_job(service):
    """While one job's id waits to be written, the others are asked after."""
    first = begun(1)
    with kept_waiting(service) as second:
        assert asked_again(service)
    assert {first.result().seed, second.result().seed} == {1, 2}
    assert service.paid == 2


def test_a_deadline_holds_while_another_job_waits_for_the_ledger(service):
    """One job's time is over although the ledger keeps the other one waiting."""
    with kx.configure(deadline_s=4):
        short = begun(1)
    with kept_waiting(service) as second, pytest.raises(StillRunning):
        short._future.result(WAIT_S)
    assert second.result().step.job.state is State.DONE


def test_an_id_that_waits_for_the_ledger_is_safe_meanwhile(service, monkeypatch):
    """It is on the disk before the wait, so no Ctrl-C and no crash loses it."""
    put, told = unfiled.put, threading.Event()

    def telling(*what):
        put(*what)
        told.set()

    monkeypatch.setattr(unfiled, "put", telling)
    holders = []
    service.script("submit", locking(threading.Event(), holders, "job-1"))
    made = begun(1)
    assert told.wait(WAIT_S)
    assert not made.done()
    kept = current().home / "unfiled"
    (file,) = kept.glob("*.json")
    assert json.loads(file.read_text())["request_id"] == "job-1"
    holders[0].let_go()
    service.script("status", ENDED)
    assert made.result().seed == 1
    # Whoever asks next files it away.
    assert begun(1).result().reused
    assert not list(kept.glob("*"))
    assert service.paid == 1


def test_a_stop_while_an_id_waits_for_the_ledger_cancels_the_job(service):
    """What has happened is written first, and then the one cancel is sent."""
    locked, holders = threading.Event(), []
    service.script("submit", locking(locked, holders, "job-1"))
    made = begun(1)
    assert locked.wait(WAIT_S)
    made.cancel()
    holders[0].let_go()
    with pytest.raises(EditCancelled):
        made.result()
    (job,) = Desk(current()).ledger.jobs()
    assert (job.state, job.request_id) == (State.CANCELLED, "job-1")
    assert (service.paid, service.phases("cancel")) == (1, ["cancel"])


def test_a_stop_while_the_claim_waits_for_the_ledger_sends_nothing(
    service, monkeypatch
):
    """The job was not claimed: a re-run may send it."""
    locked, holders, pack = threading.Event(), [], parcel.pack

    def locking_pack(picture):
        holders.append(Holder())
        locked.set()
        return pack(picture)

    monkeypatch.setattr(parcel, "pack", locking_pack)
    made = begun(1)
    assert locked.wait(WAIT_S)
    try:
        assert not made.done()
        made.cancel()
        with pytest.raises(EditCancelled, match="before anything was sent"):
            made.result()
    finally:
        holders[0].let_go()
    (job,) = Desk(current()).ledger.jobs()
    assert (job.state, service.paid) == (State.INTENT, 0)
