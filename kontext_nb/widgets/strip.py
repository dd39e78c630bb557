"""The steps of a chain in a row, to see them and to edit on from any of them."""

from __future__ import annotations

import anywidget
import traitlets

from kontext_nb.widgets.view import Still, asset


class Strip(Still, anywidget.AnyWidget):
    """Show the steps of a chain; a click on "Edit from here" sets `selected`.

    ``steps`` is a list of `kontext_nb.widgets.view.ShownStep`; give a new list to
    change it, since a change inside the list goes unseen. ``selected`` is the id of the
    step that the next edit starts from, or empty.
    """

    _esm = asset("node.js", "picture.js", "strip.js")
    _css = asset("view.css", "strip.css")

    steps = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        """Say how many steps there are, without their bytes."""
        return f"Strip({len(self.steps)} steps)"
