"""A chain as the Python that repeats it, at no cost where its store is at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kontext_nb.chain import Step
from kontext_nb.model import KONTEXT_PRO
from kontext_nb.session.desk import Desk
from kontext_nb.session.orders import is_address
from kontext_nb.session.result import Result


def code_of(desk: Desk, results: Iterable[Result]) -> str:
    """Return a program that makes the same steps again, each from the same parent.

    Every seed is written out and the store is named, so that whatever is still in it is
    taken from there and not paid for.

    Args:
        desk: Where the steps are kept.
        results: Finished steps, parents before their children.
    """
    lines = ["import kontext_nb as kx", ""]
    names: dict[str, str] = {}
    provider = None
    for number, result in enumerate(results, start=1):
        job = result.step.job
        by = job.request.provider.partition(" ")[0]
        if by != provider:
            home = f"home={str(desk.home.absolute())!r}"
            lines.append(f"kx.configure({home}, provider={by!r})")
            provider = by
        if not names:
            lines += [f"source = {_picture(desk, result.step.source)}", ""]
        parent = names.get(result.step.parent or "")
        names[result.step.id] = f"step_{number}"
        call = f"{parent}.edit(" if parent else "kx.edit(\n    source,"
        lines.append(f"step_{number} = {call}")
        lines += [f"    {argument}," for argument in _arguments(desk, result.step)]
        lines.append(")")
    return "\n".join(lines) + "\n"


def _arguments(desk: Desk, step: Step) -> Iterator[str]:
    job, asked, keeping = step.job, step.job.request, step.keeping
    yield repr(asked.prompt)
    if asked.seed is not None:
        yield f"seed={asked.seed}"
    if asked.aspect_ratio is not None:
        yield f"aspect_ratio={asked.aspect_ratio!r}"
    if asked.model != KONTEXT_PRO:
        yield f"model={asked.model!r}"
    further = [_picture(desk, job.pictures[digest]) for digest in asked.pictures[1:]]
    if further:
        yield f"references=[{', '.join(further)}]"
    options: Mapping[str, Any] = asked.options
    if options:
        yield f"inputs={options!r}"
    if keeping.preserve:
        mask = keeping.mask and _picture(desk, keeping.mask)
        yield f"preserve={mask or True}"
    if keeping.source:
        yield "prefit=True"


def _picture(desk: Desk, kept: str) -> str:
    """Return what stands for a picture in the program: a file, an address, or None."""
    if not kept:
        return "None"
    return repr(kept if is_address(kept) else str(desk.blobs.path(kept).absolute()))
