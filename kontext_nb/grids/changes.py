"""What two pictures of a chain have apart in how they were made; as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kontext_nb.prompts import Piece, parameter_changes, prompt_changes

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Made:
    """How one picture was made, in words. All of them are text, never markup.

    Args:
        label: What people call it: "step 2", "the source".
        prompt: The instruction; "" for a picture that was not made.
        facts: What else is known of it, by its name: {"Seed": "7"}.
    """

    label: str
    prompt: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is not the same in two pictures.

    Args:
        before: What the first is called.
        after: What the second is called.
        prompt: The prompts as one text, by what became of each piece; empty where
            neither has one.
        rows: Name, value before and value after of every fact that differs.
        same: Name and value of every fact that does not.
    """

    before: str
    after: str
    prompt: tuple[Piece, ...]
    rows: tuple[tuple[str, str, str], ...]
    same: tuple[tuple[str, str], ...]


def changes(before: Made, after: Made) -> Changes:
    """Return what changed from one picture to the other."""
    rows = tuple(
        (name, old or UNKNOWN, new or UNKNOWN)
        for name, old, new in parameter_changes(before.facts, after.facts)
    )
    changed = {name for name, _, _ in rows}
    return Changes(
        before.label,
        after.label,
        prompt_changes(before.prompt, after.prompt),
        rows,
        tuple((n, v) for n, v in before.facts.items() if n not in changed),
    )
