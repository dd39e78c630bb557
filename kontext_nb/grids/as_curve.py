"""How a chain drifts, as a matplotlib figure: narrow, and on a ground of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kontext_nb.grids.as_image import PAPER, TONES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = (4.4, 3.9)
_DPI = 120
_LINE = "#2a6f97"
# Equal pictures have no finite ratio: they are drawn there, and said to be the same.
_SAME_DB = 60.0


@dataclass(frozen=True, slots=True)
class Mark:
    """One step of a chain.

    Args:
        number: Its place, from 1.
        quality_db: How well what did not change is kept against the chain's source;
            infinite where it is the same, not a number where nothing can be said.
        own_db: The same against the picture before it.
        changed: Share of the picture that is not the source's, 0 to 1.
    """

    number: int
    quality_db: float
    own_db: float
    changed: float


def figure(marks: Sequence[Mark], *, seen_db: float, falls_at: int | None) -> Figure:
    """Draw the curve.

    Args:
        marks: In their order.
        seen_db: Below that most people see a difference.
        falls_at: Number of the step at which quality falls below it, if at any.
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained", facecolor=PAPER)
    quality, share = drawn.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    numbers = [mark.number for mark in marks]
    _plot_quality(quality, marks, seen_db, falls_at)
    share.bar(numbers, [100 * mark.changed for mark in marks], color=_LINE, width=0.6)
    share.set_ylabel("changed, %")
    share.set_xlabel("step")
    share.set_ylim(bottom=0)
    share.xaxis.get_major_locator().set_params(integer=True)
    share.set_xlim(0.4, max(numbers, default=1) + 0.6)
    for axes in (quality, share):
        _plain(axes)
    return drawn


def _plot_quality(
    axes: Axes, marks: Sequence[Mark], seen_db: float, falls_at: int | None
) -> None:
    numbers = [mark.number for mark in marks]
    total = [min(mark.quality_db, _SAME_DB) for mark in marks]
    own = [min(mark.own_db, _SAME_DB) for mark in marks]
    axes.plot(numbers, own, "o", color=TONES["muted"], ms=4, label="the step alone")
    axes.plot(numbers, total, "o-", color=_LINE, ms=5, label="against the source")
    axes.axhline(seen_db, color=TONES["alarm"], lw=1, ls="--")
    known = [value for value in (*total, *own, seen_db) if not math.isnan(value)]
    low, high = min(known), max(known)
    axes.set_ylim(low - 4, high + 6)
    _beside(axes, f"below {seen_db:.0f} dB most people see it", seen_db, TONES["alarm"])
    if high >= _SAME_DB:
        axes.axhline(_SAME_DB, color=TONES["muted"], lw=0.8, ls=":")
        _beside(axes, "the same pixels", _SAME_DB, TONES["muted"])
    if falls_at is not None:
        at = total[numbers.index(falls_at)]
        axes.plot([falls_at], [at], "o", color=TONES["alarm"], ms=7)
        axes.annotate(
            f"step {falls_at}",
            (falls_at, at),
            xytext=(0, -7),
            textcoords="offset points",
            ha="center",
            va="top",
            color=TONES["alarm"],
            size=8,
        )
    axes.set_ylabel("PSNR outside, dB")
    axes.legend(
        frameon=False,
        fontsize=7,
        labelcolor=TONES["ink"],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
    )


def _beside(axes: Axes, words: str, level_db: float, colour: str) -> None:
    """Write below a level's line, at the left edge."""
    axes.annotate(
        words,
        (0.01, level_db),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        va="top",
        color=colour,
        size=7,
    )


def _plain(axes: Axes) -> None:
    """Give axes their own colours: what a style sheet sets may be meant for black."""
    axes.set_facecolor(PAPER)
    axes.tick_params(colors=TONES["ink"], labelsize=8)
    axes.xaxis.label.set(color=TONES["ink"], size=8)
    axes.yaxis.label.set(color=TONES["ink"], size=8)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(TONES["muted"])
