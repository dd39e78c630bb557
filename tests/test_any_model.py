"""Every model of the catalogue is sent what it takes, by its own names."""

import json

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.catalogue import ROWS
from kontext_nb.errors import LimitReached, OutcomeUnknown, ParameterRejected
from kontext_nb.model import KONTEXT_PRO
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from tests import faulty
from tests.faulty import answer, as_json

RED = Image.new("RGB", (16, 12), (200, 30, 30))
BLUE = Image.new("RGB", (16, 12), (30, 30, 200))
PROMPT = "Make the sky orange"
NANO, GPT = "google/nano-banana-2/edit", "openai/gpt-image-2/edit"
KLEIN = "blackforestlabs/flux-2-klein/9b/text-to-image"


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setattr(settings, "_changed", {})
    with faulty.serve() as one:
        monkeypatch.setenv("RUNCOMFY_TOKEN", "tok-never-to-be-shown")
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{one.origin}/v1")
        yield one


def sent(service):
    return json.loads([s.body for s in service.seen if s.phase == "submit"][-1])


@pytest.mark.parametrize("model", ROWS)
def test_each_is_sent_by_its_own_names(service, model):
    """The picture goes where it belongs, a seed only where the model has one."""
    makes_from_words = ROWS[model].category == "text-to-image"
    kx.edit(None if makes_from_words else RED, PROMPT, model=model)
    body, named = sent(service), ROWS[model].input_schema["properties"]
    assert body["prompt"] == PROMPT
    assert set(body) <= set(named)
    assert ("seed" in body) == ("seed" in named)
    pictures = [v for v in body.values() if "data:image/png;base64," in str(v)]
    assert len(pictures) == (0 if makes_from_words else 1)
    (submit,) = (s for s in service.seen if s.phase == "submit")
    assert submit.path == f"/v1/models/{model}"


def test_several_pictures_travel_in_their_order(service):
    """The source first, then the references; again() keeps them, and all options."""
    how = {"references": [BLUE], "inputs": {"resolution": "2K"}, "model": NANO}
    edit = kx.edit(RED, PROMPT, seed=7, **how)
    first = sent(service)
    assert len(first["image_urls"]) == 2
    assert first["image_urls"][0] != first["image_urls"][1]
    assert first["resolution"] == "2K"
    edit.again(seed=8)
    assert sent(service) == first | {"seed": 8}
    assert service.paid == 2


def test_all_results_of_one_job_are_kept(service):
    """A model that makes two pictures gives two."""
    urls = [f"{service.origin}/cdn/{name}.png" for name in "ab"]
    told = {"status": "succeeded", "output": {"images": urls}, "cost": 0.08}
    service.script("result", as_json(told))
    pictures = [answer(200, faulty.png((i, i, i))) for i in (1, 2)]
    service.script("download", *pictures)
    edit = kx.edit(RED, PROMPT, model=NANO, inputs={"number_of_images": 2})
    assert [image.getpixel((0, 0))[0] for image in edit.images] == [1, 2]
    assert edit.cost_usd == 0.08


@pytest.mark.parametrize(
    ("source", "how", "words"),
    [
        (RED, {"model": KLEIN}, "takes none.*in a shell: kontext-nb run"),
        (RED, {"model": "blackforestlabs/flux-1-kontext-pro/edit"}, KONTEXT_PRO),
        (None, {"model": KONTEXT_PRO}, "image_url is required"),
        (RED, {"model": KONTEXT_PRO, "references": [BLUE]}, "one picture"),
        (RED, {"model": KONTEXT_PRO, "aspect_ratio": "1:7"}, "9:21"),
        (RED, {"model": GPT, "inputs": {"quality": "best"}}, "high"),
        (RED, {"model": NANO, "inputs": {"number_of_images": 5}}, "number_of_images"),
        (RED, {"model": "no/such//model"}, "model id"),
    ],
)
def test_what_does_not_fit_the_model_is_not_sent(service, source, how, words):
    """Refused by the model's schema, with what would fit."""
    with pytest.raises(ParameterRejected, match=words):
        kx.edit(source, PROMPT, **how)
    assert service.paid == 0


RECORD = {
    "model_id": KONTEXT_PRO,
    "display_name": "Kontext",
    "categories": ["image-to-image"],
    "base_price_usd": 0.04,
    "price_unit": "output",
    "input_schema": {
        "type": "object",
        "required": ["prompt", "picture_url"],
        "properties": {
            "prompt": {"type": "string"},
            "picture_url": {"type": "string", "format": "image_uri"},
            "aspect_ratio": {"type": "string", "enum": ["4:5"]},
        },
    },
}


def test_the_live_schema_and_price_count(service):
    """What the service says today beats what this version was made with."""
    service.script("catalogue", as_json(RECORD))
    edit = kx.edit(RED, PROMPT, aspect_ratio="4:5")
    assert set(sent(service)) == {"prompt", "picture_url", "aspect_ratio"}
    assert edit.cost_usd == 0.04
    with pytest.raises(ParameterRejected):
        kx.edit(RED, PROMPT, aspect_ratio="16:9")
    assert service.phases("catalogue") == ["catalogue"]


def test_a_budget_holds_by_the_live_price(service):
    """Two edits of 4 cents fit 8 cents; unknown prices fit no budget."""
    with kx.configure(budget_usd=0.08):
        with pytest.raises(LimitReached, match="not known"):
            kx.edit(RED, PROMPT, seed=0)
        assert service.paid == 0
    service.script("catalogue", as_json(RECORD))
    from kontext_nb.session import models

    models._in_vain.clear()
    with kx.configure(budget_usd=0.08):
        for prompt in ("one", "two"):
            kx.edit(RED, prompt)
        with pytest.raises(LimitReached, match=r"\$0.08"):
            kx.edit(RED, "three")
    assert service.paid == 2
    assert Desk(settings.current()).ledger.spent().usd == pytest.approx(0.08)


def test_what_may_have_been_charged_is_told_with_its_price(service):
    """An edit whose answer is lost names the service's price, and the three ways."""
    service.script("catalogue", as_json(RECORD))
    service.script("submit", faulty.closed)
    with pytest.raises(OutcomeUnknown, match=r"charged \(about \$0\.04\)") as told:
        kx.edit(RED, PROMPT, seed=7)
    for way in ("--request-id", "--resubmit", "--abandon"):
        assert way in told.value.remedy


def test_what_the_store_answers_asks_nobody(service):
    """A stored edit costs no question either."""
    kx.edit(RED, PROMPT, seed=7)
    asked = len(service.seen)
    assert kx.edit(RED, PROMPT, seed=7).reused
    assert len(service.seen) == asked
