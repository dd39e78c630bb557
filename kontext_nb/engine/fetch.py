"""Downloads a result: in pieces, within bounds, and resumed where it broke off.

What arrives goes straight into a `Part` the caller gives, so memory stays flat whatever
the size. A part that is to be continued is asked for with a validator: if the file at
the address is no longer the same, it comes whole and the part begins anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urljoin

from kontext_nb.engine.pace import SHARED, Backoff, Budget, Clock, asked_pause_s
from kontext_nb.engine.wire import (
    MAX_HOPS,
    REDIRECTS,
    Answer,
    NoHttp,
    Unanswered,
    Wire,
)
from kontext_nb.errors import BadReply, OutOfCredit, ServiceBusy
from kontext_nb.providers.base import Call, Provider

TRIES = 5
UNFIT_TRIES = 2  # an answer that cannot be the file is hardly better the next time
MAX_BYTES = 2 * 2**30  # whatever a provider allows
STALL_S, STALL_BYTES = 30.0, 1024

_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)")
_LENGTH = re.compile(r"\d{1,15}")
# Storage answers an address that is no longer signed with any of these.
_EXPIRED = frozenset({400, 401, 403, 404, 410})
_BUSY = frozenset({408, 409, 425, 429})


class Part(Protocol):
    """Where the bytes go until they are the whole file."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""

    def append(self, piece: bytes) -> None:
        """Add a piece; raise StoreError if that cannot be done."""

    def restart(self) -> None:
        """Forget what it holds."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that has arrived.

    Args:
        size: Bytes.
        media_type: What the service says it is, in lower case and without parameters.
        whole: Whether its length was announced and came. Where it was not, only
            reading the file tells whether its end is missing.
    """

    size: int
    media_type: str
    whole: bool


class AddressExpired(BadReply):
    """The file is not at this address, or no longer: the result may name a new one."""


class Unfit(BadReply):
    """What was answered is not the file, or not the part of it that was asked for."""


async def fetch(
    wire: Wire,
    provider: Provider,
    url: str,
    part: Part,
    clock: Clock,
    *,
    most_bytes: int = MAX_BYTES,
    budget: Budget = SHARED,
    chance: Callable[[], float] = random.random,
) -> Fetched:
    """Download ``url`` into ``part``, in at most five tries.

    Args:
        wire: Sends the calls.
        provider: Describes the call for each address on the way, or refuses it.
        url: Where the file is.
        part: Takes the bytes; what it holds already is forgotten.
        clock: Time.
        most_bytes: More than this is refused, whatever the provider allows.
        budget: What other calls' tries draw on too.
        chance: Random numbers from 0 to 1.

    Raises:
        AddressExpired: The service does not have the file there.
        BadReply: The address is not one results may come from, or the file is too
            large; or what came, also the second time, is not the file.
        Unanswered: The connection broke or stalled, also the fifth time.
        ServiceBusy: The service was busy or broken, also the fifth time.
        OutOfCredit: The service wants to be paid for it first.
        StoreError: The part cannot be written.
    """
    download = _Download(wire, provider, url, part, clock, most_bytes)
    backoff = Backoff(clock, tries=TRIES, budget=budget, chance=chance)
    unfit = 0
    while True:
        try:
            fetched = await download.go_on()
        except (Unanswered, ServiceBusy) as error:
            await backoff.pause(error)
        except (Unfit, NoHttp) as error:
            part.restart()
            unfit += 1
            if unfit == UNFIT_TRIES:
                raise
            await backoff.pause(error)
        except BadReply:
            part.restart()
            raise
        else:
            backoff.succeeded()
            return fetched


@dataclass(slots=True)
class _Download:
    """One file on its way.

    Args:
        validator: Names the version of the file that the part holds a beginning of;
            empty if the service names none, and it cannot be continued.
        total: Length of that version, if known.
    """

    wire: Wire
    provider: Provider
    url: str
    part: Part
    clock: Clock
    most_bytes: int
    validator: str = ""
    total: int | None = None
    _window: tuple[float, int] = field(default=(0.0, 0))

    async def go_on(self) -> Fetched:
        """Ask for what is missing, and read it to its end."""
        if not self.validator:
            self.part.restart()
        url, asked = self.url, {"accept-encoding": "identity"}
        if self.part.size:
            asked |= {
                "range": f"bytes={self.part.size}-",
                "if-range": self.validator,
            }
        for _ in range(1 + MAX_HOPS):
            # Each hop is described anew, so the provider refuses an address that is
            # not its own, and nothing meant for one host reaches the next.
            call = self.provider.download(url)
            call = replace(call, headers={**call.headers, **asked})
            async with self.wire.open(call) as answer:
                place = answer.headers.get("location")
                if answer.status in REDIRECTS and place:
                    with suppress(ValueError):  # no address: the provider refuses it
                        place = urljoin(url, place)
                    url = place
                    continue
                return await self._take(answer, call)
        raise BadReply(
            f"The result's address leads on more than {MAX_HOPS} times.",
            "It was not fetched; re-run to try again.",
        )

    async def _take(self, answer: Answer, call: Call) -> Fetched:
        """Read one answer into the part, and say whether it is the file."""
        _check_status(answer)
        announced = self._begin(answer)
        cap = min(call.max_bytes, self.most_bytes)
        if (self.total or 0) > cap:
            raise _too_large(cap)
        self._window = (self.clock.now(), self.part.size)
        async with aclosing(answer.pieces()) as pieces:
            async for piece in pieces:
                if self.part.size + len(piece) > cap:
                    raise _too_large(cap)
                self.part.append(piece)
                self._check_stall()
        if self.total not in (None, self.part.size):
            # Framing said that this is the end, but the range it came from did not.
            raise _broken(f"after {self.part.size} of {self.total} bytes")
        return Fetched(self.part.size, _media_type(answer.headers), announced)

    def _begin(self, answer: Answer) -> bool:
        """Get the part ready for the answer; return whether its end is announced."""
        headers = answer.headers
        if _media_type(headers) == "text/html":
            raise Unfit(
                "A web page came in place of the result.",
                "Check that no portal or proxy is in between, and re-run.",
            )
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Unfit(
                "The result was sent compressed, which was not asked for.",
                "It was not unpacked; re-run to try again.",
            )
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            self._check_range(headers.get("content-range", ""), headers.get("etag"))
            return self.total is not None
        # Whole, whatever was asked for: the file changed, or ranges are not served.
        self.part.restart()
        self.validator = _validator(headers)
        length = headers.get("content-length", "")
        self.total = int(length) if _LENGTH.fullmatch(length) else None
        chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
        return chunked or self.total is not None

    def _check_range(self, content_range: str, etag: str | None) -> None:
        """Refuse any range but exactly the missing rest of the same file."""
        found = _CONTENT_RANGE.fullmatch(content_range.strip())
        start, total = (int(found[1]), found[2]) if found else (0, "*")
        strong = etag is not None and self.validator.startswith('"')
        if (
            not self.part.size
            or start != self.part.size
            or (self.total and total not in ("*", str(self.total)))
            or (strong and etag != self.validator)
        ):
            raise Unfit(
                "The service sent another part of the result than was asked for.",
                "Re-run to fetch it again: nothing is sent again.",
            )
        if total != "*":
            self.total = int(total)

    def _check_stall(self) -> None:
        """Raise if less than 1 KiB came within half a minute."""
        began_s, size = self._window
        now_s = self.clock.now()
        if now_s - began_s < STALL_S:
            return
        if self.part.size - size < STALL_BYTES:
            raise _broken(f"less than 1 KiB in {STALL_S:.0f} s", timed_out=True)
        self._window = (now_s, self.part.size)


def _check_status(answer: Answer) -> None:
    """Raise what a status means that does not come with the file."""
    status = answer.status
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    problem = f"The result's download answered HTTP {status}."
    remedy = "Re-run to fetch it again: nothing is sent again."
    if status in _EXPIRED:
        raise AddressExpired(problem, remedy)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        raise OutOfCredit(problem, remedy)
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        busy = ServiceBusy(problem, remedy)
        if status not in _BUSY:
            busy.exit_code = Unfit.exit_code  # its own fault, not the way's
        busy.retry_after_s = asked_pause_s(answer.headers)
        raise busy
    raise Unfit(problem, remedy)


def _validator(headers: Mapping[str, str]) -> str:
    """Return what names this version of the file well enough to continue it."""
    etag = headers.get("etag", "")
    if etag.startswith('"'):
        return etag
    return headers.get("last-modified", "")


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _broken(how: str, *, timed_out: bool = False) -> Unanswered:
    error = Unanswered(
        f"The download broke off: {how}.",
        "Re-run to fetch it again: nothing is sent again.",
    )
    error.timed_out = timed_out
    return error


def _too_large(cap: int) -> BadReply:
    return BadReply(
        f"The result is larger than {cap // 2**20} MiB.",
        "It was not fetched; open it in a browser if you want it.",
    )
