"""RunComfy's account side: whose token it is, and the balance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from kontext_nb.errors import BadReply, NotAuthorised, ServiceBusy
from kontext_nb.model import Secret
from kontext_nb.providers.base import Bearer, Call, Reply, facts_of, plain

BALANCE_BASE = "https://api.runcomfy.net/prod/v2"
MAX_NAME_CHARS = 120

_CURRENCY = re.compile(r"[A-Z]{3}")
_REFUSED_CODES = frozenset({400004, 401001, 403001})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING = frozenset({408, 425, 429})
LATER = "Try again in a little while."
_PORTAL = "Try again; a network that asks for a sign-in answers like this, too."


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
        named = {
            f.name: plain(body.get(f.name), MAX_NAME_CHARS) for f in fields(Profile)
        }
        found = named.pop("id")
        if not found:
            raise BadReply(f"{self._host} does not say who you are.", LATER)
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
            number(body.get("balance_usd")), str(currency) if known else "USD"
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
        return object_of(reply, self.token)


def object_of(reply: Reply, token: Secret | None = None) -> Mapping[str, Any]:
    """Return the JSON object of a good answer, without the credential if it quotes it.

    Words of the service are not repeated.

    Raises:
        BadReply: It is not one.
        ServiceBusy: The service asks to come back later.
    """
    if reply.status in _PASSING:
        raise ServiceBusy(f"The service is busy (HTTP {reply.status}).", LATER)
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - the HTTP class of success
        raise BadReply(f"The service answered HTTP {reply.status}.", LATER)
    if (code := _error_code(reply)) is not None:
        raise BadReply(f"The service answered error {code}.", LATER)
    body = facts_of(reply, token)
    if body is None:
        raise BadReply("The service answered no JSON.", _PORTAL)
    return body


def _error_code(reply: Reply) -> int | None:
    code = (facts_of(reply, None) or {}).get("error_code")
    return code if isinstance(code, int) else None


def number(value: Any) -> float | None:
    """Return a finite number, or None for everything else that JSON may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
