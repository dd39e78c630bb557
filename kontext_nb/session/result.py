"""A finished step to look at: its pictures, how they were made, and what is noted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kontext_nb import __version__, pixels, target
from kontext_nb.chain import Step, lineage
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.grids import as_html, pictures, plan
from kontext_nb.preservation import telling
from kontext_nb.session.desk import Desk
from kontext_nb.session.drifting import warning
from kontext_nb.session.keeping import is_here, measured, recalled
from kontext_nb.session.measured import Shown, columns, few_words, words
from kontext_nb.session.shown import alt_text, bundle, pair_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from kontext_nb.preservation import Drift


class Result:
    """The picture before, the picture after, and how it was made.

    Args:
        desk: Where it is kept.
        step: A step whose job is DONE.
        reused: Whether it was in the store already.
    """

    def __init__(self, desk: Desk, step: Step, *, reused: bool) -> None:
        self._desk = desk
        self.step = step
        self.reused = reused
        self._numbers: Drift | None = None

    @property
    def desk(self) -> Desk:
        """Where it is kept."""
        return self._desk

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
        return tuple(map(pixels.load_image, kept))

    @property
    def starred(self) -> bool:
        """Whether the user marked it as one of the good ones; see `mark`."""
        return self.step.marks.starred

    @property
    def name(self) -> str:
        """What the user calls it, or ""; see `mark`."""
        return self.step.marks.name

    @property
    def note(self) -> str:
        """What the user noted about it, or ""; see `mark`."""
        return self.step.marks.note

    @property
    def notices(self) -> tuple[str, ...]:
        """What should be known: made smaller to be sent, taken from the store."""
        said = self.step.job.notices
        if self.reused:
            said = ("Taken from the store: nothing was sent or charged.",)
        said += (f"Not preserved: {self.kept}",) if self.kept else ()
        with suppress(StoreError):
            falls = warning(self._desk, self.line())
            said += (falls,) if falls else ()
        return said

    @property
    def kept(self) -> str:
        """Why the model's picture is shown although it was to be preserved, or ""."""
        return self.step.kept.reason

    @property
    def is_preserved(self) -> bool:
        """Whether every pixel outside the change is the source's."""
        return bool(self.step.kept.picture)

    @property
    def _shown(self) -> Shown:
        if not self.is_preserved:
            return Shown.ALL
        return Shown.AREA if self.step.keeping.mask else Shown.CHANGE

    @cached_property
    def before(self) -> pixels.Picture | str:
        """The source as a checked picture, or the address it was sent by, or ""."""
        blob = self.step.source
        return pixels.load(self._desk.blobs.get(blob)) if is_here(blob) else blob

    @cached_property
    def after(self) -> pixels.Picture:
        """The result as a checked picture: preserved, if it is."""
        return pixels.load(self._desk.blobs.get(self.step.result))

    @property
    def raw(self) -> Image:
        """The picture as the model made it, whether or not it was preserved."""
        return pixels.load_image(self._desk.blobs.get(self.step.job.result))

    @cached_property
    def drift(self) -> Drift:
        """What the model changed of the source, and how far the rest drifted.

        Measured when the edit was made; else it is now, and kept.

        Raises:
            ParameterRejected: The source is not here to be compared.
            StoreError: One of the two is missing or damaged.
        """
        return self._against(self.step.source, self.step.raw)

    @cached_property
    def total_drift(self) -> Drift:
        """How far the picture it shows is from the picture its chain starts from.

        Raises:
            ParameterRejected: The source is not here to be compared.
            StoreError: One of the two is missing or damaged.
        """
        root = self.line()[0].source
        return self._against(root, self.step.result)

    def _against(self, before: str, after: str) -> Drift:
        if not is_here(before):
            raise ParameterRejected(
                "There is no picture before this edit to compare it with.",
                "Give edit() the picture itself, and not its address.",
            )
        return measured(self._desk, before, after)

    @property
    def _seen(self) -> Drift | None:
        """The numbers of `drift`, if they are known: no view waits for them."""
        if self._numbers is None:
            with suppress(StoreError):
                self._numbers = recalled(self._desk, self.step.source, self.step.raw)
        return self._numbers

    @property
    def line_of_change(self) -> str:
        """What the model changed, in one line; "" while it is not measured."""
        seen = self._seen
        return words(seen, shown=self._shown) if seen else ""

    @property
    def short_change(self) -> str:
        """The same in a few words."""
        seen = self._seen
        return few_words(seen, shown=self._shown) if seen else ""

    @property
    def alt(self) -> str:
        """What the result is, in words for those who cannot see it."""
        seen = self._seen
        said = alt_text(self.prompt, self.size)
        return f"{said}, {telling.change(seen)}" if seen else said

    @property
    def change_columns(self) -> Mapping[str, plan.Fact]:
        """What was measured of the change, as columns of a table; none if nothing."""
        seen = self._seen
        return columns(seen, preserved=self.is_preserved) if seen else {}

    @property
    def facts(self) -> Mapping[str, plan.Fact]:
        """What is known of it, as columns of a table."""
        asked = self.step.job.request
        return {
            "prompt": asked.prompt,
            "seed": asked.seed,
            "model": self.model,
            "width": self.size[0],
            "height": self.size[1],
            **self.change_columns,
        }

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) of the result in pixels; only its header is read for it."""
        cell = plan.Cell(self._desk.blobs.path(self.step.result))
        return pictures.shape(cell) or self.after.image.size

    def preview(self, longest_px: int) -> bytes:
        """Return a small JPEG of the result; after the first time, the store has it.

        Args:
            longest_px: Of its longer side.

        Raises:
            StoreError: The result is missing or damaged.
        """
        return self._desk.preview(self.step.result, longest_px)

    @property
    def source(self) -> Image | None:
        """The picture before; None if it was sent as an address."""
        return None if isinstance(self.before, str) else self.before.image.copy()

    @property
    def image(self) -> Image:
        """The picture after, at the size the model made it; preserved, the source's."""
        return self.after.image.copy()

    def save(self, path: str | os.PathLike[str], *, replace: bool = True) -> Path:
        """Save the result; the file carries prompt, seed, model and parents.

        Args:
            path: Ends in .png, .jpg, .jpeg or .webp.
            replace: Whether a file there is replaced, or NotSaved raised.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: The disk did not take it; the result stays in the store.
        """
        steps = self.line()
        facts = {
            "software": f"kontext_nb {__version__}",
            "model": self.model,
            "prompt": self.prompt,
            "seed": self.seed,
            "aspect_ratio": self.step.job.request.aspect_ratio,
            "preserved": self.is_preserved,
            "source_sha256_of_pixels": self._source_digest(),
            "parents": [
                {
                    "prompt": step.job.request.prompt,
                    "seed": step.job.request.seed,
                    "model": step.job.engine,
                }
                for step in steps[:-1]
            ],
        }
        return target.write(self.after.image, path, facts, replace=replace)

    def _source_digest(self) -> str | None:
        if self.step.keeping.source and not isinstance(self.before, str):
            return self.before.digest  # what was sent is a padded copy
        return next(iter(self.step.job.request.pictures), None)

    def line(self) -> tuple[Step, ...]:
        """Return the steps from the first edit of the chain's source down to this.

        Raises:
            StoreError: It is no longer in the store.
        """
        try:
            return lineage(self._desk.ledger.chain(self.step.chain), self.step.id)
        except KeyError:
            raise self._gone() from None

    def _gone(self) -> StoreError:
        return StoreError(
            f"This edit is no longer in the store {self._desk.home}.",
            "Restore the folder, or make the edit again.",
        )

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Save source and result as one offline page; see `Grid.save`.

        Args:
            path: Ends in .html; a file there is replaced.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: The disk did not take it.
        """
        return as_html.save(self.sheet(), path)

    def sheet(self) -> plan.Sheet:
        """Return source and result as a sheet of two cells."""
        return pair_of(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the pair as static HTML, JPEG and text."""
        with self._desk.looking():
            return bundle(self.sheet(), repr(self))

    def __repr__(self) -> str:
        """Say in one line what this is."""
        seed = "" if self.seed is None else f"seed={self.seed}, "
        return f"Edit({self.prompt!r}, {seed}by {self.model})"
