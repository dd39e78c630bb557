"""The service's part of a checkup: the token, who is asked, and whether it answers."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import urlsplit
from urllib.request import getproxies

from kontext_nb.errors import KontextError, NotAuthorised
from kontext_nb.model import Secret
from kontext_nb.providers.base import Reply
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.providers.runcomfy_catalogue import Catalogue
from kontext_nb.session import keys, tokens
from kontext_nb.session.account import wait_for
from kontext_nb.session.engines import answer, engine, network_wire
from kontext_nb.session.findings import Check, Finding, fail, failed, ok, skip, warn
from kontext_nb.session.settings import Settings

LIMIT_S = 5.0
WRONG_CLOCK_S = 120.0  # an answer's way, and a server's own carelessness, are less

_NO_ADDRESS = "something that is no address"


def checks(settings: Settings, *, offline: bool) -> list[tuple[str, Check]]:
    """Return the checks of the service that the settings name.

    Args:
        settings: Name the provider and the model.
        offline: Whether to leave the network alone.
    """
    return [
        ("token", _token),
        ("provider", partial(_provider, settings)),
        ("proxy", _proxies),
        ("service", partial(_service, settings, offline=offline)),
    ]


def _token() -> Iterator[Finding]:
    """Tell where a token is and whether it can be used, and nothing of the token."""
    given = keys.in_environment()
    if given and tokens.usable(Secret.of(os.environ.get("RUNCOMFY_TOKEN", ""))):
        yield ok("token", "RUNCOMFY_TOKEN is set, and comes before any stored one.")
    elif given:
        yield fail("token", "RUNCOMFY_TOKEN does not look like a token.", tokens.HOW)
    path = tokens.kept_in()
    if path is None:
        if not given:
            yield ok("token", "None, which the demo engine does not need.")
        return
    mode = stat.filemode(path.lstat().st_mode)
    try:
        tokens.read(path)
    except NotAuthorised as error:
        # One in the environment is used before it, so that nothing stops for this one.
        level = warn if given else fail
        yield level("token", f"{error.problem} ({mode})", error.remedy)
    else:
        yield ok("token", f"Stored in {path} ({mode}).")


def _provider(settings: Settings) -> Iterator[Finding]:
    """Tell who makes the edits, and what decided that."""
    asked = engine(settings)
    if settings.provider:
        why = "it is chosen by KONTEXT_NB_PROVIDER or configure()"
    elif keys.is_meant():
        why = "there is a token"
    else:
        why = "there is no token"
    cost = "free" if asked.free else "paid"
    yield ok("provider", f"{asked.provider.name} ({cost}), because {why}.")


def _proxies() -> Iterator[Finding]:
    """Name the proxies in force, without the passwords that may be in them."""
    proxies = getproxies()
    exempt = proxies.pop("no", "")
    found = {
        kind: proxies[kind] for kind in ("http", "https", "all") if kind in proxies
    }
    if not found:
        yield ok("proxy", "None.")
        return
    named = ", ".join(f"{kind} through {_host(url)}" for kind, url in found.items())
    but = f"; not for {exempt}" if exempt else ""
    yield ok("proxy", f"{named}{but}.")


def _host(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _NO_ADDRESS
    # With a slash in it, a password would be taken for the host and what follows.
    hidden = "@" in url and "@" not in parts.netloc
    return _NO_ADDRESS if hidden else f"{parts.hostname}{port}"


def _service(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Ask for the model once, and compare the clock with that of the answer."""
    try:
        asked = engine(settings)
    except KontextError:  # told as the provider's
        yield skip("service", "Not asked: there is no usable provider.")
        return
    provider = asked.provider
    if asked.free or not isinstance(provider, RunComfy):
        yield skip("service", "The demo engine is in this process, not on the network.")
        return
    if offline:
        yield skip("service", "Not asked, as --offline says.")
        yield skip("clock", "Not compared, as --offline says.")
        return
    catalogue, host = Catalogue(provider), urlsplit(provider.base).netloc
    started = time.monotonic()
    question = catalogue.one(settings.model)
    reply = wait_for(answer(network_wire(), question, lambda got: got, LIMIT_S))
    took_ms = (time.monotonic() - started) * 1000
    try:
        record = catalogue.read_one(reply, settings.model)
    except KontextError as error:
        yield failed("service", error)
    else:
        yield ok("service", f"{host} knows {record.model_id} ({took_ms:.0f} ms).")
    yield _clock(reply, time.time())


def _clock(reply: Reply, now: float) -> Finding:
    """Compare our clock with the service's: it dates what the user looks for there.

    Args:
        reply: The answer, from just now.
        now: Unix seconds.
    """
    told = reply.headers.get("date", "")
    try:
        ahead_s = now - parsedate_to_datetime(told).timestamp()
    except (ValueError, OverflowError):
        return skip("clock", "Not compared: the service did not tell the time.")
    if abs(ahead_s) <= WRONG_CLOCK_S:
        return ok("clock", "It agrees with the service's.")
    side = "ahead of" if ahead_s > 0 else "behind"
    return warn(
        "clock",
        f"It is {abs(ahead_s) / 60:.0f} minutes {side} the service's.",
        "Set this machine's clock: edits are dated by it, and you will look for them "
        "by that time in the service's history.",
    )
