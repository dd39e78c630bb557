"""The only loop that waits: submit once, poll, fetch the result, download it.

Every step is journalled before the next is taken, so whatever stops this process leaves
a row that says how far the job came. What the service certainly did not take goes back
to INTENT; what it may have taken becomes UNKNOWN and is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from kontext_nb.engine.asking import ask, understood
from kontext_nb.engine.fetch import AddressExpired, Fetched, Part, fetch
from kontext_nb.engine.pace import (
    CANCEL_TIMEOUT_S,
    MAX_SLEEP_S,
    Backoff,
    Clock,
    Pace,
)
from kontext_nb.engine.sending import send_paid
from kontext_nb.engine.wire import Dropped, NotSent, Unanswered, Wire
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
P = TypeVar("P", bound=Part)

SUBMIT_TRIES = 3
FETCH_ROUNDS = 2  # a file that came whole and is none is hardly better a third time
# Of pictures, which are decoded in memory; other media have caps of their own.
MAX_PICTURE_BYTES, MAX_JOB_BYTES = 64 * 2**20, 256 * 2**20
NEW_JOB_S = 60.0  # a service may not know a fresh id at once


@dataclass(frozen=True, slots=True)
class Collected:
    """A job that has ended well.

    Args:
        job: Its row, RUNNING or SUBMITTED still.
        output: What the service says of it.
        names: What its files are kept by.
        waited_s: Seconds from the first question until it probably ended.
    """

    job: Job
    output: Output
    names: tuple[str, ...]
    waited_s: float


class Journal(Protocol):
    """Writes an event to the job's row, durably, and returns the new row."""

    async def __call__(self, job: Job, event: Event, **facts: Any) -> Job:
        """Write ``event`` and ``facts``; raise StoreError if that cannot be done.

        A cancel is raised before a claim is written, or after what has happened is.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner(Generic[P]):
    """All that a job needs to be carried out.

    Args:
        provider: Describes the calls and reads the replies.
        wire: Sends them.
        journal: Writes each step down.
        shelf: Makes an empty part for a file, which is dropped if it is not kept.
        keep: Verifies a part and keeps it; given its address and how it came, returns
            the name it has then, or raises BadReply for what is no result.
        report: Is told how far the job is, on the engine's loop.
        expected_s: Running median of past jobs, if there are any.
        poll_s: Least pause between two questions.
        most_bytes: More than this in a file is refused, whatever its address promises.
        deadline_s: How long to wait before leaving the job to itself.
        clock: Time.
    """

    provider: Provider
    wire: Wire
    journal: Journal
    shelf: Callable[[], contextlib.AbstractContextManager[P]]
    keep: Callable[[P, str, Fetched], Awaitable[str]]
    report: Callable[[Progress], None]
    expected_s: float | None = None
    poll_s: float | None = None
    most_bytes: int = MAX_PICTURE_BYTES
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
        call = self.provider.submit(job.request.model, inputs, _key(job))
        most_s = min(MAX_SLEEP_S, self.deadline_s)
        backoff = Backoff(self.clock, tries=SUBMIT_TRIES, most_s=most_s)
        until_s = self.clock.now() + self.deadline_s
        while True:
            self._tell(Progress(State.SENDING, expected_s=self.expected_s))
            claimed = await self.journal(job, Event.SEND, notices=job.notices)
            left_s = max(0.0, until_s - self.clock.now())
            try:
                taken = await self._submit_once(claimed, call, left_s)
            except (NotSent, ServiceBusy) as error:
                # Stop may have come meanwhile: then this failure was its clean-up.
                task = asyncio.current_task()
                if task and task.cancelling():
                    raise asyncio.CancelledError from None
                if self.clock.now() >= until_s:
                    backoff.exhaust()
                await _paused(backoff, error)
            else:
                backoff.succeeded()
                return taken

    async def _submit_once(self, job: Job, call: Call, left_s: float) -> Job:
        """Send the paid call of a claimed job, and write down what came of it."""
        try:
            reply, stopped = await send_paid(self.wire, call, left_s)
            request_id = understood(reply, self.provider.read_submit)
        except (NotSent, ServiceBusy, NotAuthorised, OutOfCredit):
            await self.journal(job, Event.WITHDRAW)
            raise
        except RequestRefused as error:
            if job.sends > 1:  # an earlier sending may still have been taken
                await self.journal(job, Event.WITHDRAW)
            else:
                await self.journal(job, Event.FAIL, error=error.problem)
            raise
        except (Dropped, BadReply) as error:
            heard = error.heard if isinstance(error, Dropped) else None
            salvaged = heard and self.provider.salvage(heard)
            if salvaged:
                return await self._accepted(job, salvaged)
            await self._lost(job, error.problem)
            unknown = OutcomeUnknown(
                f"The edit was sent and its answer is missing: {error.problem}",
                "It is not sent again by itself.",
                may_have_been_charged=True,
            )
            # What came is the service's own fault; what did not come may be the way's.
            unknown.exit_code = error.exit_code
            raise unknown from None
        except BaseException as error:  # Stop, or what nobody foresaw
            await self._lost(job, f"{type(error).__name__} while sending")
            raise
        job = await self._accepted(job, request_id)
        if stopped:
            await self._cancel(job)
            raise asyncio.CancelledError
        return job

    async def _lost(self, job: Job, why: str) -> None:
        """Write down that nobody knows what became of a job that was sent."""
        try:
            await self.journal(job, Event.LOSE, error=why)
        except StoreError as error:
            error.may_have_been_charged = True  # the row still looks as if it goes on
            raise

    async def _accepted(self, job: Job, request_id: str) -> Job:
        """Write down the service's id: the one thing that must not be lost now."""
        try:
            job = await self.journal(job, Event.ACCEPT, request_id=request_id)
        except asyncio.CancelledError:  # while it waited to be written, which it is now
            taken = replace(job, state=State.SUBMITTED, request_id=request_id)
            await self._cancel(taken)
            raise
        except StoreError as error:
            raise StoreError(
                f"The edit was sent, and its id could not be kept: {error.problem}",
                f"Note it, the service knows the edit by it: {request_id}",
                request_id=request_id,
                may_have_been_charged=True,
            ) from error
        self._tell(Progress(job.state, expected_s=self.expected_s))
        return job

    async def collect(
        self, job: Job, *, download: bool = True, age_s: float = 0.0
    ) -> Collected:
        """Wait for a job that was sent; a lost answer to a question is asked again.

        Args:
            job: In state SUBMITTED or RUNNING.
            download: False to leave its files at the service.
            age_s: Seconds since the service took it.

        Raises:
            KontextError: See `errors`.
            asyncio.CancelledError: The caller gave up; one bounded cancel was sent.
        """
        pace = Pace(
            self.clock,
            self.expected_s,
            self.deadline_s,
            least_s=self.poll_s or 0.0,
            soonest_s=self.provider.soonest_s,
            age_s=age_s,
        )
        # Only an id given a moment ago may still be unknown to the service.
        grace_s = NEW_JOB_S if job.state is State.SUBMITTED else 0.0
        try:
            job, output = await self._ended(job, pace, grace_s)
            waited_s = pace.ended_s
            names: tuple[str, ...] = ()
            if download:
                job, output, names = await self._files(job, output, pace)
        except AddressExpired as error:
            await self.journal(job, Event.EXPIRE)
            raise ResultLost(
                error.problem, "Run the edit again to have it made anew."
            ) from None
        except EditFailed as error:
            await self.journal(job, Event.FAIL, error=error.problem)
            raise
        except EditCancelled:
            await self.journal(job, Event.CANCEL)
            raise
        except ResultLost:
            await self.journal(job, Event.EXPIRE)
            raise
        except asyncio.CancelledError:
            await self._cancel(job)
            raise
        else:
            return Collected(job, output, names, waited_s)

    async def _ended(self, job: Job, pace: Pace, grace_s: float) -> tuple[Job, Output]:
        """Ask until the job has ended well, and return its output."""
        while True:
            await pace.pause()
            try:
                async with pace.within_deadline():
                    job, ended = await self._poll(job, pace.elapsed_s)
                    output = await self._output(job) if ended else None
            except (ServiceBusy, BadReply) as error:
                pace.trouble(error)
            except ResultLost:
                if pace.elapsed_s > grace_s:
                    raise
            else:
                if output is not None:
                    return job, output
                pace.answered()

    async def _poll(self, job: Job, elapsed_s: float) -> tuple[Job, bool]:
        status = await self._ask(
            self.provider.status(job.request_id or ""), self.provider.read_status
        )
        if status.phase is Phase.RUNNING and job.state is State.SUBMITTED:
            job = await self.journal(job, Event.START)
        queued, place = status.phase is Phase.QUEUED, status.queue_position
        self._tell(Progress(job.state, queued, place, elapsed_s, self.expected_s))
        return job, status.phase is Phase.ENDED

    async def _output(self, job: Job) -> Output | None:
        return await self._ask(
            self.provider.result(job.request_id or ""), self.provider.read_result
        )

    async def _files(
        self, job: Job, output: Output, pace: Pace
    ) -> tuple[Job, Output, tuple[str, ...]]:
        async with pace.within_deadline():
            try:
                names = await self._received(job, output)
            except AddressExpired:  # once more, for what may be a new address
                job, output = await self._ended(job, pace, 0.0)
                names = await self._received(job, output)
        return job, output, names

    async def _received(self, job: Job, output: Output) -> tuple[str, ...]:
        """Download a job's files and return the names they are kept by."""
        # Some services repeat what they were sent.
        urls = [url for url in output.urls if url not in job.pictures.values()]
        if not urls:
            raise BadReply(
                "The service gave back the picture it was sent, and no result.",
                "Re-run to ask for the result again: nothing is sent again.",
            )
        names, left = [], MAX_JOB_BYTES
        for url in urls:
            # By its first address, as it is known by that too, whatever that leads to.
            most = min(self.provider.download(url).max_bytes, self.most_bytes)
            # What may be larger than all pictures is no picture.
            large = most > MAX_JOB_BYTES
            most = most if large else min(most, left)
            name, size = await self._one_received(url, most)
            names.append(name)
            left -= 0 if large else size
        return tuple(dict.fromkeys(names))

    async def _one_received(self, url: str, most_bytes: int) -> tuple[str, int]:
        for again in reversed(range(FETCH_ROUNDS)):
            with self.shelf() as part:
                try:
                    fetched = await fetch(
                        self.wire,
                        self.provider,
                        url,
                        part,
                        self.clock,
                        most_bytes=most_bytes,
                    )
                except Unanswered as error:
                    raise error.given_up() from None
                try:
                    return await self.keep(part, url, fetched), fetched.size
                except BadReply:
                    if not again:
                        raise
        raise AssertionError("the last round returns or raises")

    async def _cancel(self, job: Job) -> None:
        """Send one cancel, wait a few seconds at most, and write down the answer."""
        call = self.provider.cancel(job.request_id or "")
        # It may be cancelled or not, or be so without the store's knowing: the row
        # stays open, so a re-run finds out. Whoever stopped is told that it stopped.
        with contextlib.suppress(KontextError, TimeoutError):
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                cancelled = await self._ask(call, self.provider.read_cancel)
            if cancelled:
                await self.journal(job, Event.CANCEL)
            elif job.state is State.SUBMITTED:  # then it has left the queue
                await self.journal(job, Event.START)

    def _tell(self, progress: Progress) -> None:
        # A view that is gone must not cost the job it would have shown.
        with contextlib.suppress(Exception):
            self.report(progress)

    async def _ask(self, call: Call, read: Callable[[Reply], T]) -> T:
        return await ask(self.wire, call, read)


def _key(job: Job) -> str:
    """Return the key of a paid request, the same for all its tries.

    What the user consented to send again is another one: under the first one's key, a
    service that keeps its answers would give the same useless one for ever.
    """
    again = len(job.consents)
    return f"{job.id}-{again}" if again else job.id


async def _paused(backoff: Backoff, error: NotSent | ServiceBusy) -> None:
    """Wait until the submit may be tried again; raise what it failed with if never."""
    try:
        await backoff.pause(error)
    except NotSent as not_sent:
        raise not_sent.given_up() from None
