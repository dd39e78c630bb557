"""The RunComfy Model API, as published at docs.runcomfy.com/model-apis.

`completed` in a status means "stopped running", not "succeeded": only the result tells.
Some answers carry an `error_code` under HTTP 200; they are errors all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    KontextError,
    NotAuthorised,
    OutOfCredit,
    RequestRefused,
    ResultLost,
    ServiceBusy,
)
from kontext_nb.model import Secret, echo
from kontext_nb.providers.base import (
    REQUEST_ID,
    SUBMIT_TIMEOUT_S,
    Bearer,
    Call,
    Output,
    Phase,
    Reply,
    Status,
    facts_of,
    plain,
    split,
)

API_BASE = "https://model-api.runcomfy.net/v1"
RESULT_DOMAINS = ("runcomfy.net", "runcomfy.com")
MAX_RESULT_BYTES = 64 * 1024 * 1024
MAX_MEDIA_BYTES = 2 * 1024 * 1024 * 1024
MAX_RESULTS = 16  # a job of more is no edit; the rest stays at the service
MAX_USD = 1e9
# Edits of the usual models are reported to take 15 to 40 s, so sooner questions would
# only cost; a faster model's very first edit is shown that much later.
SOONEST_S = 1.8
MAX_REASON_CHARS = 1200  # error pages can be many kilobytes of HTML
MAX_NAME_CHARS = 80

_LARGE = (".mp4", ".webm", ".mov", ".mp3", ".wav", ".ogg", ".flac", ".glb", ".zip")
_GIVEN_ID = re.compile(rf'"request_id"\s*:\s*"({REQUEST_ID.pattern})"'.encode())
_PLAIN_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")

# Words of the documentation and of RunComfy's own clients, lower case. Every other
# word counts as still running, until the deadline.
_QUEUED = frozenset({"in_queue", "pending", "waiting"})
_CANCELLED = frozenset({"cancelled", "canceled"})
_SUCCEEDED = frozenset({"succeeded", "completed"})
_ENDED = _SUCCEEDED | _CANCELLED | {"failed"}

_LOGIN = "Check RUNCOMFY_TOKEN; tokens are at runcomfy.com/profile, Account, API Token."
_NOT_READY = 400005
_MEANING = {
    400002: OutOfCredit,
    400004: NotAuthorised,
    401001: NotAuthorised,
    403001: NotAuthorised,
    404001: ResultLost,
    401: NotAuthorised,
    402: OutOfCredit,
    403: NotAuthorised,
    404: ResultLost,
    410: ResultLost,
    429: ServiceBusy,
}
_REFUSED = frozenset({400, 413, 415, 422})
# The request was not even looked at, and will not be taken like that.
_NOT_TAKEN = frozenset({405, 406, 411, 426, 451})
# How services word that a filter, not the model, has stopped a job.
_FILTERED = re.compile(r"moderat|nsfw|safety|content[ _-]polic|flagged", re.IGNORECASE)
_PASSING = frozenset({408, 409, 425})
_TOO_OLD = "This version of kontext_nb may be too old for it: upgrade, and run again."
_ASK_AGAIN = "Wait a little and re-run; nothing is sent again."
_REMEDY = {
    OutOfCredit: "Top up at runcomfy.com, then re-run.",
    NotAuthorised: _LOGIN,
    ResultLost: "Run the edit again with refresh=True to have it made anew.",
    ServiceBusy: "Wait a little and re-run; nothing was charged.",
    RequestRefused: "Change what it names and run again; nothing was charged.",
    BadReply: "Re-run to try again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComfy:
    """RunComfy, or any server that speaks its contract.

    Args:
        token: Sent to the API's own origin and nowhere else.
        base: API base, including ``/v1``, without a slash at its end.
        name: Key in settings and fingerprints.
        engine: Name to show instead of the model's, for a server that is not RunComfy.
        result_origin: One more origin results may come from: a server of one's own.
        soonest_s: How long its quickest job takes, as far as is known.
    """

    token: Secret
    base: str = API_BASE
    name: str = "runcomfy"
    engine: str | None = None
    result_origin: str | None = None
    soonest_s: float = SOONEST_S

    def label(self, model: str) -> str:
        """Return the model's name as people should read it under a picture."""
        return self.engine or model

    def submit(self, model: str, inputs: Mapping[str, Any], key: str) -> Call:
        """Describe the one paid call.

        No header is documented to make two sendings one, so nothing relies on the key;
        but where one is heeded, or only logged, it tells them apart.
        """
        return Call(
            method="POST",
            url=f"{self.base}/models/{model}",
            headers=Bearer(
                self.token,
                content_type="application/json",
                idempotency_key=key,
                x_request_id=key,
            ),
            body=json.dumps(inputs, allow_nan=False).encode(),
            paid=True,
            timeout_s=SUBMIT_TIMEOUT_S,
        )

    def read_submit(self, reply: Reply) -> str:
        """Return the service's id for the job.

        Raises:
            RequestRefused: It will not run this request; nothing is charged.
            ServiceError: Another one of the tree; `BadReply` if nothing is certain.
        """
        body = self._checked(reply, submitting=True)
        request_id = body.get("request_id")
        if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
            raise BadReply(
                "RunComfy accepted the edit but gave no usable id for it.",
                "Look for it under Generations at runcomfy.com before sending again.",
            )
        return request_id

    def salvage(self, reply: Reply) -> str | None:
        """Return the service's id for the job from an answer whose end is missing."""
        taken = _GIVEN_ID.search(reply.body) if 200 <= reply.status < 300 else None  # noqa: PLR2004 - the HTTP class of success
        return taken[1].decode() if taken else None

    def status(self, request_id: str) -> Call:
        """Describe the poll."""
        return self._get(f"requests/{request_id}/status")

    def read_status(self, reply: Reply) -> Status:
        """Return where the job is."""
        body = self._told(reply)
        word = str(body.get("status", "")).lower()
        if word in _ENDED:
            return Status(Phase.ENDED)
        if word in _QUEUED:
            place = body.get("queue_position")
            return Status(Phase.QUEUED, place if isinstance(place, int) else None)
        return Status(Phase.RUNNING)

    def result(self, request_id: str) -> Call:
        """Describe the question for the result."""
        return self._get(f"requests/{request_id}/result?include_cost=true")

    def read_result(self, reply: Reply) -> Output | None:
        """Return the output; None while there is none yet.

        Raises:
            EditFailed: The job ran and failed; the message carries the reason.
            EditCancelled: The job was cancelled.
        """
        body = self._told(reply)
        word = str(body.get("status", "")).lower()
        if body.get("error_code") == _NOT_READY or word not in _ENDED:
            return None
        if word in _CANCELLED:
            raise EditCancelled(
                "The job was cancelled.", "Run the edit again if you want it after all."
            )
        if word not in _SUCCEEDED:
            failed = EditFailed(
                f"The edit failed: {self._said(body)}",
                "Change the prompt or the seed; look under Generations at runcomfy.com "
                "for what was charged."
                if self.name == "runcomfy"
                else "",  # the demo engine's reason ends with what to do
            )
            if _FILTERED.search(self._said(body)):  # the input's fault, so to speak
                failed.exit_code = RequestRefused.exit_code
            raise failed
        named = plain(body.get("engine"), MAX_NAME_CHARS)
        output = body.get("output")
        said = json.dumps(output, ensure_ascii=False)
        return Output(_urls(output), named, said, usd(body.get("cost")))

    def cancel(self, request_id: str) -> Call:
        """Describe the cancel."""
        return Call(
            method="POST",
            url=f"{self.base}/requests/{request_id}/cancel",
            headers=Bearer(self.token),
        )

    def read_cancel(self, reply: Reply) -> bool:
        """Return whether the job was cancelled."""
        body = self._checked(reply)
        words = (str(body.get(key)).lower() for key in ("status", "outcome"))
        return not _CANCELLED.isdisjoint(words)

    def download(self, url: str) -> Call:
        """Describe the download; it carries no credential.

        Raises:
            BadReply: Not https, or not a host of RunComfy's.
        """
        if not self._may_fetch(url):
            raise BadReply(
                f"The result is at {echo(url)}, which is not RunComfy's.",
                "It was not fetched; open it by hand if you trust it.",
            )
        large = url.partition("?")[0].lower().endswith(_LARGE)
        most = MAX_MEDIA_BYTES if large else MAX_RESULT_BYTES
        return Call(method="GET", url=url, max_bytes=most)

    def _may_fetch(self, url: str) -> bool:
        parts = split(url)
        if parts is None:
            return False
        if self.result_origin == f"{parts.scheme}://{parts.netloc}":
            return True
        return (
            parts.scheme == "https"
            and parts.port in (None, 443)
            and "@" not in parts.netloc
            and is_runcomfys(parts.hostname or "")
        )

    @property
    def _who(self) -> str:
        """Who answers, as a message names it."""
        official = "RunComfy" if self.name == "runcomfy" else f"The server {self.base}"
        return f"The {self.engine}" if self.engine else official

    def _get(self, path: str) -> Call:
        url = f"{self.base}/{path}"
        return Call(method="GET", url=url, headers=Bearer(self.token))

    def _told(self, reply: Reply) -> Mapping[str, Any]:
        """Return what a good reply says of a job: a bare 202 says "not yet"."""
        if reply.status == HTTPStatus.ACCEPTED and not reply.body.strip():
            return {"status": "pending"}
        return self._checked(reply)

    def _checked(self, reply: Reply, *, submitting: bool = False) -> Mapping[str, Any]:
        """Return the JSON object of a good reply, or raise what a bad one means."""
        body = facts_of(reply, self.token)
        readable = body is not None
        facts: Mapping[str, Any] = body or {}
        code = facts.get("error_code")
        if code == _NOT_READY and not submitting:
            return facts
        good = 200 <= reply.status < 300  # noqa: PLR2004 - the HTTP class of success
        if good and readable and code is None:
            return facts
        said = self._said(facts) if facts else f"HTTP {reply.status}."
        if good and reply.body.lstrip().startswith(b"<"):
            said = "a web page. A portal or proxy may be in between."
        error = _meaning(code, reply.status, submitting=submitting)
        remedy = _REMEDY[error]
        if error is ServiceBusy and not submitting:
            remedy = _ASK_AGAIN
        if reply.status in _NOT_TAKEN and code is None:
            remedy = _TOO_OLD
        raised = error(f"{self._who} answered: {said}", remedy)
        if error is ServiceBusy and reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raised.exit_code = BadReply.exit_code  # its own fault, not the way's
        if error is BadReply and reply.status in _PASSING:
            raised.exit_code = ServiceBusy.exit_code  # it may answer better later
        if submitting and reply.status in _NOT_TAKEN:
            raised.exit_code = BadReply.exit_code  # the request's form is ours
        raise raised

    def _said(self, body: Mapping[str, Any]) -> str:
        """Return the service's own words as a sentence, in whichever field they are."""
        for key in ("error_message", "message", "error", "detail"):
            words = _text(body.get(key))
            if words:
                text = words.rstrip(".")
                return text if text.endswith(("?", "!")) else f"{text}."
        return "no reason given."


def _meaning(code: Any, status: int, *, submitting: bool) -> type[KontextError]:
    """Return the error that an error code and an HTTP status stand for."""
    known = code if isinstance(code, int) else None  # it may be any JSON value
    error: type[KontextError] = BadReply
    if known in _MEANING:
        error = _MEANING[known]
    elif known is not None and known // 1000 in _REFUSED:
        error = RequestRefused
    elif status in _MEANING:
        error = _MEANING[status]
    elif status in _REFUSED:
        error = RequestRefused
    elif status in _PASSING or status // 100 == 5:  # noqa: PLR2004 - its class in HTTP
        error = ServiceBusy
    if submitting:
        if status in _NOT_TAKEN and known is None:
            return RequestRefused
        if error is ResultLost:
            return RequestRefused  # 404 to a submit: there is no such model
        # Only a plain 429 says for certain that the job was not taken.
        return BadReply if error is ServiceBusy and status != 429 else error  # noqa: PLR2004
    # A refused question says nothing about the job, which was taken long ago.
    return BadReply if error is RequestRefused else error


def is_runcomfys(host: str) -> bool:
    """Tell RunComfy's own hosts from all others."""
    ours = any(host == d or host.endswith("." + d) for d in RESULT_DOMAINS)
    return ours and _PLAIN_HOST.fullmatch(host) is not None


def _text(reason: Any) -> str | None:
    """Return a reason, of whatever shape, as one line; None where there is none."""
    if reason and not isinstance(reason, str):
        try:
            reason = json.dumps(reason)
        except RecursionError:
            return "a reason too deeply nested to read"
    return plain(reason, MAX_REASON_CHARS)


def usd(value: Any) -> float | None:
    """Return an amount of money; None for what is none, which is never read as free."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # More would be no price, and a whole number can be too large for a float at all.
    return float(value) if is_number and 0 <= value <= MAX_USD else None


def addresses(output: Any) -> tuple[str, ...]:
    """Return the addresses in an output, in the order its files are kept, each once."""
    found = (t for t in _texts(output) if t.startswith(("https:", "http:")))
    return tuple(dict.fromkeys(found))


def _urls(output: Any) -> tuple[str, ...]:
    """Return where a job's files are, at most `MAX_RESULTS` of them.

    Only the output is searched: other fields may repeat what was sent.
    """
    found = addresses(output)
    if not found:
        raise BadReply(
            "RunComfy says the job succeeded but names no result.", _REMEDY[BadReply]
        )
    return found[:MAX_RESULTS]


def _texts(value: Any) -> Iterator[str]:
    """Go through the texts of a JSON value; pictures come before what else there is."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        first = [value[name] for name in ("images", "image") if name in value]
        for inner in (*first, *value.values()):
            yield from _texts(inner)
