"""Where a change may show: painted on the picture that is to be edited, or a rectangle.

A rectangle is kept as its four numbers, so that it can be moved and is exact; once
something is painted or erased, the area is a mask of the preview's resolution. It is
one or the other: what was set last.
"""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets
import traitlets

from kontext_nb import pixels
from kontext_nb.errors import KontextError
from kontext_nb.preservation.masks import mask_of
from kontext_nb.widgets.seen import NOW, Seen, Shown
from kontext_nb.widgets.view import asset

AREA_PX = 1024
NO_AREA = "No area yet: the change may show anywhere."
TOOLS = ("box", "brush", "eraser")
_EDGES = 4
_BRUSH_SHARE = 0.06

Box = tuple[int, int, int, int]


def _encoded(value: Any, _widget: object) -> bytes:
    """Return bytes as they come from a browser: in a buffer, or whatever it says."""
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


class Area(ipywidgets.DOMWidget):
    """The part of an area that every front end shares.

    Attributes:
        picture: An encoded preview of the picture; empty for none.
        width: Of the full picture, in pixels.
        height: Of the full picture, in pixels.
        alt: The picture in words.
        box: [left, top, right, bottom] in pixels of the full picture; empty for none.
        painted: A PNG of the preview's size whose white is the area; empty for none.
        turn: How many pictures were shown.
    """

    picture = traitlets.Bytes()
    width = traitlets.Int()
    height = traitlets.Int()
    alt = traitlets.Unicode()
    box = traitlets.List(traitlets.Int())
    painted = traitlets.Bytes().tag(from_json=_encoded)
    turn = traitlets.Int()

    def __init__(self, *args: Any, **traits: Any) -> None:
        super().__init__(*args, **traits)
        self.observe(self._one_of_them, ["box", "painted"])

    @property
    def chosen(self) -> Box | bytes | None:
        """The area as `edit` takes it; None where there is none.

        It can be set to whatever ``edit(preserve=…)`` takes as a mask, of which the
        resolution of the preview is kept.

        Raises:
            ImageRejected: It is a picture that cannot be read.
            ParameterRejected: It is no mask of the picture that is shown.
        """
        return self.meant(NOW)

    @chosen.setter
    def chosen(self, given: Any) -> None:
        if given is None:
            self._set([], b"")
            return
        mask = mask_of(given, (self.width, self.height))
        edges = mask.getbbox() or ()
        if mask.crop(edges or None).getextrema() == (255, 255):
            self._set([*edges], b"")
        else:
            self._set([], pixels.encode_png(mask.resize(self._grid, reducing_gap=2.0)))

    @property
    def shown(self) -> Shown:
        """What one sees of it."""
        return Shown(self, ("box", "painted"), within=("turn",))

    def meant(self, seen: Seen) -> Box | bytes | None:
        """Return the area that one sees, as `chosen` is.

        Raises:
            Outdated: It is on another picture.
        """
        box, painted = seen.of(self.shown)
        if inside := self._within(box):
            left, top, right, bottom = inside
            return left, top, right, bottom
        return painted or None

    def show(self, picture: pixels.Picture, alt: str) -> None:
        """Show another picture; an area stays where it means the same pixels.

        Args:
            picture: Its preview is made here, so not in a callback.
            alt: See the class.
        """
        preview = pixels.preview(picture.image, longest_px=AREA_PX)
        with self.hold_sync():
            if picture.image.size != (self.width, self.height):
                self._set([], b"")
            self.width, self.height = picture.image.size
            self.turn += preview != self.picture
            self.picture, self.alt = preview, alt

    @property
    def _grid(self) -> tuple[int, int]:
        """The size of what is painted: the preview's."""
        scale = min(1.0, AREA_PX / max(self.width, self.height, 1))
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    def _set(self, box: list[int], painted: bytes) -> None:
        """Set both at once: nobody is told of what is half of each."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.box, self.painted = box, painted

    def _one_of_them(self, change: Any) -> None:
        """Drop the other of both: what was set last is the area."""
        if self.box and self.painted:
            self.set_trait(*(("painted", b"") if change.name == "box" else ("box", [])))

    @traitlets.validate("box")
    def _inside(self, proposal: Any) -> list[int]:
        return self._within(proposal.value)

    def _within(self, box: list[int]) -> list[int]:
        """Bring a box into the picture; one of no size is none."""
        if len(box) != _EDGES:
            return []
        ends = (self.width, self.height) * 2
        edges = [min(max(edge, 0), end) for edge, end in zip(box, ends, strict=True)]
        left, top, right, bottom = edges
        return edges if left < right and top < bottom else []

    @traitlets.validate("painted")
    def _mask(self, proposal: Any) -> bytes:
        """Take a small mask of the picture; anything else is none."""
        try:
            picture = pixels.load(proposal.value)
            mask_of(picture, self._grid)
        except KontextError:
            return b""
        return proposal.value if max(picture.image.size) <= AREA_PX else b""

    def __repr__(self) -> str:
        """Say where it is."""
        kind = type(self).__name__
        return f"{kind}(painted)" if self.painted else f"{kind}({self.box})"


class AreaPicker(Area, anywidget.AnyWidget):
    """An area that is drawn on the picture, by mouse, pen, touch or keys; see `Area`.

    Attributes:
        tool: One of `TOOLS`.
        brush: How wide brush and eraser are, as a share of the longer side.
    """

    tool = traitlets.Enum(TOOLS, "box").tag(sync=True)
    brush = traitlets.Float(_BRUSH_SHARE).tag(sync=True)

    _esm = asset(
        *("node.js", "make.js", "elements.js", "picture.js"),
        *("area_ink.js", "area_past.js", "area.js"),
    )
    _css = asset("parts.css", "area.css")

    @traitlets.default("keys")
    def _synced(self) -> list[str]:
        return [*self.traits(sync=True), *Area.class_own_traits()]
