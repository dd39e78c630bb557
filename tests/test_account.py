"""Whose token it is and what is left: said truly, and asked of the right host only."""

import contextlib
import dataclasses
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.demo.app import create_app
from kontext_nb.errors import BadReply, NotAuthorised, ParameterRejected, ServiceBusy
from kontext_nb.model import Secret
from kontext_nb.providers.base import Reply
from kontext_nb.providers.runcomfy_account import Account
from kontext_nb.session import account, keys, tokens
from tests import faulty
from tests.faulty import answer, as_json
from tests.loopback import serve
from tests.test_cli import run

TOKEN = "tok-of-this-account"  # noqa: S105 - made up
VARIABLE = "RUNCOMFY_TOKEN"
PLAYED = Account(
    token=Secret.of(TOKEN), token_from=VARIABLE, base="https://api.example"
)


@pytest.fixture
def go_to(monkeypatch):
    """Point both questions at a server, with a token from the environment."""

    def go(origin):
        monkeypatch.setenv("RUNCOMFY_WEB_BASE", origin)
        monkeypatch.setenv("RUNCOMFY_SERVERLESS_API_BASE", f"{origin}/prod/v2")
        monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)

    return go


def test_each_question_goes_where_it_is_documented(go_to):
    """Path, method and credential are those of the official command line."""
    with faulty.serve(download=[as_json({"id": "u-1", "balance_usd": 1})]) as service:
        go_to(service.origin)
        account.whoami()
        account.balance()
    asked = [(one.method, one.path) for one in service.seen]
    assert asked == [("GET", "/api/auth/me"), ("GET", "/prod/v2/balance")]
    sent = {one.headers["authorization"] for one in service.seen}
    assert sent == {f"Bearer {TOKEN}"}


def test_without_settings_it_is_runcomfy_that_is_asked():
    """The pinned hosts, with the stored token."""
    tokens.save(Secret.of(TOKEN))
    web, money = keys.web_account(), keys.balance_account()
    assert web.whoami().url == "https://www.runcomfy.com/api/auth/me"
    assert money.balance().url == "https://api.runcomfy.net/prod/v2/balance"
    assert web.token.reveal() == money.token.reveal() == TOKEN
    assert web.token_from == str(tokens.token_file())


@pytest.mark.parametrize(
    ("variable", "ask"),
    [
        ("RUNCOMFY_WEB_BASE", account.whoami),
        ("RUNCOMFY_SERVERLESS_API_BASE", account.balance),
    ],
)
def test_the_stored_token_goes_to_runcomfy_only(variable, ask, monkeypatch):
    """Another host gets only what this shell gives, and an unsafe one nothing."""
    tokens.save(Secret.of("tok-that-is-stored"))
    with faulty.serve(download=[as_json({"id": "u-1"})]) as service:
        for base in (
            service.origin,
            "https://evil.example",
            "https://evilruncomfy.net",
        ):
            monkeypatch.setenv(variable, base)
            with pytest.raises(NotAuthorised, match=f"{variable} points to"):
                ask()
        for base in ("http://www.runcomfy.com", "https://a@www.runcomfy.com", "", "x"):
            monkeypatch.setenv(variable, base)
            monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
            with pytest.raises(ParameterRejected, match=f"{variable} is no safe"):
                ask()
        assert service.seen == []
        monkeypatch.setenv(variable, service.origin)
        ask()
    (seen,) = service.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("variable", "ask"),
    [
        ("RUNCOMFY_WEB_BASE", keys.web_account),
        ("RUNCOMFY_SERVERLESS_API_BASE", keys.balance_account),
    ],
)
def test_another_servers_token_does_not_go_to_runcomfy(variable, ask, monkeypatch):
    """A shell that names a server for edits gave the token for that one only."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:9/v1")
    with pytest.raises(NotAuthorised, match=rf"127\.0\.0\.1:9.*Set {variable}"):
        ask()
    monkeypatch.setenv(variable, "https://api.runcomfy.net/prod/v2")
    assert ask().token.reveal() == TOKEN
    monkeypatch.delenv(variable)
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "https://model-api.runcomfy.net/v1")
    assert ask().token.reveal() == TOKEN


def test_a_stored_token_goes_home_wherever_edits_are_made(monkeypatch):
    """It is RunComfy's, and never was that other server's."""
    tokens.save(Secret.of(TOKEN))
    monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:9/v1")
    assert keys.balance_account().base == "https://api.runcomfy.net/prod/v2"


def test_a_proxy_does_not_see_what_goes_to_this_machine(go_to, monkeypatch):
    """Over http it would read the token; over https it only passes it on, unread."""
    told = as_json({"id": "u-1"})
    with faulty.serve(download=[told]) as proxy, faulty.serve(download=[told]) as site:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        go_to(site.origin)
        account.whoami()
        assert (len(proxy.seen), len(site.seen)) == (0, 1)


REPLIES = {
    "401": (as_json({"error_code": 401001}, 401), NotAuthorised, 77),
    "401 without words": (answer(401), NotAuthorised, 77),
    "403": (answer(403, b"<html>no</html>"), NotAuthorised, 77),
    "refused under 200": (as_json({"error_code": 401001}), NotAuthorised, 77),
    "no such token": (as_json({"error_code": 400004}, 400), NotAuthorised, 77),
    "429": (answer(429), ServiceBusy, 75),
    "500": (answer(500), BadReply, 69),
    "a portal": (answer(200, b"<html>Sign in</html>"), BadReply, 69),
    "a redirect": (answer(302, location="https://evil.example/"), BadReply, 69),
    "a list": (as_json([1]), BadReply, 69),
    "an error under 200": (as_json({"error_code": 500001}), BadReply, 69),
    "hung up": (faulty.closed, ServiceBusy, 75),
    "reset": (faulty.reset, ServiceBusy, 75),
}


@pytest.mark.parametrize("ask", [account.whoami, account.balance])
@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_that_is_none_says_whose_fault_it_is(name, ask, go_to):
    """One question, nothing is asked twice, and the exit code is the documented one."""
    reply, kind, code = REPLIES[name]
    with faulty.serve(download=[reply]) as service:
        go_to(service.origin)
        with pytest.raises(kind) as caught:
            ask()
    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert len(service.seen) == 1


def test_a_refusal_names_where_the_token_is_from():
    """So that one changes the right one."""
    refused = Reply(401, {}, b"")
    with pytest.raises(NotAuthorised, match="RUNCOMFY_TOKEN to a valid one"):
        PLAYED.read_balance(refused)
    stored = dataclasses.replace(PLAYED, token_from="/a/token.json")  # noqa: S106
    with pytest.raises(NotAuthorised, match=r"from /a/token\.json\. Run kontext-nb"):
        stored.read_whoami(refused)


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        (64.11, 64.11),
        (0, 0.0),
        (-3.5, -3.5),
        (None, None),
        (True, None),
        (False, None),
        ("64.11", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([1], None),
    ],
)
def test_a_balance_is_a_number_or_unknown(said, amount):
    """It may be nothing or less; what is no number is never taken for 0."""
    body = json.dumps({"balance_usd": said, "currency": "USD"}).encode()
    assert PLAYED.read_balance(Reply(200, {}, body)).amount == amount


def test_a_missing_balance_is_unknown():
    """Nor is an answer without it."""
    left = PLAYED.read_balance(Reply(200, {}, b'{"currency": "\\u001b[2J"}'))
    assert (left.amount, left.currency) == (None, "USD")


def test_foreign_names_are_plain_and_short():
    """What a site calls somebody cannot steer a terminal, nor show the token."""
    names = {
        "id": f"u {TOKEN} 1",
        "email": "a\x1b[2J\r\n@b",
        "display_name": "x" * 10_000,
        "username": ["no", "text"],
    }
    found = PLAYED.read_whoami(Reply(200, {}, json.dumps(names).encode()))
    assert found.id == "u (token) 1"
    assert found.email == "a [2J @b"
    assert len(found.display_name) == 120
    assert (found.username, found.token_type) == (None, None)


@pytest.mark.parametrize("said", [None, 7, "", "\x00"])
def test_who_has_no_id_is_nobody(said):
    """The id is the one field that is promised."""
    with pytest.raises(BadReply, match="who you are"):
        PLAYED.read_whoami(Reply(200, {}, json.dumps({"id": said}).encode()))


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2), max_leaves=4)
names = st.sampled_from(["id", "email", "balance_usd", "currency", "error_code"])
bodies = st.binary(max_size=40) | st.dictionaries(names, trees).map(
    lambda facts: json.dumps(facts).encode()
)


@given(bodies, st.integers(100, 599))
def test_no_answer_breaks_a_reader(body, status):
    """Every answer is a value or a typed error."""
    for read in (PLAYED.read_whoami, PLAYED.read_balance):
        with contextlib.suppress(BadReply, NotAuthorised, ServiceBusy):
            read(Reply(status, {}, body))


def test_a_person_asks_who_and_how_much(go_to):
    """The answer is on stdout, for people or on one line for scripts."""
    with serve(lambda origin: create_app(origin=origin, token=TOKEN)) as origin:
        go_to(origin)
        told, left = run("whoami"), run("balance")
        script = run("--output", "json", "whoami")
        money = run("--output", "json", "balance")
    assert told.stdout == "Guest of the demo engine · demo@kontext-nb.invalid\n"
    assert told.stderr == "Token from RUNCOMFY_TOKEN.\n"
    assert (left.stdout, left.stderr) == ("0.00 USD\n", "")
    assert json.loads(script.stdout)["token_from"] == VARIABLE
    assert script.stdout.count("\n") == 1
    assert json.loads(money.stdout) == {"balance": 0.0, "currency": "USD"}


def test_an_unknown_balance_is_said_to_be_unknown(go_to):
    """Also to a script: null, not 0."""
    with faulty.serve(download=[as_json({"balance_usd": "1"})]) as service:
        go_to(service.origin)
        assert run("balance").stdout == "unknown\n"
        done = run("--output", "json", "balance")
    assert json.loads(done.stdout)["balance"] is None


def test_a_refused_token_ends_with_its_code(go_to):
    """Exit 77, nothing on stdout, no traceback, one line for people."""
    with serve(lambda origin: create_app(origin=origin, token=TOKEN[::-1])) as origin:
        go_to(origin)
        done = run("whoami")
    assert (done.returncode, done.stdout) == (77, "")
    assert "refuses the token from RUNCOMFY_TOKEN" in done.stderr
    assert done.stderr.count("\n") == 2
    assert TOKEN not in done.stderr


def test_without_a_token_it_says_how_to_get_one():
    """Exit 77, and the command that helps."""
    assert "RUNCOMFY_TOKEN" not in os.environ
    done = run("balance")
    assert done.returncode == 77
    assert "kontext-nb login" in done.stderr
