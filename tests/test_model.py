"""The values: what a request may be, and what makes two requests the same."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.chain import Step, lineage
from kontext_nb.errors import ParameterRejected, PromptRejected
from kontext_nb.model import (
    ASPECT_RATIOS,
    KONTEXT_PRO,
    SEED_MAX,
    Job,
    Request,
    Secret,
    checked_prompt,
    checked_seed,
    echo,
    picture_mark,
)
from tests.asking import asked as request


@pytest.mark.parametrize(
    "prompt",
    ["", "   ", "\n\t", None, 7, b"x", "a\0b", "a\x1b[31mb", "\ud800", "x" * 4001],
)
def test_a_prompt_no_service_could_read_is_refused(prompt):
    """Empty, too long, not text, or with control characters: PromptRejected."""
    with pytest.raises(PromptRejected) as caught:
        checked_prompt(prompt)
    assert len(str(caught.value)) < 300


# Too long to be shown, arrays that are no one number, and numbers that are none.
ODD = (10**5000, np.array([3]), np.array([1, 2]), np.bool_(1), np.float64(3))


@pytest.mark.parametrize(
    "seed",
    [True, False, -1, 1.0, 1.5, "42", 2**32, 2**63, float("nan"), [1], *ODD],
    ids=echo,
)
def test_a_seed_that_is_no_seed_is_refused(seed):
    """A bool, a float, text and numbers out of range are no seeds."""
    with pytest.raises(ParameterRejected, match="whole number from 0"):
        checked_seed(seed)


def test_whole_numbers_of_numpy_are_seeds():
    """A seed from an array is as good as any."""
    assert type(checked_seed(np.int64(7))) is int
    assert checked_seed(np.uint32(2**32 - 1)) == 2**32 - 1


class Stranger:
    """Says of itself just what it is told, unescaped."""

    def __init__(self, text):
        self._text = text

    def __repr__(self):
        """Return the text as it is."""
        return self._text


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "L"])))
def test_an_echo_is_one_printable_line(text):
    """Whatever was given, a terminal, a log and a file can show what is said of it."""
    for shown in (echo(text), echo([text]), echo(Stranger(text))):
        assert shown.isprintable()
        assert len(shown) <= 80
        shown.encode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\u591c\u306b\u3057\u3066", "'\u591c\u306b\u3057\u3066'"),
        ("3 \u00d7 4", "'3 \u00d7 4'"),
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        ("\u202egnp", r"'\u202egnp'"),
        ("\udcff", r"'\udcff'"),
        ("x" * 200, "'" + "x" * 78 + "\u2026"),
        (np.array([[1], [2]]), r"array([[1],\n       [2]])"),
        (10**5000, "<int that cannot be shown>"),
    ],
    ids=lambda value: ascii(echo(value)),
)
def test_an_echo_escapes_only_what_must_be(value, shown):
    """Any script stays readable; what could deceive or break the line does not."""
    assert echo(value) == shown


FIELDS = {
    "source": st.text("0123456789abcdef", min_size=64, max_size=64),
    "prompt": st.text(st.characters(codec="utf-8", categories=["L", "S"]), min_size=1),
    "seed": st.none() | st.integers(0, SEED_MAX),
    "aspect_ratio": st.none() | st.sampled_from(ASPECT_RATIOS),
    "provider": st.sampled_from(["demo", "runcomfy"]),
}


@given(st.fixed_dictionaries(FIELDS), st.fixed_dictionaries(FIELDS))
def test_fingerprints_are_equal_exactly_when_requests_are(one, other):
    """Two requests share a fingerprint if, and only if, all their fields agree."""
    first, second = request(**one), request(**other)
    assert (first.fingerprint == second.fingerprint) == (first == second)
    assert first.fingerprint == request(**one).fingerprint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_inputs_come_back_as_they_were_given(inputs):
    """Whatever a model's inputs are, the body holds them, in any order the same."""
    made = Request.of(inputs)
    assert made.inputs == inputs
    assert Request.of(dict(reversed(inputs.items()))) == made


def test_pictures_are_filled_in_wherever_they_stand():
    """Every mark becomes its picture's address; nothing else is touched."""
    one, two = picture_mark("1" * 64), picture_mark("2" * 64)
    made = Request.of({"images": [two, one, two], "deep": {"x": one}, "n": 1})
    assert made.pictures == ("1" * 64, "2" * 64)
    filled = made.filled({"1" * 64: "a", "2" * 64: "b"})
    assert filled == {"images": ["b", "a", "b"], "deep": {"x": "a"}, "n": 1}


@pytest.mark.parametrize("body", ["", "[]", "null", "{", "nonsense", '"x"', "1"])
def test_a_body_that_is_no_object_is_refused(body):
    """A damaged row cannot become a request."""
    with pytest.raises(ParameterRejected):
        Request(model=KONTEXT_PRO, body=body)


def test_a_secret_shows_itself_nowhere():
    """No repr, str, format or pickle of a token holds it."""
    secret = Secret.of("canary-token")
    shown = f"{secret!r} {secret} {vars(type(secret))} {[secret]}"
    assert "canary" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def step(name, parent):
    job = Job(id=name, request=request(), ask="", created_at=0.0)
    return Step(
        id=name,
        chain="c",
        parent=parent,
        job=job,
        call=None,
        text_call=None,
        created_at=0.0,
    )


@given(st.lists(st.integers(0, 10), min_size=1, max_size=12), st.data())
def test_a_lineage_leads_from_the_first_edit_to_the_step(parents, data):
    """In any tree, each step of a lineage is the parent of the next."""
    steps = [step("0", None)]
    steps += [step(str(i), str(p % i)) for i, p in enumerate(parents, start=1)]
    last = data.draw(st.sampled_from(steps))
    line = lineage(steps, last.id)
    assert line[0].parent is None
    assert line[-1] == last
    assert all(b.parent == a.id for a, b in itertools.pairwise(line))
