"""The status line in a real Chromium; Python is at its other end."""

import pytest

from kontext_nb.widgets.said import Alarm, Choice, StatusLine
from tests.browser.bare import Bare

pytestmark = pytest.mark.browser


def test_the_bar_jumps_where_motion_is_unwanted(page):
    """It glides to where it stands, unless the person asked for less motion."""
    Bare(page, StatusLine(share=0.5))
    moved = """share => {
      const bar = document.querySelector('.kx-bar i');
      bar.getAnimations().forEach(one => one.finish());
      bar.offsetWidth;
      window.given({share});
      return bar.getAnimations().length;
    }"""
    for share, wanted, gliding in ((0.6, "no-preference", 1), (0.7, "reduce", 0)):
        page.emulate_media(reduced_motion=wanted)
        assert page.evaluate(moved, share) == gliding


def test_what_a_choice_asks_for_can_be_typed(page):
    """Key by key, as people type; Enter sends it, trimmed."""
    line, chosen = StatusLine(), []
    line.on_choice(lambda *given: chosen.append(given))
    bare = Bare(page, line)
    accepted = Choice("accepted", "It was accepted", asks="Its request id")
    line.warn(Alarm("Nobody knows.", "Look it up.", [accepted], job="j"))
    bare.sync()
    page.get_by_role("textbox", name="Its request id").focus()
    page.keyboard.type(" r-17 ")
    page.keyboard.press("Enter")
    bare.sync()
    assert chosen == [("j", "accepted", "r-17")]
