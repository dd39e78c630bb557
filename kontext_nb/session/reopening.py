"""Back to a job of a chain, in the background: to wait for it, or after a decision."""

from __future__ import annotations

from kontext_nb.engine.bridge import Task
from kontext_nb.session.edits import Chain, Edit, Ended, Report
from kontext_nb.session.resolving import found, resolved


def reopened(
    chain: Chain,
    job: str,
    *,
    report: Report,
    ended: Ended,
    request_id: str | None = None,
    resubmit: bool = False,
    abandon: bool = False,
) -> Task[Edit] | None:
    """Do what `resume` does, for someone who cannot wait for it.

    Args:
        chain: The chain that the job was asked for in.
        job: Its id.
        report: See `Chain.begin`.
        ended: See `Chain.begin`.
        request_id: See `resume`.
        resubmit: See `resume`.
        abandon: See `resume`.

    Returns:
        What is waited for; None for a job that was given up.

    Raises:
        ParameterRejected: There is nothing to decide, or not like that.
    """
    desk = chain.desk
    kept = found(desk, job)
    resolved(desk, kept, request_id=request_id, resubmit=resubmit, abandon=abandon)
    step = desk.ledger.step_of_job(kept.id)
    if abandon or step is None:
        return None
    return chain.go_on(step, report=report, ended=ended)
