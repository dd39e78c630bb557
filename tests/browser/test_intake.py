"""Pictures come in through a real Chromium; Python is at its other end."""

import io

import pytest
from PIL import Image

from kontext_nb.widgets.intake import Intake
from tests.browser.bare import Bare
from tests.browser.conftest import ARTIFACTS

pytestmark = pytest.mark.browser

GIVE = """
([event, name, type, size]) => {
  const bytes = new Uint8Array(size).map((_, i) => i);
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type}));
  const key = event === 'paste' ? 'clipboardData' : 'dataTransfer';
  const made = event === 'paste'
    ? new ClipboardEvent(event, {clipboardData: files, bubbles: true, cancelable: true})
    : new DragEvent(event, {dataTransfer: files, bubbles: true, cancelable: true});
  document.querySelector('.kx-intake button').dispatchEvent(made);
  return made.defaultPrevented;
}
"""
MIB = 1 << 20


def shown(page, **traits):
    intake, came = Intake(**traits), []
    intake.on_file(came.append)
    return intake, Bare(page, intake), came


def arrived(page, bare, came, count):
    """Carry across until so many files came whole."""
    for _ in range(100):
        bare.sync()
        if len(came) == count:
            return
        page.evaluate("new Promise(done => setTimeout(done, 20))")
    assert len(came) == count


def test_a_file_is_dropped_pasted_or_chosen(page, tmp_path):
    """All three ways bring the same bytes, also in several parts."""
    _, bare, came = shown(page)
    page.evaluate("new Promise(requestAnimationFrame)")
    size = 2 * MIB + 7
    whole = bytes(i % 256 for i in range(size))
    for count, event in enumerate(("drop", "paste"), start=1):
        assert page.evaluate(GIVE, [event, "a.png", "image/png", size])
        arrived(page, bare, came, count)
    file = tmp_path / "b.png"
    file.write_bytes(whole)
    page.locator("input[type=file]").set_input_files(file)
    arrived(page, bare, came, 3)
    assert [upload.name for upload in came] == ["a.png", "a.png", "b.png"]
    assert all(upload.data == whole for upload in came)


def test_what_cannot_be_used_is_said_and_not_sent(page):
    """Type and size are looked at before a byte travels; the words stand beside it."""
    _, bare, came = shown(page, most_bytes=MIB)
    page.evaluate("new Promise(requestAnimationFrame)")
    alarm = page.get_by_role("alert")
    for name, kind, size, words in (
        ("a.gif", "image/gif", 9, "It is no PNG, JPEG or WebP picture."),
        ("b.png", "image/png", MIB + 1, "It has over 1 MiB."),
        ("c.png", "image/png", 0, "It is empty."),
    ):
        page.evaluate(GIVE, ["drop", name, kind, size])
        alarm.filter(has_text=f"{name}: {words}").wait_for()
    assert page.evaluate("window.sent.length") == 0
    assert came == []
    bare.sync()


def test_the_first_thing_one_sees(page):
    """An empty Editor offers a place to drop on, a button, and samples to try."""
    intake, bare, _ = shown(page, samples=["bottle", "room"])
    tried = []
    intake.on_sample(tried.append)
    page.get_by_role("button", name="room").click()
    bare.sync()
    assert tried == ["room"]
    page.screenshot(path=ARTIFACTS / "intake.png")
    intake.say("room is open.", error="")
    intake.compact = True
    bare.sync()
    page.get_by_role("button", name="Open another picture…").wait_for()
    page.get_by_role("status").filter(has_text="room is open.").wait_for()


def test_a_real_picture_comes_through_whole(page, tmp_path):
    """What a browser sends is what Python can open."""
    _, bare, came = shown(page)
    file = tmp_path / "photo.jpg"
    Image.linear_gradient("L").save(file)
    page.locator("input[type=file]").set_input_files(file)
    arrived(page, bare, came, 1)
    assert Image.open(io.BytesIO(came[0].data)).size == (256, 256)
