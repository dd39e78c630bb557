"""Options that several verbs have, and the settings that some of them change."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from kontext_nb.session.settings import PROVIDERS, by_deadline, configure

_SETTINGS = ("provider", "budget_usd", "max_edits", "deadline_s", "poll_s")

into_folder = click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Where the files go; made if it is not there.",
)


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
        chosen = {name: given.pop(name, None) for name in _SETTINGS}
        configure(**{name: v for name, v in chosen.items() if v is not None})
        by_deadline(command)(**given)

    return configured
