"""What every view of ours shares: its script, and the still picture it leaves behind.

A notebook is read far more often without a kernel than with one. So each view can be
given `Still.static`, which makes the bundle that a dead notebook shows; the live
widget is added on top of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, NotRequired, TypedDict

Kind = Literal["star", "rename", "note", "delete", "undo"]

# Of whole lines, or with two blanks of code before: within a text they are left alone.
_COMMENT = re.compile(
    r"^ *(//[^\n]*|/\*.*?\*/)\n|(?<=[;,{]) //[^\n]*", re.DOTALL | re.MULTILINE
)
_INDENT = re.compile(r"^ +", re.MULTILINE)


class ShownStep(TypedDict):
    """One step of a chain, as `Strip` shows it. The first one is the source picture.

    Every text is shown as it is: it is never read as markup. The number that people
    see is the step's place in the list.
    """

    id: str
    title: str  # the prompt, or the name of the source
    parent: NotRequired[str]  # id of the step it was made from, which stands before it
    name: NotRequired[str]  # the user's own; shown in place of the title
    detail: NotRequired[str]  # what distinguishes it further: "seed 123"
    note: NotRequired[str]  # the user's own
    starred: NotRequired[bool]
    state: NotRequired[str]  # "done" if left out, "running", "failed" or "unknown"
    alt: NotRequired[str]  # the picture in words; the title if left out


@dataclass(frozen=True, slots=True)
class Act:
    """What the user wants done with a step.

    Args:
        kind: What; select and compare are traits, not acts.
        step: Its id; "" to undo the last delete.
        value: For "star" whether it shall have one, for "rename" and "note" the words
            (none take the old ones away).
    """

    kind: Kind
    step: str
    value: str | bool | None = None


def asset(*names: str) -> str:
    """Return the named files of ``kontext_nb/static``, one after the other.

    They have no imports and no build, so what two views share is put in front of each
    of them. Every view on a page carries its script: comments and indents stay behind.
    """
    folder = files("kontext_nb") / "static"
    text = "\n".join((folder / name).read_text("utf-8") for name in names)
    return _INDENT.sub("", _COMMENT.sub("", text))


class Still:
    """The part of a view that is there before and after the live one.

    Attributes:
        static: Returns what a notebook shows where no widget runs, by mime type; set
            by whoever knows the pictures. None leaves one line of text.
    """

    static: Callable[[], dict[str, Any]] | None = None

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the still picture, then the live view; the still one names it."""
        live = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        # anywidget answers (data, metadata), ipywidgets data alone. Their own line of
        # text lists traits or an address in memory, so it is left out.
        data, metadata = live if isinstance(live, tuple) else (live, {})
        view = {mime: value for mime, value in data.items() if mime != "text/plain"}
        still = self.static() if self.static is not None else {}
        return {"text/plain": repr(self), **still, **view}, metadata
