"""Whether the rest of the picture is kept, and where the change may show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ipywidgets

from kontext_nb import pixels
from kontext_nb.errors import KontextError, ParameterRejected
from kontext_nb.preservation.masks import mask_of
from kontext_nb.widgets import choice
from kontext_nb.widgets.area import Box
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.captions import status
from kontext_nb.widgets.seen import NOW, Outdated, Seen, Shown

_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 16px"}
_FITS = {"width": "auto"}
OTHER_SHAPE = "Not with another aspect ratio: that makes a new picture."
NOT_HERE = "Not here: only the service has the pixels of this picture."


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What the next edit starts from.

    Args:
        picture: The picture, or the address of one whose pixels are not here.
        words: What it is called.
        mask: Where the change might show that made it, as a PNG; empty for anywhere.
    """

    picture: pixels.Picture | str
    words: str
    mask: bytes = b""


class Preserving(ipywidgets.VBox):
    """The toggle "Keep the rest of the picture", and the area that goes with it.

    Args:
        start: Returns what the next edit starts from; it may take its time.
        of: Where one chooses what that is, and the shape of its result.
    """

    def __init__(self, start: Callable[[], Start], *, of: Sequence[Shown]) -> None:
        self._start, self._of = start, of
        self._recalled: Box | bytes | None = None
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
        self._on = Shown(self.toggle, ("value", "disabled"))
        self._drawn = Shown(self.drawing, ("value",))
        self._why = ipywidgets.HTML()
        row = ipywidgets.HBox([self.toggle, self.drawing, self._why], layout=_WRAPS)
        super().__init__([row, self.area], layout={"width": "100%"})
        self.toggle.observe(self._draw, "value")
        self.drawing.observe(self._draw, "value")
        self.drawing.observe(lambda _: self.refresh(), "value")
        self._draw()

    @property
    def shown(self) -> list[Shown]:
        """What one sees chosen."""
        return [self._on, self._drawn, self.area.shown]

    @property
    def wanted(self) -> bool | Box | bytes:
        """What to give to ``edit(preserve=…)``; it can be set to whatever that takes.

        Raises:
            ImageRejected: It is set to a picture that cannot be read.
            ParameterRejected: It is set to what is no mask of what the next edit
                starts from, or that has no pixels here.
        """
        return self.meant(NOW)

    @wanted.setter
    def wanted(self, given: Any) -> None:
        is_mask = not isinstance(given, bool | None)
        if is_mask:
            start = self._start()
            if isinstance(start.picture, str):
                raise ParameterRejected(NOT_HERE, "Open the picture itself.")
            self.area.show(start.picture, start.words)
            self.area.chosen = given
        self.drawing.value = is_mask
        self.toggle.value = is_mask or bool(given)

    def meant(self, seen: Seen) -> bool | Box | bytes:
        """Return the same of what one sees.

        Raises:
            Outdated: The area is one of another picture.
        """
        on, barred = seen.of(self._on)
        (drawn,) = seen.of(self._drawn)
        if not on or barred:
            return False
        return (drawn and self.area.meant(seen)) or True

    def bar(self, reason: str) -> None:
        """Disable it, and say why; "" enables it again, as it was."""
        self._barred = reason
        self._draw()

    def refresh(self) -> None:
        """Draw on what the next edit starts from, if one draws at all."""
        if self.drawing.value:
            self._aside.do(self._show)

    def check(self, seen: Seen) -> None:
        """Refuse a press if what one sees kept is not of the picture one sees chosen.

        Raises:
            Outdated: It is of another one, or of another shape; or nothing can be
                kept of that.
        """
        answered = all(map(seen.is_now, (self._on, self._drawn, *self._of)))
        if self.meant(seen) and (self._barred or not answered or not self.settled(0)):
            raise Outdated

    def settled(self, limit_s: float) -> bool:
        """Wait until the picture to draw on is there; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _show(self) -> None:
        start = self._start()
        if isinstance(start.picture, str):
            return
        self.area.show(start.picture, start.words)
        now, mask = self.area.chosen, start.mask
        if not mask:
            return
        if now and _png(now, start.picture) == mask:
            self._recalled = now
        # What was drawn since, and is not used yet, is not to be lost.
        elif now == self.area.chosen and now in (None, self._recalled):
            with suppress(KontextError):  # the result has another shape than that
                self.area.chosen = mask
            self._recalled = self.area.chosen

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


def _png(area: Box | bytes, picture: pixels.Picture) -> bytes:
    """Return an area as a step keeps it."""
    return pixels.encode_png(mask_of(area, picture.image.size))
