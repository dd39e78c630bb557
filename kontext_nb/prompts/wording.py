"""K010: words that leave open who or what is meant."""

from __future__ import annotations

import re

from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import PERSONS

_PERSONAL = re.compile(r"\b(?:him|her|his|hers|he|she|them|they|their)\b")


def pronoun(reading: Reading) -> Fault | None:
    """Find a pronoun that stands for nobody."""
    if PERSONS.isdisjoint(reading.words) and (found := _PERSONAL.search(reading.plain)):
        word = reading.text[found.start() : found.end()]
        return Fault(
            *found.span(),
            f'"{word}" does not say who is meant: write what can be seen of them, '
            'such as "the woman with short black hair".',
        )
    return None
