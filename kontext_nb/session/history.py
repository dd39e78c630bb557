"""The instructions that were given before, to be given again or changed a little."""

from __future__ import annotations

from kontext_nb.session.desk import Desk

MOST = 200


def prompts(desk: Desk, chain: str) -> list[str]:
    """Return earlier instructions, the newest first: the chain's, then the store's.

    Args:
        desk: Where they are kept.
        chain: Id of the chain whose own come first.
    """
    own = [step.job for step in reversed(desk.ledger.chain(chain))]
    told = (job.request.prompt for job in (*own, *desk.ledger.jobs()))
    return list(dict.fromkeys(filter(None, told)))[:MOST]
