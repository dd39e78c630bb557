"""Which picture is worked on: a list of those that are open, and where more come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets

from kontext_nb.errors import KontextError
from kontext_nb.session.starters import NAMES
from kontext_nb.widgets import choice
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.uploads import Upload
from kontext_nb.widgets.workplace import Place, Workplace

_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 16px"}


class Pictures(ipywidgets.HBox):
    """The pictures of an Editor.

    Args:
        workplace: Where they are open.
        opened: Is given the one to show; not always on the same thread.
    """

    def __init__(
        self, workplace: Workplace, *, opened: Callable[[Place], object]
    ) -> None:
        self._workplace, self._opened = workplace, opened
        self._filling = False
        self._aside = Aside()
        self.intake = choice.intake()
        self.intake.samples = list(NAMES)
        self.intake.layout.flex = "1 1 320px"
        self.intake.on_file(self._soon)
        self.intake.on_sample(self._soon)
        self.choice = ipywidgets.Dropdown(
            description="Picture",
            style={"description_width": "initial"},
            layout={"width": "260px", "max_width": "100%"},
        )
        self.choice.observe(self._choose, "value")
        super().__init__([self.choice, self.intake], layout=_WRAPS)
        self._shown = workplace.first
        self._list(self._shown)

    def settled(self, limit_s: float) -> bool:
        """Wait until all that came is open; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _soon(self, came: Upload | str) -> None:
        self._aside.do(partial(self._take, came))

    def _take(self, came: Upload | str) -> None:
        """Open what came in, and say what became of the picture before."""
        name = came if isinstance(came, str) else came.name
        self.intake.say(f"Opening {name}…")
        before = self._shown
        try:
            if isinstance(came, str):
                place = self._workplace.add_sample(came)
            else:
                place = self._workplace.add(came.name, came.data)
        except KontextError as error:
            self.intake.say(error=f"{name}: {error}")
            return
        kept = (
            f" The chain of {before.name} is kept: it is in the list of pictures."
            if before and before is not place
            else ""
        )
        self._show(place, f"{name} is open.{kept}")

    def _show(self, place: Place, said: str = "") -> None:
        """Open a picture; what is listed as chosen is what is shown."""
        try:
            self._opened(place)
        except KontextError as error:
            self.intake.say(error=f"{place.name}: {error}")
        else:
            self._shown = place
            self.intake.say(said)
        self._list(self._shown)

    def _list(self, chosen: Place | None) -> None:
        """Show which pictures are open; a single one needs no list."""
        places = self._workplace.places
        self._filling = True
        try:
            self.choice.options = [
                (f"{n}. {place.name}" if len(places) > 1 else place.name, place)
                for n, place in enumerate(places, 1)
            ]
            self.choice.value = chosen
        finally:
            self._filling = False
        self.choice.layout.display = "" if len(places) > 1 else "none"
        self.intake.compact = bool(places)

    def _choose(self, change: Any) -> None:
        if not self._filling and change.new is not None:
            self.intake.say("")
            self._aside.do(partial(self._show, change.new))

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"Pictures({len(self._workplace.places)})"
