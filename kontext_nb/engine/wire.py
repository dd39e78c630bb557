"""The one place that talks HTTP: it sends a call once, and says how it failed.

How a call failed decides whether it may be sent again, and that is decided here: after
`NotSent` it may, whatever it costs; after `Dropped` and `BadReply` only a question may.
The wire itself repeats nothing.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import httpx

from kontext_nb.engine.connection import PIECE_BYTES, Garbled
from kontext_nb.engine.transport import Departure, Unprepared, for_the_network
from kontext_nb.errors import BadReply, KontextError, ServiceBusy
from kontext_nb.model import echo
from kontext_nb.providers.base import Call, Reply

CONNECT_TIMEOUT_S = 10.0
WITH_A_BODY = 3  # times the timeout: room for a slow upload
MAX_HOPS = 3

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,  # it refused the tunnel the request would have gone through
)
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Unanswered(KontextError):
    """No whole answer came.

    Args:
        timed_out: Whether it was waited for in vain; asking again then weighs more.
        lasting: Whether asking again has no point: a certificate that does not fit, a
            proxy that refuses.
    """

    exit_code = 75
    timed_out = lasting = False

    def given_up(self) -> ServiceBusy:
        """Return what to tell who asked for it."""
        busy = ServiceBusy(self.problem, self.remedy)
        busy.timed_out, busy.lasting = self.timed_out, self.lasting
        if self.lasting:  # no later try will be better
            busy.exit_code = BadReply.exit_code
        return busy


class NotSent(Unanswered):
    """No byte of the request left this machine: it is safe to try again."""


class Dropped(Unanswered):
    """The connection failed after the request may have arrived.

    Args:
        heard: What had been read of the answer, if its head had: an id may be in it.
    """

    heard: Reply | None = None


class NoHttp(BadReply):
    """What came back is not HTTP: something else than the service answered."""


def in_process(app: Any) -> httpx.AsyncBaseTransport:
    """Return the transport to an ASGI app in this process, faults and all.

    Args:
        app: An ASGI application; its errors come back as HTTP 500, as over a socket.
    """
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)


class Answer:
    """An answer whose body is still on its way.

    Args:
        response: What httpx has of it.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: dict[str, str] = {}
        for raw_name, raw_text in response.headers.raw:
            name, text = raw_name.decode("latin-1").lower(), raw_text.decode("latin-1")
            before = self.headers.get(name)
            self.headers[name] = text if before is None else f"{before}, {text}"
        self._response = response

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Read the body as it was sent, at most 64 KiB at a time.

        Raises:
            Dropped: It broke off.
            BadReply: What comes is not HTTP.
        """
        stream = cast("httpx.AsyncByteStream", self._response.stream)
        # Left half read, it would be closed by the garbage collector, out of turn.
        raw = cast("AsyncGenerator[bytes, None]", aiter(stream))
        async with aclosing(raw) as pieces:
            with _as_ours(self._response.request.url.host):
                async for piece in pieces:
                    if len(piece) <= PIECE_BYTES:
                        yield piece
                        continue
                    # An app in this process hands over its whole answer at once, and
                    # a socket what has come meanwhile.
                    for start in range(0, len(piece), PIECE_BYTES):
                        yield piece[start : start + PIECE_BYTES]


@dataclass(slots=True)
class _Heard:
    """What there is of an answer so far."""

    answer: Answer | None = None
    pieces: list[bytes] = field(default_factory=list)

    def reply(self, answer: Answer) -> Reply:
        return Reply(answer.status, answer.headers, b"".join(self.pieces))


class Wire:
    """What carries the calls of one loop.

    httpx describes requests and answers; its client is left out, because nothing that
    it adds is wanted here: no cookies, no log of addresses, no redirects of its own.

    Args:
        transport: How to reach the service; None for the network.
        agent: Names this software to the service.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None, agent: str) -> None:
        self._client = transport or for_the_network()
        # Answers are read under a cap; a compressed one could unfold past it.
        self._headers = {
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": agent,
        }

    async def send(self, call: Call, departure: Departure | None = None) -> Reply:
        """Send ``call`` once and return the whole answer.

        A question is carried on to where a redirect points, at most three times, but
        only within its origin, where its credential belongs. A paid call never is.

        Raises:
            NotSent: Nothing was sent.
            Dropped: It was sent, wholly or in part, and no whole answer came in time.
            BadReply: The answer is no HTTP, is larger than the call allows, or
                compressed so that it cannot be read within that.
        """
        request, heard = self._request(call), _Heard()
        departure = departure or Departure()
        request.extensions["trace"] = departure
        try:
            with _as_ours(request.url.host):
                async with asyncio.timeout(_whole_s(call)):
                    for _ in range(MAX_HOPS):
                        reply = await self._send(call, request, heard)
                        target = _within_origin(request.url, reply)
                        if call.method != "GET" or call.paid or target is None:
                            return reply
                        request = self._request(call, target)
                    return await self._send(call, request, heard)
        except Dropped as error:
            if departure.connecting:  # all its time went by, as when the machine slept
                raise unconnected() from None
            if heard.answer:
                error.heard = heard.reply(heard.answer)
            raise

    async def _send(self, call: Call, request: httpx.Request, heard: _Heard) -> Reply:
        host, size = request.url.host, 0
        heard.answer, heard.pieces = None, []
        async with self._open(request, None) as answer:
            heard.answer = answer
            async with aclosing(answer.pieces()) as pieces:
                async for piece in pieces:
                    heard.pieces.append(piece)
                    size += len(piece)
                    if size > call.max_bytes:
                        raise _too_large(host, call.max_bytes)
        return _unpacked(heard.reply(answer), call.max_bytes, host)

    def open(self, call: Call) -> AbstractAsyncContextManager[Answer]:
        """Send ``call`` once and give its answer as soon as the head is there.

        Nothing is followed or unpacked. The head is bounded in size and time; of the
        body only each wait is.

        Raises:
            NotSent: Nothing was sent.
            Dropped: It was sent, wholly or in part, and no answer came.
            BadReply: The answer is no HTTP.
        """
        return self._open(self._request(call), _whole_s(call))

    @asynccontextmanager
    async def _open(
        self, request: httpx.Request, head_s: float | None
    ) -> AsyncIterator[Answer]:
        with _as_ours(request.url.host):
            async with asyncio.timeout(head_s):
                response = await self._client.handle_async_request(request)
        response.request = request
        try:
            yield Answer(response)
        finally:
            await response.aclose()

    def _request(self, call: Call, url: httpx.URL | None = None) -> httpx.Request:
        limits = dict.fromkeys(("read", "write", "pool"), call.timeout_s)
        limits["connect"] = CONNECT_TIMEOUT_S
        try:
            return httpx.Request(
                call.method,
                url or _parsed(call.url),
                content=call.body,
                headers={**self._headers, **call.headers},
                extensions={"timeout": limits},
            )
        except httpx.InvalidURL:
            error_type = NotSent if call.paid else BadReply
            raise error_type(
                f"{echo(call.url)} is no address.", "Nothing was sent to it."
            ) from None


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    """Return the address in its parts; a job's is asked again and again."""
    return httpx.URL(url)


def _whole_s(call: Call) -> float:
    return call.timeout_s * (WITH_A_BODY if call.body else 1)


def unconnected() -> NotSent:
    """Return the error of a call that got no connection while there was time."""
    not_sent = NotSent(
        "There was no connection to the service in time.",
        "Check the network and re-run; nothing was sent.",
    )
    not_sent.timed_out = True
    return not_sent


@contextmanager
def _as_ours(host: str) -> Iterator[None]:
    """Turn httpx's errors into ours, which name the host and nothing else of it."""
    try:
        yield
    except _NEVER_SENT as error:
        not_sent = NotSent(
            f"{host} cannot be reached ({_reason(error)}).",
            "Check the network and re-run; nothing was sent.",
        )
        not_sent.timed_out = isinstance(error, httpx.TimeoutException)
        not_sent.lasting = _is_lasting(error)
        raise not_sent from None
    except Garbled:
        raise NoHttp(
            f"What {host} answered is not HTTP.",
            "Check that no portal or proxy is in between, and re-run.",
        ) from None
    except (httpx.TransportError, TimeoutError) as error:
        dropped = Dropped(
            f"The connection to {host} broke ({_reason(error)}).",
            "Check the network and re-run.",
        )
        dropped.timed_out = isinstance(error, httpx.TimeoutException | TimeoutError)
        raise dropped from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_lasting(error: Exception) -> bool:
    """Return whether the next try would fail like this one."""
    malformed = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    refused = (httpx.ProxyError, Unprepared, *malformed)
    return isinstance(error, refused) or any(
        # A handshake that was cut off is no verdict on the certificate.
        isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)
        for cause in _causes(error)
    )


def _reason(error: Exception) -> str:
    """Return the error's name, and what is wrong with a certificate."""
    if isinstance(error, Unprepared):
        return str(error)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate: {cause.verify_message}"
    return type(error).__name__


def _within_origin(url: httpx.URL, reply: Reply) -> httpx.URL | None:
    """Return where ``reply`` redirects to, if that is the same origin."""
    place = reply.headers.get("location")
    if reply.status not in REDIRECTS or not place:
        return None
    try:
        target = url.join(place)
    except (httpx.InvalidURL, ValueError):
        return None
    same = (target.scheme, target.host, target.port) == (url.scheme, url.host, url.port)
    # A name in the address would replace the credential.
    return target if same and not target.userinfo else None


def _unpacked(reply: Reply, max_bytes: int, host: str) -> Reply:
    """Return the answer as it was before its content encoding, within the same cap.

    Nobody asked for one, but an answer to a paid call is worth the trouble.
    """
    encoding = reply.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return reply
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadReply(
            f"{host} sent an answer compressed in a way nobody asked for.",
            "It was not unpacked; re-run to try again.",
        )
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as its head says
    try:
        plain = unpacker.decompress(reply.body, max_bytes + 1)
    except zlib.error:
        plain = b""
    if len(plain) > max_bytes:
        raise _too_large(host, max_bytes)
    if not unpacker.eof:
        raise BadReply(
            f"{host} sent a compressed answer that is damaged.",
            "Re-run to try again.",
        )
    return replace(reply, body=plain)


def _too_large(host: str, max_bytes: int) -> BadReply:
    return BadReply(
        f"{host} sent more than {max_bytes // 2**20} MiB.",
        "It was not read further; re-run to try again.",
    )
