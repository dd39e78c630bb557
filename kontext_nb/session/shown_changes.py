"""An edit in words, to be set against another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kontext_nb import pixels
from kontext_nb.grids.changes import Made

if TYPE_CHECKING:
    from kontext_nb.session.edits import Edit


def made_of(
    edit: Edit | None, label: str, *, source: pixels.Picture | str = ""
) -> Made:
    """Return how a picture was made.

    Args:
        edit: The edit that made it; None for the chain's source.
        label: What people call it: "step 2".
        source: The chain's source; only asked where there is no edit.
    """
    picture = edit.after if edit else source
    size = {} if isinstance(picture, str) else {"Size": pixels.size_text(picture.image)}
    if edit is None:
        return Made(label, facts=size)
    job, request = edit.step.job, edit.step.job.request
    unpriced = job.cost_usd is None and job.estimate_usd is None
    facts = {
        "Seed": "" if request.seed is None else str(request.seed),
        "Aspect ratio": request.aspect_ratio or "as the source",
        "Model": edit.model,
        **{name: _words(value) for name, value in request.options.items()},
        **size,
        "Time": "" if job.took_s is None else f"{job.took_s:.1f} s",
        "Cost": "" if unpriced else job.cost_text,
    }
    known = {name: words for name, words in facts.items() if words}
    return Made(label, request.prompt, known)


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
