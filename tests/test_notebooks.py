"""The notebooks run top to bottom on a fresh kernel, and read without one."""

import html
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent
# The numbered ones are ours; others beside them are whoever tries things out here.
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
PAIR_LIMIT = 150 * 1024


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda p: p.stem)
def executed(request, tmp_path_factory):
    """A notebook, run on a fresh kernel in a folder of its own, and saved."""
    folder = tmp_path_factory.mktemp("notebooks")
    path = Path(shutil.copy(request.param, folder))
    notebook = nbformat.read(path, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KONTEXT_NB_HOME", raising=False)
        client = NotebookClient(
            notebook,
            timeout=120,
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    nbformat.write(notebook, path)
    return path, notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


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
    """No output of a cell is larger than 150 KB, and all can do without a kernel."""
    path, notebook = executed
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            assert len(str(data)) <= PAIR_LIMIT or "image/png" in data, cell.source
            if "application/vnd.jupyter.widget-view+json" in data:
                assert "image/jpeg" in data
    assert path.stat().st_size < 1_000_000


def test_a_notebook_reads_as_a_page(executed):
    """Nbconvert shows every edit with its two pictures, its prompt and its maker."""
    _, notebook = executed
    page, _ = HTMLExporter().from_notebook_node(notebook)
    pictures = re.findall(r"<img[^>]+>", page)
    assert len(pictures) >= 8
    assert all(re.search('alt="[^"]+"', p) and 'src="data:' in p for p in pictures)
    read = html.unescape(page)
    assert read.count("demo engine") >= 6
    assert "Replace 'ALPHA' with 'AURA' on the label" in read
