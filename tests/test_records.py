"""A record is all that its row holds, or it is told to be damaged."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.chain import Keeping, Kept, Step
from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import Job, Request
from kontext_nb.store import rows
from kontext_nb.store.records import VERSION, Records
from tests.asking import asked


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "store" / "records")


def job(job_id="job-1", **facts):
    request = asked(seed=7)
    facts = {"ask": request.fingerprint, "created_at": 100.0} | facts
    return Job(id=job_id, request=request, **facts)


def files(records):
    return sorted(path for path in records.root.rglob("*") if path.is_file())


def read(records):
    """Return the ids of the jobs that are found, and the names that are skipped."""
    found = list(records.read_all(skipped := []))
    return [made.id for made, _ in found], [path.name for path in skipped]


TEXT = st.text(max_size=20)
SECONDS = st.floats(0, 1e11)
USD = st.none() | st.floats(0, 1e6)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
REQUESTS = st.builds(
    Request.of,
    st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none(), max_size=4),
    model=st.sampled_from(["a/b", "c/d/e"]),
    provider=st.sampled_from(["demo", "runcomfy"]),
)
JOBS = st.builds(
    Job,
    id=st.text("0123456789abcdef", min_size=32, max_size=32),
    request=REQUESTS,
    ask=TEXT,
    created_at=SECONDS,
    pictures=st.dictionaries(TEXT, TEXT, max_size=3),
    state=st.sampled_from(State),
    owner=st.none() | TEXT,
    claimed_at=st.none() | SECONDS,
    sends=st.integers(0, 5),
    consents=st.lists(SECONDS, max_size=2).map(tuple),
    request_id=st.none() | TEXT,
    results=NAMES,
    output=st.none() | TEXT,
    engine=st.none() | TEXT,
    estimate_usd=USD,
    cost_usd=USD,
    submitted_at=st.none() | SECONDS,
    finished_at=st.none() | SECONDS,
    notices=NAMES,
    error=st.none() | TEXT,
)


def steps_of(made):
    return st.lists(
        st.builds(
            Step,
            id=TEXT,
            chain=TEXT,
            parent=st.none() | TEXT,
            job=st.just(made),
            call=st.none() | TEXT,
            text_call=st.none() | TEXT,
            created_at=SECONDS,
            keeping=st.builds(Keeping, preserve=st.booleans(), mask=TEXT, source=TEXT),
            kept=st.builds(Kept, picture=TEXT, cut=TEXT, reason=TEXT),
        ),
        max_size=3,
    ).map(tuple)


@given(wrote=JOBS.flatmap(lambda made: st.tuples(st.just(made), steps_of(made))))
def test_what_is_written_can_be_read(wrote, tmp_path_factory):
    """Every field of a job and of its steps comes back, of the newest writing."""
    records = Records(tmp_path_factory.mktemp("law"))
    made, steps = wrote
    records.write(made, ())
    records.write(made, steps)
    assert list(records.read_all()) == [(made, steps)]


def test_an_older_record_can_be_read(records, monkeypatch):
    """A fact that jobs have only since then is None in it."""
    made = job(took_s=None)
    young = rows.columns(made)
    del young["took_s"]
    with monkeypatch.context() as then:
        then.setattr(rows, "columns", lambda _: young)
        records.write(made, ())
    assert list(records.read_all()) == [(made, ())]


def test_no_place_has_no_records(records):
    """Reading before the first record finds nothing and makes nothing."""
    assert list(records.read_all()) == []
    assert not records.root.exists()


def test_a_record_lies_under_its_jobs_id(records):
    """One file per job, for the user's eyes only."""
    records.write(job("abcd"), ())
    records.write(job("abcd", state=State.DONE), ())
    assert files(records) == [records.root / "ab" / "abcd.json"]
    if os.name == "posix":
        assert files(records)[0].stat().st_mode & 0o777 == 0o600


def test_every_damage_is_told(records):
    """A record with any byte changed or cut off is skipped, and the others are read."""
    records.write(job("whole"), ())
    records.write(job("other"), ())
    path = records.root / "ot" / "other.json"
    data = path.read_bytes()
    for place in range(len(data)):
        changed = bytes([data[place] ^ 0x01])
        for damage in (data[:place], data[:place] + changed + data[place + 1 :]):
            path.write_bytes(damage)
            assert read(records) == (["whole"], ["other.json"])


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{}", '{"sha256": 1}', "[" * 100_000]
)
def test_what_is_no_record_is_skipped(records, content):
    """A file of another shape is told, whatever it holds."""
    records.write(job("whole"), ())
    (records.root / "wh" / "alien.json").write_text(content)
    assert read(records) == (["whole"], ["alien.json"])


def test_a_newer_record_is_not_guessed_at(records):
    """What a newer version wrote is skipped and stays as it is."""
    records.write(job(), ())
    path = files(records)[0]
    newer = json.loads(path.read_text()) | {"version": VERSION + 1}
    path.write_text(json.dumps(newer))
    assert read(records) == ([], [path.name])
    assert json.loads(path.read_text()) == newer


def test_a_writing_that_fails_leaves_the_older_record(records, monkeypatch):
    """A full disk is a typed error with its reason, and no half file stays."""
    records.write(job(error="older"), ())

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        records.write(job(error="newer"), ())
    assert [made.error for made, _ in records.read_all()] == ["older"]
    assert len(files(records)) == 1


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "../../x", "a\x00", "x" * 300])
def test_an_id_cannot_lead_elsewhere(records, job_id):
    """A damaged row's id is refused before a file is made."""
    with pytest.raises(StoreError, match="no job"):
        records.write(job(job_id), ())
    assert not records.root.exists()
