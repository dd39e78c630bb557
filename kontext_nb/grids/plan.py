"""A comparison grid as data: what is shown where. Nothing here draws or opens a file.

The pair under every edit is the smallest grid; a sweep is a larger one. The same sheet
becomes a picture (`as_image`), HTML (`as_html`) or a matplotlib figure (`as_figure`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kontext_nb.errors import ParameterRejected

if TYPE_CHECKING:
    from PIL.Image import Image

DONE = "done"
Fact = str | int | float | bool | None  # None is not known
UNKNOWN = "outcome unknown"
_ALARMS = frozenset({"failed", UNKNOWN})
_HEADLINES = {DONE: "No picture", "missing": "No picture"}


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One place of a sheet. All its words are text, never markup.

    Args:
        picture: An image, or a file that is opened only when it is drawn.
        caption: What stands under the picture, usually the prompt.
        detail: A second, quieter line: "seed 3", or why there is no picture.
        state: "done", or what became of the edit: "failed", "outcome unknown",
            "cancelled", "missing".
        alt: What the picture shows, for those who cannot see it; else the caption.
        facts: What else is known of it, by the names of a table's columns.
    """

    picture: Image | Path | None
    caption: str = ""
    detail: str = ""
    state: str = DONE
    alt: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What a screen reader says for the picture; never empty."""
        return self.alt or self.caption or self.detail or "picture"


@dataclass(frozen=True, slots=True)
class Blank:
    """What is written where a picture cannot be shown.

    Args:
        headline: The state in one or two words.
        reason: Why, as far as it is known.
        alarming: Whether something went wrong, rather than just not happening.
    """

    headline: str
    reason: str
    alarming: bool = False

    @classmethod
    def of(cls, cell: Cell, problem: str = "") -> Blank:
        """Word the state of a cell whose picture is not there or has a ``problem``."""
        if problem and cell.state == DONE:
            return cls("Cannot be shown", problem, alarming=True)
        name = cell.state.replace("_", " ").strip()
        headline = _HEADLINES.get(cell.state) or name.capitalize() or "No picture"
        return cls(headline, cell.detail or problem, alarming=cell.state in _ALARMS)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A rectangle of cells and the words around it.

    Args:
        rows: Rows of cells, all equally long; at least one cell.
        title: Stands above.
        row_labels: One for each row, or none at all.
        column_labels: One for each column, or none at all.
        footer: Stands below; it says which engine made the pictures.

    Raises:
        ParameterRejected: The rows differ in length, or a label is missing.
    """

    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    footer: str = ""

    def __post_init__(self) -> None:
        """Check that every cell has its place and every line its label."""
        lengths = {len(row) for row in self.rows}
        if len(lengths) != 1 or 0 in lengths:
            raise ParameterRejected(
                "A sheet needs rows of equal length with at least one cell.",
                "Fill a place that has no picture with Cell(None, state='missing').",
            )
        _check_labels("row", self.row_labels, len(self.rows))
        _check_labels("column", self.column_labels, len(self.rows[0]))

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.rows[0])


def pair(left: Cell, right: Cell, *, footer: str = "") -> Sheet:
    """Plan "source | result"."""
    return Sheet(((left, right),), footer=footer)


def strip(cells: Sequence[Cell], *, footer: str = "") -> Sheet:
    """Plan one row: the steps of a chain."""
    return Sheet((tuple(cells),), footer=footer)


def _check_labels(kind: str, labels: tuple[str, ...], count: int) -> None:
    """Refuse labels that do not go with the rows or columns one by one."""
    if labels and len(labels) != count:
        raise ParameterRejected(
            f"The sheet has {count} {kind}s and {len(labels)} {kind} labels.",
            f"Give one label for each {kind}, or none at all.",
        )
