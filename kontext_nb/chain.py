"""The edit tree: which step was made from which, and how to walk it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kontext_nb.model import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One place in a chain.

    Args:
        id: Made by this machine.
        chain: Id of the chain: one picture, edited in one place.
        parent: The step it was made from; None if from the chain's source picture.
        job: The job that makes its picture. Two steps may share one.
        call: Which call of which cell made it, so that a re-run finds it again.
        text_call: The same by the cell's code, for runs that know no cell ids.
        created_at: Unix seconds.
    """

    id: str
    chain: str
    parent: str | None
    job: Job
    call: str | None
    text_call: str | None = None
    created_at: float


def lineage(steps: Iterable[Step], step_id: str) -> tuple[Step, ...]:
    """Return the steps from the first edit of the source down to ``step_id``.

    Raises:
        KeyError: There is no such step.
    """
    known = {step.id: step for step in steps}
    path = [known[step_id]]
    while (parent := path[-1].parent) is not None:
        path.append(known[parent])
    return tuple(reversed(path))
