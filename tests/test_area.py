"""The area to draw: its box, the way back, and its twin of plain widgets."""

import io

import ipywidgets
import pytest
from PIL import Image

from kontext_nb import pixels
from kontext_nb.widgets.area import AREA_PX, AreaPicker
from kontext_nb.widgets.plain_area import PlainArea

WHITE = pixels.load(Image.new("RGB", (1000, 800), "white"))
KINDS = pytest.mark.parametrize("kind", [AreaPicker, PlainArea])


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """Close what a test opened: ipywidgets keeps every widget until told."""
    yield
    ipywidgets.Widget.close_all()


def shown(kind):
    area = kind()
    area.show(WHITE, "A white wall")
    return area


@KINDS
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([100, 80, 300, 200], (100, 80, 300, 200)),
        ([-5, -5, 5000, 5000], (0, 0, 1000, 800)),
        ([300, 80, 100, 200], None),
        ([10, 10, 10, 10], None),
        ([1, 2, 3], None),
        ([], None),
    ],
    ids=str,
)
def test_a_box_is_inside_the_picture_or_none(kind, given, kept):
    """Whatever a browser says."""
    area = shown(kind)
    area.box = given
    assert area.chosen == kept


@KINDS
def test_every_change_of_the_box_can_be_undone(kind):
    """One after the other, back to none; then there is nothing to undo."""
    area = shown(kind)
    boxes = [[10, 10, 500, 500], [20, 20, 400, 300], []]
    for box in boxes:
        area.box = box
    for box in [*boxes[-2::-1], []]:
        assert area.can_undo
        area.undo()
        assert area.box == box
    assert not area.can_undo
    area.undo()
    assert area.box == []


@KINDS
def test_a_box_stays_where_it_means_the_same_pixels(kind):
    """It outlives another picture of the same size, and no other."""
    area = shown(kind)
    area.box = [10, 10, 500, 500]
    area.show(pixels.load(Image.new("RGB", (1000, 800))), "A night")
    assert area.box == [10, 10, 500, 500]
    area.show(pixels.load(Image.new("RGB", (80, 60))), "Small")
    assert (area.box, area.can_undo) == ([], False)


def test_the_picture_travels_small_and_once():
    """As a binary preview; a box is four numbers."""
    area = shown(AreaPicker)
    with Image.open(io.BytesIO(area.picture)) as preview:
        assert max(preview.size) == AREA_PX
    names = {"picture", "width", "height", "alt", "box", "can_undo"}
    assert names < set(area.keys)


def test_plain_widgets_draw_the_box_into_the_picture():
    """Two sliders set it; outside of it the picture is darker; words say it all."""
    area = shown(PlainArea)
    assert "No area yet" in area._said.value
    area._across.value = (500, 900)
    area._down.value = (400, 700)
    assert area.box == [500, 400, 900, 700]
    assert (
        "Area of 400\N{MULTIPLICATION SIGN}300 pixels at 500, 400" in area._said.value
    )
    assert 'role="status"' in area._said.value
    with Image.open(io.BytesIO(area._image.value)) as drawn:
        assert drawn.getpixel((350, 280))[0] > 240
        assert drawn.getpixel((20, 20))[0] < 140
    area._clear.click()
    assert area.box == []
    area._undo.click()
    assert area._across.value == (500, 900)
