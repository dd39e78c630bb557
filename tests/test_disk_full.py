"""A full disk costs time, and no money: nothing is paid twice, lost, or damaged.

The edits are made as users make them, in processes of their own: where files may grow
only so far, where one commit is refused, and on a small disk that is full indeed.
"""

import functools
import subprocess

import pytest

pytest.importorskip("resource")

from tests import crashing, filling

WHOLE = {"status": "in_progress completed"}  # so that the start is written down, too
# What an edit commits, in turn; the third time there is nothing to write.
TABLES, STEP, CLAIM, ANSWER, START, END, MEASURE = 1, 2, 4, 5, 6, 7, 8
REFUSED = ("no_commit", "no_page_for")
REASONS = ("large", "full", "I/O", "space", "room")
ON_A_DISK = ("unshare", "--map-root-user", "--mount")


@pytest.fixture
def filled(shop, tmp_path):
    """Return what makes edits on a full disk; see `filling.fill`."""

    def fill(trials, *, under=(), **how):
        how |= {"folder": tmp_path / "stores", "books": shop.folder, "trials": trials}
        told = crashing.start(filling.__file__, "fill", how, under=under)
        found = [{} for _ in trials]
        for one in crashing.told(told):
            found[one["seed"]] |= one
        return found

    return fill


def faults(found):
    """Go through what must not come of a full disk."""
    for one in found:
        yield from one["faults"]
        if one["first"]:
            kind, said, charged = one["first"]
            # What sqlite says when a rollback fails would hide why.
            if kind != "StoreError" or not any(why in said for why in REASONS):
                yield f"the reason is hidden: {one['first']}"
            if "edit was sent" in said and not charged:
                yield f"the bill is hidden: {one['first']}"
        if not {one["again"], one["later"]} <= {"made", "reused"}:
            yield f"once there is room again: {one['again']}, {one['later']}"


def check_sweep(filled, limits):
    found = filled([("no_file_beyond", size, WHOLE) for size in limits])
    assert list(faults(found)) == []
    # It is refused at first, and at the end there is room enough.
    assert found[0]["first"]
    assert not found[-1]["first"]


def test_files_that_cannot_grow_beyond_any_size(filled):
    """Once they can, each edit is done and was paid for once.

    The small steps are for what is smaller than a page of the ledger's.
    """
    check_sweep(filled, [*range(0, 2048, 128), *range(2048, 63_488, 4096)])


@pytest.mark.nightly
def test_files_that_cannot_grow_beyond_any_size_in_small_steps(filled):
    """The same at every 128 bytes."""
    check_sweep(filled, range(0, 61_440, 128))


def test_a_disk_that_is_full_at_any_commit(filled):
    """A commit that fails is as if it had not been begun, whichever it is.

    The system refuses its bytes, or sqlite finds no room for another page.
    """
    commits = range(1, MEASURE + 1)
    trials = [(limit, number, WHOLE) for limit in REFUSED for number in commits]
    found = filled(trials)
    assert list(faults(found)) == []
    failed = {
        trial[:2] for trial, one in zip(trials, found, strict=True) if one["first"]
    }
    # Without the numbers of a comparison an edit is done all the same.
    needed = (TABLES, STEP, CLAIM, ANSWER, START, END)
    assert failed >= {(limit, number) for limit in REFUSED for number in needed}
    assert not failed & {(limit, MEASURE) for limit in REFUSED}


@functools.cache
def can_mount():
    """Tell whether this system lets its users mount a disk of their own."""
    command = [*ON_A_DISK, "mount", "-t", "tmpfs", "none", "/mnt"]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def test_a_disk_that_others_fill_while_an_edit_is_made(filled):
    """A real one, with a few pages left: before it is sent, while it is, and after."""
    if not can_mount():
        pytest.skip("users may mount no disk here")
    after = [(n, pages) for n in (TABLES, STEP, CLAIM, ANSWER) for pages in range(6)]
    found = filled(
        [("no_room", one, WHOLE) for one in after], under=ON_A_DISK, disk=True
    )
    assert list(faults(found)) == []
    failed = {n for (n, _), one in zip(after, found, strict=True) if one["first"]}
    assert failed == {TABLES, STEP, CLAIM, ANSWER}


def test_a_sending_whose_end_cannot_be_written_is_not_done_again(filled):
    """Answer lost or edit refused: the disk is blamed, and then nobody knows.

    Not even the process that sent it, which is asked first; it does not wait for
    itself until its deadline.
    """
    scripts = [{"submit": how} for how in ("lose", "odd", "busy", "login", "refuse")]
    trials = [(limit, ANSWER, script) for limit in REFUSED for script in scripts]
    found = filled(trials)
    for one in found:
        kind, said, charged = one["first"]
        assert kind == "StoreError"
        assert any(why in said for why in REASONS)
        assert charged
        assert (one["again"], one["later"]) == ("OutcomeUnknown", "OutcomeUnknown")
        assert one["faults"] == []
    assert [one["bills"] for one in found] == [1, 1, 0, 0, 0] * len(REFUSED)


def test_the_harness_sees_an_edit_that_is_paid_twice(filled):
    """What was left while it was sent is sent again: that is found."""
    found = filled([("no_commit", ANSWER, {"submit": "lose"})], bug=True)
    assert "seed 0: paid 2 times with 0 consents" in list(faults(found))
