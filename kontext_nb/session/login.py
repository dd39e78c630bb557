"""Logging in by a code: begun here, confirmed by the user on RunComfy's own page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kontext_nb.engine.pace import BAD_REPLY_TRIES, Clock
from kontext_nb.errors import BadReply, LoginExpired, ServiceBusy
from kontext_nb.model import Secret
from kontext_nb.providers.runcomfy_login import DeviceLogin, Grant, Wait
from kontext_nb.session import keys, tokens
from kontext_nb.session.account import wait_for
from kontext_nb.session.engines import answer, network_wire

SLOWER_S = 5.0  # RFC 8628: how much slow_down adds, for good
LAST_ANSWER_S = 2.0  # how long the last question may take past the end
_CLOCK = Clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A login that waits for its user.

    Args:
        site: Where.
        grant: The code and the page to type it on.
        until_s: When the code expires, on the clock it was begun with.
    """

    site: DeviceLogin
    grant: Grant
    until_s: float


def begin(web_base: str | None, *, clock: Clock = _CLOCK) -> Pending:
    """Ask for a code.

    Args:
        web_base: The site, instead of RUNCOMFY_WEB_BASE.
        clock: Time.

    Raises:
        NotSaved: A token could not be kept, so nobody is asked to confirm one.
        SettingRejected: That site is not RunComfy's.
        ServiceError: It cannot be reached or understood.
    """
    site = keys.login_site(web_base)
    tokens.check_place()
    asked_s = clock.now()
    grant = wait_for(answer(network_wire(), site.start(), site.read_start))
    return Pending(site=site, grant=grant, until_s=asked_s + grant.expires_in_s)


def finish(pending: Pending, *, clock: Clock = _CLOCK) -> Path:
    """Wait until the user has confirmed, and return the file the token is kept in.

    Raises:
        NotAuthorised: The user denied it.
        LoginExpired: The code expired first.
        NotSaved: The token cannot be kept.
        ServiceError: What the site answers cannot be understood, or no later answer
            can come.
    """
    return tokens.save(wait_for(_confirmed(pending, clock)))


async def _confirmed(pending: Pending, clock: Clock) -> Secret:
    """Ask at the site's pace until there is a token or the code has expired."""
    wire, site, grant = network_wire(), pending.site, pending.grant
    interval_s, strange = grant.interval_s, 0
    while (left_s := pending.until_s - clock.now()) > 0:
        await clock.sleep(min(interval_s, left_s))
        limit_s = max(LAST_ANSWER_S, pending.until_s - clock.now())
        try:
            told = await answer(wire, site.poll(grant), site.read_poll, limit_s)
        except ServiceBusy as error:
            if error.lasting:
                raise
            continue  # the network comes back, or the code expires
        except BadReply:
            strange += 1
            if strange == BAD_REPLY_TRIES:
                raise
            continue
        strange = 0
        if told is Wait.LONGER:
            interval_s += SLOWER_S
        elif isinstance(told, Secret):
            return _checked(told)
    raise LoginExpired(
        "The code expired before it was confirmed.", "Run kontext-nb login again."
    )


def _checked(given: Secret) -> Secret:
    token = tokens.usable(given)
    if token is None:
        raise BadReply(
            "The login gave something that is no token.", "Run kontext-nb login again."
        )
    return token
