"""The one place that talks HTTP: it sends a call once, and says how it failed.

It never retries and never follows a redirect; whether a call may be repeated is the
runner's to decide, from how it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import httpx

from kontext_nb.errors import BadReply, KontextError
from kontext_nb.model import echo
from kontext_nb.providers.base import Call, Reply

CONNECT_TIMEOUT_S = 10.0
WHOLE_CALL = 3  # times the timeout

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,  # it refused the tunnel the request would have gone through
)


class NotSent(KontextError):
    """No byte of the request left this machine: it is safe to try again."""


class Dropped(KontextError):
    """The connection failed after the request may have arrived."""

    exit_code = 75


def in_process(app: Any) -> httpx.AsyncBaseTransport:
    """Return the transport to an ASGI app in this process, faults and all.

    Args:
        app: An ASGI application; its errors come back as HTTP 500, as over a socket.
    """
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)


class Wire:
    """One HTTP client, for one loop.

    Args:
        transport: How to reach the service; None for the network.
        agent: Names this software to the service.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None, agent: str) -> None:
        self._client = httpx.AsyncClient(
            transport=transport,
            follow_redirects=False,
            # Answers are read under a cap; a compressed one could unfold past it.
            headers={"accept-encoding": "identity", "user-agent": agent},
        )

    async def send(self, call: Call) -> Reply:
        """Send ``call`` once and return the whole answer.

        Raises:
            NotSent: Nothing was sent.
            Dropped: It was sent, wholly or in part, and no whole answer came.
            BadReply: The answer is larger than the call allows, or compressed.
        """
        timeout = httpx.Timeout(call.timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            request = self._client.build_request(
                call.method,
                call.url,
                content=call.body,
                headers=dict(call.headers),
                timeout=timeout,
            )
        except httpx.InvalidURL:
            error_type = NotSent if call.paid else BadReply
            raise error_type(
                f"{echo(call.url)} is no address.", "Nothing was sent to it."
            ) from None
        # httpx bounds each read, so an answer in drops would last for ever. Questions
        # are bounded as a whole by the runner; the paid call here, with room for a
        # slow upload.
        whole_s = WHOLE_CALL * call.timeout_s if call.paid else None
        try:
            async with asyncio.timeout(whole_s):
                response = await self._client.send(request, stream=True)
                try:
                    body = await _read(response, call.max_bytes)
                finally:
                    await response.aclose()
        except _NEVER_SENT as error:
            raise NotSent(
                f"{request.url.host} cannot be reached ({type(error).__name__}).",
                "Check the network and re-run; nothing was sent.",
            ) from None
        except (httpx.TransportError, TimeoutError) as error:
            raise Dropped(
                f"The connection to {request.url.host} broke ({type(error).__name__}).",
                "Re-run to go on.",
            ) from None
        headers = {name.lower(): text for name, text in response.headers.items()}
        return Reply(response.status_code, headers, body)


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BadReply(
            f"{response.url.host} sent a compressed answer it was not asked for.",
            "It was not unpacked; re-run to try again.",
        )
    body = bytearray()
    # Left half read, it would be closed by the garbage collector, out of turn.
    raw = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
    async with aclosing(raw) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > max_bytes:
                raise BadReply(
                    f"{response.url.host} sent more than {max_bytes // 2**20} MiB.",
                    "It was not read further; re-run to try again.",
                )
    return bytes(body)
