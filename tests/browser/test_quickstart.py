"""The quickstart as a new user meets it: opened, run, and the Editor used by hand."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01-quickstart.ipynb"
CELLS = [cell.id for cell in nbformat.read(QUICKSTART, as_version=4).cells]


def test_the_quickstart_in_the_browser(lab):
    """Run All runs every cell; what is typed is a result, and there after a restart."""
    lab.open(QUICKSTART).run_all()
    cell = lab.show(CELLS.index("editor"))
    chain = cell.get_by_role("group", name="Edit chain")
    before = chain.get_by_role("listitem").count()
    asked = "Add a red heart in the top left corner"
    cell.get_by_label("Instruction").fill(asked)
    cell.get_by_role("button", name="Run").click()
    # Under way it is in the chain as well; the demo engine ends with its kernel.
    cell.get_by_role("img", name=asked).first.wait_for()
    chain.get_by_role("listitem").nth(before).wait_for()
    assert chain.get_by_role("listitem").count() == before + 1
    lab.page.wait_for_function(
        "() => [...document.querySelectorAll('.kx-compare img')]"
        ".every(image => image.naturalWidth > 0)"
    )
    cell.locator(".kx-compare").get_by_text("demo engine").first.wait_for()
    lab.screenshot("quickstart-editor-light")
    lab.theme("dark")
    lab.screenshot("quickstart-editor-dark")
    up_to_editor(lab.open(QUICKSTART))
    again = lab.show(CELLS.index("editor")).get_by_role("group", name="Edit chain")
    again.get_by_role("listitem").filter(has_text=asked).wait_for()
    assert again.get_by_role("listitem").count() == before + 1


def up_to_editor(lab):
    """Run only what the Editor needs."""
    for name in ("setup", "picture", "editor"):
        lab.run(CELLS.index(name))
