"""What two steps have apart: as data, and as HTML that is safe and says it in words."""

import re
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kontext_nb as kx
from kontext_nb.grids.as_changes import fragment
from kontext_nb.grids.changes import Made, changes
from kontext_nb.lettering import whole
from kontext_nb.session.shown_changes import made_of
from kontext_nb.widgets.changes_view import ChangesView
from tests.test_grids_hostile import PAYLOADS

OURS = re.compile(
    r"</?(div|p|span|strong|bdi|ins|del|table|thead|tbody|tr|th|td|br)"
    r'( (class|style|dir|scope)="[^"<>]*")*>'
)


def test_words_and_parameters_that_changed():
    """Only what differs is a row; the prompt is marked in whole words."""
    before = Made("step 1", "Make the hat red", {"Seed": "1", "Model": "pro"})
    after = Made(
        "step 2", "Make the hat blue", {"Seed": "2", "Model": "pro", "Cost": "$1"}
    )
    found = changes(before, after)
    assert found.rows == (("Seed", "1", "2"), ("Cost", "not known", "$1"))
    assert found.same == (("Model", "pro"),)
    shown = fragment(found)
    assert re.search(
        r"<del [^>]*>.*removed.*red.*</del>.*<ins [^>]*>.*added.*blue", shown
    )
    assert "from step 1 to step 2" in shown
    assert "line-through" in shown  # a look that needs no colour
    assert "Model: pro" in shown


def test_a_prompt_that_did_not_change_is_not_marked():
    """Equal prompts are said to be the same; one that follows none is not all new."""
    same = Made("step 1", "Make it night")
    for before, words in ((same, "The same prompt:"), (Made("the source"), "Prompt:")):
        shown = fragment(changes(before, same))
        assert words in shown
        assert "Make it night" in shown
        assert "<ins" not in shown
        assert "<del" not in shown
    assert "Prompt" not in fragment(changes(Made("a"), Made("b")))


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_nothing_in_it_is_markup(text):
    """Whatever a prompt, a label or a value says stays text."""
    before = Made("a", "x " + text, {text: "1"})
    shown = fragment(changes(before, Made(text, text + " y", {text: text})))
    assert not set("<>\"'") & set(OURS.sub("", shown))


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_two_prompts_can_be_set_against_each_other(before, after):
    """Whatever stands in them, every letter is there, and none of it is markup."""
    shown = fragment(changes(Made("a", before), Made("b", after)))
    text = OURS.sub("", shown)
    assert not set("<>\"'") & set(text)
    for word in (before + " " + after).split():
        assert all(escape(whole(char)) in text for char in word)


def test_made_of_an_edit_and_of_its_source():
    """Seed, model, size and time of an edit are said; of the source only its size."""
    picture = kx.samples.bottle().resize((96, 128))
    edit = kx.edit(picture, "Make it sepia", seed=7)
    made = made_of(edit, "step 1")
    assert made.prompt == "Make it sepia"
    assert made.facts["Seed"] == "7"
    assert "demo engine" in made.facts["Model"]
    source = made_of(None, "the source", source=edit.before)
    assert set(source.facts) == {"Size"}
    view = ChangesView()
    view.show(source, made)
    assert "Make it sepia" in view.value
    view.show(source, None)
    assert view.value == ""
    view.close()
