"""Nested loops: who may patch asyncio, and where it is refused."""

import asyncio
import subprocess
import sys

import pytest
from packaging.version import Version

import kontext_nb as kx
from kontext_nb.engine import nesting
from kontext_nb.engine.nesting import FIRST, SUCCESSOR, chosen
from kontext_nb.errors import SetupIncomplete

OLD, GOOD = Version("1.7.3"), Version("1.7.4")
# successor, applied, Python, ipykernel (None: not the kernel's loop) -> chosen, or
# a word of the refusal.
TABLE = [
    (GOOD, None, (3, 11), 7, SUCCESSOR),
    (GOOD, None, (3, 14), 7, SUCCESSOR),
    (GOOD, None, (3, 11), None, SUCCESSOR),
    (GOOD, SUCCESSOR, (3, 14), 7, SUCCESSOR),
    (None, None, (3, 11), None, FIRST),
    (None, None, (3, 13), 6, FIRST),
    (GOOD, FIRST, (3, 11), 6, FIRST),
    (GOOD, FIRST, (3, 13), None, FIRST),
    (OLD, None, (3, 13), 6, FIRST),
    (None, None, (3, 13), 7, "Run All"),
    (OLD, None, (3, 13), 7, "Run All"),
    (None, None, (3, 14), None, "every thread"),
    (OLD, None, (3, 14), 6, "every thread"),
    (GOOD, FIRST, (3, 13), 7, "restart the kernel"),
    (GOOD, FIRST, (3, 14), None, "restart the kernel"),
]


@pytest.mark.parametrize(("successor", "applied", "python", "kernel", "then"), TABLE)
def test_who_may_patch(successor, applied, python, kernel, then):
    """Only what does no harm there is chosen; else the error names what to install."""
    how = {"applied": applied, "python": python, "kernel": kernel}
    if then in (FIRST, SUCCESSOR):
        assert chosen(successor, **how) == then
    else:
        with pytest.raises(SetupIncomplete, match=then) as caught:
            chosen(successor, **how)
        assert "Install nest_asyncio2 1.7.4 or newer" in str(caught.value)


def test_a_foreign_loop_is_refused():
    """A loop that is not asyncio's own, as uvloop's, is refused before any patch."""

    class Foreign(asyncio.AbstractEventLoop):
        """No loop of asyncio's own."""

    before = vars(asyncio).copy()
    asyncio.events._set_running_loop(Foreign())
    try:
        with pytest.raises(SetupIncomplete, match="cannot be nested") as caught:
            kx.allow_nested_asyncio()
    finally:
        asyncio.events._set_running_loop(None)
    assert "await" in caught.value.remedy
    assert vars(asyncio) == before


def test_a_browsers_python_is_refused(monkeypatch):
    """Pyodide has a loop of its own kind, so no private one is even made."""
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(SetupIncomplete, match="browser"):
        nesting.nestable_loop()


NESTED = """
import asyncio
import kontext_nb as kx

async def value():
    return 42

async def cell():
    asked = value()
    try:
        asyncio.run(asked)
    except RuntimeError:
        asked.close()
    kx.allow_nested_asyncio()
    kx.allow_nested_asyncio()
    return asyncio.run(value())

print(asyncio.run(cell()))
"""


def test_nesting_is_there_only_once_asked_for():
    """`asyncio.run` in a running loop is refused before, and works after."""
    ran = subprocess.run(
        [sys.executable, "-c", NESTED], capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == ("42", "")
