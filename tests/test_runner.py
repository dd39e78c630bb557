"""One paid request a job, whatever the service does; over real sockets, a played clock.

The expectations are the fault matrix: per fault and phase, the state the row is left
in, the error that says so, and how many paid requests the service saw.
"""

import asyncio
import threading
import traceback
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_nb.chain import Step
from kontext_nb.engine import runner as runner_module
from kontext_nb.engine import sending
from kontext_nb.engine.pace import Clock
from kontext_nb.engine.runner import Runner
from kontext_nb.engine.wire import Wire
from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    KontextError,
    NotAuthorised,
    OutcomeUnknown,
    OutOfCredit,
    RequestRefused,
    ResultLost,
    ServiceBusy,
    StillRunning,
    StoreError,
)
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Job, Limits, Secret
from kontext_nb.providers.runcomfy import SOONEST_S, RunComfy
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests import faulty
from tests.asking import asked
from tests.faulty import answer, as_json

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
ASKED = asked(seed=4711)
SENT = {"prompt": "Make it night", "image_url": "https://example.com/a.png"}
PNG = faulty.png()
GOES_ON = as_json({"status": "in_progress"})
QUEUED = as_json({"status": "in_queue", "queue_position": 2})


class Office:
    """A ledger, a played clock and a runner against one faulty service."""

    def __init__(self, folder, service, **facts):
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.blobs = Blobs(folder / "blobs")
        self.service = self.results = service
        self.facts = facts
        self.now_s = self.age_s = 0.0
        self.slept = []
        self.reports = []
        self.kept = {}
        job = Job(id="j1", request=ASKED, ask="a", created_at=0.0)
        self.ledger.add(
            Step(id="s", chain="c", parent=None, job=job, call=None, created_at=0.0)
        )

    @property
    def row(self):
        return self.ledger.job("j1")

    async def _sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    async def keep(self, part, _url, _fetched):
        if not part.path.read_bytes().startswith(PNG[:8]):
            raise BadReply("It is no picture.", "")
        name = part.keep(".png")
        self.kept[name] = self.blobs.get(name)
        return name

    async def journal(self, job, event, **facts):
        if event is Event.SEND:
            return self.ledger.claim(
                job, self.now_s, owner="me", limits=Limits(), **facts
            )
        return self.ledger.record(job, event, self.now_s, **facts)

    async def work(self):
        wire = Wire(None, "kontext-nb/test")
        facts = {"journal": self.journal} | self.facts
        runner = Runner(
            provider=RunComfy(
                token=Secret.of(TOKEN),
                base=f"{self.service.origin}/v1",
                result_origin=self.results.origin,
            ),
            wire=wire,
            shelf=self.blobs.part,
            keep=self.keep,
            report=self.reports.append,
            clock=Clock(now=lambda: self.now_s, sleep=self._sleep),
            **facts,
        )
        try:
            job = self.row
            if job.state is State.INTENT:
                job = await runner.submit(job, SENT)
            found = await runner.collect(job, age_s=self.age_s)
            (name,) = found.names
            self.waited_s = found.waited_s
            return found.job, found.output, self.kept[name]
        finally:
            await wire._client.aclose()

    def fills_up_at(self, full_at):
        """Have the disk take no event of that kind, from now on."""

        async def journal(job, event, **facts):
            if event is full_at:
                raise StoreError("The disk is full.", "Free some space.")
            return await self.journal(job, event, **facts)

        self.facts["journal"] = journal

    def run(self):
        """Carry the job out from where its row stands, as a new process would."""
        return asyncio.run(asyncio.wait_for(self.work(), 20))

    def stopped_when(self, told):
        """Carry it out, and give up as soon as ``told()``."""

        async def stopping():
            task = asyncio.ensure_future(self.work())
            while not told() and not task.done():  # noqa: ASYNC110 - another thread
                await asyncio.sleep(0.001)
            task.cancel()
            return (await asyncio.gather(task, return_exceptions=True))[0]

        return asyncio.run(asyncio.wait_for(stopping(), 20))


@pytest.fixture
def office(tmp_path):
    """Return what opens an office against a service."""
    return lambda service, **facts: Office(tmp_path, service, **facts)


def test_the_whole_way_of_a_job(office):
    """One submit, polls until it ended, one result, one download; no more."""
    with faulty.serve(
        status=[QUEUED, GOES_ON, as_json({"status": "completed"})]
    ) as service:
        desk = office(service)
        job, output, data = desk.run()
    assert service.phases() == ["submit", *["status"] * 3, "result", "download"]
    assert data == PNG
    assert output.urls[0] == f"{service.origin}/cdn/job-1.png"
    assert (job.state, job.request_id) == (State.RUNNING, "job-1")
    assert desk.row == job
    told = [(one.state, one.queue_position) for one in desk.reports]
    assert told == [
        (State.SENDING, None),
        (State.SUBMITTED, None),
        (State.SUBMITTED, 2),
        (State.RUNNING, None),
        (State.RUNNING, None),
    ]


def test_how_long_a_job_took_is_not_how_late_that_was_noticed(office):
    """It ended between the last two answers: halfway is the best guess."""
    with faulty.serve(status=[GOES_ON, as_json({"status": "completed"})]) as service:
        desk = office(service)
        desk.run()
    first, second = desk.slept
    assert desk.waited_s == pytest.approx(first + second / 2)


def test_the_token_goes_to_the_api_and_not_to_the_download(office):
    """Every call to the API carries the credential, the download none at all."""
    with faulty.serve() as service:
        office(service).run()
    for seen in service.seen:
        shown = TOKEN in str(seen.headers) + seen.path + str(seen.body)
        assert shown == (seen.phase != "download")
    assert "authorization" not in service.seen[-1].headers


AMBIGUOUS = {
    "reset": faulty.reset,
    "closed": faulty.closed,
    "half a body": answer(200, b'{"request_id": "job-1"}')[:-5],
    "garbage": b"\x00\x01\x02 garbage\r\n\r\n",
    "a portal's page": answer(200, b"<html>Welcome to the hotel</html>"),
    "nothing": answer(200),
    "no content": answer(204),
    "no id": as_json({"status": "ok"}),
    "an id that is a path": as_json({"request_id": "../x"}),
    "an error code of its own": as_json({"error_code": 500001}),
    "compressed": answer(200, b"\x1f\x8b", content_encoding="gzip"),
    "too large": answer(200, b" " * (4 * 2**20 + 1)),
    **{
        f"redirect {status}": answer(status, location="/v1/models/elsewhere/x")
        for status in (301, 302, 303, 307, 308)
    },
    **{
        f"HTTP {status}": as_json({"request_id": "job-1"}, status)
        for status in (408, 409, 425, 500, 502, 503, 504, 520, 999)
    },
}


# What the way there may have done; all else is the service's own doing.
LOST_ON_THE_WAY = {
    "reset",
    "closed",
    "half a body",
    *(f"HTTP {status}" for status in (408, 409, 425)),
}


@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_an_ambiguous_submit_is_unknown_and_never_repeated(office, fault):
    """One paid request, the row UNKNOWN, and an error that says what to look for."""
    with faulty.serve(submit=[AMBIGUOUS[fault]]) as service:
        desk = office(service)
        with pytest.raises(OutcomeUnknown) as caught:
            desk.run()
        assert service.phases() == ["submit"]
    assert desk.row.state is State.UNKNOWN
    assert desk.row.error
    assert caught.value.may_have_been_charged
    assert caught.value.exit_code == (75 if fault in LOST_ON_THE_WAY else 69)
    assert desk.slept == []


CERTAIN = [
    (400, {"error": "bad seed"}, RequestRefused, State.FAILED),
    (413, {}, RequestRefused, State.FAILED),
    (422, {}, RequestRefused, State.FAILED),
    (405, {}, RequestRefused, State.FAILED),
    (451, {}, RequestRefused, State.FAILED),
    (404, {"error_code": 404001}, RequestRefused, State.FAILED),
    (401, {}, NotAuthorised, State.INTENT),
    (403, {}, NotAuthorised, State.INTENT),
    (400, {"error_code": 400004}, NotAuthorised, State.INTENT),
    (402, {}, OutOfCredit, State.INTENT),
    (400, {"error_code": 400002}, OutOfCredit, State.INTENT),
]


@pytest.mark.parametrize(("status", "body", "error", "state"), CERTAIN)
def test_a_refused_submit_is_not_repeated_by_itself(office, status, body, error, state):
    """A clear refusal is final, or waits as INTENT for a login or a top-up."""
    with faulty.serve(submit=[as_json(body, status)]) as service:
        desk = office(service)
        with pytest.raises(error) as caught:
            desk.run()
        assert service.phases() == ["submit"]
    assert not caught.value.may_have_been_charged
    assert desk.row.state is state


def test_after_a_login_the_same_job_is_sent(office):
    """What was withdrawn is sent by the next run, once."""
    with faulty.serve(submit=[answer(401)]) as service:
        desk = office(service)
        with pytest.raises(NotAuthorised):
            desk.run()
        service.script("submit", as_json({"request_id": "job-1"}))
        assert desk.run()[2] == PNG
        assert service.paid == 2


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", [7, 7], [7.7, 7.7]),
        ("100000", [], []),
        ("-5", [0, 0], [0.5, 1.0]),
        ("nan", [0, 0], [0.5, 1.0]),
        (None, [0, 0], [0.5, 1.0]),
    ],
)
def test_a_429_is_paced_and_ends_after_three(office, asked, least, most):
    """Too many requests: as long a pause as asked for, at most three submits.

    More than two minutes is no pause but a refusal.
    """
    headers = {"retry_after": asked} if asked else {}
    with faulty.serve(submit=[answer(429, **headers)]) as service:
        desk = office(service)
        with pytest.raises(ServiceBusy):
            desk.run()
        assert service.paid == 1 + len(least)
    assert len(desk.slept) == len(least)
    for low, slept_s, high in zip(least, desk.slept, most, strict=True):
        assert low <= slept_s <= high
    assert desk.row.state is State.INTENT


def test_no_pause_goes_past_the_deadline(office):
    """A service that asks for more time than there is ends the try, unsent."""
    with faulty.serve(submit=[answer(429, retry_after="31")]) as service:
        desk = office(service, deadline_s=30)
        with pytest.raises(ServiceBusy):
            desk.run()
        assert service.paid == 1
    assert desk.slept == []
    assert desk.row.state is State.INTENT


def test_a_429_that_passes_is_paid_once(office):
    """The third submit is taken, and none follows it."""
    turns = [answer(429), answer(429), as_json({"request_id": "job-1"})]
    with faulty.serve(submit=turns) as service:
        assert office(service).run()[2] == PNG
        assert service.paid == 3


def test_a_service_that_is_not_there_gets_three_tries(office):
    """A refused connection is tried again, and leaves the job unsent."""
    with faulty.serve() as service:
        pass
    desk = office(service)
    with pytest.raises(ServiceBusy, match="cannot be reached"):
        desk.run()
    assert len(desk.slept) == 2
    assert desk.row.state is State.INTENT


PASSING = {
    "reset": faulty.reset,
    "closed": faulty.closed,
    "half": answer(200, b'{"status": "completed"}')[:-3],
    "garbage": b"?\r\n\r\n",
    **{
        f"HTTP {status}": answer(status)
        for status in (408, 409, 425, 429, 500, 502, 503, 504, 520)
    },
    "not known yet": answer(404),
    "a page": answer(200, b"<html>"),
    "moved": answer(302, location="/x"),
}


@pytest.mark.parametrize("phase", ["status", "result"])
@pytest.mark.parametrize("fault", PASSING)
def test_a_question_that_failed_is_asked_again(office, fault, phase):
    """A lost poll or result costs two more questions, and no second submit."""
    with faulty.serve() as service:
        good = as_json({"status": "completed"}) if phase == "status" else None
        turns = [PASSING[fault], PASSING[fault], good or service.result()]
        service.script(phase, *turns)
        assert office(service).run()[2] == PNG
        assert service.paid == 1
        assert service.phases(phase)[2:]


@pytest.mark.parametrize(
    "fault",
    [PASSING[name] for name in ("reset", "half", "HTTP 503")],
    ids=["reset", "half", "503"],
)
def test_a_download_that_failed_is_made_again(office, fault):
    """A broken download is fetched again, without a new submit."""
    with faulty.serve(download=[fault, fault, answer(200, PNG)]) as service:
        assert office(service).run()[2] == PNG
        assert service.paid == 1
        assert len(service.phases("download")) == 3


def test_an_address_that_expired_is_asked_for_once_more(office):
    """A fresh result may name a new address; if that is gone too, so is the result."""
    with faulty.serve(download=[answer(403), answer(200, PNG)]) as service:
        assert office(service).run()[2] == PNG
        assert len(service.phases("result")) == 2


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_gone_ends_the_job(office, status):
    """EXPIRED, by its id: it can be made anew, and nobody waits for it for ever."""
    with faulty.serve(download=[answer(status)]) as service:
        desk = office(service)
        with pytest.raises(ResultLost):
            desk.run()
        assert len(service.phases("download")) == 2
    assert (desk.row.state, desk.row.request_id) == (State.EXPIRED, "job-1")


def test_a_busy_poll_is_paced(office):
    """A Retry-After of a poll is honoured."""
    turns = [answer(429, retry_after="33"), as_json({"status": "completed"})]
    with faulty.serve(status=turns) as service:
        desk = office(service)
        desk.run()
    assert any(33 <= slept_s <= 36.3 for slept_s in desk.slept)


KEPT = [
    ("status", answer(401), NotAuthorised, 1),
    ("status", answer(402), OutOfCredit, 1),
    ("status", answer(422), BadReply, 3),
    ("status", answer(200, b"<html>"), BadReply, 3),
    ("status", answer(200, b" " * (4 * 2**20 + 1)), BadReply, 3),
    ("status", answer(999), BadReply, 3),
    ("status", b"HTTP/1.1 103 Early\r\n\r\n" * 50, BadReply, 3),
    ("status", answer(202), StillRunning, None),
    ("status", answer(503), StillRunning, None),
    ("status", faulty.reset, StillRunning, None),
    ("status", QUEUED, StillRunning, None),
    ("status", as_json({"status": "a new word"}), StillRunning, None),
    ("result", answer(403), NotAuthorised, 1),
    ("result", as_json({"status": "in_progress"}), StillRunning, None),
    ("result", answer(202), StillRunning, None),
    ("result", as_json({"status": "succeeded"}), BadReply, 3),
    (
        "result",
        as_json({"status": "succeeded", "output": "https://evil.com/a.png"}),
        BadReply,
        1,
    ),
    ("download", answer(402), OutOfCredit, 1),
    ("download", answer(206, PNG), BadReply, 2),
    ("download", answer(302, location="https://evil.com/"), BadReply, 1),
    ("download", answer(200, PNG, content_encoding="gzip"), BadReply, 2),
    ("download", answer(200, b"no picture"), BadReply, 2),
    ("download", answer(503), ServiceBusy, 5),
    ("download", faulty.reset, ServiceBusy, 5),
]


@pytest.mark.parametrize(
    ("phase", "fault", "error", "times"),
    KEPT,
    ids=[f"{i}-{kept[0]}-{kept[2].__name__}" for i, kept in enumerate(KEPT)],
)
def test_a_job_that_was_taken_is_kept_and_adopted(office, phase, fault, error, times):
    """No fault after the id loses the job: the next run collects it with no submit."""
    with faulty.serve(**{phase: [fault]}) as service:
        desk = office(service, deadline_s=30)
        with pytest.raises(error):
            desk.run()
        assert desk.row.state in (State.SUBMITTED, State.RUNNING)
        assert desk.row.request_id == "job-1"
        if times:
            assert len(service.phases(phase)) == times
        assert desk.now_s <= 30
        service.script("status", as_json({"status": "completed"}))
        service.script("result", service.result())
        service.script("download", answer(200, PNG))
        assert desk.run()[2] == PNG
        assert service.paid == 1


@pytest.mark.parametrize("phase", ["status", "download"])
def test_a_certificate_that_does_not_fit_is_told_at_once(office, certificate, phase):
    """Neither a poll nor a download will be better off later: 69, and the job kept."""
    with (
        faulty.serve(status=[answer(401)]) as service,
        faulty.serve(tls=certificate[0]) as distrusted,
    ):
        desk = office(service)
        with pytest.raises(NotAuthorised):
            desk.run()
        if phase == "status":
            desk.service = distrusted
        desk.results = distrusted
        service.script("status", as_json({"status": "completed"}))
        service.script("result", distrusted.result())
        with pytest.raises(ServiceBusy, match="certificate") as caught:
            desk.run()
        assert distrusted.connections == 1
        assert service.paid == 1
    assert caught.value.exit_code == 69
    assert (desk.row.state, desk.row.request_id) == (State.SUBMITTED, "job-1")


ENDS = [
    ({"status": "failed", "error": "moderated"}, EditFailed, State.FAILED),
    ({"status": "failed", "error": "\ud800 half"}, EditFailed, State.FAILED),
    ({"status": "cancelled"}, EditCancelled, State.CANCELLED),
]


@pytest.mark.parametrize(("body", "error", "state"), ENDS)
def test_a_job_that_ended_badly_is_final(office, body, error, state):
    """`completed` is not success: the result tells, and the row keeps it."""
    with faulty.serve(result=[as_json(body)]) as service:
        desk = office(service)
        with pytest.raises(error):
            desk.run()
        assert service.phases() == ["submit", "status", "result"]
    assert desk.row.state is state


def test_a_young_job_is_left_alone_until_it_may_have_ended(office):
    """Nothing is asked before the provider's soonest end, unless that has passed."""
    for age_s, least_s in ((0.0, SOONEST_S), (SOONEST_S, 0.0)):
        with faulty.serve() as service:
            desk = office(service)
            desk.age_s = age_s
            desk.run()
        (slept_s,) = desk.slept
        assert least_s <= slept_s < least_s + 1


def test_a_job_the_service_forgot_is_expired_after_a_minute(office):
    """A fresh id may be unknown for a moment; after a minute it is lost."""
    with faulty.serve(status=[answer(404)]) as service:
        desk = office(service)
        with pytest.raises(ResultLost):
            desk.run()
        assert service.paid == 1
    assert 60 < desk.now_s < 65
    assert desk.row.state is State.EXPIRED


def test_answers_in_drops_end_at_the_deadline(office):
    """A service that answers a byte at a time cannot hold the caller for ever."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with faulty.serve(status=[faulty.dripping(head)]) as service:
        desk = office(service, deadline_s=2)
        with pytest.raises(StillRunning):
            desk.run()
    assert desk.row.state is State.SUBMITTED


def test_an_id_that_cannot_be_kept_is_told(office):
    """A store that breaks right after the answer does not swallow the id."""
    with faulty.serve() as service:
        desk = office(service)
        desk.fills_up_at(Event.ACCEPT)
        with pytest.raises(StoreError, match="job-1") as caught:
            desk.run()
    assert caught.value.may_have_been_charged


def test_nothing_is_sent_when_the_store_is_broken(office):
    """A claim that cannot be written is an error before the paid request."""
    with faulty.serve() as service:
        desk = office(service)

        async def broken(_job, _event, **_facts):
            raise StoreError("The disk is full.", "Free some space.")

        desk.facts["journal"] = broken
        with pytest.raises(StoreError):
            desk.run()
        assert service.seen == []


def test_two_waiters_of_one_job_both_get_it(office):
    """A second kernel that adopts an open job is not thrown out by the first."""
    with faulty.serve(status=[QUEUED]) as service:
        desk = office(service, deadline_s=2)
        with pytest.raises(StillRunning):
            desk.run()
        desk.facts["deadline_s"] = 100
        service.script("status", *[GOES_ON] * 6, as_json({"status": "completed"}))

        async def both():
            return await asyncio.gather(desk.work(), desk.work())

        first, second = asyncio.run(both())
        assert first[2] == second[2] == PNG
        assert service.paid == 1


def test_stopping_a_queued_job_cancels_it_once(office):
    """Stop sends one cancel and writes down that it worked."""
    with faulty.serve(status=[QUEUED]) as service:
        desk = office(service)
        ended = desk.stopped_when(lambda: len(service.phases("status")) > 1)
        assert isinstance(ended, asyncio.CancelledError)
        assert service.phases("cancel") == ["cancel"]
        assert service.paid == 1
    assert desk.row.state is State.CANCELLED


NOT_CANCELLED = {
    "it runs": as_json({"status": "in_progress", "outcome": "not_cancellable"}, 202),
    "it is done": as_json({"status": "completed", "outcome": "not_cancellable"}, 202),
    "it is forgotten": answer(404),
    "broken": faulty.reset,
    "busy": answer(429),
    "a page": answer(200, b"<html>"),
    "silent": faulty.silent,
}


@pytest.mark.parametrize("fault", NOT_CANCELLED)
def test_a_cancel_that_did_not_work_keeps_the_job(office, fault, monkeypatch):
    """One bounded cancel; without a clear yes the row stays open, to be adopted."""
    if fault == "silent":  # the others answer, however slow the machine is
        monkeypatch.setattr(runner_module, "CANCEL_TIMEOUT_S", 2)
    with faulty.serve(status=[QUEUED], cancel=[NOT_CANCELLED[fault]]) as service:
        desk = office(service)
        desk.stopped_when(lambda: len(service.phases("status")) > 1)
        assert service.phases("cancel") == ["cancel"]
        # A clear no is known: it has left the queue.
        told_no = fault in {"it runs", "it is done"}
        assert desk.row.state is (State.RUNNING if told_no else State.SUBMITTED)
        service.script("status", as_json({"status": "completed"}))
        assert desk.run()[2] == PNG
        assert service.paid == 1


def cancelling(service, connection):
    """Cancel the job, and break off before saying so."""
    service.script("status", as_json({"status": "cancelled"}))
    service.script("result", as_json({"status": "cancelled"}))
    faulty.reset(service, connection)


def test_a_cancel_that_worked_unheard_is_found_out_by_a_rerun(office):
    """The service did cancel: whoever asks next is told so, and nothing is sent."""
    with faulty.serve(status=[QUEUED], cancel=[cancelling]) as service:
        desk = office(service)
        desk.stopped_when(lambda: len(service.phases("status")) > 1)
        assert desk.row.state is State.SUBMITTED
        with pytest.raises(EditCancelled):
            desk.run()
        assert service.paid == 1
    assert desk.row.state is State.CANCELLED


def test_a_cancel_that_cannot_be_written_down_is_a_cancel(office):
    """Whoever stopped is told that it stopped, not of the disk; a re-run finds out."""
    with faulty.serve(status=[QUEUED]) as service:
        desk = office(service)
        desk.fills_up_at(Event.CANCEL)
        ended = desk.stopped_when(lambda: len(service.phases("status")) > 1)
    assert isinstance(ended, asyncio.CancelledError)
    assert desk.row.state is State.SUBMITTED


def late(reply, told):
    """Return an answer that comes once ``told`` is set."""

    def send(_service, connection):
        told.wait(10)
        connection.sendall(reply)

    return send


def test_stopping_while_sending_hears_the_answer_and_cancels(office, monkeypatch):
    """An answer a moment away becomes an id that can be cancelled."""
    monkeypatch.setattr(sending, "ANSWER_GRACE_S", 30)
    monkeypatch.setattr(runner_module, "CANCEL_TIMEOUT_S", 30)
    with faulty.serve() as service:
        slow = threading.Event()
        service.script("submit", late(as_json({"request_id": "job-1"}), slow))
        desk = office(service)

        def told():
            if service.paid:
                threading.Timer(0.05, slow.set).start()
            return service.paid

        desk.stopped_when(told)
        assert service.phases() == ["submit", "cancel"]
    assert desk.row.state is State.CANCELLED


@pytest.mark.parametrize("reply", [answer(429), answer(401)], ids=["429", "401"])
def test_stopping_while_sending_never_sends_again(office, reply, monkeypatch):
    """A refusal that arrives after Stop does not start another try."""
    monkeypatch.setattr(sending, "ANSWER_GRACE_S", 30)
    with faulty.serve() as service:
        slow = threading.Event()
        service.script("submit", late(reply, slow))
        desk = office(service)

        def told():
            if service.paid:
                threading.Timer(0.05, slow.set).start()
            return service.paid

        desk.stopped_when(told)
        assert service.phases() == ["submit"]
    assert desk.row.state is State.INTENT


def test_stopping_while_sending_without_an_answer_is_unknown(office, monkeypatch):
    """No answer within the grace: the outcome is unknown, and written down as that."""
    monkeypatch.setattr(sending, "ANSWER_GRACE_S", 0.05)
    with faulty.serve(submit=[faulty.silent]) as service:
        desk = office(service)
        desk.stopped_when(lambda: service.paid)
        assert service.phases() == ["submit"]
    assert desk.row.state is State.UNKNOWN


def test_stopping_before_there_is_a_connection_leaves_the_job_unsent(
    office, monkeypatch
):
    """Not a byte has left, so it is not unknown what became of it."""
    monkeypatch.setattr(sending, "ANSWER_GRACE_S", 0.05)
    with faulty.unreachable() as origin:
        desk = office(SimpleNamespace(origin=origin))
        ended = desk.stopped_when(lambda: desk.reports)
    assert isinstance(ended, asyncio.CancelledError)
    assert desk.row.state is State.INTENT


@pytest.mark.parametrize(
    "fault",
    [answer(401, TOKEN.encode()), as_json({"error": TOKEN}, 400), faulty.reset],
    ids=["page", "reason", "reset"],
)
def test_no_traceback_shows_the_token(office, fault):
    """A service that quotes the credential does not get it into a message or a row."""
    with faulty.serve(submit=[fault]) as service:
        desk = office(service)
        with pytest.raises(KontextError) as caught:
            desk.run()
    shown = traceback.TracebackException.from_exception(caught.value)
    assert TOKEN not in "".join(shown.format())
    assert TOKEN not in repr(desk.row) + repr(caught.value)


BROKEN = [PASSING[name] for name in ("reset", "half", "HTTP 503", "garbage", "moved")]
ODD = [answer(401), answer(402), QUEUED, GOES_ON, as_json({"error_code": []})]
FAULTS = st.tuples(
    st.sampled_from(["status", "result"]), st.sampled_from(BROKEN + ODD)
) | st.tuples(st.just("download"), st.sampled_from(BROKEN))


@settings(max_examples=25)
@given(script=st.lists(FAULTS, max_size=8))
def test_whatever_happens_after_the_id_the_job_is_paid_once(script, tmp_path_factory):
    """Any mix of faults, with a re-run after each error, ends DONE with one submit."""
    with faulty.serve() as service:
        for phase in ("status", "result", "download"):
            turns = [fault for name, fault in script if name == phase]
            service.script(phase, *turns, *service._script[phase])
        desk = Office(tmp_path_factory.mktemp("law"), service, deadline_s=60)
        for _ in range(20):
            try:
                data = desk.run()[2]
                break
            except (NotAuthorised, OutOfCredit, BadReply, StillRunning, ServiceBusy):
                continue
        assert data == PNG
        assert service.paid == 1
