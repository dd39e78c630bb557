"""Where each step of a chain stands, and what it is called: rows, columns, words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kontext_nb.widgets.view import ShownStep


class PlacedStep(ShownStep):
    """A step with its place, as the browser gets it."""

    number: int  # its place in the list; 0 is the source
    called: str  # "the source" or "step 3"
    origin: str  # "from step 1" where that is not the step before, else ""
    row: int
    column: int  # how many edits it is away from the source
    rows: int  # how many rows below its parent; -1 where it has none


def placed(steps: Sequence[ShownStep]) -> list[PlacedStep]:
    """Give each step its place: a straight chain is one row, a branch its own.

    A step's parent stands before it in the list; who has none there starts a row.
    Short branches far apart share a row, and still no line crosses anything.
    """
    spots = _spots(steps)
    _lay_out([spot for spot in spots.values() if spot.starts_lane])
    found: list[PlacedStep] = []
    for number, step in enumerate(steps):
        spot = spots[step["id"]]
        up = spot.up
        found.append(
            {
                **step,
                "number": number,
                "called": f"step {number}" if number else "the source",
                "origin": "" if up is None else _origin(up.number, number),
                "row": spot.row,
                "column": spot.column,
                "rows": -1 if up is None else spot.row - up.row,
            }
        )
    return found


def lanes(steps: Sequence[ShownStep]) -> list[list[PlacedStep]]:
    """Return the steps by lane, a lane being what follows one after the other."""
    found: list[list[PlacedStep]] = []
    lane_of: dict[str, list[PlacedStep]] = {}
    for step in placed(steps):
        follows = step["rows"] == 0
        lane = lane_of[step["parent"]] if follows else []
        if not follows:
            found.append(lane)
        lane.append(step)
        lane_of[step["id"]] = lane
    return found


def _origin(parent: int, number: int) -> str:
    if parent == number - 1:
        return ""
    return f"from step {parent}" if parent else "from source"


@dataclass(slots=True, eq=False)
class _Spot:
    """A step while it is being placed."""

    number: int
    up: _Spot | None
    column: int
    row: int = -1
    kids: list[_Spot] = field(default_factory=list)

    @property
    def starts_lane(self) -> bool:
        return self.up is None or self.up.kids[0] is not self

    def lane(self) -> Iterator[_Spot]:
        """Go along the lane that starts here."""
        spot: _Spot | None = self
        while spot is not None:
            yield spot
            spot = spot.kids[0] if spot.kids else None


class _Taken(NamedTuple):
    """What stands in a row, or leads through it: from which column to which."""

    first: int
    last: int
    owner: _Spot  # the parent, where it is the line to its branch


def _spots(steps: Sequence[ShownStep]) -> dict[str, _Spot]:
    spots: dict[str, _Spot] = {}
    for number, step in enumerate(steps):
        up = spots.get(step.get("parent", ""))
        spot = _Spot(number, up, up.column + 1 if up else 0)
        if up:
            up.kids.append(spot)
        spots[step["id"]] = spot
    return spots


def _lay_out(starts: list[_Spot]) -> None:
    """Give each lane its row.

    The lane that starts furthest right goes first, so that the line to a later one
    runs left of all that is below its parent.
    """
    rows: list[list[_Taken]] = []
    while starts:
        ready = [s for s in starts if s.up is None or s.up.row >= 0]
        start = max(ready, key=lambda spot: spot.column)
        starts.remove(start)
        lane = list(start.lane())
        row = _row_for(start, lane, rows)
        rows.extend([] for _ in range(len(rows), row + 1))
        if start.up:
            for crossed in range(start.up.row + 1, row + 1):
                rows[crossed].append(_Taken(start.up.column, start.up.column, start.up))
        rows[row].append(_Taken(start.column, lane[-1].column, start))
        for spot in lane:
            spot.row = row


def _row_for(
    start: _Spot, lane: Sequence[_Spot], rows: Sequence[Sequence[_Taken]]
) -> int:
    """Return the first row below the parent that has room for the lane.

    A lane that branches itself needs all the room below it, for its own branches.
    """
    if start.up is None:
        return len(rows)
    branches = any(len(spot.kids) > 1 for spot in lane)
    row = start.up.row + 1
    for below in range(row, len(rows)):
        if any(
            taken.last >= start.up.column
            and (branches or taken.first <= lane[-1].column)
            and taken.owner is not start.up
            for taken in rows[below]
        ):
            row = below + 1
        elif not branches:
            break
    return row
