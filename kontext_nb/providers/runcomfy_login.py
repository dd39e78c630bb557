"""RunComfy's login by a code, the device flow of docs.runcomfy.com/cli/auth.

The code is shown here and typed on RunComfy's page. So the page must be RunComfy's, and
must not have the code filled in, or a stranger's code could be confirmed with one
careless click.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from kontext_nb.errors import BadReply, LoginExpired, NotAuthorised
from kontext_nb.model import Secret
from kontext_nb.providers.base import Call, Reply, facts_of, split
from kontext_nb.providers.runcomfy_account import LATER, number, object_of

WEB_BASE = "https://www.runcomfy.com"
# Of RFC 8628, for an answer that names none; and what no login needs more than.
USUAL_INTERVAL_S, MAX_EXPIRES_S = 5.0, 3600.0

_USER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{3,31}")
_DEVICE_CODE = re.compile(r"[\x21-\x7e]{1,4096}")
_AGAIN = "Run kontext-nb login again."


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
        body = object_of(reply)
        user_code, device_code = body.get("user_code"), body.get("device_code")
        expires_in_s = number(body.get("expires_in"))
        if (
            not isinstance(user_code, str)
            or not _USER_CODE.fullmatch(user_code)
            or not isinstance(device_code, str)
            or not _DEVICE_CODE.fullmatch(device_code)
            or expires_in_s is None
            or expires_in_s <= 0
        ):
            raise BadReply("The login gave no usable code.", LATER)
        interval_s = number(body.get("poll_interval"))
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
        object_of(reply)
        raise BadReply("The login answered something unknown.", _AGAIN)

    def _checked_page(self, url: Any, user_code: str) -> str:
        """Return the page's address if it is the site's own and has no code in it."""
        text = url if isinstance(url, str) else ""
        parts, site = split(text), urlsplit(self.web_base)
        same = parts and (parts.scheme, parts.netloc) == (site.scheme, site.netloc)
        if not same or _bare(user_code) in _bare(unquote(text)):
            raise BadReply(
                f"The login names a page that is not one of {site.netloc} to type a "
                "code on.",
                "Nothing was opened; log in with RUNCOMFY_TOKEN instead.",
            )
        return text


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


def _bare(text: str) -> str:
    """Return only the letters and digits: a code is the same without its dash."""
    return "".join(char for char in text.upper() if char.isalnum())
