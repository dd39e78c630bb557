"""The comparison in a real browser, on the page that `to_html` writes.

That page runs the script of every notebook, and its `comparison` plays Python's part:
``comparison.set`` is what a trait set in Python does to the view.
"""

import functools
import io
import re
from pathlib import Path

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb import pixels
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.comparison import MODES
from kontext_nb.widgets.shots import Shot
from tests.browser.conftest import ARTIFACTS
from tests.test_compare import edited, textured
from tests.test_grids_hostile import PAYLOADS

pytestmark = pytest.mark.browser

TINT = (255, 40, 180)
RED, BLUE = (200, 40, 40), (40, 40, 200)
SIZE = (1600, 1200)
FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


COLOURS = {
    "first": RED,
    "second": BLUE,
    "third": (40, 200, 40),
    "fourth": (200, 200, 40),
    "previous": (40, 200, 200),
}


def picture_of(colour):
    return pixels.load(plain(colour, (400, 300)))


def plain(colour=RED, size=SIZE):
    return Image.new("RGB", size, colour)


def changed():
    """Return the plain picture with its lower right quarter changed."""
    image = plain()
    image.paste(BLUE, (SIZE[0] // 2, SIZE[1] // 2, *SIZE))
    image.putpixel((100, 80), (1, 2, 3))
    return image


class Page:
    """A comparison in a window of its own."""

    def __init__(self, page, path):
        self.page = page
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(path.as_uri())
        page.evaluate(
            "window.asked = []; const send = comparison.send;"
            "comparison.send = it => { asked.push(it.key); send(it); }; 0"
        )
        self.wait("[...document.images].every(it => it.complete)")
        self.stage = page.locator(".kx-stage")
        self.panes = page.locator(".kx-pane")
        self.said = page.locator("p[role=status]")

    def wait(self, expression):
        self.page.wait_for_function(expression)

    def set(self, **state):
        for name, value in state.items():
            self.page.evaluate("([n, v]) => comparison.set(n, v)", [name, value])
        self.page.evaluate(FRAME)

    def get(self, name):
        self.page.evaluate(FRAME)
        return self.page.evaluate("name => comparison.get(name)", name)

    def keys(self, *keys):
        self.stage.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.page.evaluate(FRAME)

    def colour(self, x, y, pane=0):
        """Return what is painted in a pane, at parts of its width and height."""
        self.page.evaluate(FRAME)
        with Image.open(io.BytesIO(self.panes.nth(pane).screenshot())) as shot:
            at = int(x * shot.width), int(y * shot.height)
            return shot.convert("RGB").getpixel(at)

    def frames(self):
        """Return left, top, width of every picture's frame, in its pane."""
        self.page.evaluate(FRAME)
        return self.page.evaluate(
            "[...document.querySelectorAll('.kx-frame')].map(it => {"
            " const a = it.getBoundingClientRect();"
            " const b = it.closest('.kx-pane').getBoundingClientRect();"
            " return [a.left - b.left, a.top - b.top, a.width].map(Math.round) })"
        )

    def point(self, x, y):
        box = self.panes.first.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the page of a view, once: what changed in it takes a while to measure."""
    folder = tmp_path_factory.mktemp("pages")
    return functools.cache(lambda view: view.to_html(folder / f"{id(view)}.html"))


@pytest.fixture
def opened(browser, written):
    """Open comparisons; none may end with a script error or ask for an address."""
    contexts = []

    def open_(view, width=900, scale=1, **more):
        size = {"width": width, "height": 800}
        context = browser.new_context(
            viewport=size, device_scale_factor=scale, offline=True, **more
        )
        page = Page(context.new_page(), written(view))
        contexts.append((context, page))
        return page

    yield open_
    for context, page in contexts:
        context.close()
        assert page.errors == []


@pytest.fixture(scope="module")
def pair():
    return kx.compare(plain(), changed(), labels=("before", "after"))


@pytest.fixture(scope="module")
def field():
    return kx.compare(before := textured(), edited(before))


def near(colour, wanted, by=6):
    return all(abs(a - b) <= by for a, b in zip(colour, wanted, strict=True))


def test_every_mode_shows_what_it_says(opened, pair):
    """Each mode paints the pair in its way, by mouse and by keys, at one height."""
    page = opened(pair)
    height = page.stage.bounding_box()["height"]
    assert near(page.colour(0.9, 0.9), RED)
    assert near(page.colour(0.9, 0.9, pane=1), BLUE)
    page.page.get_by_role("radio", name="Side by side").focus()
    for mode in MODES[1:]:
        page.page.keyboard.press("ArrowRight")
        assert page.get("mode") == mode
        assert page.stage.bounding_box()["height"] == height
    page.page.get_by_text("Slider").click()
    assert near(page.colour(0.45, 0.9), RED)
    assert near(page.colour(0.55, 0.9), BLUE)
    page.page.mouse.move(*page.point(0.5, 0.9))
    page.page.mouse.down()
    page.page.mouse.move(*page.point(0.6, 0.9))
    assert near(page.colour(0.55, 0.8), RED)
    page.page.mouse.up()
    page.page.get_by_role("slider", name="Position").press("Home")
    assert near(page.colour(0.55, 0.9), BLUE)

    page.page.get_by_text("Blink", exact=True).click()
    assert near(page.colour(0.6, 0.9), RED)
    page.page.mouse.move(*page.point(0.6, 0.8))
    page.page.mouse.down()
    assert near(page.colour(0.6, 0.9), BLUE)
    page.page.mouse.up()
    assert near(page.colour(0.6, 0.9), RED)
    page.stage.focus()
    page.page.keyboard.down("Space")
    assert near(page.colour(0.6, 0.9), BLUE)
    page.page.keyboard.up("Space")
    assert near(page.colour(0.6, 0.9), RED)

    page.page.get_by_text("Onion skin").click()
    page.page.get_by_role("slider", name="Opacity").fill("0.5")
    assert near(page.colour(0.6, 0.9), (120, 40, 120))
    page.page.get_by_text("Difference").click()
    page.set(gain=1)
    assert near(page.colour(0.6, 0.9), (160, 0, 160))
    assert near(page.colour(0.4, 0.3), (0, 0, 0))
    page.page.get_by_role("slider", name="Amplify").press("End")
    assert near(page.colour(0.6, 0.9), (255, 0, 255))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("forced", ["none", "active"])
def test_the_change_is_outlined_on_the_picture_before(opened, field, scheme, forced):
    """Tinted, with a line around it in any theme; what did not change is as it was."""
    page = opened(field, color_scheme=scheme, forced_colors=forced)
    page.set(mode="slider", position=1)
    plain = [page.colour(x, 0.44) for x in (0.3, 0.6)]
    page.page.get_by_text("Changes").click()
    said = page.said.text_content()
    assert re.match(r"Changed 3\.\d % · shift 0\.\d px · zoom 0\.0 % · outside", said)
    shown = page.page.get_by_role("img", name="It is outlined: middle.")
    shown.evaluate("it => it.decode()")
    assert near(page.colour(0.3, 0.44), plain[0], by=12)
    tinted = [(a * 159 + b * 96) / 255 for a, b in zip(plain[1], TINT, strict=True)]
    assert near(page.colour(0.6, 0.44), tinted, by=12)
    with Image.open(io.BytesIO(page.panes.first.screenshot())) as shot:
        grey = shot.convert("L").getextrema()
    assert grey[0] < 30
    assert grey[1] > 225
    page.page.screenshot(path=f"{ARTIFACTS}/compare-changes-{scheme}-{forced}.png")
    page.stage.focus()
    page.page.keyboard.down("Space")
    assert page.page.locator(".kx-upper").is_visible()
    page.page.keyboard.up("Space")
    assert not page.page.locator(".kx-upper").is_visible()


def test_what_the_page_cannot_outline_is_said(opened):
    """Nothing changed, and not registered: in words, with no outline."""
    before = textured()
    for other, words in (
        (before.copy(), "Nothing changed"),
        (before.transpose(Image.Transpose.ROTATE_180), "Not registered: "),
    ):
        page = opened(kx.compare(before, other, mode="change"), width=500)
        assert page.said.text_content().startswith(words)
        assert not page.page.locator(".kx-map").is_visible()


def test_the_older_picture_is_the_one_before(opened):
    """Whichever is chosen first, and with the previous result in the newer's place."""
    before = textured()
    shots = [
        Shot.of(pixels.load(picture), name)
        for name, picture in (("a", before), ("b", edited(before)), ("c", before))
    ]
    view = Compare(mode="change", pair=[1, 0])
    view.show(shots[:2], previous=shots[2])
    page = opened(view)
    assert page.said.text_content().startswith("Changed 3.")
    page.set(pair=[0, 1], swapped=True)
    assert page.said.text_content().startswith("Nothing changed")


def test_zoom_and_place_are_one_for_all(opened, pair):
    """What is zoomed and moved in one picture is so in the other, and never lost."""
    page = opened(pair, scale=2)
    whole = page.frames()
    box = page.panes.first.bounding_box()
    page.page.mouse.move(*page.point(0.5, 0.5))
    page.page.mouse.wheel(0, -300)
    assert page.frames() == whole
    page.page.keyboard.down("Control")
    page.page.mouse.wheel(0, -300)
    page.page.keyboard.up("Control")
    first, second = page.frames()
    assert first == second
    assert first[2] > whole[0][2]
    page.page.get_by_role("button", name="1:1").click()
    assert page.frames()[0][2] == SIZE[0] // 2  # two screen pixels make one of CSS
    page.page.mouse.move(*page.point(0.5, 0.5))
    page.page.mouse.down()
    page.page.mouse.move(5000, 5000)
    page.page.mouse.up()
    assert [place[:2] for place in page.frames()] == [[0, 0], [0, 0]]
    for _ in range(3):
        page.keys("ArrowRight")
    assert [place[0] for place in page.frames()] == [-120, -120]
    page.keys("0")
    assert page.frames() == whole
    for _ in range(20):
        page.keys("+")
    assert page.get("zoom") == 32
    left, top, width = page.frames()[0]
    assert left <= 0 <= left + width - box["width"]
    assert top <= 0
    page.keys("z")
    assert page.frames() == whole
    page.page.mouse.dblclick(*page.point(0.5, 0.5))
    assert page.get("zoom") == 1


def test_every_switch_is_pressed_by_space(opened, pair):
    """Space on what has the focus does what a click on it does."""
    page = opened(pair)
    page.page.get_by_role("button", name="1:1").press("Space")
    assert page.get("zoom") == 1
    page.page.get_by_role("radio", name="Slider").press("Space")
    assert page.get("mode") == "slider"


def test_the_full_picture_comes_when_it_is_needed(opened, pair):
    """It is asked for past what the preview shows, read exactly, and let go again."""
    page = opened(pair)
    canvas = page.page.locator("canvas.kx-full")
    readout = page.page.locator(".kx-readout")
    page.page.mouse.move(*page.point(0.5, 0.25))
    assert "before (800, 300) ≈ 20" in page.page.evaluate(
        f"{FRAME}.then(() => document.querySelector('.kx-readout').textContent)"
    )
    page.set(zoom=0.6)
    assert page.page.evaluate("asked.length") == 0
    page.set(zoom=1, center=[0, 0])
    canvas.nth(1).wait_for()
    assert page.page.evaluate("asked") == [p["key"] for p in pair.pictures]
    box = page.panes.nth(1).bounding_box()
    page.page.mouse.move(box["x"] + 100.5, box["y"] + 80.5)
    page.page.evaluate(FRAME)
    wanted = "before (100, 80) 200 40 40 · after (100, 80) 1 2 3"
    assert readout.text_content() == wanted
    page.set(zoom=0)
    assert canvas.count() == 0
    page.page.route("**", lambda route: route.abort())
    page.set(zoom=2)
    canvas.nth(1).wait_for()
    assert page.page.evaluate("asked.length") == 4


def test_the_crosshair_goes_by_keys(opened, pair):
    """The values under it are announced; arrow keys move it by a pixel, or ten."""
    page = opened(pair)
    page.set(zoom=1)
    page.keys("x")
    readout = page.page.locator(".kx-readout")
    assert readout.get_attribute("aria-live") == "polite"
    assert readout.text_content().startswith("before (800, 600)")
    page.keys("ArrowLeft", "Shift+ArrowUp")
    assert readout.text_content().startswith("before (799, 590)")
    page.keys("x")
    assert readout.text_content() == ""


def test_python_sets_what_is_seen(opened, pair):
    """Every trait set from outside repaints; what the user does is told outside."""
    page = opened(pair)
    page.set(mode="slider", position=0.25)
    assert page.page.get_by_role("radio", name="Slider").is_checked()
    handle = page.page.locator(".kx-handle").bounding_box()
    box = page.panes.first.bounding_box()
    left, _, width = page.frames()[0]
    middle = handle["x"] + handle["width"] / 2 - box["x"]
    assert abs(middle - left - width / 4) < 1
    page.set(footer="demo engine")
    assert page.page.get_by_text("demo engine").count() == 1
    page.set(mode="blink", blinking=True)
    auto = page.page.get_by_role("button", name="Auto")
    assert auto.get_attribute("aria-pressed") == "true"
    upper = page.page.locator(".kx-upper")
    assert upper.evaluate("it => it.getAnimations().length") == 1
    page.page.emulate_media(reduced_motion="reduce")
    assert upper.evaluate("it => it.getAnimations().length") == 0


def test_of_four_any_two_are_compared(opened):
    """Captions and the keys 1 to 4 choose the pair; p shows the previous result."""
    view = Compare()
    shots = [Shot.of(picture_of(colour), name) for name, colour in COLOURS.items()]
    view.show(shots[:4], previous=shots[4])
    page = opened(view)
    assert page.panes.filter(visible=True).count() == 4
    page.set(mode="slider")
    page.page.get_by_role("button", name="third").click()
    assert page.get("pair") == [0, 2]
    assert near(page.colour(0.6, 0.5), COLOURS["third"])
    page.keys("4", "4")
    assert page.get("pair") == [3, 0]
    assert near(page.colour(0.4, 0.5), COLOURS["fourth"])
    page.keys("p")
    assert near(page.colour(0.6, 0.5), COLOURS["previous"])
    page.page.get_by_role("button", name="Previous", exact=True).click()
    assert near(page.colour(0.6, 0.5), COLOURS["first"])


def test_shapes_that_differ_are_fitted_or_cut(opened):
    """A switch to fill is offered only where shapes differ, and covers the frame."""
    page = opened(kx.compare(plain(RED, (800, 600)), plain(BLUE, (300, 600))))
    page.set(mode="slider", position=0)
    fill = page.page.get_by_role("button", name="Fill")
    assert near(page.colour(0.5, 0.5), BLUE)
    assert near(page.colour(0.32, 0.5), RED)
    fill.click()
    assert near(page.colour(0.32, 0.5), BLUE)
    same = opened(kx.compare(plain(RED, (800, 600)), plain(BLUE, (400, 301))))
    assert not same.page.get_by_role("button", name="Fill").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_text_and_stay_inside(opened, scheme):
    """No label is markup, and none widens a narrow page, whatever it says."""
    long = "Donaudampfschifffahrtsgesellschaftskapitän" * 5
    rtl = "اجعل السماء برتقالية مع الحفاظ على كل شيء آخر كما هو في الصورة"
    words = [" ".join(PAYLOADS), long, rtl]
    view = Compare()
    view.show(
        [Shot.of(picture_of(RED), word, size=word, alt=word) for word in words],
        footer=" ".join(PAYLOADS),
    )
    page = opened(view, width=480, color_scheme=scheme)
    labels = page.page.locator(".kx-label").all_text_contents()
    assert labels == words
    for mode in MODES:
        page.set(mode=mode)
        wide = "document.documentElement.scrollWidth - innerWidth"
        assert page.page.evaluate(wide) <= 0
    page.page.screenshot(path=f"{ARTIFACTS}/compare-hostile-{scheme}.png")


def test_what_is_missing_or_broken_is_said(opened):
    """A picture that is not there yet, or cannot be decoded, is words."""
    view = Compare()
    broken = Shot("broken", preview=b"\xff\xd8\xff no picture", width=4, height=3)
    view.show([broken, Shot("none")])
    page = opened(view)
    page.page.get_by_text("Cannot be shown").wait_for()
    page.page.get_by_text("No picture yet").wait_for()
    for mode in MODES:
        page.set(mode=mode)


def test_a_view_that_goes_tells_what_was_set_last(opened, pair):
    """At once, and then it asks for nothing: its kernel may be gone by then."""
    page = opened(pair, bypass_csp=True)
    page.page.evaluate(ANOTHER, pair._esm)
    page.set(zoom=1)
    page.page.locator("canvas.kx-full").nth(3).wait_for()
    assert page.page.get_by_text("Slider").nth(1).evaluate(TOLD) == [1, 1]


ANOTHER = """async script => {
  const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
  const el = document.body.appendChild(document.createElement('main'));
  window.end = await (await import(url)).default.render({model: comparison, el});
}"""
TOLD = """async it => {
  let told = 0;
  it.click();
  await new Promise(done => setTimeout(done)); // the other view has drawn
  comparison.send = comparison.save_changes = () => told++;
  end();
  const first = told;
  await new Promise(done => setTimeout(done, 101));
  return [first, told];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_chosen_is_seen_in_high_contrast(opened, scheme):
    """Where all colours are the system's, it is filled or underlined, not tinted."""
    view = Compare()
    shots = [Shot.of(picture_of(colour), name) for name, colour in COLOURS.items()]
    view.show(shots[:4])
    page = opened(view, forced_colors="active", color_scheme=scheme)
    page.set(mode="slider")

    def painted(found, x, y):
        with Image.open(io.BytesIO(found.screenshot())) as shot:
            return shot.convert("RGB").getpixel((x, shot.height + y if y < 0 else y))

    ground = painted(page.page.locator("body"), 1, 1)
    chosen = [painted(label, 4, 4) for label in page.page.locator(".kx-mode").all()]
    assert [contrast(colour, ground) >= 3 for colour in chosen] == [
        mode == "slider" for mode in MODES
    ]
    captions = page.page.locator(".kx-caption").all()
    lines = [painted(caption, 4, -2) for caption in captions]
    assert [line != ground for line in lines] == [True, True, False, False]
    page.set(pictures=page.get("pictures")[:2])
    line = painted(page.page.locator(".kx-caption").first, 4, -2)
    assert line == page.colour(0.02, 0.5) == ground
    page.page.screenshot(path=f"{ARTIFACTS}/compare-contrast-{scheme}.png")


def contrast(one, other):
    """Return the ratio of WCAG 2: 1 for the same colour, 21 for black on white."""

    def luminance(colour):
        parts = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (value / 255 for value in colour)
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_nothing_bars_anyone(opened):
    """The rules of axe-core find nothing serious, in any mode, light or dark."""
    axe = pytest.importorskip("axe_playwright_python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")
    view = kx.compare(*[picture_of(RED), picture_of(BLUE)] * 2, footer="demo engine")
    for scheme in ("light", "dark"):
        page = opened(view, color_scheme=scheme)
        page.page.evaluate(script)
        for mode in MODES:
            page.set(mode=mode)
            found = page.page.evaluate("axe.run().then(it => it.violations)")
            serious = [
                (it["id"], [node["html"] for node in it["nodes"]])
                for it in found
                if it["impact"] in ("serious", "critical")
            ]
            assert serious == [], mode
