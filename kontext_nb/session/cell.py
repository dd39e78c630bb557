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


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell during one run of it.

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


def here() -> Cell | None:
    """Return the running cell, or None outside a notebook."""
    shell = kernel()
    parent = shell.get_parent() if shell and hasattr(shell, "get_parent") else None
    # In a widget's callback the parent is a comm message: that is no cell.
    if not parent or parent.get("header", {}).get("msg_type") != "execute_request":
        return None
    code = str((parent.get("content") or {}).get("code", ""))
    text = "text-" + hashlib.sha256(code.encode()).hexdigest()[:24]
    place = _id(parent.get("metadata") or {})
    key = f"{notebook() or ''}#{place}" if place else text
    return Cell(key, text, parent["header"].get("msg_id", ""))


def _id(metadata: Mapping[str, Any]) -> str | None:
    """Return the id that the user or the front end gave the cell."""
    for found in (
        metadata.get("kontext", {}).get("chain"),
        metadata.get("colab", {}).get("cell_id"),
        metadata.get("cellId"),
    ):
        if found and not str(found).startswith("vscode-notebook-cell:"):
            return str(found)
    return None


def named(name: str) -> str:
    """Return the key of a place that the user gave a name, in this notebook.

    It is the key of a cell whose metadata gives it that name.
    """
    return f"{notebook() or ''}#{name}"


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
