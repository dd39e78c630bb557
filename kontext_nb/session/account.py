"""Whose token it is and what is left: one question each, for a person or a script."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from kontext_nb.providers.runcomfy_account import Balance, Profile
from kontext_nb.session import keys
from kontext_nb.session.engines import answer, network_wire, thread_bridge, waited

T = TypeVar("T")


def whoami() -> tuple[Profile, str]:
    """Return who the token in use belongs to, and where that token was found.

    Raises:
        NotAuthorised: There is none, or it is refused.
        ServiceError: The site cannot be reached or understood.
    """
    account = keys.web_account()
    found = wait_for(answer(network_wire(), account.whoami(), account.read_whoami))
    return found, account.token_from


def balance() -> Balance:
    """Return what is left on the account.

    Raises:
        NotAuthorised: There is no token, or it is refused.
        ServiceError: The service cannot be reached or understood.
    """
    account = keys.balance_account()
    return wait_for(answer(network_wire(), account.balance(), account.read_balance))


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Do the work on the engine's loop and return what comes of it; Ctrl-C ends it."""
    return waited(thread_bridge(), work)
