"""Findings as text and as HTML: what is in a prompt is shown and never obeyed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kontext_nb.prompts.finding import Finding

NOTHING = "Nothing to improve."

# Joiners have no shape, but Persian words and many emoji need them.
_JOINERS = "\u200c\u200d"
_WORDS_SHOWN = 60

# Styled inline and on the ground where it stands: notebooks are light or dark, and
# untrusted ones drop style sheets. The class names keep "$5" from becoming mathematics.
_CLASSES = "kx-findings mathjax_ignore tex2jax_ignore"
_TINTS = {"info": "64,128,224", "warning": "214,137,16", "error": "214,48,49"}
_BOX = "max-width:62em;line-height:1.5;overflow-wrap:anywhere"
_PROMPT = "margin:0 0 .6em;white-space:pre-wrap"
_LIST = "list-style:none;margin:0;padding:0"
_ITEM = "margin:0 0 .7em;padding-inline-start:.7em;border-inline-start:3px solid "
_BETTER = "margin:.1em 0 0;white-space:pre-wrap"
_QUIET = "opacity:.75"


def lines(prompt: str, found: Sequence[Finding]) -> Iterator[str]:
    """Yield the findings as lines of text.

    Args:
        prompt: What was read.
        found: What was found in it.
    """
    if not found:
        yield NOTHING
    for finding in found:
        words = plain(prompt[finding.start : finding.end].strip())
        if len(words) > _WORDS_SHOWN:
            words = words[: _WORDS_SHOWN - 3] + "..."
        place = f"at {finding.start}-{finding.end}"
        at = f'{place}: "{words}"' if words else place
        yield f"{finding.rule} {finding.severity} {at}"
        yield f"  {finding.message}"
        yield f"  Why: {finding.why}"
        if finding.better is not None:
            yield f"  Better: {plain(finding.better)}"
        for number, text in enumerate(finding.passes, 1):
            yield f"  Pass {number}: {plain(text)}"


def fragment(prompt: str, found: Sequence[Finding]) -> str:
    """Return the findings as HTML that reads well in light and dark.

    Args:
        prompt: What was read.
        found: What was found in it.
    """
    parts = [f'<div class="{_CLASSES}" style="{_BOX}">']
    if prompt.strip():
        parts.append(f'<p dir="auto" style="{_PROMPT}">{_marked(prompt, found)}</p>')
    if not found:
        parts.append(f'<p style="margin:0;{_QUIET}">{NOTHING}</p>')
    else:
        parts.append(f'<ul style="{_LIST}">')
        parts += map(_item, found)
        parts.append("</ul>")
    parts.append("</div>")
    return "".join(parts)


def plain(text: str) -> str:
    """Return text in one line, with what has no shape or turns it round escaped."""
    return "".join(_shape(c) for c in " ".join(text.split()))


def _item(finding: Finding) -> str:
    tint = f"rgb({_TINTS[finding.severity]})"
    parts = [
        f'<li style="{_ITEM}{tint}"><strong>{finding.severity}</strong> ',
        f'<small style="{_QUIET}">{finding.rule}</small> {_text(finding.message)}',
        f'<br><small style="{_QUIET}">{_text(finding.why)}</small>',
    ]
    if finding.better is not None:
        parts.append(_offer("Better", finding.better))
    for number, text in enumerate(finding.passes, 1):
        parts.append(_offer(f"Pass {number}", text))
    parts.append("</li>")
    return "".join(parts)


def _offer(label: str, text: str) -> str:
    return (
        f'<div style="{_BETTER}"><small style="{_QUIET}">{label}:</small> '
        f'<bdi style="font-style:italic">{_text(text)}</bdi></div>'
    )


def _marked(prompt: str, found: Sequence[Finding]) -> str:
    """Return the prompt with every span marked; where two meet, the worse one shows."""
    edges = sorted({0, len(prompt), *(e for f in found for e in (f.start, f.end))})
    parts = []
    for start, end in pairwise(edges):
        over = [f for f in found if f.start <= start and end <= f.end]
        words = _text(prompt[start:end])
        if over:
            worst = max(over, key=lambda f: f.severity.rank)
            tint, rules = _TINTS[worst.severity], ", ".join(f.rule for f in over)
            style = (
                f"color:inherit;background:rgba({tint},.18);border-radius:2px;"
                f"border-bottom:2px solid rgb({tint})"
            )
            words = f'<mark title="{rules}" style="{style}">{words}</mark>'
        parts.append(words)
    return "".join(parts)


def _text(text: str) -> str:
    """Return text that is only ever text, in an element or a quoted attribute."""
    return escape("".join(map(_shape, text)), quote=True)


def _shape(char: str) -> str:
    if char.isprintable() or char in "\n\t" or char in _JOINERS:
        return char
    return ascii(char)[1:-1]
