"""Two pictures of any origin, side by side."""

from __future__ import annotations

from typing import Any

from kontext_nb import pixels
from kontext_nb.grids import plan
from kontext_nb.session.shown import bundle
from kontext_nb.widgets.choice import compare_view
from kontext_nb.widgets.compare import Compare
from kontext_nb.widgets.plain import PlainCompare

PREVIEW_PX = 1024


def compare(
    before: Any,
    after: Any,
    *,
    labels: tuple[str, str] = ("Source", "Result"),
    footer: str = "",
) -> Compare | PlainCompare:
    """Show two pictures side by side.

    Args:
        before: A path, bytes, a Pillow image or an array.
        after: The same.
        labels: Their names.
        footer: Stands below, for example what made the second one.

    Raises:
        ImageRejected: One of them is no usable picture.
    """
    view = compare_view()
    pictures = pixels.load(before), pixels.load(after)
    view.left, view.right = (
        pixels.preview(picture.image, longest_px=PREVIEW_PX) for picture in pictures
    )
    view.left_label, view.right_label = labels
    sizes = [pixels.size_text(picture.image) for picture in pictures]
    view.left_size, view.right_size = sizes
    view.footer = footer
    cells = (
        plan.Cell(picture.image, label, size, alt=label)
        for picture, label, size in zip(pictures, labels, sizes, strict=True)
    )
    sheet = plan.pair(*cells, footer=footer)
    view.static = lambda: bundle(sheet, repr(view))
    return view
