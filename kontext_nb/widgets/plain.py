"""Two pictures by ipywidgets alone, for front ends where anywidget cannot run.

It has the traits of `Compare`, so whoever fills that fills this. ipywidgets' pictures
have no alt text, so here it stands under them as a caption.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from kontext_nb.widgets.captions import caption
from kontext_nb.widgets.view import Still


class PlainCompare(Still, ipywidgets.VBox):
    """Show two pictures side by side; see `kontext_nb.widgets.compare.Compare`."""

    left = traitlets.Bytes()
    right = traitlets.Bytes()
    left_label = traitlets.Unicode("Source")
    right_label = traitlets.Unicode("Result")
    left_size = traitlets.Unicode()
    right_size = traitlets.Unicode()
    left_alt = traitlets.Unicode()
    right_alt = traitlets.Unicode()
    footer = traitlets.Unicode()

    def __init__(self, **kwargs: Any) -> None:
        self._captions = {"left": ipywidgets.HTML(), "right": ipywidgets.HTML()}
        fit = {
            "align_self": "flex-start",
            "max_width": "100%",
            "max_height": "520px",
        }
        self._pictures = {side: ipywidgets.Image(layout=fit) for side in self._captions}
        self._footer = ipywidgets.HTML()
        sides = [
            ipywidgets.VBox(
                [caption, self._pictures[side]], layout={"flex": "1 1 240px"}
            )
            for side, caption in self._captions.items()
        ]
        # Wraps by itself where two columns of 240 pixels do not fit.
        pair = ipywidgets.HBox(
            sides, layout={"flex_flow": "row wrap", "grid_gap": "12px"}
        )
        super().__init__([pair, self._footer], **kwargs)
        self.observe(self._draw, [*_names("left"), *_names("right"), "footer"])
        self._draw()

    def _draw(self, _change: object = None) -> None:
        for side, picture in self._pictures.items():
            data, label, size, alt = (getattr(self, name) for name in _names(side))
            missing = "" if data else "No result yet"
            self._captions[side].value = caption(label, size, missing or alt)
            _paint(picture, data)
        self._footer.value = caption("", self.footer)

    def __repr__(self) -> str:
        """Name both sides, without their bytes."""
        return f"PlainCompare({self.left_label!r}, {self.right_label!r})"


def _names(side: str) -> tuple[str, str, str, str]:
    return side, f"{side}_label", f"{side}_size", f"{side}_alt"


def _paint(picture: ipywidgets.Image, data: bytes) -> None:
    picture.value = data
    picture.layout.display = "" if data else "none"
