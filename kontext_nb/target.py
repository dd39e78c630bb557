"""The file something is saved to: refused early, written aside, moved when complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from kontext_nb.errors import NotSaved, ParameterRejected
from kontext_nb.model import echo


def suffix_of(path: str | os.PathLike[str], known: Collection[str]) -> str:
    """Return the file's suffix in lower case.

    Raises:
        ParameterRejected: It is none of the ``known`` ones.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise ParameterRejected(
            f"It cannot be saved as {echo(Path(path).name)}.",
            f"Let the name end in one of {', '.join(known)}.",
        )
    return suffix


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path with ``~`` resolved, if a file can be put there.

    Raises:
        ParameterRejected: It is a folder, or its folder does not exist.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        raise ParameterRejected(
            f"{echo(str(target))} is a folder.", "Give the name of a file in it."
        )
    if not target.parent.is_dir():
        raise ParameterRejected(
            f"There is no folder {echo(str(target.parent))}.",
            "Create it first, or give a file in a folder that exists.",
        )
    return target


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[tuple[Path, Path]]:
    """Give the block a new file to write, and move it to ``path`` if all went well.

    So a reader never sees half a file, and an old file survives a failed save.

    Yields:
        (aside, target): the file to write, beside the one it becomes; the target is
        ``path`` with ``~`` resolved, and what a saver returns.

    Raises:
        ParameterRejected: It is a folder, or its folder does not exist.
        NotSaved: Nothing can be written there: no permission, or no room.
    """
    target = check_target(path)
    aside = target.with_name(f".kontext-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield aside, target
        os.replace(aside, target)  # noqa: PTH105 - the documented atomic call
    except OSError as error:
        reason = error.strerror or error
        raise NotSaved(
            f"The file {echo(str(target))} cannot be written: {reason}.",
            "Give a folder that has room and that you may write to.",
        ) from error
    finally:
        aside.unlink(missing_ok=True)
