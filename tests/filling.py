"""Edits on a disk that fills up, made as users make them; run as a script.

See `tests.crashing` for how. Each is asked for three times: on the full disk; in the
same process once there is room again; and in another one.
"""

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # as a script it finds its own folder

import kontext_nb as kx
from kontext_nb.errors import KontextError
from tests import crashing
from tests.forking import ended, forked

HARD = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
PAGE_BYTES = 4096
PLENTY = 2**15  # of pages; it takes no memory before it is used
DEADLINE_S = 30.0


@contextlib.contextmanager
def no_file_beyond(size, _home):
    """Let no file grow beyond a size, in the middle of a write too."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, HARD))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (HARD, HARD))


@contextlib.contextmanager
def no_room(after, home):
    """Let the disk have so many pages left, from some commit on; it is there for this.

    What follows needs less room than what was before, but others fill a disk, too.
    """
    commit, pages = after
    disk = home.parent

    @contextlib.contextmanager
    def shrinking(_db):
        yield
        _resize(disk, os.statvfs(disk).f_blocks - os.statvfs(disk).f_bfree + pages)

    try:
        with _one_commit(commit, shrinking):
            yield
    finally:
        _resize(disk, PLENTY)


def _resize(disk, pages):
    # To tmpfs, no size at all means as much as there is.
    size = f"remount,size={max(1, pages) * PAGE_BYTES}"
    subprocess.run(["mount", "-o", size, disk], check=True)


class Counted(sqlite3.Connection):
    """A connection to one of whose commits something happens."""

    commits, at, what = 0, None, None

    def execute(self, sql, *values):
        if sql != "COMMIT":
            return super().execute(sql, *values)
        Counted.commits += 1
        with contextlib.ExitStack() as stack:
            if Counted.commits == Counted.at:
                stack.enter_context(Counted.what(self))
            return super().execute(sql)


@contextlib.contextmanager
def _one_commit(number, what):
    real = sqlite3.connect
    sqlite3.connect = lambda *a, **how: real(*a, **how, factory=Counted)
    Counted.commits, Counted.at, Counted.what = 0, number, staticmethod(what)
    try:
        yield
    finally:
        sqlite3.connect = real


def no_commit(number, _home):
    """Have the system refuse what one commit writes."""
    return _one_commit(number, lambda _: no_file_beyond(600, None))


def no_page_for(number, _home):
    """Have sqlite find the disk full at one commit."""

    @contextlib.contextmanager
    def grown(db):
        db.execute("PRAGMA max_page_count = 1")  # as many as there are, that is
        db.execute("CREATE TABLE ballast (one)")
        yield

    return _one_commit(number, grown)


LIMITS = {of.__name__: of for of in (no_file_beyond, no_room, no_commit, no_page_for)}


def fill(folder, books, trials, *, disk=False):
    """Make edits on a full disk; tell of each what was said, and what is wrong.

    Args:
        folder: For their stores.
        books: Folder of the service.
        trials: For each edit the name of a limit, its number, and what the service is
            to do meanwhile.
        disk: Mount a disk there, which ends with this process.
    """
    folder, shop = Path(folder), crashing.shop_of(books)
    folder.mkdir()
    if disk:
        subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
        _resize(folder, PLENTY)
    kx.configure(deadline_s=DEADLINE_S)

    def first(seed, limit, number, script):
        home = folder / str(seed)
        home.mkdir()
        kx.configure(home=home)
        shop.script(**script)
        with LIMITS[limit](number, home):
            said = _asked(seed)
        shop.script()
        crashing.tell(seed=seed, first=said, again=crashing.edit(seed))

    def later():
        for seed in range(len(trials)):
            home = folder / str(seed)
            with kx.configure(home=home):
                said = crashing.edit(seed)
            bills = shop.bills()
            found = list(crashing.faults(home, bills, [seed]))
            crashing.tell(seed=seed, later=said, faults=found, bills=bills[seed])

    for seed, trial in enumerate(trials):
        assert not ended(*forked(first, seed, *trial))
    assert not ended(*forked(later))


def _asked(seed):
    """Ask for an edit; return its error, and whether that says it may be charged."""
    try:
        kx.edit(crashing.SOURCE, crashing.PROMPT, seed=seed)
    except KontextError as error:
        return type(error).__name__, str(error), error.may_have_been_charged
    return None


if __name__ == "__main__":
    crashing.play({"fill": fill})
