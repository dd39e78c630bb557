"""What the command says, and where: the answer on stdout, all else on stderr.

On failure stdout stays empty, and the last line of stderr is one JSON object for
scripts, after the sentence for people.
"""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import click

from kontext_nb.errors import KontextError

STDOUT, STDERR = 1, 2


def say(text: object, descriptor: int) -> bool:
    """Write a line to stdout or stderr; never fail, but return whether it was taken."""
    try:
        click.echo(text, err=descriptor == STDERR)
    except (OSError, UnicodeError):
        # What is left in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        return False
    return True


def chosen() -> dict[str, Any]:
    """Return what the options that every verb has say; see `choices.everywhere`."""
    context = click.get_current_context(silent=True)
    return context.find_root().ensure_object(dict) if context else {}


def note(text: object) -> None:
    """Say something beside the answer, unless told to be quiet."""
    if not chosen().get("quiet"):
        say(text, STDERR)


def answer(facts: Any, text: object = None) -> bool:
    """Give the answer on stdout, and return whether stdout took it.

    Args:
        facts: What ``--output json`` prints, on one line.
        text: What people read instead; None for the facts as indented JSON.
    """
    if chosen().get("output") == "json":
        return say(json.dumps(facts, ensure_ascii=False), STDOUT)
    if text is None:
        text = json.dumps(facts, ensure_ascii=False, indent=2)
    return say(text, STDOUT)


def failure(sentence: object, error: KontextError | None = None) -> None:
    """Say what is wrong: a sentence for people, then one line of JSON for scripts."""
    say(sentence, STDERR)
    facts = {
        "error": type(error).__name__ if error else None,
        "state": error.state if error else None,
        "job": error.job if error else None,
        "request_id": error.request_id if error else None,
        "rerun_is_safe": error is None or error.rerun_is_safe,
        "may_have_been_charged": bool(error and error.may_have_been_charged),
    }
    # Nothing is to follow it, whatever Python finds when it ends.
    warnings.simplefilter("ignore")
    say(json.dumps(facts, ensure_ascii=True), STDERR)
