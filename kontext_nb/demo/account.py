"""The demo engine's account side: a login by code whose page anybody here may confirm.

The device flow is RunComfy's own: a code is shown in the shell and typed on a page.
"""

from __future__ import annotations

import json
import secrets
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kontext_nb.demo.schema import ENGINE

if TYPE_CHECKING:
    from starlette.requests import Request

OPEN_PATHS = ("/cli-auth", "/api/cli-auth/")
"""Paths that ask for no token: who has none yet gets one here."""

MAX_BODY_BYTES = 4096
MAX_LOGINS = 100
# Without the letters and digits that look alike.
_LETTERS = "".join(sorted(set(string.ascii_uppercase) - set("ILO")))
_DIGITS = "23456789"


@dataclass(slots=True)
class _Login:
    user_code: str
    until_s: float
    outcome: str = "pending"


class Accounts:
    """Logins under way, and whom every token belongs to.

    Args:
        origin: ``scheme://host[:port]`` of the app.
        token: What a confirmed login is given.
        expires_s: How long a code is good.
        poll_s: How often a client is told to ask.
    """

    def __init__(
        self, origin: str, token: str, expires_s: float = 600, poll_s: float = 2
    ) -> None:
        self._origin = origin
        self._token = token
        self._expires_s = expires_s
        self._poll_s = poll_s
        self._logins: dict[str, _Login] = {}

    def routes(self) -> Iterator[Route]:
        """List the endpoints."""
        yield Route("/api/cli-auth/start", self.start, methods=["POST"])
        yield Route("/api/cli-auth/poll", self.poll, methods=["POST"])
        yield Route("/cli-auth", self.page)
        yield Route("/cli-auth", self.confirm, methods=["POST"])
        yield Route("/prod/v2/balance", _balance)
        yield Route("/api/auth/me", _me)

    async def start(self, _: Request) -> Response:
        """Begin a login."""
        if len(self._logins) >= MAX_LOGINS:
            del self._logins[next(iter(self._logins))]  # the oldest
        halves = (_picked(_LETTERS), _picked(_DIGITS))
        login = _Login("-".join(halves), time.monotonic() + self._expires_s)
        device_code = secrets.token_urlsafe(32)
        self._logins[device_code] = login
        return JSONResponse(
            {
                "device_code": device_code,
                "user_code": login.user_code,
                "verify_url": f"{self._origin}/cli-auth",
                "expires_in": self._expires_s,
                "poll_interval": self._poll_s,
            }
        )

    async def poll(self, request: Request) -> Response:
        """Say what became of a login; the token is given once."""
        try:
            device_code = json.loads(await _body(request))["device_code"]
            login = self._logins.get(device_code)
        except (ValueError, LookupError, TypeError, RecursionError):
            login = None
        if login is None or time.monotonic() > login.until_s:
            return JSONResponse({"status": "expired"}, status_code=410)
        if login.outcome == "pending":
            return JSONResponse({"status": "pending"})
        del self._logins[device_code]
        if login.outcome == "denied":
            return JSONResponse({"status": "denied"}, status_code=410)
        facts = {"status": "authorized", "access_token": self._token}
        return JSONResponse(facts)

    async def page(self, _: Request) -> Response:
        """Show the form; it is never filled in, whatever the address says."""
        return _page(_FORM)

    async def confirm(self, request: Request) -> Response:
        """Confirm or deny the login with the code that was typed."""
        fields = parse_qs((await _body(request)).decode("ascii", "replace"))
        typed = fields.get("user_code", [""])[0].strip().upper()
        for login in self._logins.values():
            if login.user_code == typed and time.monotonic() <= login.until_s:
                denied = fields.get("choice") == ["deny"]
                login.outcome = "denied" if denied else "authorized"
                return _page(
                    f"<p>{login.outcome.title()}. You may close this page.</p>"
                )
        # The code comes from outside: it is text, never markup.
        wrong = f"<p>No login waits for the code {escape(typed[:40])}.</p>"
        return _page(wrong + _FORM, 404)


_FORM = """<form method="post" action="/cli-auth">
<p><label>The code in your shell <input name="user_code" autocomplete="off" autofocus
required></label></p>
<p><button name="choice" value="authorize">Authorize</button>
<button name="choice" value="deny">Deny</button></p>
</form>"""


def _page(content: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in to the '
        f"{ENGINE}</title><h1>Log in to the {ENGINE}</h1>{content}</html>",
        status_code=status,
        # A page of another site must not have this one clicked within it.
        headers={"content-security-policy": "frame-ancestors 'none'"},
    )


def _picked(letters: str) -> str:
    return "".join(secrets.choice(letters) for _ in range(4))


async def _body(request: Request) -> bytes:
    """Read the body as far as any of these needs it."""
    body = bytearray()
    async for piece in request.stream():
        body += piece[: MAX_BODY_BYTES - len(body)]
    return bytes(body)


async def _balance(_: Request) -> Response:
    return JSONResponse(
        {"balance_usd": 0.0, "balance_microdollars": 0, "currency": "USD"}
    )


async def _me(_: Request) -> Response:
    return JSONResponse(
        {
            "id": "00000000-0000-4000-8000-000000000000",
            "email": "demo@kontext-nb.invalid",
            "display_name": f"Guest of the {ENGINE}",
            "username": "demo",
            "token_type": "cli",
            "token_created_at": datetime.fromtimestamp(0, UTC).isoformat(),
        }
    )
