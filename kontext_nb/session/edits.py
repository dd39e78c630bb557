"""What the user holds: an edit, the chain it stands in, and how both are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from kontext_nb import __version__, pixels, target
from kontext_nb.chain import Step, lineage
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.grids import plan
from kontext_nb.lifecycle import State
from kontext_nb.model import Progress
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import engine
from kontext_nb.session.making import begun, made
from kontext_nb.session.orders import Order, is_address, source_of
from kontext_nb.session.shown import bundle, pair_of, strip_of
from kontext_nb.session.sweeps import Grid

if TYPE_CHECKING:
    from PIL.Image import Image


_OPEN = (State.SENDING, State.SUBMITTED, State.RUNNING, State.UNKNOWN)

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


class Edit:
    """One finished edit: the picture before, the picture after, and how it was made.

    Shown as the last line of a cell it is the pair, side by side.
    """

    def __init__(self, desk: Desk, step: Step, *, reused: bool) -> None:
        self._desk = desk
        self.step = step
        self.reused = reused

    @property
    def prompt(self) -> str:
        """The instruction."""
        return self.step.job.request.prompt

    @property
    def seed(self) -> int | None:
        """The seed it was made with, also when none was given; None if it has none."""
        return self.step.job.request.seed

    @property
    def model(self) -> str:
        """What made the picture, as it should be named to others."""
        return self.step.job.engine or self.step.job.request.model

    @property
    def job(self) -> str:
        """Id of the job in the store; `resume` takes it."""
        return self.step.job.id

    @property
    def cost_usd(self) -> float | None:
        """What it cost in US dollars, or should by its price; None if unknown."""
        told, expected = self.step.job.cost_usd, self.step.job.estimate_usd
        return expected if told is None else told

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """All the pictures the model made, where it makes more than one."""
        kept = map(self._desk.blobs.get, self.step.job.results)
        return tuple(pixels.load(data).image for data in kept)

    @property
    def notices(self) -> tuple[str, ...]:
        """What should be known: made smaller to be sent, taken from the store."""
        if self.reused:
            return ("Taken from the store: nothing was sent or charged.",)
        return self.step.job.notices

    @cached_property
    def before(self) -> pixels.Picture | str:
        """The source as a checked picture, or the address it was sent by, or ""."""
        blob = self.step.job.source
        if not blob or is_address(blob):
            return blob
        return pixels.load(self._desk.blobs.get(blob))

    @cached_property
    def after(self) -> pixels.Picture:
        """The result as a checked picture."""
        return pixels.load(self._desk.blobs.get(self.step.job.result))

    @property
    def source(self) -> Image | None:
        """The picture before; None if it was sent as an address."""
        return None if isinstance(self.before, str) else self.before.image.copy()

    @property
    def image(self) -> Image:
        """The picture after, at the size the model made it."""
        return self.after.image.copy()

    @property
    def chain(self) -> Chain:
        """The chain this edit stands in."""
        return Chain(self._desk, self.step.chain, self._root())

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

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the result; the file carries prompt, seed, model and parents.

        Args:
            path: Ends in .png, .jpg, .jpeg or .webp; a file there is replaced.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: The disk did not take it; the result stays in the store.
        """
        line = self._line()
        facts = {
            "software": f"kontext_nb {__version__}",
            "model": self.model,
            "prompt": self.prompt,
            "seed": self.seed,
            "aspect_ratio": self.step.job.request.aspect_ratio,
            "source_sha256_of_pixels": next(iter(self.step.job.request.pictures), None),
            "parents": [
                {
                    "prompt": step.job.request.prompt,
                    "seed": step.job.request.seed,
                    "model": step.job.engine,
                }
                for step in line[:-1]
            ],
        }
        return target.write(self.after.image, path, facts)

    def _root(self) -> pixels.Picture | str:
        line = self._line()
        if line[0].id == self.step.id:
            return self.before
        return Edit(self._desk, line[0], reused=True).before

    def _line(self) -> tuple[Step, ...]:
        try:
            return lineage(self._desk.ledger.chain(self.step.chain), self.step.id)
        except KeyError:
            raise StoreError(
                f"This edit is no longer in the store {self._desk.home}.",
                "Restore the folder, or make the edit again.",
            ) from None

    def sheet(self) -> plan.Sheet:
        """Return source and result as a sheet of two cells."""
        return pair_of(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the pair as static HTML, JPEG and text."""
        return bundle(self.sheet(), repr(self))

    def __repr__(self) -> str:
        """Say in one line what this is."""
        seed = "" if self.seed is None else f"seed={self.seed}, "
        return f"Edit({self.prompt!r}, {seed}by {self.model})"


class Chain:
    """One picture and all its edits, as a tree; shown as a strip.

    ``chain[0]`` is the first edit; each can be edited again, which makes a branch.

    Args:
        desk: Where its steps are kept.
        chain_id: Its id in the store.
        source: The picture it starts from.
    """

    def __init__(self, desk: Desk, chain_id: str, source: pixels.Picture | str) -> None:
        self.desk = desk
        self.id = chain_id
        self.source = source

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The finished edits, oldest first."""
        return tuple(
            Edit(self.desk, step, reused=True)
            for step in self.desk.ledger.chain(self.id)
            if step.job.state is State.DONE
        )

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
        """Return the finished edit of that step, if it is one of this chain's."""
        return next((edit for edit in self if edit.step.id == step_id), None)

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
            return self._begun(desk, desk.place(order), lambda _: None, lambda _: None)
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
        return self._begun(desk, desk.place(order), report, ended)

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """The steps that were sent and not yet collected, or whose fate is unknown."""
        steps = self.desk.ledger.chain(self.id)
        return tuple(
            step
            for step in steps
            if step.job.state in _OPEN and not self.desk.forgotten(step.job)
        )

    def go_on(self, step: Step, *, report: Report, ended: Ended) -> Task[Edit]:
        """Go on waiting for a step, for someone who cannot wait for it.

        Args:
            step: One of this chain's.
            report: See `begin`.
            ended: See `begin`.
        """
        return self._begun(self.desk, (step, False), report, ended)

    @staticmethod
    def _begun(
        desk: Desk, placed: tuple[Step, bool], report: Report, ended: Ended
    ) -> Task[Edit]:
        def edit(step: Step, reused: bool) -> Edit:  # noqa: FBT001 - as `begun` calls it
            return Edit(desk, step, reused=reused)

        return begun(desk, placed, report, ended, edit)

    def _order(self, prompt: str, parent: Edit | None, how: How) -> tuple[Desk, Order]:
        if parent and parent.step.chain != self.id:
            raise ParameterRejected(
                "The parent is an edit of another chain.",
                "Give one of this chain's edits, or use its own edit().",
            )
        # What is configured now decides, but a chain stays in the store it began in.
        now = replace(settings.current(), home=self.desk.home)
        order = Order(
            source=parent.after if parent else self.source,
            prompt=prompt,
            chain=self.id,
            parent=parent.step.id if parent else None,
            cell=cells.here(),
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
        """Return the source and every edit as a comparison grid."""
        return Grid(strip_of(self.source, self))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the strip as static HTML, JPEG and text."""
        return bundle(self.grid().sheet, repr(self), cell_px=240)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        return f"Chain of {len(self)} edits: " + " → ".join(e.prompt for e in self)
