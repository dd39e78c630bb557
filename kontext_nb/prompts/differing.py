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
_LETTER = rf"[^\s!-/:-@\[-`{{-~¡-¿\u2010-\u205e\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20{_UNSPACED}]"
_TOKEN = re.compile(
    rf"(\s*)([{_UNSPACED}][{_MARKS}]*|{_LETTER}+(?:['\u2019.:-]{_LETTER}+)*|\S|\Z)"
)
# Where two stretches share no word that is there once, they are compared in full up to
# this many tokens a side; beyond, they are shown as replaced, for nobody could read it.
_BLOCK = 60
_LONE_CHARS = 3  # a shorter word alone between two changes is nothing to hold on to


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


@dataclass(frozen=True, slots=True)
class _Token:
    blank: str
    word: str


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
    old, new = _tokens(before), _tokens(after)
    pieces: list[Piece] = []
    at_old = at_new = 0
    for i, j in _held(old, new, _common(old, new)):
        _add(pieces, Kind.REMOVED, old[at_old:i])
        _add(pieces, Kind.ADDED, new[at_new:j])
        if old[i].blank == new[j].blank:
            _add(pieces, Kind.SAME, [old[i]])
        else:
            _add(pieces, Kind.REMOVED, [_Token(old[i].blank, "")])
            _add(pieces, Kind.ADDED, [_Token(new[j].blank, "")])
            _add(pieces, Kind.SAME, [_Token("", old[i].word)])
        at_old, at_new = i + 1, j + 1
    return tuple(pieces)


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


def _tokens(text: str) -> list[_Token]:
    """Return the words with the white space before each; the last is the text's end."""
    return [_Token(*match.groups()) for match in _TOKEN.finditer(text)]


def _add(pieces: list[Piece], kind: Kind, tokens: Iterable[_Token]) -> None:
    text = "".join(token.blank + token.word for token in tokens)
    if text and pieces and pieces[-1].kind is kind:
        text = pieces.pop().text + text
    if text:
        pieces.append(Piece(kind, text))


def _common(old: Sequence[_Token], new: Sequence[_Token]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of places where the same word stands, in order.

    Words that each side has exactly once hold the two together; what lies between is
    done in the same way, then in full if it is short. The end of text is such a word.
    """
    work = [(0, len(old), 0, len(new))]
    found: list[tuple[int, int]] = []
    while work:
        i, i_end, j, j_end = work.pop()
        while i < i_end and j < j_end and old[i].word == new[j].word:
            found.append((i, j))
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and old[i_end - 1].word == new[j_end - 1].word:
            i_end, j_end = i_end - 1, j_end - 1
            found.append((i_end, j_end))
        if i == i_end or j == j_end:
            continue
        anchors = _anchors(old, new, (i, i_end, j, j_end))
        if anchors:
            found += anchors
            for stop_i, stop_j in (*anchors, (i_end, j_end)):
                work.append((i, stop_i, j, stop_j))
                i, j = stop_i + 1, stop_j + 1
        elif i_end - i <= _BLOCK and j_end - j <= _BLOCK:
            found += _in_full(old, new, (i, i_end, j, j_end))
    yield from sorted(found)


def _anchors(
    old: Sequence[_Token], new: Sequence[_Token], block: tuple[int, int, int, int]
) -> list[tuple[int, int]]:
    """Return the longest ordered run of words that both sides have exactly once."""
    i, i_end, j, j_end = block
    here = Counter(token.word for token in old[i:i_end])
    there = Counter(token.word for token in new[j:j_end])
    places = {new[k].word: k for k in range(j, j_end)}
    pairs = [
        (k, places[word])
        for k in range(i, i_end)
        if here[word := old[k].word] == 1 and there[word] == 1
    ]
    ends: list[int] = []  # the lowest place a run of each length can end at
    last: list[int] = []  # which pair that is
    came: list[int] = []  # the pair before each
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [number]
        came.append(last[length - 1] if length else -1)
    run, number = [], last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = came[number]
    return run[::-1]


def _in_full(
    old: Sequence[_Token], new: Sequence[_Token], block: tuple[int, int, int, int]
) -> Iterator[tuple[int, int]]:
    i, i_end, j, j_end = block
    here = [token.word for token in old[i:i_end]]
    there = [token.word for token in new[j:j_end]]
    for a, b, size in SequenceMatcher(None, here, there, False).get_matching_blocks():
        yield from ((i + a + k, j + b + k) for k in range(size))


def _held(
    old: Sequence[_Token],
    new: Sequence[_Token],
    pairs: Iterable[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """Leave out a short word or a mark that stands alone between two replacements."""
    runs: list[list[tuple[int, int]]] = []
    for i, j in pairs:
        if runs and runs[-1][-1] == (i - 1, j - 1):
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    for number, run in enumerate(runs):
        (i, j), (i_end, j_end) = run[0], run[-1]
        letters = sum(len(old[k].word) for k in range(i, i_end + 1))
        inside = 0 < number < len(runs) - 1 and min(i, j) > 0
        replaced = inside and all(
            later[0][side] - earlier[-1][side] > 1
            for earlier, later in ((runs[number - 1], run), (run, runs[number + 1]))
            for side in (0, 1)
        )
        spaced = i_end + 1 < len(old) and j_end + 1 < len(new)
        if not (replaced and spaced and letters < _LONE_CHARS):
            yield from run
