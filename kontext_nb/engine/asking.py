"""Asks a question once, and says how its failing looks to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kontext_nb.engine.pace import asked_pause_s
from kontext_nb.engine.wire import Unanswered, Wire
from kontext_nb.errors import ServiceBusy
from kontext_nb.providers.base import Call, Reply

T = TypeVar("T")


async def ask(wire: Wire, call: Call, read: Callable[[Reply], T]) -> T:
    """Ask once, and return what is read in the answer.

    Raises:
        ServiceBusy: There was no whole answer, or the service has no time for one.
        KontextError: What else ``read`` and the wire make of the answer.
    """
    try:
        reply = await wire.send(call)
    except Unanswered as error:
        raise error.given_up() from None
    return understood(reply, read)


def understood(reply: Reply, read: Callable[[Reply], T]) -> T:
    """Return what is read in a reply; a busy service says when to come back."""
    try:
        return read(reply)
    except ServiceBusy as error:
        error.retry_after_s = asked_pause_s(reply.headers)
        raise
