"""The paid path end to end: a notebook's call, the store, a real socket, the demo app.

Nobody pays twice and nothing is lost, whatever the service, the user or a crash does.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import httpx
import pytest
from PIL import Image, ImageOps

import kontext_nb as kx
from kontext_nb.demo.app import create_app
from kontext_nb.engine import pace as pace_module
from kontext_nb.engine import sending
from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    InputRejected,
    NotAuthorised,
    OutcomeUnknown,
    ParameterRejected,
    ServiceBusy,
    StillRunning,
    StoreError,
)
from kontext_nb.lifecycle import State
from kontext_nb.session import cell as cells
from kontext_nb.session import keys, settings
from kontext_nb.session.desk import Desk
from kontext_nb.store import opening
from tests import faulty
from tests.faulty import answer, as_json
from tests.loopback import serve
from tests.test_editor import run, said

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
WRONG = "tok-of-somebody-else"
SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
QUEUED = as_json({"status": "in_queue", "queue_position": 1})
RUNS = as_json({"status": "in_progress"})
ENDED = as_json({"status": "completed"})
PROMPT = "Make the sky orange"
FOR_EVER_S = 86_400
LEFT = (StillRunning, ServiceBusy)
DEADLINES_S = (0.5, 2, 8, 32)  # until one is enough to be sent in


@pytest.fixture(autouse=True)
def quiet_network(monkeypatch):
    """No proxy and no pause of a real service; settings as a new kernel has them."""
    monkeypatch.setattr(pace_module, "FIRST_BACKOFF_S", 0.0)
    monkeypatch.setattr(settings, "_changed", {})


@pytest.fixture
def go_to(monkeypatch):
    """Return what points this process at a service, with a token."""

    def go(origin, token=TOKEN):
        monkeypatch.setenv("RUNCOMFY_TOKEN", token)
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{origin}/v1")

    return go


@pytest.fixture
def kernel(monkeypatch):
    """Return what runs a cell: a shell that says which cell of which notebook it is."""
    runs = iter(range(1000))

    def run(cell_id, work, **metadata):
        parent = {
            "header": {"msg_type": "execute_request", "msg_id": f"run-{next(runs)}"},
            "metadata": {"cellId": cell_id} | metadata,
            "content": {"code": "kx.edit(...)"},
        }
        shell = SimpleNamespace(kernel=True, get_parent=lambda: parent, user_ns={})
        with monkeypatch.context() as patch:
            patch.setattr(cells, "kernel", lambda: shell)
            return work()

    return run


def invert(image, _prompt, _seed, _aspect_ratio):
    return ImageOps.invert(image)


def refuse(_image, _prompt, _seed, _aspect_ratio):
    raise InputRejected("The sky is not in the picture", "")


class Counted:
    """An app, and what was asked of it."""

    def __init__(self, app):
        self.app = app
        self.seen = []

    async def __call__(self, scope, receive, send):
        sent = {name: value.decode() for name, value in scope["headers"]}
        self.seen.append((scope["method"], scope["path"], sent.get(b"authorization")))
        await self.app(scope, receive, send)

    @property
    def paid(self):
        return sum(
            method == "POST" and "/models/" in path for method, path, _ in self.seen
        )


def counted(how, counters):
    """Return what builds a counted demo app and notes it in ``counters``."""

    def build(origin):
        facts = {"token": TOKEN, "edit": invert} | how
        counters.append(Counted(create_app(origin=origin, **facts)))
        return counters[-1]

    return build


def row():
    """Return the one job of the store."""
    desk = Desk(settings.current())
    with opening.opened(desk.ledger.path, write=False) as db:
        (found,) = db.execute("SELECT id FROM jobs").fetchall()
    return desk.ledger.job(found["id"])


def stored_bytes(folder):
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def test_an_edit_is_paid_once_and_kept(go_to, tmp_path):
    """The result is shown and kept; its identical twin costs no request at all."""
    apps = []
    with serve(counted({"work_s": 0.01, "queue_s": 0.01}, apps)) as origin:
        go_to(origin)
        first = kx.edit(SOURCE, PROMPT, seed=7)
        asked = len(apps[0].seen)
        again = kx.edit(SOURCE.copy(), PROMPT, seed=7)
    assert first.image.getpixel((0, 0)) == (55, 225, 225)
    assert (first.reused, again.reused) == (False, True)
    assert again.image.tobytes() == first.image.tobytes()
    assert (apps[0].paid, len(apps[0].seen)) == (1, asked)
    assert row().state is State.DONE
    for _, path, sent in apps[0].seen:
        assert sent == (None if path.startswith("/cdn/") else f"Bearer {TOKEN}")
    assert TOKEN.encode() not in stored_bytes(tmp_path / "store")
    # The service is gone by now, and the store still answers.
    assert kx.edit(SOURCE, PROMPT, seed=7).reused
    assert kx.resume(first.job).reused


def test_a_difference_in_any_part_is_another_edit(go_to):
    """Another seed, prompt, shape or picture is made and paid for."""
    apps = []
    other = Image.new("RGB", (16, 12), (1, 2, 3))
    with serve(counted({}, apps)) as origin:
        go_to(origin)
        kx.edit(SOURCE, PROMPT, seed=7)
        kx.edit(SOURCE, PROMPT, seed=8)
        kx.edit(SOURCE, PROMPT + "!", seed=7)
        kx.edit(SOURCE, PROMPT, seed=7, aspect_ratio="1:1")
        kx.edit(other, PROMPT, seed=7)
        kx.edit(SOURCE, PROMPT, seed=7, refresh=True)
        assert apps[0].paid == 6


def test_a_failed_job_says_why_and_a_rerun_makes_it_anew(go_to, kernel):
    """The reason is the service's own; a failed job does not answer for a new one."""
    apps = []
    with serve(counted({"edit": refuse}, apps)) as origin:
        go_to(origin)
        for paid in (1, 2):
            with pytest.raises(EditFailed, match="The sky is not in the picture"):
                kernel("a", lambda: kx.edit(SOURCE, PROMPT, seed=7))
            assert apps[0].paid == paid


def test_a_job_cancelled_elsewhere_ends_as_cancelled(go_to):
    """A cancel on the service's own page ends the waiting."""
    apps = []
    with serve(counted({"queue_s": FOR_EVER_S}, apps)) as origin:
        go_to(origin)

        def cancel_there():
            headers = {"authorization": f"Bearer {TOKEN}"}
            while not (job := asked_for(apps[0])):
                pass
            httpx.post(f"{origin}/v1/requests/{job}/cancel", headers=headers)

        page = threading.Thread(target=cancel_there)
        page.start()
        with pytest.raises(EditCancelled):
            kx.edit(SOURCE, PROMPT, seed=7)
        page.join()
    assert row().state is State.CANCELLED


def asked_for(app):
    return next((p.split("/")[3] for _, p, _ in app.seen if "/requests/" in p), None)


def test_a_wrong_token_costs_nothing_and_a_login_mends_it(go_to):
    """A 401 leaves the job unsent; with the right token the same job is made."""
    apps = []
    with serve(counted({}, apps)) as origin:
        go_to(origin, WRONG)
        with pytest.raises(NotAuthorised) as caught:
            kx.edit(SOURCE, PROMPT, seed=7)
        assert WRONG not in str(caught.value)
        assert row().state is State.INTENT
        go_to(origin)
        assert not kx.edit(SOURCE, PROMPT, seed=7).reused
    assert row().state is State.DONE


def test_a_busy_service_is_asked_three_times(go_to):
    """A 429 that stays is an error to come back with, and nothing was sent."""
    with faulty.serve(submit=[answer(429)]) as service:
        go_to(service.origin)
        with pytest.raises(ServiceBusy):
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 3
        assert row().state is State.INTENT
        service.script("submit", as_json({"request_id": "job-1"}))
        kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 4


def test_a_dropped_poll_costs_another_poll(go_to):
    """Broken questions are asked again, without a second submit."""
    turns = [faulty.reset, answer(502), faulty.closed, RUNS, ENDED]
    with faulty.serve(status=turns, download=[faulty.reset, pictured()]) as service:
        go_to(service.origin)
        kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1


def pictured():
    return answer(200, faulty.png())


@pytest.mark.parametrize(
    "fault",
    [faulty.reset, answer(500), b"garbage\r\n\r\n", answer(302, location="/x"), QUEUED],
    ids=["reset", "500", "garbage", "redirect", "no id"],
)
@pytest.mark.parametrize("seed", [7, None])
def test_an_ambiguous_submit_is_never_sent_again_by_a_rerun(go_to, kernel, fault, seed):
    """However often the cell is run: one paid request, until the user insists."""
    with faulty.serve(submit=[fault]) as service:
        go_to(service.origin)
        for _ in range(3):
            with pytest.raises(OutcomeUnknown) as caught:
                kernel("a", lambda: kx.edit(SOURCE, PROMPT, seed=seed))
            assert caught.value.may_have_been_charged
            assert (caught.value.job, caught.value.state) == (row().id, State.UNKNOWN)
            words = (f"seed {row().request.seed}", "price not known", "sent at ")
            choices = ("--request-id", "--resubmit", "--abandon")
            assert all(text in str(caught.value) for text in (*words, *choices))
        assert service.paid == 1
        with pytest.raises(OutcomeUnknown):
            kx.resume(row().id)
        assert service.paid == 1
        service.script("submit", as_json({"request_id": "job-2"}))
        with pytest.raises(OutcomeUnknown):
            kernel("a", lambda: kx.edit(SOURCE, PROMPT, seed=seed, refresh=True))
        assert service.paid == 1
        kx.resume(row().id, resubmit=True)
        assert service.paid == 2
        assert len(row().consents) == 1
        assert kernel("a", lambda: kx.edit(SOURCE, PROMPT, seed=seed)).reused
        assert service.paid == 2


def left_running(go_to, service, seed=7):
    """Have an edit outlast its deadline, and end later; return the job's id."""
    go_to(service.origin)
    service.script("status", QUEUED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "ANSWER_GRACE_S", 30)
        for deadline_s in DEADLINES_S:
            with kx.configure(deadline_s=deadline_s), pytest.raises(LEFT) as caught:
                kx.edit(SOURCE, PROMPT, seed=seed)
            if service.paid:
                break
    service.script("status", ENDED)
    return caught.value.job


@pytest.mark.parametrize("how", ["rerun", "resume"])
def test_an_open_job_is_adopted(go_to, how):
    """After the deadline, or in a new kernel, the job is collected and not resent."""
    with faulty.serve() as service:
        job = left_running(go_to, service)
        rerun = how == "rerun"
        edit = kx.edit(SOURCE, PROMPT, seed=7) if rerun else kx.resume(job)
        assert edit.image.size == (16, 12)
        assert service.paid == 1


CRASHING = f"""
import kontext_nb as kx
from PIL import Image
kx.edit(Image.new("RGB", (16, 12), (200, 30, 30)), {PROMPT!r}, seed=7)
"""


@pytest.mark.parametrize(
    ("phase", "how"),
    [
        ("submit", signal.SIGKILL),
        ("status", signal.SIGKILL),
        ("status", signal.SIGTERM),
        ("download", signal.SIGKILL),
    ],
)
def test_a_killed_process_loses_nothing_and_pays_once(go_to, phase, how):
    """Killed while it waits: the next one adopts the job, or says it is unknown."""
    arrived = threading.Event()

    def held(service, connection):
        arrived.set()
        faulty.silent(service, connection)

    with faulty.serve(**{phase: [held]}) as service:
        go_to(service.origin)
        process = subprocess.Popen([sys.executable, "-c", CRASHING])
        assert arrived.wait(30)
        process.send_signal(how)
        process.wait()
        service.script("status", ENDED)
        service.script("download", pictured())
        if phase == "submit":
            with pytest.raises(OutcomeUnknown):
                kx.edit(SOURCE, PROMPT, seed=7)
        else:
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1


def test_a_rerun_cell_shows_its_edits_again(go_to, kernel):
    """Without a seed too: the same cell gets the same edits, each call its own."""
    apps = []

    def cell():
        return [kx.edit(SOURCE, PROMPT) for _ in range(2)]

    with serve(counted({}, apps)) as origin:
        go_to(origin)
        first = kernel("a", cell)
        assert apps[0].paid == 2
        again = kernel("a", cell)
        assert apps[0].paid == 2
        assert [e.job for e in again] == [e.job for e in first]
        assert first[0].seed != first[1].seed
        assert all(edit.reused for edit in again)
        elsewhere = kernel("b", cell)
        assert apps[0].paid == 4
    assert {e.job for e in elsewhere}.isdisjoint({e.job for e in first})


def test_a_chain_in_a_rerun_cell_is_free(go_to, kernel):
    """A second link is found again, as its source is."""
    apps = []

    def cell():
        return kx.edit(SOURCE, PROMPT).edit("Make it night").chain

    with serve(counted({}, apps)) as origin:
        go_to(origin)
        first = [e.job for e in kernel("a", cell)]
        again = [e.job for e in kernel("a", cell)]
        assert apps[0].paid == 2
    assert first == again


def test_the_demo_never_answers_for_a_paid_edit(go_to):
    """The same request at another provider is another request."""
    apps = []
    with kx.configure(provider="demo"):
        kx.edit(SOURCE, "Make it sepia", seed=7)
    with serve(counted({}, apps)) as origin:
        go_to(origin)
        kx.edit(SOURCE, "Make it sepia", seed=7)
        assert apps[0].paid == 1


def pressing_stop(reply):
    """Return an answer that comes with Stop pressed in the notebook."""

    def press(_service, connection):
        connection.sendall(reply)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    return press


STOPS = [
    (QUEUED, as_json({"outcome": "cancelled"}, 202), State.CANCELLED, "is cancelled"),
    (RUNS, as_json({"outcome": "not_cancellable"}, 202), State.RUNNING, "goes on"),
    # It left the queue after it was last asked for.
    (QUEUED, as_json({"outcome": "not_cancellable"}, 202), State.RUNNING, "goes on"),
]


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize("bridge", ["thread", "nest"])
@pytest.mark.parametrize(("status", "cancel", "state", "words"), STOPS)
def test_stop_sends_one_cancel_and_says_what_became(  # noqa: PLR0917 - a table row
    go_to, bridge, status, cancel, state, words
):
    """Stop cancels a queued job; a running one goes on, and a re-run collects it."""
    with faulty.serve(status=[status, pressing_stop(status), status]) as service:
        service.script("cancel", cancel)
        go_to(service.origin)
        with kx.configure(bridge=bridge):
            with pytest.raises(KeyboardInterrupt, match=words):
                kx.edit(SOURCE, PROMPT, seed=7)
            assert service.phases("cancel") == ["cancel"]
            assert row().state is state
            if state is State.RUNNING:
                service.script("status", ENDED)
                kx.edit(SOURCE, PROMPT, seed=7)
            assert service.paid == 1


@pytest.mark.parametrize(("status", "cancel", "state", "words"), STOPS)
@pytest.mark.parametrize("awaited", [True, False])
def test_a_cancelled_task_says_what_became_of_the_job(  # noqa: PLR0917 - a table row
    go_to, awaited, status, cancel, state, words
):
    """Who awaits it, or asks for its result, gets the same as who presses Stop."""
    waiting = threading.Event()

    def told(_service, connection):
        connection.sendall(status)
        waiting.set()

    with faulty.serve(status=[status, told, status], cancel=[cancel]) as one:
        go_to(one.origin)
        task = kx.edit(SOURCE, PROMPT, seed=7, wait=False)
        assert waiting.wait(30)
        for _ in range(2):  # as somebody who presses twice
            task.cancel()

        async def cell():
            return await task

        with pytest.raises(EditCancelled, match=words) as caught:
            asyncio.run(cell()) if awaited else task.result()
        assert task.done()
        assert one.phases("cancel") == ["cancel"]
        assert (caught.value.job, caught.value.state) == (row().id, state)
        assert caught.value.remedy.startswith("Re-run")
        assert one.paid == 1


@pytest.mark.usefixtures("stoppable")
def test_stop_while_sending_says_that_the_outcome_is_unknown(go_to, monkeypatch):
    """Nobody is told that a job goes on which may never have begun."""
    monkeypatch.setattr(sending, "ANSWER_GRACE_S", 0.05)

    def held(service, connection):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        faulty.silent(service, connection)

    with faulty.serve(submit=[held]) as service:
        go_to(service.origin)
        with pytest.raises(KeyboardInterrupt) as caught:
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.phases("submit") == ["submit"]
    assert row().state is State.UNKNOWN
    assert "goes on" not in str(caught.value)
    assert "charged" in str(caught.value)


CROWD = f"""
import sys
import kontext_nb as kx
from kontext_nb.errors import KontextError
from kontext_nb.session.desk import Desk
from PIL import Image
source = Image.new("RGB", (16, 12), (200, 30, 30))
print("ready", flush=True)
sys.stdin.readline()
try:
    print(kx.edit(source, {PROMPT!r}, seed=7).job)
except KontextError as error:
    print(type(error).__name__)
"""


def test_many_kernels_that_ask_the_same_pay_once(go_to):
    """Four processes start the identical edit at the same moment: one paid request."""
    with faulty.serve() as service:
        go_to(service.origin)
        crowd = [
            subprocess.Popen(
                [sys.executable, "-c", CROWD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        assert [one.stdout.readline() for one in crowd] == ["ready\n"] * 4
        for one in crowd:
            one.stdin.write("go\n")
            one.stdin.flush()
        said = {one.communicate()[0] for one in crowd}
        assert service.paid == 1
    assert len(said) == 1


@pytest.mark.parametrize(
    "fault",
    [b"<html>not a picture</html>", faulty.png()[:-30], b"", b"\x89PNG\r\n\x1a\n"],
    ids=["page", "cut", "empty", "head"],
)
def test_a_result_that_is_no_picture_is_never_done(go_to, fault):
    """Bytes that do not decode whole are an error, and are fetched again next time."""
    with faulty.serve(download=[answer(200, fault)]) as service:
        go_to(service.origin)
        with pytest.raises(BadReply):
            kx.edit(SOURCE, PROMPT, seed=7)
        assert row().results == ()
        service.script("download", pictured())
        kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1


def test_a_result_on_a_foreign_host_is_not_fetched(go_to):
    """Nothing is asked of a host that is not the service's own."""
    with faulty.serve() as other:
        moved = {"status": "succeeded", "output": f"{other.origin}/a.png"}
        with faulty.serve(result=[as_json(moved)]) as service:
            go_to(service.origin)
            with pytest.raises(BadReply, match="not RunComfy's"):
                kx.edit(SOURCE, PROMPT, seed=7)
        assert other.seen == []


def test_a_broken_store_sends_nothing(go_to, tmp_path):
    """What could not be written down is not paid for."""
    (tmp_path / "store").write_text("in the way")
    with faulty.serve() as service:
        go_to(service.origin)
        with pytest.raises(kx.KontextError):
            kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 0


def put_token(text, mode=0o600):
    path = keys.token_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_the_token_of_the_environment_comes_first(monkeypatch):
    """RUNCOMFY_TOKEN, then the file of the official command line, then none."""
    with pytest.raises(NotAuthorised, match="no RunComfy token"):
        keys.runcomfy()
    assert not keys.is_meant()
    put_token(json.dumps({"access_token": "tok-of-the-file"}))
    assert keys.runcomfy().token.reveal() == "tok-of-the-file"
    assert keys.is_meant()
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    assert keys.runcomfy().token.reveal() == TOKEN


def test_an_address_without_a_token_is_told(monkeypatch):
    """Who points at a server means it: the demo does not quietly answer instead."""
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:9/v1")
    with pytest.raises(NotAuthorised, match="RUNCOMFY_TOKEN is not set"):
        kx.edit(SOURCE, PROMPT)
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:9")
    with pytest.raises(ParameterRejected, match="end in /v1"):
        kx.edit(SOURCE, PROMPT)


def test_the_token_file_is_where_the_official_one_is(monkeypatch, tmp_path):
    """The three places are asked in the official order."""
    assert keys.token_file() == tmp_path / "home/.config/runcomfy/token.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    assert str(keys.token_file()) == "/xdg/runcomfy/token.json"
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", "/own")
    assert str(keys.token_file()) == "/own/token.json"


@pytest.mark.parametrize(
    "given",
    [
        TOKEN,
        f" {TOKEN}\r\n",
        f"Bearer {TOKEN}",
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        f'"Bearer {TOKEN}"',
    ],
)
def test_a_token_may_be_pasted_with_its_wrapping(monkeypatch, given):
    """Space, quotes and the word Bearer around a token are taken off."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", given)
    assert keys.runcomfy().token.reveal() == TOKEN


@pytest.mark.parametrize(
    "given",
    ["short", "with space inside", "tök-tök-tök-tök", "a" * 4097, "zero\u200bwidth-x"],
)
def test_what_is_no_token_is_refused_unseen(monkeypatch, given):
    """The refusal echoes no part of it."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", given)
    with pytest.raises(NotAuthorised) as caught:
        keys.runcomfy()
    assert given[:6] not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_token_file_others_can_read_is_refused(mode):
    """A readable file is told, with the command that mends it."""
    put_token(json.dumps({"access_token": TOKEN}), mode)
    with pytest.raises(NotAuthorised, match="chmod 600") as caught:
        keys.runcomfy()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"access_token": null}',
        '{"access_token": 7}',
        '{"access_token": ""}',
        b"\xff\xfe\x00",
        "[" * 100000,
    ],
)
def test_a_damaged_token_file_is_told(content):
    """Whatever is in the file is a token or a typed error."""
    put_token(content)
    with pytest.raises(NotAuthorised):
        keys.runcomfy()


@pytest.mark.timeout(20)
def test_a_token_file_that_is_none_is_told():
    """A folder or a pipe in its place neither hangs nor breaks."""
    path = keys.token_file()
    path.mkdir(parents=True)
    with pytest.raises(NotAuthorised):
        keys.runcomfy()
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(NotAuthorised):
        keys.runcomfy()


@pytest.mark.parametrize(
    "base", ["https://example.com/v1", "http://127.0.0.1:9/v1", "https://a.net:8/v1"]
)
def test_a_stored_token_goes_to_runcomfy_only(monkeypatch, base):
    """Another host needs a token given for this shell."""
    put_token(json.dumps({"access_token": "tok-of-the-file"}))
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", base)
    with pytest.raises(NotAuthorised, match="RUNCOMFY_TOKEN is not set"):
        keys.runcomfy()
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    made = keys.runcomfy()
    assert made.token.reveal() == TOKEN
    assert made.result_origin == base.removesuffix("/v1")


@pytest.mark.parametrize(
    "base",
    [
        "http://example.com/v1",
        "http://model-api.runcomfy.net/v1",
        "ftp://127.0.0.1/v1",
        "https://user@model-api.runcomfy.net/v1",
        "model-api.runcomfy.net/v1",
        "https://evil.com\\.runcomfy.net/v1",
        "https://evil.com%2f.runcomfy.net/v1",
        "https://[::bad/v1",
        "https://",
        "",
    ],
)
def test_an_unsafe_base_gets_no_token(monkeypatch, base):
    """Neither a stored nor a given token goes to an address that is not safe."""
    put_token(json.dumps({"access_token": TOKEN}))
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", base)
    for given in ("", TOKEN):
        monkeypatch.setenv("RUNCOMFY_TOKEN", given)
        with pytest.raises((ParameterRejected, NotAuthorised)) as caught:
            keys.runcomfy()
        assert TOKEN not in str(caught.value)


def test_a_row_of_another_kernel_is_found(go_to, tmp_path):
    """The store is the only memory: a new desk on the same folder knows the job."""
    apps = []
    with serve(counted({}, apps)) as origin:
        go_to(origin)
        edit = kx.edit(SOURCE, PROMPT, seed=7)
        with kx.configure(home=tmp_path / "store"):
            assert kx.edit(SOURCE, PROMPT, seed=7).job == edit.job
        assert apps[0].paid == 1


def test_what_another_server_made_never_answers_for_runcomfy(go_to):
    """The same request at another address is another request."""
    apps = []
    with serve(counted({}, apps)) as one, serve(counted({}, apps)) as other:
        for origin in (one, other):
            go_to(origin)
            kx.edit(SOURCE, PROMPT, seed=7)
        assert [app.paid for app in apps] == [1, 1]


def test_a_job_is_not_asked_for_at_another_server(go_to):
    """An id of one server means nothing at another: the job is kept, and told."""
    with faulty.serve() as one, faulty.serve() as other:
        job = left_running(go_to, one)
        go_to(other.origin)
        with pytest.raises(NotAuthorised, match="was sent to runcomfy at"):
            kx.resume(job)
        assert other.seen == []


def test_a_job_is_asked_for_where_it_was_sent(go_to, monkeypatch):
    """Resuming without the token is told, and does not ask the demo for the job."""
    with faulty.serve() as service:
        job = left_running(go_to, service)
        monkeypatch.delenv("RUNCOMFY_TOKEN")
        with pytest.raises(NotAuthorised):
            kx.resume(job)
        go_to(service.origin)
        kx.resume(job)
        assert service.paid == 1


def test_asking_again_in_a_shell_goes_back_to_the_job_left_behind(go_to):
    """No cell, no seed, and a deadline that passed: the same command pays once."""
    with faulty.serve() as service:
        job = left_running(go_to, service, seed=None)
        assert kx.edit(SOURCE, PROMPT).job == job
        assert service.paid == 1
        assert kx.edit(SOURCE, PROMPT).job != job
        assert service.paid == 2


def test_refresh_waits_for_what_is_already_being_made(go_to):
    """A job left behind is as fresh as one can be: refresh pays no second time."""
    with faulty.serve() as service:
        job = left_running(go_to, service, seed=None)
        assert kx.edit(SOURCE, PROMPT, refresh=True).job == job
        assert service.paid == 1
        assert kx.edit(SOURCE, PROMPT, refresh=True).job != job


def test_the_editor_goes_back_to_a_job_that_outlasted_its_deadline(go_to):
    """Run, after "not finished", collects the job and sends none."""
    with faulty.serve(status=[QUEUED]) as service:
        go_to(service.origin)
        editor = kx.Editor(SOURCE)
        for deadline_s in DEADLINES_S:
            with kx.configure(deadline_s=deadline_s):
                run(editor, PROMPT)
            if service.paid:
                break
        assert "not finished" in said(editor)
        service.script("status", ENDED)
        run(editor, PROMPT)
        assert len(editor.chain) == 1
        assert service.paid == 1


def test_edits_started_side_by_side_are_as_many(go_to):
    """Without a seed two edits under way at once are two pictures, not one shared."""
    with faulty.serve() as service:
        go_to(service.origin)
        tasks = [kx.edit(SOURCE, PROMPT, wait=False) for _ in range(3)]
        assert len({task.result().job for task in tasks}) == 3
        assert service.paid == 3


def test_a_job_that_came_to_nothing_is_told_again(go_to):
    """Resuming a failed job asks nobody, and says why it failed."""
    with faulty.serve(
        result=[as_json({"status": "failed", "error": "too dark to see"})]
    ) as service:
        go_to(service.origin)
        with pytest.raises(EditFailed) as caught:
            kx.edit(SOURCE, PROMPT)
        asked = len(service.seen)
        with pytest.raises(EditFailed, match="too dark to see"):
            kx.resume(caught.value.job)
        assert len(service.seen) == asked


def test_in_a_mixed_chain_each_picture_names_its_maker(go_to):
    """A demo picture beside a paid one cannot be taken for it."""
    with faulty.serve() as service:
        go_to(service.origin)
        paid = kx.edit(SOURCE, PROMPT, seed=7)
        with kx.configure(provider="demo"):
            paid.edit("Add a green star", seed=7)
    details = [cell.detail for cell in paid.chain.grid().sheet.rows[0]]
    assert details[1].endswith("blackforestlabs/flux-1-kontext/pro/edit")
    assert details[2].endswith("demo engine")


def test_nothing_is_paid_while_there_is_no_room_for_the_result(go_to, monkeypatch):
    """The claim would fit, and the picture not; with room the same job is sent."""
    usage = shutil.disk_usage("/")
    with faulty.serve() as service:
        go_to(service.origin)
        with monkeypatch.context() as full:
            left = usage._replace(free=63 * 2**20)
            full.setattr(shutil, "disk_usage", lambda _: left)
            with pytest.raises(
                StoreError, match="no room for a result: 63 MiB"
            ) as told:
                kx.edit(SOURCE, PROMPT, seed=1)
        assert (told.value.state, service.paid) == (State.INTENT, 0)
        assert kx.edit(SOURCE, PROMPT, seed=1).job == told.value.job
        assert service.paid == 1
