"""The line that says how far an edit is, and what went wrong with what can be done."""

from __future__ import annotations

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
    """

    problem: str
    remedy: str = ""
    choices: Sequence[Choice] = field(default=())


class Saying:
    """The part of a status line that its owner talks to.

    Attributes:
        said: What screen readers hear when it changes.
        ticking: What changes too often to be heard: the seconds.
        share: How much is done, 0 to 1; negative where nobody knows.
        alarm: An `Alarm` as a dict; {} for none.
    """

    said: str
    ticking: str
    share: float
    alarm: dict[str, Any]
    _chosen: Callable[[str, str], object] = staticmethod(lambda _key, _text: None)

    def say(self, text: str, ticking: str = "", share: float = -1.0) -> None:
        """Say how it stands; whatever is not new is not sent."""
        with self.hold_trait_notifications():  # type: ignore[attr-defined]
            self.said, self.ticking, self.share = text, ticking, share

    def warn(self, alarm: Alarm | None) -> None:
        """Show what went wrong, or take it away."""
        self.alarm = asdict(alarm) if alarm else {}

    def on_choice(self, callback: Callable[[str, str], object]) -> None:
        """Have ``callback`` told of each choice, with what was typed beside it."""
        self._chosen = callback

    def _choose(self, key: str, text: str) -> None:
        known = [choice["key"] for choice in self.alarm.get("choices", ())]
        if key in known:
            self._chosen(key, text)


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
            self._choose(str(message.get("key")), str(message.get("text", "")))

    def __repr__(self) -> str:
        """Repeat what it says."""
        return f"StatusLine({self.said!r})"
