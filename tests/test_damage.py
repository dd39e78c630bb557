"""The store always opens: what was paid for is there again, whatever was damaged."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Job, Limits
from kontext_nb.store import (
    claims,
    connection,
    damage,
    opening,
    owner,
    place,
    upkeep,
)
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.records import Records
from tests.asking import asked
from tests.forking import crowd
from tests.test_place import nobody

DONE = 8


def a_step(number, chain="c1", parent=None):
    request = asked(prompt=f"Make it {number}", seed=number)
    job = Job(
        id=f"job{number}", request=request, ask=request.fingerprint, created_at=number
    )
    return Step(
        id=f"step{number}",
        job=job,
        chain=chain,
        parent=parent,
        call=None,
        created_at=number,
    )


def sent(ledger, step):
    job = ledger.add(step).job
    return ledger.claim(job, 1.0, owner=owner.mine(), limits=Limits())


def finished(home, step):
    ledger, blobs = Ledger(home / "ledger.sqlite3"), Blobs(home / "blobs")
    job = sent(ledger, step)
    job = ledger.record(job, Event.ACCEPT, 2.0, request_id=f"r-{job.id}")
    job = ledger.record(job, Event.START, 3.0)
    name = blobs.put(f"picture of {job.id}".encode() * 50, ".png")
    return ledger.record(job, Event.FINISH, 4.0, results=(name,), engine="e")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with edits in every state that matters, and what it holds."""
    home = tmp_path_factory.mktemp("whole") / "store"
    ledger = Ledger(home / "ledger.sqlite3")
    for n in range(DONE):
        finished(home, a_step(n, parent=f"step{n - 1}" if n else None))
    lost = sent(ledger, a_step(20))
    ledger.record(lost, Event.LOSE, 2.0, error="gone")
    taken = sent(ledger, a_step(21))
    ledger.record(taken, Event.ACCEPT, 2.0, request_id="r-taken")
    sent(ledger, a_step(22))
    ledger.add(a_step(23))
    return home


def copied(home, folder):
    shutil.copytree(home, folder)
    return Ledger(folder / "ledger.sqlite3")


def paid(ledger):
    return {job.id: job for job in ledger.jobs() if job.state is not State.INTENT}


@cache
def paid_in(home):
    """What a store holds that nothing changes."""
    return paid(Ledger(home / "ledger.sqlite3"))


# Each damages a ledger's file; `chance` is seeded.


def flips(path, chance):
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 3, 20, 200])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def cut_short(path, chance):
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def zeroed(path, chance):
    data = bytearray(path.read_bytes())
    start = chance.choice([0, chance.randrange(len(data))])
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)


def emptied(path, _chance):
    path.write_bytes(b"")


def garbled(path, chance):
    path.write_bytes(chance.randbytes(chance.choice([10, 5_000, 60_000])))


def removed(path, _chance):
    path.unlink()


def a_folder(path, chance):
    path.unlink()
    path.mkdir()
    if chance.random() < 0.5:
        (path / "something").write_text("of somebody's")


def torn(path, chance):
    """A power cut in mid-transaction, after which somebody removed the journal."""
    old = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE jobs SET error = ?", ["x" * 500])
        db.commit()
    new = path.read_bytes()
    mixed = bytearray(old)
    for page in range(0, len(new), 4096):
        if chance.random() < 0.5:
            mixed[page : page + 4096] = new[page : page + 4096]
    path.write_bytes(mixed)


def alien_journal(path, _chance):
    """The journal of another database, left by a crash of that."""
    other = path.with_name("other.sqlite3")
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [("y" * 3000,)] * 30)
        db.commit()
    leave_journal(path, other, "UPDATE t SET x = x || 'z'")


def old_journal(path, _chance):
    """A journal that takes the ledger back to before it knew any edit."""
    young = path.with_name("young.sqlite3")
    connection.connect(young).close()
    take_all = "INSERT INTO jobs SELECT * FROM full.jobs"
    leave_journal(path, young, take_all, f"ATTACH '{path}' AS full")


def leave_journal(path, other, change, *before):
    """Put beside a file the journal another has, just before it commits a change."""
    with closing(sqlite3.connect(other, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        for statement in before:
            db.execute(statement)
        db.execute("BEGIN")
        db.execute(change)
        journal = other.with_name(other.name + "-journal").read_bytes()
        db.execute("ROLLBACK")
    path.with_name(path.name + "-journal").write_bytes(journal)
    other.unlink()


KINDS = [
    *[flips] * 7,
    cut_short,
    zeroed,
    emptied,
    garbled,
    removed,
    a_folder,
    torn,
    alien_journal,
    old_journal,
]


def check_it_opens(whole, ledger):
    """Nothing that was sent is forgotten, and every result is there."""
    before, after = paid_in(whole), paid(ledger)
    assert set(after) == set(before)
    blobs = Blobs(ledger.path.parent / "blobs")
    for job in before.values():
        found = ledger.job(job.id)
        if found.results != job.results:  # a name with another digit is a name
            found = ledger.restored(found)
        assert (found.state, found.request_id) == (job.state, job.request_id)
        assert [blobs.get(name) for name in found.results] == [
            blobs.get(name) for name in job.results
        ]
    # In any order: that rests on a time, and a time with another digit is a time.
    shown = {s.id for s in ledger.chain("c1") if s.job.state is State.DONE}
    assert shown == {f"step{n}" for n in range(DONE)}
    assert sent(ledger, a_step(99)).state is State.SENDING


@pytest.mark.parametrize("part", range(5))
def test_of_three_hundred_damaged_ledgers_all_open(whole, tmp_path, part):
    """Whatever became of the file, no paid edit is forgotten, and the file is kept."""
    check_all_open(whole, tmp_path, range(part * 60, part * 60 + 60))


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(10))
def test_of_three_thousand_more_all_open(whole, tmp_path, part):
    """The same with other damages of each kind."""
    check_all_open(whole, tmp_path, range(300 + part * 300, 600 + part * 300))


def check_all_open(whole, tmp_path, numbers):
    failures = []
    for number in numbers:
        chance = random.Random(number)  # noqa: S311 - the same cases each time
        kind = KINDS[number % len(KINDS)]
        ledger = copied(whole, tmp_path / str(number))
        kind(ledger.path, chance)
        harmed = ledger.path.read_bytes() if ledger.path.is_file() else None
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                check_it_opens(whole, ledger)
            if told and kind not in (alien_journal, old_journal) and harmed:
                (kept,) = ledger.path.parent.glob("*.corrupt-*Z")
                assert kept.read_bytes() == harmed
        except (AssertionError, StoreError) as error:
            failures.append((number, kind.__name__, repr(error)[:300]))
    assert failures == []


def test_the_harness_sees_a_forgotten_edit(whole, tmp_path, monkeypatch):
    """Without the records, an old journal makes paid edits look as if never asked."""
    monkeypatch.setattr(opening.rebuild, "catch_up", lambda *_: None)
    ledger = copied(whole, tmp_path / "s")
    emptied(ledger.path, None)
    with pytest.raises(AssertionError):
        check_it_opens(whole, ledger)


@pytest.fixture
def newer(whole, tmp_path):
    """A ledger that a version to come has written."""
    ledger = copied(whole, tmp_path / "s")
    with closing(sqlite3.connect(ledger.path)) as db:
        db.execute("PRAGMA user_version = 999")
    return ledger


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_newer_store_is_read_by_its_records(newer, whole):
    """What was paid for is shown, nothing may be sent, and no byte is changed."""
    before, home = files(newer.path.parent), newer.path.parent
    with pytest.warns(UserWarning, match="A newer kontext_nb wrote the ledger"):
        assert paid(newer) == paid_in(whole)
    with pytest.raises(StoreError, match=r"newer kontext_nb wrote it\. Update"):
        newer.add(a_step(99))
    assert files(home) == before


def test_what_another_process_adds_to_a_newer_store_is_seen(newer, tmp_path):
    """The records are gone through once, and then for what is new."""
    with pytest.warns(UserWarning, match="A newer kontext_nb"):
        assert not newer.job("job50")
    there = finished(tmp_path / "other", a_step(50))
    for folder in ("records", "blobs"):
        added = tmp_path / "other" / folder
        shutil.copytree(added, newer.path.parent / folder, dirs_exist_ok=True)
    assert newer.job("job50") == there


def test_nothing_of_a_newer_store_is_swept(newer):
    """A newer ledger may need what its records do not name."""
    home = newer.path.parent
    for path in (home / "blobs").rglob("*"):
        os.utime(path, (0, 0))
    needless = Blobs(home / "blobs").path(Blobs(home / "blobs").put(b"newer", ".png"))
    os.utime(needless, (0, 0))
    with (
        pytest.warns(UserWarning, match="A newer kontext_nb"),
        pytest.raises(StoreError, match="Update kontext_nb"),
    ):
        upkeep.gc(
            Blobs(home / "blobs"),
            newer,
            Records(home / "records"),
            now=time.time(),
            delete=True,
        )
    assert needless.exists()


def test_a_command_meets_a_newer_store_with_75(newer, command, monkeypatch, capsys):
    """With a line that says to update, and the same files afterwards."""
    before = files(newer.path.parent)
    monkeypatch.setenv("KONTEXT_NB_HOME", str(newer.path.parent))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    warnings.simplefilter("default")  # as outside of tests
    assert command("jobs", "resolve", "job20", "--abandon") == 75
    told = capsys.readouterr().err
    assert "A newer kontext_nb wrote the ledger" in told
    assert "Update kontext_nb" in told
    assert files(newer.path.parent) == before


def rebuilt(ledger):
    """Damage a ledger beyond reading, and open it."""
    ledger.path.write_bytes(b"x" * 10_000)
    with pytest.warns(UserWarning, match="The ledger was damaged"):
        return ledger.jobs()


def test_a_result_that_is_damaged_too_is_fetched_again(whole, tmp_path):
    """Only what is kept whole is done; the rest goes back to the service's id."""
    ledger = copied(whole, tmp_path / "s")
    done = ledger.job("job3")
    Blobs(tmp_path / "s" / "blobs").path(done.result).write_bytes(b"else")
    rebuilt(ledger)
    again = ledger.job("job3")
    assert (again.state, again.request_id) == (State.SUBMITTED, "r-job3")
    assert again.results == ()
    assert ledger.job("job4").state is State.DONE


def test_a_damaged_record_is_reported(whole, tmp_path):
    """What neither the ledger nor its record tells is said to be missing."""
    ledger = copied(whole, tmp_path / "s")
    record = tmp_path / "s" / "records" / "jo" / "job3.json"
    record.write_bytes(record.read_bytes().replace(b"r-job3", b"r-job4"))
    ledger.path.write_bytes(b"x" * 10_000)
    with pytest.warns(UserWarning, match="1 records could not be read"):
        assert ledger.job("job3") is None


def test_a_store_of_the_first_version_is_rebuilt_from_itself(tmp_path):
    """It has no records, so what can still be read of the file is taken over."""
    stored = Path(__file__).parent / "stores" / "schema-1"
    done = {
        job.id: job.results
        for job in copied(stored, tmp_path / "whole").jobs(State.DONE)
    }
    ledger = copied(stored, tmp_path / "s")
    data = bytearray(ledger.path.read_bytes())
    data[-4096:] = bytes(4096)  # the page of an index
    ledger.path.write_bytes(data)
    with pytest.warns(UserWarning, match="The ledger was damaged"):
        found = ledger.jobs(State.DONE)
    assert {job.id: job.results for job in found} == done
    assert len(done) == 2


def test_a_store_of_the_first_version_gets_its_records(tmp_path):
    """Once it was opened, even its loss is no loss of what it sent."""
    ledger = copied(Path(__file__).parent / "stores" / "schema-1", tmp_path / "s")
    before = {job.id: job for job in ledger.jobs()}
    ledger.path.unlink()
    assert {job.id: job for job in ledger.jobs()} == before
    assert [len(ledger.chain(ledger.step_of_job(one).chain)) for one in before]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize(
    "kind", [cut_short, garbled, emptied, old_journal, alien_journal]
)
def test_a_damaged_store_that_may_only_be_read_is_read(whole, kind):
    """What can be known is shown, nothing is written, and nothing may be sent."""
    before = paid(Ledger(whole / "ledger.sqlite3"))
    with tempfile.TemporaryDirectory() as home:
        ledger = copied(whole, Path(home) / "s")
        kind(ledger.path, random.Random(4))  # noqa: S311 - as above
        before_it = files(Path(home))
        for path in (*Path(home).rglob("*"), Path(home)):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with nobody():
            assert paid(ledger) == before
            with pytest.raises(StoreError, match="can only be read"):
                ledger.add(a_step(99))
        assert files(Path(home)) == before_it
        for path in (Path(home), *Path(home).rglob("*")):
            path.chmod(0o755)


def test_a_ledger_that_cannot_be_rebuilt_stays_where_it_was(whole, tmp_path):
    """A disk that takes no new ledger loses nothing of the old one."""
    ledger = copied(whole, tmp_path / "s")
    ledger.path.write_bytes(b"x" * 10_000)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from kontext_nb.store.ledger import Ledger\n"
        "from kontext_nb.errors import StoreError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: Ledger(Path(sys.argv[1])).jobs()\n"
        "except StoreError: print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, ledger.path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "refused\n"
    assert ledger.path.read_bytes() == b"x" * 10_000
    assert not list(ledger.path.parent.glob("*.corrupt-*"))
    assert len(rebuilt(ledger)) == DONE + 3


def opening_it(ledger):
    """Return what adds a few steps, as a kernel does that comes upon the ledger."""

    def work(number):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for n in range(5):
                ledger.add(a_step(1000 + number * 10 + n))

    return work


@pytest.mark.parametrize("kind", [garbled, a_folder, cut_short])
def test_processes_that_find_it_damaged_at_once_lose_nothing(whole, tmp_path, kind):
    """One rebuilds it, the others wait; what each of them writes then is there."""
    ledger = copied(whole, tmp_path / "s")
    kind(ledger.path, random.Random(1))  # noqa: S311 - as above
    crowd(opening_it(ledger), range(6))
    ids = {job.id for job in ledger.jobs()}
    assert ids >= {f"job{1000 + p * 10 + n}" for p in range(6) for n in range(5)}
    assert ids >= set(paid(Ledger(whole / "ledger.sqlite3")))
    assert len(damage.set_aside(ledger.path)) == 1


def test_the_lock_of_a_dead_process_is_taken_over(whole, tmp_path):
    """Who died while rebuilding keeps nobody out."""
    ledger = copied(whole, tmp_path / "s")
    dead = subprocess.run(
        [
            sys.executable,
            "-c",
            "from kontext_nb.store import owner; print(owner.mine())",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    ledger.path.with_name("ledger.sqlite3.mending").write_text(dead.stdout)
    assert len(rebuilt(ledger)) == DONE + 3


def test_the_lock_of_a_living_process_is_waited_for(tmp_path):
    """And it is said who holds it, and what to do."""
    lock = tmp_path / "lock"
    with claims.held(lock, 0.0):
        second = claims.held(lock, 0.05)
        with pytest.raises(StoreError, match="held by another program"):
            second.__enter__()
        assert lock.exists()
    assert not lock.exists()


def racing(ledger, edits, *, guard):
    """Return what claims edits, as a kernel does on a disk that has no locks at all.

    Args:
        ledger: On that disk.
        edits: How many.
        guard: Whether it is known for a network's disk.
    """
    real = sqlite3.connect

    def unlocked(path, **how):
        return real(f"file:{path}?vfs=unix-none", uri=True, **how)

    def work(number):
        faked = vars(sqlite3) | {"connect": staticmethod(unlocked)}
        connection.sqlite3 = type("S", (), faked)
        claims._is_network = lambda _: guard
        place.warn_once = lambda _: None
        warnings.simplefilter("ignore")
        won = []
        for n in range(edits):
            step = a_step(n)
            job = replace(step.job, id=f"{step.job.id}-{number}")
            step = replace(step, id=f"{step.id}-{number}", job=job)
            # It may be damaged, where nobody guards it; then nothing was won.
            with suppress(StoreError, ValueError):
                job = ledger.add(step, adopt=set(State)).job
                ledger.claim(job, 1.0, owner=owner.mine(), limits=Limits())
                won.append(n)
        return won

    return work


def claimed(ledger, edits, people, *, guard):
    """Return how often each edit was claimed, of as many as each of them asks for."""
    ledger.jobs()
    won = crowd(racing(ledger, edits, guard=guard), range(people))
    return Counter(number for one in won for number in one)


def test_where_locks_are_granted_to_all_each_edit_is_claimed_once(tmp_path):
    """Eight processes ask for the same forty edits on a disk without locks."""
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    assert claimed(ledger, 40, 8, guard=True) == Counter(range(40))
    assert len(ledger.jobs()) == 40


def test_the_race_finds_what_the_guard_prevents(tmp_path):
    """Taken for a local disk, edits are claimed by two, or lost by who claimed them."""
    assert any(
        claimed(Ledger(tmp_path / f"{go}.sqlite3"), 20, 8, guard=False)
        != Counter(range(20))
        for go in range(5)  # the first will do, but for great luck
    )
