"""The file something is saved to: refused early, written aside, moved when complete."""

from __future__ import annotations

import json
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from kontext_nb.errors import NotSaved, ParameterRejected
from kontext_nb.model import echo
from kontext_nb.pixels import encode_png, on_white

_WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
# A JPEG's EXIF is one segment of 64 KiB, less what stands around the text.
MAX_EXIF_CHARS = 65_000


def _resolved(path: Any) -> Path:
    """Return the path with ``~`` resolved.

    Raises:
        ParameterRejected: It is no path, or nobody's home folder.
    """
    try:
        return Path(path).expanduser()
    except (TypeError, RuntimeError):
        raise ParameterRejected(
            f"{echo(os.fspath(path) if isinstance(path, Path) else path)} is no path "
            "of a file.",
            "Give it as text or pathlib.Path; a ~ must lead to somebody's home.",
        ) from None


def suffix_of(path: str | os.PathLike[str], known: Collection[str]) -> str:
    """Return the file's suffix in lower case.

    Raises:
        ParameterRejected: It is none of the ``known`` ones, or no path.
    """
    target = _resolved(path)
    suffix = target.suffix.lower()
    if suffix not in known:
        raise ParameterRejected(
            f"It cannot be saved as {echo(target.name)}.",
            f"Let the name end in one of {', '.join(known)}.",
        )
    return suffix


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path with ``~`` resolved, if a file can be put there.

    Raises:
        ParameterRejected: It is a folder, its folder does not exist, or the system
            takes no such name.
    """
    target = _resolved(path)
    try:
        is_folder = stat.S_ISDIR(target.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable name"
        raise ParameterRejected(
            f"Nothing can be saved as {echo(target.name)}: {reason}.",
            "Give a file in a folder that you may write to.",
        ) from None
    if is_folder:
        raise ParameterRejected(
            f"{echo(str(target))} is a folder.", "Give the name of a file in it."
        )
    if not target.parent.is_dir():
        raise ParameterRejected(
            f"There is no folder {echo(str(target.parent))}.",
            "Create it first, or give a file in a folder that exists.",
        )
    return target


def check_takes_files(folder: Path) -> None:
    """Refuse a folder that takes no file; asked by making one, for modes bind no root.

    Raises:
        NotSaved: No permission, no room, or a folder that is gone or holds no files.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix=".kontext-", dir=folder):
            pass
    except OSError as error:
        raise NotSaved(
            f"The folder {echo(str(folder))} takes no file: {error.strerror}.",
            "Give one that has room and that you may write to.",
        ) from error


def replacing(
    path: str | os.PathLike[str],
) -> AbstractContextManager[tuple[Path, Path]]:
    """Give the block a new file to write, and move it to ``path`` if all went well.

    So a reader never sees half a file, and an old file survives a failed save.

    Yields:
        (aside, target): the file to write, beside the one it becomes; the target is
        ``path`` with ``~`` resolved, and what a saver returns.

    Raises:
        ParameterRejected: See `check_target`.
        NotSaved: Nothing can be written there: no permission, or no room.
    """
    return _moved(path, os.replace)


def creating(
    path: str | os.PathLike[str],
) -> AbstractContextManager[tuple[Path, Path]]:
    """Do as `replacing`, but leave alone what bears the name by then.

    Raises:
        ParameterRejected: See `check_target`.
        FileExistsError: Something bears the name, be it a link that leads nowhere.
        NotSaved: Nothing can be written there.
    """
    return _moved(path, _link)


@contextmanager
def _moved(
    path: str | os.PathLike[str], move: Callable[[Path, Path], None]
) -> Iterator[tuple[Path, Path]]:
    target = check_target(path)
    aside = target.with_name(f".kontext-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield aside, target
        move(aside, target)
    except FileExistsError:
        raise
    except OSError as error:
        raise _not_saved(target, error) from error
    finally:
        with suppress(OSError):  # gone, or its folder is
            aside.unlink()


def _link(aside: Path, target: Path) -> None:
    """Give a file a name that nothing bears, in one step."""
    try:
        target.hardlink_to(aside)
    except FileExistsError:
        raise
    except OSError:  # a disk where a file has one name: an empty one holds it
        target.open("xb").close()
        aside.replace(target)


@contextmanager
def unused(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the block a name that no file has: ``path``, or the same with a number.

    An empty file holds the name, so that two savers never get the same one. The block
    replaces it; if it fails, the name is given up.

    Raises:
        ParameterRejected: See `check_target`.
        NotSaved: Nothing can be written there.
    """
    wanted = check_target(path)
    for number in count(1):
        name = f"{wanted.stem}-{number}" if number > 1 else wanted.stem
        held = wanted.with_name(name + wanted.suffix)
        try:
            held.open("xb").close()
        except FileExistsError:
            continue
        except OSError as error:
            raise _not_saved(held, error) from error
        break
    try:
        yield held
    except BaseException:
        with suppress(OSError):
            held.unlink()
        raise


def _not_saved(target: Path, error: OSError) -> NotSaved:
    return NotSaved(
        f"The file {echo(str(target))} cannot be written: {error.strerror or error}.",
        "Give a folder that has room and that you may write to.",
    )


def check_savable(path: str | os.PathLike[str]) -> Path:
    """Return the path with ``~`` resolved, if a picture can be saved there.

    Raises:
        ParameterRejected: Not .png, .jpg, .jpeg or .webp, or no such folder.
    """
    suffix_of(path, _WRITTEN)
    return check_target(path)


def _fitting(facts: Mapping[str, Any]) -> str:
    """Return facts as JSON that fits a JPEG, without the oldest parents if it must."""
    text = json.dumps(facts)
    if len(text) <= MAX_EXIF_CHARS:
        return text
    parents = facts["parents"]
    bare = json.dumps({**facts, "parents": [], "parents_omitted": len(parents)})
    sizes = (len(json.dumps(parent)) + len(", ") for parent in reversed(parents))
    lengths = accumulate(sizes, initial=len(bare))
    # The first length is that of none, so one less than what fits is kept.
    omitted = len(parents) + 1 - sum(length <= MAX_EXIF_CHARS for length in lengths)
    return json.dumps(
        {**facts, "parents": parents[omitted:], "parents_omitted": omitted}
    )


def write(
    image: Image.Image,
    path: str | os.PathLike[str],
    facts: Mapping[str, Any],
    *,
    replace: bool = True,
) -> Path:
    """Save a picture with ``facts`` as JSON in its metadata.

    A PNG carries them as the text chunk ``kontext_nb``, JPEG and WebP as the EXIF
    image description.

    Args:
        image: What to save.
        path: Where.
        facts: What JSON can say. A JPEG has no room for more than 64 KiB: then the
            first of ``facts["parents"]`` are left out, and "parents_omitted" counts
            them.
        replace: Whether a file there is replaced, or NotSaved raised.

    Raises:
        ParameterRejected: Not .png, .jpg, .jpeg or .webp, or no such folder.
        NotSaved: Nothing can be written there.
    """
    kind = _WRITTEN[suffix_of(path, _WRITTEN)]
    try:
        with (replacing if replace else creating)(path) as (aside, target):
            if kind == "PNG":
                aside.write_bytes(encode_png(image, {"kontext_nb": json.dumps(facts)}))
            else:
                jpeg, exif = kind == "JPEG", Image.Exif()
                words = _fitting(facts) if jpeg else json.dumps(facts)
                exif[ExifTags.Base.ImageDescription] = words
                shown = on_white(image) if jpeg else image
                shown.save(aside, kind, quality=95, exif=exif)
    except FileExistsError:
        raise NotSaved(
            f"{echo(_resolved(path).name)} exists by now, and stays as it is.",
            "Give another name.",
        ) from None
    return target
