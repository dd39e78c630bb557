"""Pictures given as text: an https address, which the service fetches, or a data URL.

A name is not looked up: what it leads to is for the service to see.
"""

from __future__ import annotations

import base64
import ipaddress
import re

from kontext_nb import pixels
from kontext_nb.errors import ImageRejected
from kontext_nb.model import echo
from kontext_nb.pixels import MAX_FILE_BYTES, Picture
from kontext_nb.providers.base import split

MAX_CHARS = 4096  # signed addresses have up to half of it
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}")
# Browsers and clients read a host that ends so as an IPv4 address, each in its way.
_NUMERIC = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")
_OF_ONE_NETWORK = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_SCHEME_CHARS = 12  # and what parts it from the rest
_DATA_HEAD_CHARS = 1024
_ITSELF = "Give the picture itself, such as its file's name."


def checked_address(given: str) -> str:
    """Return an address that a service can fetch a picture from, or refuse it.

    Raises:
        ImageRejected: It is not https, has a user name or password in it, can be read
            in two ways, or leads to this machine or a private network.
    """
    if len(given) > MAX_CHARS:
        raise ImageRejected(
            f"The address has {len(given)} characters, more than {MAX_CHARS}.", _ITSELF
        )
    parts = split(given)
    if "@" in (parts.netloc if parts else given):  # which is not to be repeated
        raise ImageRejected(
            "The address has a user name or a password in it, or may have.",
            "Use an https address that opens without a login, or a file.",
        )
    host = (parts and parts.hostname) or ""
    if not given.startswith("https://") or not host:
        raise ImageRejected(
            f"The address {echo(given)} cannot be handed to the service.",
            "Use an https address that opens without a login, or a file.",
        )
    if not _is_public(host.removesuffix(".")):
        raise ImageRejected(
            f"The service cannot reach {echo(host)}, which is no public host.", _ITSELF
        )
    return given


def _is_public(host: str) -> bool:
    """Tell a host of the internet from this machine, its network, and what is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        named = _HOST.fullmatch(host) and not _NUMERIC.fullmatch(host)
        return bool(named) and not host.endswith(_OF_ONE_NETWORK)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_global and not (address.is_multicast or address.is_reserved)


def has_scheme(given: str) -> bool:
    """Tell an address, whatever it leads to, from the name of a file."""
    return "://" in given[:_SCHEME_CHARS]


def is_data_url(given: str) -> bool:
    """Tell a data URL, which holds what it is the address of."""
    return given[:5].lower() == "data:"


def decoded(given: str) -> Picture:
    """Return the picture that a data URL holds.

    Raises:
        ImageRejected: It holds none in base64, or one that is too large.
    """
    if len(given) > MAX_FILE_BYTES * 4 // 3 + _DATA_HEAD_CHARS:
        raise ImageRejected(
            f"The data URL holds over {MAX_FILE_BYTES // 2**20} MiB.", _ITSELF
        )
    head, _, payload = given.partition(",")
    kind = head.lower()
    if not (kind.startswith("data:image/") and kind.endswith(";base64")):
        raise ImageRejected(
            f"{echo(given[:_DATA_HEAD_CHARS])} holds no picture in base64.",
            "Give data:image/png;base64,… or the picture itself.",
        )
    try:
        return pixels.load(base64.b64decode(payload, validate=True))
    except ValueError:
        raise ImageRejected(
            "The data URL is not valid base64.", "Encode the file's bytes again."
        ) from None
