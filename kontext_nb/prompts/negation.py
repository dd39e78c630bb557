"""K030: saying what is unwanted; what is wanted is easier to paint."""

from __future__ import annotations

import re

from kontext_nb.prompts.amending import replacing
from kontext_nb.prompts.looking import beginning
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import EDIT_VERB, any_of, phrase, words_of

_CHANGING = {
    **dict.fromkeys(("change", "alter", "modify", "touch", "edit", "affect"), "same"),
    **dict.fromkeys(("changing", "altering", "modifying", "touching"), "same"),
    **dict.fromkeys(("editing", "affecting"), "same"),
    **dict.fromkeys(("move", "moving"), "in place"),
    **dict.fromkeys(("remove", "delete", "erase", "lose"), ""),
    **dict.fromkeys(("removing", "deleting", "erasing", "losing"), ""),
}
_DOING = any_of(" ".join(word for word in _CHANGING if word.endswith("ing")))
_DO = any_of(" ".join(word for word in _CHANGING if not word.endswith("ing")))
_NOT = "(?:please )?(?:do not|don't|dont|never)"
_SIGN = r"(?! ?[\w-]{1,20} signs?\b)"

_NEGATIVE = beginning(
    """
    please do don't dont never does should must shall may can is are will doesn't
    shouldn't mustn't isn't aren't can't won't without no avoid not change alter touch
    nothing
    """,
    rf"{_NOT} [a-z]{{1,20}}\b"
    r"|(?:does|should|must|shall|may|can|is|are|will)(?: not|n't)\b|(?:can|won)'t\b"
    rf"|without (?:{_DOING}|any|people|text|watermarks?|shadows?|blur)\b"
    rf"|(?<!-)no (?!longer|one\b|matter|more than|doubt|\d){_SIGN}"
    r"(?=[a-z])[a-z]{1,20}\b"
    r"|(?:avoid|never)\b|(?<!or\x20)(?<!why\x20)not\b(?! only)"
    r"|(?:change|alter|touch) nothing(?: else)?\b|nothing else\b",
)
_STAYS = (
    rf"(?P<what>[^.,;:!?\n]{{1,80}}?)(?=[.,;:!?\n]|\s{{0,4}}\Z| and {EDIT_VERB}"
    r"| (?:but|while|when|and keep)\b)"
)
_MEANT = phrase(
    rf"\b{_NOT} (?P<do>{_DO}) {_STAYS}|\bwithout (?P<doing>{_DOING}) "
    + _STAYS.replace("what", "whats")
    + r"|\b(?P<all>(?:change|alter|touch) nothing else|nothing else (?:should|must|may)"
    r" (?:be )?changed?)\b"
)
# What follows these is a condition, a degree or a purpose, not a thing to keep.
_BEYOND = words_of("unless that which if so because too much to than until yet except")


def negative(reading: Reading) -> Fault | None:
    """Find what is said by what is not to be."""
    found = _NEGATIVE.search(reading)
    if not found:
        return None
    words = reading.said(*found.span())
    better = replacing(reading, _MEANT, lambda match: _stays(reading, match))
    what = (
        'such as "keep the face the same"'
        if _MEANT.match(reading.plain, found.start())
        else 'such as "an empty street" for "no cars"'
    )
    return Fault(
        *found.span(),
        f'"{words}" says what is unwanted: write what should be there, {what}.',
        better=better,
    )


def _stays(reading: Reading, match: re.Match[str]) -> str | None:
    """Return what is not to be changed as something to keep."""
    if match["all"]:
        return "keep everything else the same"
    start, end = match.span("what" if match["do"] else "whats")
    what = reading.text[start:end].strip()
    words = words_of(what.lower())
    if not words or words & _BEYOND:
        return None
    for told, kept in _RENAMED:
        what = told.sub(kept, what)
    how = _CHANGING[match["do"] or match["doing"]]
    how = {"same": " the same", "": ""}.get(how, f" {how}")
    return f"{'keep' if match['do'] else 'while keeping'} {what}{how}"


_RENAMED = (
    (re.compile(r"^anything\b", re.IGNORECASE), "everything"),
    (re.compile(r"^any(?: other)? ", re.IGNORECASE), "the other "),
    (re.compile(r"\bor\b", re.IGNORECASE), "and"),
)
