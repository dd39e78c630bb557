"""Which of several tries at one change is the best: changed inside, quiet outside.

The score of one is the share of the asked area that changed, less the share of the rest
that did, less a tenth of how far the untouched part drifted, in CIELAB. What left no
trace or replaced the whole picture comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kontext_nb.errors import EditFailed, ParameterRejected
from kontext_nb.model import SEED_MAX, echo
from kontext_nb.preservation.masks import chosen, mask_of
from kontext_nb.session.how import how_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from kontext_nb.preservation import Drift
    from kontext_nb.preservation.planes import Mask
    from kontext_nb.session.edits import Edit

MOST = 16
_DRIFT_WEIGHT = 0.1
_LAST = -1.0


def best_of(edit: Edit, n: int, box: object) -> tuple[Edit, ...]:
    """Make the change of an edit with further seeds, and rank; see `Edit.best_of`."""
    seeds = _seeds(edit.seed, n)
    if isinstance(edit.before, str):
        raise ParameterRejected(
            "What changed cannot be told without the picture before.",
            "Give edit() the picture itself, and not its address.",
        )
    asked = None if box is None else mask_of(box, edit.before.image.size)
    chain, how = edit.chain, how_of(edit.desk, edit.step)
    parent = chain.find(edit.step.parent) if edit.step.parent else None
    made = chain.several(
        edit.prompt, [{**how, "seed": seed} for seed in seeds], parent=parent
    )
    edits = [edit]
    for one in made:
        # A seed that the service cannot do is a try that failed, as others do.
        if isinstance(one, Exception):
            if not isinstance(one, EditFailed):
                raise one
        else:
            edits.append(one)
    scores = _scores([one.drift for one in edits], asked)
    order = np.argsort(-np.array(scores), kind="stable")
    return tuple(edits[place] for place in order)


def _seeds(first: int | None, n: int) -> list[int]:
    """Return the seeds after the first one.

    Raises:
        ParameterRejected: There is none, or not so many may be.
    """
    if first is None:
        raise ParameterRejected(
            "The model takes no seed, so that there is nothing to vary.",
            "Ask for the edit again with another wording.",
        )
    if isinstance(n, bool) or not isinstance(n, int) or not 1 < n <= MOST:
        raise ParameterRejected(
            f"There cannot be {echo(n)} tries.", f"Give a number from 2 to {MOST}."
        )
    return [(first + further) % (SEED_MAX + 1) for further in range(1, n)]


def _scores(drifts: Sequence[Drift], asked: Image.Image | None) -> list[float]:
    """Return how good each is, as the module says."""
    size = drifts[0].mask.size
    masks = [chosen(one.mask.resize(size)) for one in drifts]
    inside = chosen(asked.resize(size)) if asked else _common(masks)
    return [
        _LAST if one.ignored or one.everywhere else _score(mask, inside, one.delta_e)
        for one, mask in zip(drifts, masks, strict=True)
    ]


def _common(masks: Sequence[Mask]) -> Mask:
    """Return where more than half of them changed something, or any at all."""
    votes = np.sum(masks, axis=0)
    most: Mask = votes * 2 > len(masks)
    some: Mask = votes > 0
    return most if most.any() else some


def _score(mask: Mask, inside: Mask, delta_e: float) -> float:
    drifted = 0.0 if np.isnan(delta_e) else delta_e
    return _share(mask, inside) - _share(mask, ~inside) - _DRIFT_WEIGHT * drifted


def _share(mask: Mask, where: Mask) -> float:
    return float(mask[where].mean()) if where.any() else 0.0
