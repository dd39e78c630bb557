"""The box for the instruction: typed, sent with Ctrl+Enter, hinted at meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import anywidget
import traitlets

from kontext_nb.widgets.view import asset

Wish = Literal["run", "cancel"]
TIP = "Ctrl+Enter runs it. ↑ brings back earlier instructions."


class Asking:
    """The part of a prompt box that knows what to tell its owner.

    Attributes:
        value: The instruction.
        placeholder: Shown while there is none.
        tip: Shown where hints would be, while there are none.
        findings: Hints on it, as `kontext_nb.widgets.hints.Hint`.
        history: Earlier instructions, the newest first.
        following: What comes after this one: the rest of a split instruction.
        busy: Whether an edit runs; then Cancel can be pressed, and Run cannot.
    """

    value: str
    placeholder: str
    tip: str
    findings: list[Any]
    history: list[str]
    following: list[str]
    busy: bool
    _wished: Callable[[Wish], object] = staticmethod(lambda _wish: None)

    def on_wish(self, callback: Callable[[Wish], object]) -> None:
        """Have ``callback`` told of Run and Cancel; it must return at once."""
        self._wished = callback

    def next_pass(self) -> bool:
        """Put the next of a split instruction into the box; False if there is none."""
        if not self.following:
            return False
        self.value, *self.following = self.following
        return True


class PromptBox(Asking, anywidget.AnyWidget):
    """A labelled field with Run and Cancel beside it and hints below; see `Asking`."""

    _esm = asset("node.js", "make.js", "elements.js", "prompt.js")
    _css = asset("parts.css", "prompt.css")

    value = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    tip = traitlets.Unicode(TIP).tag(sync=True)
    findings = traitlets.List(traitlets.Dict()).tag(sync=True)
    history = traitlets.List(traitlets.Unicode()).tag(sync=True)
    following = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Bool().tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_msg(self._heed)

    def _heed(self, _widget: object, message: Any, _buffers: object) -> None:
        if not isinstance(message, dict) or message.get("kind") not in (
            "run",
            "cancel",
        ):
            return
        # The text comes with it: the trait's own change may still be on its way.
        if isinstance(message.get("value"), str):
            self.value = message["value"]
        self._wished(message["kind"])

    def __repr__(self) -> str:
        """Name what is in it."""
        return f"PromptBox({self.value!r})"
