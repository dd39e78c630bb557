"""A chain on the screen: its steps in the strip, two of its pictures side by side."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.errors import KontextError
from kontext_nb.grids.changes import Made
from kontext_nb.lifecycle import State
from kontext_nb.session.drifting import DriftCurve
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.session.progress import hushed
from kontext_nb.session.shown_changes import made_of
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.changes_view import ChangesView
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.drift_view import DriftView
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.preserving import Start
from kontext_nb.widgets.seen import Outdated, Seen, Shown
from kontext_nb.widgets.shots import Shot, of_edit
from kontext_nb.widgets.sides import SidesChoice
from kontext_nb.widgets.strip import Strip
from kontext_nb.widgets.view import ShownStep

SOURCE = "source"  # id of the strip's first place
THUMB_PX = 160
AT_ONCE = 12  # thumbs that are given to the strip together


class Showing:
    """Fills a strip and a comparison from a chain.

    Pictures are decoded on a thread of its own, so that a click returns at once; of
    many clicks only the last is drawn.

    Args:
        strip: Shows the steps.
        view: Shows two pictures.
        changes: Says what two steps have apart, when two were chosen.
        sides: Chooses which two pictures of a preserved step are shown.
        drift: Shows how far the steps down to the selected one drifted.
    """

    def __init__(
        self,
        strip: Strip | PlainStrip,
        view: Compare | PlainCompare,
        changes: ChangesView,
        *,
        sides: SidesChoice,
        drift: DriftView,
    ) -> None:
        self._strip, self._view, self._changes = strip, view, changes
        self._sides, self._drift = sides, drift
        self._lock = threading.RLock()
        self._chain: Chain | None = None
        self._name = "Source"
        self._edits: dict[str, Edit] = {}
        self._right: tuple[str, Shot] | None = None
        self._previous: Shot | None = None
        self._aside, self._thumbs, self._measuring = (
            Aside(latest_only=True) for _ in range(3)
        )
        strip.observe(lambda _: self._aside.do(self._draw), ["selected", "compared"])
        strip.observe(lambda _: self._measuring.do(self._follow), "selected")
        sides.observe(lambda _: self._aside.do(self._draw), "value")

    def open(self, chain: Chain, name: str) -> None:
        """Show another chain, at its newest step.

        Args:
            chain: The chain.
            name: What its source is called.

        Raises:
            StoreError: It cannot be read; what was shown stays.
        """
        with self._lock:
            tree, left = chain.tree(), chain.open_steps  # before anything is changed
            self._chain, self._name = chain, name
            self._right = self._previous = None
            self._strip.compared = self._strip.removed = ""
            self._strip.thumbs = {}
            self._fill(chain, tree, left, tree[-1][0].step.id if tree else SOURCE)

    def refresh(self, *, select: str | None = None) -> None:
        """Read the chain again.

        Args:
            select: The step to go to; None to stay where one is.

        Raises:
            StoreError: It cannot be read; what was shown stays.
        """
        with self._lock:
            chain = self._chain
            if chain is not None:
                self._fill(chain, chain.tree(), chain.open_steps, select)

    def _fill(
        self,
        chain: Chain,
        tree: Sequence[tuple[Edit, str | None]],
        left_open: Sequence[Step],
        select: str | None,
    ) -> None:
        """Show what was read of a chain; who calls it holds the lock."""
        self._edits = {edit.step.id: edit for edit, _ in tree}
        self._thumbs.do(partial(self._add_thumbs, chain))
        self._strip.steps = [
            dict(ShownStep(id=SOURCE, title=self._name)),
            *(_step(edit, parent or SOURCE) for edit, parent in tree),
            *map(_open_step, left_open),
        ]
        places = (SOURCE, *self._edits)
        wanted = select or self._strip.selected
        wanted = wanted if wanted in places else places[-1]
        # What is new is seen beside what it was made of.
        moved = wanted != self._strip.selected
        if moved or self._strip.compared not in places:
            self._strip.compared = ""
        self._strip.selected = wanted
        self._aside.do(self._draw)
        self._measuring.do(self._follow)

    def go(self, place: str) -> None:
        """Select a place, if the chain that is shown has it."""
        if place == SOURCE or place in self._edits:
            self._strip.selected = place

    def edit(self, place: str) -> Edit | None:
        """Return the edit of a place in the strip; None for the source."""
        return self._edits.get(place)

    def parent(self, edit: Edit) -> str:
        """Return the place that an edit is shown after."""
        known = {step["id"]: step.get("parent", SOURCE) for step in self._strip.steps}
        return str(known.get(edit.step.id, SOURCE))

    def number(self, edit: Edit) -> int:
        """Return the number that people see on a step."""
        return list(self._edits).index(edit.step.id) + 1

    @property
    def selected(self) -> Edit | None:
        """The edit that the next one starts from; None for the source."""
        return self._edits.get(self._strip.selected)

    @property
    def place(self) -> str:
        """Where the next edit starts from, as the strip's id of it."""
        return self._strip.selected

    @property
    def shown(self) -> Shown:
        """Where one sees the place."""
        return Shown(self._strip, ("selected",))

    def start_of(self, seen: Seen) -> tuple[Chain, str, Edit | None]:
        """Return the chain that is shown, the place one sees chosen, and its edit.

        Raises:
            Outdated: No edit can start there.
        """
        chain = self._chain
        (place,) = seen.of(self.shown)
        edit = self._edits.get(place)
        if chain is None or (edit is None and place != SOURCE):
            raise Outdated
        return chain, place, edit

    def start(self) -> Start:
        """Return what the next edit starts from."""
        edit = self.selected
        if edit:
            mask, kept = edit.step.keeping.mask, b""
            with suppress(KontextError):  # then one can draw another one
                kept = edit.desk.blobs.get(mask) if mask else b""
            return Start(edit.after, edit.alt, kept)
        assert self._chain is not None  # noqa: S101 - for the type checker
        return Start(self._chain.source, self._name)

    @property
    def is_here(self) -> bool:
        """Whether the pixels are here that the next edit starts from."""
        chain = self._chain
        # Without a finished edit a chain is empty, and so false.
        known = chain is not None and not isinstance(chain.source, str)
        return known or self.selected is not None

    @property
    def last_seed(self) -> int | None:
        """The seed of the newest edit; None if there is none."""
        newest = next(reversed(self._edits.values()), None)
        return newest.seed if newest else None

    def settled(self, limit_s: float) -> bool:
        """Wait until the comparison shows what is selected."""
        parts = (self._aside, self._thumbs, self._measuring)
        return all(part.settled(limit_s) for part in parts)

    def _add_thumbs(self, chain: Chain) -> None:
        """Give the strip the thumbs it lacks, a few at a time: each may take long."""
        lacking = [p for p in (SOURCE, *self._edits) if p not in self._strip.thumbs]
        for start in range(0, len(lacking), AT_ONCE):
            made = {}
            for place in lacking[start : start + AT_ONCE]:
                edit = self._edits.get(place)
                with suppress(KontextError):  # it is missing; the strip says so
                    made[place] = (
                        edit.preview(THUMB_PX) if edit else _thumb(chain.source)
                    )
            with self._lock:
                if chain is not self._chain:
                    return
                self._strip.thumbs = self._strip.thumbs | made

    def _draw(self) -> None:
        """Show the two chosen steps, or the selected one beside its parent."""
        with self._lock:
            chain, selected = self._chain, self._strip.selected
            pair, edit = self._strip.pair, self._edits.get(selected)
        if chain is None:
            return
        both = pair if self._strip.compared else None
        self._changes.show(*map(self._made, both or ("", "")))
        alone = edit if edit and not self._strip.compared else None
        self._sides.offer(both=bool(alone and alone.is_preserved))
        if edit is None and not self._strip.compared:
            shots = [self._shot(SOURCE), Shot("Result")]
            self._view.show(shots, previous=self._previous_for("", None))
            return
        if alone:
            shots = list(of_edit(alone, self._sides.chosen))
        else:
            shots = [self._shot(place) for place in pair or (SOURCE, selected)]
        previous = self._previous_for(selected, shots[1])
        self._view.show(shots, previous=previous, footer=self._footer(edit))
        if alone and not self._view.maps:
            self._view.measure()  # it is an old one, or has an area

    def _follow(self) -> None:
        """Show how far the steps down to the selected one drifted."""
        with self._lock:
            chain, edit, edits = self._chain, self.selected, dict(self._edits)
        curve = DriftCurve(())
        places: list[str] = []
        if chain is not None and edit:
            # It is an address, or missing. A line would go to whichever cell runs.
            with suppress(KontextError), hushed():
                curve = chain.drifts(to=edit)
                places = [step.id for step in edit.line()]
        order = list(edits)
        numbers = [
            str(order.index(place) + 1) if place in edits else "(deleted)"
            for place in places
        ]
        there = [place if place in edits else "" for place in places]
        self._drift.show(curve, numbers, [SOURCE, *there])

    def _previous_for(self, place: str, shot: Shot | None) -> Shot | None:
        """Return the result that was shown before, for one key to bring back."""
        if self._right and self._right[0] != place:
            self._previous = self._right[1]
        if shot:
            self._right = place, shot
        return self._previous

    def _made(self, place: str) -> Made | None:
        """Return how a step was made, to be set against another; None for no step."""
        if not place:
            return None
        edit = self._edits.get(place)
        assert self._chain is not None  # noqa: S101 - for the type checker
        label = f"Step {self.number(edit)}" if edit else "Source"
        return made_of(edit, label, source=self._chain.source)

    def _shot(self, place: str) -> Shot:
        edit = self._edits.get(place)
        if edit:
            return of_edit(edit)[1]
        assert self._chain is not None  # noqa: S101 - for the type checker
        return Shot.of(self._chain.source, self._name)

    @staticmethod
    def _footer(edit: Edit | None) -> str:
        seed = edit.step.job.request.seed_text if edit else ""
        kept = f"not preserved: {edit.kept}" if edit and edit.kept else ""
        return " · ".join(filter(None, (edit.model if edit else "", seed, kept)))


def _step(edit: Edit, parent: str) -> Any:
    return ShownStep(
        id=edit.step.id,
        title=edit.prompt,
        parent=parent,
        name=edit.name,
        note=edit.note,
        starred=edit.starred,
        detail=edit.step.job.request.seed_text,
        alt=f"The result of: {edit.prompt}",
    )


def _open_step(step: Step) -> Any:
    """Return a step whose result is still out, or whose fate is unknown."""
    return ShownStep(
        id=step.id,
        title=step.job.request.prompt,
        detail=step.job.request.seed_text,
        parent=step.parent or SOURCE,
        state="unknown" if step.job.state is State.UNKNOWN else "running",
    )


def _thumb(picture: pixels.Picture | str) -> bytes:
    if isinstance(picture, str):
        return b""  # an address: only the service has its pixels
    return pixels.preview(picture.image, longest_px=THUMB_PX, quality=80)
