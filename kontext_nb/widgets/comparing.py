"""Pictures of any origin, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kontext_nb import pixels
from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import plan
from kontext_nb.model import echo
from kontext_nb.session.edits import Edit
from kontext_nb.session.shown import bundle, pair_of
from kontext_nb.widgets.choice import compare_view
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.comparison import MODES
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.shots import Shot, result_of

_PAIR = ("Source", "Result")

# What stands in a still, beside what it is the still of: a picture, or a result.
_Taken = tuple[pixels.Picture | str | Edit, plan.Cell]


def compare(
    *pictures: Any,
    labels: Sequence[str] | None = None,
    mode: str = "side",
    footer: str = "",
) -> Compare | PlainCompare:
    """Compare two to four pictures, by eye and by pixel.

    Args:
        *pictures: Paths, bytes, Pillow images, arrays, or edits: an edit gives its
            source and its result, the source only once if it is there already.
        labels: Their names; else the edits' words, or "Source" and "Result".
        mode: How to begin: "side", "slider", "blink", "onion", "difference" or
            "change".
        footer: Stands below, for example what made the second one.

    Raises:
        ImageRejected: One of them is no usable picture.
        ParameterRejected: They are too few or too many, or have too few or too many
            names, or there is no such mode.
    """
    if mode not in MODES:
        raise ParameterRejected(
            f"There is no mode {echo(mode)}.", f"Use one of {', '.join(MODES)}."
        )
    taken = _taken(pictures)
    names = _names(labels, taken)
    made_by = (given.model for given in pictures if isinstance(given, Edit))
    footer = footer or " · ".join(dict.fromkeys(made_by))
    shots = [
        result_of(shown, name, alt=cell.alt)
        if isinstance(shown, Edit)
        else Shot.of(shown, name, size=cell.detail, alt=cell.alt)
        for (shown, cell), name in zip(taken, names, strict=True)
    ]
    view = compare_view()
    view.show(shots, footer=footer)
    view.mode = mode
    cells = [
        replace(
            cell, caption=name, detail=cell.detail or shot.size, alt=cell.alt or name
        )
        for (_, cell), name, shot in zip(taken, names, shots, strict=True)
    ]
    sheet = plan.strip(cells, footer=footer)
    view.static = lambda: bundle(sheet, repr(view))
    return view


def _taken(pictures: Sequence[Any]) -> list[_Taken]:
    """Read what `compare` is given; no edit repeats a source that is there already."""
    taken: list[_Taken] = []
    for given in pictures:
        if not isinstance(given, Edit):
            picture = pixels.load(given)
            taken.append((picture, plan.Cell(picture.image)))
            continue
        before, after = pair_of(given).rows[0]
        if _identity(given.before) not in (_identity(other) for other, _ in taken):
            taken.append((given.before, before))
        taken.append((given, after))
    return taken


def _identity(shown: pixels.Picture | str | Edit) -> str:
    picture = shown.after if isinstance(shown, Edit) else shown
    return picture if isinstance(picture, str) else picture.digest


def _names(labels: Sequence[str] | None, taken: list[_Taken]) -> list[str]:
    """Return a name for each picture: the given ones, an edit's, or plain ones."""
    if labels is None:
        numbered = [f"Picture {place}" for place in range(1, len(taken) + 1)]
        plain = _PAIR if len(taken) == len(_PAIR) else numbered
        return [
            cell.caption or name for (_, cell), name in zip(taken, plain, strict=True)
        ]
    if isinstance(labels, str) or not all(isinstance(name, str) for name in labels):
        raise ParameterRejected(
            f"{echo(labels)} are no labels.", 'Give texts, such as ("before", "after").'
        )
    if len(labels) != len(taken):
        raise ParameterRejected(
            f"There are {len(taken)} pictures and {len(labels)} labels.",
            "Give one label for each picture, or none at all.",
        )
    return list(labels)
