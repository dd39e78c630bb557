"""The line that says how far an edit is, and what went wrong with what can be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import anywidget
import traitlets

from kontext_nb.widgets.view import asset


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be done about a problem.

    Args:
        key: What the owner knows it by.
        label: The words on its button.
        asks: What to type beside it; "" for nothing.
        title: More about it, on hover.
    """

    key: str
    label: str
    asks: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What went wrong, in two sentences.

    Args:
        problem: What is wrong.
        remedy: What to do.
        choices: The buttons that do it.
        job: The job that these are about.
    """

    problem: str
    remedy: str = ""
    choices: Sequence[Choice] = field(default=())
    job: str = ""

    @property
    def text(self) -> str:
        """Both sentences."""
        return f"{self.problem} {self.remedy}".strip()


_lock = threading.Lock()


class Saying:
    """The part of a status line that its owner talks to.

    Attributes:
        said: What screen readers hear when it changes.
        ticking: What changes too often to be heard: the seconds.
        share: How much is done, 0 to 1; negative where nobody knows.
        alarm: An `Alarm` as a dict, with its number; {} for none.
    """

    said: str
    ticking: str
    share: float
    alarm: dict[str, Any]
    _number = _answered = 0
    _chosen: Callable[[str, str, str], object] = staticmethod(lambda *_: None)

    def say(self, text: str, ticking: str = "", share: float = -1.0) -> None:
        """Say how it stands; whatever is not new is not sent."""
        with self.hold_trait_notifications():  # type: ignore[attr-defined]
            self.said, self.ticking, self.share = text, ticking, share

    def warn(self, alarm: Alarm | None) -> None:
        """Show what went wrong, or take it away."""
        self._number += 1
        self.alarm = {**asdict(alarm), "number": self._number} if alarm else {}

    def complain(self, alarm: Alarm) -> None:
        """Show what went wrong; only say it where there is something to decide."""
        if self.alarm.get("choices"):
            self.say(alarm.text)
        else:
            self.warn(alarm)

    def on_choice(self, callback: Callable[[str, str, str], object]) -> None:
        """Have ``callback`` told of each choice: job, key, and what was typed."""
        self._chosen = callback

    def _choose(self, number: object, key: str, text: str) -> None:
        """Hand on the first choice of the alarm that is shown.

        A second press may come when there is another alarm with the same buttons
        already: it must neither decide that one nor the same job twice.
        """
        alarm = self.alarm
        known = [choice["key"] for choice in alarm.get("choices", ())]
        if key not in known or number != alarm["number"]:
            return
        with _lock:
            late = self._answered == number
            self._answered = alarm["number"]
        if not late:
            self._chosen(alarm["job"], key, text)


class StatusLine(Saying, anywidget.AnyWidget):
    """One line, a thin bar, and below them what went wrong; see `Saying`."""

    _esm = asset("node.js", "make.js", "elements.js", "said.js")
    _css = asset("parts.css", "said.css")

    said = traitlets.Unicode().tag(sync=True)
    ticking = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(-1.0).tag(sync=True)
    alarm = traitlets.Dict().tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_msg(self._heed)

    def _heed(self, _widget: object, message: Any, _buffers: object) -> None:
        if isinstance(message, dict) and message.get("kind") == "choose":
            key, text = (str(message.get(name, "")) for name in ("key", "text"))
            self._choose(message.get("number"), key, text)

    def __repr__(self) -> str:
        """Repeat what it says."""
        return f"StatusLine({self.said!r})"
