"""The Editor in JupyterLab from the first picture to the exported grid, by hand."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

pytestmark = pytest.mark.browser

EDITOR = 1  # its cell
CELLS = (
    "import kontext_nb as kx\nkx.configure(provider='demo');",
    "editor = kx.Editor()\neditor",
    "restore = kx.configure(demo_s=60)",
    "restore.restore()",
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
    for width in (1280, 480):
        lab.resize(width, 1400)
        for theme in ("dark", "light"):
            lab.theme(theme)
            lab.show(EDITOR)
            lab.screenshot(f"editor-{theme}-{width}")
