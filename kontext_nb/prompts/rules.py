"""The table of rules."""

from __future__ import annotations

from kontext_nb.prompts import size, wording
from kontext_nb.prompts.finding import Severity
from kontext_nb.prompts.rule import Rule

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

RULES = (
    Rule(
        id="K001",
        title="nothing is said",
        severity=ERROR,
        why="The model changes what the words ask for, and here are none.",
        check=size.empty,
        english=False,
        edits=False,
    ),
    Rule(
        id="K002",
        title="too long",
        severity=ERROR,
        why="FLUX.1 Kontext reads 512 tokens, which is about 380 English words.",
        check=size.too_long,
        english=False,
        edits=False,
    ),
    Rule(
        id="K010",
        title="a pronoun for a subject",
        severity=WARNING,
        why="The model sees the picture but not whom you have in mind.",
        check=wording.pronoun,
    ),
)
