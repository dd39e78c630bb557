"""The one line that says how far an edit is: live in a blocking cell and in a terminal.

It is drawn by the waiting thread between two slices of waiting, never from the engine's
loop: what a loop prints goes to whichever cell happens to run.
"""

from __future__ import annotations

import html
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from kontext_nb.lifecycle import State
from kontext_nb.model import Progress
from kontext_nb.session.cell import kernel

# An edit that is done sooner needs no line: it would only flicker.
QUIET_S = 1.0


class Line(Protocol):
    """One line of text that changes in place."""

    def show(self, text: str) -> None:
        """Replace the text."""

    def close(self, text: str) -> None:
        """Let ``text`` stand where there was a line, else nothing."""


class KernelLine:
    """A line in the output of the running cell."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shown = ""

    def show(self, text: str) -> None:
        """Replace the text."""
        if text == self._shown or _hushed.get():
            return
        from IPython.display import display

        self._shown = text
        # Plain text beside HTML, so that a reader without a browser sees it too.
        data = {"text/plain": text, "text/html": f"<small>{html.escape(text)}</small>"}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def close(self, text: str) -> None:
        """Let ``text`` stand where there was a line."""
        if self._handle is not None:
            self.show(text)


_hushed: ContextVar[bool] = ContextVar("hushed", default=False)


@contextmanager
def hushed() -> Iterator[None]:
    """Draw no line in this block: nobody waits for it, or wants to see one."""
    token = _hushed.set(True)
    try:
        yield
    finally:
        _hushed.reset(token)


class TerminalLine:
    """A line on stderr, if that is a terminal and nobody asked for quiet."""

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, text: str) -> None:
        """Replace the text."""
        if _hushed.get() or sys.stderr is None or not sys.stderr.isatty():
            return  # a file or a pipe wants no line that changes
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(bar_format="{desc}", leave=False)
        self._bar.set_description_str(text)

    def close(self, text: str) -> None:
        """Wipe the line; what should stay is the caller's to say in a terminal."""
        del text
        if self._bar is not None:
            self._bar.close()


def line() -> Line:
    """Return the line that fits where this runs."""
    return KernelLine() if kernel() is not None else TerminalLine()


class Watch:
    """Keeps the latest progress of one edit, from any thread, and words it.

    Args:
        label: What works on it: the model's name, or "demo engine".
        state: Where the job stands already.
    """

    def __init__(self, label: str, state: State = State.INTENT) -> None:
        self._label = label
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._latest = Progress(state)

    def report(self, progress: Progress) -> None:
        """Take note; called on the engine's loop."""
        with self._lock:
            self._latest = progress

    @property
    def elapsed_s(self) -> float:
        """Seconds since this began."""
        return time.monotonic() - self._started

    @property
    def expected_s(self) -> float | None:
        """Seconds that past edits took; None if nobody knows."""
        with self._lock:
            return self._latest.expected_s

    def doing(self) -> str:
        """Say what goes on, without how long it takes: it changes a few times only."""
        with self._lock:
            latest = self._latest
        doing = {
            State.INTENT: "preparing the picture",
            State.SENDING: "sending",
            State.SUBMITTED: "queued" if latest.queued else "sent",
            State.RUNNING: "working",
        }.get(latest.state, latest.state.value)
        if latest.queue_position is not None:
            doing += f", place {latest.queue_position}"
        return doing

    def took(self) -> str:
        """Say how long it takes so far, and how long past edits took."""
        expected_s = self.expected_s
        of = f" of about {max(1, round(expected_s))} s" if expected_s else ""
        return f"{self.elapsed_s:.0f} s{of}"

    def text(self) -> str:
        """Return the line as it should read now."""
        with self._lock:
            done = self._latest.state is State.DONE
        if done:
            return f"{self._label} · done in {self.elapsed_s:.0f} s"
        return f"{self._label} · {self.doing()} · {self.took()}"


def waiting_line(watch: Watch, shown: Line) -> Callable[[], None]:
    """Return the tick that draws ``watch`` on ``shown`` once it is worth a line."""

    def tick() -> None:
        # sys.is_finalizing: a kernel that shuts down has no output to draw on.
        if watch.elapsed_s > QUIET_S and not sys.is_finalizing():
            shown.show(watch.text())

    return tick
