"""Exit codes are a contract: each situation has its code and its line."""

import contextlib
import json
import os
import pwd
import warnings
from pathlib import Path

import pytest
from PIL import Image

from kontext_nb.engine import pace
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event
from kontext_nb.model import KONTEXT_PRO, Secret
from kontext_nb.session import jobs, tokens
from kontext_nb.store.ledger import Ledger
from tests import faulty
from tests.faulty import answer, as_json
from tests.test_cli import run

TOKEN = "tok-of-these-codes"  # noqa: S105 - made up
FIELDS = {
    *("error", "state", "job", "request_id"),
    *("rerun_is_safe", "may_have_been_charged"),
}
EDIT = ("edit", "photo.png", "Make it night", "-o", "out.png")


@pytest.fixture(autouse=True)
def photo(tmp_path):
    """A picture, and what is none."""
    Image.new("RGB", (32, 32), "green").save(tmp_path / "photo.png")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("none")


@pytest.fixture
def here(command, capfd):
    """Run the command in this process, as its entry point does."""

    def told(*arguments):
        capfd.readouterr()
        code = command(*arguments)
        out, err = capfd.readouterr()
        return code, out, err

    return told


def check_failed(told, code, *, rerun_is_safe=True):
    """Return the facts on stderr's last line, once all else is as it must be."""
    found, out, err = told
    assert (found, out) == (code, ""), err
    assert "Traceback" not in err
    facts = json.loads(err.splitlines()[-1])
    assert set(facts) == FIELDS
    assert facts["rerun_is_safe"] is rerun_is_safe
    assert err.splitlines()[0].strip()
    return facts


USAGE = {
    "no such verb": ("frobnicate",),
    "no such option": (*EDIT, "--fast"),
    "no such global option": ("--fast", *EDIT),
    "edit without a prompt": ("edit", "photo.png"),
    "edit without --out": ("edit", "photo.png", "Make it night"),
    "a seed that is a word": (*EDIT, "--seed", "seven"),
    "a seed with a point": (*EDIT, "--seed", "1.5"),
    "no such provider": (*EDIT, "--provider", "nobody"),
    "no such output": ("--output", "xml", "balance"),
    "too much": ("whoami", "me"),
    "a page of none": ("models", "list", "--limit", "0"),
    "before the first": ("models", "list", "--offset", "-1"),
    "no such store verb": ("store", "burn"),
    "no such port": ("serve", "--port", "70000"),
    "a negative time": ("serve", "--seconds", "-1"),
    "no time": ("serve", "--seconds", "nan"),
    "a deadline that is none": (*EDIT, "--deadline", "nan"),
    "a deadline that never comes": (*EDIT, "--deadline", "inf"),
    "a budget that is none": (*EDIT, "--budget-usd", "nan"),
    "a budget without end": (*EDIT, "--budget-usd", "inf"),
    "a pause without end": ("run", "a/b", "--poll-secs", "inf"),
    "no such shell": ("completion", "csh"),
    "no shell": ("completion",),
    "doctor and a name": ("doctor", "who"),
}


ENVIRONMENT = {
    "no number": ("KONTEXT_NB_BUDGET_USD", "abc"),
    "no budget": ("KONTEXT_NB_BUDGET_USD", "nan"),
    "half an edit": ("KONTEXT_NB_MAX_EDITS", "1.5"),
    "no such provider": ("KONTEXT_NB_PROVIDER", "nobody"),
    "no such widgets": ("KONTEXT_NB_WIDGETS", "nice"),
    "nobody's home": ("KONTEXT_NB_HOME", "~nobody-here/store"),
    "no TLS": ("RUNCOMFY_MODEL_API_BASE", "http://model-api.runcomfy.net/v1"),
    "a password in an address": ("RUNCOMFY_MODEL_API_BASE", "https://me:pw@a.b/v1"),
    "no version": ("RUNCOMFY_MODEL_API_BASE", "https://model-api.runcomfy.net"),
    "a login elsewhere": ("RUNCOMFY_WEB_BASE", "https://evil.example"),
    "a relative folder": ("RUNCOMFY_CONFIG_DIR", "config"),
    "a folder above": ("RUNCOMFY_CONFIG_DIR", "/none/../here"),
    "a ~ in quotes": ("RUNCOMFY_CONFIG_DIR", "~/config"),
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_wrong_environment_is_64(name, here, monkeypatch, tmp_path):
    """One sentence that names the variable; nothing is sent or written."""
    variable, value = ENVIRONMENT[name]
    monkeypatch.setenv(variable, value)
    before = sorted(tmp_path.rglob("*"))
    of_login = variable in ("RUNCOMFY_WEB_BASE", "RUNCOMFY_CONFIG_DIR")
    verb = ("login", "--no-browser") if of_login else EDIT
    told = here(*verb)
    assert check_failed(told, 64)["error"] == "SettingRejected"
    assert variable in told[2]
    assert told[2].count("\n") == 2
    assert sorted(tmp_path.rglob("*")) == before


def gone(monkeypatch, tmp_path):
    """Take the working folder away, and the variable that names the store."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()


def homeless(monkeypatch, _tmp_path):
    """Be a user whom the system knows no home folder of."""

    def unknown(_):
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.parametrize("plight", [gone, homeless])
@pytest.mark.parametrize("verb", [("jobs",), ("store", "path"), EDIT], ids=" ".join)
def test_without_a_folder_for_the_store_it_is_75(
    verb, plight, here, monkeypatch, tmp_path
):
    """Nothing is sent, and nothing is written to where a program happens to run."""
    monkeypatch.delenv("KONTEXT_NB_HOME")
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", str(tmp_path / "config"))
    picture, out = str(tmp_path / "photo.png"), str(tmp_path / "out.png")
    given = {"photo.png": picture, "out.png": out}
    plight(monkeypatch, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    told = here(*(given.get(word, word) for word in verb))
    assert check_failed(told, 75)["error"] == "StoreError"
    assert "KONTEXT_NB_HOME" in told[2]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("verb", [("login", "--no-browser"), ("logout",), EDIT[:1]])
def test_without_a_home_for_a_token_it_is_64(verb, here, monkeypatch):
    """It names what would do instead."""
    homeless(monkeypatch, None)
    told = here(*(EDIT if verb == EDIT[:1] else verb))
    assert check_failed(told, 64)["error"] == "SettingRejected"
    assert "RUNCOMFY_TOKEN" in told[2]


@pytest.mark.parametrize("name", USAGE)
def test_a_wrong_command_line_is_64(name, here, tmp_path):
    """Nothing is sent or written, and the usage is shown."""
    facts = check_failed(here(*USAGE[name]), 64)
    assert facts == dict.fromkeys(FIELDS) | {
        "rerun_is_safe": True,
        "may_have_been_charged": False,
    }
    assert not (tmp_path / "store").exists()


REFUSED = {
    "no such file": ("edit", "none.png", *EDIT[2:]),
    "a folder": ("edit", "folder.png", *EDIT[2:]),
    "no picture": ("edit", "text.png", *EDIT[2:]),
    "an address without TLS": ("edit", "http://example.com/a.png", *EDIT[2:]),
    "an address of this machine": ("edit", "https://127.0.0.1/a.png", *EDIT[2:]),
    "a data URL of nothing": ("edit", "data:image/png;base64,AAA", *EDIT[2:]),
    "an empty prompt": ("edit", "photo.png", " ", "-o", "out.png"),
    "a prompt too long": ("edit", "photo.png", "x" * 4001, "-o", "out.png"),
    "a control character": ("edit", "photo.png", "a\x1bb", "-o", "out.png"),
    "a seed out of range": (*EDIT, "--seed", "-1"),
    "a seed far out of range": (*EDIT, "--seed", str(2**63)),
    "no such shape": (*EDIT, "--aspect-ratio", "1:7"),
    "no model id": (*EDIT, "--model", "../v1/x"),
    "a suffix nobody writes": (*EDIT[:4], "out.gif"),
    "a folder that is not there": (*EDIT[:4], "none/out.png"),
    "the picture itself": (*EDIT[:4], "photo.png", "--force"),
    "a file that exists": (*EDIT[:4], "text.png"),
    "a link that leads nowhere": (*EDIT[:4], "link.png"),
    "inputs in nobody's home": ("run", "a/b", "--input-file", "~nobody-here/a.json"),
    "a model nobody knows": ("models", "get", "none/such"),
    "no id of a model": ("models", "get", "a//b"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_65(name, here):
    """One sentence for people, one line for scripts; nothing may have been charged."""
    told = here(*REFUSED[name])
    facts = check_failed(told, 65)
    assert told[2].count("\n") == 2
    assert not facts["may_have_been_charged"]
    assert not Path("out.png").exists()


@pytest.mark.parametrize("verb", ["whoami", "balance", "edit"])
@pytest.mark.parametrize("why", ["none", "no token", "file open to others"])
def test_without_a_usable_token_it_is_77(verb, why, here, monkeypatch):
    """Each verb that needs one says how to get one."""
    if why == "no token":
        monkeypatch.setenv("RUNCOMFY_TOKEN", "short")
    if why == "file open to others":
        tokens.save(Secret.of(TOKEN)).chmod(0o644)
    words = (*EDIT, "--provider", "runcomfy") if verb == "edit" else (verb,)
    facts = check_failed(here(*words), 77)
    assert facts["error"] == "NotAuthorised"


@pytest.fixture
def served(monkeypatch):
    """Serve by a script, and point every question of the command there."""
    with contextlib.ExitStack() as stack:

        def serve(**script):
            service = stack.enter_context(faulty.serve(**script))
            monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{service.origin}/v1")
            monkeypatch.setenv("RUNCOMFY_WEB_BASE", service.origin)
            monkeypatch.setenv("RUNCOMFY_SERVERLESS_API_BASE", f"{service.origin}/p")
            monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
            return service

        yield serve


REFUSALS = {
    "refused as bad input": (as_json({"error_code": 422001}, 422), 65),
    "too large": (answer(413), 65),
    "no balance": (as_json({"error_code": 400002}, 400), 65),
    "payment required": (answer(402), 65),
    "no such model": (answer(404), 65),
    "unauthorised": (answer(401), 77),
    "forbidden": (answer(403), 77),
    "token refused under 400": (as_json({"error_code": 400004}, 400), 77),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_of_the_service_costs_nothing(name, here, served):
    """Sent once, certainly not taken."""
    reply, code = REFUSALS[name]
    service = served(submit=[reply])
    facts = check_failed(here(*EDIT), code)
    assert not facts["may_have_been_charged"]
    assert facts["job"]
    assert facts["request_id"] is None
    assert service.paid == 1


AMBIGUOUS = {
    "reset": (faulty.reset, 75),
    "hung up": (faulty.closed, 75),
    "half an answer": (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", 75),
    "request timeout": (answer(408), 75),
    "conflict": (answer(409), 75),
    "500": (answer(500), 69),
    "502": (answer(502), 69),
    "503": (answer(503), 69),
    "503 until later": (answer(503, retry_after="1"), 69),
    "a CDN's page": (answer(522), 69),
    "garbage": (b"garbage\r\n\r\n", 69),
    "a portal": (answer(200, b"<html>Sign in</html>"), 69),
    "empty": (answer(200), 69),
    "no id": (as_json({"status": "ok"}), 69),
    "no content": (answer(204), 69),
    "a redirect": (answer(307, location="/elsewhere"), 69),
    "an unknown error code": (as_json({"error_code": 999}), 69),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_unknown_outcome_is_told_and_a_rerun_pays_nothing(name, here, served):
    """A loop that re-runs the command five times sends one paid request in all."""
    reply, code = AMBIGUOUS[name]
    service = served(submit=[reply])
    facts = check_failed(here(*EDIT), code)
    assert (facts["state"], facts["may_have_been_charged"]) == ("unknown", True)
    for _ in range(4):
        again = check_failed(here(*EDIT), 75)
        assert again["job"] == facts["job"]
        assert again["may_have_been_charged"]
    assert service.paid == 1


ENDS = [
    ({"status": "failed", "error": "no faces"}, "failed", 69),
    ({"status": "failed", "error": "Flagged by moderation."}, "failed", 65),
    ({"status": "cancelled"}, "cancelled", 69),
]


@pytest.mark.parametrize(("result", "state", "code"), ENDS)
def test_a_job_that_came_to_nothing_says_why(result, state, code, here, served):
    """It was taken, so it may have been charged, and its id is told."""
    served(result=[as_json(result)])
    facts = check_failed(here(*EDIT), code)
    assert facts["state"] == state
    assert facts["request_id"] == faulty.REQUEST_ID
    assert facts["may_have_been_charged"]


@pytest.mark.parametrize(
    ("phase", "reply", "code"),
    [
        ("status", answer(401), 77),
        ("result", answer(401), 77),
        ("status", answer(402), 65),
        ("download", answer(200, b"no picture"), 69),
        ("result", as_json({"status": "succeeded", "output": {"a": "http://x/"}}), 69),
    ],
    ids=["poll 401", "result 401", "poll 402", "no picture", "strange host"],
)
def test_after_the_id_the_job_is_kept(phase, reply, code, here, served):
    """Whatever is in the way later: the id is told, and a re-run collects the job."""
    service = served(**{phase: [reply]})
    facts = check_failed(here(*EDIT), code)
    assert facts["request_id"] == faulty.REQUEST_ID
    assert facts["may_have_been_charged"]
    service.script(
        phase,
        {
            "status": as_json({"status": "completed"}),
            "result": service.result(),
            "download": answer(200, faulty.png(), content_type="image/png"),
        }[phase],
    )
    done, out, err = here(*EDIT)
    assert (done, out) == (0, "out.png\n"), err
    assert service.paid == 1


QUEUED = as_json({"status": "in_queue"})
COMPLETED = as_json({"status": "completed"})
RUN = ("run", "a/model", "--input", '{"prompt": "x"}', "--no-wait")
# What a question may meet, the code it ends with, and how often a cancel is sent.
UNHEARD = {
    "reset": (faulty.reset, 75, 3),
    "hung up": (faulty.closed, 75, 3),
    "half an answer": (answer(200, b"{", content_length="9"), 75, 3),
    "too many": (answer(429), 75, 3),
    "request timeout": (answer(408), 75, 3),
    "conflict": (answer(409), 75, 3),
    "500": (answer(500), 69, 3),
    "503": (answer(503), 69, 3),
    "a CDN's page": (answer(522, b"<html>"), 69, 3),
    "garbage": (b"garbage\r\n\r\n", 69, 3),
    "a portal": (answer(200, b"<html>Sign in</html>"), 69, 1),
    "empty": (answer(200), 69, 1),
    "a redirect": (answer(307, location="/elsewhere"), 69, 1),
    "bad input": (answer(422), 69, 1),
    "no such method": (answer(405), 69, 1),
    "payment required": (answer(402), 65, 1),
    "unauthorised": (answer(401), 77, 1),
    "token refused under 200": (as_json({"error_code": 400004}), 77, 1),
}


@pytest.fixture
def sent(here, served, monkeypatch):
    """Return what has a job sent to a service by a script; it gives the service."""
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)

    def send(**script):
        service = served(**{"status": [QUEUED]} | script)
        assert here(*RUN)[0] == (75 if "submit" in script else 0)
        return service

    return send


@pytest.mark.parametrize("verb", ["status", "cancel"])
@pytest.mark.parametrize("name", UNHEARD)
def test_a_question_about_a_job_that_fails_tells_how_far_it_came(
    verb, name, here, sent
):
    """The job is kept, and the last line has its id, its state and the truth of it."""
    reply, code, times = UNHEARD[name]
    service = sent(**{verb: [reply]})
    facts = check_failed(here(verb, faulty.REQUEST_ID), code)
    assert facts["request_id"] == faulty.REQUEST_ID
    assert facts["state"] == job()["state"] == "submitted"
    assert facts["job"] == job()["job"]
    assert facts["may_have_been_charged"]
    assert len(service.phases(verb)) == (times if verb == "cancel" else 1)
    assert service.paid == 1


def job():
    """Return the facts of the store's one job."""
    (one,) = jobs.listed(ended=True).jobs
    return jobs.facts(one)


@pytest.mark.parametrize("verb", ["status", "cancel", "result"])
def test_a_job_that_cannot_be_asked_for_is_told_all_the_same(
    verb, here, sent, monkeypatch
):
    """There is no token any more: the job has not gone with it."""
    sent()
    monkeypatch.delenv("RUNCOMFY_TOKEN")
    facts = check_failed(here(verb, faulty.REQUEST_ID), 77)
    assert (facts["job"], facts["state"]) == (job()["job"], "submitted")
    assert facts["may_have_been_charged"]


@pytest.mark.parametrize("verb", [("cancel",), ("jobs", "resolve", "--resubmit")])
def test_what_cannot_be_done_with_a_job_tells_its_state(verb, here, sent):
    """An unknown one has nothing to cancel it by, and a sent one nothing to decide."""
    service = sent(**({"submit": [faulty.closed]} if "cancel" in verb else {}))
    facts = check_failed(here(*verb, job()["job"]), 75 if "cancel" in verb else 65)
    assert (facts["job"], facts["state"]) == (job()["job"], job()["state"])
    assert facts["may_have_been_charged"]
    assert service.paid == 1


def cancelling(service, connection):
    """Cancel the job, and break off before saying so."""
    service.script("status", as_json({"status": "cancelled"}))
    service.script("result", as_json({"status": "cancelled"}))
    faulty.reset(service, connection)


def finishing(service, connection):
    """Bring the job to its end in that moment."""
    service.script("status", COMPLETED)
    faulty.closed(service, connection)


def starting(service, connection):
    """Have the job leave the queue in that moment."""
    service.script("status", as_json({"status": "in_progress"}))
    connection.sendall(answer(500))


NO = as_json({"outcome": "not_cancellable", "status": "cancelled"}, 202)
TRUTH = {
    "it worked, unheard": ([cancelling], "cancelled", "cancelled", 3),
    "it worked, and the next one says so": ([cancelling, NO], "cancelled", None, 2),
    "it worked, and it is gone": ([cancelling, answer(404)], "cancelled", None, 2),
    "it came too late": ([finishing], "not_cancellable", "done", 3),
    "it has started": ([starting], "not_cancellable", "running", 3),
    "accepted, and no more": ([answer(202)], "not_cancellable", "done", 1),
}


@pytest.mark.parametrize("name", TRUTH)
def test_a_cancel_that_is_not_answered_is_told_by_the_jobs_status(name, here, sent):
    """Whatever became of the cancel: what is said of the job is what the service says.

    A result that was there already is fetched, for it is paid for.
    """
    turns, outcome, state, times = TRUTH[name]
    service = sent(cancel=turns, status=[COMPLETED if state == "done" else QUEUED])
    code, out, err = here("cancel", faulty.REQUEST_ID)
    assert code == 0, err
    told = json.loads(out)
    assert told["outcome"] == outcome
    assert told["state"] == job()["state"] == (state or outcome)
    assert len(service.phases("cancel")) == times
    assert service.paid == 1


def test_a_cancel_that_the_store_does_not_take_is_told_as_one(here, sent, monkeypatch):
    """The service did cancel; a re-run finds out, where the disk was full."""
    sent()
    usual = Ledger.record

    def full(self, job, event, at, **facts):
        if event is Event.CANCEL:
            raise StoreError("The disk is full.", "Free some space.")
        return usual(self, job, event, at, **facts)

    monkeypatch.setattr(Ledger, "record", full)
    with warnings.catch_warnings(action="always"):
        code, out, err = here("cancel", faulty.REQUEST_ID)
    assert "the store did not take" in err
    told = json.loads(out)
    assert (code, told["outcome"], told["state"]) == (0, "cancelled", "cancelled")
    assert job()["state"] == "submitted"


@pytest.mark.parametrize("verb", ["whoami", "balance"])
@pytest.mark.parametrize(
    ("reply", "code"),
    [(answer(401), 77), (answer(500), 69), (answer(429), 75), (faulty.closed, 75)],
    ids=["401", "500", "429", "hung up"],
)
def test_a_question_about_the_account_fails_with_its_code(
    verb, reply, code, here, served
):
    """Asking costs nothing."""
    served(download=[reply])
    assert not check_failed(here(verb), code)["may_have_been_charged"]


def test_a_store_that_cannot_be_used_is_75(here, tmp_path):
    """Nothing was sent; it works again once the store does."""
    (tmp_path / "store").write_text("")
    assert check_failed(here(*EDIT), 75)["error"] == "StoreError"


def test_a_damaged_picture_in_the_store_is_75(here, tmp_path):
    """What is damaged stands on stderr, before the sentence."""
    assert here(*EDIT)[0] == 0
    blob = next((tmp_path / "store" / "blobs").rglob("*.png"))
    blob.write_bytes(b"damaged")
    told = here("store", "verify")
    assert check_failed(told, 75)["error"] == "StoreError"
    assert told[2].startswith("damaged ")


def nobody_writes_here(_monkeypatch, tmp_path):
    """Make a folder that only root could write to."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    return str(tmp_path / "locked" / "out.png")


def of_the_system(_monkeypatch, _tmp_path):
    """Name a file where not even root can make one, whatever the modes say."""
    return "/proc/out.png"


def in_a_folder_that_is_gone(monkeypatch, tmp_path):
    """Name a file in the working folder, which is there no more."""
    gone(monkeypatch, tmp_path)
    return "out.png"


@pytest.mark.parametrize(
    "place", [nobody_writes_here, of_the_system, in_a_folder_that_is_gone]
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(
    place, here, served, monkeypatch, tmp_path
):
    """In a folder that takes no file; the service does not even hear of it."""
    service = served()
    out = place(monkeypatch, tmp_path)
    told = here("edit", str(tmp_path / "photo.png"), *EDIT[2:4], out)
    facts = check_failed(told, 73)
    assert (facts["error"], facts["job"]) == ("NotSaved", None)
    assert service.seen == []


def a_file(out):
    """Save something else by that name."""
    out.write_bytes(b"precious")


def a_link(out):
    """Lead from that name to where something may be one day."""
    out.symlink_to("elsewhere.png")


@pytest.mark.parametrize("appears", [a_file, a_link])
def test_what_appears_meanwhile_is_kept_and_so_is_the_result(appears, here, served):
    """The last step replaces nothing; what was paid for is had by another command."""

    def late(_service, connection):
        appears(Path("out.png"))
        connection.sendall(answer(200, faulty.png(), content_type="image/png"))

    service = served(download=[late])
    told = here(*EDIT)
    facts = check_failed(told, 73, rerun_is_safe=False)
    kept = Path("out.png")
    assert kept.is_symlink() or kept.read_bytes() == b"precious"
    assert not Path("elsewhere.png").exists()
    assert here("result", facts["job"], "--output-dir", "saved")[0] == 0
    assert len(list(Path("saved").iterdir())) == 1
    assert not list(Path().glob(".kontext-*"))
    assert service.paid == 1


NO_FOLDERS = {"a file": "photo.png", "a device": "/dev/null", "no files": "/proc"}


@pytest.mark.parametrize("name", ["a folder in its place", *NO_FOLDERS])
def test_a_token_that_cannot_be_saved_is_73(name, here, served, monkeypatch, tmp_path):
    """Told before anybody is asked to confirm a code."""
    service = served()
    (tmp_path / "config" / "token.json").mkdir(parents=True)
    folder = str(tmp_path / NO_FOLDERS.get(name, "config"))
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", folder)
    told = here("login", "--no-browser")
    assert check_failed(told, 73)["error"] == "NotSaved"
    assert "chmod" not in told[2]
    assert service.seen == []


def test_a_checkup_that_finds_a_failure_is_69_with_its_report(tmp_path):
    """Its report is its answer, and stands on stdout all the same."""
    (tmp_path / "store").write_text("")
    done = run("doctor", "--offline")
    assert done.returncode == 69
    assert "fail  store" in done.stdout
    assert set(json.loads(done.stderr.splitlines()[-1])) == FIELDS
    assert "Traceback" not in done.stderr


DONE = {
    "edit": EDIT,
    "models list": ("models", "list"),
    "models get": ("models", "get", KONTEXT_PRO),
    "models categories": ("models", "categories"),
    "store path": ("store", "path"),
    "store verify": ("store", "verify"),
    "store gc": ("store", "gc"),
    "logout": ("logout",),
    "completion": ("completion", "bash"),
    "help": ("--help",),
    "version": ("--version",),
    "help of a verb": ("edit", "--help"),
}


@pytest.mark.parametrize("name", DONE)
def test_what_worked_is_0(name, here):
    """The answer is on stdout."""
    code, out, err = here(*DONE[name])
    assert code == 0, err
    assert out


@pytest.mark.parametrize(
    "words",
    [
        ("models", "list"),
        ("models", "get", KONTEXT_PRO),
        ("models", "categories"),
        ("store", "path"),
        ("store", "verify"),
        ("store", "gc"),
        ("logout",),
        ("completion", "fish"),
        EDIT,
    ],
    ids=" ".join,
)
def test_json_is_one_line_everywhere(words, here):
    """`--output json` gives every verb's answer as one object on one line."""
    code, out, _ = here("--output", "json", *words)
    assert code == 0
    assert out.count("\n") == 1
    assert isinstance(json.loads(out), dict)


def test_debug_shows_the_traceback_beside_the_code_and_the_last_line():
    """A real process: the contract for scripts holds with it, too."""
    done = run("--debug", "edit", "none.png", *EDIT[2:])
    assert (done.returncode, done.stdout) == (65, "")
    assert "Traceback" in done.stderr
    assert set(json.loads(done.stderr.splitlines()[-1])) == FIELDS


def test_nothing_follows_the_last_line(here, capfd):
    """Python still has something to say of what Ctrl-C left when all is over."""
    check_failed(here("frobnicate"), 64)
    warnings.warn("coroutine was never awaited", RuntimeWarning, stacklevel=1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/none"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
    ],
)
def test_a_broken_environment_is_told_without_a_traceback(variable, value):
    """It names the variable; nothing was sent."""
    broken = {"RUNCOMFY_TOKEN": TOKEN, variable: value}
    broken["RUNCOMFY_WEB_BASE"] = "https://127.0.0.1:9"
    done = run("whoami", env=os.environ | broken)
    assert "Traceback" not in done.stderr
    told = variable in done.stderr
    assert (done.returncode, told) == (69, True)
    assert set(json.loads(done.stderr.splitlines()[-1])) == FIELDS
