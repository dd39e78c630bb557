"""What is known of models: the catalogue as it is read, kept, and shown."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.catalogue import ROWS
from kontext_nb.demo.app import create_app
from kontext_nb.demo.schema import MODELS
from kontext_nb.errors import (
    BadReply,
    KontextError,
    NotAuthorised,
    ParameterRejected,
    RequestRefused,
    ServiceBusy,
)
from kontext_nb.model import KONTEXT_PRO, Secret
from kontext_nb.providers.base import Reply
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.providers.runcomfy_catalogue import Catalogue, ModelRecord
from kontext_nb.session import models
from kontext_nb.session.models import Known, estimate_usd, known
from kontext_nb.session.settings import Settings
from kontext_nb.store.patience import within
from tests import faulty, loopback

TOKEN = "tok-never-to-be-kept"  # noqa: S105 - made up
CATALOGUE = Catalogue(RunComfy(token=Secret.of(TOKEN)))
SCHEMA = {"type": "object", "properties": {"prompt": {"type": "string"}}}
RECORD = {
    "model_id": KONTEXT_PRO,
    "display_name": "Kontext",
    "categories": ["image-to-image"],
    "kind": "model",
    "base_price_usd": 0.04,
    "price_unit": "output",
    "pricing_note": "A note.",
    "input_schema": SCHEMA,
}
DAY_S = 24 * 3600
NOON = 1_800_000_000.0


def reply(body, status=200):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {}, raw)


def test_the_questions_are_the_documented_ones():
    """They are free, carry the token, and are given up after a few seconds."""
    calls = [
        CATALOGUE.one(KONTEXT_PRO),
        CATALOGUE.many(search="a b&c", category="image-to-image", limit=5, offset=10),
        CATALOGUE.many(),
        CATALOGUE.categories(),
    ]
    assert [call.url.partition("/v1/")[2] for call in calls] == [
        f"models/{KONTEXT_PRO}",
        "models?search=a+b%26c&category=image-to-image&limit=5&offset=10",
        "models?limit=100&offset=0",
        "models/categories",
    ]
    for call in calls:
        assert (call.method, call.paid, call.body) == ("GET", False, None)
        assert call.headers["authorization"] == f"Bearer {TOKEN}"
        assert call.timeout_s <= 5
        assert TOKEN not in repr(call)


@pytest.mark.parametrize("model", ["../v1/x", "a//b", "a/b?x=1", "a/%2e%2e", "a", ""])
def test_what_is_no_model_id_is_not_asked_for(model):
    """No such text becomes part of an address."""
    with pytest.raises(ParameterRejected):
        CATALOGUE.one(model)


def test_a_record_is_read_as_it_was_published():
    """Name, categories, schema and price arrive, and the payload is kept."""
    assert CATALOGUE.read_one(reply(RECORD), KONTEXT_PRO) == ModelRecord(
        model_id=KONTEXT_PRO,
        display_name="Kontext",
        categories=("image-to-image",),
        input_schema=SCHEMA,
        price_usd=0.04,
        price_unit="output",
        pricing_note="A note.",
        payload=RECORD,
    )


@pytest.mark.parametrize(
    ("raw", "price"),
    [
        ("0.04", 0.04),
        ("1", 1.0),
        ("0", 0.0),
        ("-0.0", 0.0),
        ("-0.04", None),
        ("true", None),
        ("false", None),
        ("null", None),
        ('"0.57"', None),
        ('""', None),
        ("[0.04]", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e400", None),
        ("9" * 400, None),
        ("1e9", None),
    ],
)
def test_only_a_real_number_is_a_price(raw, price):
    """What is no plain number is unknown, and never free."""
    body = json.dumps(RECORD).replace("0.04", raw).encode()
    found = CATALOGUE.read_one(reply(body), KONTEXT_PRO)
    assert found.price_usd == price
    assert str(found.price_usd) != "-0.0"


def test_a_missing_price_is_unknown():
    """A record without a price has none."""
    bare = {"model_id": KONTEXT_PRO}
    found = CATALOGUE.read_one(reply(bare), KONTEXT_PRO)
    assert (found.price_usd, found.price_unit, found.input_schema) == (None, None, None)
    assert found.display_name == KONTEXT_PRO


def test_foreign_words_are_one_plain_line():
    """What a stranger publishes cannot move a terminal's cursor or fill its screen."""
    name = "\x1b[2JA\nB\u202e" + "x" * 1000
    found = CATALOGUE.read_one(reply(RECORD | {"display_name": name}), KONTEXT_PRO)
    assert found.display_name.isprintable()
    assert len(found.display_name) <= 80


def test_a_token_that_is_quoted_back_is_not_kept():
    """It is neither in the record nor in what is kept of it."""
    found = CATALOGUE.read_one(reply(RECORD | {"pricing_note": TOKEN}), KONTEXT_PRO)
    assert TOKEN not in repr(found) + json.dumps(found.payload)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"error_code": 400001, "error_message": "No."}, 400, RequestRefused),
        ({}, 404, RequestRefused),
        ({"detail": "?"}, 422, RequestRefused),
        ({"error_code": 400004}, 400, NotAuthorised),
        ({"error_code": 403001}, 200, NotAuthorised),
        ({}, 401, NotAuthorised),
        ({}, 429, ServiceBusy),
        (b"<html>", 503, ServiceBusy),
        (b"<html>", 200, BadReply),
        ({}, 302, BadReply),
        ([RECORD], 200, BadReply),
        (RECORD | {"model_id": "a/b"}, 200, BadReply),
        ({"models": []}, 200, BadReply),
    ],
)
def test_a_bad_answer_is_the_same_error_as_elsewhere(body, status, error):
    """The tree is the provider's; only a missing model has words of its own."""
    with pytest.raises(error) as caught:
        CATALOGUE.read_one(reply(body, status), KONTEXT_PRO)
    if error is RequestRefused:
        assert KONTEXT_PRO in caught.value.remedy


def test_a_page_passes_over_what_is_no_model():
    """The others are shown, and the total is never less than what is there."""
    body = {"models": [RECORD, 1, {}, {"model_id": 7}, RECORD], "total": True}
    page = CATALOGUE.read_many(reply(body))
    assert [record.model_id for record in page.records] == [KONTEXT_PRO] * 2
    assert (page.total, page.payload) == (2, body)
    assert CATALOGUE.read_many(reply(body | {"total": 230})).total == 230
    named = {"categories": ["b", 1, "a\n", "b", ""]}
    assert CATALOGUE.read_categories(reply(named)) == ("b", "a")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*RECORD, "models", "total"]), inner)
    ),
    max_leaves=9,
)


@given(values, st.sampled_from([200, 200, 200, 404, 500]))
def test_no_answer_breaks_a_reader(body, status):
    """Whatever JSON arrives, it is read or is an error of the tree."""
    if isinstance(body, dict):
        body = {"model_id": KONTEXT_PRO} | body
    read_one = lambda answer: CATALOGUE.read_one(answer, KONTEXT_PRO)  # noqa: E731
    for read in (read_one, CATALOGUE.read_many, CATALOGUE.read_categories):
        try:
            found = read(reply(body, status))
        except KontextError:
            continue
        if isinstance(found, ModelRecord) and found.price_usd is not None:
            assert 0 <= found.price_usd <= 1e6


# Asked for by the session.


@pytest.fixture(autouse=True)
def nothing_in_vain(monkeypatch):
    """Each test starts with no failure to remember."""
    monkeypatch.setattr(models, "_in_vain", {})


@pytest.fixture
def service(monkeypatch):
    """Serve one model's record; the questions for it count as its ``catalogue``."""
    with faulty.serve(catalogue=[faulty.as_json(RECORD)]) as service:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{service.origin}/v1")
        monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
        yield service


HERE = Settings(provider="runcomfy")


def kept_files(tmp_path):
    return sorted((tmp_path / "store" / "models").glob("*"))


@pytest.fixture
def at_home(tmp_path):
    """Settings whose store is this test's."""
    return replace(HERE, home=tmp_path / "store")


def test_a_live_record_is_kept_for_a_day(service, at_home, tmp_path):
    """It is asked for once a day, and what is kept says the same."""
    first = known(at_home, now=lambda: NOON)
    assert (first.schema, first.assumed, first.why) == (SCHEMA, False, None)
    assert (first.price_usd, first.price_unit) == (0.04, "output")
    assert first.fetched_at == NOON
    assert known(at_home, now=lambda: NOON + DAY_S - 1) == first
    assert service.phases() == ["catalogue"]
    later = known(at_home, now=lambda: NOON + DAY_S)
    assert later.fetched_at == NOON + DAY_S
    assert known(at_home, now=lambda: NOON).fetched_at == NOON  # kept in the future
    assert len(service.phases()) == 3
    (file,) = kept_files(tmp_path)
    assert TOKEN not in file.read_text()


@pytest.mark.parametrize(
    "answer",
    [
        faulty.closed,
        faulty.reset,
        faulty.answer(500),
        faulty.answer(200, b"<html>"),
        faulty.as_json({"error_code": 400001}, 400),
        faulty.answer(302, location="https://example.com/"),
        faulty.as_json({"model_id": "a/b"}),
    ],
    ids=range(7),
)
def test_an_old_record_serves_where_none_can_be_had(service, at_home, answer):
    """What is kept is better than what is bundled, and that better than nothing."""
    fresh = known(at_home, now=lambda: NOON)
    service.script("catalogue", answer)
    old = known(at_home, now=lambda: NOON + 9 * DAY_S)
    assert old.why
    assert replace(old, why=None) == fresh
    assert len(service.phases()) == 2  # asked once, and no redirect was followed
    other = replace(at_home, model="blackforestlabs/flux-1-kontext/max/edit")
    bundled = known(other)
    assert bundled.schema == ROWS[other.model].input_schema
    assert bundled.assumed
    assert (bundled.price_usd, bundled.fetched_at) == (None, None)
    assert known(replace(at_home, model="some/model")).schema is None


def test_a_silent_service_is_given_up_and_left_alone(service, at_home, monkeypatch):
    """One question waits for the limit; those of the next minute do not wait."""
    monkeypatch.setattr(models, "LIMIT_S", 1.5)
    service.script("catalogue", faulty.silent)
    first = known(at_home)
    assert first.assumed
    assert "no answer" in first.why
    assert [known(at_home) for _ in range(5)] == [first] * 5
    assert len(service.phases()) == 1


@pytest.mark.usefixtures("service")
def test_a_deadline_too_short_to_ask_in_is_nobodys_fault(at_home):
    """The next who asks, and has the time, is answered."""
    with within(0.0):
        assert known(at_home).assumed
    assert not known(at_home).assumed


def damaged(file):
    file.write_bytes(b"\x00" + file.read_bytes()[1:-9])


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def a_list(file):
    file.write_text("[1]")


def without_a_time(file):
    file.write_text(json.dumps({"record": RECORD, "fetched_at": "now"}))


def with_a_time_that_is_none(file):
    file.write_text(json.dumps({"record": RECORD, "fetched_at": -1e300}))


def of_another_model(file):
    record = RECORD | {"model_id": "a/b"}
    file.write_text(json.dumps({"record": record, "fetched_at": NOON}))


def nested(file):
    file.write_text("[" * 100_000)


def a_folder(file):
    file.unlink()
    file.mkdir()


def a_pipe(file):
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    "harm",
    [
        damaged,
        cut,
        a_list,
        without_a_time,
        with_a_time_that_is_none,
        of_another_model,
        nested,
        a_folder,
        pytest.param(
            a_pipe,
            marks=pytest.mark.skipif(os.name != "posix", reason="it has no pipes"),
        ),
    ],
)
def test_what_is_damaged_is_asked_for_anew(service, at_home, tmp_path, harm):
    """Whatever lies where a record was kept costs a question and nothing else."""
    fresh = known(at_home, now=lambda: NOON)
    (file,) = kept_files(tmp_path)
    harm(file)
    assert known(at_home, now=lambda: NOON) == fresh
    assert len(service.phases()) == 2


@pytest.mark.parametrize("depth", [50, 900, 950, 970, 980, 990, 100_000])
def test_a_record_of_any_depth_does_no_harm(service, at_home, depth):
    """It is used or passed over, but nothing fails for it, kept or not."""
    deep = "[" * depth + "]" * depth
    text = json.dumps(RECORD)[:-1] + f', "more": {deep}}}'
    service.script("catalogue", faulty.answer(200, text.encode()))
    for _ in range(2):
        assert known(at_home).model == KONTEXT_PRO


def test_a_store_that_takes_nothing_does_not_matter(service, at_home, tmp_path):
    """Where nothing can be kept the record is asked for each time."""
    (tmp_path / "store").write_text("no folder")
    for _ in range(2):
        assert known(at_home).schema == SCHEMA
    assert len(service.phases()) == 2


def test_writers_at_once_leave_a_whole_record(service, at_home, tmp_path):
    """However many ask at the same moment, what is kept is one record, and no rest."""
    assert service.origin
    threads = [threading.Thread(target=known, args=(at_home,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (file,) = kept_files(tmp_path)
    assert json.loads(file.read_text())["record"] == RECORD


def test_a_record_without_a_schema_has_the_bundled_one(service, at_home):
    """The price is the service's, the inputs are marked as assumed."""
    bare = {key: v for key, v in RECORD.items() if key != "input_schema"}
    service.script("catalogue", faulty.as_json(bare))
    found = known(at_home)
    assert (found.price_usd, found.assumed) == (0.04, True)
    assert found.schema == ROWS[KONTEXT_PRO].input_schema


def test_a_stored_token_goes_to_nobody_else(service, at_home, monkeypatch, tmp_path):
    """A server of one's own is not asked with the token of the official login."""
    monkeypatch.delenv("RUNCOMFY_TOKEN")
    folder = tmp_path / "login"
    folder.mkdir(mode=0o700)
    file = folder / "token.json"
    file.touch(0o600)
    file.write_text(json.dumps({"access_token": TOKEN}))
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", str(folder))
    assert known(at_home).assumed
    assert service.seen == []


def test_without_a_token_the_bundled_rows_are_assumed(at_home, tmp_path):
    """Nobody is asked, nothing is kept, and there is no price."""
    found = known(at_home)
    assert found.assumed
    assert "no RunComfy token" in found.why
    assert estimate_usd(found, {}) is None
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bridge", ["thread", "nest"])
def test_the_demo_is_asked_in_process_and_not_kept(tmp_path, model, bridge):
    """Its schema is this version's own, its price is nothing, on either bridge."""
    home = tmp_path / "store"
    found = known(Settings(provider="demo", model=model, home=home, bridge=bridge))
    assert found.schema == ROWS[model].input_schema
    assert (found.assumed, found.price_usd) == (False, 0.0)
    assert not home.exists()


KNOWN = Known(model="a/b", schema=None, assumed=False, price_usd=0.04)
MANY = {"properties": {"num_images": {"type": "integer", "default": 2}}}


@pytest.mark.parametrize(
    ("changes", "inputs", "cost"),
    [
        ({"price_unit": "output"}, {}, 0.04),
        ({"price_unit": "output"}, {"num_images": 3}, 0.12),
        ({"price_unit": "output"}, {"number_of_images": 4}, 0.16),
        ({"price_unit": "output", "schema": MANY}, {}, 0.08),
        ({"price_unit": "output", "schema": MANY}, {"num_images": 1}, 0.04),
        ({"price_unit": "output", "schema": MANY}, {"num_images": None}, 0.08),
        ({"price_unit": "output"}, {"num_images": True}, None),
        ({"price_unit": "output"}, {"num_images": 0}, None),
        ({"price_unit": "output"}, {"num_images": "2"}, None),
        ({"price_unit": "output", "price_usd": 0.0}, {"n": 9}, 0.0),
        ({"price_unit": "output", "price_usd": None}, {}, None),
        ({"price_unit": "second"}, {}, None),
        ({"price_unit": "image"}, {}, None),
        ({"price_unit": None}, {}, None),
    ],
)
def test_an_estimate_is_the_price_times_the_outputs(changes, inputs, cost):
    """Where price, unit or number is unknown, so is the estimate."""
    found = estimate_usd(replace(KNOWN, **changes), inputs)
    assert found == (None if cost is None else pytest.approx(cost))


# Shown by the command line.


def run(*arguments):
    """Run the command as a shell does."""
    main = "from kontext_nb.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", main, *arguments],
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_list_shows_what_the_service_has(monkeypatch):
    """Ids, names and prices for people; the service's own answer for scripts."""
    with loopback.serve(lambda origin: create_app(origin=origin)) as origin:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", f"{origin}/v1")
        monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
        done = run("models", "list", "--category", "image-to-image", "--limit", "2")
        raw = run("--output", "json", "models", "list", "--search", "klein")
        one = run("--output", "json", "models", "get", KONTEXT_PRO)
    assert (done.returncode, done.stderr) == (
        0,
        "2 of 5; for the next add --offset 2\n",
    )
    ids = [line.split()[0] for line in done.stdout.splitlines()[::2]]
    assert ids == list(MODELS)[:2]
    assert done.stdout.count("$0 an output") == 2
    assert raw.stderr == ""
    body = json.loads(raw.stdout)
    assert (len(body["models"]), body["total"]) == (2, 2)
    facts = json.loads(one.stdout)
    assert facts["assumed"] is False
    assert facts["fetched_at"] > NOON - 10 * 365 * DAY_S
    assert facts.items() >= MODELS[KONTEXT_PRO].items()
    assert len(kept_files(Path.cwd())) == 1


def test_without_a_token_it_shows_what_is_assumed(monkeypatch):
    """The list and a model say that it is not the service's word, and have no price."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", "runcomfy")
    done = run("models", "list")
    assert done.returncode == 0
    assert "no RunComfy token" in done.stderr
    assert done.stdout.count("price unknown") == len(ROWS)
    assert "assumed: aspect_ratio, seed" in done.stdout
    page = run("models", "get", "blackforestlabs/flux-1-kontext/pro/text-to-image")
    assert page.returncode == 0
    assert "price unknown" in page.stdout
    assert "That there is this model is assumed, too." in page.stdout
    for line in (done.stdout + page.stdout).splitlines():
        assert len(line) <= 80
    names = run("models", "categories")
    assert names.stdout == "image-to-image\ntext-to-image\n"


@pytest.mark.parametrize("provider", ["demo", "runcomfy"])
def test_an_unknown_model_is_met_with_its_nearest(provider, monkeypatch):
    """Exit code 65, nothing on stdout, and the id that was meant."""
    monkeypatch.setenv("KONTEXT_NB_PROVIDER", provider)
    done = run("models", "get", "blackforestlabs/flux-1-kontext-pro/edit")
    assert (done.returncode, done.stdout) == (65, "")
    assert f"Did you mean {KONTEXT_PRO}?" in done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["error"] == "ParameterRejected"


def test_the_demo_says_that_it_is_the_demo(tmp_path):
    """Its prices cannot be taken for RunComfy's, and looking keeps nothing."""
    done = run("models", "list", "--search", "gpt")
    assert "demo engine's" in done.stderr
    assert "GPT Image 2 edit (demo engine)" in done.stdout
    page = run("models", "get", "openai/gpt-image-2/edit")
    assert "* images             from 1 to 10 pictures" in page.stdout
    assert "Free: this is the demo engine" in page.stdout
    assert not (tmp_path / "store").exists()
