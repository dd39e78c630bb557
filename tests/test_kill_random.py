"""SIGKILL at random times over chains of edits: each walks on where it was killed."""

import random

import pytest

from tests import crashing

pytestmark = pytest.mark.timeout(600)  # many processes, on a machine that may be busy


def walked(shop, home, **how):
    """Walk chains under fire; return what was told, and what is wrong."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed of the kills:", seed)  # noqa: T201 - shown if it fails
    told = crashing.act("chains", home=home, books=shop.folder, seed=seed, **how)
    seeds = range(told[-1]["edits"])
    found = list(crashing.faults(home, shop.bills(), seeds, unknown=False))
    return told, found


@pytest.mark.parametrize(
    ("links", "kills"),
    [
        (50, 200),
        pytest.param(50, 2000, marks=[pytest.mark.nightly, pytest.mark.timeout(7200)]),
    ],
)
def test_a_chain_killed_at_random_is_whole_and_paid_once(shop, tmp_path, links, kills):
    """Whoever is killed, the next one walks on: every edit done, and paid for once.

    What is unknown is decided by the service's history; a second sending that the user
    consents to is then the first that arrives.
    """
    told, found = walked(shop, tmp_path / "store", links=links, kills=kills)
    assert found == []
    assert set(shop.bills().values()) == {1}
    assert len(shop.bills()) == told[-1]["edits"]
    assert told[-1]["links"] == links


def test_the_harness_finds_what_is_sent_again_after_a_random_kill(shop, tmp_path):
    """With that bug planted, it sees an edit paid for twice, if not more often.

    One kill in about fifteen comes while an edit is being sent, and the first of those
    ends it: so many kills that none does are not to be expected.
    """
    _, found = walked(shop, tmp_path / "store", links=2, kills=300, bug=True)
    assert any("times with 0 consents" in fault for fault in found)
