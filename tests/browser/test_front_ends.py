"""The front ends that a browser shows: JupyterLab, Notebook 7 and Voila."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.test_quickstart import CELLS, QUICKSTART, up_to_editor

pytestmark = pytest.mark.browser

SETUP = """
import kontext_nb as kx
from PIL import Image
kx.configure(provider="demo")
picture = Image.linear_gradient("L").convert("RGB")
"""
COMPARE = """
night = kx.edit(picture, "Make it night", seed=7)
kx.compare(picture, night.image, labels=("<b>Before</b>", "Bei Nacht"))
"""
EDITOR = "kx.Editor(picture)"
ONE = "print(kx.edit(picture, 'Make it sepia', seed={}).seed)"
PAINTED = "figures => figures.every(f => f.offsetWidth > 0)"
HIDDEN = "figures => figures.every(f => f.offsetWidth === 0)"
# What the still figure says, whichever picture it shows.
SAVED = "Saved from a live view"


def notebook(*sources):
    return new_notebook(cells=[new_code_cell(source) for source in (SETUP, *sources)])


def test_run_all_runs_every_cell_with_both_bridges(lab):
    """The real Run All: five cells queued on each bridge, and none is dropped."""
    edits = [ONE.format(n) for n in range(10)]
    other = "kx.configure(bridge='nest')"
    lab.open(notebook(*edits[:5], other, *edits[5:])).run_all()
    assert lab.counts() == list(range(1, 13))
    assert [lab.text(n)[-2:] for n in (2, 11)] == ["1\n", "9\n"]


def test_a_view_is_its_picture_once_its_kernel_is_gone(lab):
    """The still figure hides while the view is live, and is there when reopened."""
    lab.open(notebook(COMPARE, EDITOR)).run_all()
    figures = lab.page.locator("figure.kx-static")
    for cell in (1, 2):
        lab.show(cell)
        lab.page.locator("[class*=kx-live-]").first.wait_for()
    assert figures.evaluate_all(HIDDEN)
    lab.reopen()
    for cell in (1, 2):
        lab.show(cell).get_by_text(SAVED).wait_for()
    assert figures.count() == 2
    assert figures.evaluate_all(PAINTED)
    pictures = figures.first.get_by_role("img")
    assert [one.get_attribute("alt") for one in pictures.all()] == [
        "<b>Before</b>",
        "Bei Nacht",
    ]
    lab.screenshot("reopened-light")
    lab.theme("dark")
    lab.screenshot("reopened-dark")


KEYS = ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "b", "a", "d", "d")
FOCUSABLE = ":is(button, input, select, textarea, [tabindex='0']):visible:enabled"
# What ipywidgets makes of the Editor, as one calls it.
CONTROLS = ("Model", "Seed", "Aspect ratio", "Variants", "Export")
KEEPING = ("Keep the rest of the picture", "Only in an area that I draw")


@pytest.mark.parametrize("front_end", ["lab", "notebook7"])
def test_no_key_in_the_editor_is_a_command_of_the_notebook(front_end, request):
    """In our views and on ipywidgets' controls: only its list obeys an arrow key."""
    window = request.getfixturevalue(front_end)
    up_to_editor(window.open(QUICKSTART))
    editor = window.show(CELLS.index("editor"))
    views = editor.locator(":is(.kx-compare, .kx-strip)")
    editor.get_by_role("button", name="Result").wait_for()
    views.get_by_role("listitem").wait_for()
    stops = views.locator(FOCUSABLE)
    assert stops.count()
    for stop in stops.all():
        unmoved(window.page, stop)
    window.screenshot(f"{front_end}-keys")
    seed = editor.get_by_label("Seed", exact=True)
    seed.focus()
    seed.press("ArrowDown")
    assert seed.input_value() == "fixed"
    for name in KEEPING:  # before an arrow chooses a ratio, of which nothing is kept
        box = editor.get_by_role("checkbox", name=name)
        box.check()
        unmoved(window.page, box)
    for role in ("application", "radio"):
        unmoved(window.page, editor.get_by_role(role).first)
    editor.get_by_text("Brush", exact=True).click()
    unmoved(window.page, editor.get_by_role("slider", name="Size"))
    for name in CONTROLS:
        unmoved(window.page, editor.get_by_label(name, exact=True))
    for name in ("Run", "Save", "Download"):
        unmoved(window.page, editor.get_by_role("button", name=name))
    unmoved(window.page, editor.get_by_placeholder("a whole number"))
    forgive(window)


def test_the_editors_own_controls_show_edge_and_focus(lab):
    """A ring is around what has the focus; in high contrast buttons have an edge."""
    lab.open(notebook(EDITOR)).run_all()
    editor = lab.show(1)
    lists = [editor.get_by_label(name, exact=True) for name in (*CONTROLS, "File")]
    buttons = [editor.get_by_role("button", name=n) for n in ("Save", "Download")]
    boxes = [editor.get_by_role("checkbox", name=KEEPING[0])]
    for colours, wide in (("none", "0px"), ("active", "1px")):
        lab.page.emulate_media(forced_colors=colours)
        for control in (*lists, *boxes, *buttons):
            control.press("Shift")  # a ring is for who uses keys
            assert control.evaluate(RING) == "solid 2px"
        edges = [button.evaluate(EDGE) for button in buttons]
        assert edges == [wide] * 2
        lab.screenshot(f"editor-contrast-{colours}")


RING = "it => (s => `${s.outlineStyle} ${s.outlineWidth}`)(getComputedStyle(it))"
EDGE = "it => getComputedStyle(it).borderTopWidth"


def unmoved(page, stop):
    """Press keys that are commands of a notebook; its cells must stay as they are."""
    stop.focus()
    before = page.evaluate(WHERE)
    for key in KEYS:
        page.keyboard.press(key)
    assert page.evaluate(WHERE) == before


def forgive(window):
    """Drop what Notebook 7.6 misses by itself, with any notebook, now and then."""
    own = ("(reading 'schema')", "Command 'filebrowser:open-path' not registered.")
    window.errors[:] = [error for error in window.errors if not error.endswith(own)]


WHERE = """() => {
  const {activeCellIndex, widgets} = jupyterapp.shell.currentWidget.content;
  return [activeCellIndex, widgets.length];
}"""


def test_a_page_of_voila(voila):
    """Views are live there, and their still figures hidden."""
    page = voila.page
    page.goto(voila.put(notebook(COMPARE)))
    live = page.locator(".kx-compare img")
    live.first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.kx-compare img')]"
        ".every(image => image.naturalWidth > 0)"
    )
    assert page.locator("figure.kx-static").evaluate_all(HIDDEN)
    voila.screenshot("voila")
    # Its page asks for fonts and for MathJax; the view is live without them.
    voila.foreign.clear()
