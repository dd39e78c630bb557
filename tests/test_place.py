"""A store on a doubtful place: told, guarded twice, and read where it may not grow."""

import os
import sqlite3
import tempfile
import warnings
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.chain import Step
from kontext_nb.errors import KontextError, StoreError
from kontext_nb.lifecycle import Event
from kontext_nb.model import Job, Limits
from kontext_nb.session.desk import Desk
from kontext_nb.session.resolving import found
from kontext_nb.session.settings import Settings
from kontext_nb.store import patience, place
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from tests.asking import asked

MOUNTS = """\
rootfs / rootfs rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/home /home autofs rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/local xfs rw 0 0
//server/photos /mnt/My\\040Photos cifs rw 0 0
sshfs /mnt/back\\134slash fuse.sshfs rw 0 0
/dev/sdc1 /mnt/stick fuseblk rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/work", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/.kontext", "nfs4"),
        ("/homework", "ext4"),
        ("/home/local/me", "xfs"),
        ("/home/locality", "nfs4"),
        ("/mnt/My Photos/a", "cifs"),
        ("/mnt/My", "ext4"),
        ("/mnt/back\\slash", "fuse.sshfs"),
    ],
)
def test_the_deepest_and_last_mount_counts(path, kind):
    """Names end at a slash, blanks stand as octal numbers, the last covers the rest."""
    assert place.type_of(PurePosixPath(path), MOUNTS) == kind


@given(mounts=st.text())
def test_no_list_of_mounts_is_an_error(mounts):
    """Whatever the system says, an answer is given."""
    assert isinstance(place.type_of(PurePosixPath("/home"), mounts), str)


@pytest.fixture
def mounted(monkeypatch, tmp_path):
    """Let the test's own folder be a filesystem of some type."""

    def mount(kind):
        listed = tmp_path / "mounts"
        here = str(tmp_path.resolve()).replace(" ", "\\040")
        listed.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {here} {kind} rw 0 0\n")
        monkeypatch.setattr(place, "_MOUNTS", listed)

    monkeypatch.setattr(place, "_seen", set())
    return mount


NETWORK = ["nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph"]
NETWORK += ["glusterfs", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse"]
LOCAL = ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "vfat"]


@pytest.mark.parametrize("kind", NETWORK + LOCAL)
def test_network_filesystems_are_known(kind, mounted, tmp_path):
    """Those whose locks may not hold, also for a folder that is not there yet."""
    mounted(kind)
    assert place.is_network(tmp_path / "none" / "yet") is (kind in NETWORK)


def test_where_the_system_does_not_say_nothing_is_claimed(monkeypatch, tmp_path):
    """Without a list of mounts no filesystem is suspected."""
    monkeypatch.setattr(place, "_MOUNTS", tmp_path / "none")
    assert not place.is_network(tmp_path)


def test_the_user_is_warned_once(mounted, tmp_path):
    """Each folder once in a process, with what to do; a local one never."""
    mounted("nfs4")
    with pytest.warns(UserWarning, match="KONTEXT_NB_HOME"):
        place.warn_once(tmp_path / "a")
    with pytest.warns(UserWarning, match="KONTEXT_NB_HOME"):
        place.warn_once(tmp_path / "b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        place.warn_once(tmp_path / "a")
        mounted("ext4")
        place.warn_once(tmp_path / "c")


@pytest.mark.parametrize("job_id", ["", "..", "../x", "a/b", "/etc/x", "a\x00", "a.b"])
def test_a_jobs_file_cannot_lead_elsewhere(tmp_path, job_id):
    """A damaged row's id names no file."""
    with pytest.raises(StoreError, match="no job"):
        place.file_of(tmp_path, job_id)


def a_step(job_id="j1"):
    request = asked(seed=7)
    job = Job(id=job_id, request=request, ask=request.fingerprint, created_at=1.0)
    of = {"chain": "c", "parent": None, "call": None, "created_at": 1.0}
    return Step(id=f"s-{job_id}", job=job, **of)


def turned_to_wal(path):
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)


def test_a_ledger_that_arrives_in_wal_is_brought_back(tmp_path):
    """Another program may have changed it; its rows are all there."""
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.add(a_step())
    turned_to_wal(ledger.path)
    assert ledger.path.read_bytes()[18:20] == b"\x02\x02"
    assert ledger.job("j1") == a_step().job
    assert ledger.path.read_bytes()[18:20] == b"\x01\x01"
    assert [path.name for path in tmp_path.glob("ledger*")] == ["ledger.sqlite3"]


def test_a_ledger_that_is_held_in_wal_is_refused(tmp_path, monkeypatch):
    """While another program keeps it so, nothing is written, and nothing sent."""
    monkeypatch.setattr(patience, "LOCK_S", 0.0)
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.add(a_step())
    turned_to_wal(ledger.path)
    with closing(sqlite3.connect(ledger.path)) as db:
        db.execute("SELECT * FROM jobs").fetchall()
        with pytest.raises(StoreError, match=r"ledger\.sqlite3"):
            ledger.record(a_step().job, Event.SEND, 1.0)
    assert ledger.job("j1") == a_step().job


def test_a_ledger_without_a_file_is_refused():
    """What sqlite would keep in memory only is no ledger."""
    with pytest.raises(StoreError, match="journal stays memory"):
        Ledger(Path(":memory:")).add(a_step())


@contextmanager
def nobody():
    """Be a user who may write nothing there, also where the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o555, 0o444), (0o555, 0o644), (0o755, 0o444)]
)
def test_a_read_only_store_is_read_and_not_written(folder_mode, file_mode):
    """What is there can be had; a write is refused before anything could be paid."""
    with tempfile.TemporaryDirectory() as home:
        ledger, blobs = Ledger(Path(home) / "ledger.sqlite3"), Blobs(Path(home) / "b")
        ledger.add(a_step())
        name = blobs.put(b"pixels", ".png")
        for path in (*Path(home).rglob("*"), Path(home)):
            path.chmod(folder_mode if path.is_dir() else file_mode)
        blobs.path(name).chmod(0o444)
        with nobody():
            assert ledger.jobs() == (a_step().job,)
            assert ledger.chain("c") == (a_step(),)
            assert blobs.get(name) == b"pixels"
            for refused in (
                lambda: ledger.add(a_step("j2")),
                lambda: ledger.claim(a_step().job, 1.0, owner="me", limits=Limits()),
                lambda: ledger.record(a_step().job, Event.SEND, 1.0),
            ):
                with pytest.raises(StoreError, match=r"ledger\.sqlite3"):
                    refused()
        Path(home).chmod(0o755)
        (Path(home) / "b").chmod(0o755)
        assert ledger.jobs() == (a_step().job,)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_store_that_may_not_be_looked_into_is_told(tmp_path):
    """Whoever asks there for a job gets an error of ours, and no traceback."""
    home = tmp_path / "store"
    (home / "unfiled").mkdir(parents=True)
    home.chmod(0)
    with nobody(), pytest.raises(KontextError):
        found(Desk(Settings(home=home)), "some-job-of-old")
    home.chmod(0o755)
