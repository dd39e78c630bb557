"""Where the RunComfy token is, and where it may go.

The order and the file are those of the official command line, so one login serves both.
No message here shows any part of what it found.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit

from kontext_nb.errors import NotAuthorised, ParameterRejected
from kontext_nb.model import Secret
from kontext_nb.providers.runcomfy import API_BASE, RESULT_DOMAINS, RunComfy

_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
# No user name, and nothing that two parsers could read differently.
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOW = (
    "Set RUNCOMFY_TOKEN to one from runcomfy.com/profile, or choose the provider demo, "
    "which needs none."
)


def token_file() -> Path:
    """Return where the official command line keeps its token, on every system."""
    own = os.environ.get("RUNCOMFY_CONFIG_DIR")
    if own:
        return Path(own, "token.json")
    shared = os.environ.get("XDG_CONFIG_HOME")
    return Path(shared or Path.home() / ".config", "runcomfy", "token.json")


def is_meant() -> bool:
    """Return whether this environment means RunComfy: it has a token, or an address."""
    names = ("RUNCOMFY_TOKEN", "RUNCOMFY_MODEL_API_BASE")
    return any(os.environ.get(n, "").strip() for n in names) or token_file().is_file()


def runcomfy() -> RunComfy:
    """Return the provider for the token and the addresses of this environment.

    Raises:
        NotAuthorised: There is no usable token for that address.
        ParameterRejected: RUNCOMFY_MODEL_API_BASE is no address to send a token to.
    """
    base = os.environ.get("RUNCOMFY_MODEL_API_BASE", API_BASE).strip().rstrip("/")
    try:
        parts = urlsplit(base)
    except ValueError:
        parts = urlsplit("")
    host = parts.hostname or ""
    if not _HOST.fullmatch(parts.netloc) or not (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    ):
        raise ParameterRejected(
            "RUNCOMFY_MODEL_API_BASE is no safe address.",
            "Use https, or http on 127.0.0.1, and no user name in it.",
        )
    if not parts.path.endswith("/v1"):
        raise ParameterRejected(
            f"RUNCOMFY_MODEL_API_BASE points to {host} and does not end in /v1.",
            "Give the API's whole base, for example http://127.0.0.1:8787/v1.",
        )
    if any(host == d or host.endswith("." + d) for d in RESULT_DOMAINS):
        return RunComfy(token=_from_environment() or _from_file(), base=base)
    # A stored token belongs to RunComfy; only one given for this shell goes elsewhere.
    token = _from_environment()
    if token is None:
        raise NotAuthorised(
            f"RUNCOMFY_MODEL_API_BASE points to {host}, and RUNCOMFY_TOKEN is not set.",
            "Set RUNCOMFY_TOKEN too: the stored token is sent to RunComfy only.",
        )
    origin = f"{parts.scheme}://{parts.netloc}"
    # By its own name, so that what another server made never answers for RunComfy.
    name = f"runcomfy at {parts.netloc}"
    return RunComfy(token=token, base=base, name=name, result_origin=origin)


def _from_environment() -> Secret | None:
    text = os.environ.get("RUNCOMFY_TOKEN", "")
    return _checked(text, "RUNCOMFY_TOKEN") if text.strip() else None


def _from_file() -> Secret:
    path = token_file()
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise NotAuthorised(f"The token file {path} is no file.", _HOW)
    try:
        with path.open("rb") as file:
            if os.name != "nt" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o77:
                raise NotAuthorised(
                    f"The token file {path} can be read by others on this machine.",
                    f"Run: chmod 600 {path}",
                )
            found = json.load(file)
    except FileNotFoundError:
        raise NotAuthorised("There is no RunComfy token.", _HOW) from None
    except (OSError, ValueError, RecursionError):
        raise NotAuthorised(f"The token file {path} cannot be read.", _HOW) from None
    text = found.get("access_token") if isinstance(found, dict) else None
    return _checked(text if isinstance(text, str) else "", f"The token in {path}")


def _checked(text: str, where: str) -> Secret:
    token = text.strip()
    if len(token) > 1 and token[0] == token[-1] and token[0] in "'\"":
        token = token[1:-1]
    token = token.removeprefix("Bearer ").strip()
    if not _TOKEN.fullmatch(token):
        raise NotAuthorised(f"{where} does not look like a token.", _HOW)
    return Secret.of(token)
