"""The jobs of a store, and those the service knows: list, ask, cancel."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kontext_nb.engine.pace import CANCEL_TIMEOUT_S
from kontext_nb.errors import (
    BadReply,
    KontextError,
    OutcomeUnknown,
    ParameterRejected,
    ResultLost,
    ServiceBusy,
    ServiceError,
    StoreError,
)
from kontext_nb.lifecycle import CAME_TO_NOTHING, Event, State
from kontext_nb.model import Job
from kontext_nb.providers.base import READ_TIMEOUT_S, REQUEST_ID, Phase, Status
from kontext_nb.session import running, settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import Engine, engine
from kontext_nb.session.errand import unknown
from kontext_nb.session.journal import written
from kontext_nb.session.making import finished
from kontext_nb.session.resolving import found, resolved
from kontext_nb.store.patience import within
from kontext_nb.store.spending import Spent

CANCEL_TRIES = 3  # a second one does no harm
_ENDED = CAME_TO_NOTHING | {State.DONE}
_WORDS = {Phase.QUEUED: "in_queue", Phase.RUNNING: "in_progress"}
# A job's own state in the service's words, where the service need not be asked.
_TOLD = {
    State.DONE: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """The jobs of a store.

    Args:
        jobs: Newest first.
        spent: What the paid ones cost, all told.
    """

    jobs: tuple[Job, ...]
    spent: Spent


def listed(*, ended: bool = False) -> Listed:
    """Return the store's open jobs and those whose fate is unknown.

    Args:
        ended: Also those that are done, failed, cancelled or expired.
    """
    desk = Desk(settings.current())
    wanted = frozenset(State) if ended else frozenset(State) - _ENDED
    return Listed(desk.ledger.jobs(*wanted), desk.ledger.spent())


def facts(job: Job) -> dict[str, Any]:
    """Return what there is to know of a job, for a script."""
    asked = job.request
    at = datetime.fromtimestamp(job.created_at, UTC).isoformat(timespec="seconds")
    return {
        "job": job.id,
        "state": job.state.value,
        "model_id": asked.model,
        "provider": asked.provider,
        "prompt": asked.prompt,
        "seed": asked.seed,
        "request_id": job.request_id,
        "created_at": at,
        "estimate_usd": job.estimate_usd,
        "cost_usd": job.cost_usd,
        "may_have_been_charged": job.may_have_been_charged,
        "error": job.error,
    }


def record(job: Job) -> dict[str, Any]:
    """Return a job in the words of the service's own record."""
    output = {"output": running.output_of(job)} if job.output else {}
    return {
        "request_id": job.request_id,
        "status": _TOLD.get(job.state, job.state.value),
        **output,
        **facts(job),
    }


def status(name: str) -> dict[str, Any]:
    """Ask where a job is, if it is under way; it need not be this store's.

    Args:
        name: The job's id, the beginning of it, or the service's id.

    Raises:
        ParameterRejected: It is neither a job nor an id.
        ServiceError: The service did not say.
    """
    desk = Desk(settings.current())
    job = _job(desk, name)
    if job and job.state not in (State.SUBMITTED, State.RUNNING):
        return record(job)
    request_id = (job and job.request_id) or name
    with desk.about(job):
        by = desk.engine_of(job) if job else engine(desk.settings)
        said = by.ask(by.provider.status(request_id), by.provider.read_status)
    place = (
        {} if said.queue_position is None else {"queue_position": said.queue_position}
    )
    more = facts(_learned(desk, job, said)) if job else {}
    return {"request_id": request_id, "status": _word(said), **place, **more}


def _learned(desk: Desk, job: Job, said: Status) -> Job:
    """Write down what the service says of a job, and return it as it stands then.

    One that has ended is collected, as far as that goes within the time of a question:
    without its result nobody could say that it is done.
    """
    step = desk.ledger.step_of_job(job.id)
    with suppress(KontextError), within(READ_TIMEOUT_S):  # what was said stands
        if said.phase is Phase.ENDED and step:
            return finished(desk, step, pictures_only=False).job
        if said.phase is Phase.RUNNING and job.state is State.SUBMITTED:
            return written(desk, job, Event.START)
    return desk.ledger.job(job.id) or job


def cancel(name: str) -> dict[str, Any]:
    """Cancel a job that is still queued, and say what came of it.

    A result that was there already is kept: it was paid for.

    Args:
        name: As for `status`.

    Raises:
        OutcomeUnknown: Its id is not known, so there is nothing to cancel it by.
        ServiceError: The service did not say.
    """
    desk = Desk(settings.current())
    job = _job(desk, name)
    if job is None:
        by = engine(desk.settings)
        told, done = {"request_id": name}, _cancelled(by, name)
    else:
        with desk.about(job):
            job, done = _stopped(desk, job)
        told = record(job)
    return told | {"outcome": "cancelled" if done else "not_cancellable"}


def _stopped(desk: Desk, job: Job) -> tuple[Job, bool]:
    """Cancel a job; return it as it stands then, and whether it is cancelled."""
    if job.state is State.INTENT:
        job = resolved(desk, job, abandon=True)
    if job.state in (State.UNKNOWN, State.SENDING):
        raise unknown(job, "", OutcomeUnknown.exit_code)
    if job.state in _ENDED:
        return job, job.state is State.CANCELLED
    by, request_id = desk.engine_of(job), job.request_id or ""
    lost: ServiceError | None = None
    done = False
    try:
        done = _cancelled(by, request_id)
    except ResultLost:
        pass  # some services forget what has ended: its status tells
    except (ServiceBusy, BadReply) as error:
        lost = error  # it may have done its work all the same
    if done:
        return _noted(desk, job), True
    try:
        said = by.ask(by.provider.status(request_id), by.provider.read_status)
    except ServiceError as error:
        raise (lost or error) from None
    job = _learned(desk, job, said)
    if lost and job.state is State.SUBMITTED:  # it is not known to be too late
        raise lost
    return job, job.state is State.CANCELLED


def _cancelled(by: Engine, request_id: str) -> bool:
    """Ask the service to cancel, which may be asked for again, and read its answer."""
    call = by.provider.cancel(request_id)
    return by.ask(call, by.provider.read_cancel, CANCEL_TIMEOUT_S, tries=CANCEL_TRIES)


def _noted(desk: Desk, job: Job) -> Job:
    """Return a job that the service has cancelled, also if no disk takes that."""
    with suppress(StoreError):
        return written(desk, job, Event.CANCEL)
    with suppress(StoreError), within(0):
        now = desk.ledger.job(job.id)
        if now and now.state in _ENDED:  # in that moment
            return now
    warnings.warn(
        f"The job {job.id} is cancelled, which the store did not take: a re-run finds "
        "it out.",
        stacklevel=4,
    )
    return replace(job, state=State.CANCELLED)


def job(name: str) -> Job:
    """Return a job of the store by its id, the beginning of it, or the service's id.

    Raises:
        ParameterRejected: There is none.
    """
    return found(Desk(settings.current()), name)


def resolve(name: str, *, request_id: str | None, resubmit: bool, abandon: bool) -> Job:
    """Write down what the user decided about a job; see `resolved`.

    Raises:
        ParameterRejected: Nothing was decided, or it cannot be.
    """
    if request_id is None and not resubmit and not abandon:
        raise ParameterRejected(
            "Nothing was decided.", "Give --request-id, --resubmit or --abandon."
        )
    desk = Desk(settings.current())
    return resolved(
        desk,
        found(desk, name),
        request_id=request_id,
        resubmit=resubmit,
        abandon=abandon,
    )


def collected(kept: Job, *, download: bool = True) -> Job:
    """Wait for a job's end and return it as it stands then.

    Raises:
        KontextError: See `errors`.
    """
    desk = Desk(settings.current())
    step = desk.ledger.step_of_job(kept.id)
    if step is None:
        return kept
    return finished(desk, step, pictures_only=False, download=download).job


def saved(kept: Job, folder: Path) -> tuple[Path, ...]:
    """Save a job's files; see `running.saved`."""
    return running.saved(Desk(settings.current()), kept, folder)


def cost_text(kept: Job) -> str:
    """Say what a job cost, as far as that is known."""
    return "" if kept.request.provider == "demo" else f" · {kept.cost_text}"


def _job(desk: Desk, name: str) -> Job | None:
    """Return the store's job of that name; None for what may be the service's own id.

    Raises:
        ParameterRejected: It is neither.
    """
    try:
        return found(desk, name)
    except ParameterRejected:
        # The demo engine knows no job but this process's own.
        if not REQUEST_ID.fullmatch(name) or engine(desk.settings).free:
            raise
        return None


def _word(said: Status) -> str:
    return _WORDS.get(said.phase, "completed")
