"""The notebooks run top to bottom on a fresh kernel, and read without one."""

import html
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests import smaller

ROOT = Path(__file__).parent.parent
# The numbered ones are ours; others beside them are whoever tries things out here.
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
LIVE = "application/vnd.jupyter.widget-view+json"
VIEW_LIMIT = 150_000
NOTEBOOK_LIMIT = 500_000
# Half the model's size is still more than what is stored of a result shows.
HALF = smaller.code(by=2)
RUNS = [
    *(pytest.param((path, HALF), id=path.stem) for path in NOTEBOOKS),
    *(
        pytest.param((path, ""), id=f"{path.stem}, as large", marks=pytest.mark.nightly)
        for path in NOTEBOOKS
    ),
]


@pytest.fixture(scope="module", params=RUNS)
def executed(request, tmp_path_factory):
    """A notebook, run on a fresh kernel in a folder of its own, and saved."""
    stored, first = request.param
    folder = tmp_path_factory.mktemp("notebooks")
    path = Path(shutil.copy(stored, folder))
    notebook = nbformat.read(path, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KONTEXT_NB_HOME", raising=False)
        client = NotebookClient(
            notebook,
            timeout=120,
            store_widget_state=False,
            extra_arguments=[f"--IPKernelApp.exec_lines={first}"],
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    nbformat.write(notebook, path)
    return path, notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs_with(mime, notebook):
    found = (output for cell in code_cells(notebook) for output in cell.outputs)
    return [output for output in found if mime in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_without_outputs(path):
    """What is committed holds no outputs, no counts and no run's metadata."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert cell.metadata == {}


def test_a_notebook_runs_in_order(executed):
    """Every cell ran, 1 to n, and none failed."""
    _, notebook = executed
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_a_result_adds_little_to_the_notebook(executed):
    """No view adds more than 150 KB, and the whole stays small enough for a mail."""
    path, notebook = executed
    for cell in code_cells(notebook):
        for output in cell.outputs:
            # A chart of matplotlib's is a PNG, whose size is not ours to choose.
            own = "image/png" not in output.get("data", {})
            assert not own or len(json.dumps(output)) <= VIEW_LIMIT, cell.source
    assert path.stat().st_size <= NOTEBOOK_LIMIT


def test_every_live_view_has_a_still_figure(executed):
    """What needs a kernel follows a figure of its own, which needs nothing."""
    _, notebook = executed
    live = 0
    for cell in code_cells(notebook):
        for before, output in pairwise([{}, *cell.outputs]):
            view = output.get("data", {}).get(LIVE)
            if view:
                live += 1
                figure = before["data"]
                assert f'data-kx="{view["model_id"]}"' in figure["text/html"]
                assert "image/jpeg" in figure
    assert live


def test_a_notebook_reads_as_a_page(executed):
    """Nbconvert shows each picture once, with its words, and needs nothing for it."""
    _, notebook = executed
    page, _ = HTMLExporter().from_notebook_node(notebook)
    pictures = re.findall(r"<img[^>]+>", page)
    assert len(pictures) >= 8
    assert all(re.search('alt="[^"]+"', p) and 'src="data:' in p for p in pictures)
    kept = [o["data"]["text/html"] for o in outputs_with("text/html", notebook)]
    assert len(pictures) == len(outputs_with("image/png", notebook)) + "".join(
        map("".join, kept)
    ).count("<img ")
    read = html.unescape(page)
    assert read.count("demo engine") >= 6
    assert "Replace 'ALPHA' with 'AURA' on the label" in read
