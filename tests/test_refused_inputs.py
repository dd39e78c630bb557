"""What cannot be meant is refused before anybody is asked, and never paid for."""

import json

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import InputRejected, ParameterRejected
from kontext_nb.model import KONTEXT_PRO
from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json

RED = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
NANO = "google/nano-banana-2/edit"
FAR = "https://example.com/a.png"


@pytest.fixture
def service(monkeypatch):
    with faulty.serve() as one:
        for name, value in as_environment(one.origin).items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"seeed": 1}, "no option 'seeed'. Did you mean seed?"),
        ({"aspect_ration": "16:9"}, "Did you mean aspect_ratio?"),
        ({"chian": "a"}, "Did you mean chain?"),
        ({"wiat": False}, "Did you mean wait?"),
        ({"seeed": 1, "wait": False}, "Did you mean seed?"),
        ({"x" * 999: 1}, "Use seed, aspect_ratio"),
        ({"inputs": {"seed": 5}}, "Give seed=5 beside inputs="),
        ({"inputs": {"aspect_ratio": "16:9"}, "aspect_ratio": "1:1"}, "aspect_ratio="),
        ({"inputs": {"prompt": "other"}}, "Give prompt='other'"),
        ({"inputs": [1]}, "inputs=[1] is no dict"),
        ({"inputs": "a"}, "inputs='a' is no dict"),
        (
            {"inputs": {"style": "a\x1b[31m"}},
            r"style holds the control character '\x1b'",
        ),
        ({"inputs": {"style": ["\ud800"]}}, "half of a surrogate pair"),
        ({"inputs": {1: 2}}, "no text"),
        ({"references": 5}, "references=5 is no list"),
        ({"references": "b.png"}, "references='b.png' is no list"),
        ({"seed": 2**32}, "whole number from 0 to 4294967295"),
        ({"seed": -1}, "whole number from 0 to 4294967295"),
        ({"model": "a/" + "b" * 199}, "not a model id"),
    ],
)
def test_an_option_that_cannot_be_meant_asks_nobody(service, how, words):
    """It is named in one line, with what was meant; neither left out nor passed on."""
    with pytest.raises(InputRejected) as caught:
        kx.edit(RED, PROMPT, **how)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250
    assert service.seen == []


def test_every_door_knows_its_options(service):
    """A link, a chain, a batch and the noise of seeds refuse what they do not take."""
    first = kx.edit(RED, PROMPT, seed=1)
    doors = [
        lambda **how: first.edit(PROMPT, **how),
        lambda **how: first.chain.add(PROMPT, **how),
        lambda **how: first.chain.begin(PROMPT, report=print, ended=print, **how),
        lambda **how: first.chain.several(PROMPT, [how]),
        lambda **how: kx.seed_noise(RED, PROMPT, [1, 2], **how),
    ]
    for door in doors:
        for how in ({"seeed": 1}, {"chain": "a"}):
            with pytest.raises(ParameterRejected, match="There is no option"):
                door(**how)
    with pytest.raises(ParameterRejected, match="given twice"):
        kx.seed_noise(RED, PROMPT, [1, 2], seed=3)
    assert service.paid == len(first.chain) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"inputs": {"image_urls": [FAR]}}, "inputs= gives image_urls"),
        ({"inputs": {"mask_url": "https://10.0.0.1/m.png"}}, "'10.0.0.1'"),
        ({"inputs": {"mask_url": "http://example.com/m.png"}}, "cannot be handed"),
        ({"model": "no/such", "inputs": {"mask": "b.png"}}, "only the name"),
        ({"model": "no/such", "inputs": {"image_url": FAR}}, "inputs= gives image_url"),
    ],
)
def test_a_picture_among_the_inputs_is_looked_at_too(service, how, words):
    """Given twice, out of the service's reach, or only a name: not sent."""
    RED.save("b.png")
    with pytest.raises(InputRejected, match=words):
        kx.edit(RED, PROMPT, **{"model": NANO} | how)
    assert service.paid == 0


def test_the_live_schema_says_which_shape_and_seed_a_picture_may_have(service):
    """Too small is refused and not paid for; its own highest seed is sent."""
    rule = {"validation_rule": "width_pixels>", "validation_value": 15}
    named = {
        "prompt": {"type": "string"},
        "picture": {"type": "string", "format": "image_uri", "validations": [rule]},
        "seed": {"type": "integer", "minimum": -1, "maximum": 2**32 - 1},
    }
    record = {"model_id": KONTEXT_PRO, "input_schema": {"properties": named}}
    service.script("catalogue", as_json(record))
    with pytest.raises(ParameterRejected, match="picture must have a width in pixels"):
        kx.edit(RED.resize((15, 15)), PROMPT)
    assert service.paid == 0
    kx.edit(RED, PROMPT, seed=2**32 - 1)
    (submit,) = (seen for seen in service.seen if seen.phase == "submit")
    assert json.loads(submit.body)["seed"] == 2**32 - 1
