"""Nothing hangs: each call ends by its deadline, whatever it waits for (P9).

A table of what can be called, and a test for each way to keep it waiting.
"""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count, islice
from types import SimpleNamespace

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.cli.main import main
from kontext_nb.engine import pace
from kontext_nb.engine.bridge import NestBridge
from kontext_nb.model import KONTEXT_PRO
from kontext_nb.session import models
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from tests import faulty
from tests.billing import TOKEN, as_environment
from tests.faulty import as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
QUEUED = as_json({"status": "in_queue"})
DEADLINE_S = 0.15
LATE_S = 2.0  # what P9 grants
HEAD = (
    b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n"
)
PHASES = ("catalogue", "submit", "status", "result", "download", "cancel")


def shell(*arguments):
    """Return what runs the command."""

    def run(there):
        named = [
            getattr(there, word[1:]) if word[0] == "@" else word for word in arguments
        ]
        sys.argv = ["kontext-nb", *named]
        main()

    return run


def new_edit(_there=None, **how):
    return kx.edit(SOURCE, "Make it red", **how)


def at_once(*calls):
    """Return what makes these calls side by side: all of them wait for the same."""

    def run(there):
        with ThreadPoolExecutor(len(calls)) as pool:
            ended = [pool.submit(call, there) for call in calls]
        for one in ended:
            with suppress(kx.KontextError):
                one.result()

    return run


MANY = range(10, 19)  # more than are on their way at once
CALLS = {
    "edit": new_edit,
    "edit, in the store": lambda _: kx.edit(SOURCE, "Make it night", seed=1),
    "task": lambda _: new_edit(wait=False).result(),
    "of several edits": at_once(
        lambda _: kx.sweep(SOURCE, ["Make it sepia"], MANY),
        lambda _: kx.seed_noise(SOURCE, "Make it green", MANY),
        lambda there: there.edit.best_of(len(MANY)),
        lambda there: there.chain.replay(SOURCE.rotate(180)),
    ),
    "resume": lambda there: kx.resume(there.open),
    "resume by id": lambda there: kx.resume(there.lost, request_id="found-1"),
    "abandon": lambda there: kx.resume(there.spare, abandon=True),
    "chains": lambda _: kx.chains(all=True),
    "chains, shown": lambda there: there.chains._repr_mimebundle_(),
    "adopt": lambda _: kx.adopt("one", "two"),
    "expect": lambda there: kx.expect(there.edit),
    "compare": lambda there: kx.compare(there.edit.before, there.edit.image),
    "Editor": lambda _: kx.Editor(SOURCE),
    "edit, shown": lambda there: there.edit._repr_mimebundle_(),
    "edit.save": lambda there: there.edit.save("saved.png"),
    "edit.to_html": lambda there: there.edit.to_html("edit.html"),
    "edit.mark": lambda there: there.edit.mark(starred=True),
    "edit.chain": lambda there: there.edit.chain,
    "chain, shown": lambda there: there.chain._repr_mimebundle_(),
    "chain.delete": lambda there: there.chain.delete(there.edit),
    "chain.drifts": lambda there: there.chain.drifts(),
    "chain.code": lambda there: there.chain.code(),
    "chain.to_html": lambda there: there.chain.to_html("chain.html"),
    "$ edit": shell("edit", "b.png", "Make it blue", "--out", "o.png"),
    "$ run": shell(
        "run", KONTEXT_PRO, "--input", '{"prompt": "x", "image_url": "b.png"}'
    ),
    "$ status": shell("status", "@open"),
    "$ status elsewhere": shell("status", "of-another-store"),
    "$ result": shell("result", "@open"),
    "$ cancel": shell("cancel", "@open"),
    "$ jobs": shell("jobs", "--all"),
    "$ jobs resolve": shell("jobs", "resolve", "@spare", "--request-id", "found-2"),
    "$ models list": shell("models", "list"),
    "$ models get": shell("models", "get", KONTEXT_PRO),
    "$ models categories": shell("models", "categories"),
    "$ store verify": shell("store", "verify"),
    "$ store gc": shell("store", "gc", "--delete"),
    "$ whoami": shell("whoami"),
    "$ balance": shell("balance"),
    "$ doctor": shell("doctor"),
}


@pytest.fixture
def stores(monkeypatch, tmp_path):
    """Stores with a finished edit, one under way, and two whose answer was lost."""
    monkeypatch.setattr(models, "_in_vain", {})
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    monkeypatch.setattr(sys, "argv", [])
    # The checkup would try it, which patches asyncio for good.
    monkeypatch.setattr(NestBridge, "__init__", lambda _: None)
    monkeypatch.setattr(NestBridge, "run", lambda _, work, __: work.close())
    SOURCE.save(tmp_path / "b.png")

    def filled():
        for number in count():
            monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / f"store-{number}"))
            with faulty.serve() as service:
                for name, value in as_environment(service.origin).items():
                    monkeypatch.setenv(name, value)
                web, api = service.origin, f"{service.origin}/prod/v2"
                monkeypatch.setenv("RUNCOMFY_WEB_BASE", web)
                monkeypatch.setenv("RUNCOMFY_SERVERLESS_API_BASE", api)
                kx.edit(SOURCE, "Make it night", seed=1, chain="one")
                with kx.configure(deadline_s=DEADLINE_S):
                    yield opened(service)

    with closing(filled()) as made:
        yield made


def opened(service):
    """Leave edits open; return what the table's calls are made with."""
    service.script("status", QUEUED)
    under_way = given_up(seed=2)
    service.script("submit", faulty.closed)
    lost, spare = given_up(seed=3), given_up(seed=4)
    listed = kx.chains(all=True)
    chain = next(entry.chain for entry in listed if entry.edits)
    return SimpleNamespace(
        service=service,
        open=under_way,
        lost=lost,
        spare=spare,
        chains=listed,
        chain=chain,
        edit=chain[0],
    )


def given_up(seed):
    """Return the job of an edit that does not come to its end."""
    with pytest.raises(kx.KontextError) as caught:
        new_edit(seed=seed, chain="one")
    return caught.value.job


def late(stores, fault):
    """Call all of the table, and return what ended too late, and after how long.

    What hangs is late in each of three stores; a busy machine is not.

    Args:
        stores: See above.
        fault: What keeps calls waiting in one, as a context manager.
    """
    found = dict.fromkeys(CALLS, 0.0)
    for there in islice(stores, 3):
        with fault(there):
            found = {name: took_s(CALLS[name], there) for name in found}
        found = {name: s for name, s in found.items() if s > DEADLINE_S + LATE_S}
        if not found:
            break
    return found


def took_s(call, there):
    models._in_vain.clear()  # else only the first to ask would wait
    started_s = time.monotonic()
    with suppress(kx.KontextError, SystemExit):  # how it ends is told elsewhere
        call(there)
    return round(time.monotonic() - started_s, 2)


def at(all_phases, **phases):
    """Return what has a service meet these faults."""

    @contextmanager
    def fault(there):
        for phase, turn in (dict.fromkeys(PHASES, all_phases) | phases).items():
            if turn:
                there.service.script(phase, turn)
        yield

    return fault


def test_nothing_waits_for_a_silent_service(stores):
    """It takes every request, and never answers."""
    assert late(stores, at(faulty.silent)) == {}


def test_nothing_waits_for_a_service_that_takes_orders_and_falls_silent(stores):
    """It gives an id, and never says any more."""
    assert late(stores, at(faulty.silent, submit=faulty.accepting)) == {}


def test_nothing_waits_for_a_trickle(stores):
    """Each answer goes on for ever, a byte at a time; so does each picture."""
    assert late(stores, at(faulty.dripping(HEAD))) == {}


def test_nothing_waits_for_a_picture_that_trickles(stores):
    """All is well up to the picture, which goes on for ever."""
    ended, endless = as_json({"status": "completed"}), faulty.dripping(HEAD)
    well = at(None, submit=faulty.accepting, status=ended, download=endless)
    assert late(stores, well) == {}


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_nothing_waits_for_a_locked_ledger(stores, how):
    """Another program writes into it, or keeps even readers away."""

    @contextmanager
    def locked(there):
        there.service.script("submit", faulty.accepting)
        with closing(sqlite3.connect(Desk(current()).ledger.path)) as holder:
            holder.execute(f"BEGIN {how}")
            yield

    assert late(stores, locked) == {}


UNRESOLVED = """
import socket, sys, threading, time
from pathlib import Path

socket.getaddrinfo = lambda *_, **__: threading.Event().wait()

import kontext_nb as kx
from kontext_nb.cli.main import main
from kontext_nb.session import asking, jobs

kx.configure(deadline_s=float(sys.argv.pop(1)))
Path("began").write_text(str(time.time()))
try:
    main()
finally:
    Path("ended").write_text(str(time.time()))
"""


@pytest.mark.parametrize(
    "verb",
    [
        ("status", "of-another-store"),
        ("edit", "b.png", "Make it red", "--out", "o.png"),
    ],
    ids=lambda verb: verb[0],
)
def test_no_process_waits_for_a_name_to_be_resolved(tmp_path, monkeypatch, verb):
    """A resolver that hangs ends neither the call too late, nor the program."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    SOURCE.save(tmp_path / "b.png")

    def in_time():
        done = subprocess.run(
            [sys.executable, "-c", UNRESOLVED, str(DEADLINE_S), *verb],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=60,
        )
        gone_s = time.time()
        assert done.returncode == 75, done.stderr
        began_s, ended_s = (
            float((tmp_path / name).read_text()) for name in ("began", "ended")
        )
        return ended_s - began_s < DEADLINE_S + LATE_S and gone_s - ended_s < LATE_S

    assert any(in_time() for _ in range(3))  # what hangs is late each time
