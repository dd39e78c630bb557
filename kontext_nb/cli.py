"""The command ``kontext-nb``: the same engine for a shell.

On success stdout holds the answer and nothing else; notes go to stderr. On failure
stdout stays empty, stderr says in one line what is wrong and what to do, and the exit
code says whose fault it is (see `kontext_nb.errors`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kontext_nb import __version__
from kontext_nb.errors import KontextError, SetupIncomplete
from kontext_nb.model import ASPECT_RATIOS
from kontext_nb.session.settings import PROVIDERS, configure

USAGE_EXIT = 64
INTERRUPTED_EXIT = 130


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
def edit(
    picture: str,
    prompt: str,
    *,
    out: Path,
    seed: int | None,
    aspect_ratio: str | None,
    provider: str | None,
    refresh: bool,
) -> None:
    """Edit PICTURE (a file or an https address) as PROMPT says."""
    from kontext_nb import pixels
    from kontext_nb.session.asking import edit as edit_picture

    pixels.check_savable(out)
    if provider:
        configure(provider=provider)
    made = edit_picture(
        picture, prompt, seed=seed, aspect_ratio=aspect_ratio, refresh=refresh
    )
    for notice in made.notices:
        click.echo(notice, err=True)
    click.echo(f"{made.model} · seed {made.seed} · job {made.job}", err=True)
    click.echo(made.save(out))


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8787, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 600),
    default=0.0,
    help="How long an edit pretends to take.",
)
def serve(port: int, seconds: float) -> None:
    """Serve the demo engine on this machine, as if it were the RunComfy API."""
    try:
        import uvicorn
    except ImportError:
        raise SetupIncomplete(
            "serve needs uvicorn, which is not installed.",
            'Run: pip install "kontext-nb[serve]"',
        ) from None
    from kontext_nb.demo.app import create_app

    origin = f"http://127.0.0.1:{port}"
    click.echo(
        f"The demo engine is for other shells that say:\n"
        f"export RUNCOMFY_MODEL_API_BASE={origin}/v1 RUNCOMFY_TOKEN=demo-engine",
        err=True,
    )
    app = create_app(origin=origin, work_s=seconds)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def main() -> None:
    """Run the command and turn every ending into its exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE_EXIT)
    except (click.Abort, KeyboardInterrupt) as stopped:
        click.echo(str(stopped) or "Stopped.", err=True)
        sys.exit(INTERRUPTED_EXIT)
    except KontextError as error:
        job = f" (job {error.job})" if error.job else ""
        click.echo(f"{error}{job}", err=True)
        sys.exit(error.exit_code)
