"""The demo engine's login keeps RunComfy's contract for the device flow, in process."""

import asyncio

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from kontext_nb.demo.account import MAX_LOGINS, Accounts
from kontext_nb.demo.app import create_app

ORIGIN = "http://127.0.0.1:1"
TOKEN = "tok-of-the-demo"  # noqa: S105 - made up


class Site:
    """The site of one app, asked without a token."""

    def __init__(self, app):
        self._transport = httpx.ASGITransport(app)

    def ask(self, method, path, **content):
        async def asking():
            client = httpx.AsyncClient(transport=self._transport, base_url=ORIGIN)
            async with client:
                return await client.request(method, path, **content)

        return asyncio.run(asking())

    def start(self):
        return self.ask("POST", "/api/cli-auth/start").json()

    def poll(self, begun):
        body = {"device_code": begun["device_code"]}
        reply = self.ask("POST", "/api/cli-auth/poll", json=body)
        return reply.status_code, reply.json()

    def type(self, code, choice="authorize"):
        form = {"user_code": code, "choice": choice}
        return self.ask("POST", "/cli-auth", data=form)


@pytest.fixture
def site():
    return Site(create_app(origin=ORIGIN, token=TOKEN))


def test_a_login_begins_as_documented(site):
    """The five fields, with a page that is the site's own and has no code in it."""
    begun = site.start()
    assert begun.pop("device_code") != site.start()["device_code"]
    code = begun.pop("user_code")
    assert code[4] == "-"
    assert begun == {
        "verify_url": f"{ORIGIN}/cli-auth",
        "expires_in": 600,
        "poll_interval": 2,
    }
    assert code not in site.ask("GET", f"/cli-auth?code={code}").text


def test_a_confirmed_login_is_given_the_token_once(site):
    """Pending until the code is typed, in either case; then the app's own token."""
    begun, other = site.start(), site.start()
    assert site.poll(begun) == (200, {"status": "pending"})
    assert site.type(f" {begun['user_code'].lower()} ").status_code == 200
    token = {"status": "authorized", "access_token": TOKEN}
    assert site.poll(begun) == (200, token)
    assert site.poll(begun) == (410, {"status": "expired"})
    assert site.poll(other) == (200, {"status": "pending"})
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert site.ask("GET", "/api/auth/me", headers=headers).status_code == 200


def test_a_denied_login_is_told_so(site):
    """HTTP 410, as RunComfy answers."""
    begun = site.start()
    site.type(begun["user_code"], "deny")
    assert site.poll(begun) == (410, {"status": "denied"})


def test_an_expired_code_can_neither_be_asked_for_nor_confirmed():
    """HTTP 410, and the page knows it no more."""
    app = Starlette(routes=[*Accounts(ORIGIN, TOKEN, expires_s=-1).routes()])
    begun = Site(app).start()
    assert Site(app).type(begun["user_code"]).status_code == 404
    assert Site(app).poll(begun) == (410, {"status": "expired"})


def test_what_is_typed_is_text(site):
    """A wrong code is shown as it was typed, and never as markup."""
    reply = site.type("<script>alert(1)</script>")
    assert reply.status_code == 404
    assert "<script" not in reply.text.lower()
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


def test_old_logins_are_forgotten(site):
    """So that asking again and again fills no memory."""
    first = site.start()
    for _ in range(MAX_LOGINS):
        last = site.start()
    assert site.poll(first)[0] == 410
    assert site.poll(last)[0] == 200


@given(body=st.binary(max_size=50) | st.just(b"[" * 4096) | st.just(b"x" * 10_000))
@settings(max_examples=50)
def test_any_body_is_answered(body):
    """Never an error of the app's own."""
    one = Site(create_app(origin=ORIGIN))
    for path in ("/api/cli-auth/poll", "/api/cli-auth/start", "/cli-auth"):
        assert one.ask("POST", path, content=body).status_code in (200, 404, 410)
