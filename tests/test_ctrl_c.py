"""Ctrl-C, whatever the program waits for: it ends in two seconds."""

import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json

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


signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
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

    def pressed(folder):
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, moment, bridge, *verb],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=os.environ | {"KONTEXT_NB_HOME": str(folder / "store")},
        )
        gone_s = time.time()
        assert ended.returncode == 130, ended.stderr
        return float((folder / "pressed").read_text()), gone_s

    assert any(is_in_time(pressed, folder) for folder in folders(tmp_path))


def folders(tmp_path):
    """Make three folders with a picture: what hangs is late in each of them."""
    for folder in (tmp_path / name for name in "abc"):
        folder.mkdir()
        Image.new("RGB", (16, 12), (200, 30, 30)).save(folder / "b.png")
        yield folder


def is_in_time(pressed, folder):
    """Tell whether the call ends in time, and then the process.

    That is Python's own end, which takes longer on a busy machine.
    """
    pressed_s, gone_s = pressed(folder)
    ended_s = float((folder / "ended").read_text())
    return ended_s - pressed_s < LATE_S and gone_s - ended_s < LATE_S


SENDING = """
import signal, time
from pathlib import Path

from kontext_nb.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
try:
    main()
finally:
    Path("ended").write_text(str(time.time()))
"""


@pytest.mark.parametrize("phase", ["catalogue", "submit", "status", "cancel"])
def test_ctrl_c_ends_a_wait_for_a_silent_service(tmp_path, monkeypatch, phase):
    """Whichever of its answers never comes, also the one to the cancel itself."""
    queued = as_json({"status": "in_queue"})

    def pressed(folder):
        with faulty.serve(status=[queued]) as service:
            service.script(phase, faulty.silent)
            for name, value in as_environment(service.origin).items():
                monkeypatch.setenv(name, value)
            with subprocess.Popen(
                [sys.executable, "-c", SENDING, *EDIT],
                stderr=subprocess.PIPE,
                text=True,
                cwd=folder,
                env=os.environ | {"KONTEXT_NB_HOME": str(folder / "store")},
            ) as process:
                while not service.phases("status" if phase == "cancel" else phase):
                    assert process.poll() is None
                pressed_s = time.time()
                process.send_signal(signal.SIGINT)
                _, said = process.communicate()
            gone_s = time.time()
            assert phase in service.phases()
        assert process.returncode == 130, said
        return pressed_s, gone_s

    assert any(is_in_time(pressed, folder) for folder in folders(tmp_path))
