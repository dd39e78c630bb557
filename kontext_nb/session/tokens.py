"""The file that keeps the RunComfy token: read with suspicion, written as a whole.

Its place and its shape are those of the official command line, so one login serves
both. No message shows any part of a token. A function that can raise holds one only as
a `Secret`, because a verbose traceback prints the local variables of every frame.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from kontext_nb.errors import NotAuthorised, NotSaved, SettingRejected
from kontext_nb.model import Secret, echo
from kontext_nb.store.part import flush

MAX_FILE_BYTES = 64 * 1024
HOW = (
    "Run kontext-nb login, or set RUNCOMFY_TOKEN to one from runcomfy.com/profile; "
    "the provider demo needs none."
)
_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
_ASIDE = (".token-", ".tmp")
_OTHERS_READ, _OTHERS_WRITE = 0o077, 0o022
# To open a pipe would wait for ever, and a link may lead to a file of somebody else's.
# Windows has neither flag, nor the permissions that are checked below.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_HAS_MODES = os.name != "nt"


def token_file() -> Path:
    """Return where the official command line keeps its token, on every system.

    Raises:
        SettingRejected: RUNCOMFY_CONFIG_DIR could be another folder than is meant, or
            the user has no home folder.
    """
    own = os.environ.get("RUNCOMFY_CONFIG_DIR")
    if own:
        folder = Path(own)
        if not folder.is_absolute() or ".." in folder.parts:
            raise SettingRejected(
                f"RUNCOMFY_CONFIG_DIR is {echo(own)}, which is no whole path.",
                "Set it to one that starts at the root, with neither ~ nor .. in it.",
            )
        return folder / "token.json"
    shared = os.environ.get("XDG_CONFIG_HOME") or _at_home(".config")
    return Path(shared, "runcomfy", "token.json")


def _at_home(name: str) -> Path:
    try:
        return Path.home() / name
    except RuntimeError:
        raise SettingRejected(
            "This user has no home folder, where a token would be.",
            "Set HOME, or RUNCOMFY_CONFIG_DIR, or RUNCOMFY_TOKEN to the token itself.",
        ) from None


def kept_in() -> Path | None:
    """Return the file to read, which may be none to be trusted; None if there is none.

    On macOS an older official command line wrote elsewhere. That file is read, too, but
    never written or deleted.
    """
    places = [token_file()]
    if sys.platform == "darwin":
        support = _at_home("Library") / "Application Support"
        places.append(support / "runcomfy" / "token.json")
    return next((path for path in places if os.path.lexists(path)), None)


def usable(given: Secret) -> Secret | None:
    """Return a token without the wrapping it was pasted with; None if it is none.

    It never raises, because the bare text is in its local variables.
    """
    token = given.reveal().strip()
    if len(token) > 1 and token[0] == token[-1] and token[0] in "'\"":
        token = token[1:-1]
    token = token.removeprefix("Bearer ").strip()
    return Secret.of(token) if _TOKEN.fullmatch(token) else None


def read(path: Path) -> Secret:
    """Return the token of a file that is ours alone.

    Raises:
        NotAuthorised: There is none, or others could have read or placed it.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        raise NotAuthorised("There is no RunComfy token.", HOW) from None
    except OSError as error:
        link = error.errno == errno.ELOOP
        reason = "it is a symbolic link" if link else error.strerror
        raise NotAuthorised(
            f"The token file {path} cannot be used: {reason}.",
            "Put the file itself there, or set RUNCOMFY_TOKEN." if link else HOW,
        ) from None
    try:
        _check_ours(os.fstat(descriptor), path)
        token = _token_in(descriptor)
    finally:
        os.close(descriptor)
    if token is None:
        raise NotAuthorised(f"The token file {path} holds no usable token.", HOW)
    return token


def check_place() -> None:
    """Refuse now what would refuse a token later; make its folder if need be.

    Raises:
        NotSaved: The folder cannot be made or takes no file, others may write to it, or
            something that is no file stands where the token would.
    """
    path, (prefix, suffix) = _place(), _ASIDE
    try:
        with tempfile.NamedTemporaryFile(prefix=prefix, suffix=suffix, dir=path.parent):
            pass  # what is read only takes none, whoever one is
    except OSError as error:
        raise _not_saved(path, error) from None


def _place() -> Path:
    path = token_file()
    try:
        _make_private(path.parent)
        folder = path.parent.stat()
        there = path.lstat().st_mode if os.path.lexists(path) else stat.S_IFREG
    except OSError as error:
        raise _not_saved(path, error) from None
    if not stat.S_ISDIR(folder.st_mode):
        raise NotSaved(
            f"{path.parent} is no folder, so no token is saved in it.",
            "Set RUNCOMFY_CONFIG_DIR to a folder of your own.",
        )
    if _HAS_MODES and folder.st_uid != os.geteuid():
        raise NotSaved(
            f"The folder {path.parent} belongs to another user.",
            "Set RUNCOMFY_CONFIG_DIR to a folder of your own.",
        )
    if _HAS_MODES and folder.st_mode & _OTHERS_WRITE:
        raise NotSaved(
            f"Others on this machine may write to the folder {path.parent}.",
            f"Run: chmod 700 {shlex.quote(str(path.parent))}",
        )
    if not stat.S_ISREG(there):
        raise NotSaved(
            f"{path} is no plain file, so no token is saved there.",
            "Move it out of the way, then run kontext-nb login again.",
        )
    return path


def save(token: Secret) -> Path:
    """Keep a token for this user, and return the file it is in.

    It is written aside and moved, so whatever stops this process leaves the old file or
    the new one.

    Raises:
        NotSaved: See `check_place`; or there is no room.
    """
    path = _place()
    try:
        prefix, suffix = _ASIDE
        # Made with O_EXCL and O_NOFOLLOW, under a name that cannot be guessed.
        descriptor, aside = tempfile.mkstemp(suffix, prefix, path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                Path(aside).chmod(0o600)  # a umask may have taken more than it should
                file.write(_as_written(token))
                file.flush()
                os.fsync(descriptor)
            os.replace(aside, path)  # noqa: PTH105 - the documented atomic call
        except BaseException:
            with suppress(OSError):
                Path(aside).unlink()
            raise
        flush(path.parent)
    except OSError as error:
        raise _not_saved(path, error) from None
    return path


def delete() -> bool:
    """Delete the file, and what a killed login left; return whether there was one.

    Raises:
        NotSaved: It cannot be deleted.
    """
    path = token_file()
    try:
        for left in path.parent.glob("*".join(_ASIDE)):
            left.unlink(missing_ok=True)
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise NotSaved(
            f"The token file {path} cannot be deleted: {error.strerror}.",
            "Delete it by hand.",
        ) from None
    return True


def _check_ours(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotAuthorised(f"The token file {path} is no file.", HOW)
    if not _HAS_MODES:
        return
    if found.st_uid != os.geteuid():
        raise NotAuthorised(
            f"The token file {path} belongs to another user.",
            "Run kontext-nb login as the user you are, or set RUNCOMFY_TOKEN.",
        )
    if found.st_mode & _OTHERS_READ:
        raise NotAuthorised(
            f"The token file {path} can be read by others on this machine.",
            f"Run: chmod 600 {shlex.quote(str(path))}",
        )


def _token_in(descriptor: int) -> Secret | None:
    """Return what a token file holds, or None; it never raises, as `usable`."""
    try:
        found = json.loads(os.read(descriptor, MAX_FILE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    text = found.get("access_token") if isinstance(found, dict) else None
    return usable(Secret.of(text)) if isinstance(text, str) else None


def _as_written(token: Secret) -> str:
    facts = {
        "access_token": token.reveal(),
        # The official command line writes these, too; no login fills them.
        "refresh_token": None,
        "expires_at": None,
        "user_email": None,
    }
    return json.dumps(facts, indent=2) + "\n"


def _make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing, for us alone in any umask."""
    for place in reversed((folder, *folder.parents)):
        if not place.exists():
            with suppress(FileExistsError):  # another login made it
                place.mkdir(mode=0o700)
                place.chmod(0o700)


def _not_saved(path: Path, error: OSError) -> NotSaved:
    return NotSaved(
        f"The token cannot be saved as {path}: {error.strerror}.",
        "Set RUNCOMFY_CONFIG_DIR to a folder that has room and is yours.",
    )
