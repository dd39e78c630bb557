"""What the user holds: an edit that can be edited again, and the chain it is in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from kontext_nb import pixels
from kontext_nb.chain import Step, shown_parents
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import as_html
from kontext_nb.lifecycle import OPEN, State
from kontext_nb.model import Progress
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import engine
from kontext_nb.session.making import begun, made
from kontext_nb.session.orders import Order, is_address, source_of
from kontext_nb.session.result import Result
from kontext_nb.session.script import code_of
from kontext_nb.session.shown import MANY, SMALL_PX, bundle, edits_text, strip_of
from kontext_nb.session.sweeps import Grid
from kontext_nb.store.patience import within

SHOWN_PX, PAGE_PX = 512, 1024  # longest sides of previews, in a notebook and a page

Report = Callable[[Progress], None]
Ended = Callable[["Edit | Exception"], None]


class How(TypedDict, total=False):
    """The options of an edit; `edit` says what they mean."""

    seed: int | None
    aspect_ratio: str | None
    model: str | None
    references: Sequence[Any]
    inputs: Mapping[str, Any]
    refresh: bool


class Edit(Result):
    """One finished edit: the picture before, the picture after, and how it was made.

    Shown as the last line of a cell it is the pair, side by side.
    """

    @property
    def chain(self) -> Chain:
        """The chain this edit stands in."""
        return Chain(self._desk, self.step.chain, self.root, self.step.place)

    @overload
    def edit(
        self, prompt: str, *, wait: Literal[True] = ..., **how: Unpack[How]
    ) -> Edit: ...
    @overload
    def edit(
        self, prompt: str, *, wait: Literal[False], **how: Unpack[How]
    ) -> Task[Edit]: ...
    def edit(
        self, prompt: str, *, wait: bool = True, **how: Unpack[How]
    ) -> Edit | Task[Edit]:
        """Edit this result again: the next link of the chain.

        Args:
            prompt: The next instruction.
            wait: False to return at once with something to await.
            **how: Its options, such as ``seed``; see `edit`.
        """
        return self.chain.add(prompt, parent=self, wait=wait, **how)

    def again(self, *, seed: int | None = None) -> Edit:
        """Ask for the same change of the same picture with another seed.

        Args:
            seed: None to have a new one picked.
        """
        asked, kept = self.step.job.request, self.step.job.pictures
        chain = self.chain
        further = (kept[digest] for digest in asked.pictures[1:])
        return chain.add(
            asked.prompt,
            parent=chain.find(self.step.parent) if self.step.parent else None,
            seed=seed,
            aspect_ratio=asked.aspect_ratio,
            model=asked.model,
            references=[
                p if is_address(p) else self._desk.blobs.get(p) for p in further
            ],
            inputs=asked.options,
        )

    def mark(
        self,
        *,
        starred: bool | None = None,
        name: str | None = None,
        note: str | None = None,
    ) -> Edit:
        """Star it, name it or note something about it; what is left out stays.

        Args:
            starred: Whether it is one of the good ones.
            name: Shown instead of the prompt, one line of at most 80 characters; "" for
                none.
            note: For your own eyes, at most 2,000 characters; "" for none.

        Returns:
            The edit with its marks.

        Raises:
            ParameterRejected: A text is too long.
            StoreError: The store did not take it.
        """
        told = {"starred": starred, "name": name, "note": note}
        given = {mark: value for mark, value in told.items() if value is not None}
        step = self._desk.ledger.mark(self.step, **given)
        return Edit(self._desk, step, reused=self.reused)


class Chain:
    """One picture and all its edits, as a tree; shown as a strip.

    ``chain[0]`` is the first edit; each can be edited again, which makes a branch. What
    was deleted is not among them, and can be brought back.

    Args:
        desk: Where its steps are kept.
        chain_id: Its id in the store.
        source: The picture it starts from.
        place: Where it belongs, if it is not one of its own.
        cell: What asks for its edits; left out, the cell that runs then.
    """

    def __init__(
        self,
        desk: Desk,
        chain_id: str,
        source: pixels.Picture | str,
        place: str | None = None,
        cell: cells.Cell | None = None,
    ) -> None:
        self._desk = desk
        self.id = chain_id
        self.source = source
        self._place, self._cell = place, cell

    @property
    def desk(self) -> Desk:
        """Where its steps are kept."""
        return self._desk

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The finished edits that are not deleted, oldest first."""
        return tuple(edit for edit in self._all() if not edit.step.marks.deleted)

    @property
    def deleted(self) -> tuple[Edit, ...]:
        """The deleted ones, oldest first; `restore` brings one back."""
        return tuple(edit for edit in self._all() if edit.step.marks.deleted)

    def _all(self) -> tuple[Edit, ...]:
        steps = self._desk.ledger.chain(self.id)
        done = (step for step in steps if step.job.state is State.DONE)
        return tuple(Edit(self._desk, step, reused=True) for step in done)

    def __iter__(self) -> Iterator[Edit]:
        """Go through the finished edits, oldest first."""
        return iter(self.edits)

    def __len__(self) -> int:
        """Return how many edits are finished."""
        return len(self.edits)

    def __getitem__(self, index: int) -> Edit:
        """Return a finished edit by its place."""
        return self.edits[index]

    def find(self, step_id: str) -> Edit | None:
        """Return the finished edit of that step, deleted or not, if it has one."""
        return next((edit for edit in self._all() if edit.step.id == step_id), None)

    def tree(self) -> tuple[tuple[Edit, str | None], ...]:
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

    def delete(self, edit: Edit) -> Callable[[], None]:
        """Take an edit out of sight; what was made of it stays.

        Its picture stays in the store, and an edit that is asked for again is back, at
        no cost.

        Args:
            edit: One of this chain's.

        Returns:
            What undoes it.

        Raises:
            ParameterRejected: It is an edit of another chain.
            StoreError: The store did not take it.
        """
        self._check_own(edit)
        self._desk.ledger.mark(edit.step, deleted=True)
        return partial(self.restore, edit)

    def restore(self, edit: Edit) -> None:
        """Bring a deleted edit back.

        Args:
            edit: One of `deleted`.

        Raises:
            ParameterRejected: It is an edit of another chain.
            StoreError: The store did not take it.
        """
        self._check_own(edit)
        self._desk.ledger.mark(edit.step, deleted=False)

    def _check_own(self, edit: Edit) -> None:
        if edit.step.chain != self.id:
            raise ParameterRejected(
                "It is an edit of another chain.",
                "Give one of this chain's edits, or use its own chain.",
            )

    @overload
    def add(
        self,
        prompt: str,
        *,
        parent: Edit | None = ...,
        wait: Literal[True] = ...,
        **how: Unpack[How],
    ) -> Edit: ...
    @overload
    def add(
        self, prompt: str, *, parent: Edit | None = ..., wait: bool, **how: Unpack[How]
    ) -> Edit | Task[Edit]: ...
    def add(
        self,
        prompt: str,
        *,
        parent: Edit | None = None,
        wait: bool = True,
        **how: Unpack[How],
    ) -> Edit | Task[Edit]:
        """Edit the chain's source, or the result of ``parent``.

        Args:
            prompt: The instruction.
            parent: One of this chain's edits, or None for its source.
            wait: False to return at once with something to await.
            **how: Its options, such as ``seed``; see `edit`.
        """
        desk, order = self._order(prompt, parent, how)
        if not wait:
            return self._started(desk, order, lambda _: None, lambda _: None)
        step, reused = made(desk, order)
        return Edit(desk, step, reused=reused)

    def begin(
        self,
        prompt: str,
        *,
        report: Report,
        ended: Ended,
        parent: Edit | None = None,
        **how: Unpack[How],
    ) -> Task[Edit]:
        """Start an edit as `add` does, for someone who cannot wait for it.

        Args:
            prompt: The instruction.
            report: Is told how far it is, on the engine's thread: return at once.
            ended: Is given the edit, or the error that ended it; after a cancel that
                is `EditCancelled`, which says what became of the job. Same thread.
            parent: One of this chain's edits, or None for its source.
            **how: Its options, such as ``seed``; see `edit`.
        """
        desk, order = self._order(prompt, parent, how)
        return self._started(desk, order, report, ended)

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """The steps that were sent and not yet collected, or whose fate is unknown."""
        return tuple(
            step
            for step in self._desk.ledger.chain(self.id)
            if step.job.state in OPEN - {State.INTENT}
            and not step.marks.deleted
            and not self._desk.forgotten(step.job)
        )

    def go_on(self, step: Step, *, report: Report, ended: Ended) -> Task[Edit]:
        """Go on waiting for a step, for someone who cannot wait for it.

        Args:
            step: One of this chain's.
            report: See `begin`.
            ended: See `begin`.
        """
        return self._begun(self._desk, (step, False), report, ended)

    def _started(
        self, desk: Desk, order: Order, report: Report, ended: Ended
    ) -> Task[Edit]:
        with within(desk.settings.deadline_s):
            return self._begun(desk, desk.place(order), report, ended)

    @staticmethod
    def _begun(
        desk: Desk, placed: tuple[Step, bool], report: Report, ended: Ended
    ) -> Task[Edit]:
        def edit(step: Step, reused: bool) -> Edit:  # noqa: FBT001 - as `begun` calls it
            return Edit(desk, step, reused=reused)

        return begun(desk, placed, report, ended, edit)

    def _order(self, prompt: str, parent: Edit | None, how: How) -> tuple[Desk, Order]:
        if parent:
            self._check_own(parent)
        # What is configured now decides, but a chain stays in the store it began in.
        now = replace(settings.current(), home=self._desk.home)
        order = Order(
            source=parent.after if parent else self.source,
            prompt=prompt,
            chain=self.id,
            parent=parent.step.id if parent else None,
            cell=self._cell or cells.asking(self._place),
            place=self._place,
            seed=how.get("seed"),
            aspect_ratio=how.get("aspect_ratio"),
            references=tuple(map(source_of, how.get("references", ()))),
            inputs=how.get("inputs", {}),
            refresh=how.get("refresh", False),
        )
        return Desk(replace(now, model=how.get("model") or now.model)), order

    def maker(self) -> str:
        """Return what would make the next edit: a model's name, or "demo engine"."""
        now = settings.current()
        return engine(now).provider.label(now.model)

    def grid(self) -> Grid:
        """Return the source and every edit as a comparison grid, in full size."""
        return Grid(strip_of(self.source, self.tree()))

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
        shown = strip_of(self.source, tree, longest_px=PAGE_PX, priced=True)
        _, name, is_named = cells.parts(self._place or "")
        edits = edits_text(len(tree))
        title = f"{name}: {edits}" if is_named else f"{edits} of one picture"
        return as_html.save(replace(shown, title=title), path)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the strip as static HTML, JPEG and text."""
        tree = self.tree()
        small = len(tree) > MANY
        longest_px, cell_px = (SMALL_PX, SMALL_PX // 2) if small else (SHOWN_PX, 240)
        shown = strip_of(self.source, tree, longest_px=longest_px)
        return bundle(shown, repr(self), cell_px=cell_px)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        return f"Chain of {len(self)} edits: " + " → ".join(e.prompt for e in self)
