"""The rows: claimed once, moved only along the table, and readable after anything."""

import json
import sqlite3
import subprocess
import sys
import threading
import traceback
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import FINAL, TABLE, Event, State
from kontext_nb.model import Job, Limits
from kontext_nb.session.orders import WORTH_KEEPING
from kontext_nb.store import opening, patience, tables
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.records import Records
from kontext_nb.store.tables import MIGRATIONS
from tests.asking import asked

ASKED = asked(seed=7)


def job(job_id="j1", request=ASKED, **facts):
    facts = {"ask": request.fingerprint, "pictures": {"0" * 64: "s.png"}} | facts
    return Job(id=job_id, request=request, created_at=100.0, **facts)


def step(made, step_id=None, at=100.0, **facts):
    facts = {"chain": "c1", "parent": None, "call": None} | facts
    return Step(id=step_id or f"s-{made.id}", job=made, created_at=at, **facts)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "store" / "ledger.sqlite3")


def brought_to(ledger, state, job_id="j1"):
    """Return a job that came to a state by the shortest way."""
    made = job(job_id)
    ledger.add(step(made))
    ways = {State.INTENT: ()}
    while state not in ways:
        for (before, event), then in TABLE.items():
            if before in ways:
                ways.setdefault(then, (*ways[before], event))
    for event in ways[state]:
        facts = {"request_id": f"r-{job_id}"} if event is Event.ACCEPT else {}
        made = ledger.record(made, event, 200.0, **facts)
    return made


def test_a_row_comes_back_as_it_was_written(ledger):
    """Every field of a job survives, and the times of its events are noted."""
    made = job(request=ASKED.having(prompt="Schnee \N{SNOWMAN}\n\t'; --"))
    ledger.add(step(made, call="cell:1"))
    made = ledger.claim(made, 101.0, owner="me", limits=Limits(), notices=("n",))
    made = ledger.record(made, Event.ACCEPT, 102.0, request_id="r1")
    made = ledger.record(
        made, Event.FINISH, 109.0, results=("b.png",), engine="e", notices=("a", "b")
    )
    assert ledger.job("j1") == made
    assert (made.submitted_at, made.finished_at) == (102.0, 109.0)
    assert ledger.step_of_call("cell:1", made.ask) == step(made, call="cell:1")
    assert ledger.step_of_job("j1").job == made
    assert ledger.chain("c1") == (step(made, call="cell:1"),)


def test_an_empty_place_answers_without_making_a_file(ledger):
    """Reading before the first row finds nothing and writes nothing."""
    assert ledger.job("j1") is None
    assert ledger.chain("c1") == ()
    assert ledger.expected_s("demo", "m") is None
    assert not ledger.path.exists()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_only_the_table_moves_a_row(ledger, state, event):
    """Each event of each state does what the table says, or nothing at all."""
    made = brought_to(ledger, state)
    if (state, event) in TABLE:
        moved = ledger.record(made, event, 300.0)
        assert moved.state is TABLE[state, event]
        assert ledger.job("j1") == moved
        assert (moved.finished_at is not None) == (moved.state in FINAL)
    else:
        with pytest.raises(ValueError, match="cannot"):
            ledger.record(made, event, 300.0)
        assert ledger.job("j1") == made


def test_the_second_claim_of_a_job_is_refused(ledger):
    """Of two that would send the same job, only one may."""
    made = job()
    ledger.add(step(made))
    ledger.record(made, Event.SEND, 101.0)
    with pytest.raises(StoreError, match="Another kernel"):
        ledger.record(made, Event.SEND, 101.0)


CLAIM = """
import sys
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event
from kontext_nb.store.ledger import Ledger
from pathlib import Path
ledger = Ledger(Path(sys.argv[1]))
jobs = [ledger.job(f"j{i}") for i in range(10)]
print("ready", flush=True)
sys.stdin.readline()
won = 0
for job in jobs:
    try:
        ledger.record(job, Event.SEND, 1.0)
    except StoreError:
        continue
    won += 1
print(won)
"""


def test_of_eight_processes_one_claims_each_job(ledger):
    """Ten jobs that eight processes would send are claimed ten times in all."""
    for i in range(10):
        ledger.add(step(job(f"j{i}")))
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, ledger.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    assert [one.stdout.readline() for one in crowd] == ["ready\n"] * 8
    for one in crowd:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert sum(int(one.communicate()[0]) for one in crowd) == 10
    assert all(ledger.job(f"j{i}").state is State.SENDING for i in range(10))


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Event.START, State.RUNNING),
        (Event.FINISH, State.DONE),
        (Event.FAIL, State.FAILED),
        (Event.CANCEL, State.CANCELLED),
        (Event.EXPIRE, State.EXPIRED),
    ],
)
def test_two_kernels_that_wait_may_see_the_same(ledger, event, state):
    """What the other waiter wrote first already stands, and is what both get."""
    made = brought_to(ledger, State.SUBMITTED)
    first = ledger.record(made, event, 300.0, error="first")
    assert ledger.record(made, event, 301.0, error="second") == first
    assert first.state is state


def test_a_waiter_that_missed_the_start_still_finishes(ledger):
    """A row that has gone on meanwhile takes what may follow from there."""
    made = brought_to(ledger, State.SUBMITTED)
    ledger.record(made, Event.START, 300.0)
    done = ledger.record(made, Event.FINISH, 301.0, results=("b.png",))
    assert done.state is State.DONE
    assert ledger.job("j1") == done


def test_a_waiter_that_saw_another_end_is_refused(ledger):
    """A job that is final stays what it is."""
    made = brought_to(ledger, State.SUBMITTED)
    done = ledger.record(made, Event.FINISH, 300.0, results=("b.png",))
    with pytest.raises(StoreError):
        ledger.record(made, Event.CANCEL, 301.0)
    assert ledger.job("j1") == done


def test_a_step_without_a_usable_job_is_not_written(ledger):
    """A job that cannot be written is refused whole: no step may point to nothing."""
    unusable = job(ask=None)
    with pytest.raises(StoreError):
        ledger.add(step(unusable))
    assert ledger.chain("c1") == ()


def test_two_chains_may_show_one_job(ledger):
    """Another cell shows it in a chain of its own, and the job's row stays as it is."""
    made = brought_to(ledger, State.SUBMITTED)
    stale = replace(made, state=State.INTENT)
    ledger.add(step(stale, "second", chain="c2", at=101.0))
    assert ledger.job("j1") == made
    assert [s.job for c in ("c1", "c2") for s in ledger.chain(c)] == [made, made]


def sent(ledger):
    """Return a job that was claimed and accepted."""
    ledger.add(step(job()))
    made = ledger.claim(job(), 1.0, owner="me", limits=Limits())
    return ledger.record(made, Event.ACCEPT, 2.0, request_id="r1")


def spoilt(ledger):
    """Have the row name a file that is none, as a flipped bit would."""
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE jobs SET results = ?", (json.dumps(["0" * 64 + ".png"]),))


def test_a_new_step_does_not_spoil_the_record_of_its_job(ledger):
    """The row is damaged: the record keeps what it had, and has the new step too."""
    made = ledger.record(sent(ledger), Event.FINISH, 9.0, results=("a.png",))
    spoilt(ledger)
    ledger.add(step(job("j2"), "s2", chain="other"), adopt={State.DONE})
    told, steps = ledger.records.read(made.id)
    assert told == made
    assert [one.id for one in steps] == ["s-j1", "s2"]


def test_a_new_step_brings_a_record_forward_that_is_behind(ledger, monkeypatch):
    """The disk took the row of the end, and not its record."""
    made = sent(ledger)
    with monkeypatch.context() as patch:
        patch.setattr(Records, "write", full)
        done = ledger.record(made, Event.FINISH, 9.0, results=("a.png",))
    assert ledger.records.read(made.id)[0].state is State.SUBMITTED
    ledger.add(step(job("j2"), "s2", chain="other"), adopt={State.DONE})
    assert ledger.records.read(made.id)[0] == done


def full(*_):
    raise StoreError("The disk is full.", "Free some space.")


def test_a_job_stands_once_in_one_place(ledger):
    """Asked for twice from the same step of a chain, it is the same step."""
    first = ledger.add(step(job(), "s1"))
    assert ledger.add(step(job(), "s2")) == first
    ledger.add(step(job(), "s3", parent="s1"))
    assert [s.id for s in ledger.chain("c1")] == ["s1", "s3"]


def test_the_newest_step_of_a_call_is_the_one(ledger):
    """A cell that was asked to refresh shows its latest result from then on."""
    for i, at in enumerate((100.0, 300.0, 200.0)):
        ledger.add(step(job(f"j{i}"), at=at, call="cell:1"))
    assert ledger.step_of_call("cell:1", ASKED.fingerprint).job.id == "j1"
    assert ledger.step_of_call("cell:1", "other") is None
    assert ledger.step_of_call("cell:2", ASKED.fingerprint) is None


def answer(ledger, asked):
    """Return the job that a new step for the request is given, if it is an old one."""
    fresh = replace(
        job(f"fresh-{asked.seed}-{asked.provider}"),
        request=asked,
        ask=asked.fingerprint,
    )
    shown = ledger.add(step(fresh), adopt=WORTH_KEEPING).job
    return None if shown.id == fresh.id else shown


@pytest.mark.parametrize("state", State)
def test_an_identical_request_is_answered_unless_it_came_to_nothing(ledger, state):
    """What is done, open or perhaps charged answers; a failed job does not."""
    made = brought_to(ledger, state)
    worthless = {State.FAILED, State.CANCELLED, State.EXPIRED}
    assert answer(ledger, ASKED) == (None if state in worthless else made)
    assert answer(ledger, ASKED.having(seed=8)) is None
    assert answer(ledger, replace(ASKED, provider="runcomfy")) is None


def test_a_finished_twin_is_preferred(ledger):
    """Among identical requests the one that is DONE answers."""
    done = brought_to(ledger, State.DONE, "a")
    brought_to(ledger, State.UNKNOWN, "b")
    assert answer(ledger, ASKED) == done


def test_the_expected_time_is_the_median(ledger):
    """Waiting times of a model's finished jobs are summed up by their median."""
    for i, seconds in enumerate((5.0, 60.0, 7.0)):
        made = job(f"j{i}")
        ledger.add(step(made))
        made = ledger.record(made, Event.SEND, 0.0)
        made = ledger.record(made, Event.ACCEPT, 10.0, request_id="r")
        ledger.record(made, Event.FINISH, 10.0 + seconds, took_s=seconds)
    assert ledger.expected_s("demo", ASKED.model) == 7.0
    assert ledger.expected_s("demo", "another") is None


def test_the_journal_is_never_wal(ledger):
    """The file stays in rollback mode, also where someone had switched it."""
    ledger.add(step(job()))
    db = sqlite3.connect(ledger.path)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    ledger.add(step(job("j2")))
    db = sqlite3.connect(ledger.path)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    db.close()
    assert [path.name for path in ledger.path.parent.iterdir()] == [ledger.path.name]


def test_paid_states_are_flushed_with_their_folder(ledger):
    """Synchronous is EXTRA (3): a power cut takes back no row that was answered for."""
    with opening.opened(ledger.path, write=False) as db:
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 3


def test_an_older_store_is_brought_up_to_date(ledger, monkeypatch):
    """Only the scripts a store has not seen are run, and its rows stay."""
    made = brought_to(ledger, State.DONE)
    more = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN note TEXT")
    monkeypatch.setattr(tables, "MIGRATIONS", more)
    assert ledger.job("j1") == made
    with opening.opened(ledger.path, write=False) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(more)
        assert db.execute("SELECT note FROM jobs").fetchall()[0][0] is None


def test_a_migration_that_fails_changes_nothing(ledger, monkeypatch):
    """A store is as it was before a script that breaks half way."""
    made = brought_to(ledger, State.DONE)
    with monkeypatch.context() as patch:
        broken = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN note TEXT; NONSENSE")
        patch.setattr(tables, "MIGRATIONS", broken)
        with pytest.raises(StoreError):
            ledger.job("j1")
    assert ledger.job("j1") == made


def test_a_locked_store_is_told(ledger, monkeypatch):
    """A store someone else holds too long is a typed error, not a hang."""
    ledger.add(step(job()))
    monkeypatch.setattr(patience, "LOCK_S", 0.0)
    db = sqlite3.connect(ledger.path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError, match="locked"):
            ledger.record(job(), Event.SEND, 1.0)
    finally:
        db.close()


def test_writers_wait_for_each_other(ledger):
    """Threads that write at once all get their turn."""
    failures = []

    def write(number):
        try:
            for i in range(5):
                ledger.add(step(job(f"j{number}-{i}")))
        except StoreError:
            failures.append(traceback.format_exc())

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(ledger.chain("c1")) == 40


FIELDS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["a", "b"]),
        "prompt": st.sampled_from(["x", "y", "\N{SNOWMAN}", "\N{SNOWMAN} "]),
        "seed": st.sampled_from([None, 0, 1]),
        "aspect_ratio": st.sampled_from([None, "1:1", "16:9"]),
        "model": st.sampled_from(["m/a", "m/b"]),
        "provider": st.sampled_from(["demo", "runcomfy"]),
    }
)


@given(FIELDS, FIELDS)
def test_fingerprints_are_equal_exactly_when_all_fields_are(one, other):
    """Nothing that makes two edits different is missing from the fingerprint."""
    same = asked(**one).fingerprint == asked(**other).fingerprint
    assert same == (one == other)


def test_an_id_that_another_kernel_has_filed_stands(ledger):
    """Whoever had to wait to write it down goes on from where the other one came."""
    sending = brought_to(ledger, State.SENDING)
    filed = ledger.record(sending, Event.ACCEPT, 103.0, request_id="r1")
    done = ledger.record(filed, Event.FINISH, 104.0)
    told = ledger.record(sending, Event.ACCEPT, 105.0, request_id="r1")
    assert (told.state, told.request_id) == (done.state, "r1")
    with pytest.raises(StoreError, match="Another kernel"):
        ledger.record(sending, Event.ACCEPT, 106.0, request_id="r2")
