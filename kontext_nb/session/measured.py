"""What was measured of two pictures: as numbers to be kept, as words and as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from kontext_nb.preservation import Drift, Registration, telling
from kontext_nb.preservation.affine import Affine
from kontext_nb.preservation.toning import Tone

if TYPE_CHECKING:
    from PIL.Image import Image

_IN_AREA = "changed in the area"


def numbers_of(seen: Drift) -> dict[str, Any]:
    """Return all that was measured but the map, as JSON can say it."""
    plain = {field.name: getattr(seen, field.name) for field in fields(seen)}
    del plain["mask"]
    nested = {name: asdict(plain[name]) for name in ("registration", "tone")}
    return plain | nested


def drift_of(numbers: Mapping[str, Any], mask: Image) -> Drift:
    """Return what was measured, from its numbers.

    Args:
        numbers: As `numbers_of` gave them.
        mask: The map of the change.

    Raises:
        LookupError: They are not.
        TypeError: They are not.
        ValueError: They are not.
    """
    found = dict(numbers["registration"])
    for size in ("before_size", "after_size"):
        found[size] = tuple(found[size])
    found["affine"] = Affine(**_paired(found["affine"]))
    of = {
        "registration": Registration(**found),
        "tone": Tone(**_paired(numbers["tone"])),
        "boxes": tuple(map(tuple, numbers["boxes"])),
        "mask": mask,
    }
    return Drift(**(dict(numbers) | of))


def _paired(lists: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(values) for name, values in lists.items()}


class Shown(Enum):
    """How much a result shows of the model's picture; the rest is the one before."""

    ALL = auto()
    CHANGE = auto()
    AREA = auto()  # what changed around it does not show


def words(seen: Drift, *, shown: Shown) -> str:
    """Say what changed and how well the rest was kept, in one line.

    Args:
        seen: From the picture before to the model's.
        shown: How much of that the result shows.
    """
    if shown is Shown.ALL:
        return str(seen)
    change, outside = telling.change(seen), telling.outside(seen)
    model = f"{seen.registration} · {outside}"
    if shown is Shown.AREA:
        change, model = _IN_AREA, f"{change} · {model}"
    return f"{change} · the rest is the source's (the model's: {model})"


def few_words(seen: Drift, *, shown: Shown) -> str:
    """Say the same in a few words, for where there is little room."""
    if shown is not Shown.ALL:
        change = _IN_AREA if shown is Shown.AREA else telling.change(seen)
        return f"{change}, rest kept"
    if not seen.registration.confident:
        return "not comparable"
    if seen.everywhere:
        return "changed everywhere"
    return f"{telling.change(seen)}, {telling.outside(seen)}"


def columns(seen: Drift, *, preserved: bool) -> dict[str, float | bool | None]:
    """Return the numbers as the columns of a table.

    Args:
        seen: From the picture before to the model's.
        preserved: Whether the rest is the picture before all the same.

    Returns:
        Values by names; None where the number means nothing.
    """
    found = seen.registration
    numbers = {
        "changed_share": seen.changed,
        "shift_px": max(map(abs, found.shift)) if found.confident else None,
        "zoom": max(map(abs, found.zoom)) if found.confident else None,
        "tone": seen.tone.shift,
        "psnr_outside_db": seen.psnr_db,
        "ssim_outside": seen.ssim,
        "delta_e_outside": seen.delta_e,
    }
    known = {k: None if v is None or math.isnan(v) else v for k, v in numbers.items()}
    return {**known, "ignored": seen.ignored, "preserved": preserved}
