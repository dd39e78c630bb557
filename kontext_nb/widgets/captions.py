"""Words as HTML, for views made of ipywidgets alone; whatever they say is text."""

from __future__ import annotations

from html import escape

# ipywidgets sets captions 28 pixels apart; these make one text of them.
_CAPTION = "line-height:1.4;overflow-wrap:anywhere"
_TWO_LINES = (
    "display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;"
    "overflow:hidden"
)


def caption(label: str, *quiet: str) -> str:
    """Return one bold and some quiet texts as HTML.

    The label is cut after its second line and shown whole on hover.
    """
    text = escape(label)
    bold = f'<b title="{text}" style="{_TWO_LINES}">{text}</b>' if label else ""
    rest = "<br>".join(escape(line) for line in quiet if line)
    return f'<div dir="auto" style="{_CAPTION}">{bold}{rest}</div>'


def status(text: str, *, failed: bool = False) -> str:
    """Return a sentence that screen readers say when it changes."""
    # The bar says it without colour alone; red text is dim on a dark ground.
    alarm = "border-left:3px solid var(--jp-error-color1,#c62828);padding-left:8px"
    style = _CAPTION + (f";{alarm}" if failed else "")
    return f'<div role="status" dir="auto" style="{style}">{escape(text)}</div>'
