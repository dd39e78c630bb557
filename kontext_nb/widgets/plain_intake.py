"""The intake by ipywidgets alone, where anywidget cannot run."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from kontext_nb.errors import ImageRejected
from kontext_nb.widgets.captions import status
from kontext_nb.widgets.intake import Taking
from kontext_nb.widgets.uploads import whole_file

_WRAPS = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 8px"}


class PlainIntake(Taking, ipywidgets.VBox):
    """See `kontext_nb.widgets.intake.Intake`; nothing can be dropped or pasted here."""

    compact = traitlets.Bool()
    samples = traitlets.List(traitlets.Unicode())
    error = traitlets.Unicode()
    note = traitlets.Unicode()

    def __init__(self, **kwargs: Any) -> None:
        self.upload = ipywidgets.FileUpload(
            description="Open a picture",
            accept=".png,.jpg,.jpeg,.webp",
            layout={"width": "auto"},
        )
        self.offered = ipywidgets.HBox(layout=_WRAPS)
        self._said = ipywidgets.HTML()
        row = ipywidgets.HBox([self.upload, self.offered], layout=_WRAPS)
        super().__init__([row, self._said], **kwargs)
        self.upload.observe(self._came, "value")
        self.observe(self._draw, ["samples", "compact"])
        self.observe(self._draw_said, ["error", "note"])
        self._draw()

    def _came(self, change: Any) -> None:
        if not change.new:
            return
        file = change.new[0]
        self.upload.value = ()  # the same file may be chosen again
        try:
            upload = whole_file(str(file["name"]), bytes(file["content"]))
        except ImageRejected as error:
            self.say(error=str(error))
        else:
            self._file(upload)

    def _draw(self, _change: object = None) -> None:
        gone, words = self.offered.children, "another " if self.compact else "a "
        self.upload.description = f"Open {words}picture"
        names = [] if self.compact else self.samples
        label = [ipywidgets.HTML("Or try a sample:")] if names else []
        self.offered.children = [*label, *map(self._button, names)]
        for part in gone:
            part.close()

    def _button(self, name: str) -> Any:
        button = ipywidgets.Button(description=name, layout={"width": "auto"})
        button.on_click(lambda _: self._take_sample(name))
        return button

    def _draw_said(self, _change: object = None) -> None:
        told = f"✕ {self.error}" if self.error else self.note
        self._said.value = status(told, failed=bool(self.error))

    def __repr__(self) -> str:
        """Say what it is."""
        return "PlainIntake()"
