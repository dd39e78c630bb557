"""The strip made of ipywidgets alone, for front ends where anywidget cannot run.

It has the traits of `Strip`, so whoever fills that fills this one.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import traitlets

from kontext_nb.widgets.view import Still

# ipywidgets sets captions 28 pixels apart; these make one text of them.
_CAPTION = "line-height:1.4;overflow-wrap:anywhere"
_TWO_LINES = (
    "display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;"
    "overflow:hidden"
)


class PlainStrip(Still, ipywidgets.HBox):
    """Show the steps of a chain; see `kontext_nb.widgets.strip.Strip`."""

    steps = traitlets.List(traitlets.Dict())
    selected = traitlets.Unicode()

    def __init__(self, **kwargs: Any) -> None:
        self._buttons: dict[str, ipywidgets.Button] = {}
        self._items: list[_Item] = []
        row = {"overflow": "auto", "width": "100%", "grid_gap": "8px"}
        super().__init__(layout=row, **kwargs)
        self.observe(self._draw, "steps")
        self.observe(self._mark, "selected")
        self._draw()

    def _draw(self, _change: object = None) -> None:
        self._buttons = {}
        gone, self._items = self._items, [self._item(step) for step in self.steps]
        self.children = self._items
        self._mark()
        for item in gone:
            item.close_all_below()

    def _item(self, step: dict[str, Any]) -> _Item:
        item = _Item(step)
        item.button.on_click(lambda _button: self.set_trait("selected", step["id"]))
        self._buttons[step["id"]] = item.button
        return item

    def _mark(self, _change: object = None) -> None:
        for step_id, button in self._buttons.items():
            chosen = step_id == self.selected
            button.description = "Editing from here" if chosen else "Edit from here"
            button.icon = "check" if chosen else ""

    def __repr__(self) -> str:
        """Say how many steps there are, without their bytes."""
        return f"PlainStrip({len(self.steps)} steps)"


class _Item(ipywidgets.VBox):
    """One step: its picture, its words and its button."""

    def __init__(self, step: dict[str, Any]) -> None:
        self.button = ipywidgets.Button(layout={"width": "auto"})
        box = {"width": "160px", "height": "112px", "object_fit": "contain"}
        picture = ipywidgets.Image(value=step["thumb"], layout=box)
        words = caption(step["title"], step.get("note", ""))
        parts = [picture, ipywidgets.HTML(words), self.button]
        apart = {"flex": "0 0 164px", "justify_content": "space-between"}
        super().__init__(parts, layout=apart)

    def close_all_below(self) -> None:
        """Close the item and its parts, which the front end would keep otherwise."""
        for part in (*self.children, self):
            part.close()


def caption(label: str, *quiet: str) -> str:
    """Return one bold and some quiet texts as HTML; whatever they say is text.

    The label is cut after its second line and shown whole on hover.
    """
    text = escape(label)
    bold = f'<b title="{text}" style="{_TWO_LINES}">{text}</b>' if label else ""
    rest = "<br>".join(escape(line) for line in quiet if line)
    return f'<div dir="auto" style="{_CAPTION}">{bold}{rest}</div>'
