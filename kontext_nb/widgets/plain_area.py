"""The area made of ipywidgets alone: two sliders, and the picture with it drawn in."""

from __future__ import annotations

import io
import threading
from typing import Any

import ipywidgets
from PIL import Image, ImageChops, ImageFilter, ImageStat

from kontext_nb import pixels
from kontext_nb.preservation.masks import mask_of
from kontext_nb.widgets.area import AREA_PX, NO_AREA, Area
from kontext_nb.widgets.captions import caption, status

_WIDE = {"width": "100%", "max_width": "420px"}
_SHOWN_PX = "512px"
_LINE = 5  # its filter's, of which it sees the half


class PlainArea(Area, ipywidgets.VBox):
    """Choose an area; see `kontext_nb.widgets.area.Area`."""

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._setting = False
        self._drawn_of: object = None
        self._past: list[tuple[list[int], bytes]] = []
        self._now: tuple[list[int], bytes] = ([], b"")
        self._size = (0, 0)
        self._across = ipywidgets.IntRangeSlider(description="Across", layout=_WIDE)
        self._down = ipywidgets.IntRangeSlider(description="Down", layout=_WIDE)
        self._undo = ipywidgets.Button(description="Undo")
        self._clear = ipywidgets.Button(description="Clear")
        self._words = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._image = ipywidgets.Image(
            layout={"align_self": "flex-start", "max_width": f"min(100%, {_SHOWN_PX})"}
        )
        row = ipywidgets.HBox([self._undo, self._clear])
        parts = [self._across, self._down, row, self._said, self._words, self._image]
        super().__init__(parts, **traits)
        for slider in (self._across, self._down):
            slider.observe(self._slide, "value")
        self._undo.on_click(lambda _: self._back())
        self._clear.on_click(lambda _: setattr(self, "chosen", None))
        self.observe(self._remember, ["box", "painted", "width", "height"])
        self.observe(self._draw, ["picture", "width", "height", "box", "painted"])
        self._draw()

    def _slide(self, _change: object) -> None:
        if not self._setting:
            (left, right), (top, bottom) = self._across.value, self._down.value
            self.box = [left, top, right, bottom]

    def _back(self) -> None:
        with self._lock:
            if self._past:
                self._now = self._past.pop()
                self._set(*self._now)

    def _remember(self, _change: object) -> None:
        """Keep what was there before, as long as the picture is of that size."""
        with self._lock:
            now, size = (list(self.box), self.painted), (self.width, self.height)
            if size != self._size:
                self._past.clear()
            elif now != self._now:
                self._past.append(self._now)
            self._now, self._size = now, size

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
            self._undo.disabled = not self._past
            self._clear.disabled = self.chosen is None
            self._words.value = caption("", self.alt)
            of = (self.picture, self.width, self.height, self.chosen)
            # One change is told once for each trait it is of.
            if of != self._drawn_of:
                mask = self._mask()
                self._said.value = status(_worded(self.box, mask))
                self._image.value = self._drawn(mask) if mask else self.picture
                self._drawn_of = of

    def _mask(self) -> Image.Image | None:
        """Return the area at the preview's size; None where there is none."""
        if not self.picture or self.chosen is None:
            return None
        with Image.open(io.BytesIO(self.picture)) as shown:
            return mask_of(self.chosen, (self.width, self.height)).resize(shown.size)

    def _drawn(self, mask: Image.Image) -> bytes:
        """Return the preview, darker where nothing may change."""
        with Image.open(io.BytesIO(self.picture)) as opened:
            shown = opened.convert("RGB")
        made = Image.composite(shown, shown.point(lambda value: value // 2), mask)
        wider = mask.filter(ImageFilter.MaxFilter(_LINE))
        made.paste("white", mask=ImageChops.difference(wider, mask))
        return pixels.preview(made, longest_px=AREA_PX)


def _worded(box: list[int], mask: Image.Image | None) -> str:
    if mask is None:
        return NO_AREA
    if not box:
        share = ImageStat.Stat(mask).mean[0] / 255
        return f"Painted: {max(1, round(100 * share))} % of the picture"
    left, top, right, bottom = box
    size = pixels.shape_text((right - left, bottom - top))
    return f"Area of {size} pixels at {left}, {top}"
