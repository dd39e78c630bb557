"""What is found in a prompt: frozen values, and how a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import overload

from kontext_nb.prompts import showing


class Severity(StrEnum):
    """How much it matters; compare by `rank`."""

    INFO = "info"  # the edit may well come out; this makes it likelier
    WARNING = "warning"  # a known way for edits to go wrong
    ERROR = "error"  # it cannot be done as it is asked

    @property
    def rank(self) -> int:
        """0 for info, 1 for a warning, 2 for an error."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in a prompt that could be said better.

    Args:
        rule: Id of the rule, such as "K010"; docs/prompts.md explains each.
        severity: How much it matters.
        start: Where the words at fault begin, in characters of the prompt.
        end: Where they end; the words are ``prompt[start:end]``.
        message: One sentence that says what is wrong, and what to write if there is
            no `better`.
        why: One sentence that says why it matters.
        better: The whole prompt, reworded; None where it takes more than a click.
        passes: The prompt as several, to be run one after the other; empty unless it
            asks for too much at once.
    """

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    why: str
    better: str | None = None
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Findings(Sequence[Finding]):
    """All that is found in one prompt, in the order of the words at fault.

    It is a sequence, false if nothing is found, and a notebook shows it with the words
    marked.

    Args:
        prompt: What was read.
        items: One finding a rule at most: its first place in the prompt.
    """

    prompt: str
    items: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The highest severity there is; None if nothing is found."""
        return max((f.severity for f in self.items), key=lambda s: s.rank, default=None)

    def words(self, finding: Finding) -> str:
        """Return the words at fault."""
        return self.prompt[finding.start : finding.end]

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        """Return one finding, or a tuple of them for a slice."""
        return self.items[index]

    def __iter__(self) -> Iterator[Finding]:
        """Go through the findings."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.items)

    def __repr__(self) -> str:
        """Return the findings as people read them, a paragraph each."""
        return "\n".join(showing.lines(self.prompt, self.items))

    def _repr_html_(self) -> str:
        """Return the prompt with the words marked, and the findings below it."""
        return showing.fragment(self.prompt, self.items)
