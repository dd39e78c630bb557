"""Edits under way: started together, watched, stopped, each answered for.

No widget is known here. Whoever owns this is told on a thread of its own, so it may
take its time, and fail: the edits go on. What starts or stops them returns at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from kontext_nb.engine.bridge import Task
from kontext_nb.errors import EditCancelled
from kontext_nb.session.edits import Edit, Ended, Report
from kontext_nb.session.progress import Watch
from kontext_nb.widgets.aside import attempt

TICK_S = 0.2  # a front end is told at most this often

Begin = Callable[[Report, Ended], Task[Edit] | None]
"""Starts one edit; returns None if there is nothing to be done after all."""
Outcome = Edit | Exception | None


@dataclass(frozen=True, slots=True)
class Stand:
    """How far all of it is, in words.

    Args:
        said: What changes a few times only.
        ticking: The seconds.
        share: How much is done, 0 to 1; negative where nobody knows.
    """

    said: str
    ticking: str
    share: float


@dataclass(slots=True)
class _Part:
    """One of the edits."""

    watch: Watch
    task: Task[Edit] | None = None
    over: bool = False


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass(slots=True, kw_only=True)
class Running:
    """One run at a time, of one or several edits.

    Args:
        tell: Is told how far it is.
        arrived: Is given what came of each edit, as soon as it is known.
        over: Is called after the last.
        free: Is called then, when the next run may start.
    """

    tell: Callable[[Stand], object]
    arrived: Callable[[Outcome], object]
    over: Callable[[], object]
    free: Callable[[], object]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: bool = False
    _cancelled: bool = False
    _ending: bool = False
    _parts: Sequence[_Part] = ()
    _idle: threading.Event = field(default_factory=_set_event)

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._busy

    def start(self, label: str, begins: Sequence[Begin]) -> bool:
        """Start a run; False if there is one already.

        Args:
            label: What works on it.
            begins: Start an edit each.
        """
        with self._lock:
            if self._busy:
                return False
            self._busy, self._parts = True, ()
            self._cancelled = self._ending = False
            self._idle.clear()
        threading.Thread(target=self._run, args=(label, begins), daemon=True).start()
        return True

    def cancel(self) -> bool:
        """Ask what runs to stop; what became of it is said when it is known.

        Returns:
            Whether there is anything to stop.
        """
        with self._lock:
            self._cancelled = self._busy and not self._ending
            for part in self._parts:
                if part.task is not None:
                    part.task.cancel()
            return self._cancelled

    def settled(self, limit_s: float) -> bool:
        """Wait until nothing is under way; False if that takes longer."""
        return self._idle.wait(limit_s)

    def _run(self, label: str, begins: Sequence[Begin]) -> None:
        came: queue.SimpleQueue[tuple[_Part, Outcome]] = queue.SimpleQueue()
        parts = [_Part(Watch(label)) for _ in begins]
        with self._lock:
            self._parts = parts
        for part, begin in zip(parts, begins, strict=True):
            self._begin(part, begin, lambda o, part=part: came.put((part, o)))  # type: ignore[misc]
        while not all(part.over for part in parts):
            try:
                part, outcome = came.get(timeout=TICK_S)
            except queue.Empty:
                if not self._cancelled:
                    attempt(lambda: self.tell(self._stand(label, parts)))
                continue
            part.over = True
            attempt(partial(self.arrived, outcome))
        with self._lock:
            self._ending = True
        attempt(self.over)
        with self._lock:
            self._busy, self._parts = False, ()
        attempt(self.free)
        if not self._busy:
            self._idle.set()

    def _begin(
        self, part: _Part, begin: Begin, ended: Callable[[Outcome], None]
    ) -> None:
        if self._cancelled:
            ended(EditCancelled("Stopped before anything was sent.", ""))
            return
        try:
            task = begin(part.watch.report, ended)
        except Exception as error:  # noqa: BLE001 - nobody else would ever show it
            ended(error)
            return
        if task is None:
            ended(None)
            return
        with self._lock:
            part.task = task
            if self._cancelled:
                task.cancel()

    @staticmethod
    def _stand(label: str, parts: Sequence[_Part]) -> Stand:
        left = [part.watch for part in parts if not part.over]
        first, done = left[0], len(parts) - len(left)
        many = f"{done} of {len(parts)} done" if len(parts) > 1 else ""
        said = " · ".join(filter(None, (label, many, first.doing())))
        expected_s = first.expected_s
        share = (
            min(1.0, (done + min(1.0, first.elapsed_s / expected_s)) / len(parts))
            if expected_s
            else -1.0
        )
        return Stand(said, f"· {first.took()}", share)
