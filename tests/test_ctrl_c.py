"""Ctrl-C while somebody else holds what is needed: the program ends in two seconds."""

import subprocess
import sys
import time

import pytest
from PIL import Image

LATE_S = 2.0  # what P9 grants

PROGRAM = """
import os, signal, sqlite3, sys, threading, time
from pathlib import Path

import kontext_nb as kx
from kontext_nb import parcel
from kontext_nb.cli.main import main
from kontext_nb.lifecycle import Event
from kontext_nb.session import desk, engines, errand
from kontext_nb.session.settings import current

moment, bridge, *sys.argv[1:] = sys.argv[1:]
held, tried = [], threading.Event()


def hold():
    path = desk.Desk(current()).ledger.path
    held.append(sqlite3.connect(path, check_same_thread=False))
    held[0].execute("BEGIN EXCLUSIVE")


def hears(event, _arguments):
    if held and event == "sqlite3.connect":
        tried.set()


def press():
    tried.wait()
    time.sleep(0.3)  # by then it waits
    Path("pressed").write_text(str(time.time()))
    os.kill(os.getpid(), signal.SIGINT)


def before(module, name, fits=lambda *_: True):
    usual = getattr(module, name)

    def holding(*given, **named):
        if not held and fits(*given):
            hold()
        return usual(*given, **named)

    setattr(module, name, holding)


def is_accepted(_desk, _job, event):
    return event is Event.ACCEPT


sys.addaudithook(hears)
threading.Thread(target=press, daemon=True).start()
kx.configure(bridge=bridge)
kx.edit("b.png", "Make it sepia", seed=1)
if moment == "from the start":
    hold()
elif moment == "while a thread has the engines":
    threading.Thread(target=engines._lock.acquire).start()
    tried.set()
elif moment == "before it is sent":
    before(parcel, "pack")
elif moment == "when it has its id":
    before(errand, "journalled", is_accepted)
elif moment == "when it is done":
    before(desk, "kept")
try:
    main()
finally:
    Path("ended").write_text(str(time.time()))
"""

EDIT = ("edit", "b.png", "Make it night", "--out", "o.png")
CASES = [
    ("from the start", "thread", ("jobs",)),
    ("from the start", "thread", ("store", "gc", "--delete")),
    ("from the start", "thread", EDIT),
    ("while a thread has the engines", "thread", EDIT),
    ("before it is sent", "thread", EDIT),
    ("before it is sent", "nest", EDIT),
    ("when it has its id", "thread", EDIT),
    ("when it has its id", "nest", EDIT),
    ("when it is done", "thread", EDIT),
    ("when it is done", "nest", EDIT),
]


@pytest.mark.parametrize(("moment", "bridge", "verb"), CASES)
def test_ctrl_c_ends_a_wait_for_a_lock(tmp_path, moment, bridge, verb):
    """Whoever waits for a lock hears it, and the process ends, not only the call."""
    Image.new("RGB", (16, 12), (200, 30, 30)).save(tmp_path / "b.png")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, moment, bridge, *verb],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    gone_s = time.time()
    assert ended.returncode == 130, ended.stderr
    pressed_s, ended_s = (
        float((tmp_path / name).read_text()) for name in ("pressed", "ended")
    )
    assert ended_s - pressed_s < LATE_S, ended.stderr
    # The rest is Python's own end, which takes longer on a busy machine.
    assert gone_s - ended_s < LATE_S
    print(f"{moment}, {bridge}: {gone_s - pressed_s:.2f} s")  # noqa: T201 - a measure
