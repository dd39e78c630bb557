"""The Editor: one picture, one instruction after the other, and the chain they make.

Callbacks return at once: what takes time goes on in short threads and on the engine's,
so the kernel stays free. Callbacks may come from any thread and two at a time, so one
lock guards the running edit and one the view.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from kontext_nb import pixels
from kontext_nb.engine.bridge import Task
from kontext_nb.errors import EditCancelled
from kontext_nb.model import SEED_MAX, Progress, checked_seed
from kontext_nb.session.asking import open_chain
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.session.progress import Watch
from kontext_nb.session.shown import bundle
from kontext_nb.widgets.choice import compare_view, strip_view
from kontext_nb.widgets.shots import Shot, of_edit
from kontext_nb.widgets.view import ShownStep, Still

SOURCE = "source"  # id of the strip's first place
THUMB_PX = 160
_ALARM = "var(--jp-error-color1,#c62828)"
_SEED_DIGITS = len(str(SEED_MAX))


class Editor(Still, ipywidgets.VBox):
    """Edit a picture step by step.

    Args:
        source: A path, bytes, a Pillow image or an array.

    Raises:
        ImageRejected: It is no usable picture.
    """

    def __init__(self, source: Any) -> None:
        self.chain: Chain = open_chain(source)
        self._running = threading.Lock()
        self._view = threading.RLock()
        self._busy = False
        self._cancelled = False
        self._task: Task[Edit] | None = None
        self._watch = Watch("")
        self._thumbs: dict[str, bytes] = {}
        self.prompt = ipywidgets.Textarea(
            description="Instruction",
            placeholder="Say what to change, for example: Make it sunset",
            rows=2,
            layout={"width": "auto"},
        )
        self.seed = ipywidgets.Text(
            description="Seed", placeholder="any", layout={"width": "220px"}
        )
        self.run_button = ipywidgets.Button(
            description="Run", button_style="primary", icon="play"
        )
        self.cancel_button = ipywidgets.Button(
            description="Cancel", icon="stop", disabled=True
        )
        self.status = ipywidgets.HTML()
        self.view = compare_view()
        self.strip = strip_view()
        controls = ipywidgets.HBox(
            [self.seed, self.run_button, self.cancel_button, self.status],
            layout={"flex_flow": "row wrap", "align_items": "center"},
        )
        super().__init__([self.prompt, controls, self.view, self.strip])
        self.static = self._still
        self.strip.observe(lambda _: self._show_selected(), "selected")
        self.run_button.on_click(lambda _: self.run())
        self.cancel_button.on_click(lambda _: self.cancel())
        self._show_chain()
        self._begin(lambda: self.chain.pick_up(report=self._report, ended=self._ended))

    def run(self) -> None:
        """Start the edit that the instruction describes, from the selected step."""
        prompt, place, seed = self.prompt.value, self.strip.selected, self.seed.value

        def begin() -> Task[Edit]:
            return self.chain.begin(
                prompt,
                parent=self.chain.find(place),
                seed=_seed(seed),
                report=self._report,
                ended=self._ended,
            )

        _aside(self._begin, begin)

    def cancel(self) -> None:
        """Ask the running edit to stop; what became of it is said when it is known."""
        with self._running:
            self._cancelled = self._busy
            if self._busy:
                self._say("Cancelling…")
            if self._task is not None:
                self._task.cancel()

    def _begin(self, begin: Callable[[], Task[Edit] | None]) -> None:
        """Start what ``begin`` starts, unless an edit is running already."""
        with self._running:
            if self._busy:
                return
            self._set_busy(True)
        try:
            self._watch = Watch(self.chain.maker())
            task = begin()
        except Exception as error:  # noqa: BLE001 - nobody else would ever show it
            self._free(str(error) or type(error).__name__, failed=True)
            return
        if task is None:
            self._free("")
            return
        with self._running:
            # It may have ended already, and then the Editor is free again.
            self._task = task if self._busy else None
            if self._cancelled:
                task.cancel()

    def _report(self, progress: Progress) -> None:
        self._watch.report(progress)
        self._say(self._watch.text())

    def _ended(self, outcome: Edit | Exception) -> None:
        # Decoding and scaling would hold up every other job on the engine's thread.
        _aside(self._settle, outcome)

    def _settle(self, outcome: Edit | Exception) -> None:
        """Show what came of an edit, then allow the next."""
        if not isinstance(outcome, Edit):
            self._free(str(outcome), failed=not isinstance(outcome, EditCancelled))
            return
        try:
            self._show_chain(select=outcome.step.id)
        except Exception as error:  # noqa: BLE001 - nobody else would ever show it
            self._free(str(error) or type(error).__name__, failed=True)
        else:
            self._free(" ".join(("Done.", *outcome.notices)))

    def _free(self, said: str, *, failed: bool = False) -> None:
        self._say(said, failed=failed)
        with self._running:
            self._task, self._cancelled = None, False
            self._set_busy(False)

    def _set_busy(self, busy: bool) -> None:  # noqa: FBT001 - it sets just that
        self._busy = busy
        self.run_button.disabled = busy
        self.cancel_button.disabled = not busy

    def _say(self, text: str, *, failed: bool = False) -> None:
        # The bar says it without colour alone; red text is dim on a dark ground.
        mark = f"border-left:3px solid {_ALARM};padding-left:8px" if failed else ""
        style = f"line-height:1.4;{mark}"
        said = f'<div role="status" style="{style}">{escape(text)}</div>'
        if self.status.value != said:
            self.status.value = said

    def _show_chain(self, *, select: str | None = None) -> None:
        """Fill the strip from the store, and go to ``select`` or the newest step."""
        with self._view:
            edits = self.chain.edits
            self.strip.steps = self._shown_steps(edits)
            place = select or (edits[-1].step.id if edits else SOURCE)
            if self.strip.selected == place:
                self._show_selected()
            self.strip.selected = place  # a change shows itself

    def _shown_steps(self, edits: tuple[Edit, ...]) -> list[Any]:
        places = {edit.step.id: n for n, edit in enumerate(edits, start=1)}
        return [
            ShownStep(id=SOURCE, thumb=self._thumb(SOURCE, None), title="Source"),
            *(
                ShownStep(
                    id=edit.step.id,
                    thumb=self._thumb(edit.step.id, edit),
                    title=edit.prompt,
                    note=edit.step.job.request.seed_text,
                    alt=f"The result of: {edit.prompt}",
                    parent=places.get(edit.step.parent or SOURCE, 0),
                )
                for edit in edits
            ),
        ]

    def _thumb(self, place: str, edit: Edit | None) -> bytes:
        if place not in self._thumbs:
            picture = edit.after if edit else self.chain.source
            self._thumbs[place] = (
                b""
                if isinstance(picture, str)
                else pixels.preview(picture.image, longest_px=THUMB_PX, quality=80)
            )
        return self._thumbs[place]

    def _show_selected(self) -> None:
        """Show the selected step beside what it was made from."""
        with self._view:
            edit = self.chain.find(self.strip.selected)
            if edit:
                seed = edit.step.job.request.seed_text
                footer = " · ".join(filter(None, (edit.model, seed)))
                self.view.show(of_edit(edit), footer=footer)
            else:
                source = Shot.of(self.chain.source, "Source")
                self.view.show([source, Shot("Result")])

    def _still(self) -> dict[str, Any]:
        """Return what the notebook shows where no widget runs: the chain so far."""
        return bundle(self.chain.grid().sheet, repr(self), cell_px=240)

    def __repr__(self) -> str:
        """Say in one line what this is."""
        return f"Editor with a chain of {len(self.chain)} edits"


def _aside(work: Callable[..., None], *given: Any) -> None:
    threading.Thread(target=work, args=given, daemon=True).start()


def _seed(text: str) -> int | None:
    """Read the seed field; what is no number is refused where every seed is checked."""
    text = text.strip()
    if not text:
        return None
    number = text.isascii() and text.isdigit() and len(text) <= _SEED_DIGITS
    return int(text) if number else checked_seed(text)
