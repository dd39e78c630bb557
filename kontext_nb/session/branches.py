"""A picture and the finished edits made of it, to look at."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from kontext_nb import pixels
from kontext_nb.chain import Step, shown_parents
from kontext_nb.grids import as_html
from kontext_nb.lifecycle import State
from kontext_nb.session import cell as cells
from kontext_nb.session.desk import Desk
from kontext_nb.session.drifting import DriftCurve, drifts
from kontext_nb.session.result import Result
from kontext_nb.session.script import code_of
from kontext_nb.session.shown import MANY, SMALL_PX, bundle, edits_text, strip_of
from kontext_nb.session.sweeps import Grid

SHOWN_PX, PAGE_PX = 512, 1024  # longest sides of previews, in a notebook and a page

R = TypeVar("R", bound=Result)


class Branches(ABC, Generic[R]):
    """One picture and its edits as a tree, read from the store whenever it is asked.

    Args:
        desk: Where its steps are kept.
        chain_id: Its id in the store.
        source: The picture it starts from; left out, what the store has as that.
        place: Where it belongs, if it is not one of its own.
    """

    def __init__(
        self,
        desk: Desk,
        chain_id: str,
        source: pixels.Picture | str | None = None,
        place: str | None = None,
    ) -> None:
        self._desk = desk
        self.id = chain_id
        self._source = source
        self._place = place

    @abstractmethod
    def _shown_as(self, step: Step) -> R:
        """Return a step, whose job is DONE, as what the user holds."""

    @property
    def desk(self) -> Desk:
        """Where its steps are kept."""
        return self._desk

    @property
    def source(self) -> pixels.Picture | str:
        """The picture it starts from, or the address it was sent by.

        It is "" for one made from words alone, and for one whose edits were adopted.

        Raises:
            StoreError: It is missing or damaged.
        """
        if self._source is None:
            first = next(iter(self._desk.ledger.chain(self.id)), None)
            self._source = self._shown_as(first).before if first else ""
        return self._source

    @property
    def edits(self) -> tuple[R, ...]:
        """The finished edits that are not deleted, oldest first."""
        return tuple(edit for edit in self._all() if not edit.step.marks.deleted)

    @property
    def deleted(self) -> tuple[R, ...]:
        """The deleted ones, oldest first; `restore` brings one back."""
        return tuple(edit for edit in self._all() if edit.step.marks.deleted)

    def _all(self) -> tuple[R, ...]:
        steps = self._desk.ledger.chain(self.id)
        done = (step for step in steps if step.job.state is State.DONE)
        return tuple(map(self._shown_as, done))

    def __iter__(self) -> Iterator[R]:
        """Go through the finished edits, oldest first."""
        return iter(self.edits)

    def __len__(self) -> int:
        """Return how many edits are finished."""
        return len(self.edits)

    def __getitem__(self, index: int) -> R:
        """Return a finished edit by its place."""
        return self.edits[index]

    def find(self, step_id: str) -> R | None:
        """Return the finished edit of that step, deleted or not, if it has one."""
        return next((edit for edit in self._all() if edit.step.id == step_id), None)

    def tree(self) -> tuple[tuple[R, str | None], ...]:
        """Return each edit with the id of the step it is shown after, oldest first.

        That is the nearest step before it that is not deleted; None for the source.
        """
        edits = self._all()
        parents = shown_parents(edit.step for edit in edits)
        return tuple(
            (edit, parents[edit.step.id])
            for edit in edits
            if not edit.step.marks.deleted
        )

    def drifts(self, *, to: R | None = None) -> DriftCurve:
        """Measure how far the chain drifts from its source, step by step.

        What was measured before is not measured again. To go on from a good step, use
        its `edit`, which makes a branch.

        Args:
            to: The edit at whose end to look back; left out, the newest one.

        Raises:
            ParameterRejected: The chain's source is not here to be compared.
            StoreError: A picture is missing or damaged.
        """
        edits = self.edits
        last = to or (edits[-1] if edits else None)
        return drifts(self._desk, last.line() if last else ())

    def grid(self) -> Grid:
        """Return the source and every edit as a comparison grid, in full size."""
        return Grid(strip_of(self, self.tree()))

    def code(self) -> str:
        """Return the Python that repeats this chain; see `session.script`."""
        return code_of(self._desk, self._all())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Save the chain as one offline page, its pictures at most 1024 pixels large.

        Args:
            path: Ends in .html; a file there is replaced.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: The disk did not take it.
        """
        tree = self.tree()
        shown = strip_of(self, tree, longest_px=PAGE_PX, priced=True)
        _, name, is_named = cells.parts(self._place or "")
        edits = edits_text(len(tree))
        title = f"{name}: {edits}" if is_named else f"{edits} of one picture"
        return as_html.save(replace(shown, title=title), path)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the strip as static HTML, JPEG and text."""
        tree = self.tree()
        small = len(tree) > MANY
        longest_px, cell_px = (SMALL_PX, SMALL_PX // 2) if small else (SHOWN_PX, 240)
        shown = strip_of(self, tree, longest_px=longest_px)
        return bundle(shown, repr(self), cell_px=cell_px)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        return f"Chain of {len(self)} edits: " + " → ".join(e.prompt for e in self)
