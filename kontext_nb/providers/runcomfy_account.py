"""RunComfy's account side: logging in by a code, who one is, and the balance.

The login is the device flow of docs.runcomfy.com/cli/auth: a code is shown here and
typed on RunComfy's page, so the page must be RunComfy's and must not have the code
filled in, or a stranger's code could be confirmed with one careless click.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from kontext_nb.errors import BadReply, LoginExpired, NotAuthorised, ServiceBusy
from kontext_nb.model import Secret
from kontext_nb.providers.base import Bearer, Call, Reply, facts_of

WEB_BASE = "https://www.runcomfy.com"
BALANCE_BASE = "https://api.runcomfy.net/prod/v2"
# Of RFC 8628, for an answer that names none; and what no login needs more than.
USUAL_INTERVAL_S, MAX_EXPIRES_S = 5.0, 3600.0
MAX_NAME_CHARS = 120

_USER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{3,31}")
_DEVICE_CODE = re.compile(r"[\x21-\x7e]{1,4096}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_REFUSED_CODES = frozenset({400004, 401001, 403001})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING = frozenset({408, 425, 429})
_AGAIN = "Run kontext-nb login again."
_LATER = "Try again in a little while."
_PORTAL = "Try again; a network that asks for a sign-in answers like this, too."


class Wait(StrEnum):
    """What a login that is not yet confirmed is told to do."""

    AS_BEFORE = "pending"
    LONGER = "slow_down"


# Words of RunComfy's documentation, and those of RFC 8628.
_WAITS = {
    "pending": Wait.AS_BEFORE,
    "authorization_pending": Wait.AS_BEFORE,
    "slow_down": Wait.LONGER,
}
_DENIED = frozenset({"denied", "access_denied"})
_EXPIRED = frozenset({"expired", "expired_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A login that has begun.

    Args:
        device_code: Asks for the token; as secret as the token itself.
        user_code: What the user types on the page.
        verify_url: The page.
        expires_in_s: How long the code is good, at most an hour.
        interval_s: How long to wait between two questions, at least 1 s.
    """

    device_code: Secret
    user_code: str
    verify_url: str
    expires_in_s: float
    interval_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLogin:
    """The login at RunComfy's site, or at a server that speaks its contract.

    Args:
        web_base: The site, without a slash at its end.
    """

    web_base: str = WEB_BASE

    def start(self) -> Call:
        """Describe the call that begins a login; it needs no credential."""
        return Call(method="POST", url=f"{self.web_base}/api/cli-auth/start")

    def read_start(self, reply: Reply) -> Grant:
        """Return the code and where to type it.

        Raises:
            BadReply: The answer cannot be understood, or the page is not the site's.
            ServiceBusy: It asks to come back later.
        """
        body = _object(reply)
        user_code, device_code = body.get("user_code"), body.get("device_code")
        expires_in_s = _number(body.get("expires_in"))
        if (
            not isinstance(user_code, str)
            or not _USER_CODE.fullmatch(user_code)
            or not isinstance(device_code, str)
            or not _DEVICE_CODE.fullmatch(device_code)
            or expires_in_s is None
            or expires_in_s <= 0
        ):
            raise BadReply("The login gave no usable code.", _LATER)
        interval_s = _number(body.get("poll_interval"))
        return Grant(
            device_code=Secret.of(device_code),
            user_code=user_code,
            verify_url=self._checked_page(body.get("verify_url"), user_code),
            expires_in_s=min(expires_in_s, MAX_EXPIRES_S),
            interval_s=max(1.0, USUAL_INTERVAL_S if interval_s is None else interval_s),
        )

    def poll(self, grant: Grant) -> Call:
        """Describe the question whether the user has confirmed."""
        return Call(
            method="POST",
            url=f"{self.web_base}/api/cli-auth/poll",
            headers={"content-type": "application/json"},
            body=json.dumps({"device_code": grant.device_code.reveal()}).encode(),
        )

    def read_poll(self, reply: Reply) -> Secret | Wait:
        """Return the token, or how to go on waiting.

        Raises:
            NotAuthorised: The user denied it.
            LoginExpired: The code is no longer good.
            BadReply: The answer cannot be understood.
            ServiceBusy: It asks to come back later.
        """
        word, token = _told(reply)
        if token is not None:
            return token
        if word in _WAITS:
            return _WAITS[word]
        if word in _DENIED:
            raise NotAuthorised("The login was denied.", _AGAIN)
        if word in _EXPIRED:
            raise LoginExpired("The code expired before it was confirmed.", _AGAIN)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Wait.LONGER
        _object(reply)
        raise BadReply("The login answered something unknown.", _AGAIN)

    def _checked_page(self, url: Any, user_code: str) -> str:
        """Return the page's address if it is the site's own and has no code in it."""
        text = url if isinstance(url, str) else ""
        # What two parsers may read differently is refused before any parser sees it.
        odd = any(char <= " " or char == "\\" or char > "~" for char in text)
        try:
            parts = urlsplit("" if odd else text)
        except ValueError:
            parts = urlsplit("")
        site = urlsplit(self.web_base)
        same = (parts.scheme, parts.netloc) == (site.scheme, site.netloc)
        if not same or _bare(user_code) in _bare(unquote(text)):
            raise BadReply(
                f"The login names a page that is not one of {site.netloc} to type a "
                "code on.",
                "Nothing was opened; log in with RUNCOMFY_TOKEN instead.",
            )
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who a token belongs to; only the id is certain to be there."""

    id: str
    email: str | None = None
    display_name: str | None = None
    username: str | None = None
    token_type: str | None = None
    token_created_at: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left, which may be negative; None where the answer does not say."""

    amount: float | None
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account, seen through one token.

    Args:
        token: Sent to ``base`` and nowhere else.
        token_from: Where it was found, as people should read it.
        base: The address that is asked, without a slash at its end.
    """

    token: Secret
    token_from: str
    base: str

    def whoami(self) -> Call:
        """Describe the question whose token it is."""
        return self._get("api/auth/me")

    def read_whoami(self, reply: Reply) -> Profile:
        """Return who it belongs to.

        Raises:
            NotAuthorised: The token is refused.
            BadReply: The answer cannot be understood.
            ServiceBusy: It asks to come back later.
        """
        body = self._checked(reply)
        named = {f.name: _plain(body.get(f.name)) for f in fields(Profile)}
        found = named.pop("id")
        if not found:
            raise BadReply(f"{self._host} does not say who you are.", _LATER)
        return Profile(id=found, **named)

    def balance(self) -> Call:
        """Describe the question for the balance."""
        return self._get("balance")

    def read_balance(self, reply: Reply) -> Balance:
        """Return the balance; what is no number is unknown, never 0.

        Raises:
            NotAuthorised: The token is refused.
            BadReply: The answer cannot be understood.
            ServiceBusy: It asks to come back later.
        """
        body = self._checked(reply)
        currency = body.get("currency")
        known = isinstance(currency, str) and _CURRENCY.fullmatch(currency)
        return Balance(
            _number(body.get("balance_usd")), str(currency) if known else "USD"
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.base).netloc

    def _get(self, path: str) -> Call:
        url = f"{self.base}/{path}"
        return Call(method="GET", url=url, headers=Bearer(self.token))

    def _checked(self, reply: Reply) -> Mapping[str, Any]:
        if reply.status in _REFUSED or _error_code(reply) in _REFUSED_CODES:
            raise NotAuthorised(
                f"{self._host} refuses the token from {self.token_from}.",
                "Run kontext-nb login"
                if self.token_from != "RUNCOMFY_TOKEN"  # noqa: S105 - a name
                else "Set RUNCOMFY_TOKEN to a valid one, or unset it and run "
                "kontext-nb login.",
            )
        return _object(reply, self.token)


def _object(reply: Reply, token: Secret | None = None) -> Mapping[str, Any]:
    """Return the JSON object of a good answer, without the credential if it quotes it.

    Words of the service are not repeated.

    Raises:
        BadReply: It is not one.
        ServiceBusy: The service asks to come back later.
    """
    if reply.status in _PASSING:
        raise ServiceBusy(f"The service is busy (HTTP {reply.status}).", _LATER)
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - the HTTP class of success
        raise BadReply(f"The service answered HTTP {reply.status}.", _LATER)
    if (code := _error_code(reply)) is not None:
        raise BadReply(f"The service answered error {code}.", _LATER)
    body = facts_of(reply, token)
    if body is None:
        raise BadReply("The service answered no JSON.", _PORTAL)
    return body


def _told(reply: Reply) -> tuple[str, Secret | None]:
    """Return the word of an answer to a poll, and the token if it has one.

    It never raises, because a bare token may be in its local variables.
    """
    body = facts_of(reply, None) or {}
    said = body.get("status") or body.get("error")
    word = said.lower() if isinstance(said, str) else ""
    token = body.get("access_token")
    good = reply.status == HTTPStatus.OK and word == "authorized"
    return word, Secret.of(token) if good and isinstance(token, str) else None


def _error_code(reply: Reply) -> int | None:
    code = (facts_of(reply, None) or {}).get("error_code")
    return code if isinstance(code, int) else None


def _number(value: Any) -> float | None:
    """Return a finite number, or None for everything else that JSON may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _plain(words: Any) -> str | None:
    """Return foreign words as one line that is safe to print."""
    if not isinstance(words, str):
        return None
    shown = (char if char.isprintable() else " " for char in words)
    return " ".join("".join(shown).split())[:MAX_NAME_CHARS] or None


def _bare(text: str) -> str:
    """Return only the letters and digits: a code is the same without its dash."""
    return "".join(char for char in text.upper() if char.isalnum())
