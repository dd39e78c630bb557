"""The status line by ipywidgets alone, where anywidget cannot run."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import traitlets

from kontext_nb.widgets.captions import status
from kontext_nb.widgets.said import Saying

_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px"}
_ALARM = (
    "line-height:1.4;overflow-wrap:anywhere;padding-left:8px;"
    "border-left:3px solid var(--jp-error-color1,#c62828)"
)


class PlainStatus(Saying, ipywidgets.VBox):
    """See `kontext_nb.widgets.said.StatusLine`."""

    said = traitlets.Unicode()
    ticking = traitlets.Unicode()
    share = traitlets.Float(-1.0)
    alarm = traitlets.Dict()

    def __init__(self, **kwargs: Any) -> None:
        self._said = ipywidgets.HTML()
        self._ticking = ipywidgets.HTML()
        self._alarm = ipywidgets.HTML()
        self.choices = ipywidgets.HBox(layout=_WRAPS)
        line = ipywidgets.HBox([self._said, self._ticking], layout=_WRAPS)
        super().__init__([line, self._alarm, self.choices], **kwargs)
        self.observe(self._draw, ["said", "ticking"])
        self.observe(self._draw_alarm, "alarm")
        self._draw()

    def _draw(self, _change: object = None) -> None:
        self._said.value = status(self.said)
        self._ticking.value = escape(self.ticking)

    def _draw_alarm(self, _change: object = None) -> None:
        told = " ".join(self.alarm.get(part, "") for part in ("problem", "remedy"))
        self._alarm.value = (
            f'<div role="alert" dir="auto" style="{_ALARM}">✕ {escape(told)}</div>'
            if told.strip()
            else ""
        )
        gone = self.choices.children
        self.choices.children = [
            part
            for choice in self.alarm.get("choices", ())
            for part in self._parts(self.alarm["number"], choice)
        ]
        for part in gone:
            part.close()

    def _parts(self, number: int, choice: dict[str, str]) -> list[Any]:
        field = ipywidgets.Text(placeholder=choice["asks"]) if choice["asks"] else None
        button = ipywidgets.Button(
            description=choice["label"],
            tooltip=choice["title"],
            layout={"width": "auto"},
        )

        def choose(_button: object) -> None:
            typed = field.value.strip() if field else ""
            self._choose(number, choice["key"], typed)

        button.on_click(choose)
        return [field, button] if field else [button]

    def __repr__(self) -> str:
        """Repeat what it says."""
        return f"PlainStatus({self.said!r})"
