"""The line of an edit says what is known of it, and no more."""

import fcntl
import os
import pty
import struct
import sys
import termios
from types import SimpleNamespace

import pytest
from PIL import Image

from kontext_nb.lifecycle import State
from kontext_nb.model import Progress
from kontext_nb.session import progress
from kontext_nb.session.asking import open_chain
from kontext_nb.session.progress import TerminalLine, Watch, hushed
from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json
from tests.terminals import all_of

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
ENDED = as_json({"status": "completed"})


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"status": "in_queue", "queue_position": 3}, "queued, place 3"),
        ({"status": "in_queue"}, "queued"),
        ({"status": "in_progress"}, "working"),
    ],
)
def test_the_line_waits_for_the_services_word(monkeypatch, first, words):
    """Until the service said where the job is, it was sent and nothing more."""
    lines, watch = [], Watch("Kontext")

    def report(progress):
        watch.report(progress)
        lines.append(watch.text().split(" · ")[1])

    with faulty.serve(status=[as_json(first), ENDED]) as service:
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)
        task = open_chain(SOURCE).begin(
            "Make it night", seed=7, report=report, ended=lambda _: None
        )
        task.result()
    assert lines[:3] == ["sending", "sent", words]


@pytest.fixture
def drawn(monkeypatch):
    """Return what a terminal gets that is as wide as asked, while an edit waits."""

    def draw(columns):
        handle, its_end = pty.openpty()
        rows = 24 if columns else 0
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(its_end, termios.TIOCSWINSZ, size)
        still = SimpleNamespace(monotonic=lambda: 112.0)
        monkeypatch.setattr(progress, "time", still)
        watch = Watch("FLUX.1 Kontext [pro]")
        monkeypatch.setattr(watch, "_started", 100.0)
        with os.fdopen(its_end, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            line = TerminalLine()
            watch.report(Progress(State.SUBMITTED, queued=True, queue_position=3))
            line.show(watch.text())
            watch.report(Progress(State.RUNNING, expected_s=30))
            line.show(watch.text())
            line.close("")
        return all_of(handle)

    return draw


def test_a_terminal_gets_one_line_that_changes_and_is_wiped(drawn):
    """Where in the queue, how long so far, how long it takes: all on one line."""
    shown = drawn(80)
    assert "\n" not in shown
    _, _, first, second, wiped, end = shown.split("\r")
    assert first == "FLUX.1 Kontext [pro] · queued, place 3 · 12 s"
    assert second.rstrip() == "FLUX.1 Kontext [pro] · working · 12 s of about 30 s"
    assert (wiped.strip(), end) == ("", "")
    assert len(wiped) == len(second)


def test_no_line_is_wider_than_the_terminal(drawn):
    """Else it would leave its pieces behind, line by line."""
    shown = drawn(30)
    assert max(map(len, shown.split("\r"))) <= 30
    assert "\n" not in shown


def test_nothing_is_drawn_where_nobody_looks(drawn):
    """Neither in a terminal without a size, nor for who asked for quiet."""
    assert drawn(0) == ""
    with hushed():
        assert drawn(80) == ""
    assert drawn(80)
