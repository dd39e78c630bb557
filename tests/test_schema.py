"""A model's schema: what its inputs are called, and whether given ones fit."""

import contextlib
import json

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kontext_nb.catalogue import ROWS
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import ASPECT_RATIOS, KONTEXT_PRO, SEED_MAX, echo
from kontext_nb.schema import (
    PictureField,
    adapted,
    aspect_ratios,
    misfit,
    picture_field,
    problems,
    read_inputs,
    required,
    seed_range,
)

KONTEXT = ROWS[KONTEXT_PRO].input_schema
NANO = ROWS["google/nano-banana-2/edit"].input_schema
KLEIN = ROWS["blackforestlabs/flux-2-klein/9b/text-to-image"].input_schema
URL = "https://example.com/a.png"
KEPT = "picture:" + "0" * 64
GOOD = {"prompt": "Make it night", "image_url": URL}


def of(**spec):
    """Return a schema with one field, ``x``."""
    return {"properties": {"x": spec}}


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        ({"type": "string"}, ["", "a"], [1, None, ["a"], True]),
        ({"type": "integer"}, [0, -5, 2**63], [1.0, "1", True, None, 1e400, 2**64]),
        ({"type": "float"}, [0, 0.5], ["0.5", False, float("nan"), float("inf")]),
        ({"type": "number"}, [0, 0.5], ["0.5", False]),
        ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
        ({"type": "array"}, [[], [1, "a"]], ["a", {"a": 1}]),
        ({"type": "object"}, [{}, {"a": [1]}], ["a", [1], {1: 2}]),
        ({"type": ["string", "null"]}, ["a", None], [1]),
        ({"type": "integer", "default": None}, [None, 1], ["1"]),
        ({"enum": ["a", 1]}, ["a", 1], ["b", True, 2]),
        ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 3], [0, 4]),
        ({"type": "float", "minimum": 0.5}, [0.5, 9], [0.49]),
        ({"type": "string", "minLength": 1, "maxLength": 3}, ["a"], ["", "abcd"]),
        ({"type": "array", "minItems": 1, "maxItems": 2}, [[1]], [[], [1, 2, 3]]),
        ({"type": "array", "items": {"type": "integer"}}, [[1]], [["a"], [1, None]]),
        (
            {"type": "string", "format": "image_uri"},
            [URL, KEPT, "data:image/png;base64,AA"],
            ["a.png", "http://a/b.png", "file:///etc/passwd", "picture:0", ""],
        ),
        ({"type": "array", "format": "image_uris"}, [[URL, KEPT]], [URL, ["a.png"]]),
        (
            {"type": "string", "format": "video_uri"},
            [URL, "data:video/mp4;base64,AA"],
            [KEPT, "data:image/png;base64,AA"],
        ),
        ({"type": "strnig", "minimum": "low", "enum": 3, "items": 7}, ["a", 1], []),
        ({"minimum": float("nan"), "maxLength": True, "maxItems": "2"}, [1, "ab"], []),
        (
            {},
            [None, 1, "a", [], "a\n\tb\u202e"],
            [{1, 2}, b"a", "\ud83d", {"a": "\ud83d"}, ["a\x1b"], "\0", "\x9b"],
        ),
    ],
)
def test_a_value_is_checked_by_each_keyword(spec, good, bad):
    """Each keyword allows what it says; what makes no sense in a schema allows all."""
    for value in good:
        assert problems(of(**spec), {"x": value}) == (), value
    for value in bad:
        (problem,) = problems(of(**spec), {"x": value})
        assert problem.field == "x"
        assert problem.sentence.endswith(".")
        assert problem.remedy.endswith(".")
        assert len(str(problem)) < 400


@pytest.mark.parametrize(
    ("ratio", "near"),
    [
        ("16:8", "16:9, 21:9, 3:2"),
        ("16/9", "16:9, 3:2, 21:9"),
        ("16\uff1a9", "16:9, 3:2, 21:9"),
        (" 16:9 ", "16:9, 3:2, 21:9"),
        ("1.5:1", "3:2, 4:3, 16:9"),
        ("999:1", "21:9, 16:9, 3:2"),
        ("1:7", "9:21, 9:16, 2:3"),
    ],
)
def test_the_nearest_aspect_ratios_are_named_by_their_shape(ratio, near):
    """Whatever way a ratio is written, those that look most like it come first."""
    (problem,) = problems(KONTEXT, GOOD | {"aspect_ratio": ratio})
    assert problem.field == "aspect_ratio"
    assert problem.remedy.endswith(f"; nearest: {near}.")
    assert all(offered in problem.remedy for offered in ASPECT_RATIOS)


@pytest.mark.parametrize("ratio", ["", "0:1", "-1:1", "1:0", 1.777, [16, 9], "auto"])
def test_what_is_no_ratio_is_refused_with_the_list(ratio):
    """Also where nothing is near, what is offered is told."""
    (problem,) = problems(KONTEXT, GOOD | {"aspect_ratio": ratio})
    assert problem.field == "aspect_ratio"


def test_a_word_is_met_with_its_nearest_spelling():
    """A long list is not repeated, but the spelling that was meant is."""
    names = [f"style-{n}" for n in range(100)] + ["sepia"]
    (problem,) = problems(of(enum=names), {"x": "Sepai"})
    assert problem.remedy == "Nearest: sepia."


def test_what_is_required_must_be_there():
    """Left out or null, a required field is a problem, also one without a spec."""
    schema = {"required": ["a", "b"], "properties": {"a": {"type": "string"}}}
    assert [p.field for p in problems(schema, {})] == ["a", "b"]
    assert [p.field for p in problems(schema, {"a": None, "b": None})] == ["a", "b"]
    assert problems(schema, {"a": "x", "b": 0}) == ()
    assert required({"required": ["a", 1, "a", None]}) == ("a",)


@pytest.mark.parametrize(
    "seed", [True, -1, SEED_MAX + 1, 1.0, 1.5, "42", 10**5000], ids=echo
)
def test_a_seed_that_is_none_is_refused_by_the_schema_too(seed):
    """The catalogue's seeds are whole numbers in bounds; a bool is none."""
    (problem,) = problems(KONTEXT, GOOD | {"seed": seed})
    assert problem.field == "seed"


def test_a_field_nobody_named_is_let_through():
    """A schema may lag behind its model, so more fields are no problem."""
    assert problems(KONTEXT, GOOD | {"guidance_scale": 2.5}) == ()
    assert problems(None, {"anything": [1]}) == ()


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (KONTEXT, PictureField("image_url", many=False, least=1, most=1)),
        (NANO, PictureField("image_urls", many=True, least=1, most=20)),
        (KLEIN, None),
        (None, None),
        # Without a format the name tells; the order does not.
        (
            {
                "required": ["image"],
                "properties": {
                    "mask_image_url": {"type": "string", "format": "image_uri"},
                    "image": {"type": "string"},
                    "image_size": {"type": "string"},
                },
            },
            PictureField("image", many=False, least=1, most=1),
        ),
        (
            {"properties": {"input_images": {}, "images": 7}},
            PictureField("input_images", many=True, least=0, most=None),
        ),
        ({"properties": {"image": {"enum": ["on", "off"]}}}, None),
        ({"properties": {"image": {"type": "boolean"}}}, None),
    ],
)
def test_the_schema_says_where_pictures_go(schema, place):
    """Name, number and bounds come from the schema, whatever the model calls it."""
    assert picture_field(schema) == place


def test_seeds_and_ratios_are_those_of_the_schema():
    """A model that takes no seed has no range; what is left open has the usual one."""
    assert seed_range(KONTEXT) == (0, SEED_MAX)
    assert seed_range(KLEIN) is None
    assert seed_range({"properties": {"seed": {"minimum": -1}}}) == (-1, SEED_MAX)
    assert seed_range({"properties": {"seed": {"minimum": 9, "maximum": 1}}}) == (
        0,
        SEED_MAX,
    )
    assert aspect_ratios(KONTEXT) == ASPECT_RATIOS
    assert aspect_ratios(KLEIN) == aspect_ratios(NANO) == ()


@pytest.mark.parametrize(
    ("schema", "given", "sent"),
    [
        (KONTEXT, {"image": URL}, {"image_url": URL}),
        (KONTEXT, {"image": URL, "image_url": None}, {"image_url": URL}),
        (KONTEXT, {"image_urls": [URL]}, {"image_url": URL}),
        (KONTEXT, {"image_url": [URL]}, {"image_url": URL}),
        (NANO, {"image": URL}, {"image_urls": [URL]}),
        (NANO, {"images": [URL, KEPT]}, {"image_urls": [URL, KEPT]}),
        (NANO, {"image_urls": URL}, {"image_urls": [URL]}),
        (
            {"properties": {"image": {}, "prompt": 0}},
            {"image_url": URL},
            {"image": URL},
        ),
        (None, {"image": URL}, {"image": URL}),
    ],
)
def test_a_picture_is_called_what_the_model_calls_it(schema, given, sent):
    """Any usual name works for any model, and a renaming is told."""
    found, notices = adapted(schema, given | {"prompt": "x"})
    assert found == sent | {"prompt": "x"}
    renamed = set(sent) - set(given) or any(v is None for v in given.values())
    assert len(notices) == bool(renamed)
    assert all("is sent as" in notice for notice in notices)


@pytest.mark.parametrize(
    ("schema", "given", "words"),
    [
        (KONTEXT, {"image": URL, "image_url": KEPT}, "both give the picture"),
        (KONTEXT, {"image": URL, "images": [KEPT]}, "both give the picture"),
        (KONTEXT, {"image": [URL, KEPT]}, "one picture, and image_url gives 2"),
        (KONTEXT, {"image_url": []}, "gives 0"),
        (KLEIN, {"image_url": URL}, "takes no picture"),
        (KONTEXT, [1], "no JSON object"),
    ],
)
def test_pictures_that_contradict_are_refused(schema, given, words):
    """Two names for one picture, or a picture too many, is never guessed at."""
    with pytest.raises(ParameterRejected, match=words):
        adapted(schema, given)


def rule(rule, value):
    return {"validation_rule": rule, "validation_value": value, "validation_error": "-"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([rule("width_pixels>", 15), rule("width/height<=", 4 / 3)], None),
        ([rule("width_pixels>", 16)], "a width in pixels above 16; it is 16"),
        ([rule("height_pixels>=", 300)], "height in pixels of at least 300; it is 12"),
        ([rule("width/height<", 1.25)], "by its height below 1.25; it is 1.33333"),
        ([rule("width/height>", 2), rule("width_pixels>", 99)], "above 2; it is"),
        (
            [rule("file_size_mb<", 0), rule("colour>", 9), rule("width_pixels>", "9")],
            None,
        ),
        ([7, None, {}, rule(7, 7), rule("width_pixels>", float("nan"))], None),
        (7, None),
    ],
)
def test_a_picture_has_the_shape_that_the_schema_asks_for(rules, words):
    """Each bound holds as it is written; what makes no sense allows all."""
    place = {"type": "array", "format": "image_uris", "validations": rules}
    problem = misfit({"properties": {"images": place}}, 16, 12)
    assert (words or "None") in str(problem)
    assert misfit(KLEIN, 16, 12) is misfit(None, 16, 12) is None


def test_a_misspelt_field_is_told():
    """It is sent, because the schema may be old, but the user hears of it."""
    found, notices = adapted(KONTEXT, GOOD | {"aspect_ration": "16:9"})
    assert found["aspect_ration"] == "16:9"
    (notice,) = notices
    assert "no aspect_ration (did you mean aspect_ratio?); it is sent" in notice


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("[1]", "no JSON object"),
        ("null", "no JSON object"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e400}', "no number in JSON"),
        ('{"a": ' + "9" * 5000 + "}", "number too large"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "'c' twice"),
        ('{"a": "\\ud83d"}', "surrogate"),
        ('{"a": ["\\u001b"]}', "a holds the control character"),
        ('{"a": "\ud83d"}', "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "64 levels deep"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply"),
        ('{"a": "' + "x" * 2**20 + '"}', "more than 1048576"),
        ("!!python/object:os.system {}", "no JSON"),
        ("{'a': 1}", "no JSON"),
        ('{"a": 1} {"b": 2}', "no JSON"),
    ],
    ids=range(19),
)
def test_a_body_is_read_strictly(text, words):
    """One sentence says what is wrong, one what to do, and neither repeats the body."""
    with pytest.raises(ParameterRejected, match=words) as caught:
        read_inputs(text)
    assert len(str(caught.value)) < 250
    assert caught.value.remedy


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, "\u591c"]}', '\ufeff{"a": [1, "\u591c"]}', b'{"a":[1,"\xe5\xa4\x9c"]}'],
)
def test_a_good_body_is_read(text):
    """With or without a byte order mark, as text or as bytes."""
    assert read_inputs(text) == {"a": [1, "\u591c"]}
    deepest = '{"a": ' + "[" * 63 + "]" * 63 + "}"
    assert read_inputs(deepest)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([URL, KEPT, "16:9", 1e308, 10**400, "\ud800"])
)
KEYWORDS = [
    "type",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "default",
    "format",
    "items",
    "validations",
]
NAMES = ["prompt", "image_url", "image", "images", "image_urls", "seed", "aspect_ratio"]
TYPE_NAMES = ["string", "integer", "float", "array", "object", "null", "image_uri"]
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=6,
)
specs = anything | st.dictionaries(
    st.sampled_from(KEYWORDS), anything | st.sampled_from(TYPE_NAMES)
)
schemas = anything | st.fixed_dictionaries(
    {
        "properties": anything | st.dictionaries(st.sampled_from(NAMES), specs),
        "required": anything | st.lists(st.sampled_from(NAMES)),
    }
)
bodies = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), anything)


@given(schemas, bodies | anything)
@settings(max_examples=300)
@example({"properties": {"x": {"enum": [1e-320, 1e299, "1:1"]}}}, {"x": 1e298})
def test_no_schema_and_no_input_breaks_the_check(schema, inputs):
    """Whatever JSON a stranger publishes or a user gives, there is an answer."""
    for problem in problems(schema, inputs):
        assert problem.sentence.isprintable()
        assert str(problem).encode()
    place, seeds = picture_field(schema), seed_range(schema)
    assert place is None or place.least >= 0
    assert seeds is None or seeds[0] <= seeds[1]
    aspect_ratios(schema)
    misfit(schema, 16, 12)
    with contextlib.suppress(ParameterRejected):
        sent, notices = adapted(schema, inputs)
        assert adapted(schema, sent)[0] == sent
        assert all(notice.isprintable() for notice in notices)


@given(schemas, bodies)
@settings(max_examples=150)
def test_accepted_inputs_are_accepted_after_a_round_trip(schema, inputs):
    """What may be sent is JSON: written, read and checked again it still fits."""
    assume(not problems(schema, inputs))
    text = json.dumps(inputs, sort_keys=True, allow_nan=False)
    assert problems(schema, json.loads(text)) == ()
    assert read_inputs(text) == inputs


@given(st.text() | st.binary())
def test_no_text_breaks_the_reader(text):
    """It is read, or refused with an error of the tree."""
    with contextlib.suppress(ParameterRejected):
        assert isinstance(read_inputs(text), dict)
