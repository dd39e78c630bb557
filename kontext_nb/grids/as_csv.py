"""A sheet as a table for other programs: a line for each picture."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from kontext_nb.grids.plan import Cell, Fact, Sheet
from kontext_nb.lettering import whole
from kontext_nb.target import replacing, suffix_of

SUFFIXES = (".csv",)
_PLACE = ("row", "column", "row_label", "column_label")
_WORDS = ("caption", "detail", "state")
# A spreadsheet takes a text that begins so for a formula, and would run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def save(sheet: Sheet, path: str | os.PathLike[str]) -> Path:
    """Write one .csv file, in UTF-8, and return its path.

    A line for each cell: its place counted from 1, its labels, its words, and whatever
    facts the cells have, which stay empty where one is not known.

    Raises:
        ParameterRejected: Unknown suffix, or no such folder.
        NotSaved: Nothing can be written there.
    """
    suffix_of(path, SUFFIXES)
    with (
        replacing(path) as (aside, target),
        aside.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        facts = tuple(
            dict.fromkeys(n for row in sheet.rows for c in row for n in c.facts)
        )
        writer.writerow((*_PLACE, *_WORDS, *facts))
        writer.writerows(_lines(sheet, facts))
    return target


def _lines(sheet: Sheet, facts: tuple[str, ...]) -> Iterator[list[str]]:
    rows = sheet.row_labels or ("",) * len(sheet.rows)
    columns = sheet.column_labels or ("",) * sheet.columns
    for y, (label, row) in enumerate(zip(rows, sheet.rows, strict=True), start=1):
        for x, (head, cell) in enumerate(zip(columns, row, strict=True), start=1):
            told: tuple[Fact, ...] = (y, x, label, head, *_words(cell))
            known = (cell.facts.get(name) for name in facts)
            yield [_written(fact) for fact in (*told, *known)]


def _words(cell: Cell) -> tuple[str, ...]:
    return cell.caption, cell.detail, cell.state


def _written(fact: Fact) -> str:
    """Return a fact as text that every program reads the same."""
    if fact is None:
        return ""
    if isinstance(fact, bool):
        return str(fact).lower()
    if isinstance(fact, float):
        return f"{fact:.6g}"
    if isinstance(fact, int):
        return str(fact)
    text = whole(fact)
    return f"'{text}" if text.startswith(_FORMULA) else text
