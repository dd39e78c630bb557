"""What one saw when one pressed a button: it comes with the press.

A press comes at once, but the next state of a widget only when the kernel is done with
the one before, and maybe on another thread. So a widget itself says what was seen a
moment earlier or later, and of that an edit could be made, and paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ipywidgets import Widget


class Shown(NamedTuple):
    """What one sees of a widget.

    Args:
        widget: The widget.
        names: Traits that say what is chosen or typed there.
        within: Traits that say what that means, as a list does what its third line is.
    """

    widget: Widget
    names: Sequence[str]
    within: Sequence[str] = ()


class Outdated(Exception):
    """What was seen means something else by now, or nothing."""


class Seen:
    """All that one saw at a moment.

    Args:
        states: Traits as a browser showed them, by the widgets' ids; ``{"buffer": n}``
            stands for bytes. Any other widget is seen as it is now.
        buffers: Those bytes.
    """

    def __init__(
        self, states: Mapping[str, Mapping[str, Any]], buffers: Sequence[Any] = ()
    ) -> None:
        self._states, self._buffers = states, buffers

    def of(self, shown: Shown) -> list[Any]:
        """Return the values of its ``names``, which nobody has checked yet.

        Raises:
            Outdated: One of ``within`` is not what was seen.
        """
        state = self._states.get(shown.widget.model_id)
        if state is None:
            return [getattr(shown.widget, name) for name in shown.names]
        if any(state[name] != _plain(shown.widget, name) for name in shown.within):
            raise Outdated
        return [self._real(state[name]) for name in shown.names]

    def is_now(self, shown: Shown) -> bool:
        """Tell whether that is how it is by now.

        Raises:
            Outdated: As for `of`.
        """
        return self.of(shown) == NOW.of(shown)

    def _real(self, value: Any) -> Any:
        return (
            bytes(self._buffers[value["buffer"]]) if isinstance(value, dict) else value
        )


NOW = Seen({})
"""As all is now: for who presses nothing."""


def _plain(widget: Widget, name: str) -> Any:
    """Return a trait as it comes back from a browser."""
    value = getattr(widget, name)
    return [*value] if isinstance(value, tuple) else value
