"""Sheets as matplotlib figures, and the one door to every format."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from kontext_nb.errors import NotSaved, ParameterRejected
from kontext_nb.grids import as_figure, export
from kontext_nb.grids.plan import Cell, Sheet, pair

RED, BLUE = Image.new("RGB", (64, 48), (250, 0, 0)), Image.new("RGB", (64, 48), "blue")
SHEET = pair(
    Cell(RED, "$5 to $10", "seed 1"), Cell(None, state="failed"), footer="demo"
)


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder."""
    path = tmp_path / "out"
    path.mkdir()
    return path


def test_no_text_is_mathematics():
    """Every text of the figure is drawn as it is written."""
    texts = as_figure.figure(SHEET).texts
    assert "$5 to $10" in {text.get_text() for text in texts}
    assert not any(text.get_parse_math() for text in texts)


def test_the_figure_has_one_picture_for_each_that_exists():
    """Two cells are two axes; the failed one shows words instead of a picture."""
    drawn = as_figure.figure(SHEET)
    assert [len(axes.images) for axes in drawn.axes] == [1, 0]
    assert "Failed" in {text.get_text() for text in drawn.texts}
    assert "demo" in {text.get_text() for text in drawn.texts}


@pytest.mark.parametrize("cell_inches", [0.5, 2.4, 5])
def test_a_cell_is_as_wide_as_asked(cell_inches):
    """The longer side of a large picture measures ``cell_inches``."""
    large = Image.new("RGB", (1200, 600))
    drawn = as_figure.figure(pair(Cell(large), Cell(large)), cell_inches=cell_inches)
    wide = drawn.axes[0].get_position().width * drawn.get_figwidth()
    assert wide == pytest.approx(cell_inches, rel=0.01)


def test_text_stays_inside_the_figure():
    """As matplotlib measures it, no line leaves the figure or runs into a picture."""
    words = "Replace the label with a rather long instruction " * 4
    sheet = Sheet(
        ((Cell(RED, words), Cell(BLUE, words)),),
        row_labels=("a long row label that wraps",),
        column_labels=("x", "a long heading that has to wrap " * 2),
        title="Title " * 30,
        footer="demo engine " * 30,
    )
    drawn = as_figure.figure(sheet)
    inside = drawn.bbox
    for text in drawn.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1
        assert not any(box.shrunk(0.98, 0.8).overlaps(axes.bbox) for axes in drawn.axes)


@pytest.mark.parametrize("cell_inches", [0, -1, 21, float("nan")])
def test_impossible_sizes_are_refused(cell_inches):
    """A cell has half an inch to twenty."""
    with pytest.raises(ParameterRejected):
        as_figure.figure(SHEET, cell_inches=cell_inches)


def test_nothing_of_the_process_changes():
    """Pyplot is not loaded and no setting of matplotlib is touched."""
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from kontext_nb.grids import as_figure; from kontext_nb.grids.plan import *\n"
        "as_figure.figure(pair(Cell(None), Cell(None)))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams.copy() == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("suffix", "head"),
    [
        (".png", b"\x89PNG"),
        (".jpg", b"\xff\xd8\xff"),
        (".jpeg", b"\xff\xd8\xff"),
        (".webp", b"RIFF"),
        (".pdf", b"%PDF"),
        (".svg", b"<?xml"),
        (".html", b"<!DOCTYPE html>"),
    ],
)
def test_each_suffix_makes_its_own_format(folder, suffix, head):
    """The name decides, in any case of letters, and nothing else is left behind."""
    path = export.save(SHEET, folder / f"sheet{suffix.upper()}")
    assert path.read_bytes().startswith(head)
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".pdf", ".png", ".html"])
def test_equal_sheets_make_equal_files(folder, suffix):
    """No date and no chance is in a file."""
    one, two = (export.save(SHEET, folder / f"{n}{suffix}") for n in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert b"Date" not in one.read_bytes()


def test_the_svg_is_one_file(folder):
    """Pictures and letters are inside; nothing is referred to outside."""
    path = export.save(SHEET, folder / "a.svg")
    for element in ET.parse(path).iter():  # noqa: S314 - our own file
        for name, value in element.attrib.items():
            if name.endswith("href"):
                assert value.startswith(("#", "data:image/png"))


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.exe", ".png"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(folder, name):
    """The error lists what the table of drawers has."""
    with pytest.raises(ParameterRejected) as caught:
        export.save(SHEET, folder / name)
    assert all(suffix in caught.value.remedy for suffix in export.DRAWERS)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("suffix", export.DRAWERS)
def test_a_folder_that_does_not_exist_is_refused(folder, suffix):
    """No folder is made by the way, for any format."""
    with pytest.raises(ParameterRejected, match="folder"):
        export.save(SHEET, folder / "none" / f"a{suffix}")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("suffix", export.DRAWERS)
def test_a_failed_save_keeps_the_old_file(folder, suffix, monkeypatch):
    """A save that breaks half-way leaves what was there, and no debris."""
    path = folder / f"a{suffix}"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(NotSaved, match="No space left"):
        export.save(SHEET, path)
    assert path.read_text() == "old"
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("suffix", export.DRAWERS)
def test_every_saver_returns_the_path_without_a_tilde(folder, suffix, monkeypatch):
    """What is returned is where the file is, also if the name starts at home."""
    monkeypatch.setenv("HOME", str(folder))
    assert export.save(SHEET, f"~/a{suffix}") == folder / f"a{suffix}"
    assert (folder / f"a{suffix}").is_file()
