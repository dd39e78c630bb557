"""The comparison made of ipywidgets alone, for front ends where anywidget cannot run.

ipywidgets' pictures have no alt text, so here it stands above them, in the caption.
"""

from __future__ import annotations

from typing import Any

import ipywidgets

from kontext_nb.widgets.captions import caption
from kontext_nb.widgets.comparison import Comparison

_FIT = {"align_self": "flex-start", "max_width": "100%", "max_height": "520px"}


class PlainCompare(Comparison, ipywidgets.VBox):
    """Compare pictures; see `kontext_nb.widgets.compare.Compare`."""

    def __init__(self, **traits: Any) -> None:
        # Wraps by itself where two columns of 240 pixels do not fit.
        row = {"flex_flow": "row wrap", "grid_gap": "12px"}
        self._sides = ipywidgets.HBox(layout=row)
        self._footer = ipywidgets.HTML()
        super().__init__([self._sides, self._footer], **traits)
        self.observe(self._draw, ["pictures", "footer"])
        self._draw()

    def _draw(self, _change: object = None) -> None:
        gone = self._sides.children
        self._sides.children = [_side(picture) for picture in self.pictures]
        for side in gone:
            for part in (*side.children, side):
                part.close()
        self._footer.value = caption("", self.footer)


def _side(picture: dict[str, Any]) -> ipywidgets.VBox:
    """Return one picture under its words."""
    missing = "" if picture["preview"] else "No picture yet"
    words = caption(picture["label"], picture["size"], missing or picture["alt"])
    parts: list[Any] = [ipywidgets.HTML(words)]
    if not missing:
        parts.append(ipywidgets.Image(value=picture["preview"], layout=_FIT))
    return ipywidgets.VBox(parts, layout={"flex": "1 1 240px"})
