"""The area to change, drawn in a real browser: by mouse, pen, touch and keys."""

import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import kontext_nb as kx
from kontext_nb import pixels
from kontext_nb.preservation import preserve
from kontext_nb.preservation.masks import mask_of
from kontext_nb.widgets.area import AreaPicker
from tests.browser.bare import THEMES, Bare
from tests.browser.conftest import ARTIFACTS
from tests.test_compare import textured

pytestmark = pytest.mark.browser

SIZE = (1600, 1200)


@functools.cache
def field():
    return pixels.load(textured(SIZE))


@pytest.fixture
def area(page):
    return opened(page)


def opened(page, theme="light", picture=None):
    """Return the picker and its page."""
    picker = AreaPicker()
    picker.show(pixels.load(picture) if picture else field(), "A field")
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


def use(page, name):
    """Take a tool, as a keyboard user does; return it."""
    tool = page.get_by_role("radio", name=name)
    tool.press("Space")
    return tool


def shares(picker, *points):
    """Return how much of the area each point is, from 0 to 1, by its place."""
    mask = mask_of(picker.chosen, SIZE)
    places = [(round(x * SIZE[0]), round(y * SIZE[1])) for x, y in points]
    return [mask.getpixel(place) / 255 for place in places]


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
    page.get_by_role("button", name="Clear").click()
    bare.sync()
    assert picker.box == []
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert page.get_by_role("status").text_content() == said


def test_it_is_painted_erased_and_undone_by_mouse(area, page):
    """Each stroke is one step back; what is rubbed out whole is no area."""
    picker, bare = area
    use(page, "Brush")
    drag(page, (0.2, 0.3), (0.5, 0.3))
    bare.sync()
    there, beside = (0.35, 0.3), (0.35, 0.45)
    assert shares(picker, (0.2, 0.3), there, (0.5, 0.3), beside) == [1, 1, 1, 0]
    hears(page, "Painted: ")
    drag(page, (0.8, 0.8))
    bare.sync()
    assert shares(picker, there, (0.8, 0.8)) == [1, 1]
    use(page, "Eraser")
    drag(page, (0.35, 0.1), (0.35, 0.6))
    bare.sync()
    assert shares(picker, (0.2, 0.3), there, (0.5, 0.3), (0.8, 0.8)) == [1, 0, 1, 1]
    for left in ([1, 1], [1, 0]):
        page.get_by_role("button", name="Undo").click()
        bare.sync()
        assert shares(picker, there, (0.8, 0.8)) == left
    page.get_by_role("slider", name="Size").press("End")
    drag(page, (0.1, 0.3), (0.6, 0.3))
    bare.sync()
    assert picker.chosen is None
    hears(page, "No area yet")
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert shares(picker, there) == [1]
    page.get_by_role("button", name="Clear").click()
    bare.sync()
    assert picker.chosen is None


def test_the_way_back_is_open_while_the_kernel_is_busy(area, page):
    """Step by step, though it heard nothing of them; then it hears what is left."""
    picker, bare = area
    pane = page.get_by_role("application", name="Area on the picture")
    for key in ("Enter", "ArrowRight", "Escape", "Control+z", "Control+z"):
        pane.press(key)
    hears(page, "Area of 800\N{MULTIPLICATION SIGN}600 pixels at 400, 300")
    use(page, "Brush")
    drag(page, (0.2, 0.1), (0.5, 0.1))
    hears(page, "Painted: ")
    drag(page, (0.2, 0.9), (0.5, 0.9))
    pane.press("Control+z")
    bare.sync()
    assert shares(picker, (0.35, 0.1), (0.35, 0.9)) == [1, 0]
    pane.press("Control+z")
    hears(page, "Area of ")
    bare.sync()
    assert picker.box == [400, 300, 1200, 900]
    pane.press("Control+z")
    assert page.get_by_role("button", name="Undo").is_disabled()
    bare.sync()
    assert picker.chosen is None


def test_what_python_sets_is_a_step_back_but_not_to_another_size(area, page):
    """A mask of the picture before would mean other pixels."""
    picker, bare = area
    picker.chosen = (400, 300, 1200, 900)
    bare.sync()
    picker.chosen = (0, 0, 80, 60)
    bare.sync()
    hears(page, "at 0, 0")
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert picker.box == [400, 300, 1200, 900]
    picker.show(pixels.load(Image.new("RGB", (80, 60))), "A field")
    bare.sync()
    hears(page, "No area yet")
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_a_stroke_is_whole_before_a_key_takes_it_back(area, page):
    """Ctrl+Z with the button down would take back half of it, and lose the rest."""
    picker, bare = area
    use(page, "Brush")
    page.get_by_role("application", name="Area on the picture").focus()
    edge = page.get_by_role("img", name="A field").bounding_box()
    page.mouse.move(edge["x"] + 0.2 * edge["width"], edge["y"] + 50)
    page.mouse.down()
    page.mouse.move(edge["x"] + 0.5 * edge["width"], edge["y"] + 50)
    for key in ("Control+z", "Escape"):
        page.keyboard.press(key)
    page.mouse.up()
    hears(page, "Painted: ")
    page.keyboard.press("Control+z")
    hears(page, "No area yet")
    bare.sync()
    assert picker.chosen is None


def test_an_area_of_before_the_picture_was_shown_is_bright(page):
    """As in an Editor that is displayed again."""
    picker = AreaPicker()
    picker.show(field(), "A field")
    picker.box = [400, 300, 1200, 900]
    Bare(page, picker)
    hears(page, "Area of ")
    assert page.evaluate(SEEN, [0.5, 0.5]) == 255
    assert page.evaluate(SEEN, [0.1, 0.5]) == 0


def hears(page, words):
    """Wait until a screen reader would say so."""
    page.get_by_role("status").filter(has_text=words).wait_for()


def test_one_paints_on_a_rectangle_and_a_rectangle_replaces_what_is_painted(area, page):
    """It is one area, with two ways to draw it."""
    picker, bare = area
    drag(page, (0.25, 0.25), (0.5, 0.5))
    bare.sync()
    box = picker.box
    use(page, "Eraser")
    drag(page, (0.3, 0.3))
    bare.sync()
    assert picker.box == []
    assert shares(picker, (0.3, 0.3), (0.45, 0.45), (0.6, 0.6)) == [0, 1, 0]
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert picker.box == box
    use(page, "Brush")
    drag(page, (0.8, 0.8), (0.9, 0.9))
    bare.sync()
    assert shares(picker, (0.3, 0.3), (0.85, 0.85)) == [1, 1]
    use(page, "Rectangle")
    drag(page, (0.5, 0.5), (0.75, 0.75))
    bare.sync()
    assert near(picker.box, (800, 600, 1200, 900))
    assert picker.painted == b""


def test_it_is_painted_by_keys_alone(area, page):
    """Arrows move the brush and say where; Enter paints there, Shift on the way."""
    picker, bare = area
    use(page, "Brush")
    page.keyboard.press("ArrowLeft")  # a radio's: it goes back to the rectangle
    assert page.get_by_role("radio", name="Rectangle").is_checked()
    use(page, "Brush")
    pane = page.get_by_role("application", name="Area on the picture")
    for _ in range(10):
        pane.press("ArrowLeft")
    hears(page, "No area yet: the change may show anywhere. · Brush at 480, 600")
    pane.press("Enter")
    for _ in range(3):
        pane.press("Shift+ArrowDown")
    bare.sync()
    hears(page, "Brush at 480, 672")
    assert shares(picker, (0.3, 0.5), (0.3, 0.56), (0.5, 0.5)) == [1, 1, 0]
    use(page, "Eraser")
    pane.press("Enter")
    bare.sync()
    assert shares(picker, (0.3, 0.5), (0.3, 0.56)) == [1, 0]
    pane.press("Control+z")
    bare.sync()
    assert shares(picker, (0.3, 0.56)) == [1]
    pane.press("Escape")
    bare.sync()
    assert picker.chosen is None


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_it_is_painted_by_finger_and_pen(area, page, kind):
    """A second finger draws nothing, and what the system takes away is not kept."""
    picker, bare = area
    use(page, "Brush")
    strokes = [("down", 0.2), ("move", 0.3), ("up", 0.3)]
    page.evaluate(TOUCH, [kind, strokes])
    bare.sync()
    assert shares(picker, (0.25, 0.25), (0.25, 0.75)) == [1, 0]
    page.evaluate(TOUCH, [kind, [("down", 0.6), ("move", 0.7), ("cancel", 0.7)]])
    bare.sync()
    assert shares(picker, (0.25, 0.25), (0.65, 0.25)) == [1, 0]


# Beside the first finger there is a second one, lower down.
TOUCH = """([pointerType, strokes]) => {
  const pane = document.querySelector('.kx-pane');
  pane.setPointerCapture = () => {};  // none of these pointers is real
  const edge = pane.getBoundingClientRect();
  for (const [kind, x] of strokes)
    for (const [y, isPrimary] of [[.25, true], [.75, false]])
      pane.dispatchEvent(new PointerEvent(`pointer${kind}`, {pointerType, isPrimary,
        clientX: edge.x + x * edge.width, clientY: edge.y + y * edge.height}));
}"""


def test_what_python_sets_is_shown_and_can_be_painted_on(area, page):
    """Any form of a mask: as words, as pixels, and as what the next stroke adds to."""
    picker, bare = area
    mask = Image.new("L", (400, 300))
    ImageDraw.Draw(mask).ellipse((100, 100, 200, 200), fill=255)
    picker.chosen = mask
    bare.sync()
    hears(page, "Painted: 7 % of the picture")
    assert page.evaluate(SEEN, [150 / 400, 150 / 300]) == 255
    assert page.evaluate(SEEN, [0.75, 0.5]) == 0
    use(page, "Brush")
    drag(page, (0.75, 0.5))
    bare.sync()
    assert shares(picker, (0.375, 0.5), (0.75, 0.5), (0.6, 0.5)) == [1, 1, 0]
    picker.chosen = (400, 300, 1200, 900)
    bare.sync()
    hears(page, "Area of ")


SEEN = """([x, y]) => {
  const it = document.querySelector('canvas');
  const at = [x * it.width, y * it.height].map(Math.floor);
  return it.getContext('2d').getImageData(...at, 1, 1).data[3];
}"""


def test_a_stroke_on_twelve_megapixels_travels_small(page):
    """And outside of it each byte of the result is the original's."""
    large = Image.effect_noise((500, 375), 60).convert("RGB").resize((4000, 3000), 0)
    picker, bare = opened(page, picture=large)
    use(page, "Brush")
    drag(page, (0.3, 0.3), (0.6, 0.4), (0.4, 0.7))
    sent = page.evaluate("JSON.stringify(window.sent).length")
    assert sent < 60_000
    bare.sync()
    assert len(picker.painted) < 40_000
    night = large.point(lambda value: value // 2)
    kept = preserve(large, night, mask=picker.chosen)
    mask = np.asarray(mask_of(picker.chosen, large.size))
    off = (np.asarray(kept.image) != np.asarray(large)).any(axis=2)
    assert off[mask == 255].mean() > 0.5
    assert not off[mask == 0].any()
    assert 0.02 < (mask > 0).mean() < 0.2


@pytest.mark.usefixtures("small_results")
def test_an_edit_shows_only_where_it_was_painted(page):
    """By the demo engine; asked for again it is the same, and nothing is sent."""
    bottle = kx.samples.bottle()
    picker, bare = opened(page, picture=bottle)
    use(page, "Brush")
    drag(page, (0.4, 0.5), (0.6, 0.5))
    bare.sync()
    edit = kx.edit(bottle, "Make it night", seed=1, preserve=picker.chosen)
    mask = np.asarray(mask_of(picker.chosen, bottle.size))
    off = (np.asarray(edit.image) != np.asarray(bottle.convert("RGB"))).any(axis=2)
    assert off[mask == 255].mean() > 0.5
    assert not off[mask == 0].any()
    again = kx.edit(bottle, "Make it night", seed=1, preserve=picker.chosen)
    assert again.reused
    assert again.image.tobytes() == edit.image.tobytes()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", ["white", "black", "textured"])
def test_it_is_seen_on_any_picture(page, theme, colour):
    """By its line, and by what is dimmed around it; and nothing bars anyone."""
    axe = pytest.importorskip("axe_playwright_python")
    picture = None if colour == "textured" else Image.new("RGB", SIZE, colour)
    page.set_viewport_size({"width": 360, "height": 560})
    _, bare = opened(page, theme, picture)
    drag(page, (0.25, 0.25), (0.75, 0.75))
    use(page, "Brush")
    drag(page, (0.6, 0.6), (0.9, 0.7))
    bare.sync()
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run('main').then(it => it.violations)")
    assert [one["id"] for one in found if one["impact"] != "minor"] == []
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(wide) <= 0
    page.screenshot(path=f"{ARTIFACTS}/area-{theme}-{colour}.png")
    page.set_viewport_size({"width": 1000, "height": 640})
    page.screenshot(path=f"{ARTIFACTS}/area-{theme}-{colour}-wide.png")


def test_tools_and_focus_are_seen_in_forced_colours(page):
    """The tool that is taken is filled, and what has the focus has a ring."""
    page.emulate_media(forced_colors="active")
    opened(page)
    brush = use(page, "Brush")
    label = brush.locator("..")
    assert label.evaluate(RING) == "solid 2px"
    assert label.evaluate(FILL) != page.get_by_text("Eraser", exact=True).evaluate(FILL)
    for stop in ("slider", "application"):
        it = page.get_by_role(stop)
        page.keyboard.press("Tab")
        assert it.evaluate("it => it === document.activeElement")
        assert it.evaluate(RING) == "solid 2px"
    page.screenshot(path=f"{ARTIFACTS}/area-contrast.png")


RING = "it => (s => `${s.outlineStyle} ${s.outlineWidth}`)(getComputedStyle(it))"
FILL = "it => getComputedStyle(it).backgroundColor"
