"""Two to four pictures, compared side by side or one over the other."""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import traitlets

from kontext_nb.widgets import page
from kontext_nb.widgets.comparison import Comparison
from kontext_nb.widgets.view import asset


class Compare(Comparison, anywidget.AnyWidget):
    """Compare pictures: side by side, slider, blink, onion skin, difference, change.

    `show` gives it pictures. Previews are sent at once, as binary; a full picture when
    the front end asks for it, because someone looks closer than the preview can show.
    """

    _esm = asset(*page.SCRIPT)
    _css = asset(*page.STYLE)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._asked)

    @traitlets.default("keys")
    def _synced(self) -> list[str]:
        """Return what the front end shares: here all that makes up a comparison."""
        return [*self.traits(sync=True), *Comparison.class_own_traits()]

    def _asked(self, _view: object, content: Any, _buffers: object) -> None:
        """Send a full picture; encoding one takes longer than a callback may."""
        if isinstance(content, dict) and content.get("kind") == "full":
            key = str(content.get("key"))
            threading.Thread(target=self._send_full, args=(key,), daemon=True).start()

    def _send_full(self, key: str) -> None:
        try:
            data = self.full(key)
        except Exception:  # noqa: BLE001 - whatever it is, the preview stands
            data = b""
        self.send({"kind": "full", "key": key}, buffers=[data])
