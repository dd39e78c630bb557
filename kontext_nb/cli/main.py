"""The command ``kontext-nb``: the same engine for a shell and for CI.

The exit code says whose fault a failure is (see `kontext_nb.errors`).
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import Any

import click

from kontext_nb import __version__
from kontext_nb.cli.account import balance, login, logout, whoami
from kontext_nb.cli.choices import everywhere
from kontext_nb.cli.completion import completion
from kontext_nb.cli.doctor import doctor
from kontext_nb.cli.editing import OUTPUT_EXIT, edit
from kontext_nb.cli.jobs import cancel, jobs, result, status
from kontext_nb.cli.linting import lint
from kontext_nb.cli.models import models
from kontext_nb.cli.running import run
from kontext_nb.cli.serving import serve
from kontext_nb.cli.speech import STDERR, STDOUT, failure, say
from kontext_nb.cli.store import store
from kontext_nb.errors import KontextError

UNEXPECTED_EXIT = 1
USAGE_EXIT = 64
INTERRUPTED_EXIT = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Edit pictures by instruction, with FLUX.1 Kontext or the offline demo engine."""


_COMMANDS = (
    *(edit, lint, run, status, result, cancel, jobs, models, store, serve),
    *(login, logout, whoami, balance, doctor, completion),
)
for _command in _COMMANDS:
    cli.add_command(_command)
everywhere(cli)


def main() -> None:
    """Run the command and turn every ending into its exit code."""
    given: dict[str, Any] = {}  # the options that every verb has
    _warn_in_one_line(given)
    try:
        cli.main(standalone_mode=False, obj=given)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.UsageError as error:
        lines = [f"Error: {error.format_message()}"]
        if error.ctx:
            more = f"Try {error.ctx.command_path} --help."
            lines = [error.ctx.get_usage(), *lines, more]
        failure("\n".join(lines))
        sys.exit(USAGE_EXIT)
    except click.Abort as stopped:
        # click puts it in the place of the KeyboardInterrupt that has the words.
        stop = stopped.__cause__
        failure(str(stop or "") or "Stopped.", getattr(stop, "told", None))
        sys.exit(INTERRUPTED_EXIT)
    except KontextError as error:
        if given.get("debug"):
            traceback.print_exc()  # beside the code and the last line, not instead
        job = f" (job {error.job})" if error.job else ""
        failure(f"{error}{job}", error)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in order
        if given.get("debug"):
            traceback.print_exc()
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        if full:  # ours are all typed: this is --help or --version
            say("", STDOUT)
        words = os.strerror(errno.ENOSPC) if full else type(error).__name__
        failure(f"It ended unexpectedly: {words}. Add --debug to see where.")
        sys.exit(OUTPUT_EXIT if full else UNEXPECTED_EXIT)


def _warn_in_one_line(given: Mapping[str, Any]) -> None:
    """Say no more of a warning than its words, unless Python's own way is wanted."""
    pythons = warnings.showwarning

    def warn(message: Warning | str, *more: Any, **named: Any) -> None:
        if given.get("debug"):
            pythons(message, *more, **named)
        else:  # where in the code it was raised helps nobody in a shell
            say(message, STDERR)

    warnings.showwarning = warn
