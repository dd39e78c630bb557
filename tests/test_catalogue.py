"""The bundled catalogue: rows that hold together, and what they leave open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.catalogue import EDITS, KONTEXT_MAX, MAKES, ROWS, found, nearest
from kontext_nb.model import KONTEXT_PRO, checked_model
from kontext_nb.schema import fields, picture_field, problems, required

URL = "https://example.com/a.png"


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.model_id)
def test_a_row_holds_together(row):
    """Its id is one, its defaults fit its schema, and it edits what has a picture."""
    checked_model(row.model_id)
    named = fields(row.input_schema)
    assert set(required(row.input_schema)) <= set(named)
    assert set(row.assumed) <= {*named, "model id"}
    place = picture_field(row.input_schema)
    assert (place is not None) == (row.category == EDITS)
    inputs = {n: spec["default"] for n, spec in named.items() if "default" in spec}
    inputs["prompt"] = "Make it night"
    if place:
        inputs[place.name] = [URL] if place.many else URL
    assert problems(row.input_schema, inputs) == ()
    assert "price" not in str(row.input_schema)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (KONTEXT_PRO, 1),
        (KONTEXT_MAX, 1),
        ("google/nano-banana-2/edit", 20),
        ("google/nano-banana-2-lite/edit", 10),
        ("openai/gpt-image-2/edit", 10),
    ],
)
def test_each_model_takes_its_number_of_pictures(model, most):
    """The bounds are those that were published, and one more is refused."""
    schema = ROWS[model].input_schema
    place = picture_field(schema)
    assert (place.least, place.most) == (1, most)
    for number, good in ((1, True), (most, True), (most + 1, False)):
        urls = [URL] * number
        body = {"prompt": "x", place.name: urls if place.many else urls[0]}
        if place.many:
            assert (problems(schema, body) == ()) is good


def test_rows_are_found_by_word_and_category():
    """Search looks at ids and names whatever their case; a category narrows it."""
    assert [row.model_id for row in found("KONTEXT/PRO", EDITS)] == [KONTEXT_PRO]
    assert len(found("nano banana")) == 2
    assert len(found()) == len(ROWS) == len(found("", EDITS)) + len(found("", MAKES))
    assert found("nothing like it") == found("", "video") == ()


def test_a_misspelt_id_has_its_nearest():
    """A slash too few or a tier left out is met with the ids that were meant."""
    assert nearest("blackforestlabs/flux-1-kontext-pro/edit")[0] == KONTEXT_PRO
    assert nearest("black-forest-labs/flux-1-kontext/max/edit")[0] == KONTEXT_MAX
    assert nearest("openai/gpt-image/edit") == ("openai/gpt-image-2/edit",)


@given(st.text() | st.none() | st.integers())
def test_anything_has_at_most_three_nearest(given_id):
    """No text and no other value breaks the search."""
    assert len(nearest(given_id)) <= 3
