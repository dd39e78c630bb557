"""How an edit shall be made: what the controls say, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kontext_nb.model import SEED_MAX, checked_seed

SeedKind = Literal["random", "fixed", "next"]
MOST_VARIANTS = 4
_DIGITS = len(str(SEED_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How an edit shall be made.

    Args:
        model: The model's id.
        seeds: One edit each, side by side; None has one picked.
        aspect_ratio: None to follow the source.
    """

    model: str
    seeds: tuple[int | None, ...]
    aspect_ratio: str | None


def seeds(
    kind: SeedKind, typed: str, *, count: int, last: int | None, span: tuple[int, int]
) -> tuple[int | None, ...]:
    """Return the seeds of ``count`` variants.

    Args:
        kind: "random" has each picked; "fixed" counts on from the one that is typed,
            "next" from the last one used (and is random where none was).
        typed: The seed field, as it stands.
        count: How many.
        last: The seed of the edit before.
        span: The model's lowest and highest seed; past the highest it goes on with the
            lowest.

    Raises:
        ParameterRejected: What is typed is no seed.
    """
    low, high = max(0, span[0]), span[1]
    first = last + 1 if kind == "next" and last is not None else None
    if kind == "fixed":
        first = _number(typed)
    if first is None:
        return (None,) * count
    if not low <= first <= high and kind == "fixed":
        return (first,) * count  # refused where every seed is checked, in its words
    return tuple(low + (first + n - low) % (high - low + 1) for n in range(count))


def _number(text: str) -> int | None:
    """Read the seed field; what is no number is refused where every seed is checked."""
    text = text.strip()
    number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if number else checked_seed(text)
