"""The only loop that waits: submit once, poll, fetch the result, download it.

Every step is journalled before the next is taken, so whatever stops this process leaves
a row that says how far the job came. What the service certainly did not take goes back
to INTENT; what it may have taken becomes UNKNOWN and is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from kontext_nb.engine.pace import (
    ANSWER_GRACE_S,
    CANCEL_TIMEOUT_S,
    Clock,
    Pace,
    retry_after_s,
)
from kontext_nb.engine.wire import Dropped, NotSent, Wire
from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    KontextError,
    NotAuthorised,
    OutcomeUnknown,
    OutOfCredit,
    RequestRefused,
    ResultLost,
    ServiceBusy,
    StoreError,
)
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import Job, Progress
from kontext_nb.providers.base import Call, Output, Phase, Provider, Reply

T = TypeVar("T")

SUBMIT_TRIES = 3
FIRST_BACKOFF_S = 0.5
NEW_JOB_S = 60.0  # a service may not know a fresh id at once


class Journal(Protocol):
    """Writes an event to the job's row, durably, and returns the new row."""

    def __call__(self, job: Job, event: Event, **facts: Any) -> Job:
        """Write ``event`` and ``facts``; raise StoreError if that cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """All that a job needs to be carried out.

    Args:
        provider: Describes the calls and reads the replies.
        wire: Sends them.
        journal: Writes each step down.
        keep: Verifies a result's bytes and keeps them; returns the name they have then,
            or raises BadReply for what is no result.
        report: Is told how far the job is, on the engine's loop.
        expected_s: Running median of past jobs, if there are any.
        deadline_s: How long to wait before leaving the job to itself.
        clock: Time.
    """

    provider: Provider
    wire: Wire
    journal: Journal
    keep: Callable[[bytes], Awaitable[str]]
    report: Callable[[Progress], None]
    expected_s: float | None = None
    deadline_s: float = 900.0
    clock: Clock = field(default_factory=Clock)

    async def submit(self, job: Job, inputs: Mapping[str, Any]) -> Job:
        """Send a job, once.

        Args:
            job: In state INTENT.
            inputs: The request's inputs as they travel.

        Returns:
            The row, SUBMITTED.

        Raises:
            KontextError: See `errors`.
            asyncio.CancelledError: The caller gave up; one bounded cancel was sent if
                the service had taken it.
        """
        call = self.provider.submit(job.request.model, inputs)
        until_s = self.clock.now() + self.deadline_s
        for backoff in range(SUBMIT_TRIES):
            try:
                return await self._submit_once(job, call)
            except (NotSent, ServiceBusy) as error:
                # Stop may have come meanwhile: then this failure was its clean-up.
                task = asyncio.current_task()
                if task and task.cancelling():
                    raise asyncio.CancelledError from None
                asked_for_s = getattr(error, "retry_after_s", 0.0)
                pause_s = max(asked_for_s, FIRST_BACKOFF_S * 2**backoff)
                overdue = self.clock.now() + pause_s > until_s
                if overdue or backoff == SUBMIT_TRIES - 1:
                    raise ServiceBusy(error.problem, error.remedy) from None
                await self.clock.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    async def _submit_once(self, job: Job, call: Call) -> Job:
        """Claim the job, send the paid call, and write down what came of it."""
        self._tell(Progress(State.SENDING, expected_s=self.expected_s))
        job = self.journal(job, Event.SEND, notices=job.notices)
        try:
            reply, stopped = await self._send_paid(call)
            request_id = _understood(reply, self.provider.read_submit)
        except (NotSent, ServiceBusy, NotAuthorised, OutOfCredit):
            self.journal(job, Event.WITHDRAW)
            raise
        except RequestRefused as error:
            self.journal(job, Event.FAIL, error=error.problem)
            raise
        except (Dropped, BadReply) as error:
            self.journal(job, Event.LOSE, error=error.problem)
            unknown = OutcomeUnknown(
                f"The edit was sent and its answer is missing: {error.problem}",
                "It is not sent again by itself.",
                may_have_been_charged=True,
            )
            # What came is the service's own fault; what did not come may be the way's.
            unknown.exit_code = error.exit_code
            raise unknown from None
        except BaseException as error:  # Stop, or what nobody foresaw
            self.journal(job, Event.LOSE, error=f"{type(error).__name__} while sending")
            raise
        try:
            job = self.journal(job, Event.ACCEPT, request_id=request_id)
        except StoreError as error:
            raise StoreError(
                f"The edit was sent, and its id could not be kept: {error.problem}",
                f"Note it, the service knows the edit by it: {request_id}",
                request_id=request_id,
                may_have_been_charged=True,
            ) from error
        self._tell(Progress(job.state, expected_s=self.expected_s))
        if stopped:
            await self._cancel(job)
            raise asyncio.CancelledError
        return job

    async def _send_paid(self, call: Call) -> tuple[Reply, bool]:
        """Send the paid call once; if told to stop meanwhile, still hear the answer.

        An answer that is a moment away turns "perhaps charged" into an id that can be
        cancelled, so it is worth a few seconds.
        """
        sending = asyncio.ensure_future(self.wire.send(call))
        try:
            return await asyncio.shield(sending), False
        except asyncio.CancelledError:
            await asyncio.wait({sending}, timeout=ANSWER_GRACE_S)
            if not sending.done():
                sending.cancel()
                raise
            return sending.result(), True

    async def collect(self, job: Job) -> tuple[Job, Output, tuple[str, ...]]:
        """Wait for a job that was sent; a lost answer to a question is asked again.

        Args:
            job: In state SUBMITTED or RUNNING.

        Returns:
            The row as it now stands, the output's description, and the names its files
            are kept by.

        Raises:
            KontextError: See `errors`.
            asyncio.CancelledError: The caller gave up; one bounded cancel was sent.
        """
        # Only an id given a moment ago may still be unknown to the service.
        grace_s = NEW_JOB_S if job.state is State.SUBMITTED else 0.0
        pace = Pace(self.clock, self.expected_s, self.deadline_s)
        try:
            while True:
                await pace.pause()
                try:
                    async with pace.within_deadline():
                        job, ended = await self._poll(job, pace.elapsed_s)
                        if ended and (found := await self._fetch(job)) is not None:
                            return job, *found
                    pace.answered()
                except (NotSent, Dropped, ServiceBusy, BadReply) as error:
                    pace.trouble(error)
                except ResultLost:
                    if pace.elapsed_s > grace_s:
                        raise
        except EditFailed as error:
            self.journal(job, Event.FAIL, error=error.problem)
            raise
        except EditCancelled:
            self.journal(job, Event.CANCEL)
            raise
        except ResultLost:
            self.journal(job, Event.EXPIRE)
            raise
        except asyncio.CancelledError:
            await self._cancel(job)
            raise

    async def _poll(self, job: Job, elapsed_s: float) -> tuple[Job, bool]:
        status = await self._ask(
            self.provider.status(job.request_id or ""), self.provider.read_status
        )
        if status.phase is Phase.RUNNING and job.state is State.SUBMITTED:
            job = self.journal(job, Event.START)
        self._tell(
            Progress(job.state, status.queue_position, elapsed_s, self.expected_s)
        )
        return job, status.phase is Phase.ENDED

    async def _fetch(self, job: Job) -> tuple[Output, tuple[str, ...]] | None:
        output = await self._ask(
            self.provider.result(job.request_id or ""), self.provider.read_result
        )
        if output is None:
            return None
        names = []
        for url in output.urls:
            if url in job.pictures.values():
                continue  # some services repeat what they were sent
            data = await self._ask(self.provider.download(url), _downloaded)
            names.append(await self.keep(data))
        if not names:
            raise BadReply(
                "The service gave back the picture it was sent, and no result.",
                "Re-run to ask for the result again: nothing is sent again.",
            )
        return output, tuple(dict.fromkeys(names))

    async def _cancel(self, job: Job) -> None:
        """Send one cancel, wait a few seconds at most, and write down a success."""
        call = self.provider.cancel(job.request_id or "")
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                cancelled = await self._ask(call, self.provider.read_cancel)
        except (KontextError, TimeoutError):
            # It may be cancelled or not. The row stays open, so a re-run finds out.
            return
        if cancelled:
            self.journal(job, Event.CANCEL)

    def _tell(self, progress: Progress) -> None:
        # A view that is gone must not cost the job it would have shown.
        with contextlib.suppress(Exception):
            self.report(progress)

    async def _ask(self, call: Call, read: Callable[[Reply], T]) -> T:
        return _understood(await self.wire.send(call), read)


def _downloaded(reply: Reply) -> bytes:
    """Return the bytes of a download that answered 200, and nothing else."""
    if reply.status == HTTPStatus.OK:
        return reply.body
    passing = reply.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    busy = passing or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise (ServiceBusy if busy else BadReply)(
        f"The result's download answered HTTP {reply.status}.",
        "Re-run to fetch it again: nothing is sent again.",
    )


def _understood(reply: Reply, read: Callable[[Reply], T]) -> T:
    try:
        return read(reply)
    except ServiceBusy as error:
        error.retry_after_s = retry_after_s(reply.headers)
        raise
