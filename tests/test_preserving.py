"""What was not to change stays the user's pixels, step after step, and is paid once."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import kontext_nb as kx
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.session import keeping, upkeep
from kontext_nb.session.settings import current
from kontext_nb.sizes import nearest
from kontext_nb.store.ledger import Ledger
from tests import smaller
from tests.forking import forked, told

pytestmark = pytest.mark.usefixtures("small_results")

RECOLOUR = "Change the green bottle to dark blue"
STAR = "Add a red star"


@pytest.fixture(scope="module")
def picture():
    return kx.samples.bottle().resize((288, 384))


@pytest.fixture
def counted(monkeypatch):
    """Return a list of what the measuring was given."""
    calls = []

    def counting(work):
        def counted(*given, **how):
            calls.append(given)
            return work(*given, **how)

        return counted

    for name in ("drift", "preserve"):
        monkeypatch.setattr(keeping, name, counting(getattr(keeping, name)))
    return calls


def differing(one, other):
    """Return the share of the pixels that are not exactly the same."""
    off = np.asarray(one).astype(int) != np.asarray(other)
    return float(off.any(axis=2).mean())


def jobs():
    return Ledger(current().home / "ledger.sqlite3").jobs()


def test_a_preserved_edit_is_the_source_but_for_the_change(picture):
    """It has the source's size and pixels; the model's picture is there as well."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert edit.image.size == picture.size
    assert 0 < differing(edit.image, picture) < 0.3
    assert edit.raw.size == edit.images[0].size == nearest(*picture.size)
    assert edit.is_preserved
    assert edit.kept == ""
    assert edit.size == picture.size


def test_a_chain_runs_on_preserved_pictures(picture):
    """The next edit is of the preserved picture, and what neither changed is exact."""
    first = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    second = first.edit(STAR, seed=1, preserve=True)
    assert second.source.tobytes() == first.image.tobytes()
    assert second.image.size == picture.size
    together = differing(second.image, picture)
    assert together <= differing(first.image, picture) + differing(
        second.image, first.image
    )


def test_a_box_says_where_the_change_may_show(picture):
    """Outside it every byte is the source's, whatever the model did there."""
    box = (0, 0, picture.width, 120)
    edit = kx.edit(picture, "Make it night", seed=1, preserve=box)
    off = np.asarray(edit.image).astype(int) != np.asarray(picture)
    assert off[:120].any()
    assert not off[120:].any()


@pytest.mark.parametrize(
    "mask", [(5, 5, 5, 9), "nothing.png", np.zeros((384, 288), bool), (1, 2)]
)
def test_a_mask_that_is_none_is_refused_before_anything_is_sent(picture, mask):
    """No row and no file is left by it."""
    with pytest.raises((ParameterRejected, kx.KontextError)):
        kx.edit(picture, RECOLOUR, seed=1, preserve=mask)
    assert not current().home or not jobs()


def test_a_picture_that_is_not_here_cannot_be_preserved(shop):
    """Of an address nobody here has the pixels: it is told before it costs anything."""
    with pytest.raises(ParameterRejected, match="not here"):
        kx.edit("https://example.com/a.png", RECOLOUR, preserve=True)
    assert shop.booked() == []


def test_when_all_is_changed_the_chain_goes_on_with_the_models_picture(shop, picture):
    """The reason is told; nothing is paid again by asking again."""
    for reused in (False, True):
        edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
        after = edit.edit(STAR, seed=2, preserve=True)
        assert edit.reused is after.reused is reused
        assert not edit.is_preserved
        assert edit.image.tobytes() == edit.raw.tobytes()
        assert after.source.tobytes() == edit.raw.tobytes()
        assert edit.kept
        assert any(edit.kept in notice for notice in edit.notices)
    assert shop.bills() == {1: 1, 2: 1}


def test_changing_only_preserve_costs_nothing(shop, picture):
    """The raw result is in the store, whichever was asked for first."""
    box = (0, 0, 90, 90)
    made = [
        kx.edit(picture, RECOLOUR, seed=1, preserve=preserve)
        for preserve in (False, True, box, False, (0, 0, 90, 91), True)
    ]
    assert [edit.reused for edit in made] == [False, *[True] * 5]
    assert shop.bills() == {1: 1}
    assert made[2].image.size == picture.size
    assert made[3].image.tobytes() == made[0].raw.tobytes()


PROGRAM = (
    smaller.code(by=4)  # as in this process: `small_results`
    + """
import sys
import kontext_nb as kx
edit = kx.edit("bottle.png", %r, seed=1, preserve=True, chain="lesson")
for number in (1, 2):
    edit = edit.edit(%r, seed=number, preserve=True)
    edit = edit.edit("Make it darker", seed=number, preserve=(0, 0, 99, 99))
print(*(e.reused for e in edit.chain), *(e.step.result for e in edit.chain))
print(all(e.reused for e in (edit,)), edit.line_of_change)
"""
)


def test_a_chain_of_preserved_edits_is_made_once(picture, counted):
    """After a restart, and in another program, nothing is sent, made or measured."""
    picture.save("bottle.png")
    program = PROGRAM % (RECOLOUR, STAR)
    ran = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    made = jobs()
    assert len(made) == 5
    first, again = (out.splitlines() for out in ran)
    assert first[0] == again[0]
    assert "the rest is the source's" in again[1]
    exec(program, {})  # noqa: S102 - the same in this process
    assert jobs() == made
    assert counted == []


def test_an_edit_without_a_seed_is_not_made_anew_to_be_preserved(picture):
    """In its cell, or by its name, the same request is the same edit."""

    def named(preserve):
        return kx.edit(picture, STAR, chain="lesson", preserve=preserve).job

    ways = (False, True, (9, 9, 99, 99), False)
    made = {told(*forked(named, preserve)) for preserve in ways}
    assert len(made) == len(jobs()) == 1
    assert len(kx.chains()[0].chain) == 3


def test_adopting_keeps_what_a_chain_shows(picture):
    """Under its new name nothing is made or worked out again."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True, chain="old")
    edit.edit(STAR, seed=2, preserve=True)
    made = jobs()
    kx.adopt("old", "new")
    again = kx.edit(picture, RECOLOUR, seed=1, preserve=True, chain="new")
    after = again.edit(STAR, seed=2, preserve=True)
    assert [e.step.id for e in after.chain] == [again.step.id, after.step.id]
    assert after.is_preserved
    assert jobs() == made


def test_a_pair_is_measured_once(picture, counted):
    """When it is made; not by a view, a re-run or a question, nor in another kernel."""
    edit = kx.edit(picture, RECOLOUR, seed=1)
    assert len(counted) == 1
    seen = edit.drift
    again = kx.edit(picture, RECOLOUR, seed=1)
    again._repr_mimebundle_()
    assert str(again.drift) == str(seen) == again.line_of_change
    assert again.drift.boxes == seen.boxes
    assert again.drift.mask.tobytes() == seen.mask.tobytes()
    kept = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert len(counted) == 2  # setting it in measures on its way
    assert kept.drift.changed == seen.changed
    assert len(counted) == 2


def test_a_view_measures_nothing(picture, counted):
    """A chain from before there was a measure is shown at once, without it."""
    edit = kx.edit(picture, RECOLOUR, seed=1)
    counted.clear()
    ledger = Ledger(current().home / "ledger.sqlite3")
    ledger.path.unlink()  # it is rebuilt from the records, which know no measures
    again = edit.chain[0]
    again._repr_mimebundle_()
    edit.chain._repr_mimebundle_()
    assert again.line_of_change == ""
    assert counted == []
    assert again.drift.changed > 0
    assert again.line_of_change == edit.chain[0].line_of_change != ""
    assert len(counted) == 1


@pytest.mark.parametrize("error", [MemoryError("no room"), ValueError("odd\n"), None])
@pytest.mark.parametrize("how", [{}, {"preserve": True}])
def test_a_result_is_shown_whatever_measuring_does(picture, monkeypatch, error, how):
    """What was paid for is there, with the reason why it is not preserved."""

    def failing(*_, **__):
        if error:
            raise error
        return "not at all a drift"

    for name in ("drift", "preserve"):
        monkeypatch.setattr(keeping, name, failing)
    edit = kx.edit(picture, RECOLOUR, seed=1, **how)
    assert edit.image.size == nearest(*picture.size)
    edit._repr_mimebundle_()
    assert bool(edit.kept) is bool(how)
    assert edit.line_of_change == ""


def test_a_disk_that_takes_no_composite_costs_no_result(picture, monkeypatch):
    """It is shown as the model made it, and preserved once there is room."""

    def full(*_):
        raise StoreError("The disk is full.", "Free some space.")

    with monkeypatch.context() as then:
        then.setattr(keeping, "_put", full)
        edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
        assert edit.image.size == nearest(*picture.size)
        assert edit.kept == "The disk is full."
    again = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert again.is_preserved


def test_a_composite_that_is_lost_is_made_again(picture):
    """The same bytes, at no cost; a sweep of the store leaves it alone."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    upkeep.gc(delete=True)
    name = edit.step.result
    blob = edit.chain.desk.blobs.path(name)
    kept = blob.read_bytes()
    blob.write_bytes(b"damaged")
    (damage,) = upkeep.verify().damages
    assert (damage.blob, damage.derived) == (name, True)
    again = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert again.reused
    assert blob.read_bytes() == kept
    assert hashlib.sha256(kept).hexdigest() == name.partition(".")[0]


def test_a_rebuilt_ledger_shows_the_same_pictures(picture, counted):
    """The record names the composite, so a lost ledger costs nothing further."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    after = edit.edit(STAR, seed=2, preserve=(5, 5, 200, 200))
    made = jobs()
    counted.clear()
    (current().home / "ledger.sqlite3").unlink()
    shown = [e.step.result for e in after.chain]
    assert shown == [edit.step.result, after.step.result]
    assert after.chain[1].edit("Make it darker", seed=3).step.parent == after.step.id
    assert jobs()[1:] == made


def test_again_and_the_code_of_a_chain_preserve_as_well(picture):
    """Another seed is kept like the first; the program that repeats it says so."""
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((40, 40, 250, 350), fill=255)
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=mask)
    other = edit.again(seed=2)
    assert other.step.keeping == edit.step.keeping
    last = edit.edit(STAR, seed=3, preserve=True)
    code = last.chain.code()
    assert code.count("preserve='") == 2
    assert code.count("preserve=True") == 1
    asked = "print(*(e.reused for e in (step_1, step_2, step_3)), step_3.step.result)"
    ran = subprocess.run(
        [sys.executable, "-c", code + asked], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True"] * 3 + [last.step.result]


def test_an_edit_is_preserved_in_the_background_too(picture):
    """Awaited, or begun by a button: off the loop that serves all edits."""
    task = kx.edit(picture, RECOLOUR, seed=1, preserve=True, wait=False)
    assert task.result().is_preserved
    ended = []
    begun = task.result().chain.begin(
        STAR, seed=1, preserve=True, report=lambda _: None, ended=ended.append
    )
    assert begun.result().is_preserved
    assert ended[0].step == begun.result().step


def test_a_resumed_edit_is_what_was_asked_for(picture):
    """The wish is written down with the job, before it is sent."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert kx.resume(edit.job).image.tobytes() == edit.image.tobytes()


def test_a_store_of_before_can_be_preserved(tmp_path, monkeypatch):
    """What is in it already is not made again for that."""
    shutil.copytree(Path(__file__).parent / "stores" / "schema-3", tmp_path / "store")
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / "store"))
    source = Image.new("RGB", (32, 24), (90, 140, 60))
    edit = kx.edit(source, "Make it darker", seed=1, chain="lesson", preserve=True)
    assert edit.reused
    assert edit.kept or edit.is_preserved
