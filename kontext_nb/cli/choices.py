"""Options that all or several verbs have, and the settings that some of them change."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Any

import click

from kontext_nb.cli.speech import chosen
from kontext_nb.session.progress import hushed
from kontext_nb.session.settings import PROVIDERS, by_deadline, configure

_SETTINGS = ("provider", "budget_usd", "max_edits", "deadline_s", "poll_s")


class Finite(click.FloatRange):
    """A number of a range, and neither nan nor infinite, which fit into any."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a usable number.", param, ctx)
        return number


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value in (None, False):
        return
    chosen()[str(option.name)] = value
    if option.name == "quiet" or value == "json":
        context.find_root().with_resource(hushed())


_EVERYWHERE = (
    click.Option(
        ["--output"],
        type=click.Choice(["pretty", "json"]),
        help="json prints one compact line for scripts.",
        callback=_keep,
        expose_value=False,
    ),
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        help="Say nothing beside the answer.",
        callback=_keep,
        expose_value=False,
    ),
    click.Option(
        ["-v", "--verbose", "--debug", "debug"],
        is_flag=True,
        help="Show Python's traceback on a failure.",
        callback=_keep,
        expose_value=False,
    ),
)


def everywhere(command: click.Command) -> None:
    """Give a command and those below it the options that stand before or after them."""
    command.params.extend(_EVERYWHERE)
    # Said so, it is wrapped to the terminal in the list of commands, and not cut off.
    command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
    for below in getattr(command, "commands", {}).values():
        everywhere(below)


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
        type=Finite(0),
        metavar="USD",
        help="Cap on what this store's paid edits may cost, all told.",
    )
    @click.option(
        "--max-edits",
        type=click.IntRange(0),
        metavar="NUMBER",
        help="Cap on how many paid edits this store may send, all told.",
    )
    @click.option(
        "--deadline",
        "deadline_s",
        type=Finite(0, min_open=True),
        metavar="SECONDS",
        help="Seconds to wait; the job goes on after that.",
    )
    @wraps(command)
    def configured(**given: Any) -> None:
        chosen = {name: given.pop(name, None) for name in _SETTINGS}
        configure(**{name: v for name, v in chosen.items() if v is not None})
        by_deadline(command)(**given)

    return configured
