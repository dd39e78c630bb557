"""Two pictures side by side: source and result."""

from __future__ import annotations

import anywidget
import traitlets

from kontext_nb.widgets.view import Still, asset


class Compare(Still, anywidget.AnyWidget):
    """Show two pictures side by side, and one above the other where it is narrow.

    Pictures are previews: encoded JPEG (or PNG, WebP) bytes of at most 1024 pixels a
    side, sent as binary. Empty bytes on the right show "No result yet". Labels are the
    names people see; sizes are those of the originals ("3000 x 4000"), because the
    previews do not know them; a missing alt text falls back to the label. The footer
    says what made the result, for example "demo engine".
    """

    _esm = asset("picture.js", "compare.js")
    _css = asset("view.css", "compare.css")

    left = traitlets.Bytes().tag(sync=True)
    right = traitlets.Bytes().tag(sync=True)
    left_label = traitlets.Unicode("Source").tag(sync=True)
    right_label = traitlets.Unicode("Result").tag(sync=True)
    left_size = traitlets.Unicode().tag(sync=True)
    right_size = traitlets.Unicode().tag(sync=True)
    left_alt = traitlets.Unicode().tag(sync=True)
    right_alt = traitlets.Unicode().tag(sync=True)
    footer = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        """Name both sides, without their bytes."""
        return f"Compare({self.left_label!r}, {self.right_label!r})"
