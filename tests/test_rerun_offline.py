"""Restart & Run All is free: fifty edits come again from the store, offline.

The notebook that this leaves has no token in it, nor has the state of its widgets.
"""

import hashlib
import json
import os

import nbformat
import pytest
from nbclient import NotebookClient

from tests import faulty
from tests.faulty import REQUEST_ID, Seen, answer, as_json
from tests.test_secrets import CANARY, found

EDITS = 50
MOST_S = 10.0  # what P5 grants
TIMEOUT_S = 60
# Whoever wants anything but the kernel's own sockets is counted and turned away.
OFFLINE = """
import asyncio, socket
refused = []
def refuse(*args, **_):
    refused.append(args)
    raise OSError("no network here")
socket.getaddrinfo = socket.create_connection = refuse
socket.socket.connect = socket.socket.connect_ex = refuse
asyncio.BaseEventLoop.create_connection = refuse
asyncio.BaseEventLoop.sock_connect = refuse
"""
BEGIN = """
import hashlib
import kontext_nb as kx
from PIL import Image
picture = Image.new("RGB", (8, 6), (200, 30, 30))
"""
ONLINE = "refused = []"
VIEWS = ("made[0].chain", "kx.Editor(picture)", "kx.compare(picture, made[0].image)")


def cells():
    """Yield fifty edits: chains and branches, with seeds and without, and a loop."""
    yield "e0 = kx.edit(picture, 'Edit 0')\nmade = [e0]"
    for number in range(1, 40):
        seed = f", seed={number}" if number % 2 else ""
        if number % 10 == 0:
            yield f"e = kx.edit(picture, 'Edit {number}'{seed})\nmade.append(e)"
        else:
            yield f"e = made[-1].edit('Edit {number}'{seed})\nmade.append(e)"
    yield "for _ in range(5):\n    made.append(kx.edit(picture, 'One more'))"
    yield "made += [e0.edit(f'Branch {n}') for n in range(5)]"


def notebook(first, *views):
    """Return the notebook; ``first`` runs before all else, ``views`` near the end."""
    last = "print(len(refused), *(e.step.job.result for e in made))"
    book = nbformat.v4.new_notebook()
    sources = (first, BEGIN, *cells(), *views, "made[-1]", last)
    book.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return book


def printed(book):
    """Return the words that the last cell printed, whatever else it shows."""
    outputs = book.cells[-1].outputs
    return "".join(one.get("text", "") for one in outputs).split()


def executed(folder, *given):
    """Run the notebook in a fresh kernel.

    Returns:
        How often it wanted out, its blobs, and what is saved.
    """
    client = NotebookClient(
        notebook(*given), timeout=TIMEOUT_S, resources={"metadata": {"path": folder}}
    )
    book = client.execute()
    # A slow edit's line of progress stands before what is shown.
    assert {"image/jpeg", "text/html"} <= book.cells[-2].outputs[-1]["data"].keys()
    refused, *blobs = printed(book)
    return int(refused), blobs, book


class Painter:
    """Answers each submit with an id of its own, and each id with its own picture."""

    def __init__(self):
        self.jobs = 0

    def submit(self, _service, connection):
        self.jobs += 1
        connection.sendall(as_json({"request_id": f"{REQUEST_ID}-{self.jobs}"}))

    def result(self, service, connection):
        image = f"{service.origin}/cdn/{self.jobs}.png"
        reply = {"status": "succeeded", "output": {"image": image}}
        connection.sendall(as_json(reply))

    def download(self, _service, connection):
        colour = tuple(hashlib.sha256(b"%d" % self.jobs).digest()[:3])
        body = faulty.png(colour)
        connection.sendall(answer(200, body, content_type="image/png"))


@pytest.fixture
def service(monkeypatch):
    """A service whose every job makes another picture."""
    painter = Painter()
    monkeypatch.setenv("RUNCOMFY_TOKEN", CANARY)
    with faulty.serve(
        submit=[painter.submit], result=[painter.result], download=[painter.download]
    ) as running:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", running.origin + "/v1")
        yield running


def test_fifty_edits_come_again_without_a_network(service, tmp_path):
    """A fresh kernel with no way out: 0 requests, and the same fifty results."""
    _, first, saved = executed(str(tmp_path), ONLINE, *VIEWS)
    assert saved.metadata.widgets
    assert found(json.dumps(saved)) == []
    assert service.paid == EDITS
    assert len(set(first)) == EDITS
    asked: list[Seen] = list(service.seen)
    began = os.times()
    wanted_out, again, _ = executed(str(tmp_path), OFFLINE)
    ended = os.times()
    # With the kernel's start. Of the processor's time, since the machine may be busy.
    assert sum(ended[2:4]) - sum(began[2:4]) < MOST_S
    assert again == first
    assert service.seen == asked
    assert wanted_out == 0
    # The fence is one: an edit that was never made cannot get out.
    book = notebook(OFFLINE)
    book.cells[2:] = [
        nbformat.v4.new_code_cell(
            "try:\n    kx.edit(picture, 'Something new')\n"
            "except kx.KontextError as error:\n    print(error.state)\n"
            "print(len(refused) > 0)\n"
            "import os\nprint(os.environ['RUNCOMFY_TOKEN'])"
        )
    ]
    client = NotebookClient(
        book, timeout=TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}}
    )
    told = printed(client.execute())
    assert told[-2] == "True", json.dumps(told)
    assert found(json.dumps(book))  # and so is the search: one that is printed is found
    assert service.seen == asked
