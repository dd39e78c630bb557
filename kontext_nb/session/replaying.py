"""A chain's edits made again, of another picture."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from kontext_nb.chain import Step
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.pixels import Picture
from kontext_nb.preservation.masks import mask_of
from kontext_nb.session.desk import Desk
from kontext_nb.session.how import How, how_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kontext_nb.session.edits import Chain, Edit


def replayed(
    chain: Chain, on: Chain, last: Edit | None, until_delta_e: float | None
) -> None:
    """Make a chain's edits in another one; see `Chain.replay`.

    Args:
        chain: Whose edits they are.
        on: Where they are made.
        last: The last of them.
        until_delta_e: When to stop.

    Raises:
        ParameterRejected: Something does not fit; nothing was sent.
        KontextError: A step could not be made.
    """
    _check_limit(until_delta_e, on.source)
    recipe = _recipe(chain.desk, last.line() if last else (), on.source)
    made: Edit | None = None
    for number, (prompt, how) in enumerate(recipe, start=1):
        made = on.add(prompt, parent=made, **how)
        if until_delta_e is None or number == len(recipe):
            continue
        off = made.total_drift.delta_e
        if off > until_delta_e:
            warnings.warn(
                f"Stopped after step {number} of {len(recipe)}: what did not change is "
                f"{off:.1f} from the source, and until_delta_e is {until_delta_e}.",
                stacklevel=4,
            )
            return


def _check_limit(given: object, source: Picture | str) -> None:
    """Refuse a limit that is none, or that could not be looked at.

    Raises:
        ParameterRejected: It is.
    """
    if given is None:
        return
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not math.isfinite(given) or given <= 0:  # type: ignore[operator,arg-type]
        raise ParameterRejected(
            f"The limit until_delta_e={echo(given)} is no number above 0.",
            "Give one such as 2, which is just seen, or leave it out.",
        )
    if isinstance(source, str):
        raise ParameterRejected(
            "How far a picture drifts cannot be told if it is not here.",
            "Give the picture itself, or leave until_delta_e out.",
        )


def _recipe(
    desk: Desk, steps: Sequence[Step], source: Picture | str
) -> list[tuple[str, How]]:
    """Return the instructions of steps and how they are made of another picture.

    Raises:
        ParameterRejected: A mask of one of them does not fit that picture.
    """
    recipe = [(step.job.request.prompt, how_of(desk, step)) for step in steps]
    for _, how in recipe:
        mask = how.get("preserve")
        if isinstance(source, str) or not mask:
            break  # from here on the model says what shape the picture has
        if mask is not True:
            mask_of(mask, source.image.size)
    return recipe
