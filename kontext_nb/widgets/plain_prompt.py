"""The box for the instruction by ipywidgets alone, where anywidget cannot run."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

import ipywidgets
import traitlets

from kontext_nb.widgets.prompt import Asking
from kontext_nb.widgets.seen import NOW

_MARKS = {"info": "✎ Tip", "warning": "⚠ Warning", "error": "✕ Problem"}
_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px"}
_ROOMY = {"width": "auto"}
TIP = "Earlier instructions are in the list."


class PlainPrompt(Asking, ipywidgets.VBox):
    """See `kontext_nb.widgets.prompt.PromptBox`; earlier instructions are a list."""

    value = traitlets.Unicode()
    placeholder = traitlets.Unicode()
    tip = traitlets.Unicode(TIP)
    findings = traitlets.List(traitlets.Dict())
    history = traitlets.List(traitlets.Unicode())
    following = traitlets.List(traitlets.Unicode())
    busy = traitlets.Bool()
    chain = traitlets.Unicode()

    def __init__(self, **kwargs: Any) -> None:
        # Not with each key: while the kernel is busy, ipywidgets holds back what comes
        # after the first, and a press of Run would overtake it.
        self.field = ipywidgets.Textarea(
            description="Instruction", rows=2, continuous_update=False, layout=_ROOMY
        )
        self.run = ipywidgets.Button(
            description="Run", button_style="primary", icon="play"
        )
        self.cancel = ipywidgets.Button(description="Cancel", icon="stop")
        self.fix = ipywidgets.Button(description="Fix the wording", layout=_ROOMY)
        self.split = ipywidgets.Button(layout=_ROOMY)
        self.undo = ipywidgets.Button(description="Undo the fix", layout=_ROOMY)
        self.earlier = ipywidgets.Dropdown(description="Earlier")
        self._hints = ipywidgets.HTML()
        self._before: str | None = None
        self._fixing = False
        buttons = (self.run, self.cancel, self.fix, self.split, self.undo)
        row = ipywidgets.HBox([*buttons, self.earlier], layout=_WRAPS)
        super().__init__([self.field, row, self._hints], **kwargs)
        self.field.observe(lambda c: self.set_trait("value", c.new), "value")
        self.earlier.observe(self._recall, "value")
        self.run.on_click(lambda _: self._wished("run", NOW))
        self.cancel.on_click(lambda _: self._wished("cancel", NOW))
        self.fix.on_click(lambda _: self._reword("better"))
        self.split.on_click(lambda _: self._reword("passes"))
        self.undo.on_click(lambda _: self._take_back())
        self.observe(self._typed, "value")
        self.observe(self._draw, ["busy", "findings", "following", "placeholder"])
        self.observe(self._list, "history")
        self._typed()
        self._list()
        self._draw()

    def _typed(self, _change: object = None) -> None:
        self.field.value = self.value
        if not self._fixing:
            self._before = None
            self.undo.layout.display = "none"

    def _list(self, _change: object = None) -> None:
        told = [textwrap.shorten(words, 60, placeholder="…") for words in self.history]
        self.earlier.options = [("choose…", ""), *zip(told, self.history, strict=True)]
        self.earlier.value = ""  # else nothing is chosen, and a blank is shown
        self.earlier.layout.display = "" if self.history else "none"

    def _recall(self, change: Any) -> None:
        if change.new:
            self.value = change.new

    def _offered(self, kind: str) -> Any:
        return next((hint[kind] for hint in self.findings if kind in hint), None)

    def _reword(self, kind: str) -> None:
        """Do what the first hint offers: its wording, or its passes."""
        offered = self._offered(kind)
        if not offered:
            return
        before, self._fixing = self.value, True
        if kind == "passes":
            offered, *self.following = offered
        self.value = offered
        self._fixing, self._before = False, before
        self.undo.layout.display = ""

    def _take_back(self) -> None:
        if self._before is not None:
            self.following = []
            self.value = self._before

    def _draw(self, _change: object = None) -> None:
        self.field.placeholder = self.placeholder
        self.run.disabled, self.cancel.disabled = self.busy, not self.busy
        self.fix.layout.display = "" if self._offered("better") else "none"
        passes = self._offered("passes") or ()
        self.split.description = f"As {len(passes)} passes"
        self.split.layout.display = "" if passes else "none"
        then = [f"Then: {' → '.join(self.following)}"] if self.following else []
        lines = [*map(escape, then), *map(_line, self.findings)] or [escape(self.tip)]
        # Of one height, full or empty: what stands below must not jump.
        self._hints.value = (
            '<div aria-live="polite" dir="auto" style="height:4.3em;overflow:auto;'
            f'line-height:1.4">{"<br>".join(lines)}</div>'
        )

    def __repr__(self) -> str:
        """Name what is in it."""
        return f"PlainPrompt({self.value!r})"


def _line(hint: Any) -> str:
    words = f" <q>{escape(hint['words'])}</q>" if hint["words"] else ""
    mark = _MARKS[hint["severity"]]
    return f"<b>{mark}</b>{words} {escape(hint['message'])}"
