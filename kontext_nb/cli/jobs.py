"""``kontext-nb jobs``, ``status``, ``result``, ``cancel``: what was asked before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kontext_nb.cli.choices import into_folder
from kontext_nb.cli.speech import answer, note
from kontext_nb.model import echo
from kontext_nb.session.settings import by_deadline

if TYPE_CHECKING:
    from kontext_nb.model import Job

_ID_CHARS, _PROMPT_CHARS = 8, 34


@click.group(invoke_without_command=True)
@click.option("--all", "ended", is_flag=True, help="Also those that have ended.")
@click.pass_context
@by_deadline
def jobs(context: click.Context, *, ended: bool) -> None:
    """List the jobs that are open, and those that may have been charged."""
    if context.invoked_subcommand is not None:
        return
    from kontext_nb.session.jobs import facts, listed

    found = listed(ended=ended)
    lines = [_line(job) for job in found.jobs]
    empty = "No jobs." if ended else "No open jobs; --all lists those that have ended."
    answer([facts(job) for job in found.jobs], "\n".join(lines) or empty)
    spent = found.spent
    if spent.edits:
        unpriced = f", {spent.unpriced} without a known price" if spent.unpriced else ""
        plural = "s" if spent.edits > 1 else ""
        note(f"{spent.edits} paid request{plural}, ${spent.usd:.2f} so far{unpriced}.")
    if any(job.state == "unknown" for job in found.jobs):
        note(
            "unknown: it may have been accepted and charged, and is never sent again "
            "by itself.\nLook in the service's history, then: kontext-nb jobs resolve "
            "JOB --request-id R,\n--resubmit (it may be charged twice), or --abandon."
        )


def _line(job: Job) -> str:
    """Return a job as one line of at most 80 characters."""
    import time

    when = time.strftime("%d %b %H:%M", time.localtime(job.created_at))
    model = job.request.model.partition("/")[2] or job.request.model
    words = " ".join((job.request.prompt or model).split())
    if len(words) > _PROMPT_CHARS:
        words = words[: _PROMPT_CHARS - 1] + "…"
    if not words.isprintable():  # run lets any text through to a model
        words = echo(words)
    head = f"{job.id[:_ID_CHARS]}  {job.state:<9}  {when}"
    return f"{head}  {words}  {job.request.seed_text}".rstrip()


@jobs.command()
@click.argument("job")
@click.option("--request-id", help="What the service calls it, as its history shows.")
@click.option("--resubmit", is_flag=True, help="Send it again: may be charged twice.")
@click.option("--abandon", is_flag=True, help="Give it up; its cost stays counted.")
@click.option("--no-wait", is_flag=True, help="Write it down, and do not wait.")
@by_deadline
def resolve(
    job: str, *, request_id: str | None, resubmit: bool, abandon: bool, no_wait: bool
) -> None:
    """Say what is to become of JOB, which may have been accepted and charged."""
    from kontext_nb.session import jobs as session

    kept = session.resolve(
        job, request_id=request_id, resubmit=resubmit, abandon=abandon
    )
    if not (abandon or no_wait):
        kept = session.collected(kept)
    answer(session.record(kept))
    if kept.results:
        note(f"Save it: kontext-nb result {kept.id} --output-dir DIR")


@click.command()
@click.argument("job")
@by_deadline
def status(job: str) -> None:
    """Say where JOB is: a job's id, its beginning, or the service's id."""
    from kontext_nb.session.jobs import status as ask

    answer(ask(job))


@click.command()
@click.argument("job")
@into_folder
@click.option("--no-download", is_flag=True, help="Save no file.")
@by_deadline
def result(job: str, *, output_dir: Path, no_download: bool) -> None:
    """Wait for JOB, save its files, and print its record."""
    from kontext_nb.session import jobs as session

    kept = session.collected(session.job(job), download=not no_download)
    if not no_download:
        for path in session.saved(kept, output_dir):
            note(f"saved {path}")
    answer(session.record(kept))


@click.command()
@click.argument("job")
@by_deadline
def cancel(job: str) -> None:
    """Cancel JOB if it is still queued, and say what came of it."""
    from kontext_nb.session.jobs import cancel as ask

    told: dict[str, Any] = ask(job)
    answer(told)
    if told["outcome"] != "cancelled":
        note("It could not be cancelled: it goes on, or has ended, and may be charged.")
