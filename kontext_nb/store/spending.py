"""What paid edits cost so far, and the caps that no edit may pass.

What may have been charged counts as charged: an edit whose fate is unknown, one that
failed at the service, one whose result was given up. What certainly was not taken, and
everything the demo engine made, does not.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from kontext_nb.errors import LimitReached
from kontext_nb.model import Job, Limits

# Where the service told the cost it stands for one sending; the others, and those
# without a known cost, count as their estimate; an unknown estimate as today's price.
SPENT = """
    SELECT coalesce(sum(sends), 0) AS edits,
        coalesce(sum(
            coalesce(cost_usd, estimate_usd, :now_usd, 0) * (sends > 0)
            + coalesce(estimate_usd, :now_usd, cost_usd, 0) * max(sends - 1, 0)
        ), 0.0) AS usd,
        coalesce(sum(
            sends > 0 AND coalesce(cost_usd, estimate_usd, :now_usd) IS NULL
        ), 0) AS unpriced
    FROM jobs WHERE provider <> 'demo'
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the paid jobs of a store cost.

    Args:
        edits: Paid requests that the service may have taken.
        usd: US dollars, as far as prices are known.
        unpriced: How many jobs have no known price.
    """

    edits: int
    usd: float
    unpriced: int


def read(row: sqlite3.Row) -> Spent:
    """Return what a row of `SPENT` says."""
    return Spent(row["edits"], row["usd"], row["unpriced"])


def check(db: sqlite3.Connection, job: Job, limits: Limits) -> None:
    """Refuse a paid job that would pass a limit; call it in the claiming transaction.

    Raises:
        LimitReached: It would, or nobody knows whether it would.
    """
    if limits == Limits() or job.request.provider == "demo":
        return
    price = job.estimate_usd
    now = read(db.execute(SPENT, {"now_usd": price}).fetchone())
    if limits.max_edits is not None and now.edits + 1 > limits.max_edits:
        raise LimitReached(
            f"This store has sent {now.edits} paid edits, and max_edits is "
            f"{limits.max_edits}.",
            "Nothing was sent. Raise it with configure(max_edits=…) or --max-edits.",
        )
    if limits.budget_usd is None:
        return
    if price is None or not math.isfinite(price):
        raise LimitReached(
            f"The price of {job.request.model} is not known, and budget_usd is set.",
            "Nothing was sent. Set a token so that the price can be asked for, or "
            "limit the number with max_edits instead.",
        )
    # A sum of prices such as 0.1 misses its decimal value by a little.
    if now.usd + price > limits.budget_usd + 1e-9:
        raise LimitReached(
            f"This edit costs about ${price:.2f}; ${now.usd:.2f} of budget_usd "
            f"${limits.budget_usd:.2f} is spent or may be.",
            "Nothing was sent. Raise it with configure(budget_usd=…) or --budget-usd.",
        )
