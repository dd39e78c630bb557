"""K001 and K002: prompts that say nothing, or more than the model reads."""

from __future__ import annotations

import math
import unicodedata

from kontext_nb.model import PROMPT_MAX_CHARS
from kontext_nb.prompts.finding import Severity
from kontext_nb.prompts.reading import Reading
from kontext_nb.prompts.rule import Fault

TOKENS_READ = 512  # what FLUX.1 Kontext reads of a prompt
TOKENS_MANY = 400
# The model's own way of counting takes a large table; these estimate it from English.
_CHARS_A_TOKEN, _TOKENS_A_WORD = 4, 1.35


def empty(reading: Reading) -> Fault | None:
    """Find a prompt without a visible character."""
    if any(c.isalnum() or unicodedata.category(c)[0] in "PS" for c in reading.text):
        return None
    return Fault(
        0,
        len(reading.text),
        'Nothing is asked for: write a change, such as "Make the sky orange".',
    )


def too_long(reading: Reading) -> Fault | None:
    """Find a prompt that may not be read to its end."""
    text = reading.text
    tokens = estimated_tokens(text)
    if len(text) > PROMPT_MAX_CHARS:
        said = f"This has {len(text)} characters, and {PROMPT_MAX_CHARS} can be sent."
    elif reading.kontext and tokens > TOKENS_MANY:
        said = f"This is about {tokens} tokens long, and {TOKENS_READ} are read."
    else:
        return None
    certain = len(text) > PROMPT_MAX_CHARS or tokens > TOKENS_READ
    return Fault(
        _place_of(TOKENS_MANY, text),
        len(text),
        f"{said} Say the change alone, and what must stay.",
        severity=Severity.ERROR if certain else Severity.WARNING,
    )


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text is; unspaced scripts count by letter."""
    # In UTF-8 a letter of theirs has two bytes more than an English one.
    wide = (len(text.encode("utf-8", "surrogatepass")) - len(text)) // 2
    by_letters = wide + (len(text) - wide) / _CHARS_A_TOKEN
    return math.ceil(max(by_letters, wide + len(text.split()) * _TOKENS_A_WORD))


def _place_of(tokens: int, text: str) -> int:
    """Return a place in a long text from which on it is too long: where words part."""
    at = max(0, len(text) * tokens // max(tokens, estimated_tokens(text)))
    return text.rfind(" ", 0, at) + 1 or at
