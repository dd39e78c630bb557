"""One HTTP/1.1 connection: asyncio moves the bytes, h11 knows what they mean."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import h11
import httpx

PIECE_BYTES = 64 * 1024
# What asyncio reads at a time: to stop for that and go on costs more than reading it.
MOST_HELD_BYTES = 256 * 1024
MAX_HEAD_BYTES = 64 * 1024
MAX_INTERIM_ANSWERS = 16

Origin = tuple[bytes, bytes, int | None]
"""Scheme, host and port of an address; no port where it is the scheme's own."""


class Garbled(httpx.RemoteProtocolError):
    """What came back is not HTTP, or more of it than an answer's head may have."""


class Connection:
    """One connection, and what HTTP says about its state."""

    def __init__(self, wire: Socket, origin: Origin) -> None:
        self.origin = origin
        self.expiry: asyncio.TimerHandle | None = None
        self._wire = wire
        self._http = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES
        )

    async def send(self, request: httpx.Request, limit_s: float | None) -> None:
        """Write the request; an answer that comes before its end is no fault."""
        try:
            head = h11.Request(
                method=request.method,
                target=request.url.raw_path,
                headers=request.headers.raw,
            )
            data = self._http.send(head) or b""
        except h11.LocalProtocolError:
            # Its message quotes the header, and so the credential.
            raise httpx.LocalProtocolError("no HTTP request") from None
        body = cast("httpx.AsyncByteStream", request.stream)
        async for piece in body:
            if piece:  # a question has none, and httpx says so with an empty one
                data += self._http.send(h11.Data(data=piece)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        await self._wire.write(data, limit_s)

    async def head(self, limit_s: float | None) -> h11.Response:
        """Return the head of the final answer."""
        for _ in range(MAX_INTERIM_ANSWERS):
            event = await self.event(limit_s)
            if isinstance(event, h11.Response):
                # What came in one piece is looked at here for the first time.
                if sum(len(n) + len(t) for n, t in event.headers) > MAX_HEAD_BYTES:
                    raise Garbled("too many headers")
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.ReadError("closed without an answer")
        raise Garbled("interim answers without end")

    async def event(self, limit_s: float | None) -> object:
        """Return the next part of the answer."""
        ended = False
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                data = await self._wire.read(limit_s)
                ended = not data
                self._http.receive_data(data)
            except h11.RemoteProtocolError as error:
                if ended:
                    raise httpx.ReadError("closed before the answer's end") from None
                raise Garbled(str(error)) from None

    def rest(self) -> bool:
        """Get ready for another request; return whether there can be one."""
        done = self._http.our_state is self._http.their_state is h11.DONE
        if not done or self._http.trailing_data[0] or not self._wire.quiet:
            return False
        self._http.start_next_cycle()
        return True

    def wake(self) -> bool:
        """Return whether the connection is as it was left, and not for too long."""
        if self.expiry is None:
            return False
        self.expiry.cancel()
        # The timer alone would not do: a loop that stood still runs it too late.
        late = asyncio.get_running_loop().time() >= self.expiry.when()
        if late or not self._wire.quiet:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._wire.close()


class Socket(asyncio.Protocol):
    """The bytes of one connection: what came waits here, within bounds.

    (asyncio's buffered protocols would copy less, but behind TLS they lose what has
    come when the other side hangs up while reading is paused.)
    """

    def __init__(self) -> None:
        self._came: deque[bytes] = deque()
        self._held = 0  # bytes
        self._paused = False
        self._ended = False
        self._lost = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    @property
    def quiet(self) -> bool:
        """Whether the connection is open and nothing came that nobody asked for."""
        return not self._came and not self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came, and ask for no more while there is much to read."""
        self._came.append(data)
        self._held += len(data)
        if self._held > MOST_HELD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        """Note that no more will come; asyncio then hangs up on this side too."""
        self._ended = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, and tell whoever waits."""
        self._ended = self._lost = True
        self._error = exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Have the writer wait: the other side reads slowly."""
        self._writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let the writer go on."""
        _wake(self._writer)
        self._writer = None

    async def read(self, limit_s: float | None) -> bytes:
        """Return what came first, waiting for it; nothing at the end."""
        if self.quiet:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(limit_s):
                    await self._reader
            except TimeoutError:
                raise httpx.ReadTimeout("nothing came") from None
        if not self._came:
            if self._error:
                raise httpx.ReadError("the connection broke") from self._error
            return b""
        data = self._came.popleft()
        self._held -= len(data)
        if self._paused and self._held <= MOST_HELD_BYTES:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes, limit_s: float | None) -> None:
        """Write ``data``, as far as anybody is there to read it.

        A server that refuses a request may answer and hang up before it is whole, so
        what became of it is left to the reader.
        """
        rest = memoryview(data)
        while rest and not self._ended:
            self._transport.write(rest[:PIECE_BYTES])
            rest = rest[PIECE_BYTES:]
            if self._writer:
                try:
                    async with asyncio.timeout(limit_s):
                        await self._writer
                except TimeoutError:
                    raise httpx.WriteTimeout("nobody reads the request") from None

    def close(self) -> None:
        """Hang up at once: what is not written by now is not wanted any more."""
        # asyncio's own transport stumbles over an abort after it was lost.
        if not self._lost:
            self._transport.abort()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter and not waiter.done():
        waiter.set_result(None)
