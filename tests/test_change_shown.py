"""What an edit changed stands wherever its result is shown, and in no one's way."""

import csv
import math

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.grids import as_csv
from kontext_nb.grids.plan import Cell, Sheet
from kontext_nb.pixels import shape_text
from kontext_nb.preservation import drift
from kontext_nb.session.measured import Shown, drift_of, few_words, numbers_of, words

pytestmark = pytest.mark.usefixtures("small_results")

RECOLOUR = "Change the green bottle to dark blue"


@pytest.fixture(scope="module")
def picture():
    return kx.samples.bottle().resize((288, 384))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_line_stands_under_a_result(picture):
    """In the pair's HTML, in what a screen reader says, and in text."""
    edit = kx.edit(picture, RECOLOUR, seed=1)
    line = edit.line_of_change
    assert line == str(edit.drift)
    assert line.startswith("changed ")
    html = edit._repr_mimebundle_()["text/html"]
    assert line in html
    size, share = shape_text(edit.image.size), 100 * edit.drift.changed
    assert f'alt="Result of: {RECOLOUR}, {size}, changed {share:.1f} %"' in html


def test_a_preserved_result_says_that_the_rest_is_kept(picture):
    """The numbers are the model's, and are said to be."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=True)
    assert "the rest is the source's (the model's: " in edit.line_of_change
    assert edit.short_change.endswith(", rest kept")
    assert edit.facts["preserved"] is True


def test_what_was_changed_around_an_area_is_said_to_be_the_models(picture):
    """Outside of a mask nothing changed, however much of it the model's picture did."""
    edit = kx.edit(picture, RECOLOUR, seed=1, preserve=(0, 0, 90, 90))
    assert edit.line_of_change.startswith(
        "changed in the area · the rest is the source"
    )
    assert edit.short_change == "changed in the area, rest kept"


def test_a_chain_says_it_in_a_few_words(picture, tmp_path):
    """Under each step of the strip, which `%kontext history` shows, and on the page."""
    edit = kx.edit(picture, RECOLOUR, seed=1)
    short = edit.short_change
    assert short in edit.chain._repr_mimebundle_()["text/html"]
    assert short in edit.chain.to_html(tmp_path / "chain.html").read_text("utf-8")
    assert short in edit.chain.grid().sheet.rows[0][1].detail
    assert edit.line_of_change in edit.to_html(tmp_path / "pair.html").read_text(
        "utf-8"
    )


def test_a_sweep_is_a_table_with_what_was_measured(picture, tmp_path):
    """One line a picture; what failed has no numbers, the source neither."""
    grid = kx.sweep(picture, [RECOLOUR, "Remove it"], seeds=[1, 2])
    source, first, *_, failed = rows_of(grid.save(tmp_path / "grid.csv"))
    edit = kx.edit(picture, RECOLOUR, seed=1)
    assert (first["prompt"], first["seed"], first["row"]) == (RECOLOUR, "1", "1")
    told = {name: float(first[name]) for name in ("changed_share", "psnr_outside_db")}
    assert told == pytest.approx(
        {"changed_share": edit.drift.changed, "psnr_outside_db": edit.drift.psnr_db},
        rel=1e-5,
    )
    names = ("shift_px", "zoom", "ssim_outside", "delta_e_outside", "ignored")
    assert all(first[name] for name in names)
    assert (source["changed_share"], source["prompt"]) == ("", "")
    assert (failed["state"], failed["seed"], failed["zoom"]) == ("failed", "2", "")
    assert edit.short_change in grid.sheet.rows[0][1].detail


@pytest.mark.parametrize(
    ("fact", "written"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0.1 + 0.2, "0.3"),
        (math.inf, "inf"),
        (-3, "-3"),
        ("-3", "'-3"),
        ('=HYPERLINK("x")', '\'=HYPERLINK("x")'),
        ("@a", "'@a"),
        ('two\nlines, "quoted"; 夜', 'two\nlines, "quoted"; 夜'),
    ],
)
def test_a_fact_is_read_as_it_was(tmp_path, fact, written):
    """Numbers stay numbers; no spreadsheet runs a text."""
    image = Image.new("RGB", (2, 2))
    sheet = Sheet(((Cell(image, "one", facts={"fact": fact}), Cell(None, "=two")),))
    one, two = rows_of(as_csv.save(sheet, tmp_path / "a.csv"))
    assert (one["fact"], two["fact"]) == (written, "")
    assert two["caption"] == "'=two"


def test_what_was_measured_is_read_back_as_it_was(picture):
    """Every number and word, also of a pair that could not be compared."""
    for other in (
        picture.resize((900, 1200)),
        picture.transpose(1),
        Image.new("L", (9, 9)),
    ):
        seen = drift(picture, other)
        again = drift_of(numbers_of(seen), seen.mask)
        assert str(again) == str(seen)
        assert again.registration == seen.registration
        assert (again.boxes, again.tone) == (seen.boxes, seen.tone)
        assert words(again, shown=Shown.ALL) == str(seen)
        assert few_words(again, shown=Shown.ALL)
