"""The command ``kontext-nb``: the same engine for a shell.

On success stdout holds the answer and nothing else; notes go to stderr. On failure
stdout stays empty, stderr says in one line what is wrong and what to do, and the exit
code says whose fault it is (see `kontext_nb.errors`).
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kontext_nb import __version__
from kontext_nb.errors import KontextError, ParameterRejected, SetupIncomplete
from kontext_nb.model import ASPECT_RATIOS, echo
from kontext_nb.session.settings import PROVIDERS, configure

if TYPE_CHECKING:
    import socket

STDOUT, STDERR = 1, 2
USAGE_EXIT = 64
OUTPUT_EXIT = 74
INTERRUPTED_EXIT = 130


def _say(text: object, descriptor: int) -> bool:
    """Write a line to stdout or stderr; never fail, but return whether it was taken."""
    try:
        click.echo(text, err=descriptor == STDERR)
    except (OSError, UnicodeError):
        # What is left in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        return False
    return True


def _note(text: object) -> None:
    """Say something beside the answer."""
    _say(text, STDERR)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Edit pictures by instruction, with FLUX.1 Kontext or the offline demo engine."""


@cli.command()
@click.argument("picture")
@click.argument("prompt")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where the result goes: .png, .jpg or .webp.",
)
@click.option("--seed", type=int, help="0 to 2147483647; else one is picked.")
@click.option("--aspect-ratio", type=click.Choice(ASPECT_RATIOS))
@click.option(
    "--provider",
    type=click.Choice(PROVIDERS),
    help="Default: runcomfy if there is a token, else demo.",
)
@click.option("--refresh", is_flag=True, help="Have it made anew even if it is stored.")
@click.option(
    "--force", is_flag=True, help="Replace OUT if it exists, but not PICTURE."
)
def edit(
    picture: str,
    prompt: str,
    *,
    out: Path,
    seed: int | None,
    aspect_ratio: str | None,
    provider: str | None,
    refresh: bool,
    force: bool,
) -> None:
    """Edit PICTURE (a file or an https address) as PROMPT says."""
    from kontext_nb.session.asking import edit as edit_picture

    _check_out(picture, out, force=force)
    if provider:
        configure(provider=provider)
    made = edit_picture(
        picture, prompt, seed=seed, aspect_ratio=aspect_ratio, refresh=refresh
    )
    saved = made.save(out)
    for notice in made.notices:
        _note(notice)
    _note(f"{made.model} · seed {made.seed} · job {made.job}")
    if seed is None:
        without = ", without --refresh" if refresh else ""
        _note(f"Again for free: add --seed {made.seed}{without}")
    if not _say(saved, STDOUT):
        _note(f"Saved as {echo(saved.name)}, but stdout does not take its name.")
        sys.exit(OUTPUT_EXIT)


def _check_out(picture: str, out: Path, *, force: bool) -> None:
    """Refuse, before anything is sent, to write where it would destroy something.

    Raises:
        ParameterRejected: No picture can be saved there, it is the very picture that
            is to be edited, or it exists and may not be replaced.
    """
    from kontext_nb.target import check_savable

    target = check_savable(out)
    same = False
    with suppress(OSError, ValueError, RuntimeError):  # no file, or none yet
        same = target.samefile(Path(picture).expanduser())
    if same:
        raise ParameterRejected(
            f"{echo(target.name)} is the picture itself, which would be lost.",
            "Give --out another name.",
        )
    if target.exists() and not force:
        raise ParameterRejected(
            f"{echo(target.name)} exists already.",
            "Give --out another name, or add --force to replace it.",
        )


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8787,
    show_default=True,
    help="0 takes any free one.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 600),
    default=0.0,
    help="How long an edit pretends to take.",
)
def serve(port: int, seconds: float) -> None:
    """Serve the demo engine on this machine, as if it were the RunComfy API."""
    import logging

    try:
        import uvicorn
    except ImportError:
        raise SetupIncomplete(
            "serve needs uvicorn, which is not installed.",
            # This works where the environment has no pip of its own, too.
            f"Run: python3 -m pip --python {shlex.quote(sys.executable)} "
            "install uvicorn",
        ) from None
    from kontext_nb.demo.app import create_app

    with _listening(port) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _note(
            "The demo engine is ready; Ctrl-C ends it. In another shell, say:\n"
            f"export RUNCOMFY_MODEL_API_BASE={origin}/v1\n"
            "export RUNCOMFY_TOKEN=demo-engine",
        )
        logging.basicConfig(format="%(message)s")
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
        app = create_app(origin=origin, work_s=seconds)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        with suppress(KeyboardInterrupt):
            server.run([listener])


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this machine's ``port``.

    Raises:
        SetupIncomplete: It is in use, or not for everybody.
    """
    import socket

    # asyncio sends small answers at once only on sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # else it would share a port that is in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise SetupIncomplete(
            f"Port {port} cannot be served: {error.strerror}.",
            "Give another one with --port, or --port 0 for any that is free.",
        ) from None
    return listener


def main() -> None:
    """Run the command and turn every ending into its exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE_EXIT)
    except click.Abort as stopped:
        # click puts it in the place of the KeyboardInterrupt that has the words.
        _note(str(stopped.__cause__ or "") or "Stopped.")
        sys.exit(INTERRUPTED_EXIT)
    except KontextError as error:
        job = f" (job {error.job})" if error.job else ""
        _note(f"{error}{job}")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # Ours are all typed: this is --help or --version, for a disk that is full.
        _say("", STDOUT)
        _note(f"{error.strerror}.")
        sys.exit(OUTPUT_EXIT)
