"""What the demo engine refuses, and how it says so: one sentence for each half."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from kontext_nb.errors import PromptRejected

ABILITIES = (
    "tone: Make it slightly warmer",
    "black and white or sepia: Make the picture black and white",
    "night or sunset: Change the scene to night",
    "sketch: Turn it into a pencil sketch",
    "blur: Blur the background",
    "colour: Change the green bottle to dark red",
    "symbols: Add a yellow star in the top right corner",
    "lettering: Replace 'ALPHA' with 'AURA' on the label",
)
"""What the demo engine can do: a kind, and an example prompt after the colon."""

IN_ENGLISH = "Write it in English: the demo engine understands nothing else."
_ECHO_CHARS = 80
_EXAMPLES = 3
# Words that English prompts are hardly without, and that other languages lack.
_ENGLISH = re.compile(
    r"\b(?:the|it|this|that|to|of|and|with|from|into|on|her|his|my|make|change|turn|"
    r"convert|give|add|put|replace|remove|delete|keep|apply|blur|paint|colou?r|without|"
    r"more|less|please|you|what|is|are|be|at|for|by|as|like|lighten|darken|background|"
    r"picture|everything|all)\b"
)
_ENOUGH_WORDS = 3  # to tell a language by
# Words that say nothing about which ability is meant.
_EMPTY = re.compile(
    r"the|an|it|to|of|and|with|from|into|on|in|as|my|this|make|change|turn"
)


class DemoRefusal(PromptRejected):
    """The demo engine will not do this edit: the base of all it refuses."""


class Unsupported(DemoRefusal):
    """A part of the prompt is not understood."""

    def __init__(self, part: str, prompt: str = "") -> None:
        """Name the part as it was typed, and what comes nearest to it."""
        typed = _as_typed(part, prompt)
        super().__init__(
            f"The demo engine does not understand {quoted(typed)}.",
            _remedy(typed, prompt or part),
        )


class WhichPart(DemoRefusal):
    """A thing is named that cannot be found: only colours can."""

    def __init__(self, thing: str, remedy: str) -> None:
        """Name the thing; ``remedy`` says how to name it better."""
        thing = readable(thing, 40)
        verb = "are" if re.search(r"[^s]s$", thing) else "is"
        super().__init__(
            f"The demo engine cannot tell which part {verb} the {thing}.", remedy
        )


def readable(text: str, longest: int = _ECHO_CHARS) -> str:
    """Return text on one line, without control characters, cut to ``longest``."""
    kept = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def quoted(text: str) -> str:
    """Return text as `readable`, in the kind of quotes that it does not contain."""
    line = readable(text)
    mark = '"' if "'" in line else "'"
    return f"{mark}{line}{mark}"


def _as_typed(part: str, prompt: str) -> str:
    """Return a part, which is in lower case, as it stands in the prompt."""
    marks = r"""['"‘’‚‛“”„‟«»‹›`´]"""  # noqa: RUF001 - these are the quotes it is about
    words = (re.sub(r"['\"]", lambda _: marks, re.escape(w)) for w in part.split())
    found = re.search(r"[\s-]+".join(words), prompt, re.IGNORECASE)
    return found[0] if found else part


def _remedy(part: str, prompt: str) -> str:
    """Say what to write instead: in English, with quotes, or one of the abilities."""
    if _is_foreign(prompt):
        return IN_ENGLISH
    if texts := _unquoted_texts(part):
        return f"Put both texts in quotes: Replace '{texts[0]}' with '{texts[1]}'."
    kinds = [ability.split(": ", 1) for ability in ABILITIES]
    kinds.sort(key=lambda kind: -_nearness(part, " ".join(kind)))
    shown = "; ".join(f"{name} ({example})" for name, example in kinds[:_EXAMPLES])
    others = ", ".join(name for name, _ in kinds[_EXAMPLES:])
    return f"It can do: {shown}; also {others}."


def _is_foreign(prompt: str) -> bool:
    """Say whether a prompt is mostly not Latin, or has no English word in it."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", " ", prompt[:1000])
    letters = [c for c in text if c.isalpha()]
    latin = sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin * 2 < len(letters):
        return True
    return len(text.split()) >= _ENOUGH_WORDS and not _ENGLISH.search(text.casefold())


_TEXTS = re.compile(
    r"(?:replace|change|swap)\s+(?:the\s+)?(?:(?:text|word|words|lettering|sign)\s+)?"
    r"(?:from\s+)?(?P<old>\S+(?:\s\S+)?)\s+(?:with|to|by|into)\s+(?P<new>\S+(?:\s\S+)?)"
    r"(?P<place>\s+(?:on|in|at)\s+(?:the\s+)?.*)?",
    re.IGNORECASE,
)


def _unquoted_texts(part: str) -> tuple[str, str] | None:
    """Return the two texts of "replace CAFE with BAR": what stands in capitals."""
    found = _TEXTS.fullmatch(part)
    if not found:
        return None
    old, new = (readable(found[n].strip("'\"‘’“” "), 40) for n in ("old", "new"))  # noqa: RUF001 - curly quotes
    lettering = re.search(
        r"\b(?:sign|label|text|word|words|lettering)\b", part, re.IGNORECASE
    )
    in_capitals = [t.isupper() and len(t) > 1 for t in (old, new)]
    if not old or not new or not (all(in_capitals) or (lettering and any(in_capitals))):
        return None
    return old, new


def _nearness(part: str, ability: str) -> float:
    """Return how many words of a part are about those of an ability."""

    def words(text: str) -> set[str]:
        found = set(re.findall(r"[^\W_]{2,}", text.casefold()))
        return {word for word in found if not _EMPTY.fullmatch(word)}

    theirs = words(ability)
    ratios = (
        max(SequenceMatcher(None, word, other).ratio() for other in theirs)
        for word in words(part[:_ECHO_CHARS])
    )
    return sum(ratio**6 for ratio in ratios)  # half alike is not alike at all


__all__ = [
    "ABILITIES",
    "IN_ENGLISH",
    "DemoRefusal",
    "Unsupported",
    "WhichPart",
    "quoted",
    "readable",
]
