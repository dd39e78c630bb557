"""How far a line of edits drifts, as HTML: a small curve, and a table of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kontext_nb.grids.as_html import only_text
from kontext_nb.preservation import Drift, telling
from kontext_nb.session.drifting import SEEN_DB, DriftCurve, quality_db

# Of the picture and of what is drawn in it, in pixels. What is better kept than the
# highest, which is most of what nobody could tell apart, stands at the top.
_WIDE, _HIGH = 320, 84
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 14, 12, 20
_LOWEST_DB, _HIGHEST_DB = 10.0, 50.0
_MOST_LABELS = 12

# Styled inline, in the text's own colour: it stands on whatever ground there is.
_STYLE = "max-width:62em;line-height:1.5"
_CELL = "padding:1px 16px 1px 0;text-align:start;background:none;font-weight:400"
_HEAD = "How well the rest is kept: PSNR in dB against the source, its tone taken back"
_ALARM = "border-left:3px solid var(--jp-error-color1,#c62828);padding-left:8px"


def fragment(curve: DriftCurve, numbers: Sequence[str]) -> str:
    """Return the curve as HTML that reads well in light and dark.

    Args:
        curve: What is shown.
        numbers: What people call its steps.
    """
    told = [
        f"step {number}: {quality_text(step.total)}"
        for number, step in zip(numbers, curve.steps, strict=True)
    ]
    alt = f"How well the rest of the picture is kept, {', '.join(told)}"
    parts = [
        f'<div class="kx-drift mathjax_ignore tex2jax_ignore" style="{_STYLE}">',
        f'<p style="margin:0">{_HEAD}</p>',
        _svg(curve, numbers, alt),
        _alarm(curve, numbers),
        _table(curve, numbers),
        "</div>",
    ]
    return "".join(parts)


def quality_text(seen: Drift) -> str:
    """Say how well the rest is kept."""
    if not seen.registration.confident:
        return "not comparable"
    if seen.everywhere or math.isnan(seen.toned_psnr_db):
        return "a new picture"
    return (
        "the same" if math.isinf(seen.toned_psnr_db) else f"{seen.toned_psnr_db:.1f} dB"
    )


def _alarm(curve: DriftCurve, numbers: Sequence[str]) -> str:
    falls_at = curve.falls_at
    if falls_at is None:
        return ""
    total = curve.steps[falls_at - 1].total
    words = (
        f"Quality falls at step {numbers[falls_at - 1]}: {quality_text(total)}, and "
        f"below {SEEN_DB:.0f} dB most people see the difference."
    )
    return f'<p role="status" style="margin:0 0 .3em;{_ALARM}">{only_text(words)}</p>'


def _svg(curve: DriftCurve, numbers: Sequence[str], alt: str) -> str:
    """Draw it; where a step cannot be compared, the line has a gap and a cross."""
    apart = (_WIDE - _LEFT - _RIGHT) / max(1, len(curve.steps) - 1)
    parts = [_line_at(SEEN_DB)]
    every = -(-len(curve.steps) // _MOST_LABELS)
    before = None
    for n, (step, number) in enumerate(zip(curve.steps, numbers, strict=True)):
        x, y = _LEFT + n * apart, _height(step.total)
        if n % every == 0:
            parts.append(_text(x, _HIGH - 4, "middle", number))
        told = only_text(f"step {number}: {quality_text(step.total)}")
        parts.append(f"<g><title>{told}</title>")
        if y is None:  # a cross at the foot: there is nothing to compare
            parts.append(_path(f"M{x - 3:.0f} {_HIGH - _BOTTOM - 6}l6 6m0-6l-6 6"))
        else:
            if before:
                parts.append(_path(f"M{before[0]:.0f} {before[1]:.0f}L{x:.0f} {y:.0f}"))
            parts.append(
                f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3.5" fill="currentColor"/>'
            )
            if step.number == curve.falls_at:
                parts.append(
                    _path(f"M{x:.0f} {y:.0f}m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0")
                )
        parts.append("</g>")
        before = None if y is None else (x, y)
    style = "max-width:100%;display:block;font:11px system-ui,sans-serif"
    return (
        f'<svg role="img" aria-label="{only_text(alt)}" width="{_WIDE}" '
        f'height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}" style="{style}">'
        f"{''.join(parts)}</svg>"
    )


def _height(seen: Drift) -> float | None:
    """Return where a step stands; None where nothing can be said of it."""
    quality = quality_db(seen)
    return None if math.isnan(quality) else _y(quality)


def _y(quality_db: float) -> float:
    share = (quality_db - _LOWEST_DB) / (_HIGHEST_DB - _LOWEST_DB)
    return _TOP + (1 - min(1.0, max(0.0, share))) * (_HIGH - _TOP - _BOTTOM)


def _line_at(quality_db: float) -> str:
    y = _y(quality_db)
    line = _path(f"M{_LEFT} {y:.0f}H{_WIDE - _RIGHT}", "stroke-dasharray='4 3'")
    return line + _text(_LEFT - 8, y + 4, "end", f"{quality_db:.0f}")


def _path(way: str, more: str = "") -> str:
    return f'<path d="{way}" fill="none" stroke="currentColor" {more}/>'


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="currentColor">'
        f"{only_text(words)}</text>"
    )


def _table(curve: DriftCurve, numbers: Sequence[str]) -> str:
    heads = (
        "Step",
        "Changed by the model",
        "Rest kept",
        "Changed since the source",
        "Rest kept",
    )
    rows = [
        (number, *_told(step.step), *_told(step.total))
        for number, step in zip(numbers, curve.steps, strict=True)
    ]
    head = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in heads)
    body = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL}">'
        f"{only_text(row[0])}</th>"
        + "".join(f'<td style="{_CELL}">{only_text(value)}</td>' for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        "<details><summary>The numbers</summary>"
        '<table style="border-collapse:collapse;margin:.3em 0;border:0"><thead>'
        f'<tr style="background:none">{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></details>"
    )


def _told(seen: Drift) -> tuple[str, str]:
    return telling.change(seen).removeprefix("changed "), quality_text(seen)
