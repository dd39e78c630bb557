"""The status line in a real Chromium; Python is at its other end."""

import pytest

from kontext_nb.widgets.said import Alarm, Choice, StatusLine
from tests.browser.bare import Bare

pytestmark = pytest.mark.browser


def test_what_a_choice_asks_for_can_be_typed(page):
    """Key by key, as people type; Enter sends it, trimmed."""
    line, chosen = StatusLine(), []
    line.on_choice(lambda *given: chosen.append(given))
    bare = Bare(page, line)
    accepted = Choice("accepted", "It was accepted", asks="Its request id")
    line.warn(Alarm("Nobody knows.", "Look it up.", [accepted]))
    bare.sync()
    page.get_by_role("textbox", name="Its request id").focus()
    page.keyboard.type(" r-17 ")
    page.keyboard.press("Enter")
    bare.sync()
    assert chosen == [("accepted", "r-17")]
