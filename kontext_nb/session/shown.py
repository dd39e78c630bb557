"""What a result leaves in a notebook: static first, small, and the same everywhere."""

from __future__ import annotations

from typing import Any

from kontext_nb.grids import as_html, as_image
from kontext_nb.grids.plan import Sheet

# The pictures of a pair: with their markup below 150 KB in the notebook file, where the
# JPEG stands as base64. The HTML is what JupyterLab and nbconvert show; the JPEG serves
# everything that shows no HTML.
JPEG_BYTES = 44_000
HTML_BYTES = 62_000


def bundle(sheet: Sheet, text: str, *, cell_px: int = 480) -> dict[str, Any]:
    """Return the sheet in every form a notebook may need.

    Args:
        sheet: What is shown.
        text: One line for terminals and screen readers.
        cell_px: Longest side of a picture in the JPEG.
    """
    cells = len(sheet.rows) * sheet.columns
    drawn = as_image.draw(sheet, cell_px=cell_px)
    return {
        "text/plain": text,
        "text/html": as_html.fragment(sheet, picture_bytes=HTML_BYTES // cells),
        "image/jpeg": as_image.encode_within(drawn, JPEG_BYTES),
    }
