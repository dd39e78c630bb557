"""What a step shows, and what was measured, is kept; none of it is in the way."""

import math
import os
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kontext_nb.chain import Keeping, Kept, Step
from kontext_nb.lifecycle import State
from kontext_nb.model import Job
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.measures import Measure, Measures
from kontext_nb.store.records import Records
from kontext_nb.store.upkeep import DAY_S, Damage, gc, verify
from tests.asking import asked

STORES = Path(__file__).parent / "stores"
OLD = time.time() - 2 * DAY_S


@pytest.fixture
def home(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def blobs(home):
    return Blobs(home / "blobs")


@pytest.fixture
def ledger(home):
    return Ledger(home / "ledger.sqlite3")


@pytest.fixture
def records(home):
    return Records(home / "records")


def a_step(number=1, *, sends=1, keeping=None, **facts):
    request = asked(seed=7)
    job = Job(
        id="job-1",
        request=request,
        ask=request.fingerprint,
        created_at=1.0,
        state=State.DONE,
        sends=sends,
        **facts,
    )
    of = {"chain": "c", "parent": None, "call": None, "created_at": float(number)}
    return Step(id=f"s-{number}", job=job, keeping=keeping or Keeping(), **of)


def put(blobs, data):
    """Keep a blob that is old enough to be swept."""
    name = blobs.put(data, ".png")
    os.utime(blobs.path(name), (OLD, OLD))
    return name


def test_a_job_stands_once_for_each_picture_it_is_to_show(ledger):
    """The same asked for twice is one step, another picture of the job is a second."""
    plain = ledger.add(a_step(1))
    kept = ledger.add(a_step(2, keeping=Keeping(preserve=True)))
    again = ledger.add(a_step(3, keeping=Keeping(preserve=True)))
    assert (plain.id, kept.id, again.id) == ("s-1", "s-2", "s-2")
    assert len(ledger.chain("c")) == 2
    assert len(ledger.jobs()) == 1


def test_who_first_writes_what_a_step_shows_is_right(ledger):
    """Two kernels that work it out at once go on from the same picture."""
    step = ledger.add(a_step(keeping=Keeping(preserve=True)))
    first = ledger.keep(step, Kept(picture="one.png"))
    second = ledger.keep(step, Kept(picture="two.png"))
    assert first.result == second.result == "one.png"
    assert ledger.keep(second, Kept(picture="two.png")).result == "two.png"


def test_what_a_step_shows_outlives_the_ledger(ledger):
    """It stands in the job's record: what was edited next hangs on it."""
    keeping = Keeping(preserve=True, mask="m.png", source="s.png")
    kept = Kept(picture="p.png", cut="c.png", reason="")
    ledger.keep(ledger.add(a_step(keeping=keeping)), kept)
    ledger.path.unlink()
    (step,) = ledger.chain("c")
    assert (step.keeping, step.kept) == (keeping, kept)
    assert (step.source, step.raw, step.result) == ("s.png", "c.png", "p.png")


@pytest.mark.parametrize("damage", ["", "[", '{"picture": ', "[1]", "7"])
def test_a_damaged_row_shows_the_models_picture(ledger, damage):
    """No edit is lost by it; what it showed is worked out again."""
    step = ledger.add(a_step(results=("raw.png",), keeping=Keeping(preserve=True)))
    ledger.keep(step, Kept(picture="p.png"))
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE steps SET kept = ?", (damage,))
    assert ledger.chain("c")[0].result == "raw.png"


def test_a_measured_pair_is_there_for_everyone(ledger, blobs):
    """Numbers and map come back, infinity too, in whatever process asks."""
    mask = blobs.put(b"mask", ".png")
    numbers = {"psnr_db": math.inf, "boxes": [[1, 2, 3, 4]], "reason": "夜"}
    Measures(ledger, 1).put("a.png", "b.png", Measure(numbers, mask))
    told = Measures(Ledger(ledger.path), 1).get("a.png", "b.png")
    assert told == Measure(numbers, mask)
    assert Measures(ledger, 1).get("b.png", "a.png") is None
    assert Measures(ledger, 2).get("a.png", "b.png") is None


def test_asking_for_a_measure_makes_no_store(ledger, home):
    """Where there is nothing, nothing is made."""
    assert Measures(ledger, 1).get("a.png", "b.png") is None
    assert not home.exists()


def test_a_damaged_measure_is_none(ledger, blobs):
    """It is measured again, and the row is replaced."""
    measures = Measures(ledger, 1)
    measures.put("a.png", "b.png", Measure({"zoom": 1}, blobs.put(b"mask", ".png")))
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE measures SET numbers = '[1'")
    assert measures.get("a.png", "b.png") is None
    measures.put("a.png", "b.png", Measure({"zoom": 2}, "0" * 64 + ".png"))
    assert measures.get("a.png", "b.png").numbers == {"zoom": 2}


def test_what_a_step_needs_is_not_swept(ledger, blobs, records):
    """The picture it shows, the cut one, mask, original and map of the change."""
    names = [put(blobs, bytes([n])) for n in range(6)]
    picture, cut, mask, source, change, unused = names
    keeping = Keeping(preserve=True, mask=mask, source=source)
    ledger.keep(ledger.add(a_step(keeping=keeping)), Kept(picture=picture, cut=cut))
    Measures(ledger, 1).put(source, cut, Measure({}, change))
    swept = gc(blobs, ledger, records, now=time.time(), delete=True)
    assert [left.path for left in swept] == [blobs.path(unused)]
    ledger.path.unlink()  # its record knows as well, but of the measure
    swept = gc(blobs, ledger, records, now=time.time(), delete=True)
    assert [left.path for left in swept] == [blobs.path(change)]


def test_damage_to_what_a_step_shows_is_told(ledger, blobs):
    """With its job, and whether it can be made again for nothing."""
    picture, mask = (blobs.put(data, ".png") for data in (b"picture", b"mask"))
    step = ledger.add(a_step(keeping=Keeping(preserve=True, mask=mask)))
    ledger.keep(step, Kept(picture=picture))
    assert verify(blobs, ledger).damages == ()
    for name in (picture, mask):
        blobs.path(name).unlink()
    told = {damage.blob: damage for damage in verify(blobs, ledger).damages}
    assert told == {
        picture: Damage(picture, missing=True, jobs=("job-1",), derived=True),
        mask: Damage(mask, missing=True, jobs=("job-1",)),
    }


def test_what_was_edited_further_is_not_derived(ledger, blobs):
    """A composite that another job was sent cannot be had without it."""
    picture = blobs.put(b"picture", ".png")
    ledger.keep(ledger.add(a_step()), Kept(picture=picture))
    child = a_step(2, pictures={"0" * 64: picture})
    ledger.add(replace(child, job=replace(child.job, id="job-2")))
    blobs.path(picture).unlink()
    (damage,) = verify(blobs, ledger).damages
    assert not damage.derived
    assert set(damage.jobs) == {"job-1", "job-2"}


def test_a_store_of_the_third_schema_is_brought_up_to_date(tmp_path):
    """What was made before shows the model's picture, and can be measured."""
    shutil.copytree(STORES / "schema-3", tmp_path / "s")
    ledger = Ledger(tmp_path / "s" / "ledger.sqlite3")
    done = ledger.jobs(State.DONE)
    steps = [ledger.step_of_job(job.id) for job in done]
    assert [step.result for step in steps] == [job.result for job in done]
    assert {step.marks.name for step in steps} == {"", "the good one"}
    assert {(step.keeping, step.kept) for step in steps} == {(Keeping(), Kept())}
    Measures(ledger, 1).put("a.png", "b.png", Measure({}, done[0].result))
    kept = ledger.keep(steps[0], Kept(reason="It is everywhere."))
    ledger.path.unlink()  # the records of that schema knew nothing of it
    assert ledger.step_of_job(done[0].id).kept == kept.kept


def test_a_step_knows_where_its_line_begins(ledger):
    """However long it is; a step that is its own root, or that is none, too."""
    steps = [a_step(n) for n in range(5)]
    for n, step in enumerate(steps):
        job = replace(step.job, id=f"job-{n}")
        ledger.add(replace(step, job=job, parent=f"s-{n - 1}" if n else None))
    assert [ledger.root(f"s-{n}").id for n in range(5)] == ["s-0"] * 5
    assert ledger.root("s-9") is None
