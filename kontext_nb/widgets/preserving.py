"""Whether the rest of the picture is kept, and where the change may show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from kontext_nb import pixels
from kontext_nb.widgets import choice
from kontext_nb.widgets.area import Box
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.captions import status

_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 16px"}
_FITS = {"width": "auto"}
OTHER_SHAPE = "Not with another aspect ratio: that makes a new picture."
NOT_HERE = "Not here: only the service has the pixels of this picture."


class Preserving(ipywidgets.VBox):
    """The toggle "Keep the rest of the picture", and the area that goes with it.

    Args:
        picture: Returns what the next edit starts from, and its words; it may take its
            time.
    """

    def __init__(self, picture: Callable[[], tuple[pixels.Picture | str, str]]) -> None:
        self._picture = picture
        self._aside = Aside(latest_only=True)
        self._barred = ""
        self.toggle = ipywidgets.Checkbox(
            description="Keep the rest of the picture",
            indent=False,
            tooltip="Only the change is taken over: every other pixel stays as it is.",
            layout=_FITS,
        )
        # Not a toggle button: nothing tells a screen reader that one is pressed.
        self.drawing = ipywidgets.Checkbox(
            description="Only in an area that I draw", indent=False, layout=_FITS
        )
        self.area = choice.area()
        self._why = ipywidgets.HTML()
        row = ipywidgets.HBox([self.toggle, self.drawing, self._why], layout=_WRAPS)
        super().__init__([row, self.area], layout={"width": "100%"})
        self.toggle.observe(self._draw, "value")
        self.drawing.observe(self._draw, "value")
        self.drawing.observe(lambda _: self.refresh(), "value")
        self._draw()

    @property
    def wanted(self) -> bool | Box:
        """What to give to ``edit(preserve=…)``."""
        if not self.toggle.value or self._barred:
            return False
        return (self.drawing.value and self.area.chosen) or True

    def bar(self, reason: str) -> None:
        """Disable it, and say why; "" enables it again, as it was."""
        self._barred = reason
        self._draw()

    def refresh(self) -> None:
        """Draw on what the next edit starts from, if one draws at all."""
        if self.drawing.value:
            self._aside.do(self._show)

    def settled(self, limit_s: float) -> bool:
        """Wait until the picture to draw on is there; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _show(self) -> None:
        picture, words = self._picture()
        if not isinstance(picture, str):
            self.area.show(picture, words)

    def _draw(self, _change: Any = None) -> None:
        on = bool(self.toggle.value and not self._barred)
        self.toggle.disabled = bool(self._barred)
        self._why.value = status(self._barred) if self._barred else ""
        self.drawing.layout.display = "" if on else "none"
        shown = on and self.drawing.value
        self.area.layout.display = "" if shown else "none"

    def __repr__(self) -> str:
        """Say what is chosen."""
        return f"Preserving({self.wanted!r})"
