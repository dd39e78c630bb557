"""Two cores for one picture: NumPy and Pillow work outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Plane = NDArray[Any]

# Two halve the time; more would only hold more planes in memory at once.
_THREADS = 2
# What is made of a band on the way stays in the processor's own memory.
_BAND_PX = 2**17


def together(*tasks: Callable[[], T]) -> list[T]:
    """Return what tasks return, two of them at a time."""
    if len(tasks) == 1:
        return [tasks[0]()]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]


def in_bands(
    of: Callable[..., Sequence[Plane]], *planes: Plane, reach: int
) -> list[Plane]:
    """Return what a function makes of planes, worked out in bands of some rows.

    Args:
        of: Takes (..., rows, width) of each plane, which it must not write over, and
            returns planes of as many rows.
        planes: (..., height, width) each.
        reach: How many rows away a pixel can be that a value depends on.
    """
    height, width = planes[0].shape[-2:]
    rows = max(1, reach, _BAND_PX // width)
    whole: list[Plane] = []
    begun = Lock()

    def band(top: int) -> None:
        first = max(0, top - reach)
        made = of(*(plane[..., first : top + rows + reach, :] for plane in planes))
        with begun:  # only now is it known how many planes there are, and of what
            if not whole:
                sizes = ((*part.shape[:-2], height, width) for part in made)
                whole.extend(map(np.empty, sizes, (part.dtype for part in made)))
        for plane, part in zip(whole, made, strict=True):
            into = plane[..., top : top + rows, :]
            into[...] = part[..., top - first :, :][..., : into.shape[-2], :]

    together(*(partial(band, top) for top in range(0, height, rows)))
    return whole
