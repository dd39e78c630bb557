"""The steps of a chain by ipywidgets alone, where anywidget cannot run."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from kontext_nb.widgets.captions import caption, status
from kontext_nb.widgets.steps import Steps
from kontext_nb.widgets.tree import PlacedStep, lanes
from kontext_nb.widgets.view import Act, Kind, Still

MANY = 8  # from here on a filter pays
_STATES = {"running": "Running", "failed": "Failed", "unknown": "Outcome unknown"}
_WRAPS = {"flex_flow": "row wrap", "grid_gap": "4px 8px", "align_items": "center"}


class PlainStrip(Steps, Still, ipywidgets.VBox):
    """Show the steps of a chain; see `kontext_nb.widgets.strip.Strip`.

    Each lane is a row, a branch's under the words that say where it comes from. What
    can be done with a step is done with the one selected, in one row below them all.
    """

    steps = traitlets.List(traitlets.Dict())
    thumbs = traitlets.Dict()
    selected = traitlets.Unicode()
    compared = traitlets.Unicode()
    removed = traitlets.Unicode()

    def __init__(self, **kwargs: Any) -> None:
        self._items: dict[str, _Item] = {}
        self._rows = ipywidgets.VBox()
        self._only = ipywidgets.Checkbox(
            description="Starred only", indent=False, layout={"width": "auto"}
        )
        self._tools = _Tools(self)
        self._said = ipywidgets.HTML()
        self._undo = ipywidgets.Button(description="Undo", icon="undo")
        self._bar = ipywidgets.HBox([self._said, self._undo], layout=_WRAPS)
        parts = [self._only, self._rows, self._tools, self._bar]
        super().__init__(parts, layout={"width": "100%"}, **kwargs)
        self._undo.on_click(lambda _button: self._act(Act("undo", "")))
        self._only.observe(self._draw, "value")
        self.observe(self._draw, ["steps", "thumbs"])
        self.observe(self._mark, ["selected", "compared", "removed"])
        self._draw()

    def choose(self, **traits: str) -> None:
        """Set `selected` or `compared`, as a click does: it is a next action."""
        self.removed = ""
        for name, value in traits.items():
            self.set_trait(name, value)

    def ask(self, kind: Kind, value: str | bool | None = None) -> None:  # noqa: FBT001 - an act's value is of three kinds
        """Tell the owner what shall be done with the selected step."""
        self._act(Act(kind, self.selected, value))

    def _draw(self, _change: object = None) -> None:
        gone = list(self._rows.children)
        self._items = {}
        many = len(self.steps) > MANY
        self._only.layout.display = "" if many else "none"
        starred_only = many and self._only.value
        self._rows.children = [
            part
            for lane in lanes(self.shown)
            for part in self._lane([s for s in lane if _seen(s, starred_only)])
        ]
        self._mark()
        for part in gone:
            _close(part)

    def _lane(self, lane: list[PlacedStep]) -> list[Any]:
        if not lane:
            return []
        row = {"overflow": "auto", "width": "100%", "grid_gap": "8px"}
        branch = lane[0]["rows"] > 0
        if branch:
            row["margin"] = "0 0 0 24px"
        items = [_Item(self, step, self.thumbs.get(step["id"], b"")) for step in lane]
        self._items |= {item.step["id"]: item for item in items}
        called = f"↳ {lane[0]['origin']}"
        head = [ipywidgets.HTML(caption("", called))] if branch else []
        return [*head, ipywidgets.HBox(items, layout=row)]

    def _mark(self, _change: object = None) -> None:
        for step, item in self._items.items():
            item.mark(chosen=step == self.selected, compared=step == self.compared)
        self._tools.show()
        self._said.value = status(self.removed)
        self._bar.layout.display = "" if self.removed else "none"

    def __repr__(self) -> str:
        """Say how many steps there are, without their bytes."""
        return f"PlainStrip({len(self.steps)} steps)"


class _Item(ipywidgets.VBox):
    """One step: its picture, its words and its button."""

    def __init__(self, strip: PlainStrip, step: PlacedStep, thumb: bytes) -> None:
        self.step = step
        self.button = ipywidgets.Button(layout={"width": "auto"})
        self._mark = ipywidgets.HTML()
        box = {"width": "160px", "height": "112px", "object_fit": "contain"}
        picture = ipywidgets.Image(value=thumb, layout=box)
        state = _STATES.get(step.get("state", ""), "")
        name = step.get("name") or step["title"]
        star = "★ Starred" if step.get("starred") else ""
        words = caption(
            f"{step['number']}. {name}" if step["number"] else name,
            " · ".join(filter(None, (step["origin"], step.get("detail", "")))),
            " · ".join(filter(None, (state, star))),
            f"Note: {step['note']}" if step.get("note") else "",
        )
        self.button.disabled = bool(state)
        self.button.on_click(lambda _button: strip.choose(selected=step["id"]))
        parts = [picture, ipywidgets.HTML(words), self._mark, self.button]
        apart = {"flex": "0 0 164px", "justify_content": "space-between"}
        super().__init__(parts, layout=apart)

    def mark(self, *, chosen: bool, compared: bool) -> None:
        """Say what the step is chosen for."""
        self.button.description = "Editing from here" if chosen else "Edit from here"
        self.button.icon = "check" if chosen else ""
        self._mark.value = caption("⇄ Compared") if compared else ""


class _Tools(ipywidgets.HBox):
    """What can be done with the selected step."""

    def __init__(self, strip: PlainStrip) -> None:
        self._strip = strip
        self._filling = False
        self._star = ipywidgets.Button(icon="star", layout={"width": "auto"})
        self._delete = ipywidgets.Button(
            description="Delete", icon="trash", layout={"width": "auto"}
        )
        self._other = ipywidgets.Dropdown(description="Compare with")
        self._words = {
            "name": ipywidgets.Text(description="Name", continuous_update=False),
            "note": ipywidgets.Text(description="Note", continuous_update=False),
        }
        for field in (self._other, *self._words.values()):
            field.style.description_width = "initial"
            field.layout.width = "240px"
        own = [self._star, *self._words.values(), self._delete]
        self._of_steps = own
        super().__init__([self._other, *own], layout=_WRAPS)
        self._star.on_click(lambda _: strip.ask("star", not self._now("starred")))
        self._delete.on_click(lambda _: strip.ask("delete"))
        self._other.observe(self._compare, "value")
        self._words["name"].observe(lambda c: self._write("rename", c), "value")
        self._words["note"].observe(lambda c: self._write("note", c), "value")

    def show(self) -> None:
        """Fill the fields from the selected step."""
        strip = self._strip
        names = [(step["id"], _name(n, step)) for n, step in enumerate(strip.steps)]
        others = [(name, step) for step, name in names if step != strip.selected]
        known = dict(names)
        self._filling = True
        try:
            self._other.options = [("the step before", ""), *others]
            paired = strip.compared in known and strip.compared != strip.selected
            self._other.value = strip.compared if paired else ""
            for field, widget in self._words.items():
                widget.value = self._now(field) or ""
        finally:
            self._filling = False
        self._star.description = "Remove the star" if self._now("starred") else "Star"
        self.layout.display = "" if strip.selected in known and others else "none"
        is_step = strip.selected in list(known)[1:]
        for part in self._of_steps:
            part.layout.display = "" if is_step else "none"

    def _now(self, field: str) -> Any:
        chosen = self._strip.selected
        found = (step for step in self._strip.steps if step["id"] == chosen)
        return next(found, {}).get(field)

    def _compare(self, change: Any) -> None:
        if not self._filling:
            self._strip.choose(compared=change.new)

    def _write(self, kind: Kind, change: Any) -> None:
        if not self._filling:
            self._strip.ask(kind, change.new.strip())


def _name(number: int, step: Any) -> str:
    name = step.get("name") or step["title"]
    return f"{number}. {name}" if number else name


def _seen(step: PlacedStep, starred_only: bool) -> bool:  # noqa: FBT001 - a filter's one question
    return not starred_only or bool(step.get("starred"))


def _close(widget: Any) -> None:
    """Close a widget and its parts, which the front end would keep otherwise."""
    for part in getattr(widget, "children", ()):
        _close(part)
    widget.close()
