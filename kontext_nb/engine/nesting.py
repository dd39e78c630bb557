"""Loops inside a running loop, by patching asyncio: only where somebody asks for it.

Two packages do it. nest_asyncio 1.6, the last of its name, loses every cell queued by
"Run All" on ipykernel 7 when it is applied to the kernel's own loop, and on Python 3.14
it breaks asyncio in all threads. nest_asyncio2, its successor, does neither.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module, metadata

from packaging.version import Version

from kontext_nb.errors import SetupIncomplete

SUCCESSOR = "nest_asyncio2"
FIRST = "nest_asyncio"
# Until then it lost queued cells too.
_GOOD = Version("1.7.4")
_INSTALL = f"Install {SUCCESSOR} {_GOOD} or newer"
_BROKEN_FROM = (3, 14)
_LOSES_CELLS_FROM = 7  # of ipykernel


def allow_nested_asyncio() -> None:
    """Let your own cells call `asyncio.run` while the kernel's loop is running.

    Edits never need it: `kx.edit` waits by itself, and `await` works in any cell. It is
    for code of yours or of other libraries that calls `asyncio.run` or
    `run_until_complete`. It patches asyncio for the whole process, for good.

    Raises:
        SetupIncomplete: It would break this kernel; the message says what to do.
    """
    kernel = sys.modules.get("ipykernel")
    name = _here(int(kernel.version_info[0]) if kernel else None)
    # The packages find out only after they have patched everything else.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - the public one raises without
    if not isinstance(loop, asyncio.BaseEventLoop | None):
        raise SetupIncomplete(
            "This kernel's event loop, of uvloop or Pyodide, cannot be nested.",
            "Use await in the cell where asyncio.run was called.",
        )
    import_module(name).apply()


def nestable_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop that runs also where another one is running.

    Raises:
        SetupIncomplete: What is installed would break asyncio for everybody else.
    """

    class NestLoop(asyncio.SelectorEventLoop):
        """Patching marks the class; a class of its own keeps other loops as they were.

        (`asyncio.run` and `asyncio.Task` are replaced for the whole process all the
        same: one more reason why this bridge is not the default.)
        """

    if sys.platform == "emscripten":
        raise SetupIncomplete(
            "Loops cannot be nested in a browser's Python (Pyodide).",
            "Stay with the default bridge in a kernel that has threads.",
        )
    # No cells are queued on a loop of our own, so the kernel's version does not matter.
    name = _here(None)
    loop = NestLoop()
    import_module(name).apply(loop)
    return loop


def chosen(
    successor: Version | None,
    *,
    applied: str | None,
    python: tuple[int, int],
    kernel: int | None,
) -> str:
    """Choose the package that patches without harm.

    Args:
        successor: Version of nest_asyncio2, None if it is not installed.
        applied: Which of the two has patched asyncio already, if one has: they do not
            mix.
        python: Version of Python.
        kernel: Major version of ipykernel if its own loop would be patched.

    Raises:
        SetupIncomplete: Neither does.
    """
    harm = ""
    if python >= _BROKEN_FROM:
        harm = "breaks asyncio in every thread on Python 3.14 and later"
    elif kernel is not None and kernel >= _LOSES_CELLS_FROM:
        harm = f"loses the cells queued by Run All on ipykernel {kernel}"
    if harm and applied == FIRST:
        raise SetupIncomplete(
            f"{FIRST} 1.6 was applied in this kernel, where it {harm}.",
            f"{_INSTALL}, restart the kernel, and apply that one instead.",
        )
    if applied:
        return applied
    if successor is not None and successor >= _GOOD:
        return SUCCESSOR
    if harm:
        raise SetupIncomplete(f"{FIRST} 1.6 {harm}.", f"{_INSTALL}.")
    return FIRST


def _here(kernel: int | None) -> str:
    """Return what is `chosen` in this process."""
    try:
        successor = Version(metadata.version(SUCCESSOR))
    except metadata.PackageNotFoundError:
        successor = None
    marks = vars(asyncio)  # which of the two was applied shows by what it left here
    applied = FIRST if "_nest_patched" in marks else None
    if "_nest_asyncio2" in marks:
        applied = SUCCESSOR
    python = sys.version_info[:2]
    return chosen(successor, applied=applied, python=python, kernel=kernel)
