"""K010, K041, K042: words that leave open who is meant, or what is to be done."""

from __future__ import annotations

import re

from kontext_nb.prompts.amending import replacing
from kontext_nb.prompts.looking import beginning, places
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import (
    COLOUR,
    END,
    PERSONS,
    SIZE,
    A,
    any_of,
    phrase,
    words_of,
)

_PERSONAL = words_of("him her hers his he she")
_PLURAL = words_of("them they")
_NAME = re.compile(
    r"\b(?:[Gg]ive|[Mm]ake|[Dd]ress|[Pp]ut|[Tt]urn|[Kk]eep|[Cc]hange|of|on|for|and|with|"
    r"behind|beside) [A-Z][a-z]{2,20}\b"
)
_SEVERAL = re.compile(r"\b(?!this\b|his\b|is\b|was\b|as\b|us\b)[a-z]{2,30}s\b")
_LETTERS = re.compile(r"[^\W_]+")
_NAMED = phrase(rf"\b{A} [a-z]")
_HANDLED = """
    remove delete erase replace swap move place rotate flip hide enlarge shrink recolor
    recolour paint repaint
"""
_TO_DO = any_of("with to from and into by on in at behind under up down away")
_THING = beginning(
    f"{_HANDLED} make turn change dye",
    rf"{any_of(_HANDLED)} (?:it\b|(?:this|that|these|those)"
    rf"(?=\W{{0,4}}\Z| ?[.,;!?]| {_TO_DO}\b))"
    r"|(?:make|turn|change|dye) (?:it|this|that|these|those)"
    rf"(?= (?:to |into )?(?:{COLOUR}|{SIZE})(?! and white){END})",
)


def pronoun(reading: Reading) -> Fault | None:
    """Find a pronoun that stands for nobody the prompt names."""
    found = filter(None, (_somebody(reading), _several(reading), _something(reading)))
    first = min(found, default=None)
    if first is None:
        return None
    start, end = first
    word = reading.text[start:end]
    return Fault(
        start,
        end,
        f'"{word}" does not say who or what is meant: name it by what can be seen, '
        'such as "the woman with short black hair".',
    )


def _somebody(reading: Reading) -> tuple[int, int] | None:
    found = places(reading, _PERSONAL)
    if not found or PERSONS & reading.words or _NAME.search(reading.text):
        return None
    return _word_at(reading, found[0])


def _several(reading: Reading) -> tuple[int, int] | None:
    found = places(reading, _PLURAL)
    if not found or PERSONS & reading.words:
        return None
    named = _SEVERAL.search(reading.plain, 0, found[0])
    return None if named else _word_at(reading, found[0])


def _something(reading: Reading) -> tuple[int, int] | None:
    found = _THING.search(reading)
    if not found or _NAMED.search(reading.plain, 0, found.start()):
        return None
    return found.end() - len(found[0].split()[-1]), found.end()


def _word_at(reading: Reading, start: int) -> tuple[int, int]:
    found = _LETTERS.match(reading.plain, start)
    return (start, found.end() if found else start)


# Words that name no change wherever they stand, and such that do so only as all that a
# thing is to become: "a beautiful sunset" is clear, "make it beautiful" is not.
_VAGUE = "nicer prettier improve improved artistic aesthetic"
_OPINION = any_of(
    """
    cool nice pretty beautiful good great amazing awesome perfect interesting stunning
    professional modern fancy epic attractive appealing unique special creative
    """
)
_FURTHER = "(?:(?:more|much|a bit|a little|really|very|so|super|even|way) )"
_UNCLEAR = beginning(
    f"{_VAGUE} better enhance make look looks more",
    rf"{any_of(_VAGUE)}\b"
    r"|better\b(?! than| homes)"
    r"|enhance\b(?! (?:the )?"
    r"(?:contrast|saturation|sharpness|brightness|colou?rs?))"
    rf"|make (?:it|this|that|him|her|them) {_FURTHER}{{0,2}}{_OPINION}{END}"
    rf"|looks? {_FURTHER}{{0,2}}{_OPINION}{END}"
    rf"|more (?:beautiful|interesting|attractive|appealing|professional|creative)"
    rf"{END}"
    rf"|make (?:it|this|that|them) pop{END}",
)


def vague(reading: Reading) -> Fault | None:
    """Find words of praise where a change should be named."""
    found = _UNCLEAR.search(reading)
    if not found:
        return None
    words = reading.said(*found.span())
    return Fault(
        *found.span(),
        f'"{words}" can mean anything: say what is to change and into what, such as '
        '"matte forest green", "softer shadows" or "a 1960s pop-art poster".',
    )


_ACTIVE = {
    "changed": "change",
    "replaced": "replace",
    "removed": "remove",
    "deleted": "delete",
    "erased": "erase",
    "turned": "turn",
    "converted": "convert",
    "transformed": "transform",
    "painted": "paint",
    "coloured": "colour",
    "colored": "color",
    "moved": "move",
    "made": "make",
    "blurred": "blur",
    "kept": "keep",
    "left": "leave",
    "added": "add",
    "swapped": "swap",
    "darkened": "darken",
    "brightened": "brighten",
    "preserved": "preserve",
}
_BE = "(?:should|must|shall|has to|have to|needs? to|ought to|is to|are to) be"
_DONE = any_of(" ".join(_ACTIVE))
_PASSIVE = beginning(
    """
    should must shall has have needs need ought is are can could may will to want
    """,
    rf"{_BE}\b(?! able)|(?:can|could|may|will|to) be {_DONE}\b"
    rf"|want {A} [^.,;!?\n]{{1,60}}? (?:{_DONE}\b|to be {COLOUR}{END})",
)
_SUBJECT = rf"(?P<what>{A} [^.,;:!?\n]{{1,60}}?)"
_SENTENCE = phrase(
    r"(?:(?<=\A)|(?<=[.!?]\x20)|(?<=\n))(?:i want (?:that )?)?"
    rf"{_SUBJECT} {_BE} (?:(?P<done>{_DONE})\b(?P<rest>[^.;!?\n]{{0,160}})"
    rf"|(?P<colour>{COLOUR}){END})"
)


def passive(reading: Reading) -> Fault | None:
    """Find a wish about how things should be, where an instruction belongs."""
    found = _PASSIVE.search(reading)
    if not found:
        return None
    words = reading.said(*found.span())
    return Fault(
        *found.span(),
        f'"{words}" describes a wish: begin with the verb, such as "Change the sky to '
        'pink".',
        better=replacing(reading, _SENTENCE, lambda match: _said(reading, match)),
    )


def _said(reading: Reading, match: re.Match[str]) -> str:
    """Return a sentence about what should be done as an instruction to do it."""

    def written(group: str) -> str:
        start, end = match.span(group)
        return reading.text[start:end]

    subject = written("what")
    subject = subject[:1].lower() + subject[1:]
    if match["colour"]:
        return f"Make {subject} {written('colour')}"
    return f"{_ACTIVE[match['done']].capitalize()} {subject}{written('rest')}"
