"""Which views to build: our own, or ipywidgets' where nothing else is allowed."""

from __future__ import annotations

from kontext_nb.session import settings
from kontext_nb.widgets.area import AreaPicker
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.intake import Intake
from kontext_nb.widgets.plain_area import PlainArea
from kontext_nb.widgets.plain_compare import PlainCompare
from kontext_nb.widgets.plain_intake import PlainIntake
from kontext_nb.widgets.plain_prompt import PlainPrompt
from kontext_nb.widgets.plain_said import PlainStatus
from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.prompt import PromptBox
from kontext_nb.widgets.said import StatusLine
from kontext_nb.widgets.strip import Strip


def compare_view() -> Compare | PlainCompare:
    """Return an empty comparison."""
    return PlainCompare() if _plain() else Compare()


def strip_view() -> Strip | PlainStrip:
    """Return an empty strip of steps."""
    return PlainStrip() if _plain() else Strip()


def prompt_box() -> PromptBox | PlainPrompt:
    """Return an empty box for an instruction."""
    return PlainPrompt() if _plain() else PromptBox()


def status_line() -> StatusLine | PlainStatus:
    """Return a line that says nothing yet."""
    return PlainStatus() if _plain() else StatusLine()


def intake() -> Intake | PlainIntake:
    """Return a place where pictures come in."""
    return PlainIntake() if _plain() else Intake()


def area() -> AreaPicker | PlainArea:
    """Return an area that is not drawn yet."""
    return PlainArea() if _plain() else AreaPicker()


def _plain() -> bool:
    return settings.current().widgets == "plain"
