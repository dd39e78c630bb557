"""What the rules find in prompts, where, and what they propose."""

import json
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kontext_nb as kx
from kontext_nb.catalogue import MAKES, ROWS
from kontext_nb.errors import ParameterRejected, PromptRejected
from kontext_nb.prompts import (
    Finding,
    Severity,
    keeping,
    letters,
    negation,
    scenes,
    wording,
)
from kontext_nb.prompts.looking import Phrase
from kontext_nb.prompts.reading import read
from kontext_nb.prompts.rules import RULES
from tests.prompt_corpus import CORPUS, UNSEEN
from tests.test_cli import run
from tests.test_grids_hostile import PAYLOADS

NANO = "google/nano-banana-2/edit"
MAKER = next(row.model_id for row in ROWS.values() if row.category == MAKES)

# Known, and not worth a false alarm elsewhere.
MISSED = {
    ("K013", "Can you put my dog in space"),
    ("K052", "Design a poster for a jazz concert"),
    ("K012", "Create an anime version of this photo"),
}

# What prompts are made of, and whatever the rules look for.
PARTS = (
    *(prompt for prompt, _ in CORPUS if len(prompt) < 200),
    *("keep", "same", "and", "then", "but", "while", ",", ".", "\n", " ", "'", '"'),
    *(
        "\u201c",
        "\u2019",
        "(",
        ":1.2)",
        "not",
        "without",
        "image 2",
        "her",
        "it",
        "the man",
    ),
    *("should be", "into a", "background", "says", "position", "no", "--ar", "the man"),
    *("👩\u200d🚀", "e\u0301", "\u202e", "שלום", "مرحبا", "背景", "İ", "\ud800", "\0"),
)
PROMPTS = (
    st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join)
    | st.lists(st.sampled_from(PARTS), max_size=8).map("".join)
    | st.text(max_size=300)
)


def rules_of(prompt, **how):
    return {finding.rule for finding in kx.lint(prompt, **how)}


def ranks(prompt):
    return {finding.rule: finding.severity.rank for finding in kx.lint(prompt)}


def one(prompt, rule):
    (found,) = (f for f in kx.lint(prompt) if f.rule == rule)
    return found


@pytest.mark.parametrize(("prompt", "expected"), CORPUS, ids=lambda v: ascii(v)[:40])
def test_a_prompt_gets_the_hints_a_teacher_would_give(prompt, expected):
    """No false alarm at all, and nothing missed that is not known to be."""
    missed = {rule for rule in expected.split() if (rule, prompt) in MISSED}
    assert rules_of(prompt) == set(expected.split()) - missed


def test_the_corpus_is_worth_its_name():
    """Enough prompts, each once, and every rule is wanted and unwanted somewhere."""
    assert len(CORPUS) > 350
    assert len(UNSEEN) > 100
    assert len({prompt for prompt, _ in CORPUS}) == len(CORPUS)
    wanted = " ".join(expected for _, expected in CORPUS)
    assert {rule.id for rule in RULES} == set(wanted.split())
    assert {(rule, prompt) for rule, prompt in MISSED} <= {
        (rule, prompt) for prompt, rules in CORPUS for rule in rules.split()
    }


@given(PROMPTS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_spans_lie_inside_it(prompt):
    """It never fails, and the words at fault are words of the prompt, in order."""
    found = kx.lint(prompt)
    for finding in found:
        assert 0 <= finding.start <= finding.end <= len(prompt)
        assert found.words(finding) or finding.rule == "K001"
        assert finding.message.isprintable()
        assert finding.message.endswith((".", '".'))
    assert [f.start for f in found] == sorted(f.start for f in found)
    assert len({f.rule for f in found}) == len(found)
    assert (repr(found) + found._repr_html_()).encode()


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "İİİ ",
        "e\u0301 ",
        "👩\u200d🚀 ",
        "שלום ",
        "'İ' ",
        "ﬁ ﬂ ß ",
        "\u202e ",
        "背景 ",
    ],
    ids=ascii,
)
def test_the_words_at_fault_are_found_behind_any_letters(odd):
    """Letters that change their length in lower case do not shift what follows."""
    prompt = f"{odd}please give her a coat and do not touch the 'NO' sign"
    found = kx.lint(prompt)
    assert [found.words(f) for f in found] == ["her", "do not touch"]
    assert found[1].better == (
        f"{odd}please give her a coat and keep the 'NO' sign the same"
    )


@given(PROMPTS)
@settings(max_examples=300, deadline=None)
def test_a_better_prompt_is_better(prompt):
    """Its fault is gone, nothing as bad is new, and it proposes no more of the kind."""
    before = ranks(prompt)
    for finding in kx.lint(prompt):
        for text in filter(None, (finding.better, *finding.passes)):
            after = ranks(text)
            assert finding.rule not in after
            for rule, rank in after.items():
                assert rank < finding.severity.rank or rank <= before.get(rule, -1)


@given(PROMPTS)
@settings(max_examples=200, deadline=None)
def test_a_better_prompt_keeps_every_quote(prompt):
    """Letters to be painted are never reworded."""
    quoted = [prompt[a + 1 : b - 1] for a, b in read(prompt, None).quoted]
    for finding in kx.lint(prompt):
        if finding.better is not None:
            assert all(letters in finding.better for letters in quoted)


BETTER = {
    "Don't touch the face": "Keep the face the same",
    "Paint the wall. Never change anything else!": (
        "Paint the wall. Keep everything else the same!"
    ),
    "Make it red without altering the 'NO' sign or the door": (
        "Make it red while keeping the 'NO' sign and the door the same"
    ),
    "Do not remove the dog and add a cat": "Keep the dog and add a cat",
    "Don't move the chair": "Keep the chair in place",
    "The 'RED' door must be painted blue.": "Paint the 'RED' door blue.",
    "Turn the man into a pirate.": (
        "Turn the man into a pirate. Keep the same face and expression."
    ),
    "Change the text to SOLD OUT": "Change the text to 'SOLD OUT'",
    "Add a sign that says Joe's Bar": 'Add a sign that says "Joe\'s Bar"',
    "Replace the word Tea with Coffee": "Replace the word 'Tea' with 'Coffee'",
    "Add \u2018A\u2019 and \u2018B\u2019 to the sign": "Add 'A' and 'B' to the sign",
    "Give him a [tall hat:1.4]": "Give him a tall hat",
}


@pytest.mark.parametrize("prompt", BETTER)
def test_how_a_prompt_is_reworded(prompt):
    """The click does what a careful hand would do."""
    assert BETTER[prompt] in [finding.better for finding in kx.lint(prompt)]


@pytest.mark.parametrize(
    "prompt",
    [
        "Do not change the face unless the hat covers it",
        "Don't make it too dark",
        "Make the street empty, no cars",
        "give her a coat",
        "make the bike nicer",
        'Replace "OPEN with "SHUT"',
    ],
)
def test_what_takes_a_guess_is_not_reworded(prompt):
    """Where facts are missing or the sense may turn, it is left to the writer."""
    assert [f.better for f in kx.lint(prompt)] == [None] * len(kx.lint(prompt))


def test_passes_carry_what_is_to_be_kept():
    """Each pass is an edit of its own that keeps all that the whole prompt keeps."""
    found = one(
        "Keep the dog the same. Change the wall to green, add a plant and remove the "
        "lamp while keeping the light.",
        "K040",
    )
    assert found.passes == (
        "Change the wall to green while keeping the light. Keep the dog the same.",
        "Add a plant while keeping the light. Keep the dog the same.",
        "Remove the lamp while keeping the light. Keep the dog the same.",
    )


def test_passes_that_lose_their_subject_are_not_offered():
    """The "it" of a second pass would be nobody's."""
    found = one("Replace the car with a bus, make it red and remove the tree", "K040")
    assert found.passes == ()


@pytest.mark.parametrize(
    ("prompt", "model", "expected"),
    [
        ("Put the hat from image 2 on the man", None, {"K050"}),
        ("Put the hat from image 2 on the man", NANO, set()),
        ("Put the hat from image 7 on the man", "openai/gpt-image-2/edit", set()),
        ("Put the hat from image 11 on the man", "openai/gpt-image-2/edit", {"K050"}),
        ("Put the hat from image 2 on the man", "somebody/new/edit", set()),
        ("A cat sitting on a red sofa in the sun", None, {"K052"}),
        ("A cat sitting on a red sofa in the sun", MAKER, set()),
        ("Create an image of a dragon over a castle", MAKER, set()),
        ("A shop with a sign that says Open", MAKER, {"K020"}),
        ("word " * 350, NANO, set()),
        ("word " * 350, None, {"K002"}),
    ],
)
def test_the_model_decides_what_can_be_asked(prompt, model, expected):
    """Pictures it takes, and whether there is one to edit, are read off its row."""
    assert rules_of(prompt, model=model) == expected


@pytest.mark.parametrize(
    ("words", "severity"),
    [(290, None), (300, Severity.WARNING), (385, Severity.ERROR)],
)
def test_length_is_judged_by_estimated_tokens(words, severity):
    """400 tokens are many, more than 512 are not read."""
    assert kx.lint("wall " * words).worst == severity


def test_what_is_no_text_or_no_model_is_refused():
    """As everywhere: a typed error with what to do."""
    with pytest.raises(PromptRejected, match="must be text"):
        kx.lint(None)
    with pytest.raises(ParameterRejected, match="not a model id"):
        kx.lint("Make it night", model="../x")


def phrases():
    for module in (keeping, letters, negation, scenes, wording):
        for name, value in vars(module).items():
            if isinstance(value, Phrase):
                yield pytest.param(value, id=f"{module.__name__[19:]}.{name}")


@pytest.mark.parametrize("phrase", list(phrases()))
def test_a_phrase_is_found_wherever_it_stands(phrase):
    """To look only where its first words stand misses none of its matches."""
    anywhere = re.compile(rf"(?<![\w'])(?:{phrase.pattern.pattern})")
    for prompt, _ in CORPUS:
        reading = read(prompt, None)
        slow, fast = anywhere.search(reading.plain), phrase.search(reading)
        assert (fast and fast.span()) == (slow and slow.span()), prompt


def test_beginnings_without_end_are_not_all_tried():
    """No prompt that people write has as many as are tried."""
    for many, missed in ((75, False), (300, True)):
        found = kx.lint("make, " * many + "make it night")
        assert ("K012" not in [f.rule for f in found]) == missed


def test_the_advice_suits_the_words_found():
    """It is about them, whatever else the prompt says is unwanted."""
    for prompt, advice in (
        ("No cars, and do not change the sky", "an empty street"),
        ("Do not change the sky, and no cars", "keep the face the same"),
    ):
        (found,) = [f for f in kx.lint(prompt) if f.rule == "K030"]
        assert advice in found.message


def test_findings_are_a_sequence_of_frozen_values():
    """They can be indexed, counted, compared and stored, and nothing can be set."""
    found = kx.lint("make her nicer")
    assert (len(found), bool(found)) == (2, True)
    assert not kx.lint("Add a red umbrella")
    assert kx.lint("Add a red umbrella").worst is None
    assert found[0] == found[:1][0] == next(iter(found))
    assert found[0] in found
    assert found == kx.lint("make her nicer")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes
    assert isinstance(found[0], Finding)
    with pytest.raises(AttributeError):
        found[0].better = "x"
    with pytest.raises(AttributeError):
        found.prompt = "x"


def test_findings_read_well_as_text():
    """Rule, severity, place, words, then what is wrong, why, and the rewording."""
    assert repr(kx.lint("Turn the man into a pirate")).splitlines() == [
        'K011 warning at 0-19: "Turn the man into a"',
        "  Nothing says that the person is to stay the same person.",
        f"  Why: {next(rule.why for rule in RULES if rule.id == 'K011')}",
        "  Better: Turn the man into a pirate, keeping the same face and expression",
    ]
    assert repr(kx.lint("Add a red umbrella")) == "Nothing to improve."


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_hostile_prompt_stays_text(payload):
    """Neither the page nor the terminal takes anything in a prompt for its own."""
    found = kx.lint(f"make her nicer {payload}")
    html = found._repr_html_()
    tags = re.findall(r"<(?!/?(?:div|p|ul|li|strong|small|mark|bdi|br)\b)", html)
    assert tags == []
    html.encode()
    bare = re.sub(r'<\w+(?: [\w-]+="[^"<>]*")*>|</\w+>', "", html)
    assert "<" not in bare
    assert ">" not in bare
    assert all(
        line.isprintable() or "\u200d" in line for line in repr(found).split("\n")
    )


@pytest.mark.parametrize(
    ("prompt", "code", "worst"),
    [
        ("Add a red umbrella", 0, None),
        ("make the bike nicer", 0, "info"),
        ("give her a coat", 0, "warning"),
        ("Combine both images", 65, "error"),
        (" ", 65, "error"),
    ],
)
def test_the_command_ends_by_the_worst_finding(prompt, code, worst):
    """Only what cannot be done is a failure; stdout has the findings all the same."""
    done = run("--output", "json", "lint", "--", prompt)
    assert done.returncode == code
    assert json.loads(done.stdout)["worst"] == worst
    assert bool(done.stderr) == bool(code)


def test_the_command_speaks_as_the_notebook_does():
    """The same lines, and a model's own limits."""
    done = run("lint", "give her a coat")
    assert done.stdout == f"{kx.lint('give her a coat')!r}\n"
    assert run("lint", "Combine both images", "--model", NANO).returncode == 0
