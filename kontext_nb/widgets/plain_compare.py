"""The comparison made of ipywidgets alone, for front ends where anywidget cannot run.

ipywidgets' pictures have no alt text, so here it stands above them, in the caption.
What lies one over the other is put together in Python, from the previews.
"""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets

from kontext_nb import pixels
from kontext_nb.widgets import composed
from kontext_nb.widgets.captions import caption, status
from kontext_nb.widgets.comparison import MODES, Comparison
from kontext_nb.widgets.mapping import MEASURING
from kontext_nb.widgets.shots import PREVIEW_PX

_FIT = {"align_self": "flex-start", "max_width": "100%", "max_height": "520px"}
_SHORT = {"description_width": "initial"}
_ROW = {"flex_flow": "row wrap", "grid_gap": "4px 12px"}
# The trait that a mode tunes, its name and its end.
_TUNED = {
    "slider": ("position", "Position", 1.0),
    "onion": ("position", "Opacity", 1.0),
    "difference": ("gain", "Amplify", 16.0),
}
_DRAWING = (
    *("pictures", "previous", "swapped", "footer", "mode", "pair", "position"),
    *("gain", "fit", "maps"),
)

# The words of a picture, its label first, and its bytes.
_Seen = tuple[tuple[str, ...], bytes]


class PlainCompare(Comparison, ipywidgets.VBox):
    """Compare pictures; see `kontext_nb.widgets.compare.Compare`.

    Zoom, crosshair and a blinking by itself need a script, so they are not here.
    """

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._setting = False  # a control's new end may move it: nobody else did
        self._other = False  # whether "blink" shows the upper picture
        self._view = ipywidgets.Dropdown(
            options=[(mode.capitalize(), mode) for mode in MODES],
            description="View",
            style=_SHORT,
            layout={"width": "160px"},
        )
        self._tuner = ipywidgets.FloatSlider(step=0.01, continuous_update=True)
        self._blink = ipywidgets.Button(description="Show the other")
        self._swap = ipywidgets.Button(description="Swap in the previous")
        self._pair = [
            ipywidgets.Dropdown(
                description=side, style=_SHORT, layout={"width": "200px"}
            )
            for side in ("Left", "Right")
        ]
        controls = [self._view, self._tuner, self._blink, *self._pair, self._swap]
        self._sides = ipywidgets.HBox(layout={**_ROW, "grid_gap": "12px"})
        self._said = ipywidgets.HTML()
        self._footer = ipywidgets.HTML()
        bar = ipywidgets.HBox(controls, layout=_ROW)
        super().__init__([bar, self._sides, self._said, self._footer], **traits)
        self._view.observe(lambda change: self.set_trait("mode", change.new), "value")
        self._tuner.observe(self._tune, "value")
        for chooser in self._pair:
            chooser.observe(self._choose, "value")
        self._blink.on_click(self._flick)
        self._swap.on_click(lambda _: self.set_trait("swapped", not self.swapped))
        self.observe(self._draw, list(_DRAWING))
        self._draw()

    def _tune(self, change: Any) -> None:
        if self.mode in _TUNED and not self._setting:
            self.set_trait(_TUNED[self.mode][0], change.new)

    def _choose(self, _change: object) -> None:
        left, right = (chooser.value for chooser in self._pair)
        if None not in (left, right) and left != right:
            self.pair = [left, right]

    def _flick(self, _button: object) -> None:
        self._other = not self._other
        self._draw()

    def _draw(self, _change: object = None) -> None:
        with self._lock:
            self._set_controls()
            self._footer.value = caption("", self.footer)
            shown = self._shown()
            gone = self._sides.children
            self._sides.children = [_side(*one) for one in shown]
            for side in gone:
                for part in (*side.children, side):
                    part.close()

    def _set_controls(self) -> None:
        """Bring the controls to what the traits say; hide what the mode has not."""
        self._view.value = self.mode
        trait, words, most = _TUNED.get(self.mode, ("position", "", 1.0))
        self._setting = True
        self._tuner.description, self._tuner.max = words, most
        self._tuner.value = getattr(self, trait)
        self._setting = False
        several = len(self.pictures) > len(self._pair) and self.mode != "side"
        for chooser, place in zip(self._pair, self.pair, strict=True):
            options = [(one["label"], n) for n, one in enumerate(self.pictures)]
            if tuple(options) != chooser.options:
                chooser.options = options
            chooser.value = place if place < len(options) else None
            _hide(chooser, unless=several)
        _hide(self._tuner, unless=bool(words))
        _hide(self._blink, unless=self.mode == "blink")
        _hide(self._swap, unless=bool(self.previous))

    def _shown(self) -> list[_Seen]:
        """Return what is seen, by the mode."""
        pictures = list(self.pictures)
        places = [min(place, len(pictures) - 1) for place in self.pair]
        if self.swapped and self.previous:
            pictures[places[1]] = self.previous
        pair = [pictures[place] for place in places if pictures]
        known = self._say(pair)
        if self.mode == "side" or not (pair and all(one["preview"] for one in pair)):
            return [_worded(picture) for picture in pictures]
        if self.mode == "blink":
            return [_worded(pair[self._other])]
        if self.mode == "change":
            pair.sort(key=lambda one: self._chosen().index(one["key"]))
        lower, upper = composed.same_frame(
            *(one["preview"] for one in pair), cut=self.fit == "fill"
        )
        if self.mode == "change":
            drawn = composed.laid_over(lower, known.get("overlay", b""))
        else:
            tuned = getattr(self, _TUNED[self.mode][0])
            drawn = composed.DRAWN[self.mode](lower, upper, tuned)
        label = " | ".join(one["label"] for one in pair)
        return [((label,), pixels.preview(drawn, longest_px=PREVIEW_PX))]

    def _say(self, pair: list[Any]) -> dict[str, Any]:
        """Say what is known of the change between a pair, and return it."""
        known: dict[str, Any] = self.maps.get("-".join(self._chosen()), {})
        words = known.get("said", "")
        if self.mode == "change":
            words = known.get("alt") or words or (MEASURING if pair else "")
        self._said.value = status(words) if words else ""
        return known


def _worded(picture: dict[str, Any]) -> _Seen:
    """Return a picture as it is; its alt text only where it says more."""
    alt = picture["alt"] if picture["alt"] != picture["label"] else ""
    more = picture["size"], alt if picture["preview"] else "No picture yet"
    return (picture["label"], *more), picture["preview"]


def _side(words: tuple[str, ...], data: bytes) -> ipywidgets.VBox:
    """Return one picture under its words."""
    parts: list[Any] = [ipywidgets.HTML(caption(*words))]
    if data:
        parts.append(ipywidgets.Image(value=data, layout=_FIT))
    return ipywidgets.VBox(parts, layout={"flex": "1 1 240px"})


def _hide(control: ipywidgets.DOMWidget, *, unless: bool) -> None:
    control.layout.display = "" if unless else "none"
