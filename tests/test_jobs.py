"""The verbs that run any model and look after jobs, against a loopback service."""

import io
import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from kontext_nb.catalogue import ROWS
from kontext_nb.engine import pace as pace_module
from kontext_nb.lifecycle import State
from kontext_nb.model import KONTEXT_PRO
from kontext_nb.schema import fields, required
from kontext_nb.session import models, progress, settings
from kontext_nb.session.desk import Desk
from tests import faulty
from tests.faulty import answer, as_json
from tests.test_names import NAMES, check_stem

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
QUEUED = as_json({"status": "in_queue", "queue_position": 3})
NOT = "not_cancellable"
RUNS = as_json({"status": "in_progress"})
ENDED = as_json({"status": "completed"})
BODY = json.dumps({"prompt": "Make it night", "image_url": "b.png", "seed": 7})
OPEN = json.dumps({"prompt": "Make it night", "image_url": "b.png"})
PAGE = "blackforestlabs/flux-1-kontext-pro/image-to-image"
RUN = ("run", KONTEXT_PRO, "--output-dir", "out", "--input")


@pytest.fixture(autouse=True)
def a_shell(monkeypatch, tmp_path):
    """No proxy, no pause, a picture in the working folder."""
    monkeypatch.setattr(pace_module, "FIRST_BACKOFF_S", 0.0)
    monkeypatch.setattr(settings, "_changed", {})
    Image.new("RGB", (16, 12), (200, 30, 30)).save(tmp_path / "b.png")


@pytest.fixture
def service(monkeypatch):
    with faulty.serve() as one:
        monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{one.origin}/v1")
        yield one


@pytest.fixture
def shell(command, monkeypatch, capsys):
    """Return what runs the command; it gives exit code, stdout and stderr."""

    def run(*arguments, stdin=""):
        typed = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        monkeypatch.setattr(sys, "stdin", typed)
        code = command(*arguments)
        told = capsys.readouterr()
        assert TOKEN not in told.out + told.err
        return code, told.out, told.err

    return run


def rows():
    return Desk(settings.current()).ledger.jobs()


def coloured(number):
    """Return the answer with a picture that no other number has."""
    return answer(200, faulty.png((number, 0, 0)), content_type="image/png")


def files(folder):
    return [path.name for path in Path(folder).iterdir()]


def failure(err):
    return json.loads(err.splitlines()[-1])


def test_run_prints_the_output_and_saves_the_file(service, shell, tmp_path):
    """Stdout is the output object and nothing else; the picture is in the folder."""
    code, out, err = shell(*RUN, BODY)
    assert code == 0
    assert json.loads(out) == {"image": f"{service.origin}/cdn/job-1.png"}
    assert "saved out/job-1.png" in err
    assert Image.open(tmp_path / "out" / "job-1.png").size == (16, 12)
    sent = json.loads(next(s.body for s in service.seen if s.phase == "submit"))
    assert (sent["prompt"], sent["seed"]) == ("Make it night", 7)
    assert sent["image_url"].startswith("data:image/png;base64,")


def test_a_run_that_the_store_answers_asks_nobody(service, shell):
    """The same command with its seed again: the file is saved, no request is sent."""
    assert shell(*RUN, BODY)[0] == 0
    models._in_vain.clear()  # as in another process
    asked = len(service.seen)
    code, _, err = shell("run", KONTEXT_PRO, "--output-dir", "else", "--input", BODY)
    assert (code, files("else")) == (0, ["job-1.png"])
    assert "nothing was sent or charged" in err
    assert len(service.seen) == asked


def test_json_is_one_line(service, shell):
    """For scripts the output is compact."""
    code, out, _ = shell("--output", "json", *RUN, BODY)
    assert (code, out.count("\n")) == (0, 1)
    assert service.paid == 1


def test_quiet_says_nothing_beside(service, shell):
    """With -q stderr stays empty on success."""
    assert shell("-q", *RUN, BODY)[2] == ""
    assert service.paid == 1


@pytest.mark.parametrize("way", [("-v",), ("-q",), ("--output", "json")])
def test_who_asked_for_quiet_sees_no_line(way, service, shell, monkeypatch):
    """Nor does a script, whose terminal nobody may be looking at."""
    monkeypatch.setattr(progress, "QUIET_S", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    service.script("status", RUNS, ENDED)
    code, _, err = shell(*RUN, BODY, *way)
    assert code == 0
    assert ("\r" in err) is (way == ("-v",))


@pytest.mark.parametrize("way", [("--output", "json"), ("-q",), ("-vv",)])
def test_what_all_verbs_take_may_stand_behind_the_verb(way, service, shell):
    """As the official command line has it: scripts written for that one run here."""
    before = shell(*way, *RUN, BODY)
    behind = shell(*RUN, BODY, *way, "--poll-secs", "0")
    assert behind[:2] == before[:2]
    assert behind[0] == 0
    assert (behind[1].count("\n") == 1) is (way[-1] == "json")
    assert (behind[2] == "") is (way == ("-q",))
    assert service.paid == 1


def test_the_inputs_may_come_from_a_file_or_a_pipe(service, shell, tmp_path):
    """All three ways send the same, so they are the same job."""
    (tmp_path / "in.json").write_text(BODY)
    start = ("run", KONTEXT_PRO, "--output-dir", "out", "--input-file")
    assert shell(*RUN, BODY)[0] == 0
    assert shell(*start, "in.json")[0] == 0
    assert shell(*start, "-", stdin=BODY)[0] == 0
    assert service.paid == 1
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*RUN, "[]"), 65, "no JSON object"),
        ((*RUN, '{"seed": NaN}'), 65, "NaN"),
        ((*RUN, '{"a": 1, "a": 2}'), 65, "a"),
        ((*RUN, BODY, "--input-file", "x"), 65, "--input-file"),
        (("run", KONTEXT_PRO, "--input-file", "none.json"), 65, "no file"),
        (("run", "../etc/x", "--input", BODY), 65, "model id"),
        ((*RUN, '{"prompt": "x"}'), 65, "image_url is required"),
        ((*RUN, '{"prompt": "x", "image_url": "none.png"}'), 65, "none.png"),
        ((*RUN, '{"prompt": "\\u001b", "image_url": "b.png"}'), 65, "prompt holds"),
        ((*RUN, '{"prompt": " \\t", "image_url": "b.png"}'), 65, "prompt is empty"),
        ((*RUN, '{"prompt": "x", "image_url": "https://[::1]/"}'), 65, "'::1'"),
        ((*RUN, f'{{"prompt": "a {TOKEN}", "image_url": "b.png"}}'), 65, "token"),
        (("run", "a/b", "--input", '{"image": "b.png"}'), 65, "image names the file"),
        (("run", "a/b", "--input", '{"x": ["~/../b.png"]}'), 65, "x names the file"),
        (("run", "a/b", "--input", '{"image": "http://x.org/"}'), 65, "handed"),
        (("run", PAGE, "--input", BODY), 65, f"Did you mean {KONTEXT_PRO}?"),
        (("run", "a/" + "b" * 5000, "--input", BODY), 65, "model id"),
        ((*RUN, BODY, "--poll-secs", "-1"), 64, "poll-secs"),
        (("status", "no/such"), 65, "no job"),
        (("jobs", "resolve", "abcdefgh", "--abandon"), 65, "no job"),
    ],
)
def test_bad_input_sends_nothing(service, shell, arguments, code, words):
    """Refused before anything is paid for, with the reason and stdout empty."""
    got, out, err = shell(*arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert failure(err)["rerun_is_safe"]
    assert service.paid == 0


def test_without_waiting_the_id_is_the_answer(service, shell):
    """--no-wait submits once, however often it is asked; result collects it."""
    service.script("status", QUEUED)
    for _ in range(2):
        code, out, _ = shell(*RUN, OPEN, "--no-wait")
        assert (code, json.loads(out)) == (0, {"request_id": "job-1", "wait": False})
    assert service.paid == 1
    service.script("status", ENDED)
    code, out, _ = shell("result", "job-1", "--output-dir", "later")
    assert (code, json.loads(out)["status"]) == (0, "succeeded")
    assert files("later") == ["job-1.png"]
    assert service.paid == 1


def test_without_a_download_the_file_stays_there(service, shell):
    """--no-download prints the output; the file can be had later, unpaid."""
    code, out, _ = shell(*RUN, OPEN, "--no-download")
    assert (code, "image" in json.loads(out)) == (0, True)
    assert service.phases("download") == []
    code, _, _ = shell("result", "job-1", "--output-dir", "later")
    assert (code, files("later")) == (0, ["job-1.png"])
    assert service.paid == 1


def test_after_a_deadline_the_same_command_goes_on(service, shell):
    """Exit 75, five times over: one paid request, and the result in the end."""
    service.script("status", answer(401))
    assert shell(*RUN, OPEN)[0] == 77  # to be sent may take longer than to wait
    service.script("status", QUEUED)
    for _ in range(5):
        code, out, err = shell(*RUN, OPEN, "--deadline", "0.5")
        assert (code, out) == (75, "")
        told = failure(err)
        assert (told["state"], told["request_id"]) == ("submitted", "job-1")
        assert told["may_have_been_charged"]
    service.script("status", ENDED)
    assert shell(*RUN, OPEN)[0] == 0
    assert service.paid == 1


def test_an_unknown_outcome_is_resolved_by_its_id(service, shell):
    """A lost answer: told, listed, never resent; the id from the history ends it."""
    service.script("submit", faulty.reset)
    for _ in range(3):
        code, _, err = shell(*RUN, OPEN)
        assert (code, failure(err)["state"]) == (75, "unknown")
    assert service.paid == 1
    job = failure(err)["job"]
    code, out, err = shell("jobs")
    assert (code, "unknown" in out, "--resubmit" in err) == (0, True, True)
    assert shell("jobs", "resolve", job[:8])[0] == 65
    code, out, _ = shell("jobs", "resolve", job[:8], "--request-id", "found-1")
    assert (code, json.loads(out)["status"]) == (0, "succeeded")
    assert service.paid == 1
    assert shell("jobs")[1].startswith("No open jobs")


def test_a_mistyped_id_leaves_the_job_to_be_resolved(service, shell):
    """An id the service does not know would end the job, and its result be lost."""
    service.script("submit", faulty.closed)
    assert shell(*RUN, BODY)[0] == 75
    job = rows()[0].id
    service.script("status", answer(404, b'{"error_code": 404001}'), ENDED)
    code, _, err = shell("jobs", "resolve", job, "--request-id", "found-2")
    assert (code, rows()[0].state) == (65, State.UNKNOWN)
    assert "does not know 'found-2'" in err
    assert shell("jobs", "resolve", job, "--request-id", "found-1")[0] == 0
    assert (rows()[0].state, service.paid) == (State.DONE, 1)


def test_a_resubmit_is_written_down_and_pays_once_more(service, shell):
    """Consent costs one more request, and only where it was given."""
    service.script("submit", faulty.reset, as_json({"request_id": "job-2"}))
    shell(*RUN, OPEN)
    job = rows()[0]
    assert shell("jobs", "resolve", job.id, "--resubmit")[0] == 0
    assert shell("jobs", "resolve", job.id, "--resubmit")[0] == 65
    assert service.paid == 2
    assert len(rows()[0].consents) == 1


BUSY = answer(429, b"{}")


@pytest.mark.parametrize(
    ("answers", "exit_code"),
    [
        ([BUSY] * 20, 75),
        ([answer(401, b"{}")], 77),
        ([answer(402, b"{}")], 65),
        ([answer(422, b"{}")], 65),
        (None, 65),
    ],
    ids=["busy", "token", "credit", "refused", "limit"],
)
def test_a_resubmit_that_is_refused_leaves_it_unknown(
    service, shell, monkeypatch, answers, exit_code
):
    """What the first sending came to can still be found out, and counts as spent."""
    service.script("submit", faulty.reset, *(answers or ()))
    shell(*RUN, OPEN)
    job = rows()[0]
    if not answers:
        monkeypatch.setenv("KONTEXT_NB_MAX_EDITS", "1")
    code, _, err = shell("jobs", "resolve", job.id, "--resubmit")
    told = failure(err)
    assert (code, told["state"]) == (exit_code, "unknown")
    assert told["may_have_been_charged"]
    now = rows()[0]
    assert (now.state, now.sends) == (State.UNKNOWN, 1)
    assert now.claimed_at == job.claimed_at  # one looks for it by that time
    assert shell(*RUN, OPEN)[0] == 75  # no re-run sends it
    assert Desk(settings.current()).ledger.spent().edits == 1
    service.script("submit", as_json({"request_id": "job-3"}))
    assert shell("jobs", "resolve", job.id, "--request-id", "found-1")[0] == 0
    assert rows()[0].state is State.DONE


def test_an_abandoned_job_makes_room_for_a_new_one(service, shell):
    """Given up, it no longer answers, and still counts as spent."""
    service.script("submit", faulty.reset, as_json({"request_id": "job-2"}))
    shell(*RUN, OPEN)
    assert shell("jobs", "resolve", rows()[0].id, "--abandon")[0] == 0
    assert shell(*RUN, OPEN)[0] == 0
    assert service.paid == 2
    assert Desk(settings.current()).ledger.spent().edits == 2


@pytest.mark.parametrize(
    ("status", "cancel", "outcome", "state"),
    [
        (QUEUED, {"outcome": "cancelled"}, "cancelled", State.CANCELLED),
        (RUNS, {"outcome": "not_cancellable"}, "not_cancellable", State.RUNNING),
        (ENDED, {"outcome": "not_cancellable"}, "not_cancellable", State.DONE),
    ],
)
def test_cancel_tells_the_truth(  # noqa: PLR0917 - a table row
    service, shell, status, cancel, outcome, state
):
    """What could not be cancelled goes on, or is collected if it has ended."""
    service.script("status", status)
    service.script("cancel", as_json(cancel, 202))
    shell(*RUN, OPEN, "--no-wait")
    code, out, _ = shell("cancel", "job-1")
    assert (code, json.loads(out)["outcome"]) == (0, outcome)
    assert rows()[0].state is state
    assert json.loads(shell("cancel", rows()[0].id)[1])["outcome"] == outcome


def test_status_asks_only_while_there_is_something_to_ask(service, shell):
    """The queue's place while it waits; what the store knows once it is done."""
    service.script("status", QUEUED)
    shell(*RUN, OPEN, "--no-wait")
    told = json.loads(shell("status", rows()[0].id[:8])[1])
    assert (told["status"], told["queue_position"]) == ("in_queue", 3)
    service.script("status", ENDED)
    shell("result", "job-1", "--output-dir", "x")
    asked = len(service.seen)
    assert json.loads(shell("status", "job-1")[1])["status"] == "succeeded"
    assert len(service.seen) == asked


GONE = as_json({"error_code": 404001}, 404)
LEARNED = {
    "it runs": (RUNS, None, "in_progress", State.RUNNING),
    "it ended well": (ENDED, None, "completed", State.DONE),
    "it failed": (ENDED, {"status": "failed", "error": "so"}, "completed", "failed"),
    "it was cancelled": (ENDED, {"status": "cancelled"}, "completed", "cancelled"),
}


@pytest.mark.parametrize("how", LEARNED)
@pytest.mark.parametrize("verb", ["status", "cancel"])
def test_what_the_service_says_is_written_down(service, shell, verb, how):
    """Whoever looks next is told no less, and is told it without a question."""
    status, result, word, state = LEARNED[how]
    shell(*RUN, OPEN, "--no-wait")
    service.script("status", status)
    service.script("cancel", GONE)
    if result:
        service.script("result", as_json(result))
    code, out, _ = shell(verb, "job-1")
    told = json.loads(out)
    assert (code, told["state"], rows()[0].state) == (0, state, state)
    if verb == "status":
        assert told["status"] == word
    else:
        assert told["outcome"] == ("cancelled" if state == "cancelled" else NOT)
    if state is State.DONE:
        assert Desk(settings.current()).has_files(rows()[0])
    assert service.paid == 1


def test_a_result_that_cannot_be_had_now_does_not_hide_the_status(service, shell):
    """It has ended, which is what was asked; the job stays open for its result."""
    shell(*RUN, OPEN, "--no-wait")
    service.script("status", ENDED)
    service.script("download", answer(403))
    service.script("result", answer(401))
    told = json.loads(shell("status", "job-1")[1])
    assert (told["status"], told["state"]) == ("completed", "submitted")
    assert service.paid == 1


def test_a_job_of_another_store_can_be_asked_for(service, shell):
    """As with the service's own command, any id of the account will do."""
    service.script("status", RUNS)
    told = json.loads(shell("status", "from-elsewhere-1")[1])
    assert (told["request_id"], told["status"]) == ("from-elsewhere-1", "in_progress")
    service.script("cancel", as_json({"outcome": "cancelled"}, 202))
    told = json.loads(shell("cancel", "from-elsewhere-1")[1])
    assert told["outcome"] == "cancelled"


def test_a_cap_is_a_refusal(service, shell):
    """--max-edits stops the next paid request, with exit code 65."""
    assert shell(*RUN, OPEN, "--max-edits", "1")[0] == 0
    code, _, err = shell(*RUN, OPEN, "--max-edits", "1")
    assert (code, failure(err)["error"]) == (65, "LimitReached")
    assert service.paid == 1


@pytest.mark.parametrize("body", [OPEN, BODY], ids=["no seed", "seed"])
def test_what_a_cap_refused_leaves_no_job(service, shell, body):
    """There is nothing to go back to; with a higher cap the same command is made."""
    code, _, err = shell(*RUN, body, "--max-edits", "0")
    told = failure(err)
    assert (code, told["job"], told["state"]) == (65, None, None)
    assert (rows(), shell("jobs", "--all")[1]) == ((), "No jobs.\n")
    assert shell(*RUN, body, "--max-edits", "1")[0] == 0
    assert [one.state for one in rows()] == [State.DONE]
    assert service.paid == 1


def test_a_cap_takes_no_job_away_that_was_sent_before(service, shell):
    """Its first sending may have been charged: it stays, and stays counted."""
    service.script("submit", faulty.reset)
    shell(*RUN, OPEN)
    shell("jobs", "resolve", rows()[0].id, "--resubmit", "--no-wait")
    code, _, err = shell(*RUN, OPEN, "--max-edits", "1")
    assert (code, failure(err)["job"]) == (65, rows()[0].id)
    assert (rows()[0].state, rows()[0].sends) == (State.UNKNOWN, 1)
    assert service.paid == 1


def test_other_media_are_kept_by_their_length(service, shell, tmp_path):
    """A video is no picture, and is saved as what it is; half of one is not."""
    film = b"\0\0\0\x18ftypmp42" + bytes(1000)
    video = {"video": f"{service.origin}/cdn/film.mp4"}
    service.script("result", as_json({"status": "succeeded", "output": video}))
    service.script("download", answer(200, film, content_type="video/mp4"))
    body = '{"prompt": "a film"}'
    code, out, err = shell("run", "some/video", "--output-dir", "out", "--input", body)
    assert code == 0, err
    assert json.loads(out) == video
    assert (tmp_path / "out" / "film.mp4").read_bytes() == film


def test_no_file_is_ever_replaced(service, shell, tmp_path):
    """A file of that name with other bytes stays; the new one gets a number."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "job-1.png").write_bytes(b"mine")
    shell(*RUN, BODY)
    assert (tmp_path / "out" / "job-1.png").read_bytes() == b"mine"
    assert (tmp_path / "out" / "job-1-1.png").exists()
    assert service.paid == 1


@pytest.mark.usefixtures("service")
def test_a_name_that_is_taken_meanwhile_is_not_replaced(shell, tmp_path, monkeypatch):
    """By the last step, too: between a look and a move anybody may be quicker."""
    copied = shutil.copyfile

    def slowly(*given):
        (tmp_path / "out" / "job-1.png").write_bytes(b"mine")
        copied(*given)

    monkeypatch.setattr(shutil, "copyfile", slowly)
    assert shell(*RUN, BODY)[0] == 0
    assert (tmp_path / "out" / "job-1.png").read_bytes() == b"mine"
    assert (tmp_path / "out" / "job-1-1.png").read_bytes() == faulty.png()
    assert len(files("out")) == 2


@pytest.mark.parametrize("folder", ["file", "/proc"])
def test_a_folder_that_cannot_be_written_costs_nothing(
    folder, service, shell, tmp_path
):
    """It is tried before anything is paid for, and root too is told by trying only."""
    (tmp_path / "file").write_text("here I am")
    arguments = ("run", KONTEXT_PRO, "--input", OPEN, "--output-dir", folder)
    assert shell(*arguments)[0] == 73
    assert service.paid == 0


def test_a_result_that_cannot_be_saved_is_had_without_paying_again(service, shell):
    """The error names the job, and the command that it says saves the file."""

    def lost_folder(_service, connection):
        Path("out").rmdir()
        Path("out").write_text("in the way")
        connection.sendall(answer(200, faulty.png(), content_type="image/png"))

    service.script("download", lost_folder)
    code, out, err = shell(*RUN, OPEN)
    assert (code, out) == (73, "")
    facts = failure(err)
    assert facts["may_have_been_charged"]
    assert f"kontext-nb result {facts['job']} --output-dir" in err
    assert shell("result", facts["job"], "--output-dir", "else")[0] == 0
    assert files("else") == ["job-1.png"]
    assert service.paid == 1


def test_a_prompt_cannot_write_to_the_terminal(service, shell):
    """What would turn the list's direction is shown as an escape."""
    wild = {"prompt": "a\u2066b\u202ec", "image_url": "b.png"}
    assert shell(*RUN, json.dumps(wild))[0] == 0
    told = shell("jobs", "--all")[1]
    assert r"a\u2066b\u202ec" in told
    assert told.strip().isprintable()
    assert service.paid == 1


def test_a_job_sent_elsewhere_is_told_with_its_id(service, shell, monkeypatch):
    """With another address set, the error still says that it may have been charged."""
    assert shell(*RUN, OPEN, "--no-wait")[0] == 0
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:9/v1")
    code, _, err = shell("result", rows()[0].id)
    told = failure(err)
    assert (code, told["request_id"], told["state"]) == (77, "job-1", "submitted")
    assert told["may_have_been_charged"]
    assert service.paid == 1


def test_no_file_is_called_by_another_ones_address(service, shell):
    """Two of three outputs are the same: the third is not called like the second."""
    urls = [f"{service.origin}/cdn/{name}.png" for name in ("a", "b", "mask")]
    output = {"status": "succeeded", "output": {"images": urls}}
    service.script("result", as_json(output))
    same, other = (
        answer(200, faulty.png(colour), content_type="image/png")
        for colour in ((1, 1, 1), (255, 0, 0))
    )
    service.script("download", same, same, other)
    assert shell(*RUN, BODY)[0] == 0
    assert sorted(files("out")) == ["output-1.png", "output.png"]
    assert service.paid == 1


def test_what_is_gone_from_the_disk_is_fetched_again_and_not_paid_for(service, shell):
    """A blob was deleted, or damaged: the service still has it."""
    shell(*RUN, BODY)
    for spoil in (Path.unlink, lambda path: path.write_bytes(b"half")):
        name = rows()[0].result
        spoil(Desk(settings.current()).blobs.path(name))
        assert shell(*RUN, BODY)[0] == 0
        assert Desk(settings.current()).has_files(rows()[0])
    assert service.paid == 1
    assert len(service.phases("download")) == 3


def test_a_row_that_names_a_wrong_file_is_put_right_by_its_record(service, shell):
    """The file is there all the same: nothing is fetched, and nothing is paid for."""
    shell(*RUN, BODY)
    ledger, name = Desk(settings.current()).ledger, rows()[0].result
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE jobs SET results = ?", (json.dumps(["0" * 64 + ".png"]),))
    assert shell("result", rows()[0].id, "--output-dir", "again")[0] == 0
    assert (rows()[0].result, files("again")) == (name, ["job-1.png"])
    assert (service.paid, len(service.phases("download"))) == (1, 1)


def test_two_kinds_of_output_keep_their_own_names(service, shell, tmp_path):
    """Pictures come first in the store, and are called what they are called there."""
    film, picture = b"\0\0\0\x18ftypmp42" + bytes(99), faulty.png()
    output = {
        "video": f"{service.origin}/cdn/film.mp4",
        "images": [f"{service.origin}/cdn/still.png"],
    }
    service.script("result", as_json({"status": "succeeded", "output": output}))
    service.script(
        "download",
        answer(200, picture),
        answer(200, film, content_type="video/mp4"),
    )
    body = '{"prompt": "a film"}'
    assert shell("run", "a/film", "--output-dir", "out", "--input", body)[0] == 0
    assert (tmp_path / "out" / "film.mp4").read_bytes() == film
    assert (tmp_path / "out" / "still.png").read_bytes() == picture


@pytest.mark.parametrize("model", ROWS)
def test_every_model_of_the_catalogue_is_run(model, service, shell):
    """By the inputs it cannot do without, under their own names, and nothing else."""
    schema = ROWS[model].input_schema
    given = dict.fromkeys(required(schema), "b.png")
    for name in given:
        if fields(schema)[name].get("type") == "array":
            given[name] = ["b.png"]
    given["prompt"] = "Make it night"
    words = ("run", model, "--output-dir", "out", "--input", json.dumps(given))
    code, _, err = shell(*words)
    assert code == 0, err
    assert files("out") == ["job-1.png"]
    (sent,) = (seen for seen in service.seen if seen.phase == "submit")
    assert sent.path == f"/v1/models/{model}"
    body = json.loads(sent.body)
    assert set(given) <= set(body) <= {*given, "seed"}
    assert body["prompt"] == given["prompt"]
    pictures = [body[name] for name in given if name != "prompt"]
    assert all("data:image/png;base64," in str(picture) for picture in pictures)


@pytest.mark.parametrize("year", [1969, 1970, 2106])
def test_any_clock_will_do(year, service, shell, monkeypatch):
    """One that was never set, or that is past 32 bits: jobs are made, listed, found."""
    now = {1969: -5.0, 1970: 0.0, 2106: 2.0**32}[year]
    started = time.monotonic()
    monkeypatch.setattr(time, "time", lambda: now + time.monotonic() - started)
    service.script("status", RUNS, ENDED)
    assert shell(*RUN, OPEN)[0] == 0
    assert shell(*RUN, BODY)[0] == 0
    code, listed, err = shell("jobs", "--all")
    assert (code, listed.count("done")) == (0, 2), err
    (job, _) = rows()
    assert shell("status", job.id)[0] == 0
    assert shell("result", job.id, "--output-dir", "else")[0] == 0
    assert shell("store", "gc")[0] == 0
    assert service.paid == 2


def test_files_stay_in_the_folder_whatever_the_service_calls_them(
    service, shell, tmp_path
):
    """Sixteen a job; each is saved under a plain name, and nothing else is touched.

    The folder may be a link: it leads where its owner wanted.
    """
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    service.script("download", *map(coloured, range(len(NAMES) + 1)))
    for turn, first in enumerate(range(0, len(NAMES), 16)):
        names = [
            quote(n.encode("utf-8", "replace"), safe="") for n in NAMES[first:][:16]
        ]
        images = [f"{service.origin}/cdn/{name}?{first}" for name in names]
        output = {"images": images}
        service.script("result", as_json({"status": "succeeded", "output": output}))
        code, _, err = shell(*RUN, OPEN.replace("night", f"night {turn}"))
        assert code == 0, err
    saved = list((tmp_path / "real").iterdir())
    assert len(saved) == len(NAMES)
    for file in saved:
        check_stem(file.stem, tmp_path / "real")
        assert file.is_file()
        assert not file.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("b.png", "home", "out", "real", "store")
    }
    assert list((tmp_path / "home").iterdir()) == []
