"""The demo engine's grammar: what is understood, and that nothing is dropped."""

# ruff: noqa: RUF001 - curly quotes are what people type
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.demo.grammar import (
    ABILITIES,
    Add,
    Look,
    Recolour,
    ReplaceText,
    Tone,
    Unsupported,
    parse,
)
from kontext_nb.demo.refusals import IN_ENGLISH
from kontext_nb.errors import PromptRejected
from kontext_nb.model import PROMPT_MAX_CHARS

KINDS, EXAMPLES = zip(*(ability.split(": ", 1) for ability in ABILITIES), strict=True)


def only(prompt):
    """Return the one operation of a prompt."""
    (operation,) = parse(prompt).operations
    return operation


@pytest.mark.parametrize(
    ("prompt", "axis", "amount"),
    [
        ("Make it slightly warmer", "warmth", 0.5),
        ("make the picture much darker", "brightness", -1.8),
        ("brighten the photo a bit", "brightness", 0.5),
        ("Give the image more contrast.", "contrast", 1),
        ("reduce the contrast a lot", "contrast", -1.8),
        ("Make the photo less saturated", "saturation", -1),
        ("make the colours more vivid", "saturation", 1),
        ("more muted", "saturation", -1),
        ("a little colder, please", "warmth", -0.5),
        ("Make it a bit darker", "brightness", -0.5),
        ("Make the shot a touch warmer", "warmth", 0.5),
        ("make it somewhat cooler", "warmth", -0.5),
        ("add a touch of warmth", "warmth", 0.5),
        ("Give this photograph a little more contrast", "contrast", 0.5),
        ("make the colors a lot more vivid", "saturation", 1.8),
    ],
)
def test_tone_words_have_a_direction_and_an_amount(prompt, axis, amount):
    """A tone is an axis and a signed amount, in any of the usual wordings."""
    assert only(prompt) == Tone(axis, amount)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Make the picture black and white", "monochrome"),
        ("convert the photo to greyscale", "monochrome"),
        ("Apply a sepia filter", "sepia"),
        ("Turn day into night", "night"),
        ("change the scene to night-time", "night"),
        ("change the lighting to golden hour", "sunset"),
        ("make the image look like a pencil drawing", "sketch"),
        ("Turn this photo into a vintage sepia photo", "sepia"),
        ("Blur the background", "blur"),
        ("make the background blurry", "blur"),
    ],
)
def test_looks_are_known_by_several_names(prompt, name):
    """A look has one name, however it is asked for."""
    assert only(prompt) == Look(name)


@pytest.mark.parametrize(
    ("prompt", "subject", "source", "target"),
    [
        ("change the green bottle to dark red", "bottle", "green", "dark red"),
        ("make the red car blue", "car", "red", "blue"),
        ("turn the blue wall yellow", "wall", "blue", "yellow"),
        ("Change the bottle to dark green", "bottle", None, "dark green"),
        ("change the colour of the car to navy blue", "car", None, "navy blue"),
        ("change the bottle from green to red", "bottle", "green", "red"),
        ("replace the red car with a blue one", "car", "red", "blue"),
        ("Change the red car to the blue color", "car", "red", "blue"),
        ("change the color of the red car to blue", "car", "red", "blue"),
        ("make the red car the colour blue", "car", "red", "blue"),
        ("Make the man's shirt white", "man's shirt", None, "white"),
    ],
)
def test_recolouring_names_a_thing_and_two_colours(prompt, subject, source, target):
    """The subject, its colour and the new one are told apart."""
    found = only(prompt)
    assert isinstance(found, Recolour)
    assert found.subject == subject
    assert (found.source.name if found.source else None) == source
    assert found.target.name == target


@pytest.mark.parametrize(
    ("prompt", "old", "new"),
    [
        ("Replace 'ALPHA' with 'AURA' on the label", "ALPHA", "AURA"),
        ("replace “Open” with “Closed – back at 5”", "Open", "Closed – back at 5"),
        ("change the text 'OLD' to 'NEW'", "OLD", "NEW"),
        ("Change the sign from \"DON'T\" to 'DO and DARE'", "DON'T", "DO and DARE"),
        (
            "replace ‘Caffè’ on the sign with ‘Thé’, same font and colour",
            "Caffè",
            "Thé",
        ),
    ],
)
def test_quoted_text_is_kept_to_the_letter(prompt, old, new):
    """Quotes of any kind work, and what is in them keeps its case and its words."""
    assert only(prompt) == ReplaceText(old, new)


def test_add_reads_colour_size_count_and_place():
    """Every word of an addition is used."""
    found = only("Add two small red hearts in the top left corner")
    assert isinstance(found, Add)
    assert (found.thing, found.count) == ("hearts", 2)
    assert found.colour is not None
    assert found.colour.name == "red"
    assert found.size < 1
    x, y = found.anchor
    assert x < 0.3
    assert y < 0.3


@pytest.mark.parametrize(
    ("place", "x", "y"),
    [
        ("on the right", 0.84, 0.5),
        ("in the sky", 0.72, 0.15),
        ("in the centre", 0.5, 0.5),
    ],
)
def test_places_are_fixed_points(place, x, y):
    """A place word means a point of the picture."""
    assert only(f"add a star {place}").anchor == (x, y)


def test_parts_without_a_verb_take_the_one_before():
    """A part such as "and the wall yellow" is a change, as the part before."""
    car, wall = parse("make the red car blue and the wall yellow").operations
    assert isinstance(car, Recolour)
    assert isinstance(wall, Recolour)
    assert parse("Make it darker, colder and more vivid").operations == (
        Tone("brightness", -1),
        Tone("warmth", -1),
        Tone("saturation", 1),
    )


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("Keep the face unchanged. Make it sunset", "keep the face unchanged"),
        ("Make it sunset, keeping all else the same", "keeping all else the same"),
        ("Make it sunset while keeping the red car blue", "keeping the red car blue"),
        ("Keep the lettering 'OLD' and make it sunset", "keep the lettering 'OLD'"),
        ("Do not change the sky. Make it sunset", "do not change the sky"),
        ("Make it sunset but leave the sky and the car", "leave the sky and the car"),
    ],
)  # fmt: skip
def test_what_is_to_stay_is_parsed_apart(prompt, kept):
    """A keep clause is remembered, and is no operation."""
    assert parse(prompt).operations == (Look("sunset"),)
    assert parse(prompt).keep == (kept,)


@given(st.sampled_from(EXAMPLES), st.text("abcdefg redblu", max_size=40))
def test_a_keep_clause_never_adds_an_operation(prompt, words):
    """Whatever is kept, the operations are those of the prompt without it."""
    plain = parse(prompt).operations
    assert parse(f"{prompt}, keeping the {words} unchanged").operations == plain
    assert parse(f"Keep the {words} as it is. {prompt}").operations == plain


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("remove the car", "remove the car"),
        ("Make it warmer and remove the dog", "remove the dog"),
        ("make her nicer", "make her nicer"),
        ("Make it night. Then dance", "dance"),
        ("Replace the background with a beach", "replace the background with a beach"),
        ("Replace 'OLD' with ''", "replace 'old' with ''"),
        ("make the man wear red", "make the man wear red"),
        ("change the background to blue", "change the background to blue"),
        ("Paint the car like the sky", "paint the car like the sky"),
        ("make it more blue", "make it more blue"),
        ("Put it into the sky", "put it into the sky"),
        ("Keep everything as it is", "Keep everything as it is"),
    ],
)
def test_one_part_not_understood_fails_the_prompt(prompt, part):
    """The error names the part, all that can be asked, and the nearest examples."""
    with pytest.raises(Unsupported) as caught:
        parse(prompt)
    assert part.casefold() in caught.value.problem.casefold()
    assert all(kind in caught.value.remedy for kind in KINDS)
    assert sum(example in caught.value.remedy for example in EXAMPLES) == 3
    assert len(caught.value.remedy) <= 300
    assert isinstance(caught.value, PromptRejected)
    assert isinstance(caught.value, ValueError)


def refused(prompt):
    """Return the refusal of a prompt."""
    with pytest.raises(Unsupported) as caught:
        parse(prompt)
    return caught.value


@pytest.mark.parametrize(
    ("prompt", "example"),
    [
        ("Sharpen the lettering on the label", "Replace 'ALPHA' with 'AURA'"),
        ("Unblur the backgrounds", "Blur the background"),
        ("Make it a starry night sky", "Change the scene to night"),
        ("make it look warmish", "Make it slightly warmer"),
    ],
)
def test_a_refusal_shows_what_is_nearest_first(prompt, example):
    """The examples are chosen by the words of the prompt, misspelt ones too."""
    remedy = refused(prompt).remedy
    assert example in remedy.split(";")[0]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Make it warmer. Déjà-vu the Œuvre", "'Déjà-vu the Œuvre'"),
        ("dance the \x07\u202epolka", "'dance the polka'"),
        ("remove “the CAR”\n and go", '"remove “the CAR”"'),
        ("swim " * 60, "'" + ("swim " * 16)[:79] + "…'"),
        ("remove \ud800 the \ue000car", "'remove the car'"),
    ],
)
def test_a_refusal_quotes_what_was_typed(prompt, said):
    """The words are shown as typed, on one line, readable and cut to 80 characters."""
    assert said.strip('"') in refused(prompt).problem


@pytest.mark.parametrize(
    "prompt",
    ["Сделай картинку теплее", "画像を夜にする", "Hazlo más cálido", "Mache es wärmer"],
)
def test_a_prompt_that_is_not_english_is_told_so(prompt):
    """The remedy asks for English, and does not list what was not the matter."""
    assert refused(prompt).remedy == IN_ENGLISH


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("Replace CAFE with BAR on the sign", ("CAFE", "BAR")),
        ("Replace 'CAFE' with BAR", ("CAFE", "BAR")),
        ("Change the text OPEN to CLOSED", ("OPEN", "CLOSED")),
    ],
)
def test_texts_without_quotes_are_asked_for_with_quotes(prompt, texts):
    """The remedy is the prompt to write, and it parses."""
    remedy = refused(prompt).remedy
    assert "quotes" in remedy
    assert only(remedy.split(": ")[1].rstrip(".")) == ReplaceText(*texts)


@pytest.mark.parametrize(
    ("place", "loose"),
    [
        ("", True),
        ("next to the car", True),
        ("on the bottle", True),
        ("in the top right corner", False),
        ("on the wall", False),
    ],
)
def test_only_a_place_that_is_known_is_kept_to(place, loose):
    """What stands beside a thing may move; a corner is a corner."""
    assert only(f"add a star {place}").loose is loose


@pytest.mark.parametrize("prompt", EXAMPLES)
def test_every_ability_that_is_listed_is_one(prompt):
    """What the error message recommends parses."""
    assert len(parse(prompt).operations) == 1


WORDS = """make change the it to a red green bottle and , . keep 'OLD' with replace add
star in sky slightly more contrast black white night while keeping not ’ \ue000"""
VOCABULARY = st.sampled_from([*WORDS.split(), "\n"])


@given(st.one_of(st.text(), st.lists(VOCABULARY, max_size=30).map(" ".join)))
def test_any_text_is_understood_or_refused(text):
    """No text crashes the parser, and none is answered with nothing to do."""
    with contextlib.suppress(Unsupported):
        assert parse(text).operations


@pytest.mark.parametrize("word", ["a ", "keep ", "' ", "the tone ", "and, ", "very "])
def test_the_longest_prompt_is_read_without_delay(word):
    """No repetition of a word makes the patterns explode (the test's time limit)."""
    text = "make it " + (word * PROMPT_MAX_CHARS)[:PROMPT_MAX_CHARS]
    with pytest.raises(Unsupported):
        parse(text)
