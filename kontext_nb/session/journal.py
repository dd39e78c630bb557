"""Every event of a job is written down before the next step is taken."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from kontext_nb.errors import BadReply, OutcomeUnknown, ServiceBusy, StoreError
from kontext_nb.lifecycle import Event
from kontext_nb.model import Job, Limits
from kontext_nb.store import owner, patience, place, unfiled

if TYPE_CHECKING:
    from kontext_nb.session.desk import Desk


def written(desk: Desk, job: Job, event: Event, **facts: Any) -> Job:
    """Write an event down and return the job's new row.

    Args:
        desk: Where the job is kept.
        job: Its row as the caller knows it.
        event: What happened.
        **facts: Fields of `Job` to set.

    Raises:
        LimitReached: It is to be sent, and would pass a cap of the user's.
        ServiceBusy: It is to be sent, and its time is over.
        OutcomeUnknown: It was given the id that another job has.
        StoreError: It could not be written, or is to be sent and there would be no
            room for its result. An id that the ledger did not take is kept
            in a file until it does.
    """
    now_s = time.time()
    if event is Event.SEND:
        check_time()
        if job.request.provider != "demo":
            place.check_room(desk.home)
        limits = Limits(desk.settings.budget_usd, desk.settings.max_edits)
        return desk.ledger.claim(job, now_s, owner=owner.mine(), limits=limits, **facts)
    try:
        if event is Event.ACCEPT:
            _check_new(desk, job, facts["request_id"])
        return desk.ledger.record(job, event, now_s, **facts)
    except StoreError:
        if event is Event.ACCEPT:
            unfiled.put(desk.home, job.id, facts["request_id"])
        raise


def check_time() -> None:
    """Refuse to send a job once its time is over: nobody would hear the answer.

    Raises:
        ServiceBusy: It is.
    """
    if not patience.left_s():
        raise ServiceBusy(
            "The deadline passed before the edit was sent.",
            "Re-run to send it, with a longer deadline; nothing was charged.",
        )


async def journalled(desk: Desk, job: Job, event: Event, **facts: Any) -> Job:
    """Do on the engine's loop what `written` does; see `Journal` in `engine.runner`.

    While another program holds the ledger, the loop's other jobs go on.
    """
    work = partial(written, desk, job, event, **facts)
    return await patience.yielding(work, to_its_end=event is not Event.SEND)


def _check_new(desk: Desk, job: Job, request_id: str) -> None:
    """Refuse an id that another job has: its picture would be taken for this one's."""
    other = desk.ledger.job_of_request(request_id)
    if other is None or other.id == job.id:
        return
    problem = f"The service answered with the id of another edit, job {other.id}."
    written(desk, job, Event.LOSE, error=problem)
    error = OutcomeUnknown(problem, "", may_have_been_charged=True)
    error.exit_code = BadReply.exit_code
    raise error
