"""K040: several edits in one prompt, and how it comes apart into passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kontext_nb.prompts.looking import places
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import EDIT_VERB, EDIT_WORDS, KEEP_VERB, phrase

MOST = 2  # edits that one prompt may well have
_MOST_PASSES = 8  # more of them need a plan, not a click

_LEAD = r"(?:(?:also|then|next|finally|first|please|lastly|now)\b,? )"
_MARKER = r"(?:\s{0,4}(?:[-*\u2022]|\d{1,2}[.)]) ?)"
_HEAD = rf"{_LEAD}{{0,3}}(?:{EDIT_VERB}|{KEEP_VERB}\b)"
_BREAK = phrase(
    rf"(?:[.!?;](?=\s)|\n){{1,4}}\s{{0,4}}{_MARKER}?"
    rf"|, (?:and |but |then |and then |and also )?(?={_HEAD})"
    rf"| (?:and then|and also|and|then|but|plus) (?={_HEAD})"
)
_BEGIN = phrase(
    rf"\s{{0,4}}{_MARKER}?{_LEAD}{{0,3}}"
    rf"(?:(?P<edit>{EDIT_VERB})|(?P<keep>{KEEP_VERB}\b)|(?P<remark>\S))"
)
_WHILE = phrase(r",? (?:while )?(?:keeping|preserving|maintaining|retaining|leaving)\b")


@dataclass(frozen=True, slots=True)
class _Clause:
    start: int
    end: int
    kind: str  # "edit", "keep", or "remark" for what is neither


def compound(reading: Reading) -> Fault | None:
    """Find more edits than one prompt carries well."""
    if len(places(reading, EDIT_WORDS)) <= MOST:
        return None
    clauses = list(_clauses(reading.plain))
    edits = [clause for clause in clauses if clause.kind == "edit"]
    if len(edits) <= MOST:
        return None
    over = edits[MOST]
    return Fault(
        over.start,
        over.end,
        f"These are {len(edits)} edits at once: make them one after the other.",
        passes=_passes(reading, clauses) if len(edits) <= _MOST_PASSES else (),
    )


def _clauses(plain: str) -> Iterator[_Clause]:
    at = 0
    for stop, after in (*(m.span() for m in _BREAK.finditer(plain)), (len(plain),) * 2):
        if (begin := _BEGIN.match(plain, at, stop)) and (kind := begin.lastgroup):
            start = begin.start(kind)
            end = start + len(plain[start:stop].rstrip(" \t\n,;.!"))
            if end > start:
                yield _Clause(start, end, kind)
        at = after


def _passes(reading: Reading, clauses: list[_Clause]) -> tuple[str, ...]:
    """Return each edit as a prompt of its own, each with all that is to be kept."""
    edits: list[str] = []
    kept: list[str] = []
    trailing = ""
    for clause in clauses:
        words = reading.text[clause.start : clause.end]
        if clause.kind == "keep":
            kept.append(_sentence(words))
            continue
        if clause.kind == "remark":
            return ()  # it may be about any of the edits
        plain = reading.plain[clause.start : clause.end]
        if also := _WHILE.search(plain):
            words, trailing = words[: also.start()], words[also.start() :]
        edits.append(_sentence(words))
    return tuple(
        ". ".join([edit + trailing, *kept]) + ("." if kept else "") for edit in edits
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
