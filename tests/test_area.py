"""The area to draw: its box, the way back, and its twin of plain widgets."""

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image, ImageDraw

from kontext_nb import pixels
from kontext_nb.errors import KontextError
from kontext_nb.preservation.masks import mask_of
from kontext_nb.widgets.area import AREA_PX, AreaPicker
from kontext_nb.widgets.plain_area import PlainArea

SIZE = (1000, 800)
WHITE = pixels.load(Image.new("RGB", SIZE, "white"))
KINDS = pytest.mark.parametrize("kind", [AreaPicker, PlainArea])


@pytest.fixture(autouse=True)
def _nothing_left_open():
    """Close what a test opened: ipywidgets keeps every widget until told."""
    yield
    ipywidgets.Widget.close_all()


def shown(kind, picture=WHITE):
    area = kind()
    area.show(picture, "A white wall")
    return area


def disc(size=SIZE):
    """Return a mask: a disc in the middle."""
    mask = Image.new("L", size)
    width, height = size
    edges = (width // 4, height // 4, 3 * width // 4, 3 * height // 4)
    ImageDraw.Draw(mask).ellipse(edges, fill=255)
    return mask


def png(mask):
    return pixels.encode_png(mask)


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


def test_every_change_of_the_box_can_be_undone():
    """One after the other, back to none; then there is nothing to undo."""
    area = shown(PlainArea)
    boxes = [[10, 10, 500, 500], [20, 20, 400, 300], []]
    for box in boxes:
        area.box = box
    for box in [*boxes[-2::-1], []]:
        assert not area._undo.disabled
        area._undo.click()
        assert area.box == box
    assert area._undo.disabled
    area._undo.click()
    assert area.box == []


def test_there_is_no_way_back_to_a_picture_of_another_size():
    """An area would mean other pixels there."""
    area = shown(PlainArea)
    area.box = [10, 10, 500, 500]
    area.show(pixels.load(Image.new("RGB", (80, 60))), "Small")
    assert area._undo.disabled


@KINDS
def test_a_box_stays_where_it_means_the_same_pixels(kind):
    """It outlives another picture of the same size, and no other."""
    area = shown(kind)
    area.box = [10, 10, 500, 500]
    area.show(pixels.load(Image.new("RGB", (1000, 800))), "A night")
    assert area.box == [10, 10, 500, 500]
    area.show(pixels.load(Image.new("RGB", (80, 60))), "Small")
    assert area.box == []


@KINDS
@pytest.mark.parametrize(
    "form",
    [
        disc(),
        disc((500, 400)),
        np.asarray(disc()),
        np.asarray(disc()) > 0,
        np.asarray(disc()) / 255,
        png(disc()),
    ],
    ids=["picture", "smaller", "array", "booleans", "floats", "bytes"],
)
def test_it_is_set_to_whatever_is_a_mask(kind, form):
    """As `edit` takes it, and gives it back as `edit` takes it."""
    area = shown(kind)
    area.chosen = form
    off = np.asarray(mask_of(area.chosen, SIZE)) != np.asarray(disc())
    assert off.mean() < 0.01
    assert area.box == []


@KINDS
@pytest.mark.parametrize(
    "form", [(100, 80, 300, 200), [100, 80, 300, 200], "picture"], ids=str
)
def test_a_mask_that_is_a_box_is_its_four_numbers(kind, form):
    """So that it is exact, and can be moved."""
    area = shown(kind)
    area.chosen = mask_of((100, 80, 300, 200), SIZE) if form == "picture" else form
    assert area.chosen == (100, 80, 300, 200)
    area.chosen = None
    assert area.chosen is None


@KINDS
@pytest.mark.parametrize(
    "form",
    [Image.new("L", SIZE), disc((80, 80)), (5, 5, 5, 9), "none.png"],
    ids=["empty", "square", "no box", "no file"],
)
def test_what_is_no_mask_is_refused_and_changes_nothing(kind, form):
    """It is empty, of another ratio, or not there."""
    area = shown(kind)
    area.box = [10, 10, 500, 500]
    with pytest.raises(KontextError):
        area.chosen = form
    assert area.box == [10, 10, 500, 500]


@pytest.mark.parametrize(
    "said",
    [b"", b"no picture", png(Image.new("L", SIZE)), png(disc((1500, 1200))), None, 7],
    ids=["nothing", "no picture", "black", "large", "none", "number"],
)
def test_only_a_small_mask_is_taken_from_a_browser(said):
    """Anything else is no area, and nothing fails."""
    area = shown(AreaPicker)
    area.set_state({"painted": memoryview(png(disc()))})
    assert area.chosen == png(disc())
    area.set_state({"painted": said})
    assert area.chosen is None


@KINDS
def test_it_is_a_box_or_painted_whichever_was_last(kind):
    """Never both."""
    area = shown(kind)
    area.box = [10, 10, 500, 500]
    area.painted = png(disc())
    assert area.box == []
    area.box = [20, 20, 400, 300]
    assert area.painted == b""


def test_from_box_to_paint_is_one_step_back():
    """And the other way."""
    area = shown(PlainArea)
    area.box = [10, 10, 500, 500]
    area.painted = png(disc())
    area.box = [20, 20, 400, 300]
    area.painted = png(disc((500, 400)))
    for chosen in ((20, 20, 400, 300), png(disc()), (10, 10, 500, 500), None):
        area._undo.click()
        assert area.chosen == chosen
    assert area._undo.disabled


def test_picture_and_mask_travel_small():
    """As binary previews, of twelve megapixels too; a box is four numbers."""
    large = (4000, 3000)
    area = shown(AreaPicker, pixels.load(Image.new("RGB", large)))
    area.chosen = disc(large)
    for sent in (area.picture, area.painted):
        with Image.open(io.BytesIO(sent)) as preview:
            assert preview.size == (AREA_PX, AREA_PX * 3 // 4)
    assert len(area.painted) < 20_000
    names = {"picture", "width", "height", "alt", "box", "painted"}
    assert names | {"tool", "brush"} < set(area.keys)


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
        assert drawn.getpixel((700, 550))[0] > 240
        assert drawn.getpixel((20, 20))[0] < 140
    area._clear.click()
    assert area.box == []
    area._undo.click()
    assert area._across.value == (500, 900)


def test_plain_widgets_show_what_was_painted_elsewhere():
    """A mask that was set or comes from a step; a slider replaces it by a box."""
    area = shown(PlainArea)
    area.chosen = disc()
    assert "Painted: 20 % of the picture" in area._said.value
    with Image.open(io.BytesIO(area._image.value)) as drawn:
        assert drawn.getpixel((500, 400))[0] > 240
        assert drawn.getpixel((260, 210))[0] < 140
    area._across.value = (500, 900)
    assert area.chosen == (500, 0, 900, 800)
    area._undo.click()
    area._clear.click()
    assert area.chosen is None
