"""The words of the demo engine's grammar, as tables."""

from __future__ import annotations

import re
from typing import Literal

Axis = Literal["brightness", "warmth", "contrast", "saturation"]
LookName = Literal["monochrome", "sepia", "night", "sunset", "sketch", "blur"]

EDIT_VERB = (
    r"(?:make|change|turn|convert|transform|give|apply|add|put|place|draw|insert|"
    r"replace|swap|blur|paint|repaint|recolou?r|colou?r|dye|brighten|lighten|darken|"
    r"dim|warm|cool|saturate|desaturate|increase|raise|boost|reduce|decrease|lower|"
    r"remove|delete|erase|render|edit|set)"
)

# What ends a "keep ..." clause. Words that are also nouns or adjectives ("the same font
# and colour", "the warm light") cannot: they belong to what is kept.
NEW_EDIT = (
    r"(?:make|change|turn|convert|transform|give|apply|add|put|place|draw|insert|"
    r"replace|swap|blur|brighten|lighten|darken|increase|reduce|remove|delete|erase)"
)

KEEP = (
    r"(?:keep(?:ing)?|preserv(?:e|ing)|maintain(?:ing)?|retain(?:ing)?|"
    r"leav(?:e|ing)|without\s+(?:changing|altering|touching|affecting)|"
    r"(?:do\s+not|don't|never)\s+(?:change|alter|touch|modify|edit)|"
    r"(?:change|alter|touch)\s+nothing|(?:(?:with|in|using)\s+)?(?:the\s+)?same|"
    r"everything\s+else|all\s+else|nothing\s+else|the\s+rest)"
)

PICTURE = (
    r"(?:(?:(?:the|this|that|my)\s+)?(?:whole\s+|entire\s+|overall\s+)?"
    r"(?:picture|pic|image|photograph|photo|scene|shot|lighting|light|colou?rs?|tones?|"
    r"atmosphere|mood|daytime|day|time\s+of\s+day|time|thing)\b|it|this|that|"
    r"everything)"
)

PRONOUN = r"(?:it|him|her|them|this|that|me|us|you)"

TAIL = (
    rf"(?:look|style|effect|filter|tones?|toning|version|mood|photo|photograph|picture|"
    rf"image|scene|shot|print|feel|feeling|treatment|drawing|lighting|light|(?:to|of|on)\s+{PICTURE})"
)

_WEAK = (
    r"slightly|(?:just\s+)?a\s+(?:little|bit|touch|tad)(?:\s+bit)?|somewhat|subtly|"
    r"gently"
)
_STRONG = (
    r"much|very(?:\s+much)?|a\s+lot|far|way|significantly|considerably|strongly|"
    r"extremely|heavily|dramatically|really|a\s+lot\s+more"
)
AMOUNT = rf"(?:{_WEAK}|{_STRONG})"


def amount_of(phrase: str | None) -> float:
    """Return the factor an adverb stands for; 1 without one."""
    if phrase is None:
        return 1.0
    return 0.5 if re.fullmatch(_WEAK, phrase) else 1.8


LOOKS: tuple[tuple[str, LookName], ...] = (
    (
        r"mono|monochrome|(?:gr[ae]y\s?scale)(?:\s+(?:photo|picture|image))?",
        "monochrome",
    ),
    (r"(?:(?:vintage|warm|old|classic)\s+)*sepia(?:\s+toned)?", "sepia"),
    (r"night(?:\s?time)?|midnight", "night"),
    (r"(?:warm\s+)?sunset|golden\s+hour|sundown|dusk", "sunset"),
    (
        (
            r"(?:(?:detailed|soft|simple|hand\s?drawn|graphite|black)\s+)*"
            r"(?:pencil|graphite|sketch|pencil\s+(?:sketch|drawing)|sketched)"
            r"(?:\s+on\s+paper)?|sketch"
        ),
        "sketch",
    ),
    (
        (
            r"blur(?:\s+out)?\s+(?:the\s+)?background|(?:make\s+)?the\s+background\s+"
            r"(?:blurry|blurred|blurrier|out\s+of\s+focus|soft)|(?:soft\s+)?background\s+blur|"
            r"blur(?:ry|red)\s+background|bokeh|shallow\s+depth\s+of\s+field"
        ),
        "blur",
    ),
)

TONES: tuple[tuple[str, Axis, int], ...] = (
    (r"bright(?:er)?|light(?:er)?|brightness|exposure", "brightness", 1),
    (r"dark(?:er)?|dim(?:mer)?|darkness", "brightness", -1),
    (r"warm(?:er)?|warmth", "warmth", 1),
    (r"cool(?:er)|cold(?:er)?|chill(?:y|ier)", "warmth", -1),
    (r"contrast|contrasty|contrasted|punch(?:y|ier)", "contrast", 1),
    (r"flat(?:ter)?", "contrast", -1),
    (
        r"saturated|saturation|vivid|vibrant|vibrance|colou?rful|intense|colou?rs?",
        "saturation",
        1,
    ),
    (r"muted|desaturated|dull(?:er)?|washed\s+out|faded", "saturation", -1),
)

_UP = r"(?:increase|raise|boost|enhance|turn\s+up|add(?:\s+more)?)\s+(?:the\s+)?"
_DOWN = r"(?:decrease|reduce|lower|cut|turn\s+down|tone\s+down)\s+(?:the\s+)?"
_NOUNS: tuple[tuple[str, Axis], ...] = (
    (r"brightness|exposure", "brightness"),
    (r"warmth|temperature", "warmth"),
    (r"contrast", "contrast"),
    (r"(?:colou?r\s+)?saturation|vibrance|colou?rs?", "saturation"),
)
TONE_VERBS: tuple[tuple[str, Axis, int], ...] = (
    (r"brighten|lighten", "brightness", 1),
    (r"darken|dim", "brightness", -1),
    (r"warm(?:\s+up)?", "warmth", 1),
    (r"cool(?:\s+down)?", "warmth", -1),
    (r"saturate", "saturation", 1),
    (r"desaturate|mute", "saturation", -1),
    *((rf"{_UP}(?:{noun})", axis, 1) for noun, axis in _NOUNS),
    *((rf"{_DOWN}(?:{noun})", axis, -1) for noun, axis in _NOUNS),
)

_SIZES = {
    "tiny": 0.45,
    "small": 0.65,
    "little": 0.65,
    "big": 1.5,
    "large": 1.5,
    "huge": 2.2,
    "giant": 2.2,
}
_COUNTS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "some": 3,
    "several": 4,
}
_ARTICLES = ("a", "an", "the", "one", "single", "another", "more")


def size_and_count(phrase: str) -> tuple[float, int, str]:
    """Split "two small red stars" into a size factor, a count and the thing."""
    size, count = 1.0, 1
    words = phrase.removeprefix("a few ").split()
    if phrase.startswith("a few "):
        count = 3
    while len(words) > 1:
        word = words[0]
        if word in _SIZES:
            size *= _SIZES[word]
        elif word in _COUNTS:
            count = _COUNTS[word]
        elif word not in (*_ARTICLES, "very"):
            break
        words.pop(0)
    return size, count, " ".join(words)


# The last row that matches wins an axis; None leaves the axis to the others.
_PLACES: tuple[tuple[str, float | None, float | None], ...] = (
    (r"\bon\b|\bover\b|\bcent(?:re|er)\b|\bmiddle\b|\bbetween\b", 0.5, 0.5),
    (r"\bnext\b|\bbeside\b|\bnear\b|\bby\b", 0.78, 0.62),
    (r"\bbehind\b|\bbackground\b", 0.74, 0.36),
    (r"\babove\b|\bhead\b|\bhair\b", 0.5, 0.14),
    (r"\bunder\w*|\bbelow\b|\bforeground\b", 0.5, 0.84),
    (r"\bsky\b", 0.72, 0.15),
    (r"\bwall\b", 0.76, 0.3),
    (r"\btable\b|\bdesk\b|\bfloor\b|\bground\b|\bgrass\b|\bstreet\b", 0.74, 0.82),
    (r"\bhand\b|\bhands\b", 0.64, 0.68),
    (r"\btop\b|\bupper\b", None, 0.14),
    (r"\bbottom\b|\blower\b", None, 0.86),
    (r"\bleft\b", 0.16, None),
    (r"\bright\b", 0.84, None),
)


def anchor_of(place: str) -> tuple[float, float]:
    """Return the point (x, y from 0 to 1) that a place phrase best stands for."""
    if not place:
        return 0.74, 0.3
    x: float | None = None
    y: float | None = None
    for pattern, at_x, at_y in _PLACES:
        if re.search(pattern, place):
            x = at_x if at_x is not None else x
            y = at_y if at_y is not None else y
    sideways = re.search(r"\bleft\b|\bright\b", place)
    upright = re.search(r"\btop\b|\bbottom\b|\bupper\b|\blower\b", place)
    if sideways and not upright and not re.search(r"sky|table|floor|wall|head", place):
        y = 0.5
    if upright and not sideways:
        x = 0.5
    return 0.5 if x is None else x, 0.5 if y is None else y


_FIXED = re.compile(
    r"\b(?:top|bottom|left|right|upper|lower|corner|cent(?:re|er)|middle|sky|wall|table|"
    r"desk|floor|ground|grass|street|hands?|head|hair|foreground|background)\b"
)


def is_loose(place: str) -> bool:
    """Say whether a place phrase leaves room to move: it names no place we know."""
    return not _FIXED.search(place)
