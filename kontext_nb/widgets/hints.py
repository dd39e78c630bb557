"""What could be worded better in an instruction, as the prompt box shows it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from kontext_nb.prompts import Finding, lint

_WORDS_SHOWN = 40


class Hint(TypedDict):
    """One finding. Every text is shown as it is: it is never read as markup."""

    severity: str  # "info", "warning" or "error"
    words: str  # those at fault, cut; "" if it is all, or the message has them
    message: str
    why: str
    better: NotRequired[str]  # the whole instruction, reworded
    passes: NotRequired[list[str]]  # the instruction as several, one after the other


def hints(prompt: str, model: str | None) -> list[Hint]:
    """Return the hints on an instruction, the gravest first; none on an empty one."""
    if not prompt.strip():
        return []
    found = lint(prompt, model=model)
    return [
        _hint(finding, found.words(finding), whole=prompt.strip())
        for finding in sorted(found, key=lambda f: -f.severity.rank)
    ]


def _hint(finding: Finding, words: str, *, whole: str) -> Hint:
    words = " ".join(words.split())
    if words in finding.message:
        words = ""
    if len(words) > _WORDS_SHOWN:
        words = words[: _WORDS_SHOWN - 1] + "…"
    hint = Hint(
        severity=finding.severity.value,
        words="" if words == whole else words,
        message=finding.message,
        why=finding.why,
    )
    if finding.better is not None:
        hint["better"] = finding.better
    if finding.passes:
        hint["passes"] = list(finding.passes)
    return hint
