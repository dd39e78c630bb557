"""Where pictures come in: dropped, pasted or chosen, or one of the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from kontext_nb.errors import ImageRejected
from kontext_nb.pixels import MAX_FILE_BYTES
from kontext_nb.widgets.uploads import Upload, Uploads
from kontext_nb.widgets.view import asset


class Taking:
    """The part of an intake that tells its owner what came.

    Attributes:
        compact: Whether it is one line, or the only thing there is.
        samples: Names of pictures that can be tried; none to offer none.
        error: What is wrong with what came; "" for nothing.
        note: What became of what came.
    """

    compact: bool
    samples: list[str]
    error: str
    note: str
    _file: Callable[[Upload], object] = staticmethod(lambda _upload: None)
    _sample: Callable[[str], object] = staticmethod(lambda _name: None)

    def on_file(self, callback: Callable[[Upload], object]) -> None:
        """Have ``callback`` given each file; it must return at once."""
        self._file = callback

    def on_sample(self, callback: Callable[[str], object]) -> None:
        """Have ``callback`` told of each sample that is asked for."""
        self._sample = callback

    def _take_sample(self, name: object) -> None:
        if name in self.samples:
            self._sample(str(name))

    def say(self, note: str = "", *, error: str = "") -> None:
        """Say what became of what came, beside where it came in."""
        # The same words again must show again, after others that only the page knows.
        for name, words in (("note", note), ("error", error)):
            if getattr(self, name) == words:
                setattr(self, name, "")
            setattr(self, name, words)


class Intake(Taking, anywidget.AnyWidget):
    """A place to drop pictures on, with a button; see `Taking`.

    Files come as binary parts of 1 MiB. Their type and size are looked at before they
    are sent, and again here.
    """

    _esm = asset("node.js", "make.js", "elements.js", "intake.js")
    _css = asset("parts.css", "intake.css")

    compact = traitlets.Bool().tag(sync=True)
    samples = traitlets.List(traitlets.Unicode()).tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    most_bytes = traitlets.Int(MAX_FILE_BYTES).tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._uploads = Uploads()
        self.on_msg(self._heed)

    def _heed(self, _widget: object, message: Any, buffers: Any) -> None:
        if not isinstance(message, dict):
            return
        if message.get("kind") == "sample":
            self._take_sample(message.get("name"))
            return
        try:
            upload = self._uploads.take(message, buffers or ())
        except ImageRejected as error:
            self.say(error=str(error))
            return
        if upload:
            self._file(upload)

    def __repr__(self) -> str:
        """Say what it is."""
        return "Intake()"
