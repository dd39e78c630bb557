"""Where a change may show: a rectangle on the picture that is to be edited."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets
import traitlets

from kontext_nb import pixels
from kontext_nb.widgets.view import asset

AREA_PX = 512
NO_AREA = "No area yet: the change may show anywhere."
_EDGES = 4

Box = tuple[int, int, int, int]


class Area(ipywidgets.DOMWidget):
    """The part of an area that every front end shares.

    Attributes:
        picture: An encoded preview of the picture; empty for none.
        width: Of the full picture, in pixels.
        height: Of the full picture, in pixels.
        alt: The picture in words.
        box: [left, top, right, bottom] in pixels of the full picture; empty for none.
        can_undo: Whether there is something to go back to.
    """

    picture = traitlets.Bytes()
    width = traitlets.Int()
    height = traitlets.Int()
    alt = traitlets.Unicode()
    box = traitlets.List(traitlets.Int())
    can_undo = traitlets.Bool()

    def __init__(self, *args: Any, **traits: Any) -> None:
        self._past: list[list[int]] = []
        self._going_back = False
        super().__init__(*args, **traits)
        self.observe(self._remember, "box")

    @property
    def chosen(self) -> Box | None:
        """The box as `edit` takes it; None where there is none."""
        if not self.box:
            return None
        left, top, right, bottom = self.box
        return left, top, right, bottom

    def show(self, picture: pixels.Picture, alt: str) -> None:
        """Show another picture; a box stays where it means the same pixels.

        Args:
            picture: Its preview is made here, so not in a callback.
            alt: See the class.
        """
        preview = pixels.preview(picture.image, longest_px=AREA_PX)
        with self.hold_sync():
            if picture.image.size != (self.width, self.height):
                self.box = []
                self._past, self.can_undo = [], False
            self.width, self.height = picture.image.size
            self.picture, self.alt = preview, alt

    def undo(self) -> None:
        """Go back to the box before; nothing happens if there is none."""
        if self._past:
            self._going_back = True
            self.box = self._past.pop()
            self._going_back = False
            self.can_undo = bool(self._past)

    def _remember(self, change: Any) -> None:
        if not self._going_back:
            self._past.append(list(change.old))
            self.can_undo = True

    @traitlets.validate("box")
    def _inside(self, proposal: Any) -> list[int]:
        """Bring a box into the picture; one of no size is none."""
        if len(proposal.value) != _EDGES:
            return []
        ends = (self.width, self.height) * 2
        edges = [
            min(max(edge, 0), end)
            for edge, end in zip(proposal.value, ends, strict=True)
        ]
        left, top, right, bottom = edges
        return edges if left < right and top < bottom else []

    def __repr__(self) -> str:
        """Say where it is."""
        return f"{type(self).__name__}({self.box})"


class AreaPicker(Area, anywidget.AnyWidget):
    """An area that is drawn on the picture, by mouse or by keys; see `Area`."""

    _esm = asset("node.js", "make.js", "elements.js", "picture.js", "area.js")
    _css = asset("parts.css", "area.css")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._heed)

    @traitlets.default("keys")
    def _synced(self) -> list[str]:
        return [*self.traits(sync=True), *Area.class_own_traits()]

    def _heed(self, _widget: object, message: Any, _buffers: object) -> None:
        if isinstance(message, dict) and message.get("kind") == "undo":
            self.undo()
