"""What changed between two steps, in words; one widget for every front end."""

from __future__ import annotations

import ipywidgets

from kontext_nb.grids import as_changes
from kontext_nb.grids.changes import Made, changes


class ChangesView(ipywidgets.HTML):
    """Show what two pictures have apart; empty until `show` is given two."""

    def show(self, before: Made | None, after: Made | None) -> None:
        """Show what changed from one to the other; None for either empties the view."""
        self.value = (
            as_changes.fragment(changes(before, after)) if before and after else ""
        )

    def __repr__(self) -> str:
        """Say what this is, without its words."""
        return "ChangesView()"
