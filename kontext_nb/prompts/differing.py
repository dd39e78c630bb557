"""What two prompts, or two sets of parameters, have apart: for eyes, word by word."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

# What is written without blanks goes letter by letter, marks with their letter; any
# other word stays whole, with the apostrophe, hyphen or point inside it.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3021-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_MARKS = "\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u3099\u309a\ufe0e\ufe0f"
_PUNCTUATION = (
    r"!-/:-@\[-`{-~¡-¿\u2010-\u205e\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20"
)
_LETTER = rf"[^\s{_PUNCTUATION}{_UNSPACED}]"
# With the white space before it; the last one is the end of the text, and no word.
_TOKEN = re.compile(
    rf"\s*(?:{_LETTER}+(?:['\u2019.:-]{_LETTER}+)*|[{_UNSPACED}][{_MARKS}]*|\S|\Z)"
)
# Where two stretches share no word that is there once, they are compared in full up to
# this many tokens a side; beyond, they are shown as replaced, for nobody could read it.
_BLOCK = 60
# A word with fewer letters, alone between two changes, is nothing to hold on to.
_LONE = 3


class Kind(StrEnum):
    """What became of a piece."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text with one fate.

    Args:
        kind: What became of it.
        text: With its white space.
    """

    kind: Kind
    text: str


def prompt_changes(before: str, after: str) -> tuple[Piece, ...]:
    """Return what was taken out of a prompt and what came in, in whole words.

    Args:
        before: The earlier prompt.
        after: The later one.

    Returns:
        Pieces in reading order. Those that are not ADDED make up `before`, those that
        are not REMOVED make up `after`, letter for letter; what was removed stands
        before what came in its place.

    Example:
        >>> [(p.kind.value, p.text) for p in prompt_changes("a red hat", "a blue hat")]
        [('same', 'a'), ('removed', ' red'), ('added', ' blue'), ('same', ' hat')]
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    found = _Pieces()
    at_old = at_new = 0
    for i, j in _held(old, _common(old, new)):
        if at_old < i or at_new < j:
            found.change("".join(old[at_old:i]), "".join(new[at_new:j]))
        if old[i] == new[j]:
            found.keep(old[i])
        else:
            word = old[i].lstrip()
            found.change(old[i].removesuffix(word), new[j].removesuffix(word))
            found.keep(word)
        at_old, at_new = i + 1, j + 1
    return found.closed()


def parameter_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[tuple[str, Any, Any], ...]:
    """Return the parameters that differ: each name with its value before and after.

    Args:
        before: The earlier parameters.
        after: The later ones.

    Returns:
        In the order of the names, first those of `before`; None stands for a parameter
        that is not there.
    """
    names = dict.fromkeys((*before, *after))
    both = ((name, before.get(name), after.get(name)) for name in names)
    return tuple((name, a, b) for name, a, b in both if not _alike(a, b))


def _alike(before: object, after: object) -> bool:
    # 1, 1.0 and True are equal and are not the same parameter.
    return type(before) is type(after) and before == after


class _Pieces:
    """Runs of text with one fate, joined as they come."""

    def __init__(self) -> None:
        self._found: list[Piece] = []
        self._same = self._removed = self._added = ""

    def keep(self, text: str) -> None:
        """Take text that both prompts have."""
        if text and (self._removed or self._added):
            self._close()
        self._same += text

    def change(self, removed: str, added: str) -> None:
        """Take text that one of them has."""
        self._removed += removed
        self._added += added

    def closed(self) -> tuple[Piece, ...]:
        """Return what was taken."""
        self._close()
        return tuple(self._found)

    def _close(self) -> None:
        if self._same:
            self._found.append(Piece(Kind.SAME, self._same))
        if self._removed:
            self._found.append(Piece(Kind.REMOVED, self._removed))
        if self._added:
            self._found.append(Piece(Kind.ADDED, self._added))
        self._same = self._removed = self._added = ""


def _common(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of places where the same word stands, in order.

    Words that each side has exactly once hold the two together; what lies between is
    done in the same way, then in full if it is short. The end of text is such a word.
    """
    here, there = [token.lstrip() for token in old], [token.lstrip() for token in new]
    work = [(0, len(here), 0, len(there))]
    found: list[tuple[int, int]] = []
    while work:
        i, i_end, j, j_end = work.pop()
        while i < i_end and j < j_end and here[i] == there[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and here[i_end - 1] == there[j_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
            found.append((i_end, j_end))
        left, right = here[i:i_end], there[j:j_end]
        if set(left).isdisjoint(right):
            continue
        anchors = _anchors(left, right)
        if not anchors and len(left) <= _BLOCK and len(right) <= _BLOCK:
            found += ((i + a, j + b) for a, b in _in_full(left, right))
            continue
        at_i, at_j = i, j
        for a, b in anchors:
            found.append((i + a, j + b))
            work.append((at_i, i + a, at_j, j + b))
            at_i, at_j = i + a + 1, j + b + 1
        if anchors:
            work.append((at_i, i_end, at_j, j_end))
    return sorted(found)


def _anchors(here: Sequence[str], there: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest ordered run of words that both sides have exactly once."""
    counts, others = Counter(here), Counter(there)
    once = {word for word, n in counts.items() if n == 1 == others.get(word)}
    places = {word: k for k, word in enumerate(there) if word in once}
    pairs = [(k, places[word]) for k, word in enumerate(here) if word in once]
    ends: list[int] = []  # the lowest place a run of each length can end at
    last: list[int] = []  # which pair that is
    came: list[int] = []  # the pair before each
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        came.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place)
            last.append(number)
        else:
            ends[length], last[length] = place, number
    run, number = [], last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = came[number]
    return run[::-1]


def _in_full(here: Sequence[str], there: Sequence[str]) -> Iterator[tuple[int, int]]:
    for a, b, size in SequenceMatcher(None, here, there, False).get_matching_blocks():
        yield from zip(range(a, a + size), range(b, b + size), strict=True)


def _held(
    old: Sequence[str], pairs: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Leave out a short word or a mark that stands alone between two replacements."""
    runs: list[list[tuple[int, int]]] = []
    for i, j in pairs:
        if runs and runs[-1][-1] == (i - 1, j - 1):
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    before = (-1, -1)
    for number, run in enumerate(runs):
        after = runs[number + 1][0] if number + 1 < len(runs) else before
        alone = all(
            run[0][side] - before[side] > 1 and after[side] - run[-1][side] > 1
            for side in (0, 1)
        )
        if not (alone and sum(_weight(old[i].lstrip()) for i, _ in run) < _LONE):
            yield from run
        before = run[-1]


def _weight(word: str) -> int:
    return len(word) if word.isascii() else 2 * len(word)
