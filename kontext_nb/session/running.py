"""Any model by its own inputs, as the command line's ``run`` gives them.

The same ledger stands behind it as behind an edit: it is sent once, its fate is known
or said to be unknown, and asking again goes back to what is open.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from kontext_nb import target
from kontext_nb.chain import Step
from kontext_nb.engine.stop import STOPPED
from kontext_nb.errors import NotSaved, StoreError
from kontext_nb.model import Job, echo
from kontext_nb.providers.runcomfy import addresses
from kontext_nb.session import settings
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import waited
from kontext_nb.session.making import finished, stopped
from kontext_nb.session.media import safe_stem
from kontext_nb.session.orders import Order

_SAME_NAME = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """A job of `run`.

    Args:
        desk: Where it is kept.
        step: Its step.
        found: Whether it was there before: then nothing was sent now.
    """

    desk: Desk
    step: Step
    found: bool

    @property
    def job(self) -> Job:
        """The job as it stands now."""
        return self.desk.ledger.job(self.step.job.id) or self.step.job


def placed(model: str, inputs: Mapping[str, Any], *, refresh: bool = False) -> Run:
    """Write a run down, or find the one that is open for the same inputs.

    Args:
        model: The model's id.
        inputs: By the model's own names. A picture may also be a local file's name or a
            data URI: it travels without its metadata.
        refresh: Have it made anew even where the store has it.

    Raises:
        InputRejected: The inputs do not fit the model; nothing was written.
        NotAuthorised: The provider needs a token.
    """
    desk = Desk(replace(settings.current(), model=model))
    seed = inputs.get("seed")
    order = Order(
        source="",
        prompt=None,
        chain=uuid.uuid4().hex,
        seed=seed if type(seed) is int else None,
        refresh=refresh,
        inputs=inputs,
    )
    step, found = desk.place(order)
    return Run(desk, step, found)


def sent(run: Run) -> Job:
    """Have a run sent, if it is not yet, and do not wait for its end."""
    engine = run.desk.engine_of(run.step.job)
    try:
        return waited(engine.bridge, run.desk.send(run.step))
    except STOPPED as pressed:
        raise stopped(run.desk, run.step, type(pressed)) from None


def collected(run: Run, *, download: bool = True) -> Job:
    """Wait for a run's end.

    Args:
        run: What was placed.
        download: False to leave its files at the service.
    """
    step = finished(run.desk, run.step, pictures_only=False, download=download)
    return step.job


def saved(desk: Desk, job: Job, folder: Path) -> tuple[Path, ...]:
    """Save a job's files and return where they are.

    They are called what the service calls them, as far as a name is safe. No file that
    is there already is replaced: one of the same bytes is taken as it is, beside any
    other the new one gets a number.

    Args:
        desk: Where the job is kept.
        job: DONE.
        folder: Made if it is not there.

    Raises:
        NotSaved: It cannot be written there; it says how to have the result still.
        StoreError: The result is missing from the store.
    """
    try:
        check_folder(folder)
        sent = job.pictures.values()  # some services repeat it, and it is no result
        urls = [url for url in addresses(output_of(job)) if url not in sent]
        # Files of the same bytes are kept once: which address a file had is lost then.
        named = urls if len(urls) == len(job.results) else []
        stems = chain(map(safe_stem, named), repeat("output"))
        return tuple(
            _copied(desk.blobs.path(name), folder, stem)
            for name, stem in zip(job.results, stems, strict=False)
        )
    except NotSaved as error:
        raise unsaved(error, job) from error


def check_folder(folder: Path) -> None:
    """Make the folder for a job's files; before the job is paid for, if it can be.

    Raises:
        NotSaved: It cannot be made, or takes no file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotSaved(
            f"The folder {echo(str(folder))} cannot be made: {error.strerror}.",
            "Give another one with --output-dir.",
        ) from error
    target.check_takes_files(folder)


def unsaved(error: NotSaved, job: Job) -> NotSaved:
    """Return the error for a job that is done and whose file cannot be written.

    The same command again would be another edit, and paid for, where it has no seed.
    """
    told = NotSaved(
        error.problem,
        f"The result is in the store; save it, free of charge, with: kontext-nb result "
        f"{job.id} --output-dir DIR",
        **job.told,
    )
    told.rerun_is_safe = False  # without a seed it would be another edit
    return told


def _copied(blob: Path, folder: Path, stem: str) -> Path:
    for number in range(_SAME_NAME):
        name = f"{stem}-{number}" if number else stem
        path = folder / f"{name}{blob.suffix}"
        if _created(path, blob) or _same(path, blob):
            return path
    raise NotSaved(
        f"{folder} has a thousand files called {stem}.", "Give another folder."
    )


def _created(path: Path, blob: Path) -> bool:
    """Copy a file to a name that nothing bears; return whether that was so."""
    if os.path.lexists(path):
        return False
    try:
        with target.creating(path) as (aside, _):
            _copy(blob, aside)
    except FileExistsError:  # somebody was quicker
        return False
    return True


def _copy(blob: Path, aside: Path) -> None:
    try:
        shutil.copyfile(blob, aside)
    except FileNotFoundError as error:
        raise StoreError(
            f"The result {blob.parent.name}{blob.name[:10]}… is missing.",
            "Run kontext-nb store verify.",
        ) from error


def _same(one: Path, other: Path) -> bool:
    """Return whether two files have the same bytes; one that cannot be read has not."""
    with suppress(OSError):
        return (
            one.is_file()
            and one.stat().st_size == other.stat().st_size
            and one.read_bytes() == other.read_bytes()
        )
    return False


def output_of(job: Job) -> Any:
    """Return the service's own description of a job's output."""
    return json.loads(job.output or "null")
