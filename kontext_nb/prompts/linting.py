"""Read a prompt by all the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kontext_nb.model import checked_model, checked_prompt
from kontext_nb.prompts.amending import MENDED_CHARS
from kontext_nb.prompts.finding import Finding, Findings
from kontext_nb.prompts.reading import read
from kontext_nb.prompts.rule import Fault, Rule
from kontext_nb.prompts.rules import RULES

# What is longer is to be made shorter before anybody looks at its words.
JUDGED_CHARS = 1600
_OF_LENGTH = tuple(rule for rule in RULES if rule.id in ("K001", "K002"))


def lint(prompt: str, *, model: str | None = None) -> Findings:
    """Say what in a prompt could be worded better, and how.

    Nothing is sent and nothing is refused: these are hints. Words in quotes are letters
    to be painted and are not judged; rules about English leave other languages alone.

    Args:
        prompt: The instruction; any text.
        model: Id of the model it is for; None for FLUX.1 Kontext.

    Returns:
        The findings in the order of the words at fault, one a rule at most.

    Raises:
        PromptRejected: The prompt is no text.
        ParameterRejected: The model is no model id.

    Example:
        >>> [f.rule for f in lint("Change her coat to red")]
        ['K010']
    """
    if not isinstance(prompt, str):
        checked_prompt(prompt)
    if model is not None:
        checked_model(model)
    before = dict(_faults(prompt, model))
    found = [_finding(prompt, rule, before, model) for rule in before]
    return Findings(prompt, tuple(sorted(found, key=lambda f: (f.start, f.end))))


def _faults(prompt: str, model: str | None) -> Iterator[tuple[Rule, Fault]]:
    judged = len(prompt) <= JUDGED_CHARS
    reading = read(prompt if judged else "", model)
    if not judged:
        reading = replace(reading, text=prompt)
    for rule in RULES if judged else _OF_LENGTH:
        if fault := rule.fault(reading):
            yield rule, fault


def _finding(
    prompt: str, rule: Rule, before: Mapping[Rule, Fault], model: str | None
) -> Finding:
    """Return a fault as a finding, with those of its rewordings that do help."""
    fault = before[rule]
    severity = fault.severity or rule.severity
    known = {r: _rank(r, f) for r, f in before.items()}

    def helps(text: str) -> bool:
        after = dict(_faults(text, model))
        return rule not in after and all(
            _rank(r, f) < severity.rank or _rank(r, f) <= known.get(r, -1)
            for r, f in after.items()
        )

    short = len(prompt) <= MENDED_CHARS
    offered = fault.better if short and fault.better and helps(fault.better) else None
    passes = fault.passes if short and all(map(helps, fault.passes)) else ()
    return Finding(
        rule=rule.id,
        severity=severity,
        start=fault.start,
        end=fault.end,
        message=fault.message,
        why=rule.why,
        better=offered,
        passes=passes,
    )


def _rank(rule: Rule, fault: Fault) -> int:
    return (fault.severity or rule.severity).rank
