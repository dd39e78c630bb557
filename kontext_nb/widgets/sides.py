"""Which two pictures of a preserved edit are compared: one is the model's own."""

from __future__ import annotations

from typing import cast

import ipywidgets

from kontext_nb.widgets.shots import Sides

_OPTIONS = (
    ("Before and result", "shown"),
    ("Before and the model's own picture", "raw"),
    ("The model's own picture and the result", "both"),
)


class SidesChoice(ipywidgets.Dropdown):
    """A list that is there only where an edit has more than one result to look at."""

    def __init__(self) -> None:
        super().__init__(
            description="Compare",
            options=_OPTIONS,
            style={"description_width": "initial"},
            layout={"width": "360px", "max_width": "100%", "display": "none"},
        )

    @property
    def chosen(self) -> Sides:
        """Which two."""
        hidden = self.layout.display == "none"
        return "shown" if hidden else cast("Sides", self.value)

    def offer(self, *, both: bool) -> None:
        """Show the list, or hide it.

        Args:
            both: Whether there is the model's own picture besides the one shown.
        """
        self.layout.display = "" if both else "none"
