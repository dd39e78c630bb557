"""Plain assertions about an edit, for lessons and for whoever grades them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kontext_nb import pixels
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo
from kontext_nb.preservation import Drift, drift, planes, telling
from kontext_nb.preservation.affine import cut
from kontext_nb.preservation.colour import lab
from kontext_nb.preservation.masks import chosen, mask_of
from kontext_nb.session.keeping import is_here, measured
from kontext_nb.session.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[int, int, int, int]

OUTSIDE = "outside"
_PAIR = 2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Expectation:
    """Two pictures about which something is expected; each method may raise.

    Args:
        before: RGB, in full size.
        after: RGB, of any size.
        drift: What was measured of them.
    """

    before: Image
    after: Image
    drift: Drift

    def __repr__(self) -> str:
        """Say what was measured: whatever was expected so far holds."""
        return f"All as expected: {self.drift}"

    def changed(self, *, box: Box | None = None, at_least: float = 0.0) -> Self:
        """Expect that something changed.

        Args:
            box: (left, top, right, bottom) in pixels of the picture before: where;
                left out, anywhere.
            at_least: Share of the box, or of the picture, that must have changed, 0 to
                1; at 0 any change will do.

        Raises:
            AssertionError: It did not, or not so much.
            ParameterRejected: It is no such box.
        """
        mask = chosen(self.drift.mask)
        if box is not None:
            small = mask_of(box, self.before.size).resize(self.drift.mask.size)
            mask = mask[chosen(small)]
        share = float(mask.mean()) if mask.size else 0.0
        where = "the picture" if box is None else f"the box {tuple(box)}"
        if share == 0:
            raise AssertionError(
                f"Expected a change in {where}, but nothing changed there "
                f"({self.drift})."
            )
        if share < at_least:
            raise AssertionError(
                f"Expected at least {telling.percent(at_least)} of {where} to change, "
                f"but {telling.percent(share)} did."
            )
        return self

    def kept(self, where: str | Box = OUTSIDE, *, max_delta_e: float = 2.0) -> Self:
        """Expect that something was kept.

        Args:
            where: "outside", which is all that was not changed, or a box (left, top,
                right, bottom) in pixels of the picture before.
            max_delta_e: How far it may be from the picture before, as the mean distance
                in CIELAB, of which about 2 is just seen.

        Raises:
            AssertionError: It was not, or nobody can tell.
            ParameterRejected: It is neither.
        """
        if isinstance(where, str) and where != OUTSIDE:
            raise ParameterRejected(
                f"What is to be kept is not {echo(where)}.",
                'Give "outside", or a box (left, top, right, bottom).',
            )
        named = "what was not to change" if where == OUTSIDE else f"the box {where}"
        if not self.drift.registration.confident:
            raise AssertionError(
                f"Expected {named} to be kept, but the pictures cannot be compared: "
                f"{self.drift.registration.reason}"
            )
        off = self.drift.delta_e if isinstance(where, str) else self._off(where)
        if np.isnan(off):
            raise AssertionError(
                f"Expected {named} to be kept, but the whole picture changed."
            )
        if off > max_delta_e:
            raise AssertionError(
                f"Expected {named} to be at most {max_delta_e:g} ΔE from the picture "
                f"before, but it is {off:.1f} ΔE."
            )
        return self

    def _off(self, box: Box) -> float:
        """Return the mean distance in a box, at the resolution of the measuring."""
        mask_of(box, self.before.size)
        scale = self.drift.mask.width / self.before.width
        width, height = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
        size = (max(1, round(width)), max(1, round(height)))
        there = self.drift.registration.affine.box(*box)
        own, other = lab(cut(self.before, box, size)), lab(cut(self.after, there, size))
        return float(planes.length(own - other).mean())


def expect(before: Any, after: Any = None) -> Expectation:
    """Return what assertions can be made about: an edit, or two pictures.

        kx.expect(edit).changed(box=(40, 60, 200, 240)).kept("outside", max_delta_e=2)

    An assertion that does not hold raises AssertionError with one sentence that says
    what was expected and what was measured.

    Args:
        before: An edit, of which the picture it shows is compared with its source; or a
            pair of pictures; or the first of two.
        after: The second of two.

    Raises:
        ImageRejected: One of them is no picture.
        ParameterRejected: The edit's source is not here to be compared.
    """
    if after is None and isinstance(before, Result):
        step = before.step
        if not is_here(step.source) or isinstance(before.before, str):
            raise ParameterRejected(
                "There is no picture before this edit to compare it with.",
                "Give edit() the picture itself, and not its address.",
            )
        seen = measured(before.desk, step.source, step.result)
        one, other = before.before.image, before.after.image
    else:
        if after is None:
            if not isinstance(before, tuple | list) or len(before) != _PAIR:
                raise ParameterRejected(
                    "Something can be expected of an edit, or of two pictures.",
                    "Give the edit, or the picture before and the picture after.",
                )
            before, after = before
        one, other = map(pixels.load_image, (before, after))
        seen = drift(one, other)
    return Expectation(pixels.on_white(one), pixels.on_white(other), seen)
