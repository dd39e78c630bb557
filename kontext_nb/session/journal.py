"""Every event of a job is written down before the next step is taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kontext_nb.errors import StoreError
from kontext_nb.lifecycle import Event
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
        limits = Limits(desk.settings.budget_usd, desk.settings.max_edits)
        return desk.ledger.claim(job, now_s, owner=owner.mine(), limits=limits, **facts)
    try:
        return desk.ledger.record(job, event, now_s, **facts)
    except StoreError:
        if event is Event.ACCEPT:
            unfiled.put(desk.home, job.id, facts["request_id"])
        raise
