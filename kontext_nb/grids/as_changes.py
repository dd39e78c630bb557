"""Changes as HTML, for a notebook's output and for a chain's page."""

from __future__ import annotations

from kontext_nb.grids.as_html import only_text
from kontext_nb.grids.changes import Changes
from kontext_nb.prompts import Kind, Piece

# Styled inline and on the ground where it stands: notebooks are light or dark, and
# untrusted ones drop style sheets. The class names keep "$5" from becoming mathematics.
_CLASSES = "kx-changes mathjax_ignore tex2jax_ignore"
_BOX = "max-width:62em;line-height:1.5;overflow-wrap:anywhere"
_QUIET = "opacity:.75"
_CELL = "padding:2px 16px 2px 0;text-align:start;vertical-align:top;background:none"
_TABLE = "border-collapse:collapse;margin:.4em 0;border:0"
# A line through or below says it without colour. What only a screen reader gets is cut
# off, not hidden: it would not be read then.
_CUT = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"
_LOOKS = {
    Kind.REMOVED: ("del", "removed", "line-through", "214,48,49"),
    Kind.ADDED: ("ins", "added", "underline 2px", "46,160,67"),
}


def fragment(changes: Changes) -> str:
    """Return the changes as HTML that reads well in light and dark.

    Args:
        changes: What to show.
    """
    head = f"What changed from {changes.before} to {changes.after}"
    parts = [
        f'<div class="{_CLASSES}" style="{_BOX}">',
        f'<p dir="auto" style="margin:0 0 .3em"><strong>{only_text(head)}</strong></p>',
        _prompt(changes.prompt),
    ]
    if changes.rows:
        parts.append(_table(changes))
    if changes.same:
        same = " · ".join(f"{name}: {value}" for name, value in changes.same)
        words = only_text(f"The same in both: {same}")
        parts.append(f'<p dir="auto" style="margin:0;{_QUIET}">{words}</p>')
    parts.append("</div>")
    return "".join(parts)


def _prompt(pieces: tuple[Piece, ...]) -> str:
    """Return the prompt with what was removed and what was added marked."""
    kinds = {piece.kind for piece in pieces}
    if not kinds:
        return ""
    if kinds == {Kind.SAME}:
        about, shown = "The same prompt:", only_text(pieces[0].text)
    elif kinds == {Kind.ADDED}:
        # Nothing was there, so that all of it is new says little.
        about, shown = "Prompt:", only_text(pieces[0].text)
    else:
        about, shown = "Prompt:", "".join(map(_piece, pieces))
    return (
        f'<p dir="auto" style="margin:0 0 .3em;white-space:pre-wrap">'
        f'<span style="{_QUIET}">{about}</span> <bdi>{shown}</bdi></p>'
    )


def _piece(piece: Piece) -> str:
    if piece.kind is Kind.SAME:
        return only_text(piece.text)
    tag, word, line, tint = _LOOKS[piece.kind]
    # The blanks around the words stay unmarked: a struck blank reads as a dash.
    bare = piece.text.strip()
    if not bare:
        return piece.text if piece.kind is Kind.ADDED else ""
    start = piece.text.index(bare)
    front, back = piece.text[:start], piece.text[start + len(bare) :]
    style = f"text-decoration:{line};background:rgba({tint},.22);padding:0 2px"
    told = f'<span style="{_CUT}"> [{word}:] </span>'
    end = f'<span style="{_CUT}"> [end] </span>'
    return f'{front}<{tag} style="{style}">{told}{only_text(bare)}{end}</{tag}>{back}'


def _table(changes: Changes) -> str:
    heads = "".join(
        f'<th scope="col" dir="auto" style="{_CELL}">{only_text(label)}</th>'
        for label in (changes.before, changes.after)
    )
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:500">'
        f'{only_text(name)}</th><td dir="auto" style="{_CELL}">{only_text(before)}</td>'
        f'<td dir="auto" style="{_CELL}">{only_text(after)}</td></tr>'
        for name, before, after in changes.rows
    )
    return (
        f'<table style="{_TABLE}"><thead><tr style="background:none">'
        f'<td style="{_CELL}"></td>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )
