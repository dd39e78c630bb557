"""Four pictures to try things on: computed, always the same, no file needed.

Each is about 1024 pixels on its long side and takes a fraction of a second to paint,
once a process: what is handed out are copies, to do with as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

NAMES = ("bottle", "portrait", "street", "room")
"""The functions of this module, one picture each."""


def bottle() -> Image:
    """Return a green bottle on a wooden table; its label says ALPHA."""
    from kontext_nb.demo.still_life import bottle as painted

    return _painted(painted).copy()


def portrait() -> Image:
    """Return a woman with dark hair and a rust-red jumper, in soft light."""
    from kontext_nb.demo.likeness import portrait as painted

    return _painted(painted).copy()


def street() -> Image:
    """Return a row of old houses, a red car, and a shop whose sign says BAKERY."""
    from kontext_nb.demo.townscape import street as painted

    return _painted(painted).copy()


def room() -> Image:
    """Return a living room: a blue wall, a mustard sofa, a window and its light."""
    from kontext_nb.demo.interior import room as painted

    return _painted(painted).copy()


@cache
def _painted(paint: Callable[[], Image]) -> Image:
    return paint()
