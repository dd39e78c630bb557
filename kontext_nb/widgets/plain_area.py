"""The area made of ipywidgets alone: two sliders, and the picture with it drawn in."""

from __future__ import annotations

import io
import threading
from typing import Any

import ipywidgets
from PIL import Image, ImageDraw

from kontext_nb import pixels
from kontext_nb.widgets.area import AREA_PX, NO_AREA, Area
from kontext_nb.widgets.captions import caption, status

_WIDE = {"width": "100%", "max_width": "420px"}
_LINE_PX = 2


class PlainArea(Area, ipywidgets.VBox):
    """Choose an area; see `kontext_nb.widgets.area.Area`."""

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._setting = False
        self._across = ipywidgets.IntRangeSlider(description="Across", layout=_WIDE)
        self._down = ipywidgets.IntRangeSlider(description="Down", layout=_WIDE)
        self._undo = ipywidgets.Button(description="Undo")
        self._clear = ipywidgets.Button(description="Take it away")
        self._words = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._image = ipywidgets.Image(
            layout={"align_self": "flex-start", "max_width": "100%"}
        )
        row = ipywidgets.HBox([self._undo, self._clear])
        parts = [self._across, self._down, row, self._said, self._words, self._image]
        super().__init__(parts, **traits)
        for slider in (self._across, self._down):
            slider.observe(self._slide, "value")
        self._undo.on_click(lambda _: self.undo())
        self._clear.on_click(lambda _: self.set_trait("box", []))
        self.observe(self._draw, ["picture", "width", "height", "box", "can_undo"])
        self._draw()

    def _slide(self, _change: object) -> None:
        if not self._setting:
            (left, right), (top, bottom) = self._across.value, self._down.value
            self.box = [left, top, right, bottom]

    def _draw(self, _change: object = None) -> None:
        with self._lock:
            box = self.box or [0, 0, self.width, self.height]
            self._setting = True
            for slider, end, at in (
                (self._across, self.width, 0),
                (self._down, self.height, 1),
            ):
                slider.max = end
                slider.value = (box[at], box[at + 2])
            self._setting = False
            self._undo.disabled = not self.can_undo
            self._clear.disabled = not self.box
            self._words.value = caption("", self.alt)
            self._said.value = status(_worded(self.box))
            self._image.value = self._drawn()

    def _drawn(self) -> bytes:
        """Return the preview, darker where nothing may change."""
        if not self.picture or not self.box:
            return self.picture
        with Image.open(io.BytesIO(self.picture)) as opened:
            shown = opened.convert("RGB")
        scale = shown.width / self.width
        left, top, right, bottom = (round(edge * scale) for edge in self.box)
        made = shown.point(lambda value: value // 2)
        made.paste(shown.crop((left, top, right, bottom)), (left, top))
        outline = (left, top, max(left, right - 1), max(top, bottom - 1))
        ImageDraw.Draw(made).rectangle(outline, outline="white", width=_LINE_PX)
        return pixels.preview(made, longest_px=AREA_PX)


def _worded(box: list[int]) -> str:
    if not box:
        return NO_AREA
    left, top, right, bottom = box
    size = pixels.shape_text((right - left, bottom - top))
    return f"Area of {size} pixels at {left}, {top}"
