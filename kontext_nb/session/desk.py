"""The desk where an order becomes a step: look it up, or have it made and keep it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.engine.runner import Runner
from kontext_nb.errors import (
    BadReply,
    EditCancelled,
    EditFailed,
    ImageRejected,
    NotAuthorised,
    OutcomeUnknown,
    ResultLost,
    StoreError,
)
from kontext_nb.lifecycle import UNDER_WAY, Event, State
from kontext_nb.model import SEED_MAX, Job, Limits, Progress, Request
from kontext_nb.pixels import Picture
from kontext_nb.session import cell as cells
from kontext_nb.session.engines import Engine, engine
from kontext_nb.session.inputs import inputs_of
from kontext_nb.session.orders import Order, is_address
from kontext_nb.session.settings import Settings, home_folder
from kontext_nb.store import owner
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger

# An answer takes a second or two; after that, whoever was sending it has crashed.
SENDING_S = 5.0

# Jobs this process is placing or waiting for. An open job that is none of them was
# left behind by a deadline, a stop or a crash: who asks for it again goes back to it.
_in_hand: set[str] = set()
# All jobs this process placed. The demo engine ends with its process, so only these can
# still be asked for there.
_placed_here: set[str] = set()


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

    def place(self, order: Order) -> tuple[Step, bool]:
        """Find the step this order already has, or write a new one down.

        Returns:
            The step, and whether it was there before: then nothing is paid for.

        Raises:
            InputRejected: The order cannot be sent as it is; nothing was written.
        """
        by = engine(self.settings)
        digest, blob = self._kept(order.source)
        inputs = inputs_of(order, digest)
        asked = Request.of(inputs, model=self.settings.model, provider=by.provider.name)
        call = cells.next_call(order.cell, asked.fingerprint)
        if call:
            found = self.ledger.step_of_call(call.key, asked.fingerprint)
            kept = found and found.job.state in order.worth_keeping
            if found and kept and not self.forgotten(found.job):
                return found, True
        self._make_home()
        seed = asked.seed if asked.seed is not None else secrets.randbelow(SEED_MAX + 1)
        job = Job(
            id=uuid.uuid4().hex,
            request=asked.having(seed=seed),
            ask=asked.fingerprint,
            pictures={digest: blob()},
            created_at=time.time(),
        )
        step = Step(
            id=uuid.uuid4().hex,
            chain=order.chain,
            parent=order.parent,
            job=job,
            call=call.key if call else None,
            text_call=call.text if call else None,
            created_at=time.time(),
        )
        adopt = order.adoptable(call)
        if by.free:
            adopt -= UNDER_WAY | {State.UNKNOWN}
        besides = () if order.shares_what_is_in_hand else frozenset(_in_hand)
        step = self.ledger.add(step, adopt=adopt, besides=besides)
        _in_hand.add(step.job.id)
        _placed_here.add(step.job.id)
        return step, step.job.id != job.id

    def _make_home(self) -> None:
        """Make the store's folder, and keep people's photos out of repositories."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            ignore = self.home / ".gitignore"
            with contextlib.suppress(FileExistsError), ignore.open("x") as file:
                file.write("*\n")
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
        return self._finish(step, self.engine_of(step.job), report)

    def forgotten(self, job: Job) -> bool:
        """Tell whether the demo engine lost a job with the process that ran it."""
        return (
            job.request.provider == "demo"
            and job.state in UNDER_WAY
            and job.id not in _placed_here
        )

    def engine_of(self, job: Job) -> Engine:
        """Return the engine a job was sent to, whatever is configured now.

        Raises:
            NotAuthorised: It cannot be reached with the token and address there are.
        """
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
        self, step: Step, by: Engine, report: Callable[[Progress], None]
    ) -> Step:
        try:
            job = await self._made(await self._settled(step.job), by, report)
            return replace(step, job=job)
        finally:
            _in_hand.discard(step.job.id)

    async def _settled(self, job: Job) -> Job:
        """Return the row once another kernel that is just sending it has its answer."""
        until_s = time.monotonic() + SENDING_S
        job = self.ledger.job(job.id) or job
        while job.state is State.SENDING and time.monotonic() < until_s:
            await asyncio.sleep(0.1)
            job = self.ledger.job(job.id) or job
        return job

    async def _made(
        self, job: Job, by: Engine, report: Callable[[Progress], None]
    ) -> Job:
        if job.state is State.DONE:
            return job
        if self.forgotten(job):
            raise ResultLost(
                "The demo engine ended with the kernel that made this edit.",
                "Run the edit again: the demo engine is free.",
                job=job.id,
            )
        _check_waitable(job)
        runner = Runner(
            provider=by.provider,
            wire=by.wire,
            journal=self._journal,
            keep=self._verified,
            report=report,
            expected_s=self.ledger.expected_s(job.request.provider, job.request.model),
            deadline_s=self.settings.deadline_s,
        )
        inputs = None
        if job.state is State.INTENT:
            inputs, notices = await asyncio.to_thread(self._packed, job)
            job = replace(job, notices=notices)
        try:
            job, output, names = await runner.carry_out(job, inputs)
        except StoreError as error:
            now = self.ledger.job(job.id)
            # Another kernel claimed it first: wait for that one's job.
            claimed = job.state is State.INTENT and now and now.state is not job.state
            if now and claimed and not error.may_have_been_charged:
                return await self._made(await self._settled(now), by, report)
            raise
        maker = output.engine or by.provider.label(job.request.model)
        return self._journal(
            job,
            Event.FINISH,
            results=names,
            output=output.said,
            engine=maker,
            cost_usd=output.cost_usd,
        )

    def _packed(self, job: Job) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the inputs as they travel, and what to say about that."""
        addresses, notices = {}, []
        for digest, blob in job.pictures.items():
            addresses[digest] = blob
            if not is_address(blob):
                parcel = pixels.pack(pixels.load(self.blobs.get(blob)))
                data = base64.b64encode(parcel.png).decode()
                addresses[digest] = f"data:image/png;base64,{data}"
                notices += [parcel.notice] if parcel.notice else []
        return job.request.filled(addresses), tuple(notices)

    async def _verified(self, data: bytes) -> str:
        """Verify a result by decoding it whole, and return the name it is kept by."""
        try:
            picture = await asyncio.to_thread(pixels.load, data)
        except ImageRejected as error:
            raise BadReply(
                f"The result is not a usable picture: {error.problem}",
                "Re-run to fetch it again: nothing is sent again.",
            ) from error
        return await asyncio.to_thread(self.blobs.put, data, picture.suffix)

    def _journal(self, job: Job, event: Event, **facts: Any) -> Job:
        if event is Event.SEND:
            limits = Limits(self.settings.budget_usd, self.settings.max_edits)
            return self.ledger.claim(
                job, time.time(), owner=owner.mine(), limits=limits, **facts
            )
        return self.ledger.record(job, event, time.time(), **facts)


def _check_waitable(job: Job) -> None:
    """Raise what became of a job that can be neither sent nor waited for."""
    said = job.error or f"The job is {job.state}."
    if job.state is State.FAILED:
        raise EditFailed(said, "Run the edit again, with another prompt.", job=job.id)
    if job.state is State.CANCELLED:
        raise EditCancelled(said, "Run the edit again if you want it.", job=job.id)
    if job.state is State.EXPIRED:
        raise ResultLost(said, "Run the edit again to have it made anew.", job=job.id)
    if job.state in (State.SENDING, State.UNKNOWN):
        raise OutcomeUnknown(
            f"This edit was sent at {time.ctime(job.created_at)} with seed "
            f"{job.request.seed} and its answer never came: it may be charged.",
            "It is not sent again by itself. Look in the service's history; "
            "refresh=True sends it anew.",
            job=job.id,
            may_have_been_charged=True,
        )
