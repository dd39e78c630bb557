"""Which RunComfy token is used, and where it may go.

A token from the environment comes before the stored one. The stored one goes to
RunComfy's own hosts and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kontext_nb.errors import NotAuthorised, ParameterRejected, SettingRejected
from kontext_nb.model import Secret
from kontext_nb.providers.runcomfy import API_BASE, RunComfy, is_runcomfys
from kontext_nb.providers.runcomfy_account import BALANCE_BASE, Account
from kontext_nb.providers.runcomfy_login import WEB_BASE, DeviceLogin
from kontext_nb.session import tokens
from kontext_nb.session.tokens import token_file

# No user name, and nothing that two parsers could read differently.
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class _Address:
    """A base address that is safe to send a token to."""

    variable: str
    text: str
    host: str
    netloc: str
    path: str

    @property
    def is_runcomfys(self) -> bool:
        return is_runcomfys(self.host)

    @property
    def is_loopback(self) -> bool:
        return self.host in _LOOPBACK


def is_meant() -> bool:
    """Return whether this environment means RunComfy: it has a token, or an address."""
    names = ("RUNCOMFY_TOKEN", "RUNCOMFY_MODEL_API_BASE")
    given = any(os.environ.get(name, "").strip() for name in names)
    return given or tokens.kept_in() is not None


def in_environment() -> bool:
    """Return whether this shell gives a token, which comes before the stored one."""
    return bool(os.environ.get("RUNCOMFY_TOKEN", "").strip())


def check_no_token(*given: tuple[str, Iterable[object]]) -> None:
    """Refuse a text that the token stands in: it would be sent, and kept for good.

    Args:
        given: Texts, and what they are, as the message calls it. What is no text holds
            none.

    Raises:
        ParameterRejected: One does; the message shows no part of it.
    """
    known = _tokens()
    for what, texts in given:
        for text in texts:
            if isinstance(text, str) and any(token in text for token in known):
                raise ParameterRejected(
                    f"Your RunComfy token stands in the {what}.",
                    "Take it out; if somebody may have seen it, make a new one at "
                    "runcomfy.com/profile.",
                )


def _tokens() -> list[str]:
    """Return the tokens there are; it never raises, as `tokens.usable`."""
    found = [tokens.usable(Secret.of(os.environ.get("RUNCOMFY_TOKEN", "")))]
    with suppress(NotAuthorised, SettingRejected, OSError):  # there may be no home
        found += [tokens.read(kept)] if (kept := tokens.kept_in()) else []
    return [token.reveal() for token in found if token]


def runcomfy() -> RunComfy:
    """Return the provider for the token and the addresses of this environment.

    Raises:
        NotAuthorised: There is no usable token for that address.
        SettingRejected: RUNCOMFY_MODEL_API_BASE is no address to send a token to.
    """
    base = _address("RUNCOMFY_MODEL_API_BASE", API_BASE)
    if not base.path.endswith("/v1"):
        raise SettingRejected(
            f"RUNCOMFY_MODEL_API_BASE points to {base.host} and does not end in /v1.",
            "Give the API's whole base, for example http://127.0.0.1:8787/v1.",
        )
    token, _ = _token_for(base)
    if base.is_runcomfys:
        return RunComfy(token=token, base=base.text)
    # By its own name, so that what another server made never answers for RunComfy.
    return RunComfy(
        token=token,
        base=base.text,
        name=f"runcomfy at {base.netloc}",
        result_origin=base.text.removesuffix(base.path),
        soonest_s=0.0,
    )


def web_account() -> Account:
    """Return who is asked whose token this is.

    Raises:
        NotAuthorised: There is no usable token for that address.
        SettingRejected: RUNCOMFY_WEB_BASE is no address to send a token to.
    """
    return _account("RUNCOMFY_WEB_BASE", WEB_BASE)


def balance_account() -> Account:
    """Return who is asked for the balance.

    Raises:
        NotAuthorised: There is no usable token for that address.
        SettingRejected: RUNCOMFY_SERVERLESS_API_BASE is no address to send one to.
    """
    return _account("RUNCOMFY_SERVERLESS_API_BASE", BALANCE_BASE)


def login_site(web_base: str | None) -> DeviceLogin:
    """Return the site to log in at.

    Args:
        web_base: Instead of RUNCOMFY_WEB_BASE.

    Raises:
        SettingRejected: It is neither RunComfy nor a server on this machine: what
            another one gave would be sent to RunComfy ever after.
    """
    if web_base is None:
        base = _address("RUNCOMFY_WEB_BASE", WEB_BASE)
    else:
        base = _checked("--web-base", web_base)
    if base.is_loopback and not os.environ.get("RUNCOMFY_CONFIG_DIR"):
        raise SettingRejected(
            f"A token from {base.netloc} would take the place of RunComfy's.",
            "Set RUNCOMFY_CONFIG_DIR to another folder to try a login out.",
        )
    if not base.is_runcomfys and not base.is_loopback:
        raise SettingRejected(
            f"{base.variable} points to {base.host}, which is not RunComfy.",
            f"Log in at {WEB_BASE}; a token of another server goes in RUNCOMFY_TOKEN.",
        )
    return DeviceLogin(web_base=base.text)


def _address(variable: str, default: str) -> _Address:
    return _checked(variable, os.environ.get(variable, default))


def _checked(variable: str, given: str) -> _Address:
    text = given.strip().rstrip("/")
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    host = parts.hostname or ""
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not safe or not _HOST.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise SettingRejected(
            f"{variable} is no safe address.",
            "Use https, or http on 127.0.0.1, and no user name in it.",
        )
    return _Address(variable, text, host, parts.netloc, parts.path)


def _account(variable: str, default: str) -> Account:
    """Return who is asked at an address of the account's side.

    Raises:
        NotAuthorised: The token there is was given for another server than that.
    """
    base = _address(variable, default)
    edits = _address("RUNCOMFY_MODEL_API_BASE", API_BASE)
    named = os.environ.get(variable) is not None
    if in_environment() and not named and not edits.is_runcomfys:
        raise NotAuthorised(
            f"RUNCOMFY_TOKEN is for {edits.netloc}, as RUNCOMFY_MODEL_API_BASE says, "
            f"and not for {base.netloc}.",
            f"Set {variable} too, to that server's address or RunComfy's own.",
        )
    token, source = _token_for(base)
    return Account(token=token, token_from=source, base=base.text)


def _token_for(base: _Address) -> tuple[Secret, str]:
    """Return the token that may go to ``base``, and where it was found.

    Raises:
        NotAuthorised: There is none.
    """
    given = Secret.of(os.environ.get("RUNCOMFY_TOKEN", ""))
    if in_environment():
        token = tokens.usable(given)
        if token is None:
            raise NotAuthorised(
                "RUNCOMFY_TOKEN does not look like a token.", tokens.HOW
            )
        return token, "RUNCOMFY_TOKEN"
    # A stored token belongs to RunComfy; only one given for this shell goes elsewhere.
    if not base.is_runcomfys:
        raise NotAuthorised(
            f"{base.variable} points to {base.host}, and RUNCOMFY_TOKEN is not set.",
            "Set RUNCOMFY_TOKEN too: the stored token is sent to RunComfy only.",
        )
    path = tokens.kept_in() or token_file()
    return tokens.read(path), str(path)
