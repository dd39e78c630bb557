"""The store always opens: what was paid for is there again, whatever was damaged."""

import random
import shutil
import sqlite3
import warnings
from contextlib import closing

import pytest

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Job, Limits
from kontext_nb.store import owner
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests.asking import asked

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
    new, old = changed(path, chance)
    mixed = bytearray(old)
    for page in range(0, len(new), 4096):
        if chance.random() < 0.5:
            mixed[page : page + 4096] = new[page : page + 4096]
    path.write_bytes(mixed)


def alien_journal(path, chance):
    """The journal of another database, left by a crash of that."""
    other = path.with_name("other.sqlite3")
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [("y" * 3000,)] * 30)
        db.commit()
    path.with_name(path.name + "-journal").write_bytes(journal_of(other, "t"))
    other.unlink()
    del chance


def old_journal(path, chance):
    """A journal that takes the ledger back to before it knew any edit."""
    young = path.with_name("young.sqlite3")
    Ledger(young).jobs()
    with closing(sqlite3.connect(young)) as db:
        for table in ("jobs", "steps"):
            db.execute(f"CREATE TABLE {table} (id)")
        db.commit()
    path.with_name(path.name + "-journal").write_bytes(journal_of(path, "jobs"))
    changed(path, chance)
    young.unlink()


def changed(path, chance):
    """Change most rows; return the file's new bytes and its old ones."""
    old = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE jobs SET notices = ?", [f'["{chance.random()}"]' * 1])
        db.execute("DELETE FROM steps WHERE chain = 'none'")
        db.commit()
    return path.read_bytes(), old


def journal_of(path, table):
    """Return the journal that a writer has, just before it commits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute(f"UPDATE {table} SET rowid = rowid + 100000")
        journal = path.with_name(path.name + "-journal").read_bytes()
        db.execute("ROLLBACK")
    return journal


KINDS = [
    *[flips] * 6,
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
    before, after = paid(Ledger(whole / "ledger.sqlite3")), paid(ledger)
    assert set(after) == set(before)
    blobs = Blobs(ledger.path.parent / "blobs")
    for job in before.values():
        found = ledger.job(job.id)
        assert (found.state, found.request_id) == (job.state, job.request_id)
        assert [blobs.get(name) for name in found.results] == [
            blobs.get(name) for name in job.results
        ]
    assert [s.id for s in ledger.chain("c1") if s.job.state is State.DONE] == [
        f"step{n}" for n in range(DONE)
    ]
    assert sent(ledger, a_step(99)).state is State.SENDING


@pytest.mark.parametrize("part", range(5))
def test_of_three_hundred_damaged_ledgers_all_open(whole, tmp_path, part):
    """Whatever became of the file, no paid edit is forgotten; the file itself is kept."""
    failures = []
    for number in range(part * 60, part * 60 + 60):
        chance = random.Random(number)
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
