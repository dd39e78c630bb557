"""What the user holds: an edit that can be edited again, and the chain it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Unpack, overload

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import ParameterRejected
from kontext_nb.lifecycle import OPEN, State
from kontext_nb.model import Progress
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.branches import Branches
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import engine
from kontext_nb.session.how import How, how_of, ordered
from kontext_nb.session.keys import check_no_token
from kontext_nb.session.making import begun, made
from kontext_nb.session.orders import Order, chain_id, source_of
from kontext_nb.session.ranking import best_of
from kontext_nb.session.replaying import replayed
from kontext_nb.session.result import Result
from kontext_nb.session.together import all_finished
from kontext_nb.store.patience import within

Report = Callable[[Progress], None]
Ended = Callable[["Edit | Exception"], None]


class Edit(Result):
    """One finished edit: the picture before, the picture after, and how it was made.

    Shown as the last line of a cell it is the pair, side by side.
    """

    @property
    def chain(self) -> Chain:
        """The chain this edit stands in.

        Raises:
            StoreError: It is no longer in the store.
        """
        if self._desk.ledger.root(self.step.id) is None:
            raise self._gone()
        return Chain(self._desk, self.step.chain, place=self.step.place)

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
        chain, how = self.chain, how_of(self._desk, self.step)
        how["seed"] = seed
        parent = chain.find(self.step.parent) if self.step.parent else None
        return chain.add(self.prompt, parent=parent, **how)

    @settings.by_deadline
    def best_of(
        self, n: int, *, box: tuple[int, int, int, int] | None = None
    ) -> tuple[Edit, ...]:
        """Ask for the same change with n seeds: this one's, and the numbers after it.

        How good one is, is what changed where it was asked, less what changed elsewhere
        and how far the rest drifted; see `session.ranking`. What the store has costs
        nothing, so asking again does not either.

        Args:
            n: How many there are to be, this one among them; 2 to 16.
            box: (left, top, right, bottom) of where the change was asked for, in pixels
                of the picture before; left out, where most of them changed something.

        Returns:
            The best first. What the service could not make is not among them.

        Raises:
            ParameterRejected: Not so many, no such box, or the model has no seed.
            ServiceError: See `edit`.
        """
        return best_of(self, n, box)

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
            ParameterRejected: A text is too long, or holds the token.
            StoreError: The store did not take it.
        """
        check_no_token(("name or note", [name, note]))
        told = {"starred": starred, "name": name, "note": note}
        given = {mark: value for mark, value in told.items() if value is not None}
        step = self._desk.ledger.mark(self.step, **given)
        return Edit(self._desk, step, reused=self.reused)


class Chain(Branches[Edit]):
    """One picture and all its edits, as a tree; shown as a strip.

    ``chain[0]`` is the first edit; each can be edited again, which makes a branch. What
    was deleted is not among them, and can be brought back.

    Args:
        desk: Where its steps are kept.
        chain_id: Its id in the store.
        source: The picture it starts from; left out, what the store has as that.
        place: Where it belongs, if it is not one of its own.
        cell: What asks for its edits; left out, the cell that runs then.
    """

    def __init__(
        self,
        desk: Desk,
        chain_id: str,
        source: pixels.Picture | str | None = None,
        place: str | None = None,
        cell: cells.Cell | None = None,
    ) -> None:
        super().__init__(desk, chain_id, source, place)
        self._cell = cell

    def _shown_as(self, step: Step) -> Edit:
        return Edit(self._desk, step, reused=True)

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
        now: settings.Settings | None = None,
        **how: Unpack[How],
    ) -> Task[Edit]:
        """Start an edit as `add` does, for someone who cannot wait for it.

        Args:
            prompt: The instruction.
            report: Is told how far it is, on the engine's thread: return at once.
            ended: Is given the edit, or the error that ended it; after a cancel that
                is `EditCancelled`, which says what became of the job. Same thread.
            parent: One of this chain's edits, or None for its source.
            now: The settings that count; those in force if left out.
            **how: Its options, such as ``seed``; see `edit`.
        """
        desk, order = self._order(prompt, parent, how, now)
        return self._started(desk, order, report, ended)

    @settings.by_deadline
    def several(
        self, prompt: str, hows: Iterable[How], *, parent: Edit | None = None
    ) -> list[Edit | Exception]:
        """Make the same change in several ways at once, and wait for all of them.

        Args:
            prompt: The instruction.
            hows: The options of each; see `edit`.
            parent: One of this chain's edits, or None for its source.

        Returns:
            The edits in their order; in the place of one, the error that ended it.

        Raises:
            InputRejected: Something given cannot be used; nothing was sent.
        """
        orders = [self._order(prompt, parent, how) for how in hows]
        if not orders:
            return []
        desk = orders[0][0]
        placed = [desk.place(order) for desk, order in orders]
        answers = all_finished(desk, [step for step, _ in placed])
        return [
            answer
            if isinstance(answer, Exception)
            else Edit(desk, answer, reused=found and step.job.state is State.DONE)
            for answer, (step, found) in zip(answers, placed, strict=True)
        ]

    @settings.by_deadline
    def replay(
        self,
        source: Any,
        *,
        until_delta_e: float | None = None,
        to: Edit | None = None,
    ) -> Chain:
        """Make the same edits, one of another, of another picture.

        Args:
            source: The other picture, as `edit` takes it.
            until_delta_e: Stop after the step at which what did not change is further
                than this from the picture, as a mean distance in CIELAB, of which about
                2 is just seen; left out, all steps are made.
            to: The last edit of the recipe; left out, the newest one.

        Returns:
            The chain of the other picture in this cell.

        Raises:
            InputRejected: The picture or the limit cannot be used; nothing was sent.
            KontextError: A step could not be made; those before it are in the store.
        """
        picture, cell = source_of(source), cells.here()
        place = cell.key if cell else None
        again = Chain(self._desk, chain_id(picture, cell), picture, place, cell)
        replayed(self, again, to or next(reversed(self.edits), None), until_delta_e)
        return again

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

    def _order(
        self,
        prompt: str,
        parent: Edit | None,
        how: How,
        now: settings.Settings | None = None,
    ) -> tuple[Desk, Order]:
        if parent:
            self._check_own(parent)
        # What is configured decides, but a chain stays in the store it began in.
        now = replace(now or settings.current(), home=self._desk.home)
        return ordered(
            now,
            prompt,
            how,
            source=parent.after if parent else self.source,
            chain=self.id,
            parent=parent.step.id if parent else None,
            cell=self._cell or cells.asking(self._place),
            place=self._place,
        )

    def maker(self) -> str:
        """Return what would make the next edit: a model's name, or "demo engine"."""
        now = settings.current()
        return engine(now).provider.label(now.model)
