"""Damage is named, and what somebody needs, or may be about to need, is never swept."""

import json
import os
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing
from types import SimpleNamespace

import pytest

from kontext_nb.chain import Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import Job
from kontext_nb.store import owner, upkeep
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.records import Records
from kontext_nb.store.upkeep import DAY_S, Damage, gc, verify
from tests.asking import asked
from tests.forking import begun, told

OLD = time.time() - 2 * DAY_S


class Store:
    """A store as a desk has it."""

    def __init__(self, home):
        self.home = home
        self.blobs = Blobs(home / "blobs")
        self.ledger = Ledger(home / "ledger.sqlite3")
        self.records = Records(home / "records")

    def put(self, data, *, at=None):
        name = self.blobs.put(data, ".png")
        if at:
            os.utime(self.blobs.path(name), (at, at))
        return name

    def add(self, job_id, **facts):
        request = asked(prompt=job_id)
        ask = request.fingerprint
        job = Job(id=job_id, request=request, ask=ask, created_at=1.0, **facts)
        of = {"chain": "c", "parent": None, "call": None, "created_at": 1.0}
        self.ledger.add(Step(id=f"s-{job_id}", job=job, **of))
        return job

    def gc(self, **options):
        found = gc(
            self.blobs, self.ledger, self.records, **{"now": time.time()} | options
        )
        return {left.path: left.size for left in found}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_each_flipped_byte_is_named(store):
    """Of 100 blobs with one byte changed each, verify names 100, and their jobs."""
    names = [store.put(os.urandom(300)) for _ in range(101)]
    for i, name in enumerate(names[:100]):
        path = store.blobs.path(name)
        data = bytearray(path.read_bytes())
        data[i * 3] ^= 1 << i % 8
        path.write_bytes(data)
    store.add("j1", pictures={"0" * 64: names[0]}, results=(names[1],))
    found = verify(store.blobs, store.ledger)
    assert found.checked == 101
    assert {damage.blob for damage in found.damages} == set(names[:100])
    assert not any(damage.missing for damage in found.damages)
    hit = {damage.blob for damage in found.damages if damage.jobs == ("j1",)}
    assert hit == set(names[:2])


def test_a_missing_blob_is_named_with_its_jobs(store):
    """What a row refers to and is not there is missing; an address is no blob."""
    name = "ab" * 32 + ".png"
    store.add("j1", pictures={"0" * 64: "https://example.com/a.png"})
    store.add("j3", results=(name, "../../etc/passwd"))
    store.add("j2", results=(name, "../../etc/passwd"))
    found = verify(store.blobs, store.ledger)
    assert found.damages == (
        Damage("../../etc/passwd", missing=False, jobs=("j2", "j3")),
        Damage(name, missing=True, jobs=("j2", "j3")),
    )


@pytest.mark.parametrize("may_write", [True, False])
def test_a_row_that_names_a_wrong_blob_is_no_missing_picture(store, may_write):
    """Its record names the right one, which is there; the row is mended if it can."""
    name = store.put(b"the result")
    made = store.add("j1", results=(name,), state=State.DONE, sends=1)
    wrong = json.dumps(["ab" * 32 + ".png"])
    with closing(sqlite3.connect(store.ledger.path)) as db, db:
        db.execute("UPDATE jobs SET results = ?", (wrong,))
    store.ledger.path.chmod(0o600 if may_write else 0o400)
    assert verify(store.blobs, store.ledger) == upkeep.Verified(1, ())
    assert (store.ledger.job("j1") == made) or not may_write


def test_gc_only_says_what_it_would_delete(store):
    """Without being told to, it deletes nothing."""
    store.add("j1")
    name = store.put(b"orphan", at=OLD)
    assert store.gc() == {store.blobs.path(name): 6}
    assert store.blobs.get(name) == b"orphan"


def test_gc_deletes_what_no_job_needs(store):
    """Old blobs go, but not the sources and results of any job, or any record."""
    kept = [store.put(bytes([i]), at=OLD) for i in range(4)]
    orphan = store.put(b"orphan", at=OLD)
    store.add("j1", pictures={"0" * 64: kept[0]}, results=(kept[1], kept[2]))
    lost = Job(id="j9", request=asked(), ask="", created_at=1.0, results=(kept[3],))
    store.records.write(lost, ())
    assert store.gc(delete=True) == {store.blobs.path(orphan): 6}
    assert set(store.blobs.names()) == set(kept)


def test_gc_leaves_what_is_young(store):
    """A day is the limit, to the second."""
    store.add("j1")
    now = time.time()
    store.put(b"older", at=now - DAY_S - 1)
    young = {
        store.put(b"younger", at=now - DAY_S + 1),
        store.put(b"tomorrow's", at=now + DAY_S),
    }
    assert len(store.gc(delete=True, now=now)) == 1
    assert set(store.blobs.names()) == young


def test_a_blob_put_again_is_young(store):
    """Who puts an old orphan again has all the time that a new one has."""
    store.add("j1")
    name = store.put(b"orphan", at=OLD)
    store.put(b"orphan")
    assert store.gc(delete=True) == {}
    assert store.blobs.get(name) == b"orphan"


def test_a_blob_put_again_while_it_is_swept_stays(store, monkeypatch):
    """A writer that finds it between the look and the deletion loses nothing."""
    store.add("j1")
    name = store.put(b"orphan", at=OLD)
    real = upkeep.aside

    def putting(folder):
        store.blobs.put(b"orphan", ".png")
        return real(folder)

    monkeypatch.setattr(upkeep, "aside", putting)
    assert store.gc(delete=True) == {}
    assert store.blobs.get(name) == b"orphan"
    assert list(store.blobs.root.glob(".aside-*")) == []


def test_a_row_that_comes_after_the_look_counts(store, monkeypatch):
    """What the rows refer to is looked at again when nobody can add one any more."""
    store.add("j1")
    name = store.put(b"pixels", at=OLD)
    real = Ledger.held

    def adding(ledger):
        store.add("j2", results=(name,))
        return real(ledger)

    monkeypatch.setattr(Ledger, "held", adding)
    assert store.gc(delete=True) == {}
    assert store.blobs.get(name) == b"pixels"


def test_without_a_ledger_nothing_is_deleted(store):
    """A ledger that is gone says nothing about what is needed."""
    name = store.put(b"orphan", at=OLD)
    for delete in (False, True):
        with pytest.raises(StoreError, match="missing"):
            store.gc(delete=delete)
    assert store.blobs.get(name) == b"orphan"


def test_a_damaged_ledger_deletes_nothing(store):
    """Rows that cannot be read may refer to anything; so may those set aside."""
    store.ledger.path.parent.mkdir(parents=True)
    store.ledger.path.write_bytes(b"no database" * 100)
    name = store.put(b"orphan", at=OLD)
    with (
        pytest.warns(UserWarning, match="was damaged"),
        pytest.raises(StoreError, match=r"corrupt-.* may still tell"),
    ):
        store.gc(delete=True)
    assert store.blobs.get(name) == b"orphan"


def test_an_empty_place_has_nothing_to_sweep(store):
    """And nothing is made there."""
    assert store.gc(delete=True) == {}
    assert verify(store.blobs, store.ledger).checked == 0
    assert not store.home.exists()


DYING = """
import os, sys
from pathlib import Path
from kontext_nb.store.blobs import Blobs
Blobs(Path(sys.argv[1])).part().append(b"half")
os._exit(1)
"""


def test_what_a_dead_process_left_aside_goes_when_it_is_old(store):
    """A living one's is left alone, however long nothing came for it."""
    store.add("j1")
    subprocess.run([sys.executable, "-c", DYING, store.blobs.root], check=False)
    (dead,) = store.blobs.root.glob(".aside-*")
    first = store.blobs.root / "ab" / ".aside-k2j4h5"  # as the first version named it
    first.parent.mkdir()
    first.write_bytes(b"half")
    with store.blobs.part() as part:
        part.append(b"half")
        assert store.gc(delete=True) == {}
        for path in (dead, first, part.path):
            os.utime(path, (OLD, OLD))
        assert store.gc(delete=True) == {dead: 4, first: 4}
        assert part.path.exists()


def test_what_was_left_aside_of_a_models_record_goes_too(store, kontext_nb):
    """The command sweeps the folder where the catalogue's answers are kept."""
    store.add("j1")
    folder = store.home / "models"
    subprocess.run([sys.executable, "-c", DYING, folder], check=False)
    (dead,) = folder.glob(".aside-*")
    os.utime(dead, (OLD, OLD))
    done = kontext_nb("store", "gc", "--delete")
    assert done.stdout == f"{dead}\n1 file, 4 bytes, deleted.\n"
    assert not dead.exists()


def test_an_id_given_out_again_is_not_the_process_that_left_it(store):
    """This test's process id with another start is somebody who has ended."""
    store.add("j1")
    pid, start = owner.mine().split("|")[2:]
    path = store.records.root / "ab" / f".aside-{pid}-{int(start or 0) + 1}-xxxxxxxx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    os.utime(path, (OLD, OLD))
    assert store.gc(delete=True) == {path: 4}


WRITERS, PASSES, OLDER = 4, 200, 10


def test_four_writers_lose_nothing_to_repeated_gc(store):
    """Referenced blobs stay, also those found again as old orphans; so do young ones.

    Their rows are all that protects them: a writer makes them old when the row is in.
    Two hundred passes go over the store while all four are alive, and write.
    """
    store.add("j1")
    for i in range(OLDER):
        store.put(f"again {i}".encode(), at=OLD)
    turns, turn = os.pipe()

    def writing(who):
        os.close(turn)
        i = 0
        while os.read(turns, 1):
            name = store.put(f"{who} {i}".encode())
            again = store.put(f"again {i % OLDER}".encode())
            store.add(f"j-{who}-{i}", pictures={"0" * 64: name}, results=(again,))
            for kept in (name, again):
                os.utime(store.blobs.path(kept), (OLD, OLD))
            store.put(f"orphan {who} {i}".encode(), at=OLD)
            store.put(f"young {who} {i}".encode())
            i += 1
        return who, i

    writers = begun(writing, range(WRITERS))
    os.close(turns)
    swept = 0
    for number in range(PASSES):
        os.write(turn, b"." * (number % 2))
        swept += len(store.gc(delete=True))
    os.close(turn)
    rounds = [told(*writer) for writer in writers]
    assert swept > PASSES / 4  # of the orphans, while others were written
    store.gc(delete=True)
    left = {store.blobs.get(name).decode() for name in store.blobs.names()}
    everyone = [(who, i) for who, count in rounds for i in range(count)]
    assert len(everyone) == PASSES / 2
    assert left == {
        *(f"{who} {i}" for who, i in everyone),
        *(f"young {who} {i}" for who, i in everyone),
        *(f"again {i}" for i in range(OLDER)),
    }
    assert not verify(store.blobs, store.ledger).damages


@pytest.fixture
def kontext_nb(command, monkeypatch, capsys):
    """Return what runs the command in this process, as a shell would."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments):
        code = command(*arguments)
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


def test_the_command_names_the_folder(store, kontext_nb):
    """Also before there is one, and for scripts."""
    done = kontext_nb("store", "path")
    assert (done.returncode, done.stdout) == (0, f"{store.home}\n")
    done = kontext_nb("--output", "json", "store", "path")
    assert json.loads(done.stdout) == {"path": str(store.home)}
    assert not store.home.exists()


def test_the_command_names_each_damage(store, kontext_nb):
    """All is well with 0; else 75, and a line on stderr for each damaged picture."""
    names = sorted(store.put(bytes([i])) for i in range(3))
    store.add("j1", results=names)
    done = kontext_nb("store", "verify")
    assert (done.returncode, done.stdout) == (0, "3 pictures checked, none damaged.\n")
    store.blobs.path(names[0]).write_bytes(b"?")
    store.blobs.path(names[1]).unlink()
    done = kontext_nb("store", "verify")
    assert (done.returncode, done.stdout) == (75, "")
    lines = done.stderr.splitlines()
    assert lines[:2] == [f"damaged {names[0]} j1", f"missing {names[1]} j1"]
    assert lines[2].startswith("Of 3 pictures, 2 cannot be used")
    assert json.loads(lines[3])["error"] == "StoreError"


def test_the_command_deletes_only_when_told(store, kontext_nb):
    """It says what would go and how many bytes, and goes on to do it with --delete."""
    store.add("j1")
    path = store.blobs.path(store.put(b"orphan", at=OLD))
    done = kontext_nb("store", "gc")
    assert done.stdout == f"{path}\n1 file, 6 bytes, can go.\n"
    assert "--delete" in done.stderr
    assert path.exists()
    done = kontext_nb("--output", "json", "store", "gc", "--delete")
    assert json.loads(done.stdout) == {
        "deleted": True,
        "files": [str(path)],
        "bytes": 6,
    }
    assert not path.exists()
