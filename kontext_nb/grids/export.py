"""Save a sheet in the format that the file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kontext_nb.grids import as_csv, as_figure, as_html, as_image
from kontext_nb.grids.plan import Sheet
from kontext_nb.target import suffix_of

DRAWERS: dict[str, Callable[[Sheet, Path], Path]] = {
    **dict.fromkeys(as_image.SUFFIXES, as_image.save),
    **dict.fromkeys(as_figure.SUFFIXES, as_figure.save),
    **dict.fromkeys(as_html.SUFFIXES, as_html.save),
    **dict.fromkeys(as_csv.SUFFIXES, as_csv.save),
}


def save(sheet: Sheet, path: str | os.PathLike[str]) -> Path:
    """Save the sheet and return the file's path.

    Raises:
        ParameterRejected: Unknown suffix (the message lists the known ones), or no
            such folder.
        NotSaved: Nothing can be written there.
    """
    return DRAWERS[suffix_of(path, DRAWERS)](sheet, Path(path))
