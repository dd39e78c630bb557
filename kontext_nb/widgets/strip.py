"""The steps of a chain as a tree of pictures, to edit on from any of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anywidget
import traitlets

from kontext_nb.widgets.steps import Steps, act_of
from kontext_nb.widgets.tree import PlacedStep, placed
from kontext_nb.widgets.view import ShownStep, Still, asset

_THUMB = "thumb:"


def _sent(steps: list[ShownStep], _widget: object) -> list[PlacedStep]:
    return placed(steps)


class Strip(Steps, Still, anywidget.AnyWidget):
    """Show the steps of a chain; a click sets `selected`, with Ctrl `compared`.

    ``steps`` is a list of `kontext_nb.widgets.view.ShownStep`; give a new list to
    change it, since a change inside the list goes unseen. ``thumbs`` holds their
    pictures by id: JPEG bytes, at most 160 pixels a side; give a new dict as well, and
    before the steps. Only what is new in it travels.

    ``selected`` is the id of the step that the next edit starts from, or empty;
    ``compared`` that of a second one, or empty. ``removed`` is the sentence that says
    what was deleted; while there is one, it stands under the steps beside "Undo". The
    user's next action empties it.
    """

    _esm = asset("node.js", "make.js", "picture.js", "strip_menu.js", "strip.js")
    _css = asset("view.css", "strip.css")

    steps = traitlets.List(traitlets.Dict()).tag(sync=True, to_json=_sent)
    thumbs = traitlets.Dict()
    selected = traitlets.Unicode().tag(sync=True)
    compared = traitlets.Unicode().tag(sync=True)
    removed = traitlets.Unicode().tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_msg(self._heed)

    def get_state(
        self,
        key: str | Iterable[str] | None = None,
        drop_defaults: bool = False,  # noqa: FBT001, FBT002 - as ipywidgets calls it
    ) -> dict[str, Any]:
        """Return what the browser gets; each thumb is a piece of its own there.

        As one trait, all of them would travel again for each that is added.
        """
        thumbs = {_THUMB + step: data for step, data in self.thumbs.items()}
        if key is None:
            return dict(super().get_state(None, drop_defaults)) | thumbs
        wanted = {key} if isinstance(key, str) else set(key)
        thumbs = {name: thumbs[name] for name in wanted & set(thumbs)}
        state = super().get_state(wanted - set(thumbs), drop_defaults)
        return dict(state) | thumbs

    @traitlets.observe("thumbs")
    def _send_new(self, change: Any) -> None:
        old = change.old or {}  # None while the widget is being made
        new = {k for k, data in change.new.items() if old.get(k) != data}
        if new and self.comm is not None:
            self.send_state({_THUMB + step for step in new})

    def _heed(self, _widget: object, message: Any, _buffers: object) -> None:
        act = act_of(message, self.shown)
        if act:
            self._act(act)

    def __repr__(self) -> str:
        """Say how many steps there are, without their bytes."""
        return f"Strip({len(self.steps)} steps)"
