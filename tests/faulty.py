"""A service that misbehaves byte by byte: what no well-made server can be made to do.

It speaks the Model API's contract by default; a script replaces the answers of a phase.
An answer is bytes, sent as they are before the connection is closed, or a function that
does with the connection as it likes. Every request of which the head arrived is kept in
``seen``, so a test can count what a client really sent.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

PATIENCE_S = 10  # how long a thread may linger when the block ends
REQUEST_ID = "job-1"


@dataclass(frozen=True)
class Seen:
    """One request; header names in lower case, the body as far as it was read."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def phase(self) -> str:
        """Which step of a job this is."""
        last = self.path.partition("?")[0].rpartition("/")[2]
        if self.path.startswith("/v1/models"):
            return "submit" if self.method == "POST" else "catalogue"
        return last if last in ("status", "result", "cancel") else "download"


Answer = bytes | Callable[["Service", socket.socket], None]


def answer(status: int | str, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole HTTP answer; underscores in header names stand for dashes."""
    fields = {"content-length": str(len(body)), "connection": "close"}
    fields |= {name.replace("_", "-"): text for name, text in headers.items()}
    head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + body


def as_json(value: Any, status: int = 200, **headers: str) -> bytes:
    """Return an answer with ``value`` as its body."""
    return answer(status, json.dumps(value).encode(), **headers)


def accepting(service: Service, connection: socket.socket) -> None:
    """Take the job and give it an id of its own: job-1, job-2 and so on."""
    connection.sendall(as_json({"request_id": f"job-{service.paid}"}))


def reset(_service: Service, connection: socket.socket) -> None:
    """Break the connection off with a RST."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@dataclass(frozen=True)
class Early:
    """A turn that comes once the head of a request is there, its body unread.

    Args:
        turn: What happens then.
    """

    turn: Callable[[Service, socket.socket], None]

    def __call__(self, service: Service, connection: socket.socket) -> None:
        self.turn(service, connection)


def closed(_service: Service, _connection: socket.socket) -> None:
    """Hang up without a word."""


def silent(service: Service, _connection: socket.socket) -> None:
    """Say nothing until the test is over."""
    service.over.wait(PATIENCE_S)


def dripping(head: bytes) -> Answer:
    """Return an answer that never ends: ``head``, then a byte now and then."""

    def drip(service: Service, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            while not service.over.wait(0.02):
                connection.sendall(b" ")

    return drip


def png(colour: tuple[int, int, int] = (10, 120, 60)) -> bytes:
    """Return a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), colour).save(buffer, "PNG")
    return buffer.getvalue()


class Service:
    """The service's side of the sockets; see the module.

    Args:
        script: Per phase (submit, status, result, download, cancel) the answers in
            turn; the last one stays.
        tls: The server's side of TLS, to speak it instead of plain HTTP.
    """

    def __init__(
        self, script: dict[str, list[Answer]], tls: ssl.SSLContext | None = None
    ) -> None:
        self.seen: list[Seen] = []
        self.connections = 0  # opened so far
        self.over = threading.Event()
        self.asked = threading.local()  # .now is what an answer's function answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._script: dict[str, list[Answer]] = {
            "catalogue": [answer(404)],
            "submit": [accepting],
            "status": [as_json({"status": "completed"})],
            "result": [self.result()],
            "download": [answer(200, png(), content_type="image/png")],
            "cancel": [as_json({"status": "cancelled", "outcome": "cancelled"}, 202)],
        } | script

    def result(self) -> bytes:
        """Return the answer of a job that went well."""
        image = f"{self.origin}/cdn/{REQUEST_ID}.png"
        return as_json({"status": "succeeded", "output": {"image": image}})

    def phases(self, phase: str = "") -> list[str]:
        """Return the phases of what was seen, in turn; or only those of one phase."""
        with self._lock:
            return [seen.phase for seen in self.seen if phase in ("", seen.phase)]

    @property
    def paid(self) -> int:
        """How many paid requests arrived, whole or in part."""
        return len(self.phases("submit"))

    def script(self, phase: str, *answers: Answer) -> None:
        """Replace the answers of a phase from now on."""
        with self._lock:
            self._script[phase] = list(answers)

    def accept(self) -> None:
        """Serve until the listener is closed."""
        threads = []
        with contextlib.suppress(OSError):
            while not self.over.is_set():
                connection, _ = self.listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,))
                thread.start()
                threads.append(thread)
        for thread in threads:
            thread.join(PATIENCE_S)

    def end(self) -> None:
        """Stop serving; whoever is connected is cut off."""
        self.over.set()
        # A listener that is only closed may leave its accept() waiting for ever.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket) -> None:
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return  # the client does not trust it
        with self._lock:
            if self.over.is_set():  # accepted last, and too late to be cut off
                connection.close()
                return
            self._open.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                while (seen := self._read(stream)) is not None:
                    if not self._answer(seen, connection):
                        break
        except OSError:
            pass  # the client went away, which is its good right
        finally:
            with self._lock:
                self._open.discard(connection)

    def _read(self, stream: Any) -> Seen | None:
        """Read one request; None if the client hung up before its end."""
        if stream.peek(1)[:1] == b"\x16":
            return None  # TLS, which is not spoken here
        line = stream.readline().decode("latin-1").split()
        if not line:
            return None
        headers = {}
        while (text := stream.readline().decode("latin-1").strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        seen = Seen(line[0], line[1], headers, b"")
        length = int(headers.get("content-length", 0))
        if isinstance(self._script[seen.phase][0], Early):
            length = 0
        seen = replace(seen, body=stream.read(length))
        if len(seen.body) < length:
            with self._lock:
                self.seen.append(seen)  # in part
            return None
        return seen

    def _answer(self, seen: Seen, connection: socket.socket) -> bool:
        """Answer by the script; return whether the connection stays open."""
        self.asked.now = seen
        with self._lock:
            self.seen.append(seen)
            turns = self._script[seen.phase]
            turn = turns.pop(0) if len(turns) > 1 else turns[0]
        if not isinstance(turn, bytes):
            turn(self, connection)
            return False
        connection.sendall(turn)
        return b"\r\nconnection: keep-alive\r\n" in turn


@contextlib.contextmanager
def serve(
    tls: ssl.SSLContext | None = None, **script: list[Answer]
) -> Iterator[Service]:
    """Serve by ``script`` on loopback for the length of the block."""
    service = Service(script, tls)
    thread = threading.Thread(target=service.accept, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.end()
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the faulty service did not end"


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """Give the origin of a service that no connection gets through to, nor is refused.

    Its queue of one is full, so that the system drops what would open another.
    """
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
