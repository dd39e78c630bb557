"""Many kernels on one store: they share what they ask for, and no cap is passed."""

import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import pytest

import kontext_nb as kx
from kontext_nb.store.ledger import Ledger
from tests import crashing, forking
from tests.test_damage import a_step

PEOPLE = 8
COMMITS = 250
MOST_S = 5.0
CAP = 10


@pytest.fixture
def crowd(shop, tmp_path):
    """Return what has several processes ask at once; see `crashing.crowd`."""

    def ask(**how):
        return crashing.act("crowd", home=tmp_path / "store", books=shop.folder, **how)

    return ask


def test_eight_kernels_that_run_the_same_notebook_pay_once(
    shop, crowd, tmp_path, record_property
):
    """Forty edits, eight processes: forty bills, everybody has all, no lock error."""
    seeds = list(range(40))
    told = crowd(people=PEOPLE, seeds=seeds)
    assert shop.bills() == Counter(seeds)
    assert len(told) == PEOPLE * len(seeds)
    assert {one["said"] for one in told} <= {"made", "reused"}
    assert list(crashing.faults(tmp_path / "store", shop.bills(), seeds)) == []
    worst_s = max(one["took_s"] for one in told)
    record_property("worst_wait_s", worst_s)
    print(f"worst wait for an edit: {worst_s:.2f} s")  # noqa: T201 - a measure


def test_when_the_sender_is_killed_the_others_are_told_that_it_is_unknown(
    shop, crowd, tmp_path
):
    """The service has the request and says nothing; nobody sends it again."""
    shop.script(submit="hold")
    told = crowd(people=PEOPLE, seeds=[7], kill_at_bills=[1])
    assert [one["said"] for one in told] == ["OutcomeUnknown"] * (PEOPLE - 1)
    shop.script()
    with kx.configure(home=tmp_path / "store"):
        assert {crashing.edit(7) for _ in range(2)} == {"OutcomeUnknown"}
    assert shop.bills() == {7: 1}
    assert list(crashing.faults(tmp_path / "store", shop.bills(), [7])) == []


def test_no_number_of_kernels_and_no_kill_passes_a_cap(shop, crowd, tmp_path):
    """A hundred tries at ten: what was killed while sending stays counted as spent."""
    told = crowd(
        people=PEOPLE,
        seeds=list(range(100)),
        apart=True,
        kill_at_bills=[3, 6],
        max_edits=CAP,
    )
    with kx.configure(home=tmp_path / "store", max_edits=CAP):
        after = {crashing.edit(seed) for seed in range(100, 110)}
    assert 6 <= len(shop.booked()) <= CAP
    assert {one["said"] for one in told} <= {"made", "LimitReached"}
    assert after == {"LimitReached"}


def test_two_thousand_rows_written_at_once_all_get_their_turn(tmp_path):
    """Eight processes, 250 commits each: nobody hears of a lock, or waits for long."""
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    def writing(who):
        times_s = [time.monotonic()]
        for number in range(who * COMMITS, (who + 1) * COMMITS):
            ledger.add(a_step(number))
            times_s.append(time.monotonic())
        return max(after - before for before, after in pairwise(times_s))

    assert max(forking.crowd(writing, range(PEOPLE))) < MOST_S
    assert len(ledger.jobs()) == PEOPLE * COMMITS


# What an edit opened in the parent is of no use to its child: the loop's thread, the
# connection, the handle of the ledger.
FORKED = """
import os, signal
from PIL import Image
import kontext_nb as kx

def made(*seeds):
    picture = Image.new("RGB", (16, 12))
    edits = (kx.edit(picture, "Make it night", seed=seed) for seed in seeds)
    return [edit.reused for edit in edits]

assert made(1) == [False]
child = os.fork()
if not child:
    code = 1
    signal.alarm(20)  # one that waits for ever would outlast the test
    try:
        assert made(1, 2) == [True, False]
        code = 0
    finally:
        os._exit(code)
assert made(3) == [False]
assert os.waitpid(child, 0)[1] == 0
assert made(1, 2, 3) == [True, True, True]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a fork copies differs")
def test_parent_and_child_both_edit_after_a_fork(shop):
    """With a store and a service in use before; each pays for what is its own."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert shop.bills() == {1: 1, 2: 1, 3: 1}
