"""K050, K051, K052: prompts that ask for something other than editing one picture."""

from __future__ import annotations

from kontext_nb.prompts.looking import beginning
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import EDIT_WORDS, any_of, phrase, words_of

_NUMBERS = {
    **dict.fromkeys(("second", "2nd", "two", "both", "other"), 2),
    **dict.fromkeys(("third", "3rd", "three"), 3),
    **dict.fromkeys(("fourth", "4th", "four"), 4),
    **dict.fromkeys(("fifth", "5th"), 5),
}
_SPOKEN_OF = ("image", "picture", "photo", "pic", "img")
_INPUT = any_of("image picture photo photograph img reference_image input_image")
# A picture that hangs in the picture is nothing that was sent along.
_INSIDE = (
    r"(?! (?:on|hanging|frame|that hangs|from (?:the )?(?:left|right|top)|in (?:the )?"
    r"(?:frame|row|background|gallery|album)|above|beside|behind|next|is hanging))"
)
_OTHERS = phrase(
    rf"(?<![\w-])(?:{_INPUT}|pic) ?(?:#|no\. ?|number )?"
    r"(?P<number>[2-9]|1\d|two|three|four)"
    r"(?![\w.%]|:\d)"
    rf"|\b(?:in|from|of|with|using|like|to|into|and|as) (?:the )?(?P<which>second|third"
    rf"|fourth|fifth|2nd|3rd|4th|5th|other) {_INPUT}\b{_INSIDE}"
    rf"|\b(?:combine|merge|blend|mix|from|in|of|using) (?:these |the )?(?P<all>both|two"
    rf"|three|four) (?:{_INPUT}s)\b{_INSIDE}"
    rf"|\bthe (?P<these>two|three|four) (?:{_INPUT}s) (?:together|into one)\b"
)


def others(reading: Reading) -> Fault | None:
    """Find a picture spoken of that the model does not take."""
    if not reading.pictures or not any(word in reading.plain for word in _SPOKEN_OF):
        return None
    for found in _OTHERS.finditer(reading.plain):
        told = next(filter(None, found.groups()))
        number = int(told) if told.isdigit() else _NUMBERS[told]
        if number > reading.pictures:
            takes = "one picture" if reading.pictures == 1 else f"{reading.pictures}"
            start = min(i for i in map(found.start, _GROUPS) if i >= 0)
            return Fault(
                min(start, found.start()),
                found.end(),
                f"This model takes {takes} at most: describe in words what the other "
                "shows, or choose a model that takes several.",
            )
    return None


_GROUPS = ("number", "which", "all", "these")

_LONG_WORDS = 20
_FEW_WORDS = 4
_SOURCE = words_of("this that these it input original using style")
_NEW = beginning(
    "generate create draw imagine paint produce make design",
    r"(?:generate|create|draw|imagine|paint|produce|make|design)(?: me)? "
    r"(?:a|an) (?:new )?(?:[\w-]{1,20} ){0,2}?(?:picture|image|photo|photograph"
    r"|illustration|portrait|wallpaper|artwork|render) (?:of|showing|where|with) "
    r"(?!this\b|that\b|the\b|my\b|his\b|her\b|it\b|these\b|them\b|him\b)"
    r"|(?<!\S\x20)imagine (?:a|an) ",
)
_BARE = phrase(r"\A\s{0,4}(?:a|an|two|three|portrait of|photo of|picture of) [a-z]")


def described(reading: Reading) -> Fault | None:
    """Find a long description of a scene that asks for no change."""
    if reading.length < _LONG_WORDS or not _describes(reading):
        return None
    return _all_of(
        reading,
        "This describes a scene and asks for no change: the picture is seen already, "
        "so say only what is to be different.",
    )


def unsourced(reading: Reading) -> Fault | None:
    """Find the wish for a new picture, which needs no source."""
    words = "This asks for a new picture, not for a change: say what to change"
    advice = f"{words}, or use a text-to-image model."
    if found := _NEW.search(reading):
        return Fault(found.start(), found.start() + len(found[0].rstrip()), advice)
    few = _FEW_WORDS <= reading.length < _LONG_WORDS
    if few and _BARE.match(reading.plain) and _describes(reading):
        return _all_of(reading, advice)
    return None


def _describes(reading: Reading) -> bool:
    return not (EDIT_WORDS | _SOURCE) & reading.words


def _all_of(reading: Reading, message: str) -> Fault:
    text = reading.text
    start = len(text) - len(text.lstrip())
    return Fault(start, len(text.rstrip()), message)
