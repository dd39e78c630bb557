"""Every event of a job is written down before the next step is taken.

The ledger's row is what counts. A record beside it lets a lost ledger be rebuilt, so it
is there before anything is paid for, and before a row says that there is a result.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event, after
from kontext_nb.model import Job, Limits
from kontext_nb.store import owner, unfiled

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
        StoreError: It could not be written. An id that the ledger did not take is kept
            in a file until it does.
    """
    now_s = time.time()
    if event is Event.SEND:
        return _claimed(desk, job, now_s, facts)
    if event is Event.FINISH:
        ended = replace(job, state=after(job.state, event), finished_at=now_s, **facts)
        _recorded(desk, ended)
        return desk.ledger.record(job, event, now_s, **facts)
    try:
        made = desk.ledger.record(job, event, now_s, **facts)
    except StoreError:
        if event is Event.ACCEPT:
            unfiled.put(desk.home, job.id, facts["request_id"])
        raise
    with suppress(StoreError):  # the row stands
        _recorded(desk, made)
    return made


def _claimed(desk: Desk, job: Job, now_s: float, facts: dict[str, Any]) -> Job:
    settings = desk.settings
    limits = Limits(settings.budget_usd, settings.max_edits)
    claimed = desk.ledger.claim(job, now_s, owner=owner.mine(), limits=limits, **facts)
    try:
        _recorded(desk, claimed)
    except StoreError:
        # Nothing was sent, and nothing will be.
        desk.ledger.record(claimed, Event.WITHDRAW, now_s)
        raise
    return claimed


def _recorded(desk: Desk, job: Job) -> None:
    desk.records.write(job, desk.ledger.steps_of_job(job.id))
