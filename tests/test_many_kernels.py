"""Many kernels on one store: they share what they ask for, and no cap is passed."""

import subprocess
import sys
from collections import Counter

import pytest

from tests import crashing

PEOPLE = 8
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
    assert {one["said"] for one in crowd(people=2, seeds=[7])} == {"OutcomeUnknown"}
    assert shop.bills() == {7: 1}
    assert list(crashing.faults(tmp_path / "store", shop.bills(), [7])) == []


def test_no_number_of_kernels_and_no_kill_passes_a_cap(shop, crowd):
    """A hundred tries at ten: what was killed while sending stays counted as spent."""
    told = crowd(
        people=PEOPLE,
        seeds=list(range(100)),
        apart=True,
        kill_at_bills=[3, 6],
        max_edits=CAP,
    )
    after = crowd(people=1, seeds=list(range(100, 110)), max_edits=CAP)
    assert 6 <= len(shop.booked()) <= CAP
    assert {one["said"] for one in told} <= {"made", "LimitReached"}
    assert {one["said"] for one in after} == {"LimitReached"}


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
