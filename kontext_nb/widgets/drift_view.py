"""How far the shown step drifted from the source, and the way back to a better one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from kontext_nb.session.drifting import DriftCurve
from kontext_nb.widgets import drift_curve

_LEAST = 2  # edits: before there is nothing to follow


class DriftView(ipywidgets.VBox):
    """Shows the curve of a line of edits; empty until `show` is given two.

    Args:
        go: Is given the place in the strip from which to edit again.
    """

    def __init__(self, go: Callable[[str], object]) -> None:
        self._words = ipywidgets.HTML()
        self._back = ipywidgets.Button(layout={"width": "auto", "display": "none"})
        self._to = ""
        super().__init__(
            [self._words, self._back], layout={"align_items": "flex-start"}
        )
        self._back.on_click(lambda _: go(self._to))

    def show(
        self, curve: DriftCurve, numbers: Sequence[str], places: Sequence[str]
    ) -> None:
        """Show another line.

        Args:
            curve: How it drifts.
            numbers: What people call its steps.
            places: Of the source and of each step, in the strip; "" for one that is
                not there.
        """
        shown = len(curve.steps) >= _LEAST
        self._words.value = drift_curve.fragment(curve, numbers) if shown else ""
        falls_at = curve.falls_at if shown else None
        self._to = places[falls_at - 1] if falls_at else ""
        if falls_at and self._to:
            last_good = (
                f"step {numbers[falls_at - 2]}" if falls_at > 1 else "the source"
            )
            self._back.description = f"Edit again from {last_good}"
        self._back.layout.display = "" if self._to else "none"

    def __repr__(self) -> str:
        """Say what this is, without its words."""
        return "DriftView()"
