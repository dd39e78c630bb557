"""What the kernel made, given to the person at the browser.

On Binder, or on any kernel far away, a file on the kernel's disk is in the wrong place.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from kontext_nb.widgets.view import asset


class Handout(anywidget.AnyWidget):
    """Show ``code`` with a button that copies it, and send files to be kept."""

    _esm = asset("handout.js")
    _css = asset("handout.css")

    code = traitlets.Unicode().tag(sync=True)

    def give(self, file: Path) -> None:
        """Have the browser download the file under its own name."""
        self.send({"download": file.name}, buffers=[file.read_bytes()])

    def __repr__(self) -> str:
        """Say what this is, without the code."""
        return "Handout()"


class PlainHandout(ipywidgets.VBox):
    """Show ``code`` in a box to copy from; no file can be sent from here."""

    code = traitlets.Unicode()

    def __init__(self) -> None:
        self._box = ipywidgets.Textarea(
            disabled=False, rows=10, layout={"width": "100%", "display": "none"}
        )
        super().__init__([self._box])
        self.observe(self._show, "code")

    def _show(self, _change: object) -> None:
        self._box.value = self.code
        self._box.layout.display = "" if self.code else "none"

    def __repr__(self) -> str:
        """Say what this is, without the code."""
        return "PlainHandout()"
