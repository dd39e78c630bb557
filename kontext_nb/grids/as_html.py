"""Draw a sheet as HTML: a fragment for a notebook's output, or a page of its own.

Both are complete without scripts, fonts or anything else from elsewhere. The fragment
is styled inline only: GitHub and JupyterLab (untrusted) drop style sheets, and what is
left is a plain table that still reads well. It takes its colours from where it stands.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from kontext_nb.grids import pictures
from kontext_nb.grids.as_image import encode_within
from kontext_nb.grids.pictures import Original
from kontext_nb.grids.plan import Blank, Cell, Sheet
from kontext_nb.lettering import whole
from kontext_nb.target import replacing, suffix_of

SUFFIXES = (".html", ".htm")

_PAGE_PX = 1024
_PREVIEW_PX = 512
_SMALL_PREVIEW_PX = 320
_FEW = 8  # cells; beyond, they stand so close that small previews do
_PREVIEW_BYTES = 24_000  # a pair stays below 100 KB in base64
_FRAGMENT_BYTES = 360_000  # all previews of one output: notebooks must stay small
_PREVIEW_LEAST = 2_000
_MIME = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
}

# Notebooks set "$5 to $10" as mathematics, unless they are asked not to: the first name
# is MathJax 3's (JupyterLab), the second MathJax 2's (nbconvert).
_CLASSES = "kx-sheet mathjax_ignore tex2jax_ignore"
# Notebooks stripe, hover and centre tables; these undo it, in their own words.
_TABLE = "border-collapse:collapse;margin:0;background:none;font:inherit;"
_ROW = "background:none;border:none;padding:0"
_FLOW = ";display:flex;flex-wrap:wrap;gap:0 16px"
# JupyterLab knows no "start" where a notebook is not trusted, and sets tables right.
_START = "text-align:left;text-align:start;"
_BARE = f"border:none;background:none;{_START}white-space:normal;"
_TD = _BARE + "padding:0 16px 16px 0;vertical-align:top"
_TD_FLOW = _BARE + "padding:0 0 12px;flex:1 1 220px;max-width:512px;min-width:0"
_HEAD = _BARE + "padding:0 16px 6px 0;vertical-align:bottom;font-weight:500"
_SIDE = _BARE.replace("normal", "pre-line") + (
    "padding:0 16px 16px 0;vertical-align:top;font-weight:500;overflow-wrap:anywhere"
)
_FIGURE = "margin:0"
_IMG = "display:block;max-width:100%;height:auto;border-radius:3px"
_WORDS = "margin-top:6px;line-height:1.4;overflow-wrap:anywhere;white-space:pre-line"
_QUIET = "opacity:.75;font-size:.9em"
_BLANK = (
    "box-sizing:border-box;padding:16px;border-radius:3px;display:flex;"
    "border:1px solid rgba(128,128,128,.35);background:rgba(128,128,128,.08);"
    "align-items:center;justify-content:center;text-align:center;"
    "overflow-wrap:anywhere;max-height:512px;"
)
_SIDE_PX, _LEAST_PX = 128, 160  # widths of the row labels and of a narrow column
_LIST_SIDE_PX = 320  # beside thumbnails it is the words that are read
_ANY_RATIO = "4/3"

_PAGE_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --panel: #f4f4f2; --ink: #1f1f1e;
  --muted: #6a6a66; --alarm: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1b1b; --panel: #262626;
  --ink: #ececea; --muted: #a0a09b; --alarm: #f2a49d; } }
* { box-sizing: border-box; }
body { margin: 0; padding: clamp(16px, 3vw, 40px); background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans",
  "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 1.2em; font-size: 1.35rem; font-weight: 650; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 0; table-layout: fixed;
  width: 100%; }
th, td { padding: 0 20px 28px 0; text-align: start; vertical-align: top; }
th { font-weight: 500; overflow-wrap: anywhere; }
thead th, thead td { padding-bottom: 8px; vertical-align: bottom; }
figure { margin: 0; }
img { display: block; width: auto; height: auto; max-width: 100%; max-height: 92vh;
  border-radius: 3px; }
figcaption { margin-top: 8px; max-width: 62ch; white-space: pre-line;
  overflow-wrap: anywhere; }
small, footer { font-size: .875em; color: var(--muted); }
.blank { display: grid; place-content: center; padding: 20px; max-height: 92vh;
  background: var(--panel); border-radius: 3px; text-align: center;
  overflow-wrap: anywhere; }
.blank strong { font-weight: 500; }
.alarm strong { color: var(--alarm); }
.flow { display: grid; gap: 0 20px;
  grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); }
.flow > td { padding-right: 0; max-width: 1024px; }
@media print { .wide { overflow: visible; } tr, figure { break-inside: avoid; } }
"""

# Even if a caption got past the escaping, no script would run and nothing would load.
_PAGE_START = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1 dir="auto">{name}</h1>
<div class="wide">
"""


def fragment(
    sheet: Sheet, *, picture_bytes: int | None = None, picture_px: int | None = None
) -> str:
    """Return the sheet as a snippet for a notebook's output.

    Args:
        sheet: What to show.
        picture_bytes: Most bytes of one embedded preview; by default 24 kB, and less
            when there are many, so that one output stays below half a megabyte.
        picture_px: Most pixels of its longer side; by default 512, and 320 when there
            are many. With less than 160 the sheet is a list with thumbnails.
    """
    count = len(sheet.rows) * sheet.columns
    fair = max(_PREVIEW_LEAST, min(_PREVIEW_BYTES, _FRAGMENT_BYTES // count))
    limit = fair if picture_bytes is None else picture_bytes
    longest = picture_px or (_PREVIEW_PX if count <= _FEW else _SMALL_PREVIEW_PX)
    flow = _flows(sheet)
    parts = [f'<div class="{_CLASSES}" style="overflow-x:auto">']
    if sheet.title:
        parts.append(f'<p dir="auto"><strong>{only_text(sheet.title)}</strong></p>')
    parts.append(_table_open(sheet, _TABLE + _widths(sheet, longest), longest))
    parts += _heads(sheet, _ROW, _HEAD)
    parts.append("<tbody>")
    for number, row in enumerate(sheet.rows):
        parts.append(f'<tr valign="top" style="{_ROW}{_FLOW if flow else ""}">')
        if sheet.row_labels:
            parts.append(_head("row", sheet.row_labels[number], _SIDE))
        ratio = _ratio(row)
        for cell in row:
            td = _TD_FLOW if flow else _TD
            shown = _preview(cell, longest, limit, ratio)
            parts.append(f'<td style="{td}">{shown}</td>')
        parts.append("</tr>")
    parts.append("</tbody></table>")
    if sheet.footer:
        words = only_text(sheet.footer)
        parts.append(f'<p dir="auto"><small style="{_QUIET}">{words}</small></p>')
    parts.append("</div>")
    return "".join(parts)


def save(sheet: Sheet, path: str | os.PathLike[str]) -> Path:
    """Write one offline .html file and return its path.

    Its pictures are previews of at most 1024 pixels, so that a page of many can be sent
    and opened; in full they are in the store and in saved pictures.

    Raises:
        ParameterRejected: Unknown suffix, or no such folder.
        NotSaved: Nothing can be written there.
    """
    suffix_of(path, SUFFIXES)
    with (
        replacing(path) as (aside, target),
        aside.open("w", encoding="utf-8") as file,
    ):
        file.writelines(_page_parts(sheet))
    return target


def _page_parts(sheet: Sheet) -> Iterator[str]:
    """Yield the document in parts, so that a large one never is in memory at once."""
    name = only_text(sheet.title or "Comparison")
    yield _PAGE_START.format(name=name, style=_PAGE_STYLE)
    yield _table_open(sheet, "" if _flows(sheet) else _least_width(sheet))
    yield from _heads(sheet)
    yield "\n<tbody>\n"
    for number, row in enumerate(sheet.rows):
        yield '<tr class="flow">\n' if _flows(sheet) else "<tr>\n"
        if sheet.row_labels:
            yield _head("row", sheet.row_labels[number])
        ratio = _ratio(row)
        for cell in row:
            yield f"<td>{_on_page(cell, ratio)}</td>\n"
        yield "</tr>\n"
    yield "</tbody>\n</table>\n</div>\n</main>\n"
    if sheet.footer:
        yield f'<footer dir="auto">{only_text(sheet.footer)}</footer>\n'
    yield "</body>\n</html>\n"


def _flows(sheet: Sheet) -> bool:
    """Tell whether rows may wrap on a narrow screen: no label ties a cell down."""
    return not (sheet.row_labels or sheet.column_labels)


def _table_open(sheet: Sheet, style: str, longest: int = _PAGE_PX) -> str:
    """Open the table; without labels it only arranges, and screen readers are told."""
    role = ' role="presentation"' if _flows(sheet) else ""
    columns = ""
    if not _flows(sheet):
        is_list = longest < _LEAST_PX  # there the pictures are narrow, not the words
        side = "<col>" if is_list else f'<col style="width:{_SIDE_PX}px">'
        each = f'<col style="width:{longest + 16}px">' if is_list else "<col>"
        columns = f"{side if sheet.row_labels else ''}{each * sheet.columns}"
        columns = f"<colgroup>{columns}</colgroup>"
    return f"<table{role}{_styled(style)}>{columns}"


def _widths(sheet: Sheet, longest: int) -> str:
    """Return how wide a table is: even columns, no wider than their previews."""
    if _flows(sheet):
        return "width:100%;table-layout:auto"
    most = _side_px(sheet, longest) + sheet.columns * (longest + 16)
    least = _least_width(sheet, longest)
    return f"table-layout:fixed;width:100%;max-width:{most}px;{least}"


def _least_width(sheet: Sheet, longest: int = _PAGE_PX) -> str:
    """Return the width below which a labelled table scrolls rather than shrinks."""
    narrow = min(_LEAST_PX, longest + 16)
    side = _SIDE_PX if sheet.row_labels else 0
    return f"min-width:{side + sheet.columns * narrow}px"


def _side_px(sheet: Sheet, longest: int) -> int:
    """Return how wide the row labels are, where there is room."""
    if not sheet.row_labels:
        return 0
    return _SIDE_PX if longest >= _LEAST_PX else _LIST_SIDE_PX


def _ratio(row: Sequence[Cell]) -> str:
    """Return width/height of a row's first picture: its blanks take the same shape."""
    shapes = (pictures.shape(cell) for cell in row)
    return next((f"{size[0]}/{size[1]}" for size in shapes if size), _ANY_RATIO)


def _heads(sheet: Sheet, row_style: str = "", style: str = "") -> Iterator[str]:
    """Yield the row of column labels, if there are any."""
    if sheet.column_labels:
        yield f"<thead{_styled(row_style)}><tr{_styled(row_style)}>"
        if sheet.row_labels:
            yield f"<td{_styled(style)}></td>"
        for label in sheet.column_labels:
            yield _head("col", label, style)
        yield "</tr></thead>"


def _head(scope: str, label: str, style: str = "") -> str:
    """Return one label of a row or column."""
    words = only_text(label)
    return f'<th scope="{scope}" align="left" dir="auto"{_styled(style)}>{words}</th>'


def _preview(cell: Cell, longest: int, limit: int, ratio: str) -> str:
    """Return a cell with a copy of its picture, limited in pixels and bytes."""
    seen = pictures.look(cell, (longest, longest))
    if isinstance(seen, Blank):
        return _figure(cell, _blank(seen, ratio, _BLANK), _FIGURE, _WORDS)
    data = encode_within(seen, limit, format="WEBP")
    small = Original("WEBP", data, seen.size)
    return _figure(cell, _img(cell, small, _IMG), _FIGURE, _WORDS)


def _on_page(cell: Cell, ratio: str) -> str:
    """Return a cell with its picture as a page shows it."""
    seen = pictures.preview(cell, _PAGE_PX)
    if isinstance(seen, Blank):
        return _figure(cell, _blank(seen, ratio))
    return _figure(cell, _img(cell, seen))


def _figure(cell: Cell, shown: str, style: str = "", words_style: str = "") -> str:
    """Return the picture, or what stands for it, with its words in full."""
    words = only_text(cell.caption)
    if cell.detail and cell.picture is not None:
        quiet = (
            f"<small{_styled(_QUIET if style else '')}>{only_text(cell.detail)}</small>"
        )
        words += f"<br>{quiet}" if words else quiet
    caption = f'<figcaption dir="auto"{_styled(words_style)}>{words}</figcaption>'
    return f"<figure{_styled(style)}>{shown}{caption if words else ''}</figure>"


def _img(cell: Cell, picture: Original, style: str = "") -> str:
    """Return an image with its bytes inside; its size stands even without styles."""
    data = base64.b64encode(picture.data).decode("ascii")
    wide, high = picture.size
    return (
        f'<img alt="{only_text(cell.description)}" width="{wide}" height="{high}"'
        f'{_styled(style)} src="data:{_MIME[picture.format]};base64,{data}">'
    )


def _blank(blank: Blank, ratio: str, style: str = "") -> str:
    """Return what is written where there is no picture."""
    loud, quiet = ("font-weight:500", _QUIET) if style else ("", "")
    words = f"<strong{_styled(loud)}>{only_text(blank.headline)}</strong>"
    if blank.reason:
        words += f"<br><small{_styled(quiet)}>{only_text(blank.reason)}</small>"
    kind = "blank alarm" if blank.alarming else "blank"
    shape = f"{style}aspect-ratio:{ratio}"
    return f'<div class="{kind}" style="{shape}" dir="auto"><span>{words}</span></div>'


def _styled(style: str) -> str:
    """Return the style as an attribute, or nothing."""
    return f' style="{style}"' if style else ""


def only_text(text: str) -> str:
    """Return text that is only ever text, in an element or a quoted attribute."""
    return escape(whole(text), quote=True)
