"""The desk where an order becomes a step: look it up, or have it made and keep it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.engine.runner import Runner
from kontext_nb.errors import (
    BadReply,
    ImageRejected,
    NotAuthorised,
    OutcomeUnknown,
    StoreError,
)
from kontext_nb.lifecycle import Event, State
from kontext_nb.model import SEED_MAX, EditRequest, Job, Progress, echo
from kontext_nb.pixels import Picture
from kontext_nb.session import cell as cells
from kontext_nb.session.engines import Engine, engine
from kontext_nb.session.settings import Settings
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger

# An answer takes a second or two; after that, whoever was sending it has crashed.
SENDING_S = 5.0

# Jobs of these states are worth going back to; the others are asked for anew.
_WORTH_KEEPING = frozenset(State) - {State.FAILED, State.CANCELLED, State.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the user wants, before it is known whether it must be made.

    Args:
        source: The picture, or the https address it has.
        prompt: The instruction.
        chain: Id of the chain the step belongs to.
        parent: The step the source came from; None for a chain's first picture.
        seed: None for any.
        aspect_ratio: None to follow the source.
        cell: The cell that asks, if one does.
        refresh: Have it made anew even where the store has it.
    """

    source: Picture | str
    prompt: str
    chain: str
    parent: str | None = None
    seed: int | None = None
    aspect_ratio: str | None = None
    cell: cells.Cell | None = None
    refresh: bool = False


class Desk:
    """The store and the engine for one set of settings.

    Args:
        settings: Read once; they stay what they are for everything made here.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home or home_folder()
        self.blobs = Blobs(self.home / "blobs")
        self.ledger = Ledger(self.home / "ledger.sqlite3")

    def engine(self) -> Engine:
        """Return the engine; the demo's code loads here, at the first order."""
        return engine(self.settings)

    def place(self, order: Order) -> tuple[Step, bool]:
        """Find the step this order already has, or write a new one down.

        Returns:
            The step, and whether it was there before: then nothing is paid for.

        Raises:
            InputRejected: The order cannot be sent as it is; nothing was written.
        """
        digest, blob = self._kept(order.source)
        asked = EditRequest(
            source=digest,
            prompt=order.prompt,
            seed=order.seed,
            aspect_ratio=order.aspect_ratio,
            model=self.settings.model,
            provider=self.engine().provider.name,
        )
        call = cells.next_call(order.cell, asked.fingerprint)
        if not order.refresh:
            found = self.ledger.step_of_call(call, asked.fingerprint) if call else None
            if found and found.job.state in _WORTH_KEEPING:
                return found, True
        self._make_home()
        seed = asked.seed if asked.seed is not None else secrets.randbelow(SEED_MAX + 1)
        job = Job(
            id=uuid.uuid4().hex,
            request=replace(asked, seed=seed),
            ask=asked.fingerprint,
            source_blob=blob(),
            created_at=time.time(),
        )
        step = Step(
            id=uuid.uuid4().hex,
            chain=order.chain,
            parent=order.parent,
            job=job,
            call=call,
            created_at=time.time(),
        )
        share = asked.seed is not None and not order.refresh
        step = self.ledger.add(step, share=share)
        return step, step.job.id != job.id

    def _make_home(self) -> None:
        """Make the store's folder, and keep people's photos out of repositories."""
        try:
            if not self.home.exists():
                self.home.mkdir(parents=True)
                (self.home / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"The store {self.home} cannot be made: {error.strerror}.",
                "Choose another place with configure(home=…) or KONTEXT_NB_HOME.",
            ) from error

    def _kept(self, source: Picture | str) -> tuple[str, Callable[[], str]]:
        """Return the source's digest, and what keeps it and returns its name."""
        if isinstance(source, str):
            return hashlib.sha256(source.encode()).hexdigest(), lambda: source
        picture = source
        return picture.digest, lambda: self.blobs.put(picture.encoded, picture.suffix)

    def finish(
        self, step: Step, report: Callable[[Progress], None]
    ) -> Coroutine[Any, Any, Step]:
        """Return the work that takes a step's job to its end.

        The engine is looked up here, on the caller's side, so that a missing token is
        an error before any work starts.
        """
        return self._finish(step, self._engine_of(step.job), report)

    def _engine_of(self, job: Job) -> Engine:
        """Return the engine a job was sent to, whatever is configured now."""
        place = job.request.provider
        found = engine(replace(self.settings, provider=place.partition(" ")[0]))
        if found.provider.name != place:
            raise NotAuthorised(
                f"This edit was sent to {place}, not to {found.provider.name}.",
                "Set RUNCOMFY_MODEL_API_BASE as it was then, and re-run.",
                job=job.id,
            )
        return found

    async def _finish(
        self, step: Step, with_: Engine, report: Callable[[Progress], None]
    ) -> Step:
        job = await self._settled(step.job)
        if job.state is State.DONE:
            return replace(step, job=job)
        if job.state in (State.SENDING, State.UNKNOWN):
            raise OutcomeUnknown(
                f"This edit was sent at {time.ctime(job.created_at)} with seed "
                f"{job.request.seed} and its answer never came: it may be charged.",
                "It is not sent again by itself. Look in the service's history; "
                "refresh=True sends it anew.",
                job=job.id,
                may_have_been_charged=True,
            )
        runner = Runner(
            provider=with_.provider,
            wire=with_.wire,
            journal=self._journal,
            report=report,
            expected_s=self.ledger.expected_s(job.request.provider, job.request.model),
            deadline_s=self.settings.deadline_s,
        )
        url, notices = None, job.notices
        if job.state is State.INTENT:
            url, notices = await asyncio.to_thread(self._packed, job)
        try:
            job, output, data = await runner.carry_out(job, url)
        except StoreError as error:
            now = self.ledger.job(job.id)
            # Another kernel claimed it first: wait for that one's job.
            claimed = job.state is State.INTENT and now and now.state is not job.state
            if now and claimed and not error.may_have_been_charged:
                return await self._finish(replace(step, job=now), with_, report)
            raise
        job = await self._keep(
            job,
            data,
            engine=output.engine or with_.provider.label(job.request.model),
            notices=notices,
        )
        return replace(step, job=job)

    async def _settled(self, job: Job) -> Job:
        """Return the row once another kernel that is just sending it has its answer."""
        until_s = time.monotonic() + SENDING_S
        job = self.ledger.job(job.id) or job
        while job.state is State.SENDING and time.monotonic() < until_s:
            await asyncio.sleep(0.1)
            job = self.ledger.job(job.id) or job
        return job

    def _packed(self, job: Job) -> tuple[str, tuple[str, ...]]:
        """Return the source as it travels, and what to say about that."""
        if job.source_blob.startswith("https://"):
            return job.source_blob, ()
        parcel = pixels.pack(pixels.load(self.blobs.get(job.source_blob)))
        url = "data:image/png;base64," + base64.b64encode(parcel.png).decode()
        return url, (parcel.notice,) if parcel.notice else ()

    async def _keep(self, job: Job, data: bytes, **facts: Any) -> Job:
        """Verify the result by decoding it whole, keep its bytes, then its row."""
        try:
            picture = await asyncio.to_thread(pixels.load, data)
        except ImageRejected as error:
            raise BadReply(
                f"The result is not a usable picture: {error.problem}",
                "Re-run to fetch it again: nothing is sent again.",
                job=job.id,
            ) from error
        name = self.blobs.put(data, picture.suffix)
        try:
            return self._journal(job, Event.FINISH, result_blob=name, **facts)
        except StoreError:
            # Two kernels waited for the same job and the other one was faster.
            other = self.ledger.job(job.id)
            if other and other.state is State.DONE:
                return other
            raise

    def _journal(self, job: Job, event: Event, **facts: Any) -> Job:
        return self.ledger.record(job, event, time.time(), **facts)


def source_of(given: Any) -> Picture | str:
    """Return what a user gave as a picture, or as the address it travels as.

    Raises:
        ImageRejected: Neither.
    """
    if isinstance(given, str) and "://" in given[:12]:
        if given.startswith("https://") and given.isascii() and given.isprintable():
            return given
        raise ImageRejected(
            f"The address {echo(given)} cannot be handed to the service.",
            "Use an https address that opens without a login, or a file.",
        )
    return pixels.load(given)


def chain_id(source: Picture | str, cell: cells.Cell | None) -> str:
    """Return the id of a chain: the cell's own, or a new one without a cell."""
    if cell is None:
        return uuid.uuid4().hex
    name = source if isinstance(source, str) else source.digest
    return hashlib.sha256(f"{cell.key}\n{name}".encode()).hexdigest()[:32]


def home_folder() -> Path:
    """Return the store's usual place.

    In a notebook it is ``.kontext`` beside it; in a shell ``.kontext`` in the working
    folder if there is one, else the user's data folder.
    """
    here = Path.cwd() / ".kontext"
    if cells.kernel() is not None:
        notebook = cells.notebook()
        # The path the front end told goes stale when a notebook is renamed or moved.
        beside = notebook.parent if notebook and notebook.is_absolute() else None
        return beside / ".kontext" if beside and beside.is_dir() else here
    if here.is_dir():
        return here
    import platformdirs

    return Path(platformdirs.user_data_dir("kontext_nb", appauthor=False))
