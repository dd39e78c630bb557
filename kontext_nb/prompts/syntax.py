"""K031: notations of other programs, which this model reads as words."""

from __future__ import annotations

import re

from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import EDIT_WORDS, phrase, words_of

_WEIGHT = re.compile(
    r"[(\[](?P<weighed>[^()\[\]:\n]{0,80}[^\W\d]{2}) ?:[ ]?[0-2](?:\.\d{1,3})?[)\]]"
    r"|\({2,4}(?P<stressed>[^()\n]{1,80})\){2,4}"
)
_OPTION = re.compile(
    r"(?<![\w-])--(?:ar|v|no|q|s|seed|style|stylize|chaos|iw)\b|<lora:"
)
_TAG_WORDS = 4
_TAGS = 4
_TAG = phrase(
    r"\b(?:masterpiece|best quality|highres|8k|4k uhd|trending on artstation|ultra-?"
    r"detailed|highly detailed|hyperrealistic|octane render|unreal engine)\b"
)
_NO_LIST = words_of("the this that his her my while keeping")


def notation(reading: Reading) -> Fault | None:
    """Find weights, options or a list of tags where a sentence belongs."""
    brackets = "(" in reading.plain or "[" in reading.plain
    if brackets and (found := _WEIGHT.search(reading.plain)):
        return Fault(
            *found.span(),
            "Weights are read as letters: say in words what matters.",
            better=_WEIGHT.sub(_unweighed, reading.text),
        )
    options = "--" in reading.plain or "<" in reading.plain
    if options and (found := _OPTION.search(reading.plain)):
        return Fault(
            *found.span(),
            "Options of other programs are read as letters: the aspect ratio and the "
            "seed are set beside the prompt.",
        )
    return _soup(reading)


def _unweighed(match: re.Match[str]) -> str:
    return match["weighed"] or match["stressed"]


def _soup(reading: Reading) -> Fault | None:
    text = reading.plain
    if EDIT_WORDS & reading.words or "\n" in text.strip():
        return None
    tags = [tag.split() for tag in text.split(",")]
    listed = len(tags) >= _TAGS and all(len(tag) <= _TAG_WORDS for tag in tags)
    sentence = _NO_LIST & reading.words
    known = len(tags) > 1 and _TAG.search(text)
    if not (known or (listed and not sentence and not reading.foreign)):
        return None
    start = len(text) - len(text.lstrip())
    return Fault(
        start,
        len(text.rstrip()),
        'This is a list of tags: write a sentence with a verb, such as "Change the sky '
        'to orange".',
    )
