"""SIGKILL at every line of the paid path: nothing paid twice, nothing lost."""

from collections import Counter

import pytest

from tests import crashing

pytestmark = pytest.mark.timeout(600)  # many processes, on a machine that may be busy

ENDINGS = {
    ("made", "reused"): "not sent when it was killed, or not yet collected",
    ("reused", "reused"): "killed after the result was written down",
    ("OutcomeUnknown", "OutcomeUnknown"): "killed while it was perhaps being sent",
}


def killed(shop, home, **how):
    """Kill an edit at each line; return its lines, what was told, and what is wrong."""
    rehearsal, *asked = crashing.act("lines", home=home, **how)
    said = {}
    for one in asked:
        said.setdefault(one["point"], []).append(one["said"])
    bills = shop.bills()
    found = [
        fault
        for point in said
        for fault in crashing.faults(home / str(point), bills, [point])
    ]
    return rehearsal["lines"], said, found


@pytest.mark.parametrize(
    ("every", "kills"),
    [
        (False, 50),
        pytest.param(
            True, 3000, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)]
        ),
    ],
)
def test_killed_at_any_line_an_edit_is_paid_once_and_not_lost(
    shop, tmp_path, every, kills
):
    """At every line: one bill at most, and a whole result or an honest unknown.

    Of the lines of the whole package between which nothing more is written or sent, one
    is killed: they leave the same behind. At night each of the ledger's and of the
    client's is.
    """
    lines, said, found = killed(shop, tmp_path / "stores", every=every)
    assert found == []
    endings = Counter(map(tuple, said.values()))
    assert set(endings) == set(ENDINGS)
    # Of the kills, only those between the claim and the answer may leave a doubt.
    assert endings["OutcomeUnknown", "OutcomeUnknown"] < len(said) / 4
    assert lines > 5000
    assert len(said) > kills


def test_the_harness_finds_what_is_sent_again_after_a_crash(shop, tmp_path):
    """With that bug planted, every third kill is enough to see an edit paid twice."""
    *_, found = killed(shop, tmp_path / "stores", step=3, bug=True)
    assert any("paid 2 times" in fault for fault in found)
