"""Options that every verb which may cost money has, and what they change."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from kontext_nb.session.settings import PROVIDERS, configure

_SETTINGS = ("provider", "budget_usd", "max_edits", "deadline_s", "poll_s")


def for_paid(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of an edit that may cost money, as settings."""

    @click.option(
        "--provider",
        type=click.Choice(PROVIDERS),
        help="Default: runcomfy if there is a token, else demo.",
    )
    @click.option(
        "--budget-usd",
        type=click.FloatRange(0),
        help="Cap on what this store's paid edits may cost, all told.",
    )
    @click.option(
        "--max-edits",
        type=click.IntRange(0),
        help="Cap on how many paid edits this store may send, all told.",
    )
    @click.option(
        "--deadline",
        "deadline_s",
        type=click.FloatRange(0, min_open=True),
        help="Seconds to wait; the job goes on after that.",
    )
    @wraps(command)
    def configured(**given: Any) -> None:
        poll_s = given.pop("poll_secs", None)
        chosen = {name: given.pop(name, None) for name in _SETTINGS[:-1]}
        chosen["poll_s"] = poll_s
        configure(**{name: v for name, v in chosen.items() if v is not None})
        command(**given)

    return configured
