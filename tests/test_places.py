"""Where chains belong: listed with pictures, and found again when they were moved."""

import json
import re

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import ParameterRejected
from tests import kernels
from tests.kernels import EDIT, LESSON

pytestmark = pytest.mark.usefixtures("small_results")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A kernel that was told its notebook."""
    with kernels.lesson(tmp_path_factory.mktemp("places")) as one:
        one.run(LESSON)
        yield one


@pytest.fixture
def running(shared):
    """The same, with nothing in the store."""
    shared.run("import shutil; shutil.rmtree('.kontext', ignore_errors=True)")
    return shared


def test_a_moved_chain_is_adopted_for_nothing(running):
    """A merged cell has a new id: adopt, and its edits come from the store."""
    first = running.run(EDIT, "old").split()
    assert first[0] == "False"
    chain_id = running.run("print(kx.chains()[0].id)").strip()
    merged = f"kx.adopt({chain_id[:8]!r})\n{EDIT}"
    assert running.run(merged, "new").split() == ["True", first[1]]
    assert running.run(merged, "new").split() == ["True", first[1]]
    assert running.run("print(len(kx.chains()))") == "1\n"


def test_an_adopted_chain_survives_the_loss_of_the_ledger(running):
    """Its records moved with it."""
    first = running.run(EDIT, "old").split()[1]
    running.run("kx.adopt(kx.chains()[0].id)", "new")
    running.run("import os; os.remove('.kontext/ledger.sqlite3')")
    assert running.run(EDIT, "new").split() == ["True", first]


def test_a_name_is_the_same_chain_in_every_cell(running):
    """Also in a cell that was copied; a changed prompt appends."""
    named = EDIT.replace("darker'", "darker', chain='hero'")
    first = running.run(named, "a").split()[1]
    assert running.run(named, "b").split() == ["True", first]
    other = named.replace("darker", "sepia") + "; print(len(e.chain))"
    assert running.run(other, "c").split()[0::2] == ["False", "2"]
    assert 'hero"' in running.run("print(kx.chains())")


def test_cells_of_a_notebook_have_chains_of_their_own(running):
    """A duplicated cell pays for its own edit, and is listed apart."""
    running.run(EDIT, "a")
    assert running.run(EDIT, "b").split()[0] == "False"
    assert len(running.run("print(kx.chains())").splitlines()) == 2


def test_a_chain_whose_cell_is_gone_is_called_so(running):
    """By the notebook as it was saved; a cell that is there is no orphan."""
    folder = running.run("import os; print(os.getcwd())").strip()
    saved = {"cells": [{"id": "kept", "metadata": {}}]}
    with open(f"{folder}/lesson.ipynb", "w", encoding="utf-8") as file:  # noqa: PTH123 - a path in a kernel
        json.dump(saved, file)
    running.run(EDIT, "kept")
    running.run(EDIT, "gone")
    listed = running.run("print(kx.chains())").splitlines()
    orphans = [re.search(r"cell (\w+)", line)[1] for line in listed if "not in" in line]
    assert orphans == ["gone"]


def test_a_script_that_names_its_chain_pays_once():
    """Run again, it gets its edits back, seeds and all."""
    picture = Image.new("RGB", (32, 24), (90, 140, 60))

    def script():
        first = kx.edit(picture, "Make it darker", chain="hero")
        return first, first.edit("Make it sepia")

    made = script()
    from kontext_nb.session import cell

    cell._asked.clear()  # as in a new process
    again = script()
    assert [e.reused for e in again] == [True, True]
    assert [e.seed for e in again] == [e.seed for e in made]


@pytest.mark.parametrize("bad", ["", "  ", "x" * 81, 7])
def test_a_name_must_be_one(bad):
    """What cannot be listed is refused before anything is made."""
    with pytest.raises(ParameterRejected, match="no name of a chain"):
        kx.edit(Image.new("RGB", (8, 8)), "Make it darker", chain=bad)


@pytest.mark.usefixtures("small_results")
def test_what_is_listed_is_small_and_escaped():
    """Forty chains fit a notebook, with their pictures; names are text."""
    for number in range(41):
        picture = Image.effect_noise((64, 48), 90 + number).convert("RGB")
        kx.edit(picture, "Make it darker", seed=1, chain=f"<b>{number}</b>")
    listed = kx.chains()
    assert len(listed) == 41
    data = listed._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert sum(len(part) for part in data.values()) < 500_000
    assert "<b>0" not in data["text/html"]
    assert "<script" not in data["text/html"]
    assert "and 1 older" in data["text/html"]
    widths = {int(wide) for wide in re.findall(r'width="(\d+)"', data["text/html"])}
    assert max(widths) <= 112  # a list, not a gallery
    assert listed[0].chain[0].prompt == "Make it darker"


def test_a_chain_is_listed_with_its_newest_visible_edit():
    """Its name stands there, a star if it has one; what is deleted does not."""
    picture = Image.new("RGB", (32, 24), (90, 140, 60))
    first = kx.edit(picture, "Make it darker", seed=1, chain="hero")
    second = first.edit("Make it sepia", seed=2)
    second.mark(starred=True, name="the one")
    assert "★ the one" in kx.chains()[0].label
    first.chain.delete(second)
    assert "Make it darker" in kx.chains()[0].label
    assert "1 edit, finished" in kx.chains()[0].words


def test_why_a_picture_is_missing_stands_with_the_words():
    """Its cell is too narrow for that."""
    made = kx.edit(Image.new("RGB", (32, 24), (90, 140, 60)), "Make it darker")
    made.desk.blobs.path(made.step.result).unlink()
    (entry,) = kx.chains()
    words, (source, newest) = entry.row()
    assert "Run its edit again" in words
    assert (source.picture is None, newest.picture is None) == (False, True)
    assert (newest.state, newest.detail) == ("missing", "")


def test_an_unknown_chain_is_refused_with_those_there_are():
    """And so is an id that several share."""
    kx.edit(Image.new("RGB", (32, 24), (90, 140, 60)), "Make it darker", chain="hero")
    with pytest.raises(ParameterRejected, match="No chain is 'zero'") as caught:
        kx.adopt("zero", "hero")
    assert '"hero"' in caught.value.remedy
    with pytest.raises(ParameterRejected, match="no cell here"):
        kx.adopt("hero")
    assert kx.adopt("hero", "villain")[0].prompt == "Make it darker"
    assert kx.chains()[0].place == '"villain"'


def test_no_chains_are_said_in_words():
    """An empty store shows a line."""
    assert repr(kx.chains()) == "No chains yet."
