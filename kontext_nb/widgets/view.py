"""What every view of ours shares: its script, and the still picture it leaves behind.

A notebook is read far more often without a kernel than with one. So each view can be
given `Still.static`, which makes what a dead notebook shows. JupyterLab shows an error
in place of a widget whose kernel is gone, whatever else that output holds; so the still
picture is an output of its own, which hides itself while the live one is on the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

Kind = Literal["star", "rename", "note", "delete", "undo"]

# Of whole lines, or with two blanks of code before: within a text they are left alone.
_COMMENT = re.compile(
    r"^ *(//[^\n]*|/\*.*?\*/)\n|(?<=[;,{]) //[^\n]*", re.DOTALL | re.MULTILINE
)
_INDENT = re.compile(r"^\s+", re.MULTILINE)


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


# No script: where scripts are off nothing is live, and the picture stays. Where styles
# are dropped, as in a notebook that is not trusted, nothing is live either.
_FIGURE = (
    '<figure class="kx-static" data-kx="{id}" style="margin:0">{html}'
    '<figcaption style="opacity:.75;font-size:.9em">'
    "Saved from a live view: run all cells of the notebook to use it.</figcaption>"
    '<style>body:has(.kx-live-{id}) .kx-static[data-kx="{id}"]{{display:none}}</style>'
    "</figure>"
)


class Still:
    """The part of a view that is there before and after the live one.

    Attributes:
        static: Returns what a notebook shows where no widget runs, by mime type, HTML
            among it; set by whoever knows the pictures. None leaves one line of text.
    """

    static: Callable[[], dict[str, Any]] | None = None
    _kept: DisplayHandle | None = None

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return both in one output, for those who ask for no more."""
        live, metadata = self._live(**kwargs)
        still = self.static() if self.static is not None else {}
        return {"text/plain": repr(self), **still, **live}, metadata

    def _ipython_display_(self) -> None:
        """Show the still picture, then the live view in an output of its own."""
        from IPython.display import display

        live, metadata = self._live()
        words = repr(self)
        if self.static is not None:
            words = ""  # the figure has them; without any at all nbconvert warns
            self.add_class(f"kx-live-{self.model_id}")  # type: ignore[attr-defined]
            self._kept = display(self._figure(), raw=True, display_id=True)
        display({"text/plain": words, **live}, metadata=metadata, raw=True)

    def renew_still(self) -> None:
        """Have the still picture say what the view shows now; from any thread."""
        if self._kept is not None:
            self._kept.update(self._figure(), raw=True)

    def _figure(self) -> dict[str, Any]:
        assert self.static is not None  # noqa: S101 - for the type checker
        still, name = self.static(), self.model_id  # type: ignore[attr-defined]
        return still | {"text/html": _FIGURE.format(id=name, html=still["text/html"])}

    def _live(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what shows the widget, without its line of text.

        That lists traits or an address in memory.
        """
        shown = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        # anywidget answers (data, metadata), ipywidgets data alone.
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {m: v for m, v in data.items() if m != "text/plain"}, metadata
