"""How prompts are reworded: a clause added, a phrase replaced; nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Callable

from kontext_nb.prompts.reading import Reading

_ENDING = re.compile(r"[\s,;:]*\Z")


def adding(text: str, clause: str) -> str:
    """Return a prompt with a clause about what stays.

    Args:
        text: The prompt.
        clause: What is to stay, as it stands between "keep" and "the same".
    """
    bare = _ENDING.sub("", text)
    if bare.endswith((".", "!", "?", "。")):
        return f"{bare} Keep {clause} the same."
    return f"{bare}, keeping {clause} the same"


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
