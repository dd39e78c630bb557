"""The box for the instruction: typed, sent with Ctrl+Enter, hinted at meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import anywidget
import traitlets

from kontext_nb.widgets.seen import NOW, Seen, Shown
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
        chain: The id of the chain that is worked on.
    """

    value: str
    placeholder: str
    tip: str
    findings: list[Any]
    history: list[str]
    following: list[str]
    busy: bool
    chain: str
    _wished: Callable[[Wish, Seen], object] = staticmethod(lambda _wish, _seen: None)

    def on_wish(self, callback: Callable[[Wish, Seen], object]) -> None:
        """Have ``callback`` told what is pressed, and what was seen then.

        It must return at once.
        """
        self._wished = callback

    def bring(self, shown: Iterable[Shown]) -> None:
        """Have Run come with what other widgets show when it is pressed.

        Only a script in the browser can see that. Without one, what came before counts.
        """

    def take(self, seen: Seen) -> str:  # noqa: ARG002 - it needs a script too
        """Return the instruction that Run was pressed for; each press is taken once.

        Raises:
            Outdated: It was for another chain, or another press was taken since.
        """
        return self.value

    def show_again(self) -> None:
        """Tell the page again what its choices depend on: it may have missed that."""

    def next_pass(self) -> bool:
        """Put the next of a split instruction into the box; False if there is none."""
        if not self.following:
            return False
        self.value, *self.following = self.following
        return True


class PromptBox(Asking, anywidget.AnyWidget):
    """A labelled field with Run and Cancel beside it and hints below; see `Asking`.

    Attributes:
        along: What a press brings: names of traits by the widgets' ids; "" is its own.
        turn: How many presses have been taken.
    """

    _esm = asset("node.js", "make.js", "elements.js", "seen.js", "prompt.js")
    _css = asset("parts.css", "prompt.css")

    value = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    tip = traitlets.Unicode(TIP).tag(sync=True)
    findings = traitlets.List(traitlets.Dict()).tag(sync=True)
    history = traitlets.List(traitlets.Unicode()).tag(sync=True)
    following = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Bool().tag(sync=True)
    chain = traitlets.Unicode().tag(sync=True)
    along = traitlets.Dict().tag(sync=True)
    turn = traitlets.Int().tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lock = threading.Lock()
        self._own = Shown(self, ("value",), within=("chain", "turn"))
        self.bring(())
        self.on_msg(self._heed)

    def bring(self, shown: Iterable[Shown]) -> None:
        """See `Asking`."""
        self._brought = [self._own, *shown]
        self.along = {
            "" if one is self._own else one.widget.model_id: [*one.names, *one.within]
            for one in self._brought
        }

    def take(self, seen: Seen) -> str:
        """See `Asking`."""
        with self._lock:
            (value,) = seen.of(self._own)
            self.turn += 1
        return str(value)

    def show_again(self) -> None:
        """See `Asking`."""
        for one in self._brought:
            if one.within:  # what is chosen, or typed, is the page's own
                one.widget.send_state([*one.within])

    def _heed(self, _widget: object, message: Any, buffers: Sequence[Any]) -> None:
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "cancel":
            self._wished("cancel", NOW)
        elif kind == "run":
            told = {key or self.model_id: one for key, one in message["seen"].items()}
            self._wished("run", Seen(told, buffers))

    def __repr__(self) -> str:
        """Name what is in it."""
        return f"PromptBox({self.value!r})"
