"""A full disk costs time, and no money: nothing is paid twice, lost, or damaged.

The edits are made in processes of their own, whose files may grow only so far; the
system refuses the rest as a full disk does, in the middle of a write too.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")

# Makes an edit as the engine does, for each limit in a fork; tells what became of it.
SWEEP = """
import json, os, resource, sqlite3, sys, time, warnings
from dataclasses import replace
from pathlib import Path
from kontext_nb.chain import Step
from kontext_nb.errors import KontextError, StoreError
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Job, Limits
from kontext_nb.store import owner, unfiled
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests.asking import asked

warnings.simplefilter("error")  # one says that a ledger was damaged
HARD = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
REQUEST = asked(seed=1)


def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, HARD))


class Full(sqlite3.Connection):
    commits, full_at = 0, None

    def execute(self, sql, *values):
        if sql != "COMMIT":
            return super().execute(sql, *values)
        Full.commits += 1
        if Full.commits == Full.full_at:
            limit(600)
        try:
            return super().execute(sql)
        finally:
            if Full.commits == Full.full_at:
                limit(HARD)


real = sqlite3.connect
sqlite3.connect = lambda *a, **how: real(*a, **how, factory=Full)


def edit(home, bill):
    blobs, ledger = Blobs(home / "blobs"), Ledger(home / "ledger.sqlite3")
    job = ledger.job("job1")
    if job is None:
        source = blobs.put(b"source" * 300, ".png")
        job = Job(id="job1", request=REQUEST, ask=REQUEST.fingerprint, created_at=1.0,
            pictures={"0" * 64: source})
        of = {"chain": "c", "parent": None, "call": None, "created_at": 1.0}
        job = ledger.add(Step(id="s", job=job, **of)).job
    unfiled.take(home, ledger, 1.0)
    job = ledger.job("job1")
    if job.state is State.SENDING and owner.is_dead(job.owner):
        ledger.record(job, Event.LOSE, 2.0)
        return
    if job.state is State.INTENT:
        job = ledger.claim(job, 1.0, owner=owner.mine(), limits=Limits())
        os.write(bill, b"$")
        try:
            job = ledger.record(job, Event.ACCEPT, 2.0, request_id="r")
        except StoreError:
            unfiled.put(home, job.id, "r")
            raise
    if job.state is State.SUBMITTED:
        name = blobs.put(b"result" * 500, ".png")
        ledger.record(job, Event.FINISH, 3.0, results=(name,))


def child(home, size, full_at, bill):
    said = ""
    try:
        Full.full_at = full_at
        limit(size)
        edit(home, bill)
    except StoreError as error:
        said = str(error)
    except BaseException as error:
        said = f"!{error!r}"
    os.write(bill, said.encode())
    os._exit(0)


def trial(home, size, full_at):
    home.mkdir()
    told = []
    for now in ((size, full_at), (HARD, None), (HARD, None)):
        read, write = os.pipe()
        if not os.fork():
            child(home, *now, write)
        os.close(write)
        told.append(os.fdopen(read).read())
        os.wait()
    ledger = Ledger(home / "ledger.sqlite3")
    (job,) = ledger.jobs()
    blobs = Blobs(home / "blobs")
    whole = [blobs.get(name) for name in (*job.results, *job.pictures.values())]
    bills = sum(text.count("$") for text in told)
    return {"home": home.name, "said": [t.lstrip("$") for t in told], "bills": bills,
        "state": job.state, "files": len(whole), "error": job.error}


print(json.dumps([trial(Path(sys.argv[1]) / f"{s}-{n}", s if s >= 0 else HARD, n)
    for s, n in json.loads(sys.argv[2])]))
"""


def trials(folder, limits, code=SWEEP):
    done = subprocess.run(
        [sys.executable, "-c", code, folder, json.dumps(limits)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def faults(found):
    """Go through what must not come of a full disk."""
    for one in found:
        first, *later = one["said"]
        if one["bills"] > 1:
            yield "paid twice", one
        if one["state"] == "done" and one["files"] != 2:
            yield "a result is missing", one
        if one["state"] not in ("done", "unknown"):
            yield "it never ends", one
        if any(later) or first.startswith("!"):
            yield "another error than that of the disk", one
        # What sqlite says when a rollback fails would hide why.
        if first and not any(w in first for w in ("large", "full", "I/O", "space")):
            yield "the reason is hidden", one


def check_sweep(folder, step):
    limits = [[size, None] for size in range(0, 61_440, step)]
    found = trials(folder, limits)
    assert list(faults(found)) == []
    # It is refused at first, and at the end there is room enough.
    assert found[0]["said"][0]
    assert not found[-1]["said"][0]


def test_a_disk_that_fills_up_anywhere(tmp_path):
    """Once there is room again, each edit is done or known to be unknown, paid once."""
    check_sweep(tmp_path, 1024)


@pytest.mark.nightly
def test_a_disk_that_fills_up_anywhere_in_small_steps(tmp_path):
    """The same at every 128 bytes."""
    check_sweep(tmp_path, 128)


def test_a_disk_that_is_full_at_any_commit(tmp_path):
    """A commit that fails is as if it had not been begun."""
    found = trials(tmp_path, [[-1, number] for number in range(1, 9)])
    assert list(faults(found)) == []
    assert sum(bool(one["said"][0]) for one in found) >= 4


def test_the_harness_sees_an_edit_that_is_paid_twice(tmp_path):
    """A bill that is made before the claim is committed is found."""
    hasty = "os.write(bill, b'$'); job = ledger.claim("
    code = SWEEP.replace("job = ledger.claim(", hasty)
    found = trials(tmp_path, [[-1, number] for number in range(1, 9)], code)
    assert "paid twice" in {fault for fault, _ in faults(found)}
