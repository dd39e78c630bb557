"""The Editor without a browser: its buttons, its chain, its honesty."""

import threading

import pytest

import kontext_nb as kx
from kontext_nb.widgets.editor import SOURCE
from kontext_nb.widgets.plain_compare import PlainCompare


@pytest.fixture
def picture():
    return kx.samples.bottle().resize((96, 128))


@pytest.fixture
def editor(picture):
    return kx.Editor(picture)


def wait_until_idle(editor):
    """Wait for the Run button to come back, as a person would."""
    idle = threading.Event()

    def look(_=None):
        if not editor.run_button.disabled:
            idle.set()

    editor.run_button.observe(look, "disabled")
    look()
    assert idle.wait(30)
    editor.run_button.unobserve(look, "disabled")


def run(editor, prompt):
    editor.prompt.value = prompt
    editor.run_button.click()
    wait_until_idle(editor)


def test_run_makes_the_next_link(editor):
    """Run edits from the selected step, shows before and after, and selects the new."""
    run(editor, "Make it sepia")
    run(editor, "Make it darker")
    first, second = editor.chain
    assert second.step.parent == first.step.id
    assert editor.strip.selected == second.step.id
    assert [step["title"] for step in editor.strip.steps] == [
        "Source",
        "Make it sepia",
        "Make it darker",
    ]
    assert [picture["label"] for picture in editor.view.pictures] == [
        "Before",
        "Make it darker",
    ]
    assert "demo engine" in editor.view.footer


def test_edit_from_here_branches(editor):
    """Selecting an earlier step makes the next edit start there."""
    run(editor, "Make it sepia")
    editor.strip.selected = SOURCE
    assert editor.view.pictures[1]["preview"] == b""
    run(editor, "Make it night")
    assert [edit.step.parent for edit in editor.chain] == [None, None]


def test_what_is_wrong_is_said_and_nothing_is_sent(editor):
    """An empty instruction and a seed that is none are refused in words."""
    run(editor, "  ")
    assert "The prompt is empty." in editor.status.value
    editor.seed.value = "<b>many</b>"
    run(editor, "Make it night")
    assert "not a whole number" in editor.status.value
    assert "<b>" not in editor.status.value
    assert len(editor.chain) == 0


def test_a_failed_edit_leaves_the_editor_usable(editor):
    """What the engine cannot do is said; the next edit works."""
    run(editor, "Remove the bottle")
    assert "can do" in editor.status.value
    run(editor, "Make it night")
    assert len(editor.chain) == 1


def test_no_seed_however_odd_locks_the_editor(editor):
    """Whatever is typed as a seed is refused in words, and Run comes back."""
    for odd in ("9" * 5000, "\N{ARABIC-INDIC DIGIT SEVEN}", "-1", "1e3"):
        editor.seed.value = odd
        run(editor, "Make it night")
        assert "not a whole number" in editor.status.value


def test_cancel_says_what_became_of_it(picture):
    """A queued job is cancelled, and the Editor is free again at once."""
    with kx.configure(demo_s=90):
        editor = kx.Editor(picture)
        editor.prompt.value = "Make it night"
        queued = threading.Event()
        editor.status.observe(
            lambda change: queued.set() if "queued" in change["new"] else None, "value"
        )
        editor.run_button.click()
        assert queued.wait(30)
        editor.run_button.click()  # a second click starts nothing
        editor.cancel_button.click()
        wait_until_idle(editor)
    assert "still queued and is cancelled" in editor.status.value
    assert len(editor.chain) == 0


def test_what_a_dead_notebook_shows(editor):
    """Beside the live view there is a JPEG and text, small and without the widget."""
    run(editor, "Make it night")
    data, _ = editor._repr_mimebundle_()
    assert set(data) >= {"image/jpeg", "text/html", "text/plain"}
    assert "demo engine" in data["text/html"]
    assert len(data["image/jpeg"]) < 50_000


def test_plain_widgets_do_the_same(picture):
    """KONTEXT_NB_WIDGETS=plain builds the Editor of ipywidgets alone."""
    with kx.configure(widgets="plain"):
        editor = kx.Editor(picture)
    run(editor, "Make it night")
    assert isinstance(editor.view, PlainCompare)
    assert len(editor.chain) == 1
