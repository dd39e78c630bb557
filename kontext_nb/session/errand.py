"""One job on its way: sent if it must be, waited for, its results kept.

Whatever another kernel did to the same job meanwhile is taken as it stands: its answer
is waited for, its result is used, and what it left behind by dying is UNKNOWN.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kontext_nb import parcel, pixels
from kontext_nb.engine.fetch import MAX_BYTES
from kontext_nb.engine.runner import MAX_PICTURE_BYTES, Runner
from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    ImageRejected,
    KontextError,
    LimitReached,
    OutcomeUnknown,
    ResultLost,
    StillRunning,
    StoreError,
)
from kontext_nb.lifecycle import UNDER_WAY, Event, State
from kontext_nb.model import Job, Progress, price_text
from kontext_nb.session.engines import Engine
from kontext_nb.session.journal import check_time, journalled
from kontext_nb.session.media import media_suffix
from kontext_nb.session.orders import is_address
from kontext_nb.store import owner, patience, unfiled
from kontext_nb.store.patience import yielding

if TYPE_CHECKING:
    from kontext_nb.engine.fetch import Fetched
    from kontext_nb.session.desk import Desk
    from kontext_nb.store.part import Part

_FETCH_AGAIN = "Re-run to fetch it again: nothing is sent again."
LOOK_S = 0.1
PROMPT_S = 1.0  # who asks sooner than that after the sending has waited from the start
# A paid call ends within six minutes, well or not. On another host nothing else tells
# whether the sender still lives.
LEASE_S = 600.0

# Jobs this process is sending, once for each errand that does. One that its row says is
# being sent by this process, and is none of them, was left so: what came of it could
# not be written down.
_sending: list[str] = []


@dataclass(slots=True)
class Errand:
    """What it takes to bring one job to its end.

    Args:
        desk: Where it is kept.
        by: The engine that makes it.
        report: Is told how far it is, on the engine's loop.
        pictures_only: Whether a result that is no picture is none.
        download: Whether the results' files are fetched and kept.
    """

    desk: Desk
    by: Engine
    report: Callable[[Progress], None]
    pictures_only: bool = True
    download: bool = True

    async def done(self, job: Job) -> Job:
        """Bring a job to DONE, whoever sends it.

        Raises:
            KontextError: See `errors`; it says what became of the job.
        """
        return await self._told(job, self._done)

    async def sent(self, job: Job) -> Job:
        """Have a job sent, and do not wait for its end."""
        return await self._told(job, self._sent)

    async def _told(self, job: Job, work: Callable[[Job], Any]) -> Job:
        try:
            with patience.within(self.desk.settings.deadline_s):
                made: Job = await work(await self._settled(job))
        except LimitReached as error:
            # By the user's own cap nothing came of it, so nothing is kept of it.
            with suppress(StoreError):
                if await yielding(partial(self.desk.ledger.forget, job)):
                    raise
            error.job, error.state = job.id, State.INTENT
            raise
        except KontextError as error:
            now = await self._as_far_as_known(job)
            error.about(**now.told)
            raise
        return made

    async def _as_far_as_known(self, job: Job) -> Job:
        with suppress(StoreError), patience.within(0):  # it may be what failed
            return await self._row(job)
        return job

    async def _row(self, job: Job) -> Job:
        return await yielding(partial(self.desk.ledger.job, job.id)) or job

    async def _settled(self, job: Job) -> Job:
        """Return the row once whoever is sending it has its answer, or has died."""
        filing = partial(unfiled.take, self.desk.home, self.desk.ledger, time.time())
        await yielding(filing)
        job = await self._row(job)
        while job.state is State.SENDING:
            # In this order: what was being sent a moment ago has its answer by now.
            if _is_left_here(job) and _is_left_here(job := await self._row(job)):
                reason = "What came of the sending could not be written down."
                return await journalled(self.desk, job, Event.LOSE, error=reason)
            if _sender_is_gone(job):
                reason = "The process that was sending it ended before the answer came."
                return await journalled(self.desk, job, Event.LOSE, error=reason)
            if not patience.left_s():
                raise StillRunning(
                    "Another kernel has been sending this edit all the time.",
                    "Re-run to go on waiting: nothing is sent again.",
                )
            await asyncio.sleep(LOOK_S)
            job = await self._row(job)
        return job

    async def _done(self, job: Job) -> Job:
        if job.state is State.DONE:
            if await asyncio.to_thread(self.desk.has_files, job):
                return job
            # Its row may name the wrong file.
            job = await yielding(partial(self.desk.ledger.restored, job))
            if await asyncio.to_thread(self.desk.has_files, job):
                return job
            job = await journalled(self.desk, job, Event.MISS, results=())
        if self.desk.forgotten(job):
            raise ResultLost(
                "The demo engine ended with the kernel that made this edit.",
                "Run the edit again: the demo engine is free.",
            )
        job = await self._sent(job)
        if job.state is State.DONE:
            return job
        age_s = time.time() - (job.submitted_at or 0.0)
        runner = await self._runner(job)
        found = await runner.collect(job, download=self.download, age_s=max(0.0, age_s))
        job, output = found.job, found.output
        if not self.download:  # its files stay at the service, and the job open
            return replace(job, output=output.said)
        # How long it took is known only to who waited from the start.
        took_s = age_s + found.waited_s if 0 <= age_s < PROMPT_S else None
        return await journalled(
            self.desk,
            job,
            Event.FINISH,
            results=found.names,
            output=output.said,
            engine=output.engine or self.by.provider.label(job.request.model),
            cost_usd=output.cost_usd,
            took_s=took_s,
        )

    async def _sent(self, job: Job) -> Job:
        """Return the job as it stands once it was sent, by whomever."""
        check_waitable(job)
        if job.state is not State.INTENT:
            return job
        try:
            return await self._sent_now(job)
        except BaseException as error:
            lost = await self._reverted(job) if job.sends else None
            if lost and isinstance(error, KontextError):
                raise unknown(lost, error.problem, error.exit_code) from None
            raise

    async def _reverted(self, job: Job) -> Job | None:
        """Have a job that was to be sent again be unknown again, if it was not sent."""
        with suppress(StoreError):  # it went on, or whoever sends it next will see it
            # When it was sent is what one looks for in the service's history.
            sent_at = {"claimed_at": job.claimed_at, "owner": job.owner}
            return await journalled(self.desk, job, Event.REVERT, **sent_at)
        return None

    async def _sent_now(self, job: Job) -> Job:
        check_time()  # fifty large pictures take long to pack, and in vain
        inputs, notices = await asyncio.to_thread(self._packed, job)
        job = replace(job, notices=notices)
        try:
            taken = await self._submitted(job, inputs)
        except OutcomeUnknown as error:
            lost = await self._as_far_as_known(job)
            raise unknown(lost, error.problem, error.exit_code) from None
        except StoreError as error:
            now = await self._as_far_as_known(job)
            failed = now.state is State.INTENT or _is_left_here(now)
            if failed or error.may_have_been_charged:
                raise
            # Another kernel claimed it first: wait for that one's job.
            return await self._sent(await self._settled(now))
        check_waitable(taken)  # another kernel may have brought it to its end already
        return taken

    async def _submitted(self, job: Job, inputs: dict[str, Any]) -> Job:
        _sending.append(job.id)
        try:
            runner = await self._runner(job)
            return await runner.submit(job, inputs)
        finally:
            _sending.remove(job.id)

    async def _runner(self, job: Job) -> Runner[Part]:
        asked = job.request
        expected = partial(self.desk.ledger.expected_s, asked.provider, asked.model)
        return Runner(
            provider=self.by.provider,
            wire=self.by.wire,
            journal=partial(journalled, self.desk),
            shelf=self.desk.blobs.part,
            keep=self._verified,
            report=self.report,
            expected_s=await yielding(expected),
            poll_s=self.desk.settings.poll_s,
            most_bytes=MAX_PICTURE_BYTES if self.pictures_only else MAX_BYTES,
            deadline_s=patience.left_s(),
        )

    def _packed(self, job: Job) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the inputs as they travel, and what to say about that."""
        addresses, notices = {}, list(job.notices)
        for digest, blob in job.pictures.items():
            addresses[digest] = blob
            if not is_address(blob):
                packed = parcel.pack(pixels.load(self.desk.blobs.get(blob)))
                data = base64.b64encode(packed.png).decode()
                addresses[digest] = f"data:image/png;base64,{data}"
                notices += [packed.notice] if packed.notice else []
        return job.request.filled(addresses), tuple(dict.fromkeys(notices))

    async def _verified(self, part: Part, url: str, fetched: Fetched) -> str:
        """Keep what arrived if it is whole, and return the name it is kept by.

        A picture is decoded to its end: only that tells, as a length may be wrong. Of
        other media, which only `run` can bring, the announced length must have come.
        """
        suffix = media_suffix(url, fetched.media_type)
        if self.pictures_only or suffix is None:
            try:
                suffix = await asyncio.to_thread(_picture_suffix, part)
            except ImageRejected as error:
                raise BadReply(
                    f"The result is not a usable picture: {error.problem}", _FETCH_AGAIN
                ) from error
        elif not fetched.whole or not fetched.size:
            raise BadReply("The result is damaged or cut short.", _FETCH_AGAIN)
        return await asyncio.to_thread(part.keep, suffix)


def _picture_suffix(part: Part) -> str:
    with part.open() as file:
        return pixels.check_whole(file, "The file")


def _is_left_here(job: Job) -> bool:
    """Tell whether this process claimed a job, and is no longer sending it."""
    is_ours = job.state is State.SENDING and job.owner == owner.mine()
    return is_ours and job.id not in _sending


def _sender_is_gone(job: Job) -> bool:
    dead = owner.is_dead(job.owner or "")
    overdue = time.time() - (job.claimed_at or 0.0) > LEASE_S
    return overdue if dead is None else dead


def check_waitable(job: Job) -> None:
    """Raise what became of a job that can be neither sent nor waited for.

    Raises:
        EditFailed: It failed.
        EditCancelled: It was cancelled.
        ResultLost: Its result cannot be had any more.
        OutcomeUnknown: It was sent, and nobody knows what came of that.
    """
    if job.state in UNDER_WAY or job.state is State.DONE:
        return
    said = job.error or f"The job is {job.state}."
    if job.state is State.FAILED:
        raise EditFailed(said, "Run the edit again, with another prompt.")
    if job.state is State.CANCELLED:
        raise EditCancelled(said, "Run the edit again if you want it.")
    if job.state is State.EXPIRED:
        raise ResultLost(said, "Run the edit again to have it made anew.")
    raise unknown(job, "", OutcomeUnknown.exit_code)


def unknown(job: Job, reason: str, exit_code: int) -> OutcomeUnknown:
    """Return the error of a job that was sent and may have been accepted."""
    at = time.strftime("%H:%M:%S", time.localtime(job.claimed_at or job.created_at))
    price = price_text(job.estimate_usd)
    seed = f", {job.request.seed_text}" if job.request.seed_text else ""
    error = OutcomeUnknown(
        f"{reason} This edit may have been accepted and charged ({price}), sent at "
        f"{at}{seed}.".strip(),
        "It is not sent again by itself. Look in the service's history, then choose: "
        f"kx.resume({job.id!r}, request_id=…), resubmit=True or abandon=True; in a "
        f"shell: kontext-nb jobs resolve {job.id} --request-id R, --resubmit or "
        "--abandon.",
        may_have_been_charged=True,
    )
    error.exit_code = exit_code
    return error
