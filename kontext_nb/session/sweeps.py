"""Many edits of one picture as one comparison grid."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kontext_nb.chain import Step
from kontext_nb.errors import KontextError, ParameterRejected
from kontext_nb.grids import as_figure, export, plan
from kontext_nb.lifecycle import State
from kontext_nb.model import checked_prompt, checked_seed
from kontext_nb.pixels import Picture
from kontext_nb.session import cell as cells
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk, Order, chain_id, source_of
from kontext_nb.session.engines import DEMO_LABEL
from kontext_nb.session.progress import QUIET_S, line
from kontext_nb.session.shown import bundle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A queue serves one account's jobs in turn; more at once only wait there.
AT_ONCE = 4


class Grid:
    """A comparison grid: shown as a cell's last line, saved in many formats."""

    def __init__(self, sheet: plan.Sheet) -> None:
        self.sheet = sheet

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save as the name asks: .png, .jpg, .webp, .pdf, .svg, or one offline .html.

        Raises:
            ParameterRejected: Another suffix, or no such folder.
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


def sweep(
    source: Any,
    prompts: Sequence[str],
    seeds: Sequence[int | None] = (None,),
    *,
    aspect_ratio: str | None = None,
    refresh: bool = False,
) -> Grid:
    """Make every prompt with every seed, and show them as one grid.

    What the store has is taken from there; what fails becomes a cell that says why.

    Args:
        source: A picture, as `edit` takes it.
        prompts: One row each.
        seeds: One column each; None has one picked.
        aspect_ratio: As for `edit`.
        refresh: True to have all of it made anew.

    Raises:
        InputRejected: Something given cannot be used; nothing was sent.
        KontextError: Not one edit could be made.
        KeyboardInterrupt: Stop was pressed; what was finished is in the store.
    """
    if isinstance(prompts, str) or not prompts or not seeds:
        raise ParameterRejected(
            "A sweep needs a list of prompts and a list of seeds.",
            'For example sweep(picture, ["Make it night", "Make it sepia"], [1, 2]).',
        )
    for prompt in prompts:
        checked_prompt(prompt)
    for seed in seeds:
        checked_seed(seed)
    picture, cell = source_of(source), cells.here()
    desk = Desk(settings.current())
    chain = chain_id(picture, cell)
    steps = [
        desk.place(
            Order(
                source=picture,
                prompt=prompt,
                chain=chain,
                seed=seed,
                aspect_ratio=aspect_ratio,
                cell=cell,
                refresh=refresh,
            )
        )[0]
        for prompt in prompts
        for seed in seeds
    ]
    answers = _all_finished(desk, steps)
    failures = [answer for answer in answers if isinstance(answer, KontextError)]
    if len(failures) == len(answers):
        raise failures[0]
    # A column that names its seed says it for all its cells.
    named = [seed is not None and len(seeds) > 1 for _ in prompts for seed in seeds]
    shown = [_cell(desk, *it) for it in zip(steps, answers, named, strict=True)]
    engines = dict.fromkeys(a.job.engine or "" for a in answers if isinstance(a, Step))
    return Grid(_sheet(picture, prompts, seeds, shown, " · ".join(engines)))


def _all_finished(desk: Desk, steps: Sequence[Step]) -> list[Step | KontextError]:
    """Wait for all steps, a few at once; an error stands in its step's place."""
    engine = desk.engine()
    open_ = [step for step in steps if step.job.state is not State.DONE]
    request = steps[0].job.request
    each_s = desk.ledger.expected_s(request.provider, request.model)
    label = engine.provider.label(request.model)
    shown, started, made = line(), time.monotonic(), Counter[bool]()
    if open_:
        shown.show(_announcement(len(steps), len(open_), label, each_s))

    async def all_of_them() -> list[Step | KontextError]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(step: Step) -> Step | KontextError:
            async with gate:
                try:
                    return await desk.finish(step, lambda _: None)
                except KontextError as error:
                    return error
                finally:
                    made[True] += 1

        return await asyncio.gather(*map(one, steps))

    def tick() -> None:
        seconds = time.monotonic() - started
        if seconds > QUIET_S:
            shown.show(f"{label} · {made[True]} of {len(steps)} · {seconds:.0f} s")

    try:
        answers = engine.bridge.run(all_of_them(), tick)
    except KeyboardInterrupt:
        words = (
            f"Stopped after {made[True]} of {len(steps)}: re-run to go on from there."
        )
        shown.close(words)
        raise KeyboardInterrupt(words) from None
    shown.close("")
    return answers


def _announcement(cells_: int, to_make: int, label: str, each_s: float | None) -> str:
    """Say how much it will be before anything is spent."""
    cost = "free" if label == DEMO_LABEL else "charged by the service, price not known"
    rounds = -(-to_make // AT_ONCE)
    time_ = f"about {max(1, round(rounds * each_s))} s" if each_s else "time not known"
    stored = cells_ - to_make
    return (
        f"{cells_} edits: {stored} from the store, {to_make} to make · {label} · "
        f"{cost} · {time_}"
    )


def _cell(
    desk: Desk,
    step: Step,
    answer: Step | KontextError,
    named: bool,  # noqa: FBT001 - one of a row of facts about a cell
) -> plan.Cell:
    asked = step.job.request
    if isinstance(answer, KontextError):
        return plan.Cell(None, asked.prompt, answer.problem, state="failed")
    return plan.Cell(
        desk.blobs.path(answer.job.result_blob or ""),
        detail="" if named else f"seed {asked.seed}",
        alt=f"The result of: {asked.prompt}",
    )


def _sheet(
    picture: Picture | str,
    prompts: Sequence[str],
    seeds: Sequence[int | None],
    shown: Sequence[plan.Cell],
    footer: str,
) -> plan.Sheet:
    """Lay out the source, then a row a prompt; with one seed, all in one row."""
    image = picture.image if isinstance(picture, Picture) else None
    first = plan.Cell(image, alt="The source picture")
    if len(seeds) == 1:
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
