"""A service that keeps books: what it was paid for is on the disk before it answers.

It runs as a process of its own, so that whoever pays may be killed and forked at will.
Its jobs are cheap: they end at once with a small picture. What it does next stands in a
file that a test may rewrite at any time; see `Till.script`.
"""

import contextlib
import http.client
import json
import os
import struct
import subprocess
import sys
import threading
import uuid
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
PRICE_USD = 0.04
# A service takes a moment between the booking and the answer: the moment that costs.
ANSWER_S = 0.004
USUAL = {"submit": "accept", "status": "completed", "cancel": "not_cancellable"}
REFUSALS = {"refuse": 422, "busy": 429, "login": 401, "broke": 402}


class Till:
    """The tests' side of a running service.

    Args:
        folder: Where its books and its script are.
        origin: Its address.
    """

    def __init__(self, folder, origin):
        self.folder = folder
        self.origin = origin

    def script(self, **phases):
        """Say what it is to do from now on; what is not named is done as usual.

        For ``submit``: "accept"; "lose" (book it, hang up), "odd" (book it, HTTP 500)
        or "hold" (book it, say nothing); or one of `REFUSALS`, which book nothing. For
        ``status`` the status word, or the words in turn; for ``cancel`` the outcome.
        """
        aside = self.folder / "script.aside"
        aside.write_text(json.dumps(USUAL | phases))
        aside.replace(self.folder / "script")

    def booked(self):
        """Return what was paid for, in turn: seed, prompt and id."""
        books = self.folder / "books"
        text = books.read_text() if books.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def bills(self):
        """Return how often each seed was paid for."""
        return Counter(bill["seed"] for bill in self.booked())

    def pay(self, seed):
        """Pay for an edit as a process does that dies of it."""
        self._post("models/x/y", {"seed": seed, "prompt": ""})

    def cancel(self, request_id):
        """Cancel a job as on the service's own page."""
        self._post(f"requests/{request_id}/cancel", {})

    def settle(self):
        """Return once it is done with all that it was asked; nobody may ask just now.

        What a process sent that was killed is in its books then, or never will be.
        """
        self._ask("GET", "settled")

    def _post(self, path, facts):
        self._ask("POST", f"v1/{path}", json.dumps(facts))

    def _ask(self, *asked):
        method, path, *body = asked
        connection = http.client.HTTPConnection(self.origin.removeprefix("http://"))
        with contextlib.closing(connection):
            connection.request(method, f"/{path}", *body)
            connection.getresponse().read()


@contextlib.contextmanager
def till(folder):
    """Run the service for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Till(folder, process.stdout.readline().strip())
        finally:
            process.kill()


def as_environment(origin):
    """Return the variables that point a process at it."""
    return {"RUNCOMFY_TOKEN": TOKEN, "RUNCOMFY_MODEL_API_BASE": f"{origin}/v1"}


def colour(seed):
    """Return the colour of the picture that a seed gives."""
    return (seed >> 16 & 255, seed >> 8 & 255, seed & 255)


def png(seed, size=(16, 12)):
    """Return that picture."""
    row = b"\0" + bytes(colour(seed)) * size[0]
    head = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(row * size[1])), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


class Books:
    """What was paid for, and what became of it."""

    def __init__(self, folder):
        self.folder = folder
        self.jobs = {}
        self.cancelled = set()
        self.questions = Counter()
        self.never = threading.Event()
        self._lock = threading.Lock()

    def script(self):
        with contextlib.suppress(FileNotFoundError):
            return json.loads((self.folder / "script").read_text())
        return USUAL

    def status(self, request_id):
        *before, word = self.script()["status"].split()
        asked = self.questions[request_id]
        self.questions[request_id] += 1
        return before[asked] if asked < len(before) else word

    def book(self, inputs):
        """Write a bill down, durably, and return the id of its job."""
        request_id = uuid.uuid4().hex
        seed = inputs.get("seed")
        bill = {"seed": seed, "prompt": inputs["prompt"], "request_id": request_id}
        with self._lock, (self.folder / "books").open("a") as file:
            file.write(json.dumps(bill) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self.jobs[request_id] = seed
        self.never.wait(ANSWER_S)
        return request_id


class Clerk(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def books(self):
        return self.server.books

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/v1/models/"):
            self._submit(json.loads(body))
        else:
            self._cancel(self.path.split("/")[3])

    def _submit(self, inputs):
        how = self.books.script()["submit"]
        if how in REFUSALS:
            return self._say({"error": "not today"}, REFUSALS[how])
        request_id = self.books.book(inputs)
        if how == "accept":
            return self._say({"request_id": request_id})
        if how == "odd":
            return self._say({}, 500)
        if how == "hold":
            self.rfile.read(1)  # until the other end is gone
        self.close_connection = True
        return None

    def _cancel(self, request_id):
        outcome = self.books.script()["cancel"]
        if outcome == "cancelled":
            self.books.cancelled.add(request_id)
        self._say({"request_id": request_id, "outcome": outcome}, 202)

    def do_GET(self):
        place, _, name = self.path.partition("?")[0].strip("/").rpartition("/")
        if place.startswith("v1/models"):
            price = {"base_price_usd": PRICE_USD, "price_unit": "output"}
            model = self.path.removeprefix("/v1/models/")
            return self._say({"model_id": model, "display_name": model} | price)
        if name == "settled":
            self.server.wait_for_others()
        if place == "cdn":
            return self._send(200, png(int(name)), "image/png")
        request_id = place.rpartition("/")[2]
        if request_id not in self.books.jobs:
            return self._say({"error_code": 404001}, 404)
        if request_id in self.books.cancelled:
            return self._say({"status": "cancelled"})
        if name == "status":
            return self._say({"status": self.books.status(request_id)})
        image = f"{self.server.origin}/cdn/{self.books.jobs[request_id]}"
        return self._say({"status": "succeeded", "output": {"image": image}})

    def _say(self, facts, status=200):
        self._send(status, json.dumps(facts).encode(), "application/json")

    def _send(self, status, body, kind):
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n"
        head += f"content-length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Shop(ThreadingHTTPServer):
    """The service."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Clerk)
        self.books = Books(folder)
        self._connections, self._one_less = 0, threading.Condition()
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, *connection):
        """Count a connection before it is served."""
        with self._one_less:
            self._connections += 1
        super().process_request(*connection)

    def shutdown_request(self, *connection):
        """Count one that has ended."""
        super().shutdown_request(*connection)
        with self._one_less:
            self._connections -= 1
            self._one_less.notify_all()

    def wait_for_others(self):
        """Wait until there is no connection but the one that asks for this."""
        with self._one_less:
            self._one_less.wait_for(lambda: self._connections == 1)

    def handle_error(self, *_):
        """Say nothing: clients that are killed hang up."""


if __name__ == "__main__":
    shop = Shop(Path(sys.argv[1]))
    print(shop.origin, flush=True)  # noqa: T201 - who started it reads it
    shop.serve_forever()
