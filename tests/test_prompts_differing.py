"""What two prompts have apart."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_nb.prompts import Kind, parameter_changes, prompt_changes
from tests.prompt_corpus import CORPUS

WORDS = (
    "the",
    "a",
    "red",
    "blue",
    "hat",
    "car",
    ",",
    ".",
    "'X'",
    "背景を",
    "海に",
    "é",
)
TEXTS = (
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
    | st.lists(st.sampled_from((*WORDS, " ", "  ", "\n")), max_size=30).map("".join)
    | st.sampled_from([prompt for prompt, _ in CORPUS])
)


def shown(before, after):
    """Return the pieces as text: [-removed-] and {+added+}."""
    marks = {Kind.SAME: "{}", Kind.REMOVED: "[-{}-]", Kind.ADDED: "{{+{}+}}"}
    return "".join(marks[p.kind].format(p.text) for p in prompt_changes(before, after))


@given(TEXTS, TEXTS)
@settings(max_examples=400, deadline=None)
def test_the_pieces_are_both_prompts(before, after):
    """Without what was added it is the one, without what was removed the other."""
    pieces = prompt_changes(before, after)
    assert "".join(p.text for p in pieces if p.kind is not Kind.ADDED) == before
    assert "".join(p.text for p in pieces if p.kind is not Kind.REMOVED) == after
    assert all(piece.text for piece in pieces)
    for one, other in pairwise(pieces):
        assert one.kind is not other.kind
        assert (one.kind, other.kind) != (Kind.ADDED, Kind.REMOVED)


@given(TEXTS)
@settings(deadline=None)
def test_equal_prompts_have_nothing_apart(text):
    """One piece at most, and it is the same."""
    assert [p.kind for p in prompt_changes(text, text)] in ([], [Kind.SAME])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a red hat", "a blue hat", "a[- red-]{+ blue+} hat"),
        ("Make it night", "Make it night, quietly", "Make it night{+, quietly+}"),
        ("", "Make it night", "{+Make it night+}"),
        ("Make it night", "", "[-Make it night-]"),
        ("colour", "colours", "[-colour-]{+colours+}"),
        ("the man's hat", "the men's hat", "the[- man's-]{+ men's+} hat"),
        ("at 3.5 metres", "at 3.6 metres", "at[- 3.5-]{+ 3.6+} metres"),
        ("背景を海に変えて", "背景を山に変えて", "背景を[-海-]{+山+}に変えて"),
        ("把车变成红色", "把车变成蓝色", "把车变成[-红-]{+蓝+}色"),
        ("한국어 배경을", "한국어 하늘을", "한국어[- 배경을-]{+ 하늘을+}"),
        ("اجعل السماء وردية", "اجعل السماء زرقاء", "اجعل السماء[- وردية-]{+ زرقاء+}"),
        ("हरी टोपी जोड़ें", "लाल टोपी जोड़ें", "[-हरी-]{+लाल+} टोपी जोड़ें"),
        (
            "add 👩\u200d🚀 here",
            "add 👨\u200d🚀 here",
            "add[- 👩\u200d🚀-]{+ 👨\u200d🚀+} here",
        ),
        (
            "Change the car to red and the sky to blue",
            "Change the car to green and the sky to pink",
            "Change the car to[- red-]{+ green+} and the sky to[- blue-]{+ pink+}",
        ),
        (
            "red, wide, old",
            "blue, tall, new",
            "[-red, wide, old-]{+blue, tall, new+}",
        ),
    ],
)
def test_what_people_see(before, after, expected):
    """Whole words where there are words, letters where there are none."""
    assert shown(before, after) == expected


def test_parameters_that_differ_are_named():
    """Each with before and after; 1 and True are not the same."""
    before = {"seed": 1, "aspect_ratio": "1:1", "raw": True}
    after = {"seed": 2, "raw": 1, "steps": 20, "aspect_ratio": "1:1"}
    assert parameter_changes(before, after) == (
        ("seed", 1, 2),
        ("raw", True, 1),
        ("steps", None, 20),
    )
    assert parameter_changes(before, dict(before)) == ()
