"""A power cut at any moment leaves no row that promises what the disk does not have.

What was not flushed vanishes in a power cut: the bytes of files and, on their own, the
names in folders. So each flush is recorded with what it makes last, and at each moment
the disk is looked at as it would be found again.
"""

import hashlib
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kontext_nb.chain import Step
from kontext_nb.lifecycle import Event
from kontext_nb.model import Job, Limits
from kontext_nb.store import unfiled
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests.asking import asked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

EDITS = 3


class Disk:
    """What of a folder outlives a power cut, now and at each moment so far.

    Args:
        base: The folder; it is there already.
        forgets: The kinds of flush that are left out, see `kind`: planted bugs.
    """

    def __init__(self, base, forgets, monkeypatch):
        self.base, self.forgets = base, forgets
        self.bytes, self.names = {}, {}  # by inode
        self.found, self.moments = [], 0
        self._fsync, self._replace = os.fsync, Path.replace
        self._settle(base)
        monkeypatch.setattr(os, "fsync", self.fsync)

        def replace(path, target):
            self._replace(path, target)
            self.moment()

        monkeypatch.setattr(Path, "replace", replace)

    def fsync(self, handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        self._fsync(handle)
        if self.kind(path) not in self.forgets:
            self._settle(path)
        self.moment()

    def kind(self, path):
        """Name what a path is: "store/blobs/??" for a folder of blobs, and so on."""
        parts = path.relative_to(self.base).parts
        if not path.is_dir():
            return f"a file of {parts[1]}"
        return "/".join((*parts[:2], *("??" for _ in parts[2:])))

    def _settle(self, path):
        if path.is_dir():
            names = {one.name: one.stat().st_ino for one in path.iterdir()}
            self.names[path.stat().st_ino] = names
        else:
            self.bytes[path.stat().st_ino] = path.read_bytes()

    def lasting(self, path):
        """Return a file's bytes as they are found after a power cut now, or None."""
        inode = self.base.stat().st_ino
        for part in path.relative_to(self.base).parts:
            inode = self.names.get(inode, {}).get(part)
        return None if inode is None else self.bytes.get(inode, b"")

    def moment(self):
        """Note what a power cut in this moment would break."""
        self.moments += 1
        self.found += [*self.broken_rows(), *self.broken_names()]

    def broken_rows(self):
        blobs, ledger = store(self.base)
        for row in committed(ledger.path):
            promised = json.loads(row["results"]) if row["state"] == "done" else []
            if not all(names(n, self.lasting(blobs.path(n))) for n in promised):
                yield f"{row['id']} is done without its picture"
            record = self.lasting(ledger.records._path(row["id"]))
            if row["sends"] and b"sha256" not in (record or b""):
                yield f"{row['id']} was sent without a record"

    def broken_names(self):
        """Go through the names that may last while the bytes are lost."""
        for path in (self.base / "store").glob("*/??/[!.]*"):
            kept = self.bytes.get(path.stat().st_ino, b"")
            whole = names(path.parent.name + path.name, kept) or b"sha256" in kept
            if not whole:
                yield f"{path.name} has not the bytes it promises"


def names(name, data):
    return data is not None and hashlib.sha256(data).hexdigest() == name[:64]


def store(base):
    return Blobs(base / "store" / "blobs"), Ledger(base / "store" / "ledger.sqlite3")


def committed(path):
    """Return the rows that are committed: sqlite flushes them, and their folder."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name='jobs'").fetchall():
            return []
        return db.execute("SELECT * FROM jobs").fetchall()


def edits(base, disk):
    """Make a few edits in a new store."""
    blobs, ledger = store(base)
    for number in range(EDITS):
        request = asked(prompt=f"Make it {number}")
        job = Job(
            id=f"job{number}", request=request, ask=request.fingerprint, created_at=1.0
        )
        of = {"chain": "c", "parent": None, "call": None, "created_at": 1.0}
        job = ledger.add(Step(id=f"step{number}", job=job, **of)).job
        job = ledger.claim(job, 1.0, owner="me", limits=Limits())
        disk.moment()
        job = ledger.record(job, Event.ACCEPT, 2.0, request_id="r")
        disk.moment()
        name = blobs.put(f"picture {number}".encode(), ".png")
        disk.moment()
        ledger.record(job, Event.FINISH, 3.0, results=(name,))
        disk.moment()


def test_no_moment_is_a_bad_one_for_a_power_cut(tmp_path, monkeypatch):
    """What a committed row promises is flushed before: bytes, names and folders."""
    disk = Disk(tmp_path, (), monkeypatch)
    edits(tmp_path, disk)
    assert disk.moments > EDITS * 10
    assert disk.found == []
    assert len(committed(store(tmp_path)[1].path)) == EDITS


@pytest.mark.parametrize(
    "forgets",
    [
        "a file of blobs",
        "a file of records",
        "store/blobs/??",
        "store/records/??",
        "store/blobs",
        "store/records",
        "store",
        "",  # the folder that the store is in
    ],
)
def test_the_harness_sees_a_flush_that_is_forgotten(tmp_path, monkeypatch, forgets):
    """Without any one kind of flush, some moment is a bad one."""
    disk = Disk(tmp_path, (forgets,), monkeypatch)
    edits(tmp_path, disk)
    assert disk.found


def lasting_id(base, disk):
    """Keep an id that the ledger did not take; return what a power cut leaves of it."""
    kept = unfiled.put(base / "store", "job1", "r1")
    return json.loads(disk.lasting(kept) or "{}").get("request_id")


def test_an_id_beside_the_ledger_outlives_a_power_cut(tmp_path, monkeypatch):
    """Where it is said to be, it is: with its bytes, its name and its folder."""
    assert lasting_id(tmp_path, Disk(tmp_path, (), monkeypatch)) == "r1"


def test_an_id_of_an_earlier_try_outlives_a_power_cut(tmp_path, monkeypatch):
    """That one may have been stopped between the writing and the flush."""
    forgets = ("a file of unfiled", "store/unfiled", "store")
    disk = Disk(tmp_path, forgets, monkeypatch)
    assert lasting_id(tmp_path, disk) is None
    disk.forgets = ()
    assert lasting_id(tmp_path, disk) == "r1"


@pytest.mark.parametrize("forgets", ["a file of unfiled", "store/unfiled", "store", ""])
def test_the_harness_sees_that_an_id_is_not_flushed(tmp_path, monkeypatch, forgets):
    """Without any one kind of flush, it is lost."""
    assert lasting_id(tmp_path, Disk(tmp_path, (forgets,), monkeypatch)) is None
