"""``kontext-nb run``: any model by its own inputs, for scripts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from kontext_nb.cli.choices import Finite, for_paid, into_folder
from kontext_nb.cli.speech import answer, note
from kontext_nb.errors import ParameterRejected
from kontext_nb.model import echo

LEAST_POLL_S = 1.0


@click.command()
@click.argument("model_id")
@click.option("--input", "inputs", help="The model's inputs, as a JSON object.")
@click.option("--input-file", help="A file of the same; - reads standard input.")
@into_folder
@click.option("--no-wait", is_flag=True, help="Send it, print its id, and end.")
@click.option("--no-download", is_flag=True, help="Print the output, fetch no file.")
@click.option(
    "--poll-secs",
    "poll_s",
    type=Finite(0),
    callback=lambda _, __, given: None if given is None else max(LEAST_POLL_S, given),
    metavar="SECONDS",
    help="Ask no more often; less than 1 is taken as 1.",
)
@click.option("--refresh", is_flag=True, help="Have it made anew even if it is stored.")
@for_paid
def run(
    model_id: str,
    *,
    inputs: str | None,
    input_file: str | None,
    output_dir: Path,
    no_wait: bool,
    no_download: bool,
    refresh: bool,
) -> None:
    """Run MODEL_ID and print its output; its files are saved beside.

    Asking again for what is still open goes back to it: nothing is sent twice. Pictures
    in the inputs may be https addresses or data URLs; and files of this machine, where
    it is known which input takes a picture.
    """
    from kontext_nb.session import jobs, running

    given = _inputs(inputs, input_file)
    if not (no_wait or no_download):
        running.check_folder(output_dir)
    order = running.placed(model_id, given, refresh=refresh)
    if no_wait:
        job = running.sent(order)
        answer({"request_id": job.request_id, "wait": False})
        note(f"Its result, later: kontext-nb result {job.id}")
        return
    job = running.collected(order, download=not no_download)
    for notice in job.notices:
        note(notice)
    if order.found and job.results:
        note("Taken from the store: nothing was sent or charged.")
    if not no_download:
        for path in running.saved(order.desk, job, output_dir):
            note(f"saved {path}")
    note(f"job {job.id}" + jobs.cost_text(job))
    answer(running.output_of(job))


def _inputs(given: str | None, file: str | None) -> dict[str, Any]:
    """Read the inputs from wherever they stand.

    Raises:
        ParameterRejected: They stand in two places, or cannot be read.
    """
    from kontext_nb.schema import read_inputs

    if given is not None and file is not None:
        raise ParameterRejected(
            "The inputs are given by --input and by --input-file.", "Give one of them."
        )
    if file is None:
        return read_inputs(given or "{}")
    if file == "-":
        return read_inputs(sys.stdin.buffer.read())
    path = Path(os.path.expanduser(file))  # noqa: PTH111 - Path.expanduser raises
    if not path.is_file():  # to open a pipe would wait for ever
        raise ParameterRejected(
            f"There is no file {echo(file)}.", "Check its name, or use - for stdin."
        )
    try:
        return read_inputs(path.read_bytes())
    except OSError as error:
        raise ParameterRejected(
            f"The file {echo(file)} cannot be read: {error.strerror}.",
            "Check its permissions.",
        ) from None
