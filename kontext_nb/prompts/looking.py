"""Looking for phrases where they can begin: at a few words, not at every letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.vocabulary import phrase, words_of

# So many places are tried. Short edits end to end, as long as a prompt that is judged,
# have 70 at most; nothing but beginnings, written to be slow, would have 320.
_TRIED = 80


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern, and the words that it can begin with.

    Args:
        firsts: All words that a match can begin with.
        pattern: What to look for in the plain form of a prompt.
    """

    firsts: frozenset[str]
    pattern: re.Pattern[str]

    def search(self, reading: Reading) -> re.Match[str] | None:
        """Return the first match."""
        return next(self.finditer(reading), None)

    def finditer(self, reading: Reading) -> Iterator[re.Match[str]]:
        """Yield the matches, which may overlap, in order."""
        for start in places(reading, self.firsts)[:_TRIED]:
            if found := self.pattern.match(reading.plain, start):
                yield found


def beginning(firsts: str, pattern: str) -> Phrase:
    """Return a phrase.

    Args:
        firsts: The words it can begin with, apart by blanks.
        pattern: As for `phrase`; it begins where a word does.
    """
    return Phrase(words_of(firsts), phrase(pattern))


def places(reading: Reading, words: frozenset[str]) -> list[int]:
    """Return where any of the words stands, in order."""
    found = words & reading.places.keys()
    return sorted(start for word in found for start in reading.places[word])
