"""What a model is sent, by its own names."""

from __future__ import annotations

from typing import Any

from kontext_nb.model import (
    checked_aspect_ratio,
    checked_prompt,
    checked_seed,
    picture_mark,
)
from kontext_nb.session.orders import Order


def inputs_of(order: Order, digest: str) -> dict[str, Any]:
    """Return an order as a model's inputs.

    Args:
        order: What the user wants.
        digest: Of its source.

    Raises:
        PromptRejected: The instruction cannot be used.
        ParameterRejected: Something else of it.
    """
    checked_aspect_ratio(order.aspect_ratio)
    inputs = {
        "prompt": checked_prompt(order.prompt),
        "image_url": picture_mark(digest),
        "seed": checked_seed(order.seed),
        "aspect_ratio": order.aspect_ratio,
    }
    return {name: value for name, value in inputs.items() if value is not None}
