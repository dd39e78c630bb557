"""Files that are no pictures: what they are called, and by what name they are saved."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

# By what the service calls them; a picture is known by decoding it, not by a name.
_SUFFIXES = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "model/gltf-binary": ".glb",
    "application/zip": ".zip",
    "application/json": ".json",
}
_KNOWN = frozenset(_SUFFIXES.values())
_STEM_CHARS = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def media_suffix(url: str, media_type: str) -> str | None:
    """Return the suffix of a file that is no picture; None if it should be one.

    Args:
        url: Where it came from.
        media_type: What the service said it is.
    """
    named = "." + _last(url).rpartition(".")[2].lower()
    return _SUFFIXES.get(media_type) or (named if named in _KNOWN else None)


def safe_stem(url: str) -> str:
    """Return a name for a file, made of what an address calls it.

    Letters, digits, dots, dashes and underscores: it stays in its folder, and every
    system takes it.
    """
    stem = _last(url).rpartition(".")[0] or _last(url)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")[:_STEM_CHARS]
    return f"_{plain}" if _RESERVED.fullmatch(plain) else plain or "output"


def _last(url: str) -> str:
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""
