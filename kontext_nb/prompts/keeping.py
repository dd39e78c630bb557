"""K011, K012, K013: what must stay is not said where much may change."""

from __future__ import annotations

from kontext_nb.prompts.amending import adding
from kontext_nb.prompts.finding import Severity
from kontext_nb.prompts.looking import beginning
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import (
    COMPOSITION,
    END,
    KEEPS,
    PERSON,
    PLACE,
    SETTING,
    STYLE,
    WHOLE,
    A,
)

_KEPT = beginning(
    "everything all nothing without do don't never leave",
    r"(?:everything|all|nothing) else\b"
    r"|without (?:chang|alter|touch|affect|mov)ing\b"
    r"|(?:do not|don't|never) (?:change|alter|touch|modify|affect)\b|leave the\b",
)

# Words between an article and a person: adjectives, but nothing that starts a new part.
_TRAIT = (
    r"(?:(?!of |with |in |on |behind |near |to |into |from |and |the )[\w-]{1,20} )"
)
_REMADE = beginning(
    "transform turn convert morph change make",
    rf"(?:transform|turn|convert|morph|change|make) (?:{A} |both )?"
    rf"(?:{_TRAIT}{{0,3}}{PERSON}|him|her|them|me|us)"
    r"(?: (?:with|in|on|from) [^.,;!?\n]{1,50}?)? into (?:a|an)? ?[\w-]",
)


def transformed(reading: Reading) -> Fault | None:
    """Find a person made into something else, with nothing said about the likeness."""
    found = _REMADE.search(reading)
    if not found or _keeps(reading):
        return None
    return Fault(
        found.start(),
        found.start() + len(found[0][:-1].rstrip()),
        "Nothing says that the person is to stay the same person.",
        better=adding(reading.text, "the same face and expression", same=False),
    )


_STYLED = beginning(
    "turn convert transform change make render redraw restyle repaint in apply",
    r"(?:turn|convert|transform|change|make|render|redraw|restyle|repaint)"
    rf"(?: {WHOLE})? (?:into|to|as|in|like|look like|a|an)\b"
    rf"(?: (?!(?:on|of|with|and|behind) )[\w'-]{{1,20}}){{0,6}}? {STYLE}\b"
    rf"|(?:make|turn) {WHOLE} (?:a|an) (?:[\w-]{{1,20}} ){{0,3}}?{STYLE}\b"
    rf"|\A(?:in|apply) (?:the|a|an) (?:[\w'-]{{1,20}} ){{0,3}}?{STYLE} style",
)
_SET = beginning(
    "make change turn set convert transform",
    r"(?:make|change|turn|set|convert|transform) "
    rf"(?:(?:{WHOLE}|day|night) |the (?:time of day|season|weather|lighting|time) )?"
    r"(?:to |into |look like )?(?:a |an |be )?"
    rf"(?:[\w-]{{1,12}} )?{SETTING}\b(?: (?:scene|time|light))?{END}",
)
_BACKDROP = beginning(
    "replace change swap turn make set give add use put insert",
    r"(?:replace|change|swap|turn|make|set) (?:only )?(?:the|this|my) "
    r"(?:[\w-]{1,20} ){0,2}?background(?! colou?r)"
    r" (?:with|to|into|for|by|look like|as|a|an)\b"
    r"|(?:give|add|use|put|insert) (?:[\w-]{1,20} ){0,3}?(?:a|an)"
    r" (?:(?!blur|soft|out|bokeh)[\w-]{1,20} ){0,3}?background\b",
)
_SOMEBODY = rf"(?:him|her|them|me|us|(?:the|this|my) {_TRAIT}{{0,2}}{PERSON})"
_ON = "(?:on|in|at|into|onto|inside|under|to|in front of)"
_SOMEWHERE = (
    rf"{_ON} (?:(?:the|a|an) )?"
    rf"(?:(?!left|right)[\w-]{{1,15}} ){{0,2}}?{PLACE}\b"
)
_MOVED = beginning(
    "put place move transport set drop make he she they him her them the this my",
    rf"(?:put|place|move|transport|set|drop) {_SOMEBODY} {_SOMEWHERE}"
    rf"|(?:\A|(?<=[.!?]\x20))(?:he|she|they|{_SOMEBODY}) (?:is|are)(?: now)? "
    rf"{_SOMEWHERE}"
    rf"|make (?:it look like )?{_SOMEBODY} (?:be |stand |sit |is )?{_SOMEWHERE}",
)


def unlocked(reading: Reading) -> Fault | None:
    """Find a new background with nothing said about where the subject stands."""
    if COMPOSITION & reading.words:
        return None
    found = _BACKDROP.search(reading) or _MOVED.search(reading)
    if not found:
        return None
    return Fault(
        *found.span(),
        "Nothing says that the subject is to stay where it is, as large as it is.",
        better=adding(
            reading.text,
            "the subject's position, scale and pose, the camera angle and the framing",
        ),
    )


def unkept(reading: Reading) -> Fault | None:
    """Find a change of the whole picture with nothing said about what stays."""
    if _keeps(reading):
        return None
    backdrop = _BACKDROP.search(reading)
    if backdrop and not COMPOSITION & reading.words:
        return None  # K013 speaks of it, and what it proposes says what stays
    if backdrop:
        return Fault(
            *backdrop.span(),
            "Nothing says what is to stay in front of the new background.",
            better=adding(reading.text, "the subject"),
            severity=Severity.WARNING,
        )
    if styled := _STYLED.search(reading):
        return Fault(
            *styled.span(),
            "Nothing says what the new style is to leave as it is.",
            better=adding(reading.text, "the composition and all subjects"),
        )
    if setting := _SET.search(reading):
        return Fault(
            *setting.span(),
            "Nothing says what is to stay in the new light or season.",
            better=adding(reading.text, "the style and the composition"),
        )
    return None


def _keeps(reading: Reading) -> bool:
    return bool(KEEPS & reading.words) or bool(_KEPT.search(reading))
