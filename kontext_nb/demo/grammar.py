"""What the demo engine understands: an instruction becomes a tuple of operations.

Nothing is dropped silently: one part that is not understood fails the whole prompt.
What should stay ("keep the face unchanged") is parsed apart and never an operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kontext_nb.demo.colours import PHRASE, Colour, colour, first_colour
from kontext_nb.demo.phrases import (
    AMOUNT,
    EDIT_VERB,
    KEEP,
    LOOKS,
    NEW_EDIT,
    PICTURE,
    PRONOUN,
    TAIL,
    TONE_VERBS,
    TONES,
    Axis,
    LookName,
    amount_of,
    anchor_of,
    is_loose,
    size_and_count,
)
from kontext_nb.demo.refusals import ABILITIES, DemoRefusal, Unsupported


@dataclass(frozen=True, slots=True)
class Tone:
    """A change of tone of the whole picture; ``amount`` is signed, 1 is "more"."""

    axis: Axis
    amount: float


@dataclass(frozen=True, slots=True)
class Look:
    """A change of the whole look; ``strength`` 1 is as asked without an adverb."""

    name: LookName
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Recolour:
    """A change of one thing's colour; without ``source`` it cannot be found."""

    subject: str
    source: Colour | None
    target: Colour


@dataclass(frozen=True, slots=True)
class Add:
    """A thing to draw: ``anchor`` is its centre, x and y from 0 to 1.

    ``loose`` says that the place is beside something, or none was named: it may move.
    """

    thing: str
    colour: Colour | None
    anchor: tuple[float, float]
    size: float
    count: int
    loose: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Lettering to replace."""

    old: str
    new: str


Operation = Tone | Look | Recolour | Add | ReplaceText


@dataclass(frozen=True, slots=True)
class Instruction:
    """A parsed prompt: at least one operation, and what was said to stay."""

    operations: tuple[Operation, ...]
    keep: tuple[str, ...] = ()


# Private-use characters stand for quoted text while the rest is taken apart.
_OPEN, _CLOSE = "\ue000", "\ue001"
_QUOTED = re.compile(r"(?<!\w)(['\"])(?!\s)(.+?)(?<!\s)\1(?!\w)", re.DOTALL)
_CURLY = str.maketrans("‘’‚‛“”„‟«»‹›`´", "''''\"\"\"\"\"\"''''", _OPEN + _CLOSE)  # noqa: RUF001 - these are the curly quotes it is about
_Q = rf"{_OPEN}(\d+){_CLOSE}"
_NOT_Q = rf"[^{_OPEN}]"

_SENTENCE = re.compile(r"[.!?;\n]+(?:\s+|$)|\n+")
_KEEP = re.compile(
    rf"[,\s]*\b(?:(?:while|whilst|but|and|also|please)\s+)*(?P<clause>{KEEP}\b.*?)"
    rf"(?=(?:[,\s]+(?:and|then|but|also)\b)+\s*{NEW_EDIT}\b|,\s*{NEW_EDIT}\b|$)",
    re.DOTALL,
)
_PARTS = re.compile(r"\s*(?:,|&|\b(?:and|then|but|also|plus)\b)+\s*")
_POLITE = re.compile(
    r"^(?:(?:please|now|just|only|kindly|can you|could you|would you|you should|"
    r"let's|i want you to|i want to|i would like you to|i'd like you to|"
    r"try to|go ahead)\s+)+|\s+(?:please|too|as well|instead|now)$"
)


def parse(prompt: str) -> Instruction:
    """Take an instruction apart.

    Raises:
        Unsupported: A part of it is not understood, or there is no change in it.
    """
    text, quotes = _unquoted(prompt)
    keep: list[str] = []
    operations: list[Operation] = []
    for sentence in _SENTENCE.split(text):
        rest = sentence.strip()
        keep += [
            _requoted(clause["clause"].strip(), quotes)
            for clause in _KEEP.finditer(rest)
        ]
        rest = _KEEP.sub(" ", rest)
        operations += _operations(rest, quotes, prompt)
    if not operations:
        raise Unsupported(" ".join(prompt.split()), prompt)
    return Instruction(tuple(operations), tuple(keep))


def _unquoted(prompt: str) -> tuple[str, list[str]]:
    """Return the prompt in lower case with quoted text numbered, and that text."""
    quotes: list[str] = []

    def number(match: re.Match[str]) -> str:
        quotes.append(" ".join(match[2].split()))
        return f"{_OPEN}{len(quotes) - 1}{_CLOSE}"

    text = _QUOTED.sub(number, prompt.translate(_CURLY)).casefold()
    text = re.sub(r"\bblack[\s-]*(?:and|&|n)[\s-]*white\b|\bb\s?&\s?w\b", "mono", text)
    return re.sub(r"(?<=\w)-(?=\w)", " ", text), quotes


def _requoted(text: str, quotes: list[str]) -> str:
    """Put back what was set aside before the prompt was taken apart."""
    text = re.sub(r"\bmono\b", "black and white", text)
    return re.sub(_Q, lambda m: f"'{quotes[int(m[1])]}'", text)


def _operations(sentence: str, quotes: list[str], prompt: str) -> Iterator[Operation]:
    """Yield the operations of a sentence, part by part.

    A part without a verb ("... and the cap to blue") takes the one before.
    """
    frame = ""
    for raw in _PARTS.split(sentence):
        part = _POLITE.sub("", raw.strip(" :\t")).strip()
        if not part or part == "please":
            continue
        operation = _operation(part, quotes)
        if operation is None and frame and not re.match(EDIT_VERB, part):
            operation = _operation(f"{frame} {part}", quotes)
        if operation is None:
            raise Unsupported(_requoted(part, quotes), prompt)
        frame = _FRAMES[type(operation)]
        yield operation


_FRAMES: dict[type, str] = {
    Tone: "make it",
    Look: "make it",
    Recolour: "change",
    Add: "add",
    ReplaceText: "replace",
}


def _operation(part: str, quotes: list[str]) -> Operation | None:
    """Return what one part asks for, or None."""
    if _OPEN in part:
        return _replacement(part, quotes)
    return _look(part) or _tone(part) or _recolouring(part) or _addition(part)


_REPLACE = re.compile(
    rf"(?:replace|change|swap|turn|edit)\s+{_NOT_Q}*?{_Q}(?:\s+(?:on|in)\s{_NOT_Q}*?)?"
    rf"\s+(?:with|to|by|into|for)\s+{_NOT_Q}*?{_Q}(?:\s+(?:on|in|at|of)\s{_NOT_Q}*)?"
)


def _replacement(part: str, quotes: list[str]) -> ReplaceText | None:
    """Read "replace 'OLD' with 'NEW' on the label"."""
    found = _REPLACE.fullmatch(part)
    if not found:
        return None
    old, new = quotes[int(found[1])].strip(), quotes[int(found[2])].strip()
    return ReplaceText(old, new) if old and new else None


_FRAME = re.compile(
    rf"(?:(?:make|turn|change|convert|transform|give|render|set|apply|add|shift|"
    rf"switch)\b\s*(?:{PICTURE}\s+)?)?"
    r"(?:(?:to|into|in|look|looks|like|as|be|with|have|at|from)\s+)*"
    rf"(?:(?!{AMOUNT}\b)(?:a|an|the|some|it)\s+)*(?P<rest>.+?)(?:\s+{TAIL})*"
)


def _look(part: str) -> Look | None:
    """Read "make it night", "convert to a pencil sketch", "blur the background"."""
    framed = _FRAME.fullmatch(part)
    for rest in (part, framed["rest"] if framed else ""):
        for pattern, name in LOOKS:
            if found := re.fullmatch(rf"(?:({AMOUNT})\s+)?(?:{pattern})", rest):
                return Look(name, amount_of(found[1]))
    return None


def _tone(part: str) -> Tone | None:
    """Read "make it slightly warmer", "more contrast", "brighten the photo a bit"."""
    for pattern, axis, sign in TONE_VERBS:
        found = re.fullmatch(
            rf"(?:({AMOUNT})\s+)?(?:{pattern})(?:\s+(?:of\s+|in\s+)?{PICTURE})?"
            rf"(?:\s+({AMOUNT}))?",
            part,
        )
        if found:
            return Tone(axis, sign * amount_of(found[1] or found[2]))
    framed = _FRAME.fullmatch(part)
    return _tone_words(part) or (_tone_words(framed["rest"]) if framed else None)


def _tone_words(words: str) -> Tone | None:
    """Read "slightly warmer", "more contrast", "less saturated"."""
    for pattern, axis, sign in TONES:
        found = re.fullmatch(
            rf"(?:({AMOUNT})\s+(?:of\s+)?)?(?:(more|less|higher|lower|increased|reduced)\s+)?"
            rf"(?:{pattern})(?:\s+({AMOUNT}))?",
            words,
        )
        if found:
            less = found[2] in ("less", "lower", "reduced")
            return Tone(
                axis, (-sign if less else sign) * amount_of(found[1] or found[3])
            )
    return None


_RECOLOUR = re.compile(
    r"(?:change|turn|make|paint|repaint|recolou?r|colou?r|dye|convert|transform|give)"
    r"\s+(?:the\s+colou?r\s+of\s+)?(?P<subject>[^\W\d_][\w'’ ]*?)"  # noqa: RUF001 - a curly apostrophe
    rf"(?:\s+(?:colou?r\s+)?from\s+(?P<source>{PHRASE}))?(?:'s)?(?:\s+colou?r)?"
    r"(?:\s+(?:to|into|in|be|as))*(?:\s+(?:a|an|the))?(?:\s+colou?r)?"
    rf"\s+(?P<target>{PHRASE})(?:\s+(?:colou?r|tone|one|shade))?"
)
_SWAP = re.compile(
    r"(?:replace|swap|change)\s+(?P<subject>[\w' ]+?)\s+(?:with|for|by|to|into)\s+"
    rf"(?:a|an|the)\s+(?P<target>{PHRASE})\s+(?P<noun>\w+)"
)
_NOT_A_THING = re.compile(
    r"\b(?:wear|wearing|hold|holding|look|looking|stand|standing|sit|sitting|say|"
    r"have|with|to|into|more|less|bit|"
    r"background)\b"  # a background has more than one colour
)


def _recolouring(part: str) -> Recolour | None:
    """Read "change the green bottle to dark red", "make the red car blue"."""
    found = _RECOLOUR.fullmatch(part)
    if found is None:
        found = _SWAP.fullmatch(part)
        # "replace the red car with a blue car" is a colour; "... a blue bus" is not.
        if not found or found["noun"] not in ("one", found["subject"].split()[-1]):
            return None
    subject = found["subject"].strip()
    if _NOT_A_THING.search(subject):
        return None
    named = found.groupdict().get("source")
    source = colour(" ".join(named.split())) if named else first_colour(subject)
    noun = re.sub(rf"\b(?:the|a|an|all|his|her|its|their|my|{PHRASE})\b", " ", subject)
    target = colour(" ".join(found["target"].split()))
    return Recolour(" ".join(noun.split()), source, target)


_ADD = re.compile(
    # "Paint the car" names what is there; it is not a thing to add.
    r"(?:add|put|place|draw|insert|hang|paint(?!\s+(?:the|his|her|its|their|my)\b))"
    r"\s+(?P<thing>.+?)"
    r"(?:\s+(?P<place>(?:in|on|at|to|above|over|under|underneath|below|beside|near|"
    r"next to|behind|by|onto|into|around|between|inside|floating|hanging)\b.*))?"
)
_GIVE = re.compile(
    r"give\s+(?P<place>(?:the|a|his|her|him|it|them)\b.*?|him|her|it|them)\s+"
    r"(?P<thing>(?:a|an|some|two|three)\s.+)"
)


def _addition(part: str) -> Add | None:
    """Read "add a small red star in the top right corner"."""
    found = _ADD.fullmatch(part)
    given = None if found else _GIVE.fullmatch(part)
    match = found or given
    if match is None:
        return None
    size, count, thing = size_and_count(match["thing"])
    named = re.match(rf"({PHRASE})\s+(?=\w)", thing)
    if named:
        thing = thing[named.end() :]
    if not re.search(r"\w", thing) or re.fullmatch(PRONOUN, thing.strip()):
        return None
    place = "on the head" if given else match["place"] or ""
    tint = colour(" ".join(named[1].split())) if named else None
    loose = is_loose(place)
    return Add(thing.strip(), tint, anchor_of(place), size, count, loose)


__all__ = [
    "ABILITIES",
    "Add",
    "DemoRefusal",
    "Instruction",
    "Look",
    "Operation",
    "Recolour",
    "ReplaceText",
    "Tone",
    "Unsupported",
    "parse",
]
