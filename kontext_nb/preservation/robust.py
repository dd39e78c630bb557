"""Fits in which what differs too much loses its say."""

from __future__ import annotations

import numpy as np

from kontext_nb.preservation.planes import Array


def cauchy_weights(left: Array, least_scatter: float) -> Array:
    """Return how much each of what a fit leaves over counts in the next one.

    The weights are those of Cauchy, for a scatter of one and a half medians.

    Args:
        left: What the fit does not explain.
        least_scatter: A smaller scatter counts as this one.
    """
    scatter = max(least_scatter, 1.5 * float(np.median(np.abs(left))))
    weights: Array = 1 / (1 + (left / scatter) ** 2)
    return weights
