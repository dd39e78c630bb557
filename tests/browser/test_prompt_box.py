"""The prompt box in a real Chromium, by keys and mouse; Python is at its other end."""

import pytest

from kontext_nb.widgets.hints import hints
from kontext_nb.widgets.prompt import PromptBox
from tests.browser.bare import Bare
from tests.browser.conftest import ARTIFACTS

pytestmark = pytest.mark.browser

WEAK = "Give her a coat, make the car red, remove the sign, add a hat and blur the sky"


def shown(page, *, theme="light", **traits):
    """Put a box on the page that lints as the Editor does; return it and its wishes."""
    box, wishes = PromptBox(**traits), []
    box.on_wish(lambda wish, seen: wishes.append((wish, box.take(seen))))
    box.observe(lambda c: box.set_trait("findings", hints(c.new, None)), "value")
    return box, Bare(page, box, theme=theme), wishes


def field(page):
    return page.get_by_role("textbox", name="Instruction")


def typed(page, bare, text):
    """Type, and wait until the box has told Python."""
    field(page).fill(text)
    page.wait_for_function("window.sent.length > 0")
    bare.sync()


def test_ctrl_enter_runs_what_is_in_the_box_now(page):
    """The text goes with the wish: nobody waits for the pause in typing."""
    _, bare, wishes = shown(page)
    field(page).fill("Make it night")
    field(page).press("Control+Enter")
    bare.sync()
    assert wishes == [("run", "Make it night")]


def test_a_press_that_comes_too_early_is_told(page):
    """It starts nothing, then or later, and says so until it can be pressed again."""
    box, bare, wishes = shown(page, value="Make it night")
    told = page.get_by_label("Hints on the wording").get_by_text("Not started")
    box.busy = True
    bare.sync()
    assert page.get_by_role("button", name="Run").is_disabled()
    assert not told.is_visible()
    field(page).press("Control+Enter")
    told.wait_for()
    page.get_by_role("button", name="Cancel").click()
    box.busy = False
    bare.sync()
    assert wishes == [("cancel", "Make it night")]
    told.wait_for(state="detached")


def test_what_is_being_typed_is_never_written_over(page):
    """Not by another picture's suggestion, nor by the next part of an instruction."""
    box, bare, _ = shown(page, value="Make it night")
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # nobody pauses in typing before the time is let go
    field(page).fill("Make the sky dark and")
    box.placeholder, box.value = "Say what to change", "Blur it"
    bare.sync()
    assert field(page).input_value() == "Make the sky dark and"
    page.clock.run_for(1000)
    bare.sync()
    assert box.value == "Make the sky dark and"
    box.value = "Blur it"
    bare.sync()
    assert field(page).input_value() == "Blur it"


def test_arrows_go_through_what_was_asked_before(page):
    """Up at the first line goes back, Down at the last forward, to one's own draft."""
    _, bare, _ = shown(page, history=["the newest", "an older one"])
    box = field(page)
    box.fill("my draft\nof two lines")
    box.press("ArrowUp")  # from the second line to the first: the caret moves
    assert box.input_value() == "my draft\nof two lines"
    for key, there in (
        ("ArrowUp", "the newest"),
        ("ArrowUp", "an older one"),
        ("ArrowUp", "an older one"),
        ("End", "an older one"),
        ("ArrowDown", "the newest"),
        ("ArrowDown", "my draft\nof two lines"),
    ):
        box.press(key)
        assert box.input_value() == there
    bare.sync()


def test_a_fix_is_one_click_and_one_undo(page):
    """The better wording replaces one's own; the browser's own undo takes it out."""
    box, bare, _ = shown(page)
    weak = "make the car be changed to red"
    box.findings = [
        {
            "severity": "info",
            "words": "be changed",
            "message": "Say it straight.",
            "why": "",
            "better": "Change the car to red",
        }
    ]
    bare.sync()
    field(page).fill(weak)
    page.get_by_role("button", name="Fix").click()
    bare.sync()
    assert box.value == "Change the car to red"
    assert field(page).evaluate("it => it === document.activeElement")
    field(page).press("Control+z")
    assert field(page).input_value() == weak


def test_passes_wait_behind_the_first(page):
    """The first part is left in the box, and what follows is said."""
    box, bare, _ = shown(page)
    box.findings = [
        {
            "severity": "warning",
            "words": "",
            "message": "These are three edits.",
            "why": "",
            "passes": ["one", "two", "three"],
        }
    ]
    bare.sync()
    page.get_by_role("button", name="As 3 passes").click()
    bare.sync()
    assert (box.value, box.following) == ("one", ["two", "three"])
    page.get_by_text("Then: two → three").wait_for()
    page.get_by_role("button", name="Forget").click()
    bare.sync()
    assert box.following == []


def test_hints_move_nothing(page):
    """However many there are, what stands below the box stays where it is."""
    _, bare, _ = shown(page, tip="Say what to change.")
    root = page.get_by_role("group", name="What to change")
    empty = root.bounding_box()["height"]
    page.get_by_text("Say what to change.").wait_for()
    typed(page, bare, WEAK)
    assert page.get_by_text("Warning").count() > 0
    assert root.bounding_box()["height"] == empty
    for mark in ("⚠", "✎", "✕"):
        for hint in page.get_by_text(mark).all():
            assert len(hint.inner_text()) > len(mark)  # never a sign alone


def test_foreign_and_long_text_is_text(page):
    """Any script is laid out its own way, and nothing is markup."""
    _, bare, _ = shown(page)
    for text in ("<b>bold</b>" * 40, "اجعل السماء برتقالية", "空を夕焼けに変えて" * 20):
        typed(page, bare, text)
        assert page.locator("b", has_text="bold").count() == 0
        assert page.evaluate("document.body.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_wide_and_narrow(page, theme):
    """The field has room in both, and its buttons are never cut off."""
    _, bare, _ = shown(page, theme=theme, history=["x"])
    typed(page, bare, WEAK)
    for width in (1280, 480):
        page.set_viewport_size({"width": width, "height": 300})
        for name in ("Run", "Cancel"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        page.screenshot(path=ARTIFACTS / f"prompt-{theme}-{width}.png")
