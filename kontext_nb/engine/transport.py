"""HTTP/1.1 straight over asyncio, as a transport under httpx.

httpx's own pool looks through all its requests and connections whenever one of them
changes, which with hundreds of jobs under way costs more than the requests themselves.
This one keeps a pile of idle connections per origin and looks at the top one.

It repeats nothing, follows nothing, unpacks nothing. An error that is raised before a
byte was written is one of httpx's connection errors; every later one is a read or
protocol error. What may be repeated is decided from that, so the line is sharp here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.request import getproxies

import h11
import httpx

from kontext_nb.engine.connection import Connection, Origin, Socket

# Room for the answers of hundreds of jobs in turn, within the 256 files that some
# systems let a process open.
MAX_OPEN = 64
# Many servers hang up after five seconds. Leaving first avoids asking a dead socket.
IDLE_S = 4.0
# What httpx's own transport calls these two moments, to who traces a request.
_CONNECTING = "connection.connect_tcp.started"
_SENDING = "http11.send_request_headers.started"
ADDRESS_HEAD_START_S = 0.25  # then the next address of the name is tried beside it
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def for_the_network() -> httpx.AsyncBaseTransport:
    """Return what carries requests out of this machine, or to a proxy it is set to."""
    if getproxies().keys().isdisjoint(("http", "https", "all")):
        return Transport()
    return _Proxied()


class Unprepared(httpx.ConnectError):
    """This machine is not set up for a connection; its words are for people."""


@dataclass(slots=True)
class Departure:
    """How far a request has come that nobody waits for any more.

    It is told by the transport, in the way that httpx calls a trace. One that tells
    nothing may have sent it.

    Args:
        connecting: Whether not a byte of it can have left: there is no connection yet.
    """

    connecting: bool = False

    async def __call__(self, event: str, _info: object = None) -> None:
        """Note what the transport begins with."""
        if event in (_CONNECTING, _SENDING):
            self.connecting = event == _CONNECTING


class _Proxied(httpx.AsyncBaseTransport):
    """httpx's own client, for what it knows of proxies and exempt hosts.

    What goes to this very machine never passes a proxy, which could read it there.
    """

    def __init__(self) -> None:
        self._client = httpx.AsyncClient()
        self._here = Transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in _THIS_MACHINE:
            return await self._here.handle_async_request(request)
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        await self._here.aclose()
        await self._client.aclose()


class Transport(httpx.AsyncBaseTransport):
    """Connections of one event loop."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_OPEN)
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` once and return its answer, the body still to be read.

        Raises:
            httpx.PoolTimeout: As many requests as may be open were, all the time.
            httpx.ConnectError: There is no connection to be had; nothing was sent.
            httpx.ConnectTimeout: The same, after the time for it.
            httpx.LocalProtocolError: The request cannot be written down as HTTP.
            httpx.UnsupportedProtocol: Neither http nor https, or to nobody.
            httpx.TransportError: Another one: it may have been sent.
        """
        limits = request.extensions.get("timeout", {})
        trace = request.extensions.get("trace", _untraced)
        await trace(_CONNECTING, {})
        if self._places.locked():
            try:
                async with asyncio.timeout(limits.get("pool")):
                    await self._places.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("too many requests at a time") from None
        else:
            await self._places.acquire()
        connection = None
        try:
            connection = await self._connection(request, limits.get("connect"))
            await trace(_SENDING, {})
            await connection.send(request, limits.get("write"))
            head = await connection.head(limits.get("read"))
        except BaseException:
            if connection:
                connection.close()
            self._places.release()
            raise
        return httpx.Response(
            head.status_code,
            headers=list(head.headers.raw_items()),
            stream=_Body(self, connection, limits.get("read")),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Close the idle connections; those in use close with their answers."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _connection(
        self, request: httpx.Request, limit_s: float | None
    ) -> Connection:
        url = request.url
        origin = (url.raw_scheme, url.raw_host, url.port)
        # Whether a POST was read by a server that hung up at that moment cannot be
        # known, so only questions, which cost nothing twice, use an old connection.
        if request.method == "GET":
            while self._idle[origin]:
                connection = self._idle[origin].pop()
                if connection.wake():
                    return connection
        return await self._connect(url, origin, limit_s)

    async def _connect(
        self, url: httpx.URL, origin: Origin, limit_s: float | None
    ) -> Connection:
        if url.scheme not in ("http", "https") or not url.host:
            raise httpx.UnsupportedProtocol("no address of http or https")
        secure = url.scheme == "https"
        if secure and self._tls is None:
            self._tls = _tls_context()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limit_s):
                _, wire = await loop.create_connection(
                    Socket,
                    url.raw_host.decode("ascii"),
                    url.port or (443 if secure else 80),
                    ssl=self._tls if secure else None,
                    happy_eyeballs_delay=ADDRESS_HEAD_START_S,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        # A name with a part that is empty or too long is a ValueError.
        except (OSError, ValueError) as error:
            raise httpx.ConnectError("no connection") from error
        return Connection(wire, origin)

    def done(self, connection: Connection) -> None:
        """Take back a connection whose answer was read, or given up."""
        self._places.release()
        if not connection.rest():
            connection.close()
            return
        pile = self._idle[connection.origin]
        pile.append(connection)

        def expire() -> None:
            if connection in pile:
                pile.remove(connection)
            connection.close()

        loop = asyncio.get_running_loop()
        connection.expiry = loop.call_later(IDLE_S, expire)


async def _untraced(_event: str, _info: object) -> None:
    """Nobody wants to know."""


class _Body(httpx.AsyncByteStream):
    """The body of one answer; closing it gives the connection back."""

    def __init__(
        self, transport: Transport, connection: Connection, limit_s: float | None
    ) -> None:
        self._transport = transport
        self._connection: Connection | None = connection
        self._limit_s = limit_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection:
            event = await self._connection.event(self._limit_s)
            if not isinstance(event, h11.Data):
                break
            yield event.data

    async def aclose(self) -> None:
        if self._connection:
            connection, self._connection = self._connection, None
            self._transport.done(connection)


def _tls_context() -> ssl.SSLContext:
    """Return httpx's own context; it takes 25 ms, so none is made before it is needed.

    Raises:
        Unprepared: The environment names certificates that cannot be read.
    """
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        raise Unprepared("SSL_CERT_FILE or SSL_CERT_DIR cannot be read") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
