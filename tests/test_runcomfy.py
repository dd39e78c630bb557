"""RunComfy's contract, fed by hand: calls as sent, replies as they are read."""

import dataclasses
import json
import pickle
import random
import re
import subprocess
import sys

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    KontextError,
    NotAuthorised,
    OutOfCredit,
    ParameterRejected,
    RequestRefused,
    ResultLost,
    ServiceBusy,
)
from kontext_nb.model import KONTEXT_PRO, Request, Secret
from kontext_nb.providers.base import Phase, Reply, Status
from kontext_nb.providers.runcomfy import RunComfy
from tests import fuzzing

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
RUNCOMFY = RunComfy(token=Secret.of(TOKEN))
READERS = (
    RUNCOMFY.read_submit,
    RUNCOMFY.read_status,
    RUNCOMFY.read_result,
    RUNCOMFY.read_cancel,
)
INPUTS = {"prompt": "Make it night", "image_url": "u", "seed": 7}


def reply(body, status=200):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {}, raw)


def test_the_paid_call_is_the_documented_one():
    """The body is flat, carries what was asked and nothing that was left open."""
    call = RUNCOMFY.submit(KONTEXT_PRO, INPUTS, "job")
    assert call.method == "POST"
    assert call.url == f"https://model-api.runcomfy.net/v1/models/{KONTEXT_PRO}"
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["idempotency-key"] == call.headers["x-request-id"] == "job"
    assert json.loads(call.body) == INPUTS


def test_only_the_submit_is_paid():
    """Questions, the cancel and the download may be sent again; the submit may not."""
    calls = [
        RUNCOMFY.submit(KONTEXT_PRO, INPUTS, "job"),
        RUNCOMFY.status("r"),
        RUNCOMFY.result("r"),
        RUNCOMFY.cancel("r"),
        RUNCOMFY.download("https://a.runcomfy.net/x.png"),
    ]
    assert [call.paid for call in calls] == [True, False, False, False, False]
    assert [call.url.partition("/v1")[2] for call in calls[1:4]] == [
        "/requests/r/status",
        "/requests/r/result?include_cost=true",
        "/requests/r/cancel",
    ]


@pytest.mark.parametrize(
    "model",
    [
        "flux",
        "/a/b",
        "a/b/",
        "a//b",
        "../v1/x y",
        "a/b?x=1",
        "a/b#c",
        "A/b",
        "a/%2e%2e",
        "a/b\r\nx: y",
        "a/ü",
        "",
    ],
)
def test_what_is_no_model_id_never_becomes_an_address(model):
    """A model id is plain segments with slashes; nothing else is sent."""
    with pytest.raises(ParameterRejected):
        Request.of(INPUTS, model=model)


@pytest.mark.parametrize(
    "leak",
    [repr, str, lambda value: repr(dataclasses.fields(value)), "{0!r} {0}".format],
)
def test_nothing_printed_shows_the_token(leak):
    """Provider and calls can be printed without giving the token away."""
    for value in (
        RUNCOMFY,
        RUNCOMFY.submit(KONTEXT_PRO, INPUTS, "job"),
        RUNCOMFY.status("r"),
    ):
        assert TOKEN not in leak(value)
    assert TOKEN not in repr(RUNCOMFY.token) + str(RUNCOMFY.token)


def test_a_token_cannot_be_written_down():
    """Pickling a provider is refused, and as plain data it shows no token."""
    with pytest.raises(TypeError):
        pickle.dumps(RUNCOMFY)
    assert TOKEN not in repr(dataclasses.asdict(RUNCOMFY))


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_with_an_id_is_an_id(status):
    """The docs say 200, RunComfy's own tests 202."""
    assert RUNCOMFY.read_submit(reply({"request_id": "a-B_9"}, status)) == "a-B_9"


@pytest.mark.parametrize(
    "request_id", [None, 7, "", "a" * 129, "a/b", "../x", "a b", "a\n", ["a"], "ü", "?"]
)
def test_an_unusable_id_is_no_answer(request_id):
    """An id that could change an address, or is none, is not taken."""
    with pytest.raises(BadReply):
        RUNCOMFY.read_submit(reply({"request_id": request_id}))


SUBMIT_ERRORS = [
    (400, {}, RequestRefused),
    (413, b"<html>", RequestRefused),
    (415, {}, RequestRefused),
    (422, {"detail": [{"loc": ["body", "seed"]}]}, RequestRefused),
    (404, {"error_code": 404001}, RequestRefused),
    (400, {"error_code": 400001}, RequestRefused),
    (200, {"error_code": 422001}, RequestRefused),
    (400, {"error_code": 400002}, OutOfCredit),
    (200, {"error_code": 400002}, OutOfCredit),
    (402, {}, OutOfCredit),
    (401, {}, NotAuthorised),
    (403, b"", NotAuthorised),
    (400, {"error_code": 400004}, NotAuthorised),
    (200, {"error_code": 401001}, NotAuthorised),
    (200, {"error_code": 403001}, NotAuthorised),
    (429, {}, ServiceBusy),
    (429, b"<html>", ServiceBusy),
    *[(status, {}, RequestRefused) for status in (405, 406, 411, 426, 451)],
    # What leaves open whether the job was taken stays open.
    (200, {"error_code": 429}, BadReply),
    (500, {"error_code": 429}, BadReply),
    (200, {"error_code": 500001, "request_id": "a"}, BadReply),
    (200, b"<html>Log in to the hotel's network</html>", BadReply),
    (200, b"", BadReply),
    (200, [], BadReply),
    (204, b"", BadReply),
    *[(status, {"request_id": "a"}, BadReply) for status in (301, 302, 307, 308)],
    *[(status, {}, BadReply) for status in (408, 409, 425, 500, 502, 503, 504, 520)],
    (999, {}, BadReply),
]


@pytest.mark.parametrize(("status", "body", "error"), SUBMIT_ERRORS)
def test_a_submit_that_fails_says_what_is_certain(status, body, error):
    """Only a clear refusal counts as one; everything else leaves the outcome open."""
    with pytest.raises(error) as caught:
        RUNCOMFY.read_submit(reply(body, status))
    assert type(caught.value) is error


ASKING_ERRORS = [
    (401, {}, NotAuthorised),
    (402, {}, OutOfCredit),
    (403, {}, NotAuthorised),
    (404, {}, ResultLost),
    (410, {}, ResultLost),
    (200, {"error_code": 404001}, ResultLost),
    *[(status, {}, ServiceBusy) for status in (408, 409, 425, 429, 500, 502, 503, 520)],
    *[(status, {}, BadReply) for status in (301, 302, 400, 405, 413, 422)],
    (200, b"<html>", BadReply),
    (204, b"", BadReply),
    (200, {"error_code": 500001}, BadReply),
    (999, {}, BadReply),
]


@pytest.mark.parametrize(("status", "body", "error"), ASKING_ERRORS)
@pytest.mark.parametrize("read", READERS[1:])
def test_a_question_that_fails_says_whether_to_ask_again(status, body, error, read):
    """A refused question never claims that the job was refused or not charged."""
    with pytest.raises(error) as caught:
        read(reply(body, status))
    assert type(caught.value) is error
    if error is not ServiceBusy:
        assert "charged" not in str(caught.value)


@pytest.mark.parametrize("read", READERS)
def test_a_web_page_in_place_of_an_answer_hints_at_what_is_in_between(read):
    """A hotel's portal answers anything with 200: the problem is not the service's."""
    for page in (b"<html>Sign in</html>", b"\n <!DOCTYPE html>"):
        with pytest.raises(BadReply, match="portal or proxy may be in between"):
            read(reply(page))
    with pytest.raises(KontextError, match=r"HTTP 502\."):
        read(reply(b"<html>Bad gateway</html>", 502))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("status", [405, 406, 411, 426, 451])
def test_a_request_whose_form_is_refused_hints_at_an_upgrade(status, read):
    """The form of a request is this program's: nothing the user gave is wrong."""
    with pytest.raises(KontextError, match="too old") as caught:
        read(reply({}, status))
    assert caught.value.exit_code == 69


def test_a_bare_202_means_not_yet():
    """It says that the job goes on, and nothing more: not that it left the queue."""
    bare = reply(b"", 202)
    assert RUNCOMFY.read_status(bare) == Status(Phase.QUEUED)
    assert RUNCOMFY.read_result(bare) is None
    for read in (RUNCOMFY.read_submit, RUNCOMFY.read_cancel):
        with pytest.raises(BadReply):
            read(bare)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "in_queue", "queue_position": 3}, Status(Phase.QUEUED, 3)),
        ({"status": "IN_QUEUE"}, Status(Phase.QUEUED)),
        ({"status": "in_queue", "queue_position": "3"}, Status(Phase.QUEUED)),
        ({"status": "pending"}, Status(Phase.QUEUED)),
        ({"status": "in_progress"}, Status(Phase.RUNNING)),
        ({"status": "a word nobody knows"}, Status(Phase.RUNNING)),
        ({"status": None}, Status(Phase.RUNNING)),
        ({}, Status(Phase.RUNNING)),
        ({"status": "completed"}, Status(Phase.ENDED)),
        ({"status": "Succeeded"}, Status(Phase.ENDED)),
        ({"status": "failed", "error": "x"}, Status(Phase.ENDED)),
        ({"status": "cancelled"}, Status(Phase.ENDED)),
        ({"status": "canceled"}, Status(Phase.ENDED)),
    ],
)
def test_a_status_is_folded_into_three_phases(body, status):
    """Case and spelling are forgiven, and an unknown word means: still running."""
    assert RUNCOMFY.read_status(reply(body)) == status


URL = "https://a.runcomfy.net/1.png"


@pytest.mark.parametrize(
    "output",
    [
        {"image": URL},
        {"images": [URL]},
        {"images": [URL, "https://a.runcomfy.net/2.png"], "image": "no"},
        {"images": [], "image": URL},
        [URL],
        URL,
    ],
)
@pytest.mark.parametrize("word", ["succeeded", "completed"])
def test_the_picture_is_found_in_every_known_shape(output, word):
    """Text, a list, `image` and `images` are the shapes seen in the wild."""
    body = {"status": word, "output": output, "input": {"image_url": "echo"}}
    found = RUNCOMFY.read_result(reply(body))
    assert found.urls[0] == URL
    assert json.loads(found.said) == output
    assert "echo" not in found.urls


def test_every_result_counts_once_and_not_without_end():
    """All addresses of the output, in its order, pictures first; sixteen at most."""
    urls = [f"https://a.runcomfy.net/{i}.png" for i in range(20)]
    output = {"video": urls[2], "images": [urls[1], urls[0], urls[1]]}
    body = {"status": "succeeded", "output": output}
    found = RUNCOMFY.read_result(reply(body))
    assert found.urls == (urls[1], urls[0], urls[2])
    body = {"status": "succeeded", "output": urls}
    assert RUNCOMFY.read_result(reply(body)).urls == tuple(urls[:16])


@pytest.mark.parametrize(
    ("cost", "usd"),
    [(0.04, 0.04), (0, 0.0), (True, None), (-1, None), ("0.04", None), (10**400, None)],
)
def test_a_cost_is_a_number_or_unknown(cost, usd):
    """What is no amount of money is never read as free."""
    body = {"status": "succeeded", "output": URL, "cost": cost}
    assert RUNCOMFY.read_result(reply(body)).cost_usd == usd


@pytest.mark.parametrize("output", [None, {}, [], {"images": [1]}, {"video": "x"}, 7])
def test_a_success_without_a_picture_is_a_bad_reply(output):
    """The echoed input never counts as the output."""
    body = {"status": "succeeded", "output": output, "input": {"image_url": URL}}
    with pytest.raises(BadReply, match="names no result"):
        RUNCOMFY.read_result(reply(body))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "in_progress"}, 200),
        ({"status": "in_queue"}, 202),
        ({"error_code": 400005}, 400),
        ({"error_code": 400005, "status": "completed"}, 200),
    ],
)
def test_a_result_that_is_not_ready_is_none(body, status):
    """Both known ways to say "not yet" are read as that."""
    assert RUNCOMFY.read_result(reply(body, status)) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"error": "model refused the prompt."}, "model refused the prompt"),
        ({"error": {"type": "nsfw"}}, '{"type": "nsfw"}'),
        ({"error_message": "a", "error": "b"}, "a"),
        ({"detail": "x\n\n  y"}, "x y"),
        ({}, "no reason given"),
        ({"error": "bad \x1b[31m red \u202e left \ud800 half"}, "bad [31m red left"),
        ({"error": f"no such token {TOKEN}!"}, "no such token (token)!"),
    ],
)
def test_a_failed_job_gives_its_reason_as_plain_text(said, shown):
    """The reason is one line of printable text, and never quotes the token."""
    with pytest.raises(EditFailed) as caught:
        RUNCOMFY.read_result(reply({"status": "failed"} | said))
    assert shown in caught.value.problem
    assert TOKEN not in str(caught.value)
    caught.value.problem.encode()  # it can be stored


def test_a_token_of_digits_is_not_quoted_as_a_number():
    """Whatever it is written as, it is taken out."""
    digits = RunComfy(token=Secret.of("12345678"))
    with pytest.raises(EditFailed) as caught:
        digits.read_result(reply({"status": "failed", "error": [{"no": 12345678}]}))
    assert '{"no": "(token)"}' in caught.value.problem


def test_an_error_page_is_cut_short():
    """A reason of many kilobytes is cut."""
    with pytest.raises(RequestRefused) as caught:
        RUNCOMFY.read_submit(reply({"error": "x" * 50_000}, 400))
    assert len(str(caught.value)) < 1500


def test_a_cancelled_job_says_so():
    """Both spellings of cancelled end the job as such."""
    for word in ("cancelled", "Canceled"):
        with pytest.raises(EditCancelled):
            RUNCOMFY.read_result(reply({"status": word}))


@pytest.mark.parametrize(
    ("body", "cancelled"),
    [
        ({"status": "completed", "outcome": "cancelled"}, True),
        ({"status": "cancelled"}, True),
        ({"outcome": "Canceled"}, True),
        ({"status": "in_progress", "outcome": "not_cancellable"}, False),
        ({"status": "completed", "outcome": "not_cancellable"}, False),
        ({"status": "cancellation_requested"}, False),
        ({"outcome": ["cancelled"]}, False),
        ({}, False),
    ],
)
def test_a_cancel_tells_the_truth(body, cancelled):
    """Only a clear yes counts as cancelled."""
    assert RUNCOMFY.read_cancel(reply(body, 202)) is cancelled


def test_a_foreign_engine_name_is_plain_and_short():
    """What a service calls itself can be stored and shown."""
    body = {"status": "succeeded", "output": URL, "engine": "x\x1b\ud800" * 100}
    name = RUNCOMFY.read_result(reply(body)).engine
    assert name.isprintable()
    assert len(name) <= 80


SAFE = [
    "https://playgrounds-storage-public.runcomfy.net/a/b.png?sig=1#x",
    "https://runcomfy.com/a.png",
    "https://A.RunComfy.NET/a.png",
    "https://a.runcomfy.net:443/a.png",
]
HOSTILE = [
    "",
    "a.png",
    "//a.runcomfy.net/a.png",
    "http://a.runcomfy.net/a.png",
    "ftp://a.runcomfy.net/a.png",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    " https://a.runcomfy.net/a.png",
    "https://evilruncomfy.net/a.png",
    "https://runcomfy.net.evil.com/a.png",
    "https://runcomfy.net@evil.com/a.png",
    "https://user:pw@a.runcomfy.net/a.png",
    "https://@a.runcomfy.net/a.png",
    "https://a.runcomfy.net:8080/a.png",
    "https://a.runcomfy.net:443@evil.com/a.png",
    "https://a.runcomfy.net:99999/a.png",
    "https://a.runcomfy.net./a.png",
    "https://evil.com\\.runcomfy.net/a.png",
    "https://evil.com%2f.runcomfy.net/a.png",
    "https://evil.com%00.runcomfy.net/a.png",
    "https://evil.com#.runcomfy.net/a.png",
    "https://evil.com?.runcomfy.net/a.png",
    "https://evil.com/.runcomfy.net/a.png",
    "https://a.run\tcomfy.net/a.png",
    "https://a.runcomfy.net/a\n.png",
    "https://a.runcomfy.net/\x00",
    "https://a.runcomfy.n\uff45t/a.png",
    "https://a\u3002runcomfy.net/a.png",
    "https://a.run\u0441omfy.net/a.png",
    "https://xn--runomfy-4ye.net/a.png",
    "https://..runcomfy.net/a.png",
    "https://*.runcomfy.net/a.png",
    "https://127.0.0.1/a.png",
    "https://2130706433/a.png",
    "https://0177.0.0.1/a.png",
    "https://0x7f.1/a.png",
    "https://[::ffff:127.0.0.1]/a.png",
    "https://[fe80::1%25lo]/a.png",
    "https://[::bad/a.png",
    "https:a.runcomfy.net/a.png",
    "https:/a.runcomfy.net/a.png",
    "https:///a.runcomfy.net/a.png",
    "https://evil.com:443/@a.runcomfy.net/a.png",
    "https://a.runcomfy.net:@evil.com/a.png",
    "https://evil.com;.runcomfy.net/a.png",
    "https://evil.com,a.runcomfy.net/a.png",
    "https://evil.com&.runcomfy.net/a.png",
    "https://evil.com$.runcomfy.net/a.png",
    "https://a.runcomfy.net%2f@evil.com/a.png",
    "https://a.runcomfy.net%20/a.png",
    "https://a.runcomfy.net%23.evil.com/a.png",
    "https://a.runcomfy.net\\@evil.com/a.png",
    "https://evil.com\x0b.runcomfy.net/a.png",
    "https://a.runcomfy.net\u2028/a.png",
    "https://a.runcomfy.net:+443/a.png",
    "https://a.runcomfy.net:0x1bb/a.png",
    "https://a.runcomfy.net:80:443/a.png",
    "https://a.runcomfy.net:-443/a.png",
    "https://_.runcomfy.net.evil.com/a.png",
    "https://a.runcomfy.net.nip.io/a.png",
    "https://a_b.runcomfy.net/a.png",
    "https://[a.runcomfy.net]/a.png",
    "https://[::1].runcomfy.net/a.png",
    "https://127.1/a.png",
    "https://169.254.169.254/latest/meta-data",
    "https://localhost/a.png",
    "https://" + "a" * 10_000 + ".evil.com/a.png",
    "wss://a.runcomfy.net/a.png",
    "javascript://a.runcomfy.net/%0aalert(1)",
    "view-source:https://a.runcomfy.net/a.png",
    "http://127.0.0.1:9/a.png",
]


@pytest.mark.parametrize("url", SAFE)
def test_results_come_from_runcomfy_and_without_the_token(url):
    """A download goes to the service's own hosts and carries no credential."""
    call = RUNCOMFY.download(url)
    assert call.url == url
    assert call.headers == {}


@pytest.mark.parametrize("url", HOSTILE)
def test_a_result_elsewhere_is_not_fetched(url):
    """An address that is not plainly RunComfy's is shown, not fetched."""
    with pytest.raises(BadReply, match="not RunComfy's"):
        RUNCOMFY.download(url)


@pytest.mark.parametrize("url", [*HOSTILE[:-1], "http://127.0.0.1:90/a.png"])
def test_an_own_server_opens_its_own_origin_only(url):
    """The one more origin is exactly that: scheme, host and port."""
    own = dataclasses.replace(RUNCOMFY, result_origin="http://127.0.0.1:9")
    assert own.download("http://127.0.0.1:9/a.png").headers == {}
    with pytest.raises(BadReply):
        own.download(url)


SOUND = [
    "https://runcomfy.com/a.png",
    "HTTPS://a-b.RunComfy.net:443?x=//evil.com#@",
    "https://a.evil.com.runcomfy.net:/@evil.com:80/%2f..",
    "http://127.0.0.1:9/a.png",
]
ODD = [*"/@?#:[]%.;&*\\\t \uff0e0", "//", "@evil.com", "evil.com:", ":80", "%2f"]


def nearly_sound(count):
    """Yield sound addresses with something put into them, at one place or two."""
    chance = random.Random(1)  # noqa: S311 - the same ones each time
    for _ in range(count):
        url = chance.choice(SOUND)
        for _ in range(chance.randint(1, 2)):
            at = chance.randint(0, 28)
            url = url[:at] + chance.choice(ODD) + url[at:]
        yield url


def test_who_checks_an_address_and_who_fetches_it_read_the_same():
    """Two parsers: what the one lets pass, the other goes to, or nowhere at all."""
    own = dataclasses.replace(RUNCOMFY, result_origin="http://127.0.0.1:9")
    passed = set()
    for url in nearly_sound(5000):
        try:
            parts = httpx.URL(own.download(url).url)
        except (BadReply, httpx.InvalidURL):
            continue
        passed.add(url)
        assert not parts.userinfo, url
        if parts.scheme == "http":
            assert (parts.host, parts.port) == ("127.0.0.1", 9), url
        else:
            assert (parts.scheme, parts.port or 443) == ("https", 443), url
            ours = rb"([a-z0-9-]+\.)*runcomfy\.(net|com)"
            assert re.fullmatch(ours, parts.raw_host), url
    assert len(passed) > 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "output",
                    "image",
                    "images",
                    "error",
                    "detail",
                    "engine",
                    "error_code",
                    "request_id",
                    "outcome",
                    "queue_position",
                    "message",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
WORDS = st.sampled_from(["in_queue", "succeeded", "failed", "cancelled", "completed"])
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda word, rest: json.dumps(rest | {"status": word}).encode(),
        WORDS,
        st.dictionaries(
            st.sampled_from(["output", "error", "engine", "error_code", "outcome"]),
            JSON,
        ),
    ),
)


@given(body=BODIES, status=st.integers(200, 599))
def test_no_answer_breaks_a_reader(body, status):
    """Any bytes under any status are a value or one of our errors, fit to store."""
    check_read(body, status)


def check_read(body, status):
    for read in READERS:
        try:
            read(Reply(status, {}, body))
        except KontextError as error:
            assert error.problem.isprintable()  # noqa: PT017 - both ways out are right


KNOWN = ("status", "output", "error", "error_code", "request_id", "engine", "cost")
FOUND = ("succeeded", "failed", "in_queue", URL, "\ud800", "\x1b[2J", TOKEN, "")


def anything(rng, depth=3):
    """Return any JSON value, by the names that are looked for more often than not."""
    kind = rng.randrange(8 if depth else 5)
    if kind < 3:
        return rng.choice((None, True, 0, -1, 400002, 404001, 1e308, 10**400, 0.04))
    if kind < 5:
        return rng.choice(FOUND)
    several = [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return several
    return {rng.choice((*KNOWN, *FOUND)): value for value in several}


def test_two_thousand_answers_of_all_kinds_break_no_reader():
    """What each of them is, is told by our own errors, whatever it is made of (P11)."""
    rng = random.Random(11)  # noqa: S311 - the same ones each time
    for number in range(2000):
        facts = anything(rng)
        if number % 2:  # what looks like an answer
            facts = {name: anything(rng) for name in KNOWN if rng.random() < 0.7}
            facts["status"] = rng.choice(FOUND[:3])
            facts["output"] = rng.choice((URL, anything(rng)))
        body = json.dumps(facts).encode()
        check_read(body, rng.choice((200, 200, 202, 400, 404, 503)))


LARGEST = """
from kontext_nb.errors import KontextError
from kontext_nb.model import Secret
from kontext_nb.providers.base import Reply
from kontext_nb.providers.runcomfy import RunComfy
from tests.fuzzing import peak_kib

MOST = 4 * 2**20
PARTS = [b"[],", b'{"a":1},', b'{"a":{}},', b"[[]],", b"1,", b'"",', b"1.5,"]
provider = RunComfy(token=Secret.of("tok-never-to-be-shown"))

def read(body):
    for reader in (provider.read_submit, provider.read_status, provider.read_result):
        try:
            reader(Reply(200, {}, body))
        except KontextError:
            pass

def read_text(text):
    read(b'{"status": "failed", "error": "' + text + b'"}')

read_text(b"small")
before = peak_kib()
for part in PARTS:
    read(b'{"error": [' + part * (MOST // len(part)) + b"0]}")
smile = "\N{GRINNING FACE}".encode()
read_text(smile * (MOST // 4))
read_text(smile + b"x" * MOST)
print(peak_kib() - before)
"""


def test_no_answer_takes_more_than_a_hundred_mebibytes_to_read():
    """4 MiB are read of one, and Python makes twenty times as much of some (P11)."""
    if not fuzzing.STATUS.exists():
        pytest.skip("only Linux tells the memory of a process by itself")
    done = subprocess.run(
        [sys.executable, "-c", LARGEST],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=fuzzing.__file__.rpartition("tests")[0],
    )
    assert int(done.stdout) < 100 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"error":' * 100_000,
        b'{"status":"failed","error":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"status":"failed","error":' + b"[" * 980 + b"]" * 980 + b"}",
        b'{"queue_position":' + b"9" * 5000 + b',"status":"in_queue"}',
        b'{"status":"in_queue","queue_position":1e400}',
        b'{"status":"failed","status":"succeeded"}',
        b'\xef\xbb\xbf{"status":"in_queue"}',
        b"\xff\xfe{}",
        b"NaN",
    ],
)
def test_hostile_json_is_a_value_or_a_typed_error(body):
    """Depth, size, doubled keys and foreign encodings are survived."""
    for read in READERS:
        try:
            read(Reply(200, {}, body))
        except KontextError as error:
            assert error.remedy  # noqa: PT017 - both ways out are right


def test_the_label_is_the_model_or_the_honest_engine():
    """A server that is not RunComfy is never shown under a model's name."""
    assert RUNCOMFY.label("m/x") == "m/x"
    own = dataclasses.replace(RUNCOMFY, engine="demo engine")
    assert own.label("m/x") == "demo engine"
