"""Draw a sheet as a matplotlib figure, for PDF, SVG and whoever works with figures.

The places are those of the Pillow drawing, in inches. pyplot is never loaded: the
figure belongs to the caller alone and no state of the process changes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import pictures
from kontext_nb.grids.as_image import PANEL, PAPER, TONES
from kontext_nb.grids.layout import Label, Layout, Slot, blank_labels, lay_out
from kontext_nb.grids.plan import Blank, Sheet
from kontext_nb.lettering import legible, runs, width
from kontext_nb.target import replacing, suffix_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without a date and a producer's version, equal sheets make equal files.
SUFFIXES: dict[str, dict[str, str | None]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
}

_CELL_PX = 512  # the resolution of a picture in the file, and the unit of the layout
_TYPE_POINTS = 7.5
_POINTS = 72  # per inch
_CELL_INCHES = (0.5, 20.0)


def figure(sheet: Sheet, *, cell_inches: float = 2.4) -> Figure:
    """Draw the sheet.

    Args:
        sheet: What to draw.
        cell_inches: Longer side of a picture, 0.5 to 20 inches.

    Raises:
        ParameterRejected: ``cell_inches`` is out of range.
    """
    from matplotlib.figure import Figure

    if not _CELL_INCHES[0] <= cell_inches <= _CELL_INCHES[1]:
        raise ParameterRejected(
            f"A cell cannot be {cell_inches} inches.",
            f"Give a number from {_CELL_INCHES[0]} to {_CELL_INCHES[1]}.",
        )
    points = cell_inches * _POINTS / _CELL_PX  # of one unit of the layout
    plan = lay_out(sheet, cell_px=_CELL_PX, type_size=round(_TYPE_POINTS / points))
    inch = points / _POINTS
    drawn = Figure(figsize=(plan.width * inch, plan.height * inch), dpi=1 / inch)
    drawn.set_facecolor(PAPER)
    for row in plan.rows:
        for slot in row:
            _draw_slot(drawn, plan, slot, points)
    for label in plan.labels:
        _write(drawn, plan, label, points)
    return drawn


def save(sheet: Sheet, path: str | os.PathLike[str]) -> Path:
    """Draw the sheet into a .pdf or .svg file and return its path.

    Raises:
        ParameterRejected: Unknown suffix, or no such folder.
        NotSaved: Nothing can be written there.
    """
    suffix = suffix_of(path, SUFFIXES)
    metadata = dict(SUFFIXES[suffix])
    if sheet.title:
        metadata["Title"] = legible(sheet.title)
    with replacing(path) as (aside, target):
        figure(sheet).savefig(
            aside, format=suffix[1:], metadata=metadata, facecolor=PAPER
        )
    return target


def _draw_slot(drawn: Figure, plan: Layout, slot: Slot, points: float) -> None:
    """Draw one picture, or the words that stand for it."""
    axes = drawn.add_axes(
        (
            slot.x / plan.width,
            1 - (slot.y + slot.height) / plan.height,
            slot.width / plan.width,
            slot.height / plan.height,
        ),
        xticks=(),
        yticks=(),
        facecolor=PANEL,
        frame_on=True,
    )
    axes.spines[:].set_visible(False)
    seen = pictures.look(slot.cell, slot.box)
    if isinstance(seen, Blank):
        for label in blank_labels(slot, seen, plan.type_size):
            _write(drawn, plan, label, points)
        return
    left = (slot.width - seen.width) // 2
    top = (slot.height - seen.height) // 2
    axes.imshow(seen, extent=(left, left + seen.width, top + seen.height, top))
    axes.set(xlim=(0, slot.width), ylim=(slot.height, 0), aspect="auto")


def _write(drawn: Figure, plan: Layout, label: Label, points: float) -> None:
    """Write one line, run by run, as nothing but text."""
    from matplotlib.font_manager import FontProperties

    x = float(label.x)
    for part, path in runs(label.text, bold=label.bold):
        drawn.text(
            x / plan.width,
            1 - label.y / plan.height,
            part,
            color=TONES[label.tone],
            font=FontProperties(fname=path, size=label.size * points),
            verticalalignment="baseline",
            parse_math=False,  # "$5 to $10" is a price
        )
        x += width(part, label.size, bold=label.bold)
