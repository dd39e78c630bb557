"""The menu that takes something out of a chain: to the disk, to the browser, as code.

Saving takes time, so it goes on in a thread of its own; callbacks return at once. The
kernel's disk may be far away, so what was made can be downloaded too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from kontext_nb.session import settings
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.target import unused
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.captions import status
from kontext_nb.widgets.exports import CODE, exports_of, file_name
from kontext_nb.widgets.handout import Handout, PlainHandout

_WRAPS = {"flex_flow": "row wrap", "grid_gap": "4px 8px", "align_items": "center"}


class ExportMenu(ipywidgets.VBox):
    """Save, download or show what a chain is.

    Args:
        chain: What it is about.
        edit: Returns the edit whose picture is meant, asked at each click; None for
            the source, which has nothing to save.
    """

    def __init__(self, chain: Chain, *, edit: Callable[[], Edit | None]) -> None:
        self._chain, self._later = chain, Aside()
        self._exports = {export.label: export for export in exports_of(chain, edit)}
        self.what = _dropdown("Export", list(self._exports), "220px")
        self.format = _dropdown("as", [], "130px")
        self.name = ipywidgets.Text(
            description="File",
            layout={"width": "260px"},
            style={"description_width": "initial"},
        )
        self.save_button = _button("Save", "save")
        self.download_button = _button("Download", "download")
        self.code_button = _button("Show code", "code")
        self.status = ipywidgets.HTML(value=status(""))
        plain = settings.current().widgets == "plain"
        self.handout = PlainHandout() if plain else Handout()
        if plain:
            self.download_button.layout.display = "none"
        buttons = [self.save_button, self.download_button, self.code_button]
        row = [self.what, self.format, self.name, *buttons]
        controls = ipywidgets.HBox(row, layout=_WRAPS)
        super().__init__([controls, self.status, self.handout])
        self.what.observe(self._offer, "value")
        self.format.observe(self._rename, "value")
        self.save_button.on_click(lambda _: self._aside(self._save))
        self.download_button.on_click(lambda _: self._aside(self._download))
        self.code_button.on_click(lambda _: self._aside(self._show_code))
        self._offer()

    def _offer(self, _change: object = None) -> None:
        """Offer the formats of what is chosen, and a name for its file."""
        export = self._exports[self.what.value]
        self.format.options = [(s[1:].upper(), s) for s in export.suffixes]
        self.format.value = export.suffixes[0]
        self.format.layout.display = "" if len(export.suffixes) > 1 else "none"
        self.code_button.layout.display = "" if export.label == CODE else "none"
        self.name.value = export.stem + export.suffixes[0]
        self.handout.code = ""

    def _rename(self, change: Any) -> None:
        """Give the typed name the ending of the format."""
        typed, old = self.name.value, change.old or ""
        if change.new and old and typed.lower().endswith(old):
            self.name.value = typed[: -len(old)] + change.new

    def _aside(self, work: Callable[[], str]) -> None:
        """Do what takes time in a thread, and say what came of it."""
        buttons = (self.save_button, self.download_button, self.code_button)
        if any(button.disabled for button in buttons):
            return
        for button in buttons:
            button.disabled = True
        self.status.value = status("Working…")

        def finish() -> None:
            try:
                self.status.value = status(work())
            except Exception as error:  # noqa: BLE001 - nobody else would ever show it
                words = str(error) or type(error).__name__
                self.status.value = status(words, failed=True)
            finally:
                for button in buttons:
                    button.disabled = False

        self._later.do(finish)

    def _target(self) -> Path:
        export = self._exports[self.what.value]
        return file_name(self.name.value, export, self.format.value)

    def _save(self) -> str:
        wanted = self._target()
        with unused(wanted) as free:
            self._exports[self.what.value].save(free)
        place = free.resolve()
        if free.name == wanted.name:
            return f"Saved as {place}"
        return f"There is a file {wanted.name} already, so this is saved as {place}"

    def _download(self) -> str:
        name = self._target().name
        with tempfile.TemporaryDirectory() as aside:
            self.handout.give(self._exports[self.what.value].save(Path(aside) / name))
        return (
            f"{name} is sent to your browser, which keeps it where it keeps downloads."
        )

    def _show_code(self) -> str:
        self.handout.code = self._chain.code()
        return "The code below makes the same edits again."

    def __repr__(self) -> str:
        """Say what this is."""
        return "ExportMenu()"


def _dropdown(description: str, options: list[Any], width: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=description,
        options=options,
        layout={"width": width},
        style={"description_width": "initial"},
    )


def _button(description: str, icon: str) -> ipywidgets.Button:
    return ipywidgets.Button(
        description=description, icon=icon, layout={"width": "auto"}
    )
