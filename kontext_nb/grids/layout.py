"""Where everything on a sheet stands, in pixels: one geometry for every drawing.

    margin | row label | gap | cell | gap | cell | margin
    title, column labels, then for each row its pictures, captions and details,
    then the footer. All text is set on one left edge per column.

Every distance is a multiple of the type size, so a sheet looks the same at any scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kontext_nb.grids import pictures
from kontext_nb.grids.plan import Blank, Cell, Sheet
from kontext_nb.lettering import width, wrap

Shape = tuple[int, int] | None

_BLANK_HEIGHT = 0.75  # of the cell, in a row where there is no picture at all
_NARROWEST = 0.5  # of the cell: a column keeps room for its caption
_ROW_LABEL = 0.42  # of the cell, at most


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text: its left end on the baseline, its size and its weight."""

    text: str
    x: int
    y: int
    size: int
    tone: str = "ink"  # "ink", "muted" or "alarm"
    bold: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """The place of one cell's picture."""

    cell: Cell
    x: int
    y: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int]:
        """Width and height that the picture is fitted into."""
        return self.width, self.height


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A sheet with all places known."""

    width: int
    height: int
    type_size: int
    rows: tuple[tuple[Slot, ...], ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """A kind of text: its size relative to the type size, and its room in lines."""

    scale: float
    lines: int
    tone: str = "ink"
    bold: bool = False

    def set(
        self, text: str, room: float, type_size: int, *, height: int | None = None
    ) -> Block:
        """Break the text into lines; as many as ``height`` pixels hold, if given."""
        block = Block((), max(1, round(type_size * self.scale)), self)
        most = self.lines
        if height is not None:
            most = min(most, height // block.leading)
        if most < 1:
            return block
        lines = wrap(text, room, block.size, lines=most, bold=self.bold)
        return replace(block, lines=lines)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of text that are set but not placed yet."""

    lines: tuple[str, ...]
    size: int
    style: Style

    @property
    def leading(self) -> int:
        """Pixels from one baseline to the next."""
        return round(self.size * 1.38)

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.leading * len(self.lines)

    @property
    def width(self) -> float:
        """Pixels of the longest line."""
        bold = self.style.bold
        return max(
            (width(line, self.size, bold=bold) for line in self.lines), default=0
        )

    def at(self, x: int, top: int, *, centred_in: int = 0) -> Iterator[Label]:
        """Place the lines with their upper left corner at (x, top)."""
        tone, bold = self.style.tone, self.style.bold
        for number, line in enumerate(self.lines):
            inset = (centred_in - width(line, self.size, bold=bold)) / 2
            left = x + round(inset) if centred_in else x
            # 1.03 em of a 1.38 em line lie above the baseline: looks centred.
            base = top + number * self.leading + round(self.size * 1.03)
            yield Label(line, left, base, self.size, tone, bold)


TITLE = Style(1.35, 2, bold=True)
HEADING = Style(1.0, 3)
CAPTION = Style(1.0, 4)
DETAIL = Style(0.9, 3, tone="muted")
FOOTER = Style(0.9, 2, tone="muted")
HEADLINE = Style(1.0, 2)
ALARM = Style(1.0, 2, tone="alarm")
REASON = Style(0.9, 9, tone="muted")  # as many as its cell has room for


def lay_out(sheet: Sheet, *, cell_px: int, type_size: int) -> Layout:
    """Find every place of the sheet; files are opened only for their headers."""
    fits = tuple(tuple(_fit(cell, cell_px) for cell in row) for row in sheet.rows)
    margin, gap = round(type_size * 1.5), round(type_size * 1.1)
    widths = _column_widths(fits, cell_px)
    side = [HEADING.set(t, cell_px * _ROW_LABEL, type_size) for t in sheet.row_labels]
    side_width = round(max(block.width for block in side)) if side else 0
    places, x = [], margin + (side_width + gap if side_width else 0)
    for wide in widths:
        places.append((x, wide))
        x += wide + gap
    inner = x - gap - margin
    labels: list[Label] = []
    y = margin

    if sheet.title:
        title = TITLE.set(sheet.title, inner, type_size)
        labels += title.at(margin, y)
        y += title.height + gap
    heads, y = _place_heads(sheet.column_labels, places, y, type_size)
    labels += heads

    rows = []
    for number, (row, fit) in enumerate(zip(sheet.rows, fits, strict=True)):
        if number:
            y += round(type_size * 1.6)
        height = max((size[1] for size in fit if size), default=0)
        height = height or round(cell_px * _BLANK_HEIGHT)
        slots = tuple(
            Slot(cell, x, y, wide, height)
            for cell, (x, wide) in zip(row, places, strict=True)
        )
        if side:
            labels += side[number].at(margin, y)
        words, y = _place_words(slots, y + height, type_size)
        labels += words
        rows.append(slots)

    if sheet.footer:
        y += gap
        footer = FOOTER.set(sheet.footer, inner, type_size)
        labels += footer.at(margin, y)
        y += footer.height
    return Layout(inner + 2 * margin, y + margin, type_size, tuple(rows), tuple(labels))


def blank_labels(slot: Slot, blank: Blank, type_size: int) -> tuple[Label, ...]:
    """Place the words that stand where the picture would be, in its middle."""
    room = slot.width - 2 * type_size
    style = ALARM if blank.alarming else HEADLINE
    headline = style.set(blank.headline, room, type_size, height=slot.height)
    left = slot.height - headline.height
    reason = REASON.set(blank.reason, room, type_size, height=left)
    top = slot.y + (slot.height - headline.height - reason.height) // 2
    x = slot.x + type_size
    return (
        *headline.at(x, top, centred_in=room),
        *reason.at(x, top + headline.height, centred_in=room),
    )


def _fit(cell: Cell, cell_px: int) -> Shape:
    """Return the size at which the cell's picture is shown, or None without one."""
    shape = pictures.shape(cell)
    return pictures.fitted(shape, (cell_px, cell_px)) if shape else None


def _column_widths(fits: tuple[tuple[Shape, ...], ...], cell_px: int) -> list[int]:
    """Return how wide each column is: as its widest picture, never too narrow."""
    narrowest = round(cell_px * _NARROWEST)
    return [
        max(narrowest, max((size[0] for size in column if size), default=cell_px))
        for column in zip(*fits, strict=True)
    ]


def _place_heads(
    texts: tuple[str, ...], places: list[tuple[int, int]], y: int, type_size: int
) -> tuple[list[Label], int]:
    """Place the column labels so that their last lines align; return the new y too.

    ``places`` are the (x, width) of the columns.
    """
    if not texts:
        return [], y
    heads = [
        HEADING.set(text, wide, type_size)
        for text, (_, wide) in zip(texts, places, strict=True)
    ]
    tallest = max(head.height for head in heads)
    labels = [
        label
        for head, (x, _) in zip(heads, places, strict=True)
        for label in head.at(x, y + tallest - head.height)
    ]
    return labels, y + tallest + round(type_size * 0.5)


def _place_words(
    slots: tuple[Slot, ...], y: int, type_size: int
) -> tuple[list[Label], int]:
    """Place captions and details below a row of pictures; return the new y too."""
    labels: list[Label] = []
    lowest = y
    for slot in slots:
        top = y + round(type_size * 0.55)
        # Without a picture the detail says why; it stands in the picture's place.
        detail = slot.cell.detail if slot.cell.picture is not None else ""
        for style, text in ((CAPTION, slot.cell.caption), (DETAIL, detail)):
            block = style.set(text, slot.width, type_size)
            if block.lines:
                labels += block.at(slot.x, top)
                top += block.height
                lowest = max(lowest, top)
    return labels, lowest
