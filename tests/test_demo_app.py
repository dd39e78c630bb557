"""The demo service keeps the Model API's contract, in process and over a socket."""

import asyncio
import base64
import contextlib
import io
import json
import ssl
import threading
from datetime import datetime

import anyio.lowlevel
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kontext_nb.demo import app as app_module
from kontext_nb.demo import jobs
from kontext_nb.demo.app import MODELS, ORIGIN, create_app
from kontext_nb.demo.schema import BodyRejected, read_order
from kontext_nb.errors import PromptRejected
from kontext_nb.model import ASPECT_RATIOS, SEED_MAX
from kontext_nb.schema import picture_field
from tests.loopback import serve

pytestmark = pytest.mark.anyio

PRO, MAX, *_ = MODELS
GPT = "openai/gpt-image-2/edit"
NANO = "google/nano-banana-2/edit"
EDITORS = [m for m, e in MODELS.items() if e["categories"] == ["image-to-image"]]
MAKERS = [m for m in MODELS if m not in EDITORS]
AUTH = {"authorization": "Bearer test-token"}
FOR_EVER_S = 86_400  # a queue nobody leaves but by a cancel
RED = Image.new("RGB", (8, 6), (200, 30, 30))
# Nothing here is https, and each client would read all the authorities there are.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def data_uri(image, kind="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{text}"


def order(**changes):
    """Return a good body; a field that is None here is left out."""
    body = {"prompt": "Invert it", "image_url": data_uri(RED), "seed": 7} | changes
    return {key: value for key, value in body.items() if value is not None}


def invert(image, _prompt, _seed, _aspect_ratio):
    return ImageOps.invert(image)


class Service:
    """A client of one app; the token goes along unless it fetches a picture."""

    def __init__(self, origin, client):
        self.origin, self.client = origin, client

    async def get(self, path, **options):
        """Ask with the token."""
        return await self.client.get(path, headers=AUTH, **options)

    async def post(self, path, **options):
        """Post with the token."""
        return await self.client.post(path, headers=AUTH, **options)

    async def submit(self, model=PRO, **changes):
        """Submit a good order, with changes; return the job's id."""
        reply = await self.post(f"/v1/models/{model}", json=order(**changes))
        assert reply.status_code == 200, reply.text
        return reply.json()["request_id"]

    async def status(self, job):
        """Return the status body."""
        return (await self.get(f"/v1/requests/{job}/status")).json()

    async def result(self, job, **params):
        """Return the result body."""
        return (await self.get(f"/v1/requests/{job}/result", params=params)).json()

    async def cancel(self, job):
        """Ask for a cancel."""
        return await self.post(f"/v1/requests/{job}/cancel")

    async def until(self, job, word):
        """Ask until the status is ``word``; pytest's timeout is the deadline."""
        while (await self.status(job))["status"] != word:
            await anyio.lowlevel.checkpoint()  # in process the job needs a turn

    async def finished(self, job):
        """Return the result once there is one."""
        await self.until(job, "completed")
        return await self.result(job)

    async def picture(self, result):
        """Fetch the picture, without the token."""
        reply = await self.client.get(result["output"]["image"])
        assert reply.status_code == 200, reply.text
        return Image.open(io.BytesIO(reply.content))


@pytest.fixture(scope="module")
def plain_server():
    """Give the origin of a server without options, which many tests can share."""
    with serve(lambda origin: create_app(origin=origin, edit=invert)) as origin:
        yield origin


@pytest.fixture(params=["in process", "loopback"])
async def start(request, plain_server):
    """Return a function that starts an app and gives a `Service` for it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options):
            def build(origin):
                return create_app(origin=origin, **({"edit": invert} | options))

            if request.param == "in process":
                origin = ORIGIN
                # A fault of the app is an answer, as it is over a socket.
                transport = httpx.ASGITransport(
                    build(ORIGIN), raise_app_exceptions=False
                )
            else:
                own = bool(options)
                origin = stack.enter_context(serve(build)) if own else plain_server
                transport = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
            client = httpx.AsyncClient(base_url=origin, transport=transport)
            return Service(origin, await stack.enter_async_context(client))

        yield start


class Gate:
    """Pixel work that waits to be let through, and remembers who came."""

    def __init__(self):
        self.open = threading.Event()
        self.came = []

    def edit(self, image, prompt, *_):
        """Stand in for the pixel work."""
        self.came.append(prompt)
        self.open.wait()
        return image


@pytest.fixture
def gate(start):  # noqa: ARG001 - it opens before the servers close
    gate = Gate()
    yield gate
    gate.open.set()


async def test_an_edit_goes_from_submit_to_picture(start):
    """Submit, status, result and download answer as documented."""
    service = await start()
    reply = await service.post(f"/v1/models/{PRO}", json=order())
    job = reply.json()["request_id"]
    base = f"{service.origin}/v1/requests/{job}"
    links = {"status_url": f"{base}/status", "result_url": f"{base}/result"}
    assert reply.status_code == 200
    submitted = {"request_id": job, **links, "cancel_url": f"{base}/cancel"}
    assert reply.json() == submitted

    await service.until(job, "completed")
    done = {"request_id": job, "status": "completed"}
    assert await service.status(job) == done | links

    result = await service.result(job)
    times = [
        datetime.fromisoformat(result.pop(k)) for k in ("created_at", "finished_at")
    ]
    assert times == sorted(times)
    assert all(time.tzinfo for time in times)
    assert result == {
        "request_id": job,
        "status": "succeeded",
        "output": {"image": f"{service.origin}/cdn/{job}.png"},
        "seed": 7,
        "engine": "demo engine",
    }
    picture = await service.picture(result)
    assert picture.tobytes() == ImageOps.invert(RED).tobytes()


async def test_the_cdn_sends_a_labelled_png(start):
    """The file says image/png, its length, a tag of its bytes, and what made it."""
    service = await start()
    url = (await service.finished(await service.submit()))["output"]["image"]
    reply = await service.client.get(url)
    assert reply.headers["content-type"] == "image/png"
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert reply.headers["etag"].strip('"').isalnum()
    picture = Image.open(io.BytesIO(reply.content))
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert picture.text["Software"] == "kontext_nb demo engine"


async def test_the_cdn_refuses_a_leaked_token(start):
    """A download that carries any Authorization gets no picture."""
    service = await start()
    url = (await service.finished(await service.submit()))["output"]["image"]
    for leaked in ("Bearer test-token", "Basic eDp5", ""):
        reply = await service.client.get(url, headers={"authorization": leaked})
        assert (reply.status_code, reply.json()["error_code"]) == (403, 403001)


async def test_the_cost_is_told_only_when_asked(start):
    """`include_cost=true` adds a cost, which is nothing."""
    service = await start()
    job = await service.submit()
    await service.until(job, "completed")
    assert (await service.result(job, include_cost="true"))["cost"] == 0.0
    assert "cost" not in await service.result(job)


async def test_a_queue_counts_from_one(start, gate):
    """Queued jobs tell their place; the one in progress has none."""
    service = await start(edit=gate.edit, workers=1)
    first, *queued = [await service.submit() for _ in range(4)]
    await service.until(first, "in_progress")
    assert "queue_position" not in await service.status(first)
    places = [await service.status(job) for job in queued]
    assert [place["queue_position"] for place in places] == [1, 2, 3]
    assert {place["status"] for place in places} == {"in_queue"}


async def test_a_result_before_its_time_gives_the_state(start, gate):
    """An early result is a 200 with the state, the engine, and no output."""
    service = await start(edit=gate.edit, workers=1)
    running, queued = [await service.submit() for _ in range(2)]
    await service.until(running, "in_progress")
    for job, word in ((running, "in_progress"), (queued, "in_queue")):
        result = await service.result(job)
        assert (result["status"], result["engine"]) == (word, "demo engine")
        assert not result.keys() & {"output", "finished_at", "error"}


async def test_a_queued_job_can_be_cancelled(start):
    """A cancel in the queue is accepted, and stays true."""
    service = await start(queue_s=FOR_EVER_S)
    job = await service.submit()
    reply = await service.cancel(job)
    assert reply.status_code == 202
    said = {"request_id": job, "status": "cancelled", "outcome": "cancelled"}
    assert reply.json() == said
    assert (await service.status(job))["status"] == "cancelled"
    result = await service.result(job)
    assert result["status"] == "cancelled"
    assert "finished_at" in result
    assert "output" not in result
    assert (await service.cancel(job)).json()["outcome"] == "not_cancellable"


async def test_a_cancelled_job_never_runs(start, gate):
    """A cancelled job leaves the queue: those behind it move up, nobody works on it."""
    service = await start(edit=gate.edit, workers=1)
    names = ("first", "second", "third")
    first, second, third = [await service.submit(prompt=name) for name in names]
    await service.until(first, "in_progress")
    await service.cancel(second)
    assert (await service.status(third))["queue_position"] == 1
    gate.open.set()
    await service.finished(third)
    assert gate.came == ["first", "third"]


async def test_only_a_queued_job_can_be_cancelled(start, gate):
    """A cancel in progress or afterwards changes nothing and says so."""
    service = await start(edit=gate.edit)
    job = await service.submit()
    await service.until(job, "in_progress")
    said = {"request_id": job, "outcome": "not_cancellable"}
    reply = await service.cancel(job)
    assert reply.status_code == 202
    assert reply.json() == said | {"status": "in_progress"}
    gate.open.set()
    await service.until(job, "completed")
    assert (await service.cancel(job)).json() == said | {"status": "completed"}
    assert (await service.result(job))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PromptRejected("It cannot.", "Ask otherwise."), "It cannot. Ask otherwise."),
        (ZeroDivisionError("\ud800"), "ZeroDivisionError"),
    ],
)
async def test_a_refusal_is_a_failed_job(start, error, words):
    """Pixel work that fails ends the job as completed and failed, with the reason."""

    def refuse(*_):
        raise error

    service = await start(edit=refuse)
    result = await service.finished(await service.submit())
    assert result["status"] == "failed"
    assert words in result["error"]
    assert "output" not in result
    assert result["engine"] == "demo engine"
    reply = await service.client.get(f"/cdn/{result['request_id']}.png")
    assert reply.status_code == 404


async def test_the_engine_of_the_house_is_the_default(start):
    """Without a stand-in the grammar reads the prompt and the effects change pixels."""
    service = await start(edit=None)
    source = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    uri = data_uri(source)
    job = await service.submit(
        prompt="Make it slightly warmer", image_url=uri, aspect_ratio="1:1"
    )
    picture = await service.picture(await service.finished(job))
    assert picture.width == picture.height
    refused = await service.submit(prompt="make her nicer", image_url=uri)
    result = await service.finished(refused)
    assert result["status"] == "failed"
    assert "make her nicer" in result["error"]


async def test_an_address_on_the_web_fails_the_job(start):
    """The demo is offline: an https picture is accepted, then fails saying why."""
    service = await start()
    job = await service.submit(image_url="https://example.com/a.png")
    result = await service.finished(job)
    assert result["status"] == "failed"
    assert "offline" in result["error"]


async def test_many_jobs_at_once_each_get_their_own_result(start):
    """Ten jobs sent together have ten ids, and no two of them mix."""

    def paint(_image, prompt, seed, aspect_ratio):
        return Image.new("RGB", (2, 2), (seed, int(prompt), len(aspect_ratio)))

    service = await start(edit=paint, workers=3)
    seeds = range(10)
    ids = await asyncio.gather(
        *(service.submit(prompt=str(s * 2), seed=s, aspect_ratio="21:9") for s in seeds)
    )
    assert len(set(ids)) == 10
    results = await asyncio.gather(*map(service.finished, ids))
    assert [result["seed"] for result in results] == list(seeds)
    pictures = await asyncio.gather(*map(service.picture, results))
    colours = [picture.getpixel((0, 0)) for picture in pictures]
    assert colours == [(seed, seed * 2, 4) for seed in seeds]


async def test_no_more_jobs_run_than_there_are_workers(start, gate):
    """With two workers, two of five jobs are in progress and start in order."""
    service = await start(edit=gate.edit, workers=2)
    ids = [await service.submit() for _ in range(5)]
    await service.until(ids[1], "in_progress")
    words = [(await service.status(job))["status"] for job in ids]
    assert words == ["in_progress"] * 2 + ["in_queue"] * 3


@pytest.mark.parametrize("left_out", [{"seed": None}, {"json_null": True}])
async def test_a_missing_seed_is_drawn_and_told(start, left_out):
    """Without a seed the service draws one, uses it and reports it."""
    used = []

    def note(image, _prompt, seed, aspect_ratio):
        used.append((seed, aspect_ratio))
        return image

    service = await start(edit=note)
    body = order(seed=None)
    if "json_null" in left_out:
        body |= {"seed": None, "aspect_ratio": None}
    seeds = []
    for _ in range(2):
        reply = await service.post(f"/v1/models/{MAX}", json=body)
        result = await service.finished(reply.json()["request_id"])
        seeds.append(result["seed"])
    assert used == [(seed, None) for seed in seeds]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed <= SEED_MAX for seed in seeds)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_pictures_arrive_as_rgb(start, kind):
    """Each accepted format reaches the pixel work as RGB of its size."""
    service = await start(edit=lambda image, *_: image.resize((image.width, 1)))
    job = await service.submit(image_url=data_uri(RED, kind))
    picture = await service.picture(await service.finished(job))
    assert picture.size == (8, 1)
    assert picture.getpixel((0, 0)) == pytest.approx((200, 30, 30), abs=6)


async def test_transparency_becomes_white(start):
    """What lies hidden under transparent pixels never shows."""
    service = await start(edit=lambda image, *_: image)
    hidden = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    job = await service.submit(image_url=data_uri(hidden))
    picture = await service.picture(await service.finished(job))
    assert picture.getcolors() == [(16, (255, 255, 255))]


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Basic eDp5", "test"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/v1/models/{PRO}"),
        ("GET", "/v1/models"),
        ("GET", "/v1/requests/x/status"),
        ("POST", "/v1/requests/x/cancel"),
        ("GET", "/prod/v2/balance"),
        ("GET", "/api/auth/me"),
    ],
)
async def test_the_api_asks_for_a_token(method, path, sent):
    """Without a bearer token every endpoint answers 401001."""
    transport = httpx.ASGITransport(create_app(origin=ORIGIN))
    headers = {} if sent is None else {"authorization": sent}
    async with httpx.AsyncClient(base_url=ORIGIN, transport=transport) as client:
        reply = await client.request(method, path, headers=headers)
    assert (reply.status_code, reply.json()["error_code"]) == (401, 401001)


async def test_a_token_of_ones_own_is_the_only_one(start):
    """With `token=` given, any other one is refused."""
    assert (await (await start(token="test-token")).get("/v1/models")).is_success  # noqa: S106
    reply = await (await start(token="another")).get("/v1/models")  # noqa: S106
    assert (reply.status_code, reply.json()["error_code"]) == (401, 401001)


@pytest.mark.parametrize(
    ("method", "path", "http", "code"),
    [
        ("POST", "/v1/models/blackforestlabs/flux-1-kontext/dev/edit", 400, 400001),
        ("GET", "/v1/models/no/such", 400, 400001),
        ("GET", "/v1/requests/nobody/status", 404, 404001),
        ("GET", "/v1/requests/nobody/result", 404, 404001),
        ("POST", "/v1/requests/nobody/cancel", 404, 404001),
        ("GET", "/v1/requests/%ED%A0%80/status", 404, 404001),
        ("GET", "/v1/models?limit=0", 422, 422001),
        ("GET", "/v1/models?limit=501", 422, 422001),
        ("GET", "/v1/models?offset=-1", 422, 422001),
        ("GET", "/v1/models?limit=many", 422, 422001),
        ("GET", "/v1/nowhere", 404, 404001),
        ("DELETE", f"/v1/models/{PRO}", 405, 405001),
    ],
)
async def test_what_does_not_exist_has_its_code(start, method, path, http, code):
    """Unknown models, requests, paths and pages are told apart by their codes."""
    service = await start()
    reply = await service.client.request(method, path, headers=AUTH, json=order())
    assert (reply.status_code, reply.json()["error_code"]) == (http, code)
    assert reply.json()["error_message"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"image_url": data_uri(RED)}, "prompt", "required"),
        ({"prompt": "x"}, "image_url", "required"),
        ({"prompt": "x", "image": data_uri(RED)}, "image_url", "not image"),
        (order(prompt=5), "prompt", "must be text"),
        (order(prompt=""), "prompt", "empty"),
        (order(prompt="x" * 4001), "prompt", "4000"),
        (order(prompt="\ud83d"), "prompt", "surrogate"),
        (order(seed="7"), "seed", "whole number"),
        (order(seed=True), "seed", "whole number"),
        (order(seed=-1), "seed", "from 0"),
        (order(seed=SEED_MAX + 1), "seed", str(SEED_MAX)),
        (order(aspect_ratio="5:7"), "aspect_ratio", "21:9"),
        (order(image_url="http://example.com/a.png"), "image_url", "https"),
        (order(image_url="file:///etc/passwd"), "image_url", "https"),
        (order(image_url="data:image/gif;base64,R0lG"), "image_url", "png"),
        (order(image_url="data:image/png;base64,%%%"), "image_url", "base64"),
        (order(image_url="data:image/png;base64,AAAA"), "image_url", "PNG, JPEG"),
        (order(image_url=data_uri(Image.new("1", (8000, 5001)))), "image_url", "40"),
    ],
)
async def test_a_body_is_checked_against_the_schema(start, body, field, words):
    """A bad field answers 422 and names itself, in the detail and in the message."""
    service = await start()
    reply = await service.post(f"/v1/models/{PRO}", content=json.dumps(body))
    assert (reply.status_code, reply.json()["error_code"]) == (422, 422001)
    (complaint,) = reply.json()["detail"]
    assert complaint["loc"] == ["body", field]
    assert words in complaint["msg"]
    assert complaint["msg"] in reply.json()["error_message"]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_is_one_json_object(start, raw):
    """Anything but a JSON object is refused, however odd."""
    service = await start()
    reply = await service.post(f"/v1/models/{PRO}", content=raw)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body"]


async def test_a_fault_of_the_app_is_an_answer(start, monkeypatch):
    """Whatever breaks inside reaches the client as the contract's own 500."""

    def fault(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(app_module, "read_order", fault)
    service = await start()
    reply = await service.post(f"/v1/models/{PRO}", json=order())
    assert reply.status_code == 500
    assert reply.json() == {
        "error_code": 500001,
        "error_message": "The demo engine broke on this call (ZeroDivisionError).",
    }


async def test_a_body_too_large_is_refused_in_words(start, monkeypatch):
    """A body over the limit gets an answer, not a broken connection."""
    monkeypatch.setattr(app_module, "MAX_BODY_BYTES", 2**20)
    service = await start()
    reply = await service.post(f"/v1/models/{PRO}", content=bytes(8 * 2**20))
    assert (reply.status_code, reply.json()["error_code"]) == (413, 413001)
    assert await service.submit()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
fields = st.sampled_from(["prompt", "image_url", "image", "seed", "aspect_ratio"])


@given(st.dictionaries(fields, values | st.just(data_uri(RED))).map(json.dumps))
@settings(max_examples=150)
def test_every_body_is_an_order_or_a_complaint(text):
    """No JSON makes the check break: it gives an order or says what is wrong."""
    read, complaint = None, None
    try:
        read = read_order(text.encode())
    except BodyRejected as error:
        complaint = error
    if read is None:
        assert complaint.detail
        assert str(complaint).encode()
    else:
        assert read.seed is None or 0 <= read.seed <= SEED_MAX
        assert read.aspect_ratio in (None, *ASPECT_RATIOS)


async def test_only_the_last_results_are_kept(start, monkeypatch):
    """Older results expire, oldest first, whatever the client asks of them."""
    monkeypatch.setattr(jobs, "RESULTS_KEPT", 2)
    service = await start()
    ids = []
    for _ in range(4):
        ids.append(await service.submit())
        await service.until(ids[-1], "completed")
    for job in ids[:2]:
        for path in (f"/v1/requests/{job}/status", f"/v1/requests/{job}/result"):
            reply = await service.get(path)
            assert (reply.status_code, reply.json()["error_code"]) == (404, 404001)
            assert "expired" in reply.json()["error_message"]
        assert (await service.client.get(f"/cdn/{job}.png")).status_code == 404
    for job in ids[2:]:
        assert await service.picture(await service.result(job))


async def test_the_newest_result_is_kept_however_large(start, monkeypatch):
    """The bound on bytes drops older results, never the one just made."""
    monkeypatch.setattr(jobs, "BYTES_KEPT", 1)
    service = await start()
    old = await service.submit()
    await service.until(old, "completed")
    new = await service.submit()
    assert await service.picture(await service.finished(new))
    assert (await service.get(f"/v1/requests/{old}/status")).status_code == 404


async def test_apps_share_nothing(start):
    """A job of one app is unknown to another."""
    here, there = await start(), await start(workers=1)
    job = await here.submit()
    assert (await there.get(f"/v1/requests/{job}/status")).status_code == 404


async def test_the_catalogue_tells_schema_and_price(start):
    """One model's page gives the schema that is checked, and that it costs nothing."""
    service = await start()
    for model in (PRO, MAX):
        page = (await service.get(f"/v1/models/{model}")).json()
        assert page["model_id"] == model
        assert (page["base_price_usd"], page["price_unit"]) == (0.0, "output")
        assert "demo engine" in page["pricing_note"]
        schema = page["input_schema"]
        assert schema["required"] == ["prompt", "image_url"]
        assert schema["properties"]["image_url"]["format"] == "image_uri"
        assert schema["properties"]["aspect_ratio"]["enum"] == list(ASPECT_RATIOS)
        seed = schema["properties"]["seed"]
        assert (seed["minimum"], seed["maximum"], seed["default"]) == (
            0,
            SEED_MAX,
            None,
        )


@pytest.mark.parametrize("model", EDITORS)
async def test_every_model_that_edits_takes_its_own_fields(start, model):
    """The first picture is edited, under the name its schema has for it."""
    service = await start()
    place = picture_field(MODELS[model]["input_schema"])
    green = data_uri(Image.new("RGB", RED.size, (0, 90, 0)))
    pictures = [data_uri(RED), green] if place.many else data_uri(RED)
    body = {"prompt": "Invert it", place.name: pictures}
    reply = await service.post(f"/v1/models/{model}", json=body)
    assert reply.status_code == 200, reply.text
    picture = await service.picture(await service.finished(reply.json()["request_id"]))
    assert picture.tobytes() == ImageOps.invert(RED).tobytes()


@pytest.mark.parametrize("model", MAKERS)
async def test_a_picture_from_words_alone_fails_the_job(start, model):
    """A text-to-image model takes its order, and the job says what the demo cannot."""
    service = await start()
    reply = await service.post(f"/v1/models/{model}", json={"prompt": "A bottle"})
    result = await service.finished(reply.json()["request_id"])
    assert result["status"] == "failed"
    assert "from words alone" in result["error"]


@pytest.mark.parametrize(
    ("model", "body", "field", "words"),
    [
        (GPT, {"images": []}, "images", "empty"),
        (GPT, {"images": ["http://a/b.png"]}, "images", "https"),
        (GPT, {"images": [data_uri(RED)] * 11}, "images", "1 to 10 pictures"),
        (GPT, {"image_urls": [data_uri(RED)]}, "images", "not image_urls"),
        (GPT, {"images": [data_uri(RED)], "quality": "hi"}, "quality", "high"),
        (NANO, {"image_urls": data_uri(RED)}, "image_urls", "a list"),
    ],
)
async def test_each_model_has_its_own_schema(start, model, body, field, words):
    """What one model takes another refuses, in the words of its own schema."""
    service = await start()
    order = {"prompt": "Invert it"} | body
    reply = await service.post(f"/v1/models/{model}", json=order)
    assert reply.status_code == 422
    (complaint,) = reply.json()["detail"]
    assert complaint["loc"] == ["body", field]
    assert words in complaint["msg"]


async def test_a_field_of_another_model_is_ignored(start):
    """A seed that a model does not name is none, whatever it is."""
    service = await start()
    body = {"prompt": "Invert it", "images": [data_uri(RED)], "seed": "x"}
    reply = await service.post(f"/v1/models/{GPT}", json=body)
    result = await service.finished(reply.json()["request_id"])
    assert 0 <= result["seed"] <= SEED_MAX


@pytest.mark.parametrize(
    ("query", "found", "total"),
    [
        ("", list(MODELS), len(MODELS)),
        ("?limit=1", [PRO], len(MODELS)),
        ("?limit=1&offset=1", [MAX], len(MODELS)),
        ("?offset=99", [], len(MODELS)),
        ("?search=KONTEXT/Max/E", [MAX], 1),
        ("?search=gpt%20image", [GPT], 1),
        ("?search=nothing", [], 0),
        ("?category=image-to-image", EDITORS, len(EDITORS)),
        ("?category=text-to-image", MAKERS, len(MAKERS)),
        ("?category=video", [], 0),
    ],
)
async def test_the_catalogue_can_be_searched_and_paged(start, query, found, total):
    """`total` counts what was found, `models` is the page of it, without schemas."""
    service = await start()
    body = (await service.get(f"/v1/models{query}")).json()
    assert [entry["model_id"] for entry in body["models"]] == found
    assert body["total"] == total
    assert not any("input_schema" in entry for entry in body["models"])


async def test_the_catalogue_lists_schemas_on_request(start):
    """`include_schema=true` adds each model's schema; categories have a page."""
    service = await start()
    body = (await service.get("/v1/models?include_schema=true")).json()
    assert all(entry["input_schema"]["properties"] for entry in body["models"])
    page = await service.get("/v1/models/categories")
    assert page.json() == {"categories": ["image-to-image", "text-to-image"]}


async def test_wallet_and_identity_are_the_demo_s(start):
    """Balance and identity have the service's keys and name the demo."""
    service = await start()
    balance = (await service.get("/prod/v2/balance")).json()
    assert balance == {
        "balance_usd": 0.0,
        "balance_microdollars": 0,
        "currency": "USD",
    }
    me = (await service.get("/api/auth/me")).json()
    assert "demo engine" in me["display_name"]
    assert len(me["id"]) == 36


def test_a_server_ends_with_its_block():
    """After `serve` the port is closed and no thread is left, even with jobs queued."""
    before = set(threading.enumerate())
    build = lambda origin: create_app(origin=origin, queue_s=FOR_EVER_S)  # noqa: E731
    with serve(build) as origin:
        url = f"{origin}/v1/models/{PRO}"
        reply = httpx.post(url, headers=AUTH, json=order(), verify=NO_AUTHORITIES)
        assert reply.is_success
    left = {thread.name for thread in set(threading.enumerate()) - before}
    # The engine's own workers, of whatever test ran before, may come and go meanwhile.
    assert {name for name in left if not name.startswith("asyncio_")} == set()
    with pytest.raises(httpx.ConnectError):
        httpx.get(origin, verify=NO_AUTHORITIES)
