"""``kontext-nb doctor``: what works here, what does not, and how to mend it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict

import click

from kontext_nb.cli.speech import answer
from kontext_nb.errors import SetupIncomplete
from kontext_nb.session.findings import Finding, Level, ok, warn
from kontext_nb.session.settings import by_deadline

_WIDTH = 80
_WORD_WIDTH, _NAME_WIDTH = 4, 8
_COLOURS = {
    Level.OK: "green",
    Level.SKIP: "blue",
    Level.WARN: "yellow",
    Level.FAIL: "red",
}


@click.command()
@click.option("--offline", is_flag=True, help="Leave the network alone.")
@by_deadline
def doctor(*, offline: bool) -> None:
    """Say what works here, what does not, and how to mend it.

    Nothing is paid for. What was found goes to stdout even if something failed; then
    the exit code is 69.
    """
    from kontext_nb.session.checkup import checkup

    found = [*checkup(offline=offline), _terminal()]
    counts = {level: sum(f.level is level for f in found) for level in Level}
    failures = counts[Level.FAIL]
    facts = {"ok": not failures, "checks": [asdict(finding) for finding in found]}
    summary = ", ".join(f"{counts[level]} {level}" for level in Level)
    lines = [line for finding in found for line in _lines(finding)]
    answer(facts, "\n".join(_speakable(line) for line in (*lines, "", summary)))
    if failures:
        raise SetupIncomplete(
            f"{failures} of {len(found)} checks failed.",
            "What to do stands below each of them.",
        )


def _lines(finding: Finding) -> Iterator[str]:
    """Show a finding: a word that tells without its colour, then the sentence."""
    word = f"{finding.level:<{_WORD_WIDTH}}"
    # Wrapped before it is coloured: what colours is no text, but would count as it.
    first = f"{word}  {finding.name:<{_NAME_WIDTH}}  "
    rest = " " * len(first)
    wrapped = _wrapped(finding.sentence, first, rest)
    wrapped[0] = click.style(word, _COLOURS[finding.level]) + wrapped[0][len(word) :]
    yield from wrapped
    yield from _wrapped(finding.remedy, f"{rest}-> ", f"{rest}   ")


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    # Commands and paths are to be copied, so they are broken at blanks only.
    return textwrap.wrap(
        "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _speakable(text: str) -> str:
    """Return a line as this terminal can show it: who asks here may have a poor one."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    if encoding != "utf8":
        return warn(
            "terminal",
            f"stdout speaks {encoding}, which has no room for most scripts.",
            "Set PYTHONUTF8=1, and a locale such as C.UTF-8.",
        )
    if not sys.stdout.isatty():
        return ok("terminal", "UTF-8; stdout is no terminal, so it gets no colours.")
    colours = "no colours" if os.environ.get("NO_COLOR") else "colours"
    return ok("terminal", f"UTF-8, with {colours}.")
