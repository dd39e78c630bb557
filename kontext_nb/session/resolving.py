"""What the user decides about a job: go back to it, or leave UNKNOWN by hand."""

from __future__ import annotations

import time

from kontext_nb.errors import ParameterRejected, ResultLost, ServiceError
from kontext_nb.lifecycle import TABLE, Event, State
from kontext_nb.model import Job, echo
from kontext_nb.providers.base import REQUEST_ID
from kontext_nb.session.desk import Desk
from kontext_nb.session.journal import written
from kontext_nb.store import unfiled

_SHORTEST = 6  # of an id's beginning, as people copy it from a list


def found(desk: Desk, name: str) -> Job:
    """Return a job by its id, the beginning of it, or the service's id.

    Raises:
        ParameterRejected: There is none, or several begin like that.
    """
    unfiled.take(desk.home, desk.ledger, time.time())
    if not isinstance(name, str):
        raise ParameterRejected(
            f"A job is named by text, not by {echo(name)}.", "Give its id, as Edit.job."
        )
    job = desk.ledger.job(name) or desk.ledger.job_of_request(name)
    if job:
        return job
    alike = [
        job
        for job in desk.ledger.jobs()
        if len(name) >= _SHORTEST and job.id.startswith(name)
    ]
    if len(alike) == 1:
        return alike[0]
    raise ParameterRejected(
        f"{'Several jobs begin' if alike else 'There is no job'} {echo(name)} in "
        f"{desk.home}.",
        "Ids are in error messages, in Edit.job, and in kontext-nb jobs --all.",
    )


def resolved(
    desk: Desk,
    job: Job,
    *,
    request_id: str | None = None,
    resubmit: bool = False,
    abandon: bool = False,
) -> Job:
    """Write down what the user decided about a job whose fate is unknown.

    Args:
        desk: Where the job is kept.
        job: In UNKNOWN; with ``abandon`` also one that was never sent.
        request_id: What the service calls it, as its history shows.
        resubmit: The user consents to its being sent, and perhaps charged, again.
        abandon: The user gives it up; what it may have cost stays counted.

    Returns:
        The row as it stands then; as it was if nothing was decided.

    Raises:
        ParameterRejected: More than one decision, an unusable or foreign id or one the
            service does not know, or a decision that is not open in the job's state.
    """
    decided = [
        event
        for event, chosen in (
            (Event.ACCEPT, request_id is not None),
            (Event.RESUBMIT, resubmit),
            (Event.ABANDON, abandon),
        )
        if chosen
    ]
    if not decided:
        return job
    if len(decided) > 1:
        raise ParameterRejected(
            "A job is given an id, sent again or abandoned, not several of them.",
            "Choose one.",
        )
    with desk.about(job):
        if (job.state, decided[0]) not in TABLE or job.state is State.SENDING:
            raise ParameterRejected(
                f"The job {job.id} is {job.state}: there is nothing to decide.",
                f"Ask for its result: kontext-nb result {job.id}.",
            )
        if request_id is not None:
            return _attached(desk, job, request_id)
        note = {"error": "Given up by the user."} if abandon else {}
        return written(desk, job, decided[0], **note)


def _attached(desk: Desk, job: Job, request_id: str) -> Job:
    if not REQUEST_ID.fullmatch(request_id):
        raise ParameterRejected(
            f"{echo(request_id)} is no request id.",
            "Copy it from the service's history: letters, digits, - and _.",
        )
    other = desk.ledger.job_of_request(request_id)
    if other and other.id != job.id:
        raise ParameterRejected(
            f"{echo(request_id)} is the id of another job of this store, {other.id}.",
            "Look for the one with the seed and the time of this job.",
        )
    _check_known(desk, job, request_id)
    return written(desk, job, Event.ACCEPT, request_id=request_id)


def _check_known(desk: Desk, job: Job, request_id: str) -> None:
    """Refuse an id the service does not know: with it, the job would end as expired.

    Raises:
        ParameterRejected: The service says so; one that says nothing is no reason.
        NotAuthorised: The service cannot be asked with the token and address there are.
    """
    by = desk.engine_of(job)
    try:
        by.ask(by.provider.status(request_id), by.provider.read_status)
    except ResultLost as error:
        raise ParameterRejected(
            f"The service does not know {echo(request_id)}: {error.problem}",
            "Copy the id from the service's history; the job is left as it was.",
        ) from None
    except ServiceError:
        pass
