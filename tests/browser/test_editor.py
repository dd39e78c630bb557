"""The Editor in JupyterLab from the first picture to the exported grid, by hand."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

pytestmark = pytest.mark.browser

EDITOR, COUNTED = 1, 4  # their cells
CELLS = (
    "import kontext_nb as kx\nkx.configure(provider='demo');",
    "editor = kx.Editor()\neditor",
    "restore = kx.configure(demo_s=60)",
    "restore.restore()",
    """import numpy as np
from kontext_nb.preservation.masks import mask_of
edit = editor.chain[-1]
mask = np.asarray(mask_of(editor.preserving.wanted, edit.size))
off = (np.asarray(edit.image) != np.asarray(edit.source)).any(axis=2)
print(off[mask == 255].mean() > 0.5, off[mask == 0].any())""",
)
# Made once: a cell finds its chain again by its id.
NOTEBOOK = new_notebook(cells=[new_code_cell(code) for code in CELLS])


class Hand:
    """Who uses the Editor of an open notebook."""

    def __init__(self, lab):
        self.lab = lab
        self.here = lab.show(EDITOR)
        self.box = self.here.get_by_role("textbox", name="Instruction")
        self.strip = self.here.get_by_role("group", name="Edit chain")

    def step(self, number):
        called = f"step {number}: " if number else "the source: "
        return self.strip.get_by_role("button", name=called)

    def ask(self, words):
        self.here.locator("button:enabled", has_text=re.compile("^Run$")).wait_for()
        self.box.fill(words)
        self.box.press("Control+Enter")

    def hears(self, words):
        """Wait until a screen reader would say so."""
        self.here.get_by_role("status").filter(has_text=words).wait_for()

    def sees(self, words):
        self.here.get_by_text(words).filter(visible=True).first.wait_for()


def opened(lab):
    """Open the notebook with a fresh kernel; return who uses its Editor."""
    lab.open(NOTEBOOK, "editor.ipynb")
    lab.run(0)
    lab.run(EDITOR)
    return Hand(lab)


def cancel_one(hand):
    """Start an edit of a minute, and cancel it in the queue."""
    hand.lab.run(2)
    hand.lab.show(EDITOR)
    hand.ask("Make it sunset")
    hand.hears("queued")
    hand.lab.screenshot("editor-queued")
    hand.here.get_by_role("button", name="Cancel", exact=True).click()
    hand.hears("still queued and is cancelled")
    hand.lab.run(3)
    hand.lab.show(EDITOR)


def branch_and_compare(hand):
    """Edit the source once more, and set both results against each other."""
    hand.step(0).click()
    hand.ask("Replace 'ALPHA' with 'AURA' on the label")
    hand.strip.locator("[aria-current]").filter(has_text="AURA").wait_for()
    hand.step(1).click(modifiers=["Shift"])
    hand.hears("Comparing step 1")
    hand.sees("What changed from")
    hand.lab.screenshot("editor-compared")
    hand.strip.get_by_role("button", name="Stop comparing").click()


def star_delete_undo(hand):
    """By keys alone, none of which is a command of the notebook."""
    before = len(hand.lab.counts())
    hand.step(1).focus()
    hand.step(1).press("s")
    hand.sees("★ Starred")
    hand.step(1).press("Delete")
    hand.hears("Make it night, is deleted")
    assert hand.strip.get_by_role("listitem").count() == 2
    hand.strip.get_by_role("button", name="Undo").click()
    hand.step(2).wait_for()
    assert len(hand.lab.counts()) == before


def export_a_grid(hand):
    """Save it beside the notebook."""
    hand.here.get_by_label("Export").select_option("Comparison grid")
    hand.here.get_by_role("button", name="Save").click()
    hand.sees("Saved as")
    with Image.open(hand.lab.folder / "grid.png") as grid:
        assert min(grid.size) > 200


def looked_at(lab, name, *themes):
    """Leave pictures of the Editor, wide and narrow."""
    for width in (1280, 480):
        lab.resize(width, 1400)
        for theme in themes:
            lab.theme(theme)
            lab.show(EDITOR)
            lab.screenshot(f"{name}-{theme}-{width}")


def test_an_afternoon_with_the_editor(lab):
    """Open, run by key, cancel, branch, compare, star, delete, undo, export, reopen."""
    hand = opened(lab)
    hand.here.get_by_role("button", name="bottle").click()
    hand.ask("Make it night")
    hand.step(1).wait_for()
    hand.here.get_by_role("img", name="The result of: Make it night").first.wait_for()
    hand.box.press("ArrowUp")
    assert hand.box.input_value() == "Make it night"
    cancel_one(hand)
    branch_and_compare(hand)
    star_delete_undo(hand)
    export_a_grid(hand)
    again = opened(lab)
    again.step(2).wait_for()
    assert again.strip.get_by_role("listitem").count() == 3
    again.sees("★ Starred")
    looked_at(lab, "editor", "dark", "light")


def area_of(hand):
    """Return the pane to draw an area on, once its picture is there."""
    hand.here.get_by_role("checkbox", name="Only in an area that I draw").check()
    area = hand.here.get_by_role("group", name="Where it may change")
    area.get_by_role("img").evaluate("it => it.decode()")
    return area.get_by_role("application", name="Area on the picture")


def drag(hand, pane, *points):
    """Drag through points, given as parts of the picture's width and height."""
    edge, mouse = pane.bounding_box(), hand.lab.page.mouse
    for n, (x, y) in enumerate(points):
        # It waits until the pane stands still, which moves while the Editor measures.
        pane.hover(position={"x": x * edge["width"], "y": y * edge["height"]})
        if n == 0:
            mouse.down()
    mouse.up()


def draw_an_area(hand):
    """On the label of the bottle, by mouse; Escape takes it away, Ctrl+Z brings it."""
    pane = area_of(hand)
    drag(hand, pane, (0.3, 0.5), (0.7, 0.75))
    hand.hears("Area of ")
    pane.press("Escape")
    hand.hears("No area yet")
    pane.press("Control+z")
    hand.hears("Area of ")


def look_at_the_models_own(hand):
    """Choose it where the pictures are compared, and go back."""
    choice = hand.here.get_by_label("Compare", exact=True)
    choice.select_option("Before and the model's own picture")
    hand.sees("The model's own picture")
    choice.select_option("Before and result")
    hand.here.get_by_role("button", name="The model's own").wait_for(state="detached")


def test_keeping_the_rest_of_the_picture(lab):
    """Toggle, run, look at the change and the model's own, draw, follow the drift."""
    hand = opened(lab)
    hand.here.get_by_role("button", name="bottle").click()
    hand.here.get_by_role("checkbox", name="Keep the rest of the picture").check()
    hand.here.get_by_role("checkbox", name="Only in an area that I draw").wait_for()
    hand.ask("Replace 'ALPHA' with 'AURA' on the label")
    hand.step(1).wait_for()
    hand.hears("the rest is the source's")
    look_at_the_models_own(hand)
    hand.here.get_by_text("Changes", exact=True).click()
    hand.here.get_by_role("img", name="It is outlined: middle.").wait_for()
    draw_an_area(hand)
    hand.ask("Make it sepia")
    hand.step(2).wait_for()
    curve = hand.here.get_by_role(
        "img", name="How well the rest of the picture is kept"
    )
    curve.filter(visible=True).wait_for()
    assert re.search(r"step 1: \d.*, step 2: \d", curve.get_attribute("aria-label"))
    hand.here.get_by_text("The numbers").click()
    hand.here.get_by_role("row").nth(2).wait_for()
    lab.resize(1280, 1700)
    lab.screenshot("editor-keeps-the-rest")


def test_a_change_is_kept_to_what_is_painted(lab):
    """Paint, rub out, undo, run; reopened, the area is there, and nothing is made."""
    hand = opened(lab)
    hand.here.get_by_role("button", name="bottle").click()
    hand.here.get_by_role("checkbox", name="Keep the rest of the picture").check()
    pane = area_of(hand)
    hand.here.get_by_text("Brush", exact=True).click()
    drag(hand, pane, (0.4, 0.55), (0.6, 0.55), (0.6, 0.7), (0.4, 0.7))
    hand.hears("Painted: ")
    painted = hand.here.get_by_text("Painted: ").text_content()
    hand.here.get_by_text("Eraser", exact=True).click()
    drag(hand, pane, (0.2, 0.5), (0.8, 0.8))
    hand.here.get_by_text(painted).wait_for(state="detached")
    pane.press("Control+z")
    hand.hears(painted)
    hand.ask("Make it night")
    hand.here.get_by_role("img", name="The result of: Make it night").first.wait_for()
    lab.run(COUNTED)
    assert lab.text(COUNTED) == "True False\n"
    again = opened(lab)
    again.step(1).wait_for()
    again.hears(painted)
    looked_at(lab, "editor-painted", "light")
