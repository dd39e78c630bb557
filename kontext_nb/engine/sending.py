"""Sends the call that costs money, and hears its answer if there is any."""

from __future__ import annotations

import asyncio

from kontext_nb.engine.pace import ANSWER_GRACE_S
from kontext_nb.engine.transport import Departure
from kontext_nb.engine.wire import Dropped, Wire, unconnected
from kontext_nb.providers.base import Call, Reply


async def send_paid(wire: Wire, call: Call, left_s: float) -> tuple[Reply, bool]:
    """Send a paid call once; if told to stop meanwhile, still hear the answer.

    An answer that is a moment away turns "perhaps charged" into an id that can be
    cancelled, so it is worth a few seconds, after the deadline too.

    Args:
        wire: Sends it.
        call: The paid call.
        left_s: Seconds until the deadline.

    Returns:
        The answer, and whether the caller was told to stop before it came.

    Raises:
        NotSent: Not a byte of it has left.
        Dropped: There was no answer until then.
        asyncio.CancelledError: The same, after Stop.
    """
    departure = Departure()
    sending = asyncio.ensure_future(wire.send(call, departure))
    try:
        await asyncio.wait({sending}, timeout=left_s + ANSWER_GRACE_S)
        if sending.done():
            return sending.result(), False
        await _given_up(sending, departure)
        raise Dropped(
            f"There was no answer within {left_s:.0f} s.",
            "Re-run to see what can be done.",
        )
    except asyncio.CancelledError:
        await asyncio.wait({sending}, timeout=ANSWER_GRACE_S)
        if not sending.done():
            await _given_up(sending, departure)
            raise
        return sending.result(), True


async def _given_up(sending: asyncio.Future[Reply], departure: Departure) -> None:
    """Give up a call under way; raise NotSent if not a byte of it has left."""
    sending.cancel()
    await asyncio.wait({sending}, timeout=ANSWER_GRACE_S)
    if departure.connecting:
        raise unconnected()
