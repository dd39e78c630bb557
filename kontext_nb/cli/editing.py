"""``kontext-nb edit``: one picture, one instruction, one file."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kontext_nb.cli.choices import for_paid
from kontext_nb.cli.speech import answer, failure, note
from kontext_nb.errors import NotSaved, ParameterRejected
from kontext_nb.model import echo

if TYPE_CHECKING:
    from kontext_nb.session.edits import Edit

OUTPUT_EXIT = 74


@click.command()
@click.argument("picture")
@click.argument("prompt")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where the result goes: .png, .jpg or .webp.",
)
@click.option("--seed", type=int, help="Mostly 0 to 2147483647; else one is picked.")
@click.option("--aspect-ratio", help="Such as 16:9; else the picture's own.")
@click.option("--model", help="Another model's id: see kontext-nb models list.")
@click.option(
    "--preserve", is_flag=True, help="Take only the change over into PICTURE."
)
@click.option(
    "--prefit", is_flag=True, help="Pad it for the service, so that nothing is cropped."
)
@click.option("--refresh", is_flag=True, help="Have it made anew even if it is stored.")
@click.option(
    "--force", is_flag=True, help="Replace OUT if it exists, but not PICTURE."
)
@for_paid
def edit(
    picture: str,
    prompt: str,
    *,
    out: Path,
    seed: int | None,
    aspect_ratio: str | None,
    model: str | None,
    preserve: bool,
    prefit: bool,
    refresh: bool,
    force: bool,
) -> None:
    """Edit PICTURE (a file or an https address) as PROMPT says."""
    from kontext_nb.session.asking import edit as edit_picture
    from kontext_nb.session.jobs import cost_text
    from kontext_nb.session.running import unsaved

    _check_out(picture, out, force=force)
    made = edit_picture(
        picture,
        prompt,
        seed=seed,
        aspect_ratio=aspect_ratio,
        model=model,
        refresh=refresh,
        preserve=preserve,
        prefit=prefit,
    )
    try:
        saved = made.save(out, replace=force)
    except NotSaved as error:
        raise unsaved(error, made.step.job) from error
    for notice in made.notices:
        note(notice)
    job = made.step.job
    told = (made.model, job.request.seed_text, f"job {job.id}{cost_text(job)}")
    note(" · ".join(filter(None, told)))
    if made.line_of_change:
        note(made.line_of_change)
    if seed is None and made.seed is not None:
        without = ", without --refresh" if refresh else ""
        note(f"Again for free: add --seed {made.seed}{without}")
    if not answer(_facts(made, saved), saved):
        failure(f"Saved as {echo(saved.name)}, but stdout does not take its name.")
        sys.exit(OUTPUT_EXIT)


def _check_out(picture: str, out: Path, *, force: bool) -> None:
    """Refuse, before anything is sent, to write where it would destroy something.

    Raises:
        ParameterRejected: No picture can be saved there, it is the very picture that
            is to be edited, or it exists and may not be replaced.
        NotSaved: Its folder takes no file.
    """
    from kontext_nb.target import check_savable, check_takes_files

    target = check_savable(out)
    same = False
    with suppress(OSError, ValueError, RuntimeError):  # no file, or none yet
        same = target.samefile(Path(picture).expanduser())
    if same:
        raise ParameterRejected(
            f"{echo(target.name)} is the picture itself, which would be lost.",
            "Give --out another name.",
        )
    if os.path.lexists(target) and not force:
        raise ParameterRejected(
            f"{echo(target.name)} exists already.",
            "Give --out another name, or add --force to replace it.",
        )
    check_takes_files(target.parent)


def _facts(made: Edit, saved: Path) -> dict[str, Any]:
    return {
        "file": str(saved),
        "model": made.model,
        "seed": made.seed,
        "job": made.job,
        "reused": made.reused,
        "cost_usd": made.cost_usd,
        "not_preserved": made.kept or None,
        "change": {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in made.change_columns.items()
        },
    }
