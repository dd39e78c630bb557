"""SIGKILL at every line of the paid path: nothing paid twice, nothing lost."""

from collections import Counter

import pytest

from tests import crashing

pytestmark = pytest.mark.timeout(600)  # many processes, on a machine that may be busy

PROCESSES = 4  # an edit mostly waits, for its service and for the disk
ENDINGS = {
    ("made", "reused"): "not sent when it was killed, or not yet collected",
    ("reused", "reused"): "killed after the result was written down",
    ("OutcomeUnknown", "OutcomeUnknown"): "killed while it was perhaps being sent",
}


def killed(shop, home, step=1, **how):
    """Kill an edit at each line; return what was told after, and what is wrong."""
    apart = [
        crashing.start(
            "lines", home=home, first=1 + step * i, step=step * PROCESSES, **how
        )
        for i in range(PROCESSES)
    ]
    said = {}
    for process in apart:
        for one in crashing.told(process):
            said.setdefault(one["line"], []).append(one["said"])
    bills = shop.bills()
    found = [
        fault
        for line in said
        for fault in crashing.faults(home / str(line), bills, [line])
    ]
    return said, found


@pytest.mark.parametrize(
    "every",
    [False, pytest.param(True, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])],
)
def test_killed_at_any_line_an_edit_is_paid_once_and_not_lost(shop, tmp_path, every):
    """At every line: one bill at most, and a whole result or an honest unknown."""
    said, found = killed(shop, tmp_path / "stores", every=every)
    assert found == []
    endings = Counter(map(tuple, said.values()))
    assert set(endings) == set(ENDINGS)
    # Of the lines, only those between the claim and the answer may leave a doubt.
    assert endings["OutcomeUnknown", "OutcomeUnknown"] < len(said) / 5
    assert len(said) > 300


def test_the_harness_finds_what_is_sent_again_after_a_crash(shop, tmp_path):
    """With that bug planted, every tenth line is enough to see an edit paid twice."""
    _, found = killed(shop, tmp_path / "stores", step=10, bug=True)
    assert any("paid 2 times" in fault for fault in found)
