"""How far a chain drifts from its source, step by step."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kontext_nb.chain import Step
from kontext_nb.errors import ParameterRejected, StoreError
from kontext_nb.grids import as_curve
from kontext_nb.preservation import Drift
from kontext_nb.session.desk import Desk
from kontext_nb.session.keeping import is_here, measured, recalled
from kontext_nb.session.progress import line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Most people see a difference below it.
SEEN_DB = 30.0
_PROMPT_CHARS = 48


@dataclass(frozen=True, slots=True)
class Drifted:
    """How far one step of a chain drifted.

    Args:
        number: Its place in the line, from 1.
        prompt: Its instruction.
        preserved: Whether it shows the picture before with the change set in.
        step: What the model changed, from the picture before to its own.
        total: From the chain's source to the picture that the step shows.
    """

    number: int
    prompt: str
    preserved: bool
    step: Drift
    total: Drift

    @property
    def has_fallen(self) -> bool:
        """Whether most people see that the untouched part is no longer the source's."""
        return has_fallen(self.total)


@dataclass(frozen=True, slots=True)
class DriftCurve:
    """How a line of edits drifts; shown as a table and a curve.

    Two numbers stand for a step. Its own is of the model's picture against the one
    before it. The total is of the picture the step shows against the chain's source:
    of preserved steps it stays what it is, whatever the model does.

    Args:
        steps: From the first edit of the source on.
    """

    steps: tuple[Drifted, ...]

    @property
    def falls_at(self) -> int | None:
        """Number of the first step at which quality falls; None if at none.

        That is where, outside the change, PSNR against the chain's source is below 30
        dB, although the two pictures can be compared.
        """
        return next((step.number for step in self.steps if step.has_fallen), None)

    def figure(self) -> Figure:
        """Return the curve as a matplotlib figure."""
        marks = [
            as_curve.Mark(
                step.number,
                quality_db(step.total),
                quality_db(step.step),
                step.total.changed,
            )
            for step in self.steps
        ]
        return as_curve.figure(marks, seen_db=SEEN_DB, falls_at=self.falls_at)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the table as text and the curve as a picture."""
        if not self.steps:
            return {"text/plain": repr(self)}
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", metadata={"Software": None})
        return {"text/plain": repr(self), "image/png": buffer.getvalue()}

    def __str__(self) -> str:
        """Return the table."""
        return "\n".join(_lines(self))

    __repr__ = __str__


def _lines(curve: DriftCurve) -> Iterator[str]:
    if not curve.steps:
        yield "No edits yet."
        return
    yield "step  changed  outside   in all  outside  prompt"
    for one in curve.steps:
        own, total = _columns(one.step), _columns(one.total)
        prompt = " ".join(one.prompt.split())
        if len(prompt) > _PROMPT_CHARS:
            prompt = prompt[: _PROMPT_CHARS - 1] + "…"
        falls = "  ← quality falls" if one.number == curve.falls_at else ""
        yield f"{one.number:4}  {own}  {total}  {prompt}{falls}"
    yield "changed: share of the picture; outside it: PSNR, which below 30 dB most see."


def _columns(seen: Drift) -> str:
    quality = quality_db(seen)
    told = "-" if math.isnan(quality) else "same" if math.isinf(quality) else ""
    return f"{100 * seen.changed:5.1f} %  {told or f'{quality:.1f} dB':>7}"


def quality_db(seen: Drift) -> float:
    """Return how well the rest is kept, in dB; not a number where it cannot be told."""
    return seen.toned_psnr_db if _is_comparable(seen) else math.nan


def _is_comparable(seen: Drift) -> bool:
    return seen.registration.confident and not seen.everywhere


def has_fallen(total: Drift) -> bool:
    """Tell whether the untouched part is visibly no longer what it was."""
    # With the tone taken back: a picture made brighter has lost nothing by that.
    return total.toned_psnr_db < SEEN_DB and _is_comparable(total)


def drifts(desk: Desk, steps: Sequence[Step]) -> DriftCurve:
    """Measure a line of edits, as far as that was not done before.

    Args:
        desk: Where they are kept.
        steps: From the first edit of the source on, all DONE.

    Raises:
        ParameterRejected: The chain's source is not here.
        StoreError: A picture is missing or damaged.
    """
    if not steps:
        return DriftCurve(())
    root = steps[0].source
    if not is_here(root):
        raise ParameterRejected(
            "The picture this chain starts from is not here to be compared.",
            "Start from the picture itself, and not from its address.",
        )
    shown = line()
    try:
        return DriftCurve(tuple(_measured(desk, root, steps, shown.show)))
    finally:
        shown.close("")


def _measured(
    desk: Desk, root: str, steps: Sequence[Step], show: Callable[[str], None]
) -> Iterator[Drifted]:
    for number, step in enumerate(steps, start=1):
        if recalled(desk, root, step.result) is None:
            show(f"Measuring step {number} of {len(steps)}")
        yield Drifted(
            number,
            step.job.request.prompt,
            bool(step.kept.picture),
            measured(desk, step.source, step.raw),
            measured(desk, root, step.result),
        )


def warning(desk: Desk, steps: Sequence[Step]) -> str:
    """Return what to say at the step where quality falls, or "".

    Nothing is measured for it: what is not known is not said.

    Args:
        desk: Where they are kept.
        steps: From the first edit of the source down to the step.
    """
    root, now = steps[0].source, steps[-1].result
    with suppress(StoreError):
        total = recalled(desk, root, now)
        if total is None or not has_fallen(total):
            return ""
        before = recalled(desk, root, steps[-2].result) if len(steps) > 1 else None
        if before is None or not has_fallen(before):
            return (
                "Quality falls here: what was not to change differs visibly from the "
                f"source (PSNR {total.toned_psnr_db:.1f} dB). Go on from an earlier "
                "step, or use preserve=True."
            )
    return ""
