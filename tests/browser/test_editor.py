"""The Editor in JupyterLab from the first picture to the exported grid, by hand."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

pytestmark = pytest.mark.browser

CELLS = (
    "import kontext_nb as kx\nkx.configure(provider='demo');",
    "editor = kx.Editor()\neditor",
    "restore = kx.configure(demo_s=60)",
    "restore.restore()",
)


def test_an_afternoon_with_the_editor(lab):
    """Open, run by key, cancel, branch, compare, star, delete, undo, export, reopen."""
    notebook = new_notebook(cells=[new_code_cell(code) for code in CELLS])
    lab.open(notebook, "editor.ipynb")
    for cell in (0, 1):
        lab.run(cell)
    here = lab.show(1)
    here.get_by_role("button", name="bottle").click()
    box = here.get_by_role("textbox", name="Instruction")
    strip = here.get_by_role("group", name="Edit chain")

    def step(number):
        called = f"step {number}: " if number else "the source: "
        return strip.get_by_role("button", name=called)

    def ask(words, number):
        box.fill(words)
        box.press("Control+Enter")
        step(number).wait_for()

    ask("Make it night", 1)
    here.get_by_role("img", name="The result of: Make it night").first.wait_for()
    box.press("ArrowUp")
    assert box.input_value() == "Make it night"
    lab.screenshot("editor-first")

    lab.run(2)  # from now on an edit takes a minute
    here = lab.show(1)
    box.fill("Make it sunset")
    box.press("Control+Enter")
    here.get_by_role("status").filter(has_text="queued").wait_for()
    lab.screenshot("editor-queued")
    here.get_by_role("button", name="Cancel", exact=True).click()
    said = "still queued and is cancelled"
    here.get_by_role("status").filter(has_text=said).wait_for()
    lab.run(3)
    here = lab.show(1)

    step(0).click()
    ask("Replace 'ALPHA' with 'AURA' on the label", 2)
    strip.locator("[aria-current]").filter(has_text="AURA").wait_for()
    step(1).click(modifiers=["Shift"])
    here.get_by_text("What changed from").wait_for()
    strip.get_by_role("status").filter(has_text="Comparing step 1").wait_for()
    lab.screenshot("editor-compared")
    strip.get_by_role("button", name="Stop comparing").click()

    before = len(lab.counts())
    step(1).focus()
    step(1).press("s")
    strip.get_by_text("★ Starred").filter(visible=True).wait_for()
    step(1).press("Delete")
    strip.get_by_role("status").filter(has_text="Make it night, is deleted").wait_for()
    assert strip.get_by_role("listitem").count() == 2
    strip.get_by_role("button", name="Undo").click()
    step(2).wait_for()
    assert len(lab.counts()) == before  # no key was a command of the notebook

    here.get_by_label("Export").select_option("Comparison grid")
    here.get_by_role("button", name="Save").click()
    here.get_by_text("Saved as").wait_for()
    with Image.open(lab.folder / "grid.png") as grid:
        assert min(grid.size) > 200

    lab.open(notebook, "editor.ipynb")
    for cell in (0, 1):
        lab.run(cell)
    here = lab.show(1)
    step(2).wait_for()
    assert strip.get_by_role("listitem").count() == 3
    strip.get_by_text("★ Starred").filter(visible=True).wait_for()
    for width in (1280, 480):
        lab.resize(width, 1400)
        for theme in ("dark", "light"):
            lab.theme(theme)
            lab.show(1)
            lab.screenshot(f"editor-{theme}-{width}")
