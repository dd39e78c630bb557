"""What a whole-picture edit has to leave alone: keep clauses taken at their word.

Edits of one thing keep the rest by themselves. A tone or a look does not: a thing that
is named by its colour is put back as it was; one that is not cannot be found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kontext_nb.demo.colours import PHRASE, Colour, first_colour
from kontext_nb.demo.grammar import Look, Tone
from kontext_nb.demo.refusals import DemoRefusal, WhichPart, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A thing to leave as it is, known by its colour."""

    thing: str
    colour: Colour


_VERB = re.compile(
    r"(?:keep(?:ing)?|preserv(?:e|ing)|maintain(?:ing)?|retain(?:ing)?|leav(?:e|ing)|"
    r"without\s+(?:changing|altering|touching|affecting)|"
    r"(?:do\s+not|don't|never)\s+(?:change|alter|touch|modify|edit))\b"
)
_WHOLE = re.compile(
    r"(?:it|this|that|they|them|everything|anything|(?:the|this|my)\s+(?:\w+\s+)?"
    r"(?:picture|image|photograph|photo|scene|shot))\b"
)
_LEADING = re.compile(
    r"^(?:(?:all|of|the|a|an|his|her|its|their|my|this|that|same|exact|original|"
    r"current|entire|whole|colou?rs?\s+of)\s+)+"
)
_STATE = re.compile(
    r"(?:\s*\b(?:unchanged|untouched|unaltered|intact|alone|identical|consistent|"
    r"exactly|sharp|visible|readable|the\s+same|same|as\s+(?:(?:it|they)\s+)?"
    r"(?:is|are|was|were)|in\s+(?:full\s+)?(?:colou?r|focus)|(?:fully\s+)?colou?red))+$"
)
# What a change of tone or look leaves as it is anyway: shapes, places and words.
_GENERAL = re.compile(
    r"^(?:all|rest|others?)\b|\b(?:else|"
    r"composition|style|framing|frame|crop|pose|posture|position|placement|scale|size|"
    r"proportions?|expression|identity|likeness|features|hairstyle|shapes?|layout|"
    r"perspective|angle|camera|viewpoint|structure|geometry|content|details?|text|"
    r"lettering|letters|words?|wording|font|typography|'[^']*')(?:\s|$)"
)
_COLOURS = re.compile(r"colou?rs?(?:\s+palette)?|palette|hues?|saturation")
_LIGHT = re.compile(
    r"(?:light(?:ing)?|brightness|exposure|contrast|shadows?|highlights?|mood|"
    r"atmosphere|tones?|time\s+of\s+day)"
)
_FREE_OF_COLOUR = frozenset(("brightness", "contrast", "blur"))
_FREE_OF_LIGHT = frozenset(("saturation", "blur"))


def kept_things(
    clauses: Iterable[str], edits: Iterable[Tone | Look]
) -> tuple[Kept, ...]:
    """Return what has to be put back after whole-picture edits.

    Args:
        clauses: Keep clauses as `grammar.parse` returns them.
        edits: The whole-picture operations; without any there is nothing to put back.

    Raises:
        WhichPart: A clause names a thing without its colour.
        DemoRefusal: A clause contradicts an edit.
    """
    kinds: set[str] = {
        edit.axis if isinstance(edit, Tone) else edit.name for edit in edits
    }
    if not kinds:
        return ()
    return tuple(
        Kept(_noun(part), colour)
        for clause in clauses
        for part in _parts(clause)
        if (colour := _checked(part, kinds))
    )


def _parts(clause: str) -> Iterator[str]:
    """Yield the things a clause names, without articles and "unchanged"."""
    verb = _VERB.match(clause)
    if not verb:  # "everything else", "the same composition", "change nothing"
        return
    for raw in re.split(r"\s*(?:,|&|\band\b|\bor\b|\bbut\b)\s*", clause[verb.end() :]):
        part = raw.strip()
        if _WHOLE.match(part):
            continue
        part = _LEADING.sub("", f"{_STATE.sub('', part).strip()} ").strip()
        if part:
            yield part


def _checked(part: str, kinds: set[str]) -> Colour | None:
    """Return the colour a thing is known by; None if it stays as it is anyway."""
    if _COLOURS.fullmatch(part) or _LIGHT.fullmatch(part):
        free = _FREE_OF_COLOUR if _COLOURS.fullmatch(part) else _FREE_OF_LIGHT
        if kinds <= free:
            return None
        raise DemoRefusal(
            f"The demo engine cannot make this change and keep the {readable(part)}.",
            "Leave the keep clause out, or ask for another change.",
        )
    if _GENERAL.search(part):
        return None
    if kinds == {"blur"} and part in ("subject", "foreground"):
        return None
    found = first_colour(part)
    if found is None:
        raise WhichPart(part, "Name its colour, or leave the keep clause out.")
    return found


def _noun(part: str) -> str:
    """Return a thing without its colour."""
    return " ".join(re.sub(rf"\b{PHRASE}\b", " ", part).split())


def put_back(before: Pixels, after: Pixels, things: Iterable[Kept]) -> Pixels:
    """Return ``after`` with the kept things as they are in ``before``, softly edged.

    Raises:
        DemoRefusal: A thing of that colour is not in the picture.
    """
    from kontext_nb.demo.recolour import LEAST_SHARE, found
    from kontext_nb.demo.regions import blurred, closed

    out = after
    for kept in things:
        mask = found(before, kept.thing, kept.colour)
        if float(mask.mean()) < LEAST_SHARE:
            name = readable(f"{kept.colour.name} {kept.thing}".strip())
            raise DemoRefusal(
                f"No {name} is found in this picture to be kept.",
                "Name a colour that is in it, or leave the keep clause out.",
            )
        soft = blurred(closed(mask), max(mask.shape) / 700)[..., None]
        out = out + (before - out) * soft
    return out


__all__ = ["Kept", "kept_things", "put_back"]
