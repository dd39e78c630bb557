"""A file that comes to the browser, and code that goes to the clipboard."""

import pytest

from kontext_nb.widgets.handout import Handout
from tests.browser.bare import Bare
from tests.browser.conftest import ARTIFACTS

pytestmark = pytest.mark.browser
CODE = 'e = kx.edit("bottle.jpg", "Make it <b>sepia</b>")\ne.save("ähnlich.png")\n'


def test_a_file_is_downloaded_under_its_name(page, tmp_path):
    """What the kernel gives is saved by the browser, byte for byte."""
    made = tmp_path / "poster 2.png"
    made.write_bytes(bytes(range(256)) * 4000)
    handout = Handout()
    bare = Bare(page, handout)
    with page.expect_download() as coming:
        handout.give(made)
        bare.sync()
    assert coming.value.suggested_filename == made.name
    assert coming.value.path().read_bytes() == made.read_bytes()
    assert not page.get_by_role("button").filter(visible=True).count()


def test_code_is_read_only_and_copied_whole(page):
    """The box cannot be changed; Copy says that it did, or what to press instead."""
    handout = Handout()
    bare = Bare(page, handout)
    handout.code = CODE
    bare.sync()
    box = page.get_by_role("textbox", name="Python code")
    assert box.input_value() == CODE
    assert not box.is_editable()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("status").filter(has_text="Copied.").wait_for()
    page.screenshot(path=ARTIFACTS / "handout.png")
    chosen = "t => t.value.slice(t.selectionStart, t.selectionEnd)"
    assert box.evaluate(chosen) == CODE
    handout.code = ""
    bare.sync()
    assert not box.is_visible()
