"""The chains a notebook or a store has, and how one that was moved is found again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.errors import KontextError, ParameterRejected
from kontext_nb.grids import plan
from kontext_nb.lifecycle import UNDER_WAY, State
from kontext_nb.model import echo
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.edits import Chain
from kontext_nb.session.orders import chain_id_at, is_address, source_of
from kontext_nb.session.shown import bundle

_THUMB_PX = 240
_SHORT = 8  # characters of an id, which tell a few hundred chains apart
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One chain of the store, as `chains` lists it.

    Args:
        id: Of its first step, which it keeps wherever it belongs; the first eight
            characters will do for `adopt`.
        place: The cell or the name it belongs to; "" for a chain of its own.
        notebook: File name of that cell's notebook, where it is known.
        edits: How many finished edits it shows.
        open: How many of its jobs are on their way, or of unknown outcome.
        changed_at: Unix seconds of its newest step.
        orphan: Whether the saved notebook has no such cell (any more).
        desk: Where it is kept.
        steps: All its steps, oldest first.
    """

    id: str
    place: str
    notebook: str
    edits: int
    open: int
    changed_at: float
    orphan: bool
    desk: Desk
    steps: tuple[Step, ...]

    @property
    def chain(self) -> Chain:
        """The chain itself.

        Raises:
            StoreError: Its source is missing from the store.
        """
        first = self.steps[0]
        kept = first.job.source
        source = kept if not kept or is_address(kept) else self.desk.blobs.get(kept)
        picture = source_of(source) if source else ""
        return Chain(self.desk, first.chain, picture, first.place)

    @property
    def words(self) -> str:
        """What there is to say of it, in one line."""
        edits = "1 edit" if self.edits == 1 else f"{self.edits} edits"
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.changed_at))
        words = [self.id[:_SHORT], edits, f"{self.open} open" if self.open else "", at]
        where = " in ".join(filter(None, (self.place, self.notebook)))
        words.append(where or "of its own")
        if self.orphan:
            words.append("its cell is not in the saved notebook")
        return " · ".join(filter(None, words))

    def cells(self) -> tuple[plan.Cell, plan.Cell]:
        """Return its source and its newest result, as previews."""
        first, done = self.steps[0], [s for s in self.steps if _is_shown(s)]
        source = self._preview(first.job.source, "Source")
        if not done:
            return source, plan.Cell(None, state="nothing yet")
        newest = done[-1]
        title = newest.marks.name or newest.job.request.prompt
        return source, self._preview(newest.job.result, title)

    def _preview(self, blob: str, caption: str) -> plan.Cell:
        if not blob or is_address(blob):
            return plan.Cell(None, caption, blob or "from words alone", "not loaded")

        def make() -> bytes:
            whole = pixels.load(self.desk.blobs.get(blob)).image
            return pixels.preview(whole, longest_px=_THUMB_PX)

        try:
            data = self.desk.previews.get(blob, _THUMB_PX, make)
        except KontextError as error:
            return plan.Cell(None, caption, error.problem, "missing")
        return plan.Cell(pixels.load(data).image, caption)

    def __repr__(self) -> str:
        """Say it in one line."""
        return f"Entry({self.words})"


class Chains(Sequence[Entry]):
    """Chains, the newest first; shown as a table of their pictures."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Chains: ...
    def __getitem__(self, index: int | slice) -> Entry | Chains:
        """Return one by its place, or some."""
        if isinstance(index, slice):
            return Chains(self._entries[index])
        return self._entries[index]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the newest ones as static HTML, JPEG and text."""
        if not self:
            return {"text/plain": repr(self)}
        shown = self._entries[:_MOST_SHOWN]
        more = len(self) - len(shown)
        sheet = plan.Sheet(
            tuple(entry.cells() for entry in shown),
            row_labels=tuple(entry.words for entry in shown),
            column_labels=("Source", "Newest"),
            footer=f"and {more} older ones" if more else "",
        )
        return bundle(sheet, repr(self), cell_px=120)

    def __repr__(self) -> str:
        """List them, a line each."""
        return "\n".join(entry.words for entry in self) or "No chains yet."


def chains(*, all: bool = False) -> Chains:  # noqa: A002 - it reads well where it is called
    """Return the chains of this notebook, the newest first.

    Where no notebook is known (a script, a headless run, VS Code), it is those of the
    whole store.

    Args:
        all: True for those of the whole store.

    Raises:
        StoreError: The store cannot be read.
    """
    desk, notebook = Desk(settings.current()), cells.notebook()
    found = [
        _entry(desk, steps)
        for steps in desk.ledger.chains()
        if any(_is_shown(step) or _is_open(step) for step in steps)
    ]
    if notebook and not all:
        found = [one for one in found if _is_of(notebook, one.steps[0].place or "")]
    return Chains(found)


def _is_of(notebook: Path, place: str) -> bool:
    """Tell whether a chain is a notebook's, or may be: only its code is known."""
    return place.startswith(f"{notebook}#") or "#" not in place


def adopt(old: Entry | str, new: str | None = None) -> Chain:
    """Let a chain belong to this cell, with all that was made in it.

    For a cell that was merged, copied to another notebook, or renamed with it: put it
    above the cell's edits, which then cost nothing. A second time it changes nothing.

    Args:
        old: What `chains` lists, or its id, or the name the chain has.
        new: A name it should have instead of belonging to this cell.

    Raises:
        ParameterRejected: There is no such chain, or more than one, or no cell.
        StoreError: The store did not take it.
    """
    to = cells.here(new)
    if to is None:
        raise ParameterRejected(
            "There is no cell here that a chain could belong to.",
            "Run it in the cell, or give the chain a name: adopt(old, 'name').",
        )
    entry = old if isinstance(old, Entry) else _found(old)
    first_step = entry.steps[0]
    job = first_step.job
    picture = next(iter(job.request.pictures), job.source)
    moved = chain_id_at(to.key, picture)
    entry.desk.ledger.move(first_step.chain, moved, place=to.key, text=to.text)
    return Chain(entry.desk, moved, entry.chain.source, to.key)


def _found(old: str) -> Entry:
    known = list(chains(all=True))
    by_id = isinstance(old, str) and len(old) >= _SHORT
    name = f"#{cells.NAMED}{old}"
    fitting = [
        entry
        for entry in known
        if (by_id and entry.id.startswith(old))
        or (entry.steps[0].place or "").endswith(name)
    ]
    if len(fitting) == 1:
        return fitting[0]
    listed = "\n".join(entry.words for entry in fitting or known)
    raise ParameterRejected(
        f"{'More than one chain is' if fitting else 'No chain is'} {echo(old)}.",
        f"Give one of these by its id:\n{listed}" if listed else "Make an edit first.",
    )


def _entry(desk: Desk, steps: tuple[Step, ...]) -> Entry:
    place = steps[0].place or ""
    notebook, _, name = place.rpartition("#")
    named = name.startswith(cells.NAMED)
    word = f"cell {name[:_SHORT]}" if notebook else ""
    return Entry(
        id=steps[0].id,
        place=f'"{name.removeprefix(cells.NAMED)}"' if named else word,
        notebook=Path(notebook).name,
        edits=sum(map(_is_shown, steps)),
        open=sum(map(_is_open, steps)),
        changed_at=max(step.created_at for step in steps),
        orphan=not named and _is_orphan(notebook, name),
        desk=desk,
        steps=steps,
    )


def _is_shown(step: Step) -> bool:
    return step.job.state is State.DONE and not step.marks.deleted


def _is_open(step: Step) -> bool:
    return step.job.state in UNDER_WAY or step.job.state is State.UNKNOWN


def _is_orphan(notebook: str, name: str) -> bool:
    """Tell whether a notebook is there and has no cell of that id."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        found = json.loads(Path(notebook).read_text("utf-8"))["cells"]
        return name not in set(_ids(found))
    return False


def _ids(cells_of_notebook: list[Any]) -> Iterator[str]:
    for one in cells_of_notebook:
        yield str(one.get("id"))
        yield str(one.get("metadata", {}).get("colab", {}).get("cell_id"))
