"""A sheet is checked when it is built, and laid out without surprises."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import pictures
from kontext_nb.grids.layout import blank_labels, lay_out
from kontext_nb.grids.plan import Blank, Cell, Sheet, pair, strip
from kontext_nb.lettering import width

CELL = Cell(None)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Sheet(()),
        lambda: Sheet(((),)),
        lambda: Sheet(((CELL,), (CELL, CELL))),
        lambda: Sheet(((CELL,),), row_labels=("a", "b")),
        lambda: Sheet(((CELL, CELL),), column_labels=("a",)),
        lambda: strip([]),
    ],
)
def test_a_sheet_that_does_not_add_up_is_refused(build):
    """Rows of unequal length and missing labels are the caller's error, said so."""
    with pytest.raises(ParameterRejected) as caught:
        build()
    assert caught.value.problem.endswith(".")
    assert caught.value.remedy.endswith(".")


def test_the_pair_is_the_smallest_grid():
    """Source and result are one row of two."""
    sheet = pair(Cell(None, "left"), Cell(None, "right"), footer="demo engine")
    assert [cell.caption for cell in sheet.rows[0]] == ["left", "right"]
    assert sheet.footer == "demo engine"


@pytest.mark.parametrize(
    ("cell", "problem", "expected"),
    [
        (Cell(None, state="failed", detail="Why."), "", ("Failed", "Why.", True)),
        (Cell(None, state="cancelled"), "", ("Cancelled", "", False)),
        (Cell(None, state="missing"), "", ("No picture", "", False)),
        (Cell(None, state="out_of_credit"), "", ("Out of credit", "", False)),
        (Cell(None, state=""), "", ("No picture", "", False)),
        (Cell(None), "", ("No picture", "", False)),
        (Cell(None, detail="seed 3"), "Gone.", ("Cannot be shown", "Gone.", True)),
    ],
)
def test_a_cell_without_a_picture_says_its_state(cell, problem, expected):
    """Every state has words; a problem with the picture comes before the detail."""
    assert Blank.of(cell, problem) == Blank(*expected)


def test_every_cell_can_be_described():
    """A screen reader always has something to say for a picture."""
    assert Cell(None, "caption", alt="alt").description == "alt"
    assert Cell(None, "caption").description == "caption"
    assert Cell(None).description == "picture"


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
)
def test_pictures_fit_keep_their_shape_and_never_grow_beyond_twice(shape, box):
    """The law of fitting, up to the rounding to whole pixels."""
    wide, high = pictures.fitted(shape, box)
    assert wide <= box[0]
    assert high <= box[1]
    assert wide <= 2 * shape[0]
    assert high <= 2 * shape[1]
    scale = min(box[0] / shape[0], box[1] / shape[1], 2)
    assert abs(wide - shape[0] * scale) <= 1
    assert abs(high - shape[1] * scale) <= 1


SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
WORDS = st.text("ab cd ", max_size=60)
CELLS = st.builds(
    lambda size, caption, detail: Cell(
        size and Image.new("RGB", size), caption, detail
    ),
    st.none() | SIZES,
    WORDS,
    WORDS,
)


@st.composite
def sheets(draw):
    """Draw any sheet of up to three by three."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cells = [tuple(draw(CELLS) for _ in range(columns)) for _ in range(rows)]
    labels = draw(st.booleans())
    return Sheet(
        tuple(cells),
        title=draw(WORDS),
        footer=draw(WORDS),
        row_labels=tuple(draw(WORDS) for _ in range(rows)) if labels else (),
        column_labels=tuple(draw(WORDS) for _ in range(columns)) if labels else (),
    )


def _apart(one, two):
    """Tell whether two slots do not touch."""
    return (
        one.x + one.width < two.x
        or two.x + two.width < one.x
        or one.y + one.height < two.y
        or two.y + two.height < one.y
    )


@settings(max_examples=60)
@given(sheets(), st.integers(80, 300))
def test_nothing_overlaps_and_everything_is_on_the_sheet(sheet, cell_px):
    """Slots keep apart, words keep out of slots, and all of it is inside."""
    plan = lay_out(sheet, cell_px=cell_px, type_size=12)
    slots = [slot for row in plan.rows for slot in row]
    for number, slot in enumerate(slots):
        assert slot.x + slot.width < plan.width
        assert slot.y + slot.height < plan.height
        assert all(_apart(slot, other) for other in slots[number + 1 :])
    for label in plan.labels:
        right = label.x + width(label.text, label.size, bold=label.bold)
        assert label.x >= 0
        assert right <= plan.width
        assert label.size <= label.y < plan.height
        for slot in slots:
            beside = right <= slot.x or label.x >= slot.x + slot.width
            above = label.y <= slot.y
            below = label.y - label.size * 0.75 >= slot.y + slot.height
            assert beside or above or below


def test_words_of_a_blank_stay_inside_its_slot():
    """A long reason is cut to the place it has."""
    cell = Cell(None, state="failed", detail="a very long reason " * 20)
    for cell_px in (32, 64, 128, 512):
        plan = lay_out(Sheet(((cell,),)), cell_px=cell_px, type_size=12)
        slot = plan.rows[0][0]
        for label in blank_labels(slot, Blank.of(cell), 12):
            assert slot.y < label.y <= slot.y + slot.height


def test_captions_of_a_row_begin_on_one_line():
    """Pictures of different heights do not push their captions apart."""
    tall, wide = Image.new("RGB", (100, 300)), Image.new("RGB", (300, 100))
    sheet = pair(Cell(tall, "tall"), Cell(wide, "wide"))
    plan = lay_out(sheet, cell_px=200, type_size=12)
    tops = {label.y for label in plan.labels if label.text in ("tall", "wide")}
    assert len(tops) == 1


def test_only_the_header_of_a_file_is_read_for_its_shape(tmp_path):
    """A file cut off behind its header still has a shape: planning decodes nothing."""
    whole = tmp_path / "whole.png"
    Image.effect_noise((320, 200), 60).save(whole)
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:200])
    assert pictures.shape(Cell(cut)) == (320, 200)
    assert isinstance(pictures.look(Cell(cut), (64, 64)), Blank)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_pictures_stand_upright(tmp_path, suffix):
    """A camera's orientation is applied, in the plan and in the drawing."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"turned{suffix}"
    Image.new("RGB", (80, 40), "red").save(path, exif=exif)
    assert pictures.shape(Cell(path)) == (40, 80)
    assert pictures.look(Cell(path), (20, 20)).size == (10, 20)
    assert pictures.preview(Cell(path), 1024).size == (40, 80)
    assert pictures.preview(Cell(path), 40).size == (20, 40)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: None,
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<svg onload='x'/>"),
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50),
        lambda path: path.symlink_to(path),
    ],
    ids=["gone", "folder", "empty", "svg", "damaged", "loop"],
)
def test_a_file_that_is_no_picture_is_a_blank(tmp_path, spoil):
    """Whatever is wrong with a file, it is shown as a state and raises nothing."""
    path = tmp_path / "picture.png"
    spoil(path)
    cell = Cell(Path(path), "caption")
    assert pictures.shape(cell) is None
    assert pictures.look(cell, (64, 64)).headline == "Cannot be shown"
    assert pictures.preview(cell, 1024).headline == "Cannot be shown"


def test_a_phones_double_jpeg_is_a_jpeg(tmp_path):
    """An MPO file is shown by its first picture."""
    path = tmp_path / "phone.jpg"
    one, two = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")
    with path.open("wb") as file:
        one.save(file, "MPO", save_all=True, append_images=[two])
    red, _, blue = pictures.look(Cell(path), (32, 32)).getpixel((5, 5))
    assert red > 200
    assert blue < 60


def test_the_cells_own_image_is_left_alone(tmp_path):
    """Looking at a lazily opened image does not shrink it for its owner."""
    path = tmp_path / "large.jpg"
    Image.new("RGB", (800, 600), "red").save(path)
    with Image.open(path) as image:
        assert pictures.look(Cell(image), (100, 100)).size == (100, 75)
        assert image.size == (800, 600)
