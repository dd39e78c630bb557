"""How prompts are reworded: a clause added, a phrase replaced; nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Callable

from kontext_nb.prompts.reading import Reading

MENDED_CHARS = 400  # what is longer needs a rewrite, not a click


def adding(text: str, kept: str, *, same: bool = True) -> str:
    """Return a prompt with a clause about what stays.

    Args:
        text: The prompt.
        kept: What is to stay.
        same: Whether the words "the same" are still to be added.
    """
    kept = f"{kept} the same" if same else kept
    bare = text.rstrip(" \t\r\n,;:")
    if bare.endswith((".", "!", "?")):
        return f"{bare} Keep {kept}."
    return f"{bare}, keeping {kept}"


def replacing(
    reading: Reading,
    pattern: re.Pattern[str],
    written: Callable[[re.Match[str]], str | None],
) -> str | None:
    """Return the prompt with every match reworded, or None if one cannot be.

    Args:
        reading: The prompt.
        pattern: What to look for, in its plain form; quotes are masked there.
        written: Returns what to write for a match. Letters are taken from the prompt
            itself by the match's spans, so that capitals and quotes survive.
    """
    if len(reading.text) > MENDED_CHARS:
        return None
    parts, at = [], 0
    for match in pattern.finditer(reading.plain):
        words = written(match)
        if words is None:
            return None
        first = reading.text[match.start() : match.start() + 1]
        if first.isupper():
            words = words[:1].upper() + words[1:]
        parts += [reading.text[at : match.start()], words]
        at = match.end()
    return "".join([*parts, reading.text[at:]]) if parts else None
