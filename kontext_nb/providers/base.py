"""What a provider is: it describes calls and reads replies, and never waits.

The engine asks a provider for a `Call`, sends it, and hands the `Reply` back to be
read. A provider opens no socket, reads no clock and no environment, so a new vendor is
one small file that can be tested by feeding it replies by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from kontext_nb.model import Secret

SUBMIT_TIMEOUT_S = 120.0  # field reports: servers that take a paid job slowly, but do
READ_TIMEOUT_S = 30.0
# What a service may call a job: it becomes part of addresses, so it has no slash.
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
MAX_VALUES = 200_000  # in one answer; a page of the catalogue has some thousands
_PARTING = (b",", b"[", b"{")


class Bearer(Mapping[str, str]):
    """Headers with the credential, which nothing prints, copies or pickles.

    Args:
        token: Revealed only to who asks for the header by its name.
        more: Other headers of the call.
    """

    def __init__(self, token: Secret, **more: str) -> None:
        self._token = token
        self._more = {name.replace("_", "-"): text for name, text in more.items()}

    def __getitem__(self, name: str) -> str:
        """Return one header; names are in lower case."""
        if name == "authorization":
            return f"Bearer {self._token.reveal()}"
        return self._more[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        yield "authorization"
        yield from self._more

    def __len__(self) -> int:
        """Count them."""
        return 1 + len(self._more)

    def __repr__(self) -> str:
        """Show the names only."""
        return f"<headers {', '.join(self)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, as a value.

    Args:
        method: GET or POST.
        url: Absolute.
        headers: May hold the credential, so never shown.
        body: JSON text, or None.
        paid: Whether this is the call that costs money: sent once, never again.
        timeout_s: How long to wait for the answer.
        max_bytes: More than this in the answer is refused.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    paid: bool = False
    timeout_s: float = READ_TIMEOUT_S
    max_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        status: HTTP status.
        headers: Names in lower case; a service may quote the credential in them.
        body: At most the call's ``max_bytes``; the same is true of it.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def facts_of(reply: Reply, token: Secret | None) -> dict[str, Any] | None:
    """Return the JSON object that a reply holds; None for none, or one too large.

    A service may quote the credential back, in any spelling JSON allows. It is taken
    out here, so that nothing made of the answer has it: no message, no row, and no
    variable that a traceback shows.

    Args:
        reply: What came back.
        token: The credential of the call; None if it had none.
    """
    # What begins or parts values, at least: three bytes can be one that takes seventy.
    if sum(map(reply.body.count, _PARTING)) > MAX_VALUES:
        return None
    try:
        facts = json.loads(reply.body)
        if token is not None:
            facts = _without(facts, token.reveal())
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _without(value: Any, token: str) -> Any:
    """Return a JSON value that does not quote the token."""
    if isinstance(value, str):
        return value.replace(token, "(token)")
    if isinstance(value, list):
        return [_without(inner, token) for inner in value]
    if isinstance(value, dict):
        return {_without(k, token): _without(v, token) for k, v in value.items()}
    return "(token)" if str(value) == token else value  # a number may be one


def plain(words: object, longest: int) -> str | None:
    """Return foreign text as one line that is safe to print and to store.

    Args:
        words: What was sent.
        longest: Characters to keep.

    Returns:
        None for what is no text, or says nothing.
    """
    if not isinstance(words, str):
        return None
    few = words[: 8 * longest]  # of many megabytes no more is looked at
    shown = (char if char.isprintable() else " " for char in few)
    return " ".join("".join(shown).split())[:longest] or None


def split(url: str) -> SplitResult | None:
    """Return an address's parts; None for one that two parsers may read differently."""
    # That is refused before any parser sees it.
    if any(char <= " " or char == "\\" or char > "~" for char in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is only read now
    except ValueError:
        return None
    return parts


class Phase(StrEnum):
    """Where a job is, in words every vendor's words are folded into."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"  # finished, well or not: the result tells


@dataclass(frozen=True, slots=True)
class Status:
    """A job's phase, and its place in the queue while it has one."""

    phase: Phase
    queue_position: int | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A finished job.

    Args:
        urls: Where its files are, in the order of the output; at least one.
        engine: What made them, in the service's own words, if it says.
        said: The output as the service described it, as JSON.
        cost_usd: What it cost, if the service says.
    """

    urls: tuple[str, ...]
    engine: str | None = None
    said: str = "{}"
    cost_usd: float | None = None


class Provider(Protocol):
    """What every vendor's file offers.

    Methods that read a reply raise the errors of `kontext_nb.errors`: `NotAuthorised`,
    `OutOfCredit`, `RequestRefused`, `ServiceBusy`, `ResultLost` and `BadReply` mean the
    same for every vendor.
    """

    @property
    def name(self) -> str:
        """Key of this provider in settings and fingerprints."""

    @property
    def soonest_s(self) -> float:
        """Seconds that a job takes at least, whatever its model; 0 if nobody knows."""

    def label(self, model: str) -> str:
        """Return the model's name as people should read it under a picture."""

    def submit(self, model: str, inputs: Mapping[str, Any], key: str) -> Call:
        """Describe the one paid call; the inputs are as they travel.

        Args:
            model: Its id.
            inputs: By the model's own names.
            key: The same for each try of one paid request, and for no other. Nothing
                here relies on a service's taking notice of it.
        """

    def read_submit(self, reply: Reply) -> str:
        """Return the service's id for the job."""

    def salvage(self, reply: Reply) -> str | None:
        """Return the id from an answer that broke off, if it is in what came."""

    def status(self, request_id: str) -> Call:
        """Describe the poll."""

    def read_status(self, reply: Reply) -> Status:
        """Return where the job is; an unknown word means it is still running."""

    def result(self, request_id: str) -> Call:
        """Describe the question for the result."""

    def read_result(self, reply: Reply) -> Output | None:
        """Return the output, None if not ready; raise EditFailed or EditCancelled."""

    def cancel(self, request_id: str) -> Call:
        """Describe the cancel."""

    def read_cancel(self, reply: Reply) -> bool:
        """Return whether it was cancelled; else it goes on, and may be charged."""

    def download(self, url: str) -> Call:
        """Describe the download, or refuse a host that is not the service's own.

        Raises:
            BadReply: The address is not one results may come from.
        """
