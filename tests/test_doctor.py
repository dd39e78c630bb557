"""The checkup tells what works and what does not, costs nothing, and shows no token."""

import io
import json
import os
import shutil
import sqlite3
import sys
import time
from email.utils import formatdate
from importlib import metadata
from urllib.parse import quote

import pytest
from PIL import features

import kontext_nb as kx
from kontext_nb.chain import Step
from kontext_nb.cli.doctor import _lines, _terminal
from kontext_nb.engine.bridge import NestBridge
from kontext_nb.errors import OutcomeUnknown
from kontext_nb.lifecycle import Event
from kontext_nb.model import KONTEXT_PRO, Job, Limits, Secret
from kontext_nb.session import checkup_service, checkup_store, tokens
from kontext_nb.session.checkup import CODECS, checkup
from kontext_nb.session.findings import Finding, Level, gathered
from kontext_nb.store import owner, place
from kontext_nb.store.ledger import Ledger
from tests import faulty, test_cli
from tests.asking import asked
from tests.faulty import answer, as_json
from tests.test_cli import run
from tests.test_secrets import CANARY, found

RECORD = {"model_id": KONTEXT_PRO, "display_name": "Kontext", "base_price_usd": 0.04}


pytestmark = pytest.mark.usefixtures("small_results")
here = test_cli.here


@pytest.fixture(autouse=True)
def no_patch(monkeypatch):
    """The nest bridge is a fake but where it is tested: it patches asyncio for good."""
    monkeypatch.setattr(NestBridge, "__init__", lambda _: None)
    monkeypatch.setattr(NestBridge, "run", lambda _, work, __: work.close())


@pytest.fixture
def at(monkeypatch):
    """Point the checkup at a service, with the canary as its token."""

    def go(service):
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{service.origin}/v1")
        monkeypatch.setenv("RUNCOMFY_TOKEN", CANARY)

    return go


def checked(name=None, *, offline=False):
    """Return what is found, or what is found under one name."""
    every = tuple(checkup(offline=offline))
    return [f for f in every if name in (None, f.name)]


def one(name, **how):
    (finding,) = checked(name, **how)
    return finding


def test_a_fresh_machine_is_well():
    """Without a token or a store nothing fails and nothing is to be done."""
    levels = {f.name: f.level for f in checked() if f.name != "store"}
    assert set(levels.values()) <= {Level.OK, Level.SKIP}
    assert levels["demo"] is Level.OK
    assert levels["service"] is Level.SKIP


def test_it_leaves_nothing_behind(tmp_path):
    """No store, no file, no folder is made by looking."""
    before = sorted(tmp_path.rglob("*"))
    checked()
    assert sorted(tmp_path.rglob("*")) == before


def test_with_a_token_nothing_is_paid_and_one_question_is_asked(at):
    """The picture is the demo engine's, whatever is configured."""
    with faulty.serve(catalogue=[as_json(RECORD)]) as service:
        at(service)
        findings = {f.name: f for f in checked()}
        assert [(s.method, s.path) for s in service.seen] == [
            ("GET", f"/v1/models/{KONTEXT_PRO}")
        ]
    assert findings["service"].level is Level.OK
    assert findings["demo"].level is Level.OK
    assert "paid" in findings["provider"].sentence


def test_offline_asks_nobody(at):
    """The service and the clock are skipped, and said to be."""
    with faulty.serve() as service:
        at(service)
        found = {f.name: f.level for f in checked(offline=True)}
        assert service.connections == 0
    assert found["service"] is found["clock"] is Level.SKIP


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answer(401), "HTTP 401"),
        (answer(404), "HTTP 404"),
        (answer(500), "HTTP 500"),
        (answer(200, b"<html>Sign in</html>"), "portal or proxy"),
        (faulty.closed, "broke"),
        (faulty.reset, "broke"),
        (faulty.silent, "no answer within"),
    ],
    ids=["401", "404", "500", "portal", "closed", "reset", "silent"],
)
def test_a_service_that_does_not_answer_well_fails(at, fault, words, monkeypatch):
    """It is told as the error that an edit would meet, with its remedy."""
    if fault is faulty.silent:  # the others answer, however slow the machine is
        monkeypatch.setattr(checkup_service, "LIMIT_S", 0.5)
    with faulty.serve(catalogue=[fault]) as service:
        at(service)
        finding = one("service")
    assert finding.level is Level.FAIL
    assert finding.remedy
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("ahead_s", "level", "words"),
    [
        (0, Level.OK, "agrees"),
        (-7200, Level.WARN, "120 minutes ahead"),
        (7200, Level.WARN, "120 minutes behind"),
        (None, Level.SKIP, "did not tell"),
    ],
)
def test_the_clock_is_compared_with_the_services(at, ahead_s, level, words):
    """Two minutes are allowed; also an answer that is an error tells the time."""
    dated = {} if ahead_s is None else {"date": formatdate(time.time() + ahead_s)}
    with faulty.serve(catalogue=[answer(401, **dated)]) as service:
        at(service)
        finding = one("clock")
    assert finding.level is level
    assert words in finding.sentence


def test_no_sink_of_it_shows_the_token(at, here, monkeypatch):
    """From the environment or a file, used or unusable: not one piece of it."""
    shown = []
    with faulty.serve(catalogue=[as_json({"error": CANARY}, 400)]) as service:
        at(service)
        tokens.save(Secret.of(CANARY))
        for token in (CANARY, f"{CANARY}\n{CANARY}"):
            monkeypatch.setenv("RUNCOMFY_TOKEN", token)
            for output in ("json", "pretty"):
                done = here("--output", output, "doctor")
                assert done.returncode == 69
                shown.append(done.stdout + done.stderr)
    assert found("".join(shown)) == []


def test_a_token_file_that_others_can_read_is_told():
    """It fails alone, and only warns beside a token that is used before it."""
    path = tokens.save(Secret.of(CANARY))
    assert one("token", offline=True).sentence == f"Stored in {path} (-rw-------)."
    path.chmod(0o644)
    finding = one("token", offline=True)
    assert finding.level is Level.FAIL
    assert "-rw-r--r--" in finding.sentence
    assert "chmod 600" in finding.remedy


def test_a_bad_file_beside_a_good_variable_only_warns(monkeypatch):
    """Nothing stops for a file that is not read."""
    tokens.save(Secret.of(CANARY)).chmod(0o644)
    monkeypatch.setenv("RUNCOMFY_TOKEN", CANARY)
    levels = [f.level for f in checked("token", offline=True)]
    assert levels == [Level.OK, Level.WARN]


def test_a_missing_token_is_told_once(monkeypatch):
    """Where RunComfy is chosen; the service is then not asked."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", "runcomfy")
    assert one("provider").level is Level.FAIL
    assert one("service").level is Level.SKIP


def test_settings_that_cannot_be_are_a_finding(monkeypatch):
    """The rest is looked at all the same."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", "nobody")
    assert one("settings").level is Level.FAIL
    assert one("demo").level is Level.OK


@pytest.mark.parametrize(
    ("variable", "url", "words"),
    [
        (
            "HTTPS_PROXY",
            "http://proxy.example:3128",
            "https through proxy.example:3128",
        ),
        (
            "https_proxy",
            f"http://u:{quote(CANARY, safe='')}@proxy.example",
            "proxy.example.",
        ),
        ("ALL_PROXY", "http://u:12/34@proxy.example", "no address"),
        ("HTTP_PROXY", "http://proxy.example:port", "no address"),
    ],
)
def test_proxies_are_named_without_their_passwords(monkeypatch, variable, url, words):
    """Host and port tell which one it is."""
    monkeypatch.setenv(variable, url)
    finding = one("proxy", offline=True)
    assert words in finding.sentence
    assert found(finding.sentence) == []
    assert "12" not in finding.sentence.replace("3128", "")


def add(path, job_id, *events, by=None):
    """Write a paid job down and have these events happen to it."""
    request = asked(prompt=job_id, provider="runcomfy")
    job = Job(id=job_id, request=request, ask=request.fingerprint, created_at=1.0)
    ledger = Ledger(path / "ledger.sqlite3")
    of = {"chain": "c", "parent": None, "call": None, "created_at": 1.0}
    ledger.add(Step(id=f"s-{job_id}", job=job, **of))
    for event in events:
        if event is Event.SEND:
            job = ledger.claim(job, 1.0, owner=by or owner.mine(), limits=Limits())
        else:
            job = ledger.record(job, event, 2.0)


def test_an_edit_whose_answer_was_lost_is_told_with_the_way_on(tmp_path):
    """In UNKNOWN, or left in SENDING by a dead process; not what is being sent."""
    store = tmp_path / "store"
    dead = owner.mine().rpartition("|")[0] + "|1"
    add(store, "lost", Event.SEND, Event.LOSE)
    add(store, "left", Event.SEND, by=dead)
    add(store, "sent", Event.SEND)
    add(store, "open", Event.SEND, Event.ACCEPT)
    findings = checked("jobs", offline=True)
    told = {f.sentence.split()[0]: f for f in findings if f.level is Level.WARN}
    assert set(told) == {"lost", "left"}
    for job, finding in told.items():
        assert f"kontext-nb jobs resolve {job} " in finding.remedy
    (waiting,) = (f for f in findings if f.level is Level.OK)
    assert "sent" in waiting.sentence
    assert "open" in waiting.sentence


def test_a_real_lost_answer_is_found(at):
    """What a real edit left behind is what the checkup finds."""
    with faulty.serve(submit=[faulty.reset]) as service:
        at(service)
        with pytest.raises(OutcomeUnknown) as caught:
            kx.edit(kx.samples.bottle(), "Make it night", seed=1)
    assert caught.value.job in one("jobs", offline=True).sentence


def test_a_ledger_in_wal_is_told_and_brought_back(tmp_path):
    """Once; then it is a rollback journal again."""
    add(tmp_path / "store", "a")
    file = tmp_path / "store" / "ledger.sqlite3"
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    assert [f.level for f in checked("ledger")] == [Level.WARN, Level.OK]
    assert one("ledger").level is Level.OK


@pytest.mark.parametrize("harm", ["garbage", "folder"])
def test_a_damaged_ledger_is_mended_and_told(tmp_path, harm):
    """It names what was set aside; the new one is fine the next time."""
    file = tmp_path / "store" / "ledger.sqlite3"
    file.parent.mkdir()
    if harm == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"no ledger at all " * 100)
    first, *_ = checked("ledger")
    assert first.level is Level.WARN
    assert f"{file}.corrupt-" in first.sentence
    assert one("ledger").level is Level.OK


def test_a_newer_ledger_fails_with_the_way_on(tmp_path):
    """What it tells is shown elsewhere: here it counts that nothing can be sent."""
    add(tmp_path / "store", "a")
    db = sqlite3.connect(tmp_path / "store" / "ledger.sqlite3")
    db.execute("PRAGMA user_version = 999")
    db.close()
    assert one("ledger").level is Level.FAIL
    assert "Update kontext_nb" in one("ledger").remedy
    assert one("jobs")  # what is open is told all the same


def test_a_store_that_is_a_file_fails(tmp_path):
    """It names what stands in the way."""
    (tmp_path / "store").write_text("")
    assert one("store").level is Level.FAIL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("made", [True, False])
def test_a_folder_nobody_may_write_to_fails(tmp_path, monkeypatch, made):
    """Whether the store is there already or would have to be made."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    monkeypatch.setenv("KONTEXT_NB_HOME", str(locked if made else locked / "store"))
    assert "cannot be written to" in one("store").sentence


@pytest.mark.parametrize(
    ("free", "level"),
    [(10**6, Level.FAIL), (500 * 2**20, Level.WARN), (2**40, Level.OK)],
)
def test_little_room_is_told(monkeypatch, free, level):
    """A result may take 64 MiB; below a GiB it is time to think of it."""
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(checkup_store.shutil, "disk_usage", lambda _: usage)
    assert one("store").level is level


def test_a_network_filesystem_is_told(monkeypatch):
    """As the store itself warns of it."""
    monkeypatch.setattr(place, "is_network", lambda _: True)
    assert "network" in checked("store")[-1].sentence


def test_what_was_set_aside_is_named(tmp_path):
    """A damaged ledger is kept beside the new one; who looks is told."""
    (tmp_path / "store").mkdir()
    assert one("damage").level is Level.OK
    (tmp_path / "store" / "ledger.sqlite3.corrupt-20260101").write_text("")
    assert "ledger.sqlite3.corrupt-20260101" in one("damage").sentence


def test_an_old_or_missing_package_fails_with_the_command(monkeypatch):
    """Held against what the installed version says that it needs."""
    versions = {"httpx": "0.1"}
    real = metadata.version

    def version(name):
        if name == "tqdm":
            raise metadata.PackageNotFoundError
        return versions.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)
    told = {f.sentence.split()[0]: f for f in checked("packages")}
    assert set(told) == {"httpx", "tqdm"}
    assert "'httpx>=" in told["httpx"].remedy
    assert "not installed" in told["tqdm"].sentence


def test_a_folder_that_is_not_installed_says_so(monkeypatch):
    """Its needs cannot be looked up, which is no failure."""

    def requires(_name):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "requires", requires)
    assert one("packages").level is Level.WARN


@pytest.mark.parametrize("codec", CODECS)
def test_a_missing_codec_fails(monkeypatch, codec):
    """Each of the three formats is needed."""
    monkeypatch.setattr(features, "check", lambda name: name != CODECS[codec])
    assert codec in one("codecs").sentence


def test_a_lab_that_cannot_show_widgets_is_told(monkeypatch, tmp_path):
    """JupyterLab without the widgets' own part shows a line of text in their place."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    finding = one("widgets")
    assert finding.level is Level.WARN
    assert "jupyterlab_widgets" in finding.remedy


def test_a_bridge_that_breaks_is_no_failure(monkeypatch):
    """Nobody needs it who does not ask for it."""

    def broken(_self):
        raise RuntimeError

    monkeypatch.setattr(NestBridge, "__init__", broken)
    assert one("nest").level is Level.WARN


def test_the_real_bridge_is_tried():
    """In a process of its own, as the command does it."""
    told = json.loads(run("--output", "json", "doctor", "--offline").stdout)
    (nest,) = (c for c in told["checks"] if c["name"] == "nest")
    assert nest["level"] == "ok"


def test_a_check_that_breaks_is_one_finding():
    """The others go on, and only the kind of what went wrong is told."""

    def breaks():
        yield Finding("a", Level.OK, "Fine.")
        raise RuntimeError(CANARY)

    findings = list(
        gathered([("a", breaks), ("b", lambda: [Finding("b", Level.OK, "")])])
    )
    assert [f.level for f in findings] == [Level.OK, Level.FAIL, Level.OK]
    assert "RuntimeError" in findings[1].sentence
    assert found(findings[1].sentence) == []


def test_json_gives_the_facts_also_when_something_failed(here, tmp_path):
    """One object on stdout with every check; the exit code and stderr say the rest."""
    well = here("--output", "json", "doctor", "--offline")
    (tmp_path / "store").write_text("")
    ill = here("--output", "json", "doctor", "--offline")
    assert (well.returncode, ill.returncode) == (0, 69)
    assert json.loads(well.stdout)["ok"]
    told = json.loads(ill.stdout)
    assert not told["ok"]
    assert {"name", "level", "sentence", "remedy"} == set(told["checks"][0])
    assert well.stderr == ""
    assert json.loads(ill.stderr.splitlines()[-1])["error"] == "SetupIncomplete"


def test_it_reads_well_in_eighty_columns_without_colour(here):
    """No line is longer, but for a path or command that could not be copied broken."""
    done = here("doctor", "--offline")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines if line and "/" not in line)
    long = Finding("x", Level.FAIL, "a " * 60, "Run: python3 --pip " + "p" * 90)
    lines = list(_lines(long))
    assert "fail" in lines[0]
    assert lines[-1].strip() == "p" * 90


def test_what_is_no_text_is_escaped():
    """A folder's name may hold anything, and a terminal acts on some of it."""
    finding = Finding("store", Level.OK, "/a/\x1b[31m\u202e.")
    assert "\\x1b[31m\\u202e" in "".join(_lines(finding))


def test_a_terminal_that_knows_ascii_only_gets_ascii(tmp_path):
    """It is told to be one, and the report is there all the same."""
    home = tmp_path / "Größe"
    changes = {"PYTHONIOENCODING": "ascii", "KONTEXT_NB_HOME": str(home)}
    done = run("doctor", "--offline", env=os.environ | changes)
    assert done.returncode == 0
    assert "Gr\\xf6\\xdfe" in done.stdout
    assert "warn  terminal" in done.stdout


def test_a_terminal_is_told_from_a_file(monkeypatch):
    """What is no terminal gets no colours, and NO_COLOR is heard."""

    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), "utf-8"))
    assert "with colours" in _terminal().sentence
    monkeypatch.setenv("NO_COLOR", "1")
    assert "no colours" in _terminal().sentence
