"""Which views to build: our own, or ipywidgets' where nothing else is allowed."""

from __future__ import annotations

from kontext_nb.session import settings
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.plain import PlainStrip
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.strip import Strip


def compare_view() -> Compare | PlainCompare:
    """Return an empty comparison."""
    return PlainCompare() if _plain() else Compare()


def strip_view() -> Strip | PlainStrip:
    """Return an empty strip of steps."""
    return PlainStrip() if _plain() else Strip()


def _plain() -> bool:
    return settings.current().widgets == "plain"
