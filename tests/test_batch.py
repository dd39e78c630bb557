"""Many edits, some of which go wrong: what was made is kept, the rest says why."""

import json
import signal
import threading
import time

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.engine import pace
from kontext_nb.errors import ServiceBusy
from kontext_nb.lifecycle import State
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from kontext_nb.session.together import AT_ONCE
from tests import faulty
from tests.billing import as_environment, colour
from tests.faulty import answer, as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
DEADLINES_S = (0.5, 2.0, 8.0)  # the first that a slow machine needs
LONG_S = 20.0
LATE_S = 2.0  # what P9 grants
FAILED = {"status": "failed", "error": "out of memory"}
MODERATED = {"status": "failed", "error": "the prompt was moderated"}
CUT = answer(200, faulty.png(), content_type="image/png")[:-9]
# Per edit that goes wrong: where and how, what its cell says, and whether a re-run
# sends it.
WRONG = {
    1: ("submit", faulty.reset, "its answer is missing", False),
    3: ("submit", answer(500), "its answer is missing", False),
    5: ("submit", answer(200, b"<html>"), "its answer is missing", False),
    7: ("submit", answer(401), "HTTP 401", True),
    8: ("submit", answer(402), "HTTP 402", True),
    10: ("submit", answer(422), "HTTP 422", True),
    11: ("submit", answer(429), "HTTP 429", True),
    14: ("result", as_json(FAILED), "out of memory", True),
    16: ("result", as_json(MODERATED), "was moderated", True),
    19: ("download", CUT, "broke", False),
    20: ("download", answer(404), "HTTP 404", True),
}
EDITS = range(13 + len(WRONG))


class Studio:
    """A service whose edits end out of turn, and some of them badly.

    Attributes:
        wrong: As `WRONG`.
        stuck: Seeds whose jobs end only once so many were taken as `all_taken` says.
        seeds: By the jobs' ids, in the order in which they were taken.
        ended: The jobs' ids, in the order in which they ended.
    """

    def __init__(self):
        self.wrong = {}
        self.stuck = ()
        self.all_taken = 0
        self.seeds = {}
        self.ended = []
        self._open = []
        self._lock = threading.Lock()

    def submit(self, service, connection):
        """Take the edit; its id tells nothing of its seed."""
        seed = json.loads(service.asked.now.body)["seed"]
        with self._lock:
            if self._spoiled("submit", seed, service, connection):
                return
            job = f"job-{len(self.seeds)}"
            self.seeds[job] = seed
            self._open.append(job)
        connection.sendall(as_json({"request_id": job}))

    def status(self, service, connection):
        """End the job that was sent last of those under way."""
        job = self._job(service)
        with self._lock:
            stuck = self.stuck if len(self.seeds) < self.all_taken else ()
            able = [one for one in self._open if self.seeds[one] not in stuck]
            if job in able[-1:]:
                self._open.remove(job)
                self.ended.append(job)
            word = "in_progress" if job in self._open else "completed"
        connection.sendall(as_json({"status": word}))

    def result(self, service, connection):
        """Say where its picture is."""
        job = self._job(service)
        if not self._spoiled("result", self.seeds[job], service, connection):
            image = f"{service.origin}/cdn/{self.seeds[job]}.png"
            said = {"status": "succeeded", "output": {"image": image}}
            connection.sendall(as_json(said))

    def download(self, service, connection):
        """Give its picture, whose colour is its seed's."""
        seed = int(service.asked.now.path.rpartition("/")[2].partition(".")[0])
        if not self._spoiled("download", seed, service, connection):
            body = faulty.png(colour(seed))
            connection.sendall(answer(200, body, content_type="image/png"))

    def _job(self, service):
        return service.asked.now.path.split("/")[3]

    def _spoiled(self, phase, seed, service, connection):
        where, how, *_ = self.wrong.get(seed, (None, None))
        if where != phase:
            return False
        if isinstance(how, bytes):
            connection.sendall(how)
        else:
            how(service, connection)
        return True


@pytest.fixture
def studio(monkeypatch):
    """A studio that is in use."""
    quick = {"FIRST_STEP_S": 0.002, "MIN_STEP_S": 0.01, "LATE_GROWTH": 1.0}
    for name, value in (quick | {"FIRST_BACKOFF_S": 0.0}).items():
        monkeypatch.setattr(pace, name, value)
    one = Studio()
    phases = ("submit", "status", "result", "download")
    with faulty.serve(**{phase: [getattr(one, phase)] for phase in phases}) as service:
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)
        one.service = service
        yield one


def swept(prompt=PROMPT, seeds=EDITS):
    """Make a sweep, and return its cells by their seeds."""
    (row,) = kx.sweep(SOURCE, [prompt], seeds).sheet.rows
    return dict(zip(seeds, row[1:], strict=True))


def is_of(cell, seed):
    """Tell whether a cell has the picture that its seed gives."""
    if cell.state != "done":
        return False
    with Image.open(cell.picture) as picture:
        return picture.getpixel((0, 0)) == colour(seed)


def job_of(seed):
    jobs = Desk(current()).ledger.jobs()
    return next(job.id for job in jobs if job.request.seed == seed)


def test_a_sweep_keeps_what_was_made_and_sends_only_what_may_be(studio):
    """Eleven of 24 fail in eleven ways; the others are done, whatever ended first."""
    studio.wrong = WRONG
    first = swept()
    assert studio.ended != [*studio.seeds]
    assert {seed for seed in EDITS if is_of(first[seed], seed)} == {*EDITS} - {*WRONG}
    told = {seed: first[seed].detail for seed in WRONG}
    assert {s for s, (_, _, words, _) in WRONG.items() if words not in told[s]} == set()
    ends = {seed: first[seed].state for seed in WRONG}
    unknown = {seed for seed, end in ends.items() if end == "outcome unknown"}
    assert unknown == {1, 3, 5}
    assert {ends[seed] for seed in WRONG.keys() - unknown} == {"failed"}
    sent, studio.wrong = studio.service.paid, {}
    again = swept()
    assert studio.service.paid - sent == sum(resent for *_, resent in WRONG.values())
    assert {seed for seed in EDITS if not is_of(again[seed], seed)} == unknown
    assert all("may have been accepted" in again[seed].detail for seed in unknown)
    assert all(f"kx.resume('{job_of(seed)}')" in told[seed] for seed in unknown)
    assert all(again[s].picture == first[s].picture for s in {*EDITS} - {*WRONG})
    done = Desk(current()).ledger.jobs(State.DONE)
    assert all(studio.seeds[job.request_id] == job.request.seed for job in done)
    assert {job.request.seed for job in done} == {*EDITS} - unknown


def noise(seeds):
    return kx.seed_noise(SOURCE, PROMPT, seeds).edits


def best(seeds):
    return kx.edit(SOURCE, PROMPT, seed=seeds[0]).best_of(len(seeds))


@pytest.mark.parametrize("made", [noise, best])
def test_of_several_edits_the_finished_ones_are_kept(studio, made):
    """Where one is missing it is an error; a re-run sends that one, and no other."""
    studio.wrong = {3: ("submit", answer(429), "", True)}
    with pytest.raises(ServiceBusy):
        made(range(1, 6))
    assert {*studio.seeds.values()} == {1, 2, 4, 5}
    sent, studio.wrong = studio.service.paid, {}
    assert sorted(edit.seed for edit in made(range(1, 6))) == [1, 2, 3, 4, 5]
    assert studio.service.paid == sent + 1


def test_what_is_made_side_by_side_is_not_mixed_up(studio):
    """Each edit has the picture of its own seed, in whatever order they end."""
    seeds = [(seed * 7919) % 2**24 for seed in range(12)]
    studio.stuck, studio.all_taken = seeds, len(seeds)
    tasks = {s: kx.edit(SOURCE, PROMPT, seed=s, wait=False) for s in seeds}
    for seed, task in tasks.items():
        assert task.result().image.getpixel((0, 0)) == colour(seed)
    assert studio.ended == [*studio.seeds][::-1]
    assert studio.service.paid == len(seeds)


def test_a_sweep_ends_by_its_deadline_and_a_rerun_goes_on(studio):
    """A re-run waits for what was sent, and sends the rest."""
    seeds = range(3 * AT_ONCE)
    made, stuck, unsent = seeds[:2], seeds[2 : 2 + AT_ONCE], seeds[2 + AT_ONCE :]
    swept(seeds=made)
    studio.stuck, studio.all_taken = stuck, len(seeds)
    for deadline_s in DEADLINES_S:
        started_s = time.monotonic()
        with kx.configure(deadline_s=deadline_s):
            first = swept(seeds=seeds)
        assert time.monotonic() - started_s < deadline_s + LATE_S
        told = {first[seed].detail.partition(" after ")[0] for seed in stuck}
        if told == {"The edit is not finished"}:
            break
    assert told == {"The edit is not finished"}
    assert [seed for seed in seeds if is_of(first[seed], seed)] == [*made]
    assert all("before the edit was sent" in first[seed].detail for seed in unsent)
    assert studio.service.paid == len(made) + len(stuck)
    # Jobs that go on and on keep none of the others from being sent.
    with kx.configure(deadline_s=LONG_S):
        again = swept(seeds=seeds)
    assert all(is_of(again[seed], seed) for seed in seeds)
    assert studio.service.paid == len(seeds)


@pytest.mark.usefixtures("stoppable")
def test_a_stopped_sweep_cancels_what_is_under_way(studio):
    """It ends once each cancel is sent, and counts as done only what is."""
    swept(seeds=range(2))
    once = threading.Semaphore()

    def stop(service, connection):
        if service.paid == 2 + AT_ONCE and once.acquire(blocking=False):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        connection.sendall(as_json({"status": "in_queue"}))

    studio.service.script("status", stop)
    with pytest.raises(KeyboardInterrupt, match="Stopped after 2 of 24"):
        swept()
    assert len(studio.service.phases("cancel")) == AT_ONCE
