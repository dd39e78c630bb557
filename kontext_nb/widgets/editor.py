"""The Editor: one picture, one instruction after the other, and the chain they make.

Here its parts are put together and laid out; each does its own job. Callbacks return
at once, and may come on any thread, two at a time: what runs is guarded in `Running`,
what is shown in `Showing`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from kontext_nb.errors import ParameterRejected
from kontext_nb.session import settings
from kontext_nb.session.branches import SHOWN_PX
from kontext_nb.session.edits import Chain
from kontext_nb.session.shown import bundle, strip_of
from kontext_nb.widgets import choice
from kontext_nb.widgets.changes_view import ChangesView
from kontext_nb.widgets.controls import Controls
from kontext_nb.widgets.drift_view import DriftView
from kontext_nb.widgets.exporting import ExportMenu
from kontext_nb.widgets.marking import Marking
from kontext_nb.widgets.pictures import Pictures
from kontext_nb.widgets.preserving import NOT_HERE, OTHER_SHAPE, Preserving
from kontext_nb.widgets.pressing import Pressing
from kontext_nb.widgets.showing import Showing
from kontext_nb.widgets.sides import SidesChoice
from kontext_nb.widgets.supply import Supply
from kontext_nb.widgets.view import Still
from kontext_nb.widgets.wording import Wording
from kontext_nb.widgets.work import Work
from kontext_nb.widgets.workplace import Place, Workplace

STILL_STEPS = 11  # in a notebook that is only read; with the source they fill two rows


class Editor(Still, ipywidgets.VBox):
    """Edit a picture step by step.

    Args:
        source: A path, bytes, a Pillow image or an array; None to begin with opening a
            picture by hand.
        chain: A name for the chain, to find it again from any cell of this notebook;
            None for the cell's own.

    Raises:
        ImageRejected: It is no usable picture.
        ParameterRejected: The name cannot be used.
    """

    def __init__(self, source: Any = None, *, chain: str | None = None) -> None:
        workplace = Workplace(source, chain)
        self._lock = threading.RLock()
        self._place: Place | None = None
        self.prompt = choice.prompt_box()
        self.controls = Controls(settings.current().model, changed=self._model_chosen)
        self.status = choice.status_line()
        self.view = choice.compare_view()
        self.strip = choice.strip_view()
        self.changes = ChangesView()
        self.sides = SidesChoice()
        self.drift = DriftView(self._go)
        self.showing = Showing(
            self.strip, self.view, self.changes, sides=self.sides, drift=self.drift
        )
        self.preserving = Preserving(
            self.showing.start, of=(self.controls.shape, self.showing.shown)
        )
        self.marking = Marking(self.strip, self.showing, self.status)
        self.supply = Supply(self.controls)
        self.wording = Wording(self.prompt, self.controls)
        self.work = Work(
            self.prompt,
            Pressing(
                self.prompt,
                self.controls,
                preserving=self.preserving,
                supply=self.supply,
                showing=self.showing,
            ),
            status=self.status,
            showing=self.showing,
            made=self._made,
        )
        self.pictures = Pictures(workplace, opened=self._open)
        self.strip.observe(lambda _: self._moved(), "selected")
        self.controls.ratio.observe(lambda _: self._moved(), "value")
        chosen = (*self.controls.shown, *self.preserving.shown, self.showing.shown)
        self.prompt.bring(chosen)
        super().__init__()
        self.add_class("kx-editor")
        self.supply.refresh()
        if workplace.first:
            self._open(workplace.first)
        else:
            self.children = [self.pictures]

    @property
    def chain(self) -> Chain | None:
        """The chain of the picture that is open; None before there is one."""
        return self._place.chain if self._place else None

    def run(self) -> None:
        """Start the edit that the instruction describes, from the selected step.

        Raises:
            ParameterRejected: No picture is open.
        """
        if self.chain is None:
            raise ParameterRejected("There is no picture yet.", "Open one first.")
        self.work.run()

    def cancel(self) -> None:
        """Ask the running edit to stop; what became of it is said when it is known."""
        self.work.cancel()

    def settled(self, limit_s: float = 30.0) -> bool:
        """Wait until nothing runs and all is shown; False if that takes longer."""
        parts = (
            *(self.pictures, self.work, self.marking, self.showing, self.supply),
            *(self.preserving, self.view),
        )
        return all(part.settled(limit_s) for part in parts)

    def _open(self, place: Place) -> None:
        """Show another picture and its chain.

        Raises:
            StoreError: It cannot be read; what was shown stays.
        """
        with self._lock:
            newest = [edit.step.keeping for edit in place.chain.edits[-1:]]
            self.showing.open(place.chain, place.name)
            self._place = place
            self.static = partial(self._still, place.chain)
            self.wording.open(place)
            self.preserving.toggle.value = any(keeping.preserve for keeping in newest)
            self.preserving.drawing.value = any(keeping.mask for keeping in newest)
            self._moved()
            self.work.open(place.chain)
            gone = [part for part in self.children if isinstance(part, ExportMenu)]
            self.children = [
                self.prompt,
                self.controls,
                self.preserving,
                self.status,
                self.view,
                self.sides,
                self.changes,
                self.strip,
                self.drift,
                ExportMenu(place.chain, edit=lambda: self.showing.selected),
                self.pictures,
            ]
            for menu in gone:
                menu.close()

    def _made(self) -> None:
        """Take account of what was just made or tried."""
        if self._place:
            self.wording.recall(self._place)
        self.supply.refresh_soon()
        self.renew_still()

    def _moved(self) -> None:
        """Take account of what the next edit starts from, and of its shape."""
        other_shape = OTHER_SHAPE if self.controls.ratio.value else ""
        self.preserving.bar(other_shape if self.showing.is_here else NOT_HERE)
        self.preserving.refresh()

    def _go(self, place: str) -> None:
        self.showing.go(place)

    def _model_chosen(self, _model: str) -> None:
        self.supply.refresh_soon()
        self.wording.hint()

    def _still(self, chain: Chain) -> dict[str, Any]:
        """Return what the notebook shows where no widget runs: the chain so far."""
        tree = chain.tree()
        newest = tree[-STILL_STEPS:]
        shown = strip_of(chain, newest, longest_px=SHOWN_PX)
        if len(newest) < len(tree):
            told = f"the newest {STILL_STEPS} of {len(tree)} edits"
            shown = replace(shown, footer=f"{shown.footer} · {told}")
        return bundle(shown, repr(self), cell_px=240)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        if self.chain is None:
            return "Editor without a picture"
        return f"Editor with a chain of {len(self.chain)} edits"
