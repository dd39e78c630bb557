"""The chains a notebook or a store has, as a list with pictures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.errors import KontextError
from kontext_nb.grids import as_html, plan
from kontext_nb.lifecycle import OPEN, State
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.edits import Chain
from kontext_nb.session.orders import is_address
from kontext_nb.session.shown import alt_text, edits_text

_THUMB_PX = 240  # of what is kept: sharp on a dense screen
_SHOWN_PX, _THUMB_BYTES = 112, 3_500  # 40 chains stay below 500 KB
_TITLE = 70  # characters of a prompt
_SHORT = 8  # characters of an id, which tell a few hundred chains apart
_MOST_SHOWN = 40
_NO_NOTEBOOK = "its notebook is gone"


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
        orphan: Why that cell cannot be found (any more); "" where nothing is wrong.
        desk: Where it is kept.
        steps: All its steps, oldest first.
    """

    id: str
    place: str
    notebook: str
    edits: int
    open: int
    changed_at: float
    orphan: str
    desk: Desk
    steps: tuple[Step, ...]

    @property
    def chain(self) -> Chain:
        """The chain itself."""
        return Chain(self.desk, self.steps[0].chain, place=self.steps[0].place)

    @property
    def words(self) -> str:
        """What there is to say of it, in one line."""
        return " · ".join(filter(None, (self.id[:_SHORT], *self._facts())))

    def _facts(self) -> Iterator[str]:
        yield " in ".join(filter(None, (self.place, self.notebook))) or "of its own"
        state = f"{self.open} open" if self.open else "finished"
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.changed_at))
        yield f"{edits_text(self.edits)}, {state} · {at}"
        yield self.orphan

    @property
    def label(self) -> str:
        """The same as lines to stand beside its pictures."""
        newest = self._newest()
        title = ""
        if newest:
            title = newest.marks.name or " ".join(newest.job.request.prompt.split())
            title = "★ " * newest.marks.starred + title
        short = title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"
        lines = (*self._facts(), short, f"id {self.id[:_SHORT]}")
        return "\n".join(filter(None, lines))

    def _newest(self) -> Step | None:
        return next((step for step in reversed(self.steps) if _is_shown(step)), None)

    def cells(self) -> tuple[plan.Cell, plan.Cell]:
        """Return its source and its newest result, as previews."""
        newest = self._newest()
        source = self._preview(self.steps[0].source, "The source picture")
        if newest is None:
            return source, plan.Cell(None, state="nothing yet")
        alt = alt_text(newest.job.request.prompt, None)
        return source, self._preview(newest.result, alt)

    def row(self) -> tuple[str, tuple[plan.Cell, ...]]:
        """Return its words, and the cells beside them.

        Why a picture is not there stands with the words: a cell is too narrow for it.
        """
        cells = self.cells()
        reasons = dict.fromkeys(cell.detail for cell in cells if cell.detail)
        bare = tuple(replace(cell, detail="") for cell in cells)
        return "\n".join((self.label, *reasons)), bare

    def _preview(self, blob: str, alt: str) -> plan.Cell:
        if not blob or is_address(blob):
            return plan.Cell(
                None, detail=blob or "from words alone", state="not loaded"
            )
        try:
            data = self.desk.preview(blob, _THUMB_PX)
        except KontextError as error:
            return plan.Cell(None, detail=str(error), state="missing")
        return plan.Cell(pixels.load_image(data), alt=alt)

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
        """Show the newest ones as static HTML, and as text."""
        if not self:
            return {"text/plain": repr(self)}
        shown = self._entries[:_MOST_SHOWN]
        more = len(self) - len(shown)
        rows = [entry.row() for entry in shown]
        sheet = plan.Sheet(
            tuple(cells for _, cells in rows),
            row_labels=tuple(words for words, _ in rows),
            column_labels=("Source", "Newest"),
            footer=f"and {more} older" if more else "",
        )
        drawn = as_html.fragment(
            sheet, picture_bytes=_THUMB_BYTES, picture_px=_SHOWN_PX
        )
        return {"text/plain": repr(self), "text/html": drawn}

    def __repr__(self) -> str:
        """List them, a line each."""
        return "\n".join(entry.words for entry in self) or "No chains yet."


def chains(*, all: bool = False) -> Chains:  # noqa: A002 - it reads well where it is called
    """Return the chains of this notebook, the newest first.

    Those whose notebook is gone are among them: it may have been renamed to this one.
    Where no notebook is known (a script, a headless run), it is those of the whole
    store.

    Args:
        all: True for those of the whole store.

    Raises:
        StoreError: The store cannot be read.
    """
    desk, notebook = Desk(settings.current()), cells.notebook()
    found = [
        _entry(desk, steps, notebook)
        for steps in desk.ledger.chains()
        if any(_is_shown(step) or _is_open(step) for step in steps)
    ]
    if notebook and not all:
        found = [one for one in found if _is_of(notebook, one)]
    return Chains(found)


def _is_of(notebook: Path, one: Entry) -> bool:
    """Tell whether a chain is a notebook's, or may be: only its code is known."""
    place = one.steps[0].place or ""
    of = cells.parts(place)[0]
    return of == str(notebook) or "#" not in place or one.orphan == _NO_NOTEBOOK


def _entry(desk: Desk, steps: tuple[Step, ...], here: Path | None) -> Entry:
    place = steps[0].place or ""
    notebook, name, is_named = cells.parts(place)
    cell = f"cell {name[:_SHORT]}" if "#" in place else "a cell known by its code"
    return Entry(
        id=steps[0].id,
        place=f'"{name}"' if is_named else cell if place else "",
        notebook=Path(notebook).name,
        edits=sum(map(_is_shown, steps)),
        open=sum(map(_is_open, steps)),
        changed_at=max(step.created_at for step in steps),
        orphan=_orphaned(notebook, None if is_named else name, here),
        desk=desk,
        steps=steps,
    )


def _orphaned(notebook: str, cell_id: str | None, here: Path | None) -> str:
    """Return why a chain's cell cannot be found, or "".

    Args:
        notebook: Its path, or "".
        cell_id: None for a chain that has a name, which is tied to no cell.
        here: The running notebook; if it is no file here, no other one can be looked
            for either.
    """
    if not notebook:
        return ""
    with suppress(OSError, ValueError):
        if here and here.is_file() and not Path(notebook).is_file():
            return _NO_NOTEBOOK
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        found = json.loads(Path(notebook).read_text("utf-8"))["cells"]
        if cell_id is not None and cell_id not in set(_ids(found)):
            return "its cell is not in the saved notebook"
    return ""


def _is_shown(step: Step) -> bool:
    return step.job.state is State.DONE and not step.marks.deleted


def _is_open(step: Step) -> bool:
    return step.job.state in OPEN


def _ids(cells_of_notebook: list[Any]) -> Iterator[str]:
    for one in cells_of_notebook:
        yield str(one.get("id"))
        yield str(one.get("metadata", {}).get("colab", {}).get("cell_id"))
