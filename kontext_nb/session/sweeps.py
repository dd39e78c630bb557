"""Many edits of one picture as one comparison grid."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kontext_nb.chain import Step
from kontext_nb.errors import (
    EditCancelled,
    OutcomeUnknown,
    ParameterRejected,
    StillRunning,
)
from kontext_nb.grids import as_figure, export, plan
from kontext_nb.model import checked_prompt, checked_seed
from kontext_nb.pixels import Picture
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.orders import Order, chain_id, source_of
from kontext_nb.session.result import Result
from kontext_nb.session.shown import bundle
from kontext_nb.session.together import all_finished

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IN_A_ROW = 5
# What a cell says of an edit that made no picture, and has not just failed.
_ENDS = (
    (OutcomeUnknown, plan.UNKNOWN),
    (StillRunning, "not finished yet"),
    (EditCancelled, "cancelled"),
)


class Grid:
    """A comparison grid: shown as a cell's last line, saved in many formats."""

    def __init__(self, sheet: plan.Sheet) -> None:
        self.sheet = sheet

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save as the name asks: .png, .jpg, .webp, .pdf, .svg, .csv, or offline .html.

        The table has a line for each picture, with what was measured of its change.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
            NotSaved: The disk did not take it.
        """
        return export.save(self.sheet, path)

    def figure(self) -> Figure:
        """Return the grid as a matplotlib figure."""
        return as_figure.figure(self.sheet)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the grid as static HTML, JPEG and text."""
        return bundle(self.sheet, repr(self), cell_px=320)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        rows, columns = len(self.sheet.rows), self.sheet.columns
        return f"Grid of {rows} x {columns} pictures, by {self.sheet.footer}"


@settings.by_deadline
def sweep(
    source: Any,
    prompts: Iterable[str],
    seeds: Iterable[int | None] = (None,),
    *,
    chain: str | None = None,
    aspect_ratio: str | None = None,
    refresh: bool = False,
) -> Grid:
    """Make every prompt with every seed, and show them as one grid.

    What the store has is taken from there; what fails becomes a cell that says why, as
    does what is not finished by the deadline of the whole: a re-run goes on from there.

    Args:
        source: A picture, as `edit` takes it.
        prompts: One row each.
        seeds: One column each; None has one picked.
        chain: As for `edit`.
        aspect_ratio: As for `edit`.
        refresh: True to have all of it made anew.

    Raises:
        InputRejected: Something given cannot be used; nothing was sent.
        KontextError: Not one edit could be made.
        KeyboardInterrupt: Stop was pressed; what was finished is in the store.
    """
    prompts, seeds = _checked(prompts, seeds)
    picture, cell = source_of(source), cells.here(chain)
    desk = Desk(settings.current())
    belongs_to = chain_id(picture, cell)
    steps = [
        desk.place(
            Order(
                source=picture,
                prompt=prompt,
                chain=belongs_to,
                seed=seed,
                aspect_ratio=aspect_ratio,
                cell=cell,
                place=cell.key if cell else None,
                refresh=refresh,
            )
        )[0]
        for prompt in prompts
        for seed in seeds
    ]
    answers = all_finished(desk, steps)
    failures = [answer for answer in answers if isinstance(answer, Exception)]
    if len(failures) == len(answers):
        raise failures[0]
    # With several seeds the column says which; then the cells need not.
    shown = [
        _cell(desk, *pair, with_seed=len(seeds) == 1 or None in seeds)
        for pair in zip(steps, answers, strict=True)
    ]
    engines = dict.fromkeys(a.job.engine or "" for a in answers if isinstance(a, Step))
    return Grid(_sheet(picture, prompts, seeds, shown, " · ".join(engines)))


def _checked(
    prompts: Iterable[str], seeds: Iterable[int | None]
) -> tuple[list[str], list[int | None]]:
    """Refuse a sweep of which any part would be refused, before any of it is sent."""
    try:
        wanted = [] if isinstance(prompts, str) else list(prompts)
        numbers = list(seeds)
    except TypeError:
        wanted, numbers = [], []
    if not wanted or not numbers:
        raise ParameterRejected(
            "A sweep needs a list of prompts and a list of seeds.",
            'For example sweep(picture, ["Make it night", "Make it sepia"], [1, 2]).',
        )
    return [checked_prompt(p) for p in wanted], [checked_seed(s) for s in numbers]


def _cell(
    desk: Desk, step: Step, answer: Step | Exception, *, with_seed: bool
) -> plan.Cell:
    if isinstance(answer, Exception):
        asked = step.job.request
        return plan.Cell(
            None,
            detail=_said(answer),
            state=next((s for kind, s in _ENDS if isinstance(answer, kind)), "failed"),
            alt=asked.prompt,
            facts={"prompt": asked.prompt, "seed": asked.seed},
        )
    made = Result(desk, answer, reused=True)
    seed = answer.job.request.seed_text if with_seed else ""
    return plan.Cell(
        desk.blobs.path(answer.result),
        detail=" · ".join(filter(None, (seed, made.short_change))),
        alt=made.alt,
        facts=made.facts,
    )


def _said(error: Exception) -> str:
    """Return why there is no picture and what to do, in the room of one."""
    if isinstance(error, OutcomeUnknown):  # its choices are long
        return f"{error.problem} kx.resume({error.job!r}) tells what can be done."
    return str(error)


def _sheet(
    picture: Picture | str,
    prompts: Sequence[str],
    seeds: Sequence[int | None],
    shown: Sequence[plan.Cell],
    footer: str,
) -> plan.Sheet:
    """Lay out the source, then a row a prompt; a few with one seed in one row."""
    image = picture.image if isinstance(picture, Picture) else None
    first = plan.Cell(image, alt="The source picture")
    if len(seeds) == 1 and len(prompts) <= MOST_IN_A_ROW:
        return plan.Sheet(
            ((first, *shown),), column_labels=("Source", *prompts), footer=footer
        )
    wide = len(seeds)
    rows = (shown[i : i + wide] for i in range(0, len(shown), wide))
    heads = ("any seed" if seed is None else f"seed {seed}" for seed in seeds)
    return plan.Sheet(
        tuple((first, *row) for row in rows),
        row_labels=tuple(prompts),
        column_labels=("Source", *heads),
        footer=footer,
    )
