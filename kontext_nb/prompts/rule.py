"""What a rule is, and what it says of one prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kontext_nb.prompts.finding import Severity
from kontext_nb.prompts.reading import Reading


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule found.

    Args:
        start: Where the words at fault begin.
        end: Where they end.
        message: What is wrong, in one sentence.
        better: The whole prompt, reworded.
        passes: The prompt as several.
        severity: How much it matters, where that is not the rule's own.
    """

    start: int
    end: int
    message: str
    better: str | None = None
    passes: tuple[str, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing to look for.

    Args:
        id: As people read it, such as "K010".
        title: What it looks for, in a few words.
        severity: How much it matters.
        why: Why it matters, in one sentence.
        check: Returns the first fault in a prompt, or None.
        english: Whether it is about English words.
        edits: Whether it is about changing a picture, so that a prompt for a model
            that makes pictures from words alone is none of its business.
        kontext: Whether it is about FLUX.1 Kontext only.
    """

    id: str
    title: str
    severity: Severity
    why: str
    check: Callable[[Reading], Fault | None]
    english: bool = True
    edits: bool = True
    kontext: bool = False

    def fault(self, reading: Reading) -> Fault | None:
        """Return what is wrong with a prompt, if it is for this rule to say."""
        out = (
            (self.english and not reading.english)
            or (self.edits and reading.makes)
            or (self.kontext and not reading.kontext)
        )
        return None if out else self.check(reading)
