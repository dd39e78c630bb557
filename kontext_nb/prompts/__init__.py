"""How instructions are worded: what could be said better, and what two have apart."""

from kontext_nb.prompts.differing import Kind, Piece, parameter_changes, prompt_changes
from kontext_nb.prompts.finding import Finding, Findings, Severity
from kontext_nb.prompts.linting import lint

__all__ = [
    "Finding",
    "Findings",
    "Kind",
    "Piece",
    "Severity",
    "lint",
    "parameter_changes",
    "prompt_changes",
]
