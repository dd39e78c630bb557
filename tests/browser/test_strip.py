"""The strip in a real Chromium, by mouse and by keys; Python is at its other end."""

import io

import pytest
from PIL import Image, ImageDraw

from kontext_nb.widgets.strip import Strip
from kontext_nb.widgets.view import Act, ShownStep
from tests.browser.bare import Bare
from tests.browser.conftest import ARTIFACTS

pytestmark = pytest.mark.browser

WORDS = (
    "Change the bottle to dark green",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen aufdrucken",
    "اجعل السماء برتقالية مع الحفاظ على كل شيء آخر كما هو",
    "空を夕焼けに変えて、ボトルとラベルはそのままにしてください",
    "<img src=x onerror=alert(1)> & <b>bold</b>",
)


def picture(word):
    image = Image.linear_gradient("L").resize((160, 120)).convert("RGB")
    ImageDraw.Draw(image).text((60, 40), word, font_size=36)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def tree(parents, **of_last):
    """Return a source and steps, each made from the one at the place given."""
    steps = [ShownStep(id="s0", title="bottle.jpg", detail="1448 by 1086")]
    for n, parent in enumerate(parents, start=1):
        words = WORDS[(n - 1) % len(WORDS)]
        step = ShownStep(id=f"s{n}", title=words, detail=f"seed {n}")
        step["parent"] = f"s{parent}"
        steps.append(step)
    steps[-1].update(of_last)
    return steps


def thumbs(steps):
    return {s["id"]: picture(str(n)) for n, s in enumerate(steps) if "state" not in s}


def shown(page, steps, **traits):
    """Put a strip on the page; return it, its page, and the acts it is asked for."""
    strip = Strip(steps=steps, thumbs=thumbs(steps), **traits)
    acts = []
    strip.on_act(acts.append)
    return strip, Bare(page, strip), acts


def step(page, number):
    """Return the button of one step, by what a screen reader calls it."""
    called = f"step {number}: " if number else "the source: "
    return page.get_by_role("button", name=called)


def test_a_click_selects_and_shift_compares(page):
    """A click is the next edit's start; Shift-click is the other half of the pair."""
    strip, bare, _ = shown(page, tree(range(4)), selected="s4", removed="Gone.")
    step(page, 2).click()
    bare.sync()
    assert (strip.selected, strip.removed) == ("s2", "")
    step(page, 4).click(modifiers=["Shift"])
    bare.sync()
    assert strip.pair == ("s4", "s2")
    page.get_by_role("status").filter(
        has_text="Comparing step 4 with step 2."
    ).wait_for()
    page.get_by_role("button", name="Stop comparing").click()
    bare.sync()
    assert strip.pair == ("s1", "s2")


def test_every_picture_is_painted_and_named(page):
    """Pictures have words, what has none says why, and no text is markup."""
    _, _, _ = shown(page, tree([0, 1, 2, 1, 0, 5], state="failed"), selected="s3")
    images = page.get_by_role("img")
    images.last.wait_for()
    page.wait_for_function(
        "[...document.images].every(i => i.naturalWidth > 0 || i.hidden)"
    )
    assert images.count() == 6
    page.get_by_text("✕ Failed").wait_for()
    page.get_by_text("from step 1 · seed 4").wait_for()
    page.get_by_text("<b>bold</b>").first.wait_for()
    chosen = page.locator("[aria-current=step]")
    assert chosen.count() == 1
    assert "Editing from here" in chosen.inner_text()


def test_arrow_keys_walk_the_tree_and_it_is_one_stop(page):
    """Right goes on, Left to the parent, Down to the row below; Tab enters once."""
    shown(page, tree([0, 1, 2, 1, 4]), selected="s2")
    page.keyboard.press("Tab")
    walked = []
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "End", "Home"):
        page.keyboard.press(key)
        walked.append(page.evaluate("document.activeElement.closest('li').dataset.id"))
    assert walked == ["s3", "s5", "s4", "s1", "s5", "s0"]
    stops = "document.querySelectorAll('.kx-pick[tabindex=\"0\"]').length"
    assert page.evaluate(stops) == 1


def test_no_key_in_it_is_a_command_of_the_notebook(page):
    """Whatever can have the focus says so itself: the notebook asks nothing around."""
    shown(page, tree(range(9)), selected="s2", removed="Step 10 is deleted.")
    step(page, 2).focus()
    page.keyboard.press("n")
    bare = "button:not([data-lm-suppress-shortcuts]), :is(input, textarea)"
    bare += ":not([data-lm-suppress-shortcuts])"
    assert page.locator(bare).count() == 0
    assert page.locator("input, textarea").count() == 2


def test_keys_star_name_note_and_delete(page):
    """`s`, `n`, `o`, `Delete` and `c` do what the menu says; Ctrl keeps its own."""
    strip, bare, acts = shown(page, tree(range(3)), selected="s3")
    step(page, 2).focus()
    page.keyboard.press("s")
    page.keyboard.press("n")
    page.keyboard.type("The best")
    page.keyboard.press("Enter")
    page.keyboard.press("o")
    page.keyboard.type("for the")
    page.keyboard.press("Enter")
    page.keyboard.type("poster")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Delete")
    page.keyboard.press("Control+c")
    bare.sync()
    assert acts == [
        Act("star", "s2", True),
        Act("rename", "s2", "The best"),
        Act("note", "s2", "for the\nposter"),
        Act("delete", "s2"),
    ]
    step(page, 2).focus()
    page.keyboard.press("c")
    bare.sync()
    assert strip.compared == "s2"


def test_the_menu_by_mouse_and_keys(page):
    """It opens on top, shows the whole prompt, obeys arrows, and gives focus back."""
    _, bare, acts = shown(
        page, tree(range(4), starred=True, note="dull"), selected="s1"
    )
    page.get_by_role("button", name="Actions for step 4").click()
    page.locator(".kx-about").get_by_text(WORDS[3]).wait_for()
    menu = page.get_by_role("menu")
    names = menu.get_by_role("menuitem").all_inner_texts()
    assert [name.split("\n")[0] for name in names] == [
        *("Edit from here", "Compare with step 1", "Remove the star"),
        *("Rename…", "Note…", "Delete"),
    ]
    page.screenshot(path=ARTIFACTS / "strip-menu.png")
    page.keyboard.press("Escape")
    assert menu.count() == 0
    page.locator(".kx-more:focus").wait_for()
    page.keyboard.press("Enter")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    bare.sync()
    assert acts == [Act("star", "s4", False)]
    page.get_by_role("button", name="Actions for the source").click()
    assert menu.get_by_role("menuitem").count() == 2


def test_words_are_selected_by_mouse(page):
    """In the field of the menu, as in any other."""
    shown(page, tree(range(2), note="dull"), selected="s1")
    step(page, 2).focus()
    page.keyboard.press("o")
    page.get_by_role("textbox", name="Note").dblclick(position={"x": 12, "y": 12})
    assert page.evaluate("getSelection().toString()") == "dull"


def test_deleting_offers_undo_and_the_focus_stays(page):
    """The sentence is said, "Undo" stands beside it, and the focus goes to a step."""
    strip, bare, acts = shown(page, tree(range(4)), selected="s2")
    step(page, 4).focus()
    strip.steps = strip.steps[:-1]
    strip.removed = "Step 4, Make it night, is deleted."
    bare.sync()
    page.get_by_role("status").filter(has_text="is deleted").wait_for()
    focused = "document.activeElement.closest('li')?.dataset.id"
    assert page.evaluate(focused) == "s2"
    page.get_by_role("button", name="Undo").click()
    bare.sync()
    assert acts == [Act("undo", "")]
    assert strip.removed == ""
    assert page.get_by_role("button", name="Undo").count() == 0
    assert page.evaluate(focused) == "s2"


def test_the_focus_survives_new_steps(page):
    """What is typed and where the focus is stays while other steps come and change."""
    strip, bare, acts = shown(page, tree(range(4)), selected="s4")
    step(page, 3).focus()
    page.keyboard.press("n")
    page.keyboard.type("Half a na")
    strip.thumbs = {**strip.thumbs, "s5": picture("5")}
    strip.steps = tree(range(5), starred=True)
    strip.selected = "s5"
    bare.sync()
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    bare.sync()
    assert acts == [Act("rename", "s3", "Half a name")]
    assert page.evaluate("document.activeElement.closest('li').dataset.id") == "s3"


def test_fifty_steps_scroll_sideways_and_leave_the_wheel_to_the_page(page):
    """The selected step is in sight, the wheel moves the page, a filter shows stars."""
    strip, bare, _ = shown(page, tree(range(49), starred=True), selected="s49")
    page.add_style_tag(content="body { height: 3000px }")
    box = step(page, 49).bounding_box()
    assert 0 <= box["x"] < 1280
    page.mouse.move(600, 150)
    page.mouse.wheel(0, 200)
    page.wait_for_function("scrollY === 200")
    sideways = page.evaluate("document.querySelector('.kx-steps').scrollWidth")
    assert sideways > 50 * 150
    page.get_by_label("Starred only").check()
    assert page.get_by_role("listitem").count() == 1
    strip.steps = tree(range(7))
    bare.sync()
    assert page.get_by_role("listitem").count() == 8


def test_the_spinner_stands_still_where_motion_is_unwanted(page):
    """A running step turns, unless the person asked their system for less motion."""
    shown(page, tree(range(2), state="running"), selected="s1")
    spinner = "document.querySelector('[data-state=running] .kx-none')"
    turning = f"getComputedStyle({spinner}, '::before').animationName"
    page.get_by_text("Running").wait_for()
    assert page.evaluate(turning) == "kx-turn"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(turning) == "none"


def test_the_chosen_step_is_seen_in_high_contrast(page):
    """Where all colours are the system's, its frame is thicker than the others'."""
    page.emulate_media(forced_colors="active")
    shown(page, tree(range(2)), selected="s1")
    frames = page.get_by_role("listitem").evaluate_all(
        "steps => steps.map(it => getComputedStyle(it))"
        ".map(it => it.outlineStyle === 'none' ? '' : it.outlineWidth)"
    )
    assert frames == ["", "2px", ""]


def test_a_closed_view_lets_go_of_everything(page):
    """When the view goes, nobody listens on and no picture is held."""
    shown(page, tree(range(3)), selected="s1")
    page.evaluate("window.end()")
    left = "Object.values(window.heard).reduce((sum, runs) => sum + runs.size, 0)"
    assert page.evaluate(left) == 0
