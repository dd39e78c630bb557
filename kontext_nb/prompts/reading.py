"""A prompt as the rules read it: what is quoted set aside, words, language, model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from kontext_nb.catalogue import MAKES, ROWS
from kontext_nb.model import KONTEXT_PRO
from kontext_nb.prompts.languages import leaning
from kontext_nb.schema import picture_field

# What stands for a quoted letter: no word and no white space, so no rule judges it.
MASK = "\u25a0"

# An apostrophe is no quote: "the man's", "l'image", "'90s". Spans are bounded and hold
# no second opening mark, so that a page of stray marks is read in one go. Each begins
# with its mark, not with what stands before it: a prompt that has none is soon read.
_QUOTED = re.compile(
    r"'(?<!\w')(?![\s'])(?:[^'\n]|(?<=\w)'(?=\w)){1,200}(?<!\s)'(?!\w)"
    r'|"(?<!\d")[^"]{1,300}"'
    "|\u201c[^\u201c\u201d]{1,300}\u201d"
    "|\u201d[^\u201c\u201d]{1,300}\u201d"  # Swedish
    "|\u2018(?:[^\u2018\u2019\\n]|\u2019(?=\\w)){1,200}\u2019(?!\\w)"
    "|\u201e[^\u201e\u201c\u201d]{1,300}[\u201c\u201d]"  # German, Polish
    "|«[^«»]{1,300}»|»[^«»]{1,300}«"  # French, Russian; German books
    "|「[^「」]{1,300}」|『[^『』]{1,300}』"
)
_WORD = re.compile(r"[^\W_]+(?:'(?!s\b)[^\W_]+)?")
# Marks that lower-case letters are compared without; each stands for one character.
_PLAIN = {0x2019: "'", 0xA0: " ", 0x0D: "\n"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One prompt, read once for all rules.

    Args:
        text: The prompt as it is; spans count its characters.
        plain: The same in lower case, letter for letter, with quoted letters masked.
        quoted: Where quotes stand, marks and all.
        places: Where each word outside quotes stands, by the word in lower case and
            without a "'s".
        length: How many words there are.
        english: Whether rules about English words may speak.
        foreign: Whether it is surely in another language; a list of nouns is neither.
        makes: Whether the model makes pictures from words alone.
        pictures: How many pictures the model takes; None if that is not known.
        kontext: Whether the model is FLUX.1 Kontext.
    """

    text: str
    plain: str
    quoted: tuple[tuple[int, int], ...]
    places: Mapping[str, Sequence[int]]
    length: int
    english: bool
    foreign: bool
    makes: bool
    pictures: int | None
    kontext: bool

    def said(self, start: int, end: int) -> str:
        """Return some of its words as they are told in a sentence: in one line."""
        return " ".join(self.text[start:end].split())

    @property
    def words(self) -> AbstractSet[str]:
        """All words outside quotes."""
        return self.places.keys()


def read(prompt: str, model: str | None) -> Reading:
    """Return the prompt as the rules read it.

    Args:
        prompt: Any text.
        model: Id of the model it is for; None for FLUX.1 Kontext.
    """
    quoted = tuple(match.span() for match in _QUOTED.finditer(prompt))
    lowered = prompt.lower()
    if len(lowered) != len(prompt):  # a few letters become two
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in prompt)
    plain = _masked(lowered.translate(_PLAIN), quoted)
    places: dict[str, list[int]] = {}
    for word in _WORD.finditer(plain):
        places.setdefault(word[0], []).append(word.start())
    counts = {word: len(found) for word, found in places.items()}
    english = leaning(counts)
    makes, pictures = _taking(model or KONTEXT_PRO)
    return Reading(
        text=prompt,
        plain=plain,
        quoted=quoted,
        places=places,
        length=sum(counts.values()),
        english=english > 0,
        foreign=english < 0,
        makes=makes,
        pictures=pictures,
        kontext="flux-1-kontext" in (model or KONTEXT_PRO),
    )


def _masked(plain: str, quoted: tuple[tuple[int, int], ...]) -> str:
    parts, at = [], 0
    for start, end in quoted:
        parts += [plain[at : start + 1], MASK * (end - start - 2)]
        at = end - 1
    return "".join([*parts, plain[at:]])


def _taking(model: str) -> tuple[bool, int | None]:
    """Return whether a model makes from words alone, and how many pictures it takes."""
    row = ROWS.get(model)
    if row is None:
        return model.endswith(MAKES), None
    field = picture_field(row.input_schema)
    return row.category == MAKES, field.most if field else 0
