"""``kontext-nb login``, ``logout``, ``whoami`` and ``balance``."""

from __future__ import annotations

import os
import sys
import webbrowser
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from kontext_nb.cli.speech import STDERR, answer, note, say
from kontext_nb.session.settings import by_deadline

if TYPE_CHECKING:
    from kontext_nb.session.login import Pending

_ENVIRONMENT_WINS = "RUNCOMFY_TOKEN is set here and is used before the file's token."


@click.command()
@click.option("--web-base", metavar="URL", help="Instead of https://www.runcomfy.com.")
@click.option("--no-browser", is_flag=True, help="Only show the address.")
def login(web_base: str | None, *, no_browser: bool) -> None:
    """Log in to RunComfy with a code, and keep the token for this user."""
    from kontext_nb.session import keys
    from kontext_nb.session.login import begin, finish

    pending = begin(web_base)
    _show(pending)
    if not no_browser and _has_browser():
        _open(pending.grant.verify_url)
    path = finish(pending)
    answer({"logged_in": True, "file": str(path)}, f"Logged in. Token: {path}")
    if keys.in_environment():
        note(_ENVIRONMENT_WINS)


@click.command()
def logout() -> None:
    """Forget the stored token. It stays valid until it is revoked at RunComfy."""
    from kontext_nb.session import keys, tokens

    path, deleted = tokens.token_file(), tokens.delete()
    said = f"Logged out: {path} is deleted." if deleted else "No token was stored."
    answer({"logged_out": deleted, "file": str(path)}, said)
    if deleted:
        note(
            "The token itself still works; revoke it at runcomfy.com/profile if others "
            "may have it."
        )
    if keys.in_environment():
        note("RUNCOMFY_TOKEN is set here and is still used.")
    elif (left := tokens.kept_in()) is not None:
        note(f"The token in {left} is still used; delete it by hand.")


@click.command()
@by_deadline
def whoami() -> None:
    """Say whose token is in use, and where it was found."""
    from kontext_nb.session.account import whoami as ask

    found, token_from = ask()
    names = [found.display_name or found.username, found.email]
    who = " · ".join(name for name in names if name) or found.id
    answer(asdict(found) | {"token_from": token_from}, who)
    note(f"Token from {token_from}.")


@click.command()
@by_deadline
def balance() -> None:
    """Say what is left on the RunComfy account."""
    from kontext_nb.session.account import balance as ask

    left = ask()
    facts = {"balance": left.amount, "currency": left.currency}
    if left.amount is None:
        answer(facts, "unknown")
        note("The service did not give the balance as a number.")
    else:
        answer(facts, f"{left.amount:.2f} {left.currency}")


def _show(pending: Pending) -> None:
    """Show the code also to who wants quiet: nothing goes on without it."""
    minutes = max(1, round(pending.grant.expires_in_s / 60))
    unit = "minute" if minutes == 1 else "minutes"
    say(
        f"Open   {pending.grant.verify_url}\n"
        f"Type   {click.style(pending.grant.user_code, bold=True)}\n"
        f"Waiting for you to confirm it, for {minutes} {unit}; Ctrl-C gives up.",
        STDERR,
    )


def _has_browser() -> bool:
    """Return whether somebody sits here to see a browser open.

    Without a display Python would take one that fills this very terminal.
    """
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stderr.isatty() and bool(shown or sys.platform in ("darwin", "win32"))


def _open(url: str) -> None:
    """Open the page; the browser is not to inherit a token with the environment."""
    kept = os.environ.pop("RUNCOMFY_TOKEN", None)
    try:
        webbrowser.open(url)
    except webbrowser.Error:
        pass  # the address stands there to be opened by hand
    finally:
        if kept is not None:
            os.environ["RUNCOMFY_TOKEN"] = kept
