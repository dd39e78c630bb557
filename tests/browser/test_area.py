"""The area to change, drawn in a real browser: by mouse, by keys, and undone."""

from pathlib import Path

import pytest
from PIL import Image

from kontext_nb import pixels
from kontext_nb.widgets.area import AreaPicker
from tests.browser.bare import THEMES, Bare
from tests.browser.conftest import ARTIFACTS
from tests.test_compare import textured

pytestmark = pytest.mark.browser

SIZE = (1600, 1200)


@pytest.fixture
def area(page):
    return opened(page)


def opened(page, theme="light", picture=None):
    """Return the picker and its page."""
    picker = AreaPicker()
    picker.show(pixels.load(picture or textured(SIZE)), "A field")
    bare = Bare(page, picker, theme=theme)
    page.get_by_role("img", name="A field").evaluate("it => it.decode()")
    return picker, bare


def drag(page, *points):
    """Drag through points, given as parts of the picture's width and height."""
    edge = page.get_by_role("img", name="A field").bounding_box()
    for n, (x, y) in enumerate(points):
        page.mouse.move(edge["x"] + x * edge["width"], edge["y"] + y * edge["height"])
        if n == 0:
            page.mouse.down()
    page.mouse.up()


def near(box, wanted, by=6):
    return all(abs(a - b) <= by for a, b in zip(box, wanted, strict=True))


def test_it_is_drawn_and_moved_by_mouse(area, page):
    """Drag for a new one, and inside it to move it; a click alone draws none."""
    picker, bare = area
    drag(page, (0.75, 0.5), (0.5, 0.25), (0.25, 0.25))
    bare.sync()
    assert near(picker.box, (400, 300, 1200, 600))
    page.get_by_role("status").filter(has_text="Area of ").wait_for()
    drag(page, (0.5, 0.375), (0.6, 0.475))
    bare.sync()
    assert near(picker.box, (560, 420, 1360, 720))
    drag(page, (0.5, 0.5), (0.99, 0.99))
    bare.sync()
    assert near(picker.box, (800, 900, 1600, 1200))  # never out of the picture
    before = picker.box
    drag(page, (0.1, 0.1))
    bare.sync()
    assert picker.box == before


def test_it_goes_by_keys_alone(area, page):
    """Enter places it, arrows move, Shift sizes, Escape takes away, Ctrl+Z undoes."""
    picker, bare = area
    pane = page.get_by_role("application", name="Area on the picture")
    boxes = []
    for key in ("Enter", "ArrowRight", "Shift+ArrowDown", "Escape", "Control+z"):
        pane.press(key)
        bare.sync()
        boxes.append(picker.box)
    assert boxes == [
        [400, 300, 1200, 900],
        [432, 300, 1232, 900],
        [432, 300, 1232, 924],
        [],
        [432, 300, 1232, 924],
    ]
    said = page.get_by_role("status").text_content()
    assert said == "Area of 800\N{MULTIPLICATION SIGN}624 pixels at 432, 300"
    page.get_by_role("button", name="Take it away").click()
    bare.sync()
    assert picker.box == []
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert page.get_by_role("status").text_content() == said


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", ["white", "black", "textured"])
def test_it_is_seen_on_any_picture(page, theme, colour):
    """Its line has two colours, and nothing bars anyone."""
    axe = pytest.importorskip("axe_playwright_python")
    picture = None if colour == "textured" else Image.new("RGB", SIZE, colour)
    page.set_viewport_size({"width": 500, "height": 500})
    _, bare = opened(page, theme, picture)
    drag(page, (0.25, 0.25), (0.75, 0.75))
    bare.sync()
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run('main').then(it => it.violations)")
    assert [one["id"] for one in found if one["impact"] != "minor"] == []
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(wide) <= 0
    page.screenshot(path=f"{ARTIFACTS}/area-{theme}-{colour}.png")
