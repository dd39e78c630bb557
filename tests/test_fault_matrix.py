"""The fault matrix, through the front door: state, exit code, paid requests, a re-run.

`tests.test_runner` holds the engine's part of it; here is what the user of a notebook
or a shell is told, and that asking again is safe whatever happened.
"""

import socket
import time

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb import parcel
from kontext_nb.engine import pace
from kontext_nb.errors import (
    BadReply,
    KontextError,
    OutcomeUnknown,
    ServiceBusy,
    StillRunning,
    StoreError,
)
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Limits
from kontext_nb.parcel import Parcel
from kontext_nb.providers import runcomfy
from kontext_nb.session import engines, jobs, login
from kontext_nb.session.desk import Desk
from kontext_nb.session.errand import LEASE_S
from kontext_nb.session.settings import current
from kontext_nb.store import rows
from kontext_nb.store.ledger import Ledger
from tests import faulty
from tests.billing import as_environment
from tests.faulty import answer, as_json
from tests.test_login import PlayedClock

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
GOOD_ID = b'{"request_id": "job-1"}'


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """No proxy, and no pause of a real service."""
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    monkeypatch.setattr(pace, "FIRST_STEP_S", 0.002)


@pytest.fixture
def go_to(monkeypatch):
    """Return what points this process at a service."""

    def go(service):
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)

    return go


def row():
    """Return the newest job of the store."""
    return Desk(current()).ledger.jobs()[0]


def failed(deadline_s):
    """Ask for the edit; return the error that ended it."""
    with kx.configure(deadline_s=deadline_s), pytest.raises(KontextError) as caught:
        kx.edit(SOURCE, PROMPT, seed=7)
    error = caught.value
    assert error.job == row().id
    assert error.state == row().state
    return error


def failed_as(fits):
    """Ask with longer and longer deadlines, until one is enough for what ``fits``."""
    for deadline_s in (0.05, 0.2, 0.8, 3.2, 12.8):
        error = failed(deadline_s)
        if fits(error):
            break
    return error


def well(service):
    """Have the service do all as it should from now on."""
    service.script("submit", as_json({"request_id": "job-2"}))
    service.script("status", as_json({"status": "completed"}))
    service.script("result", service.result())
    service.script("download", answer(200, faulty.png()))


def coded(code, status=200):
    """Return an answer with an error code of its own."""
    return as_json({"error_code": code, "error_message": "so it is"}, status)


LONG = answer(200, GOOD_ID, x_filler="x" * 300_000)
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"
PAGE = answer(200, b"<html>Sign in to the hotel's network</html>")
OUTDATED = answer(426)
# What a message says besides, so that it is not looked for on the wrong side.
HINTS = {PAGE: "portal or proxy", OUTDATED: "may be too old"}
SUBMIT = {
    # Nobody knows: one paid request, and never another by itself.
    "headers without end": (LONG, State.UNKNOWN, 69),
    "half of a header": (b"HTTP/1.1 200 OK\r\ncontent-le", State.UNKNOWN, 75),
    "a chunk that is none": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        State.UNKNOWN,
        69,
    ),
    "a body shorter than said": (
        answer(200, b'{"request', content_length="90"),
        State.UNKNOWN,
        75,
    ),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        State.UNKNOWN,
        69,
    ),
    "only early hints": (EARLY * 50, State.UNKNOWN, 69),
    "a portal's page": (PAGE, State.UNKNOWN, 69),
    "JSON of a hundred thousand brackets": (
        answer(200, b"[" * 100_000),
        State.UNKNOWN,
        69,
    ),
    "an id of another kind": (as_json({"request_id": 7}), State.UNKNOWN, 69),
    "an id too long": (as_json({"request_id": "x" * 129}), State.UNKNOWN, 69),
    "an id in a list": (as_json([{"request_id": "job-1"}]), State.UNKNOWN, 69),
    "an inner error": (coded(500001), State.UNKNOWN, 69),
    "another host's page": (
        answer(302, location="https://example.com/login"),
        State.UNKNOWN,
        69,
    ),
    # It was read and will not be run: final.
    "a wrong model, under 200": (coded(400001), State.FAILED, 65),
    "a wrong field, under 200": (coded(422001), State.FAILED, 65),
    "an unsupported kind": (answer(415), State.FAILED, 65),
    "a model that is gone": (answer(410), State.FAILED, 65),
    "a form of old": (OUTDATED, State.FAILED, 69),
    # Not taken: the same job waits for a login, a top-up or a better moment.
    "no balance, under 200": (coded(400002), State.INTENT, 65),
    "no account, under 200": (coded(400004), State.INTENT, 77),
    "no right": (coded(403001, 403), State.INTENT, 77),
    "too many": (answer(429), State.INTENT, 75),
}


@pytest.mark.parametrize("fault", SUBMIT)
def test_what_a_submit_may_meet(go_to, fault):
    """The row and the exit code say what is known; asking again pays only if safe."""
    turn, state, code = SUBMIT[fault]
    with faulty.serve(submit=[turn]) as service:
        go_to(service)
        error = failed(deadline_s=60)
        assert (row().state, error.exit_code) == (state, code)
        paid = service.paid
        assert paid == (3 if code == 75 and state is State.INTENT else 1)
        assert error.may_have_been_charged == (state is State.UNKNOWN)
        assert HINTS.get(turn, "") in str(error)
        job = row().id
        well(service)
        if state is State.UNKNOWN:
            with pytest.raises(OutcomeUnknown):
                kx.edit(SOURCE, PROMPT, seed=7)
            assert service.paid == paid
        else:
            made = kx.edit(SOURCE, PROMPT, seed=7)
            assert service.paid == paid + 1
            assert (made.job == job) == (state is State.INTENT)


@pytest.mark.parametrize("turn", [faulty.reset, faulty.silent], ids=["reset", "unread"])
def test_what_breaks_while_the_picture_is_sent_is_unknown(go_to, monkeypatch, turn):
    """A part of it left this machine, so nobody knows: 75, and never sent again."""
    if turn is faulty.silent:
        monkeypatch.setattr(runcomfy, "SUBMIT_TIMEOUT_S", 1.5)
    large = Parcel(bytes(6 * 2**20), (16, 12))
    monkeypatch.setattr(parcel, "pack", lambda _: large)
    with faulty.serve(submit=[faulty.Early(turn)]) as service:
        go_to(service)
        error = failed(deadline_s=10)
        assert (row().state, error.exit_code) == (State.UNKNOWN, 75)
        assert error.may_have_been_charged
        well(service)
        with pytest.raises(OutcomeUnknown):
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1


def no_name(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_that_is_not_known_leaves_the_job_unsent(monkeypatch):
    """Three tries, and not a byte of it left: 75, to be sent by a re-run."""
    asked = []
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: asked.append(1) or no_name()
    )
    for name, value in as_environment("https://nobody.invalid").items():
        monkeypatch.setenv(name, value)
    error = failed(deadline_s=10)
    assert (row().state, error.exit_code) == (State.INTENT, 75)
    assert not error.may_have_been_charged
    assert len(asked) == 1 + 3  # what the model takes is asked for once


def test_a_proxy_that_refuses_leaves_the_job_unsent(monkeypatch):
    """It would refuse the next try as well: one, 69, and a re-run once it is mended."""
    with faulty.serve(download=[answer(407)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        monkeypatch.setattr(engines, "_wires", {})  # as in a new process
        for name, value in as_environment("https://nobody.invalid").items():
            monkeypatch.setenv(name, value)
        error = failed(deadline_s=10)
        assert [seen.method for seen in proxy.seen] == ["CONNECT"] * 2
    assert (row().state, error.exit_code) == (State.INTENT, 69)
    assert not error.may_have_been_charged


@pytest.fixture
def trust(certificate, monkeypatch):
    """Return what says whether the certificate of a service fits, from now on."""

    def say(fits):
        monkeypatch.setattr(engines, "_wires", {})  # as in a new process
        if fits:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        else:
            monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    return say


def test_a_certificate_that_does_not_fit_is_told_at_once(go_to, certificate, trust):
    """69 after one try, whatever is asked for; the job is kept as it stands."""
    with faulty.serve(tls=certificate[0], status=[answer(401)]) as service:
        go_to(service)
        error = failed(deadline_s=10)
        assert (row().state, error.exit_code) == (State.INTENT, 69)
        assert "certificate" in error.problem
        assert service.connections == 2  # what the model takes is asked for, too
        trust(True)
        assert failed(deadline_s=10).exit_code == 77
        assert row().state is State.SUBMITTED
        trust(False)
        asking = {
            "edit": lambda: failed(deadline_s=10),
            "status": lambda: unanswered(jobs.status),
            "cancel": lambda: unanswered(jobs.cancel),
        }
        for how, ask in asking.items():
            before = service.connections
            error = ask()
            assert (how, type(error), error.exit_code) == (how, ServiceBusy, 69)
            assert service.connections - before == (2 if how == "cancel" else 1)
            assert (error.request_id, row().state) == ("job-1", State.SUBMITTED)
        trust(True)
        well(service)
        assert kx.edit(SOURCE, PROMPT, seed=7).job == error.job
        assert service.paid == 1


def test_a_login_stops_asking_where_no_answer_can_come(
    certificate, trust, monkeypatch, tmp_path
):
    """It is over after one question, long before its code expires."""
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", str(tmp_path / "config"))
    begun = {
        "device_code": "device-1",
        "user_code": "ABCD-1234",
        "expires_in": 600,
        "poll_interval": 1,
    }
    with faulty.serve(tls=certificate[0]) as site:
        page = {"verify_url": f"{site.origin}/cli-auth"}
        site.script("download", as_json(begun | page))
        trust(True)
        clock = PlayedClock().clock
        pending = login.begin(site.origin, clock=clock)
        trust(False)
        before = site.connections
        with pytest.raises(ServiceBusy) as caught:
            login.finish(pending, clock=clock)
        assert "certificate" in caught.value.problem
        assert site.connections == before + 1


def unanswered(verb):
    """Ask of the newest job; return the error that says of it what is known."""
    with pytest.raises(KontextError) as caught:
        verb(row().id)
    error = caught.value
    assert (error.job, error.state) == (row().id, row().state)
    assert error.may_have_been_charged
    return error


@pytest.mark.parametrize("how", ["nobody listens", "no such name"])
def test_a_service_that_is_gone_keeps_the_job(go_to, monkeypatch, how):
    """It may come back: asked until the deadline, then 75, and a re-run goes on."""
    with faulty.serve(status=[answer(401)]) as service:
        service.origin = service.origin.replace("127.0.0.1", "localhost")
        go_to(service)
        assert failed(deadline_s=10).exit_code == 77
        if how == "no such name":
            monkeypatch.setattr(socket, "getaddrinfo", no_name)
        else:
            service.end()
        error = failed(deadline_s=0.2)
        assert (type(error), error.exit_code) == (StillRunning, 75)
        for verb in (jobs.status, jobs.cancel):
            assert unanswered(verb).exit_code == 75
        assert row().state is State.SUBMITTED
        assert service.paid == 1


def test_a_name_of_a_result_that_is_not_known_is_asked_for_five_times(
    go_to, monkeypatch
):
    """The download may be better off later: 75, and the job is kept."""
    asked = []
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: asked.append(1) or no_name()
    )
    output = {"image": "https://nobody.runcomfy.net/a.png"}
    with faulty.serve(result=[as_json({"status": "succeeded", "output": output})]) as s:
        go_to(s)
        assert failed(deadline_s=10).exit_code == 75
    assert (row().state, len(asked)) == (State.SUBMITTED, 5)


def test_addresses_that_an_answer_names_are_not_asked(go_to):
    """What is asked is made of the id alone, by whatever name another one is given."""
    with faulty.serve() as elsewhere, faulty.serve() as service:
        named = {
            "status_url": f"{elsewhere.origin}/v1/requests/job-1/status",
            "result_url": f"{elsewhere.origin}/v1/requests/job-1/result",
            "response_url": "https://example.com/v1/requests/job-1",
            "cancel_url": f"{elsewhere.origin}/v1/requests/job-1/cancel",
        }
        service.script("submit", as_json({"request_id": "job-1"} | named))
        service.script(
            "status",
            as_json({"status": "in_queue"} | named),
            as_json({"status": "completed"} | named),
        )
        go_to(service)
        kx.edit(SOURCE, PROMPT, seed=7)
        assert elsewhere.connections == 0
        asked = ["submit", "status", "status", "result", "download"]
        assert service.phases()[1:] == asked


@pytest.mark.parametrize("more", [False, True])
def test_the_picture_that_was_sent_is_no_result(go_to, more):
    """A service may repeat it within the output: there, too, it is no result."""
    sent = "https://example.com/a.png"
    with faulty.serve() as service:
        real = [f"{service.origin}/cdn/job-1.png"] if more else []
        output = {"status": "succeeded", "output": [sent, *real]}
        service.script("result", as_json(output))
        go_to(service)
        with kx.configure(deadline_s=10):
            if more:
                assert kx.edit(sent, PROMPT, seed=7).image.size == (16, 12)
            else:
                with pytest.raises(BadReply, match="the picture it was sent") as caught:
                    kx.edit(sent, PROMPT, seed=7)
                assert (caught.value.exit_code, row().state) == (69, State.SUBMITTED)
        assert len(service.phases("download")) == more


@pytest.mark.parametrize(
    ("ago_s", "error", "state"),
    [(LEASE_S - 30, StillRunning, "sending"), (LEASE_S + 1, OutcomeUnknown, "unknown")],
)
def test_a_sender_on_another_machine_has_ten_minutes(go_to, ago_s, error, state):
    """Nobody here can see whether it still lives; its job is never sent by another."""
    with faulty.serve(submit=[answer(401)]) as service:
        go_to(service)
        failed(deadline_s=10)
        Desk(current()).ledger.claim(
            row(), time.time() - ago_s, owner="another|boot|1|1", limits=Limits()
        )
        assert type(failed(deadline_s=0.3)) is error
        assert row().state == state
        assert service.paid == 1


class Heeding:
    """Turns of a service that bills, and may answer a key it knows as it did before.

    Args:
        heeds: Whether it takes notice of keys at all.
        turns: Pairs: whether it bills, and what it answers.
    """

    def __init__(self, heeds, *turns):
        self.heeds, self.turns = heeds, list(turns)
        self.bills, self.answers = 0, {}

    def __call__(self, service, connection):
        key = service.seen[-1].headers["idempotency-key"]
        if not (self.heeds and key in self.answers):
            bills, reply = self.turns.pop(0)
            self.bills += bills
            if bills:  # a refusal is no answer to keep
                self.answers[key] = reply
            connection.sendall(reply)
        else:
            connection.sendall(self.answers[key])


@pytest.mark.parametrize("heeds", [True, False])
def test_a_service_that_heeds_the_key_bills_as_one_that_does_not(go_to, heeds):
    """Nothing relies on it: what is billed twice is what the user had sent twice."""
    busy, odd = (False, answer(429)), (True, answer(500))
    one, two = ((True, as_json({"request_id": name})) for name in ("job-1", "job-2"))
    with faulty.serve() as service:
        go_to(service)
        shop = Heeding(heeds, busy, busy, one, odd, two)
        service.script("submit", shop)
        kx.edit(SOURCE, PROMPT, seed=6)
        assert shop.bills == 1
        for _ in range(2):
            job = failed(deadline_s=10).job
        assert shop.bills == 2
        kx.resume(job, resubmit=True)
        assert (row().state, shop.bills) == (State.DONE, 3)
        keys = [s.headers["idempotency-key"] for s in service.seen if s.body]
    assert keys[0] == keys[1] == keys[2]
    assert keys[3:] == [job, f"{job}-1"]


def test_an_id_in_half_an_answer_is_kept(go_to):
    """The answer broke off after the id: the job is collected, and not sent again."""
    half = answer(200, GOOD_ID, content_length="90")
    with faulty.serve(submit=[half]) as service:
        go_to(service)
        assert kx.edit(SOURCE, PROMPT, seed=7).image.size == (16, 12)
        assert service.paid == 1


def test_an_id_that_another_job_has_is_not_believed(go_to):
    """Its picture would be shown as this one's: unknown, said aloud, not sent again."""
    with faulty.serve(submit=[as_json({"request_id": "job-1"})]) as service:
        go_to(service)
        first = kx.edit(SOURCE, PROMPT, seed=6)
        for paid, code in ((2, 69), (2, 75)):
            error = failed(deadline_s=10)
            assert (type(error), error.exit_code) == (OutcomeUnknown, code)
            assert row().state is State.UNKNOWN
            assert first.job in row().error
            assert service.paid == paid
    assert error.may_have_been_charged


ASKED = {
    "no token any more": (answer(401), 77),
    "no account": (coded(400004, 400), 77),
    "no account, under 200": (coded(400004), 77),
    "no balance": (coded(400002, 400), 65),
    "an inner error": (coded(500001), 69),
    "JSON of a hundred thousand brackets": (answer(200, b"[" * 100_000), 69),
    "nothing": (answer(200), 69),
    "a list": (as_json([]), 69),
    "compressed": (answer(200, b"\x1f\x8b", content_encoding="gzip"), 69),
    "a page": (PAGE, 69),
    "elsewhere": (answer(307, location="https://example.com/"), 69),
    "a method of no use": (answer(405), 69),
    "a form of old": (OUTDATED, 69),
    "a legal matter": (answer(451), 69),
    "a status of no class": (answer(999), 69),
    "only early hints": (EARLY * 50, 69),
    "taken, and no more": (answer(202), 75),
    "reset": (faulty.reset, 75),
    "closed": (faulty.closed, 75),
    "half": (answer(200, b"{}", content_length="9"), 75),
    "too slow": (answer(408), 75),
    "in conflict": (answer(409), 75),
    "too many": (answer(429), 75),
    "not yet": (as_json({"status": "in_progress"}, 202), 75),
    "a fault of its own": (answer(500), 69),
    "an overload": (answer(503), 69),
    "a page of its CDN": (answer(522, b"<html>"), 69),
}


@pytest.mark.parametrize("phase", ["status", "result"])
@pytest.mark.parametrize("fault", ASKED)
def test_what_a_question_may_meet(go_to, fault, phase):
    """No answer to a question loses the job: a re-run collects it, and pays nothing."""
    turn, code = ASKED[fault]
    kept_and_adopted(go_to, phase, turn, code)


FETCHED = {
    "nothing": (answer(204), 69),
    "a bill": (answer(402), 65),
    "a page": (answer(200, b"<html>"), 69),
    "half a picture": (answer(200, faulty.png()[:-30]), 69),
    "a part": (answer(206, faulty.png()), 69),
    "compressed": (answer(200, faulty.png(), content_encoding="br"), 69),
    "elsewhere": (answer(302, location="https://example.com/a.png"), 69),
    "inside": (answer(302, location="http://169.254.169.254/"), 69),
    "reset": (faulty.reset, 75),
    "closed": (faulty.closed, 75),
    "too slow": (answer(408), 75),
    "too many": (answer(429), 75),
    "a fault of its own": (answer(500), 69),
    "an overload": (answer(503), 69),
}


@pytest.mark.parametrize("fault", FETCHED)
def test_what_a_download_may_meet(go_to, fault):
    """Nothing but a whole picture is DONE; a re-run fetches it, and pays nothing."""
    turn, code = FETCHED[fault]
    kept_and_adopted(go_to, "download", turn, code)


def kept_and_adopted(go_to, phase, turn, code):
    """Meet a fault after the id; then ask again of a service that is well."""
    script = {"status": [as_json({"status": "completed"})]} | {phase: [turn]}
    # What it took before needs no long deadline to meet the fault in.
    script["status"].insert(0, answer(401))
    with faulty.serve(**script) as service:
        go_to(service)
        assert failed(deadline_s=10).exit_code == 77
        before, hint = len(service.phases(phase)), HINTS.get(turn, "")

        def fits(error):
            met = len(service.phases(phase)) > before
            return met and error.exit_code == code and hint in str(error)

        error = failed_as(fits)
        assert error.exit_code == code
        assert hint in str(error)
        assert row().state in (State.SUBMITTED, State.RUNNING)
        assert error.request_id == row().request_id == "job-1"
        well(service)
        assert kx.edit(SOURCE, PROMPT, seed=7).job == error.job
        assert service.paid == 1
    assert row().state is State.DONE


def test_a_service_that_stays_broken_is_named_when_the_deadline_ends_it(go_to):
    """Exit 69 and not 75: the job did not just take long, and a re-run is safe."""
    with faulty.serve(status=[answer(503)]) as service:
        go_to(service)
        error = failed_as(lambda error: "HTTP 503" in error.problem)
    assert (type(error), error.exit_code) == (StillRunning, 69)
    assert "HTTP 503" in error.problem
    assert "nothing is sent again" in error.remedy
    assert error.rerun_is_safe
    assert error.may_have_been_charged


def test_a_token_revoked_in_the_middle_costs_a_login_and_nothing_more(go_to):
    """401 while waiting is exit 77; after the login the same job is collected."""
    turns = [as_json({"status": "in_queue"}), answer(401)]
    with faulty.serve(status=turns) as service:
        go_to(service)
        assert failed(deadline_s=10).exit_code == 77
        well(service)
        assert kx.edit(SOURCE, PROMPT, seed=7).job == row().id
        assert service.paid == 1


def test_five_hundred_bad_answers_later_the_job_is_still_there(go_to):
    """Any mixture of troubles while polling is outlasted: done, with one bill."""
    good = as_json({"status": "in_progress"})
    mixed = [answer(503), faulty.reset, answer(429), good, answer(200, b"<html>"), good]
    turns = [*(mixed * 84)[:500], as_json({"status": "completed"})]
    with faulty.serve(status=turns) as service, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "MAX_STEP_S", 0.002)
        go_to(service)
        kx.edit(SOURCE, PROMPT, seed=7)
        assert len(service.phases("status")) == 501
        assert service.paid == 1


def test_an_id_that_the_ledger_does_not_take_is_kept_beside_it(go_to, monkeypatch):
    """The disk is full right after the answer: told, kept, and taken up by a re-run."""
    usual = Ledger.record

    def full(self, job, event, at, **facts):
        if event is Event.ACCEPT:
            raise StoreError("The disk is full.", "Free some space.")
        return usual(self, job, event, at, **facts)

    with faulty.serve() as service:
        go_to(service)
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "record", full)
            error = failed(deadline_s=10)
        assert (error.exit_code, error.request_id) == (75, "job-1")
        assert error.may_have_been_charged
        assert kx.edit(SOURCE, PROMPT, seed=7).job == error.job
        assert service.paid == 1


def test_a_job_that_was_left_long_ago_is_asked_at_once(go_to, monkeypatch):
    """A re-run counts from when the service took the job, not from its own start."""
    monkeypatch.setattr(Ledger, "expected_s", lambda *_: 60.0)
    with faulty.serve(status=[as_json({"status": "in_progress"})]) as service:
        go_to(service)
        failed_as(lambda _: row().submitted_at)
        left = row()
        long_ago_s = left.submitted_at - 90.0
        Desk(current()).ledger._written(
            lambda db: rows.update(db, left, submitted_at=long_ago_s)
        )
        well(service)
        with kx.configure(deadline_s=10):
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1
