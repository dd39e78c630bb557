"""Many edits, some of which go wrong: what was made is kept, the rest says why."""

from PIL import Image

import kontext_nb as kx
from kontext_nb.engine import pace
from kontext_nb.errors import KontextError
from kontext_nb.lifecycle import State
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from tests import faulty
from tests.billing import as_environment, colour
from tests.faulty import accepting, answer, as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
EDITS = range(20)
# Per edit that goes wrong: the answer to its submit, and whether a re-run sends it.
WRONG = {
    1: (faulty.reset, "OutcomeUnknown", False),
    4: (answer(500), "OutcomeUnknown", False),
    7: (answer(200, b"<html>"), "OutcomeUnknown", False),
    10: (answer(401), "NotAuthorised", True),
    13: (answer(402), "OutOfCredit", True),
    16: (answer(422), "RequestRefused", True),
    19: (as_json({"error_code": 400001}), "RequestRefused", True),
}


def run():
    """Ask for all; return the edits that were made, and the errors of the others."""
    made, errors = {}, {}
    for seed in EDITS:
        try:
            made[seed] = kx.edit(SOURCE, "Make the sky orange", seed=seed)
        except KontextError as error:
            errors[seed] = type(error).__name__
    return made, errors


def test_seven_that_fail_in_seven_ways_cost_the_other_thirteen_nothing(monkeypatch):
    """Thirteen are done; a re-run sends only what was certainly not taken."""
    monkeypatch.setattr(pace, "FIRST_STEP_S", 0.002)
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    turns = [WRONG[seed][0] if seed in WRONG else accepting for seed in EDITS]
    with faulty.serve(submit=turns) as service:
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)
        made, errors = run()
        assert sorted({*made} | {*errors}) == [*EDITS]
        assert errors == {seed: WRONG[seed][1] for seed in WRONG}
        assert service.paid == len(EDITS)
        service.script("submit", accepting)
        again, still = run()
        assert {*still} == {s for s, (_, _, resent) in WRONG.items() if not resent}
        assert service.paid == len(EDITS) + len(WRONG) - len(still)
        for seed, edit in made.items():
            assert again[seed].reused
            assert again[seed].job == edit.job
    done = Desk(current()).ledger.jobs(State.DONE)
    assert {job.request.seed for job in done} == {*EDITS} - {*still}
    assert len({job.request_id for job in done}) == len(done)


def test_what_is_made_side_by_side_is_not_mixed_up(shop):
    """Each edit has the picture of its own seed, in whatever order they end."""
    seeds = [(seed * 7919) % 2**24 for seed in range(12)]
    tasks = {
        seed: kx.edit(SOURCE, "Make the sky orange", seed=seed, wait=False)
        for seed in seeds
    }
    for seed, task in tasks.items():
        assert task.result().image.getpixel((0, 0)) == colour(seed)
    assert set(shop.bills().values()) == {1}
