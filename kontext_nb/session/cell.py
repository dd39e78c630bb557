"""Which call of which cell of which notebook this is, so that a re-run is known.

The front end tells the kernel the cell's id with each request; JupyterLab and Notebook
send ``cellId``, Colab sends ``colab.cell_id``. Headless runners send nothing, and VS
Code an id that changes each session: there the cell's own text stands for it. The text
is kept beside an id too, so that a headless run of a notebook finds what was made in it
with a front end.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.session.keys import check_no_token

NAME_MAX_CHARS = 80
NAMED = "name:"  # in front of a name in the place of a cell's id


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell during one run of it, or what the user gave a name of its own.

    Args:
        key: Stable over re-runs and kernel restarts.
        text: Stands for the cell's code; equal to ``key`` where there is no id.
        run: Differs for each run.
    """

    key: str
    text: str
    run: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a cell: the cell, and how often that run asked the same before.

    Args:
        key: By the cell's id, if it has one.
        text: By the cell's code.
    """

    key: str
    text: str


_lock = threading.Lock()
_asked: Counter[str] = Counter()
_last_run = ""


def kernel() -> Any | None:
    """Return the IPython shell of a running kernel, or None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if hasattr(shell, "kernel") else None


def notebook() -> Path | None:
    """Return the notebook's path, where the front end tells it."""
    shell = kernel()
    told = os.environ.get("JPY_SESSION_NAME") if shell else None
    if shell and "__vsc_ipynb_file__" in shell.user_ns:
        told = str(shell.user_ns["__vsc_ipynb_file__"])
    return Path(told) if told else None


def folder() -> Path:
    """Return the notebook's folder, or the working one where nobody tells."""
    told = notebook()
    # What is told goes stale when a notebook is renamed or moved, and may be no path.
    known = told is not None and told.is_absolute() and told.parent.is_dir()
    return told.parent if told and known else Path.cwd()


def here(name: str | None = None) -> Cell | None:
    """Return the running cell, or None outside a notebook.

    Args:
        name: A name the user gave, which stands for the cell wherever it is used; in a
            script too.

    Raises:
        ParameterRejected: The name is no text, or is empty or too long.
    """
    parent = _request()
    if name is not None:
        _check_name(name)
        # A headless run knows no notebook: the name alone is the text it goes by.
        return Cell(_placed(NAMED + name), f"#{NAMED}{name}", _run(parent))
    if parent is None:
        return None
    code = str((parent.get("content") or {}).get("code", ""))
    text = "text-" + _short(code)
    place = _id(parent.get("metadata") or {})
    return Cell(_placed(place) if place else text, text, _run(parent))


def asking(place: str | None) -> Cell | None:
    """Return what asks for a further edit of a chain.

    A name stands for every cell that it is used in. A script that is run again asks the
    same again. What a button of a notebook asks for is asked anew each time.

    Args:
        place: Where the chain belongs, if it is not one of its own.
    """
    parent = _request()
    if place is None or (parent is None and kernel()):
        return here()
    _, name, is_named = parts(place)
    if is_named:
        return Cell(place, f"#{NAMED}{name}", _run(parent))
    return here() if parent else Cell(place, place, _run(None))


def parts(place: str) -> tuple[str, str, bool]:
    """Return a place's notebook, its cell's id or its name, and whether that is a name.

    The notebook is "" where none is known. Of a cell that has no id, the code's mark
    stands for it.
    """
    notebook, mark, name = place.partition(f"#{NAMED}")
    if mark:
        return notebook, name, True
    notebook, _, cell_id = place.rpartition("#")
    return notebook, cell_id, False


def _request() -> Mapping[str, Any] | None:
    """Return the message that has the running cell run; None outside one."""
    shell = kernel()
    parent = shell.get_parent() if shell and hasattr(shell, "get_parent") else None
    # In a widget's callback the parent is a comm message: that is no cell.
    running = parent and parent.get("header", {}).get("msg_type") == "execute_request"
    return parent if running else None


def _run(parent: Mapping[str, Any] | None) -> str:
    return str(parent["header"].get("msg_id", "")) if parent else "a program"


def _check_name(name: object) -> None:
    check_no_token(("name", [name]))
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_MAX_CHARS:
        raise ParameterRejected(
            f"{echo(name)} is no name of a chain.",
            f"Give a text of 1 to {NAME_MAX_CHARS} characters.",
        )


def _placed(place: str) -> str:
    return f"{notebook() or ''}#{place}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:24]


def _id(metadata: Mapping[str, Any]) -> str | None:
    """Return the id that the user or the front end gave the cell."""
    for place, name, mark in (
        ("kontext", "chain", NAMED),
        ("colab", "cell_id", ""),
    ):
        of = metadata.get(place)
        if isinstance(of, Mapping) and of.get(name):
            return f"{mark}{of[name]}"
    told = str(metadata.get("cellId") or "")
    # VS Code counts its cells anew in every session.
    return None if told.startswith("vscode-notebook-cell:") else told or None


def next_call(cell: Cell | None, ask: str) -> Call | None:
    """Return which call this is; each asking for it is the next one.

    Counting the same asks, not all calls, keeps every other call's key when a line is
    added above it; and a loop that asks three times gets three results, each its own.
    """
    global _last_run  # noqa: PLW0603 - the kernel has one running cell
    if cell is None:
        return None
    with _lock:
        if cell.run != _last_run:
            _asked.clear()
            _last_run = cell.run
        _asked[ask] += 1
        count = _asked[ask]
        return Call(f"{cell.key}:{count}", f"{cell.text}:{count}")
