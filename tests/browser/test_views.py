"""The views as a person meets them: in JupyterLab, with a mouse and with keys."""

# ruff: noqa: RUF001 - prompts in other scripts are the point here

import re
from functools import partial

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.conftest import until

pytestmark = pytest.mark.browser

# "Picture" here is a gradient with a word on it: what matters is that it is painted.
SETUP = """
import io
from PIL import Image, ImageDraw
from kontext_nb.widgets.compare import Compare
from kontext_nb import pixels
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.shots import Shot
from kontext_nb.widgets.strip import Strip

def picture(word, size, tint):
    im = Image.linear_gradient("L").resize(size)
    im = Image.merge("RGB", [im.point(lambda v, t=t: int(v * t)) for t in tint])
    ImageDraw.Draw(im).text((size[0] / 9, size[1] / 3), word, font_size=size[1] / 5)
    out = io.BytesIO()
    im.save(out, "JPEG")
    return out.getvalue()

PROMPTS = [
    "bottle.jpg",
    "Change the bottle to dark green",
    "Замени надпись «ALPHA» на «АВРОРА», сохрани шрифт, цвет и перспективу этикетки",
    "<img src=x onerror=alert(1)> & <b>bold</b>",
    "اجعل السماء برتقالية مع الحفاظ على كل شيء آخر كما هو في الصورة الأصلية",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 3,
]
TINTS = [(.9, .7, .4), (.3, .8, .5), (.4, .5, .9), (.8, .4, .6), (.6, .6, .2)]
steps = [
    dict(id=f"s{i}", title=p, detail=f"seed {41 + i}" if i else "1448 × 1086",
         alt=p, parent=f"s{i - 1}")
    for i, p in enumerate(PROMPTS)
]
steps[4].update(parent="s1", starred=True, name="Sunset", note="For the poster")
thumbs = {
    f"s{i}": picture(str(i), [(160, 120), (120, 160)][i % 2], TINTS[i % 5])
    for i in range(6)
}
"""
COMPARE = """
compare = {kind}Compare()
bottles = [
    Shot.of(pixels.load(picture(word, (1600, 1200), tint)), name, alt=alt)
    for word, tint, name, alt in [
        ("ALPHA", TINTS[0], "Source", "A brown bottle"),
        ("AURA", TINTS[1], "Result", "A green bottle")]
]
compare.show(bottles, footer="demo engine")
compare
"""
STRIP = """
strip = {kind}Strip(thumbs=thumbs, steps=steps, selected="s1")
strip
"""
MEASURED = re.compile("outside: PSNR|Not registered")
PAINTED = """
images => images.every(i => i.complete && i.naturalWidth > 0 && i.offsetWidth > 0)
"""


def notebook(kind=""):
    sources = [SETUP, COMPARE, STRIP, "print(strip.selected)"]
    cells = [new_code_cell(source.format(kind=kind)) for source in sources[1:]]
    return new_notebook(cells=[new_code_cell(SETUP), *cells])


def test_views_are_painted_and_a_click_reaches_python(lab):
    """Pictures show, and a click sets the step that Python continues from."""
    lab.open(notebook(), "views.ipynb").run_all()
    assert lab.text(3) == "s1\n"
    lab.show(1)
    sides = lab.page.get_by_role("group", name="Comparison")
    sides.get_by_role("img", name="A green bottle").wait_for()
    strip = lab.page.get_by_role("group", name="Edit chain")
    last = strip.get_by_role("listitem").filter(has_text="Donaudampf")
    last.wait_for()
    lab.show(2)

    def painted(view, count):
        images = view.get_by_role("img")
        return images.count() == count and images.evaluate_all(PAINTED)

    for view, count in ((sides, 2), (strip, 6)):
        until(partial(painted, view, count), f"{count} pictures")
    assert not lab.page.get_by_text("yet").filter(visible=True).count()
    last.get_by_role("button", name="step 5:").click()
    last.get_by_text("Editing from here").wait_for()
    lab.run(3)
    assert lab.text(3) == "s5\n"
    look(lab, "views")


def test_pictures_stack_where_it_is_narrow(lab):
    """Side by side in a wide notebook, one above the other in a narrow one."""
    lab.open(notebook(), "narrow.ipynb").run_all()
    for width, stacked in ((1280, False), (480, True)):
        lab.resize(width)
        pictures = lab.show(1).get_by_role("img")
        left, right = (pictures.nth(i).bounding_box() for i in (0, 1))
        assert (right["x"] == left["x"]) is stacked
        assert (right["y"] == left["y"]) is not stacked


def test_a_comparison_talks_with_python(lab):
    """Keys there are no commands; its state is Python's; full pictures come over."""
    book = notebook()
    book.cells[3].source = "print(compare.mode, compare.zoom, compare.center[0])"
    lab.open(book, "compare.ipynb").run_all()
    assert lab.text(3) == "side 0.0 0.5\n"
    lab.show(1)
    view = lab.page.get_by_role("group", name="Comparison")
    view.get_by_role("group", name="Pictures").focus()
    before = len(lab.counts())
    for key in ("b", "a", "z", "ArrowRight"):
        lab.page.keyboard.press(key)
    view.locator("canvas.kx-full").nth(1).wait_for()
    view.get_by_role("radio", name="Side by side").focus()
    lab.page.keyboard.press("ArrowRight")
    assert len(lab.counts()) == before

    def told():
        lab.run(3)  # what the view sets is on its way for a moment
        mode, zoom, middle = lab.text(3).split()
        return (mode, zoom) == ("slider", "1.0") and float(middle) > 0.5

    until(told, "Python to know")
    view.get_by_text("Changes").click()
    view.get_by_role("status").filter(has_text=MEASURED).wait_for()


def test_keys_stay_in_the_strip(lab):
    """Arrow keys walk the steps, and no key there is a command of the notebook."""
    lab.open(notebook(), "keys.ipynb").run_all()
    lab.show(2)
    strip = lab.page.get_by_role("group", name="Edit chain")
    strip.get_by_role("button", name="step 1:").focus()
    before = len(lab.counts())
    for key in ("ArrowRight", "b", "End", "ArrowLeft", "Enter"):
        lab.page.keyboard.press(key)
    chosen = strip.locator("[aria-current]")
    chosen.filter(has_text="Sunset").wait_for()
    assert len(lab.counts()) == before
    lab.run(3)
    assert lab.text(3) == "s4\n"


def test_plain_views_answer_like_the_others(lab):
    """Made of ipywidgets alone, the strip sets the same trait, in the same words."""
    lab.open(notebook("Plain"), "plain.ipynb").run_all()
    shown = lab.show(2)
    shown.get_by_text("<b>bold</b>").first.wait_for()
    shown.get_by_role("button", name="Edit from here").last.click()
    lab.run(3)
    assert lab.text(3) == "s5\n"
    look(lab, "plain")


def test_what_is_not_on_this_machine_is_refused(lab):
    """The rig notices a page that asks another machine for something."""
    lab.page.evaluate("fetch('https://cdn.example/x.js').catch(() => null)")
    assert lab.foreign == ["https://cdn.example/x.js"]
    lab.foreign.clear()


def look(lab, name):
    """Leave pictures of both views, light and dark, wide and narrow."""
    for theme in ("light", "dark"):
        lab.theme(theme)
        for width in (1280, 480):
            lab.resize(width)
            lab.show(1)
            lab.screenshot(f"{name}-{theme}-{width}")
            lab.show(2)
            lab.screenshot(f"{name}-{theme}-{width}-strip")
