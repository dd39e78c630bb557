"""Two cores for one picture: NumPy and Pillow work outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Two halve the time; more would only hold more planes in memory at once.
_THREADS = 2


def together(*tasks: Callable[[], T]) -> list[T]:
    """Return what tasks return, two of them at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]
