"""Whose token it is and what is left: one question each, for a person or a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from kontext_nb.engine.wire import Dropped, NotSent, Wire
from kontext_nb.errors import ServiceBusy
from kontext_nb.providers.base import Call, Reply
from kontext_nb.providers.runcomfy_account import Balance, Profile
from kontext_nb.session import keys
from kontext_nb.session.engines import AGENT, thread_bridge

T = TypeVar("T")


def whoami() -> tuple[Profile, str]:
    """Return who the token in use belongs to, and where that token was found.

    Raises:
        NotAuthorised: There is none, or it is refused.
        ServiceError: The site cannot be reached or understood.
    """
    account = keys.web_account()
    found = wait_for(answer(new_wire(), account.whoami(), account.read_whoami))
    return found, account.token_from


def balance() -> Balance:
    """Return what is left on the account.

    Raises:
        NotAuthorised: There is no token, or it is refused.
        ServiceError: The service cannot be reached or understood.
    """
    account = keys.balance_account()
    return wait_for(answer(new_wire(), account.balance(), account.read_balance))


def new_wire() -> Wire:
    """Return a wire to the network; it belongs to the loop it is first used on."""
    return Wire(None, AGENT)


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Do the work on the engine's loop and return what comes of it; Ctrl-C ends it."""
    return thread_bridge().run(work, tick=lambda: None)


async def answer(
    wire: Wire, call: Call, read: Callable[[Reply], T], limit_s: float | None = None
) -> T:
    """Ask once, within the call's timeout as a whole, and read the answer.

    Args:
        wire: Sends it.
        call: The question; asking it again would be safe.
        read: Reads the answer.
        limit_s: A shorter time than the call's own.

    Raises:
        ServiceBusy: There was no whole answer in time.
    """
    bound_s = min(call.timeout_s, call.timeout_s if limit_s is None else limit_s)
    try:
        async with asyncio.timeout(bound_s):
            reply = await wire.send(call)
    except (NotSent, Dropped) as error:
        raise ServiceBusy(error.problem, "Check the network and try again.") from None
    except TimeoutError:
        raise ServiceBusy(
            f"There was no answer within {bound_s:.0f} s.", "Try again."
        ) from None
    return read(reply)
