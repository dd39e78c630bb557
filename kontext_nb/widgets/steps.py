"""What both strips share: the steps, and what the user wants done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast, get_args

from kontext_nb.widgets.view import Act, Kind, ShownStep

_WORDS = ("rename", "note")


class Steps:
    """The part of a strip that knows its steps and tells the owner of an `Act`.

    A strip changes no chain and no step by itself: whoever owns the chain does what
    was asked for, and then gives new ``steps``.
    """

    steps: list[Any]  # of `ShownStep`
    selected: str
    compared: str
    removed: str
    _heard: tuple[Callable[[Act], object], ...] = ()

    @property
    def shown(self) -> list[ShownStep]:
        """The steps as what they are: a trait only knows that they are dicts."""
        return cast("list[ShownStep]", self.steps)

    @property
    def pair(self) -> tuple[str, str] | None:
        """The ids of the two steps to compare, the older picture's first.

        That is the second choice with the selected step, or without one the step that
        the selected one was made from; None where there is no second.
        """
        parents = {step["id"]: step.get("parent", "") for step in self.shown}
        if self.selected not in parents:
            return None
        for other in (self.compared, parents[self.selected]):
            if other in parents and other != self.selected:
                return other, self.selected
        return None

    def on_act(self, callback: Callable[[Act], object]) -> Callable[[], None]:
        """Have ``callback`` told of each act; return what takes it off again.

        It is called on whatever thread the message came: it must return at once.
        """
        self._heard = (*self._heard, callback)

        def forget() -> None:
            self._heard = tuple(c for c in self._heard if c is not callback)

        return forget

    def _act(self, act: Act) -> None:
        self.removed = ""  # the sentence about the last delete stays until now
        for callback in self._heard:
            callback(act)


def act_of(message: Any, steps: Sequence[ShownStep]) -> Act | None:
    """Return the act that a browser's message asks for; None if it is none.

    The source is no step one can name, note or delete.
    """
    if not isinstance(message, dict):
        return None
    kind, step, value = (message.get(name) for name in ("kind", "step", "value"))
    typed = isinstance(value, str if kind in _WORDS else bool) or (
        value is None and kind not in (*_WORDS, "star")
    )
    known = step == "" if kind == "undo" else step in [s["id"] for s in steps[1:]]
    if kind not in get_args(Kind) or not known or not typed:
        return None
    return Act(cast("Kind", kind), cast("str", step), value)
