"""Which cell asks: what names it, in which order, and that a re-run costs nothing."""

import nbclient
import nbformat
import pytest

from kontext_nb.store.ledger import Ledger
from tests import kernels
from tests.kernels import EDIT, LESSON

BEGIN = LESSON + "from kontext_nb.session import cell as cells\n"
NEXT = "f = e.edit('Make it sepia'); print(f.reused, f.seed)"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A kernel that was told its notebook."""
    with kernels.lesson(tmp_path_factory.mktemp("cells")) as one:
        yield one


@pytest.fixture
def running(shared):
    """The same, with nothing in the store and told nothing by VS Code."""
    shared.run(BEGIN)
    shared.run("import shutil; shutil.rmtree('.kontext', ignore_errors=True)")
    shared.run("globals().pop('__vsc_ipynb_file__', None)")
    return shared


def jobs(folder):
    """How many jobs were ever made in a notebook's folder."""
    return len(Ledger(folder / ".kontext" / "ledger.sqlite3").jobs())


@pytest.mark.parametrize(
    ("name", "cell_id", "metadata", "key"),
    [
        ("hero", "id", {"kontext": {"chain": "meta"}}, "#name:hero"),
        (None, "id", {"kontext": {"chain": "meta"}}, "#name:meta"),
        (None, "id", {"colab": {"cell_id": "colab"}}, "#colab"),
        (None, "id", {"kontext": None, "colab": "odd"}, "#id"),
        (None, "id", {}, "#id"),
        (None, "vscode-notebook-cell:/lesson.ipynb#W0sZmlsZQ", {}, "text-"),
        (None, None, {}, "text-"),
    ],
)
def test_the_first_name_that_is_there_counts(running, name, cell_id, metadata, key):
    """An argument, the cell's metadata, Colab's id, the front end's, else the code."""
    told = running.run(f"print(cells.here({name!r}).key)", cell_id, **metadata).strip()
    notebook = str(running.folder / "lesson.ipynb")
    assert told.startswith(notebook + key if key[0] == "#" else key)


def test_vs_code_counts_its_cells_anew_and_costs_nothing(running):
    """Its handles are of one session; the code of the cell is not."""
    running.run(f"__vsc_ipynb_file__ = {str(running.folder / 'vs.ipynb')!r}", None)
    first = running.run(EDIT, "vscode-notebook-cell:/vs.ipynb#W1").split()
    again = running.run(EDIT, "vscode-notebook-cell:/vs.ipynb#W7").split()
    assert (first[0], again) == ("False", ["True", first[1]])


def test_a_notebook_lies_where_the_front_end_says(running):
    """Its store and what is saved are in that folder, if there is such a folder."""
    there = running.folder / "lessons"
    there.mkdir()
    running.run("from kontext_nb.session.settings import home_folder")
    running.run("from kontext_nb.widgets.exports import Export, file_name")
    running.run("export = Export('Picture', 'edit', ('.png',), None)")
    for told, lies in (
        (there / "vs.ipynb", there),
        ("lessons/vs.ipynb", running.folder),
        (running.folder / "gone" / "vs.ipynb", running.folder),
    ):
        running.run(f"__vsc_ipynb_file__ = {str(told)!r}", None)
        store = running.run("print(home_folder().resolve())").strip()
        saved = running.run("print(file_name('', export, '.png').resolve())").strip()
        assert (store, saved) == (f"{lies}/.kontext", f"{lies}/edit.png")


def test_restart_and_run_all_costs_nothing(running, monkeypatch):
    """All cells queued at once in a new kernel find what they had."""
    monkeypatch.delenv("KONTEXT_NB_HOME")
    monkeypatch.setenv("JPY_SESSION_NAME", str(running.folder / "lesson.ipynb"))
    cells = [(BEGIN, "begin"), (EDIT, "a"), (NEXT, "b"), (EDIT, "c")]
    first = [running.run(*cell) for cell in cells]
    running.restart()
    sent = [running.send(*cell) for cell in cells]
    again = [kernels.printed(running.outputs(request)) for request in sent]
    assert again == [text.replace("False", "True") for text in first]
    assert jobs(running.folder) == 3


def test_a_changed_prompt_is_appended_and_the_newest(running):
    """The older step stays, and is there when the prompt is changed back."""
    first = running.run(EDIT, "a").split()[1]
    other = EDIT.replace("darker", "brighter")
    running.run(other, "a")
    newest = "print(len(e.chain), kx.chains()[0].chain[-1].prompt)"
    assert running.run(newest) == "2 Make it brighter\n"
    assert running.run(EDIT, "a").split() == ["True", first]
    assert jobs(running.folder) == 2


def executed(folder, *sources):
    """Run a notebook as a headless runner does; return what its last cell printed."""
    cells = [nbformat.v4.new_code_cell(source) for source in (BEGIN, *sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, resources={"metadata": {"path": str(folder)}}
    ).execute()
    told = (one.get("text", "") for one in notebook.cells[-1].outputs)
    return "".join(told).split()


def test_a_headless_runner_pays_once(tmp_path, monkeypatch):
    """Nbclient gives no ids: the code of each cell finds its edits."""
    monkeypatch.delenv("KONTEXT_NB_HOME")
    first = executed(tmp_path, EDIT, NEXT)
    assert jobs(tmp_path) == 2
    assert executed(tmp_path, EDIT, NEXT) == ["True", first[1]]
    assert jobs(tmp_path) == 2


def test_a_headless_runner_finds_a_named_chain(running, monkeypatch):
    """It knows no notebook either: what was made in one under that name will do."""
    named = EDIT.replace("darker'", "darker', chain='hero'")
    first = running.run(named, "a").split()[1]
    monkeypatch.delenv("KONTEXT_NB_HOME")
    assert executed(running.folder, named + " # run headless") == ["True", first]


def test_all_of_a_named_chain_is_found_in_every_cell(running):
    """Also the edits of its edits: a copied pair of cells costs nothing."""
    named = EDIT.replace("darker'", "darker', chain='hero'")
    running.run(named, "a")
    further = running.run(NEXT, "b").split()[1]
    running.run(named, "a-copied")
    assert running.run(NEXT, "b-copied").split() == ["True", further]
    assert jobs(running.folder) == 2


def test_a_sweep_can_have_a_name(running):
    """It belongs to the named chain, in whatever cell it is run."""
    sweep = "kx.sweep(picture, ['Make it darker', 'Make it sepia'], chain='hero')"
    running.run(sweep, "a")
    running.run(sweep, "b")
    assert jobs(running.folder) == 2
    assert '"hero"' in running.run("print(kx.chains())")


def test_adopting_leaves_other_cells_their_edits(running):
    """A chain is made in several cells; only those of the moved one are renamed."""
    running.run(EDIT, "a")
    further = running.run(NEXT, "b").split()[1]
    old = running.run("print(kx.chains()[0].id)").strip()
    assert running.run(f"kx.adopt({old!r}); {EDIT}", "a-merged").split()[0] == "True"
    assert running.run(NEXT, "b").split() == ["True", further]
    assert jobs(running.folder) == 2


def test_two_cells_that_are_merged_keep_both_their_edits(running):
    """Each had asked the same: the merged cell asks twice, and again on a re-run."""
    seeds = {running.run(EDIT, one).split()[1] for one in ("a", "b")}
    ids = running.run("print(*(one.id for one in kx.chains()))").split()
    merged = "\n".join(
        [
            *(f"kx.adopt({one!r})" for one in ids),
            "print(*(kx.edit(picture, 'Make it darker').seed for _ in range(2)))",
        ]
    )
    assert set(running.run(merged, "merged").split()) == seeds
    assert set(running.run(merged, "merged").split()) == seeds
    assert jobs(running.folder) == 2


def test_a_renamed_notebook_lists_and_adopts_its_chains(running):
    """Its cells kept their ids; the other cells of an adopted chain are found too."""
    running.run(EDIT, "a")
    running.run(NEXT, "b")
    (running.folder / "renamed.ipynb").write_text('{"cells": []}')
    rename = "import os; os.environ['JPY_SESSION_NAME'] = os.getcwd() + '/{}.ipynb'"
    running.run(rename.format("renamed"))
    try:
        listed = running.run("print(kx.chains())").strip()
        assert "its notebook is gone" in listed
        adopt = f"kx.adopt({listed[:8]!r}); "
        assert running.run(adopt + EDIT, "a").split()[0] == "True"
        assert running.run(NEXT, "b").split()[0] == "True"
        assert "gone" not in running.run("print(kx.chains())")
    finally:
        running.run(rename.format("lesson"))


def test_what_a_script_made_can_be_adopted(running):
    """It belonged to no cell: the cell that adopts it gets it for nothing."""
    running.run(
        "def outside():\n"
        "    from unittest import mock\n"
        "    home = kx.configure(home='.kontext')\n"
        "    with home, mock.patch.object(cells, 'kernel', lambda: None):\n"
        "        kx.edit(picture, 'Make it darker')\n"
        "outside()"
    )
    old = running.run("print(kx.chains(all=True)[0].id)").strip()
    assert running.run(f"kx.adopt({old!r}); {EDIT}", "a").split()[0] == "True"


@pytest.mark.parametrize("name", ["a#b", "#", "x#name:y", "夜 · الليل", "<b>"])
def test_a_name_may_have_any_letters(running, name):
    """It is listed as it was given, and adopted by it."""
    running.run(f"kx.edit(picture, 'Make it darker', chain={name!r})")
    listed = "print([one.place for one in kx.chains()])"
    assert running.run(listed).strip() == repr([f'"{name}"'])
    running.run(f"kx.adopt({name!r}, 'plain')")
    assert running.run(listed).strip() == repr(['"plain"'])
