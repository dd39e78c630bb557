"""What of a chain can be taken out of the notebook, and as which kinds of file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kontext_nb.errors import ParameterRejected
from kontext_nb.session.cell import folder
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.target import replacing

CODE = "Python code"


@dataclass(frozen=True, slots=True)
class Export:
    """One thing to take out.

    Args:
        label: What people call it.
        stem: What its file is called, unless they say otherwise.
        suffixes: Endings of the kinds of file it can be; the first is what most want.
        save: Writes it to a path and returns that.
    """

    label: str
    stem: str
    suffixes: tuple[str, ...]
    save: Callable[[Path], Path]


def exports_of(chain: Chain, edit: Callable[[], Edit | None]) -> tuple[Export, ...]:
    """Return what there is to take out of a chain.

    Args:
        chain: The chain.
        edit: Returns the edit whose picture is meant, or None.
    """

    def picture(path: Path) -> Path:
        chosen = edit()
        if chosen is None:
            raise ParameterRejected(
                "The source is your own picture, so there is nothing to save.",
                "Choose a step in the chain first.",
            )
        return chosen.save(path)

    return (
        Export("Picture", "edit", (".png", ".jpg", ".webp"), picture),
        Export(
            "Comparison grid",
            "grid",
            (".png", ".jpg", ".webp", ".pdf", ".svg", ".html"),
            lambda path: chain.grid().save(path),
        ),
        Export("HTML page", "chain", (".html",), chain.to_html),
        Export(CODE, "chain", (".py",), lambda path: _text(chain.code(), path)),
    )


def _text(text: str, path: Path) -> Path:
    with replacing(path) as (aside, target):
        aside.write_text(text, encoding="utf-8")
    return target


def file_name(typed: str, export: Export, suffix: str) -> Path:
    """Return the file meant by what was typed: relative to the notebook's folder.

    Args:
        typed: A name, with or without an ending, or a path anywhere.
        export: What is to be saved.
        suffix: The ending where none of the export's was typed.
    """
    name = typed.strip() or export.stem
    if not name.lower().endswith((*export.suffixes, ".jpeg")):
        name += suffix
    return folder() / os.path.expanduser(name)  # noqa: PTH111 - Path.expanduser raises
