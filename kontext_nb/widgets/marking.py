"""What the user does with a step of the strip: star, name, note, delete, undo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kontext_nb.errors import KontextError
from kontext_nb.session.edits import Edit
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.plain_strip import PlainStrip
from kontext_nb.widgets.remedies import alarm
from kontext_nb.widgets.said import Saying
from kontext_nb.widgets.showing import Showing
from kontext_nb.widgets.strip import Strip
from kontext_nb.widgets.view import Act


class Marking:
    """Does in the chain what was done in the strip.

    Args:
        strip: Tells what shall be done.
        showing: Shows the chain.
        status: Says what does not work.
    """

    def __init__(
        self, strip: Strip | PlainStrip, showing: Showing, status: Saying
    ) -> None:
        self._strip, self._showing, self._status = strip, showing, status
        self._undo: Callable[[], None] | None = None
        self._aside = Aside()
        strip.on_act(lambda act: self._aside.do(partial(self._do, act)))

    def settled(self, limit_s: float) -> bool:
        """Wait until all that was asked for is done; False if that takes longer."""
        return self._aside.settled(limit_s)

    def _do(self, act: Act) -> None:
        try:
            self._done(act)
        except KontextError as error:
            self._status.complain(alarm(error))

    def _done(self, act: Act) -> None:
        edit = self._showing.edit(act.step)
        if act.kind == "undo":
            undo, self._undo = self._undo, None
            if undo:
                undo()
                self._showing.refresh()
        elif edit is None:
            return
        elif act.kind == "delete":
            self._delete(edit)
        else:
            edit.mark(**_mark(act))
            self._showing.refresh()

    def _delete(self, edit: Edit) -> None:
        number, parent = self._showing.number(edit), self._showing.parent(edit)
        here = self._showing.place
        self._undo = edit.chain.delete(edit)
        self._showing.refresh(select=parent if here == edit.step.id else here)
        self._strip.removed = f"Step {number}, {edit.name or edit.prompt}, is deleted."


def _mark(act: Act) -> dict[str, Any]:
    """Return an act as `Edit.mark` takes it."""
    return {{"star": "starred", "rename": "name"}.get(act.kind, act.kind): act.value}
