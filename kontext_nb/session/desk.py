"""The desk where an order becomes a step: look it up, or have it made and keep it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from kontext_nb import pixels
from kontext_nb.chain import Step
from kontext_nb.errors import InputRejected, KontextError, NotAuthorised, StoreError
from kontext_nb.lifecycle import OPEN, UNDER_WAY, State
from kontext_nb.model import Job, Progress, Request
from kontext_nb.pixels import Picture
from kontext_nb.schema import seed_range
from kontext_nb.session import cell as cells
from kontext_nb.session.engines import Engine, engine
from kontext_nb.session.errand import Errand
from kontext_nb.session.inputs import Inputs, check, inputs_of
from kontext_nb.session.keeping import kept
from kontext_nb.session.models import Known, estimate_usd, known, recalled
from kontext_nb.session.orders import MASK_SUFFIX, Order
from kontext_nb.session.settings import Settings, home_folder
from kontext_nb.store.blobs import Blobs
from kontext_nb.store.ledger import Ledger
from kontext_nb.store.part import make
from kontext_nb.store.patience import LOCK_S, within
from kontext_nb.store.previews import Previews

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
        self.previews = Previews(self.home / "previews")
        patience_s = min(LOCK_S, settings.deadline_s)
        self.ledger = Ledger(self.home / "ledger.sqlite3", patience_s)

    def place(self, order: Order) -> tuple[Step, bool]:
        """Find the step this order already has, or write a new one down.

        Returns:
            The step, and whether it was there before: then nothing is paid for.

        Raises:
            InputRejected: The order cannot be sent as it is; nothing was written.
        """
        with within(self.settings.deadline_s):
            return self._placed(order)

    def _placed(self, order: Order) -> tuple[Step, bool]:
        check(order)
        by = engine(self.settings)
        about, wanted, asked = self._understood(order, by)
        call = cells.next_call(order.cell, asked.fingerprint)
        if call:
            found = self.ledger.step_of_call(call.key, asked.fingerprint)
            stands = found and found.job.state in order.worth_keeping
            if found and stands and not self.forgotten(found.job):
                if found.keeping != order.keeping:
                    # The same job, and another picture to be shown of it.
                    found = self.ledger.add(self._step(order, found.job, call))
                return self._brought_back(found), True
        self.make_home()
        seeds = seed_range(about.schema)
        seeded = asked
        if seeds and asked.seed is None:
            lowest = max(0, seeds[0])
            seed = lowest + secrets.randbelow(seeds[1] - lowest + 1)
            seeded = asked.having(seed=seed)
        job = Job(
            id=uuid.uuid4().hex,
            request=seeded,
            ask=asked.fingerprint,
            pictures={d: self._kept(wanted.pictures[d]) for d in asked.pictures},
            estimate_usd=estimate_usd(about, wanted.values),
            notices=wanted.notices,
            created_at=time.time(),
        )
        step = self._step(order, job, call)
        adopt = order.adoptable(call)
        if by.free:
            adopt -= OPEN
        besides = () if order.shares_what_is_in_hand else frozenset(_in_hand)
        step = self._brought_back(self.ledger.add(step, adopt=adopt, besides=besides))
        if step.job.state is State.INTENT and job.estimate_usd is not None:
            step = replace(step, job=self.ledger.priced(step.job, job.estimate_usd))
        _in_hand.add(step.job.id)
        _placed_here.add(step.job.id)
        return step, step.job.id != job.id

    def _step(self, order: Order, job: Job, call: cells.Call | None) -> Step:
        """Return the step that an order makes of a job, with what it needs kept."""
        if order.mask:
            self.blobs.put(order.mask, MASK_SUFFIX)
        if order.sent:
            self._kept(order.source)
        return Step(
            id=uuid.uuid4().hex,
            chain=order.chain,
            parent=order.parent,
            job=job,
            call=call.key if call else None,
            text_call=call.text if call else None,
            created_at=time.time(),
            place=order.place,
            keeping=order.keeping,
        )

    def _brought_back(self, step: Step) -> Step:
        """Show a deleted step again: it is being asked for."""
        return self.ledger.mark(step, deleted=False) if step.marks.deleted else step

    def make_home(self) -> None:
        """Make the store's folder, and keep people's photos out of repositories."""
        try:
            make(self.home)
            ignore = self.home / ".gitignore"
            with contextlib.suppress(FileExistsError), ignore.open("x") as file:
                file.write("*\n")
        except OSError as error:
            raise StoreError(
                f"The store {self.home} cannot be made: {error.strerror}.",
                "Choose another place with configure(home=…) or KONTEXT_NB_HOME.",
            ) from error

    def _understood(self, order: Order, by: Engine) -> tuple[Known, Inputs, Request]:
        """Return an order in the model's own terms; what is answered asks nobody."""
        about = recalled(self.settings)
        with contextlib.suppress(InputRejected):
            wanted, asked = self._request(order, about, by)
            if self.ledger.has_job(asked.fingerprint, order.answers):
                return about, wanted, asked
        about = known(self.settings)
        return about, *self._request(order, about, by)

    def _request(
        self, order: Order, about: Known, by: Engine
    ) -> tuple[Inputs, Request]:
        wanted, model = inputs_of(order, about), self.settings.model
        named = by.provider.name
        return wanted, Request.of(wanted.values, model=model, provider=named)

    def _kept(self, source: Picture | str) -> str:
        """Keep a picture, and return the blob's name; an address is its own."""
        if isinstance(source, str):
            return source
        return self.blobs.put(source.encoded, source.suffix)

    def preview(self, blob: str, longest_px: int) -> bytes:
        """Return a small JPEG of a kept picture; after the first time, it is there.

        Args:
            blob: The picture's name.
            longest_px: Of the preview's longer side.

        Raises:
            StoreError: The picture is missing or damaged.
            ImageRejected: It is none that can be used.
        """

        def make() -> bytes:
            whole = pixels.load_image(self.blobs.get(blob))
            return pixels.preview(whole, longest_px=longest_px)

        return self.previews.get(blob, longest_px, make)

    def finish(
        self, step: Step, report: Callable[[Progress], None], **how: bool
    ) -> Coroutine[Any, Any, Step]:
        """Return the work that takes a step's job to its end.

        The engine is looked up here, on the caller's side, so that a missing token is
        an error before any work starts.

        Args:
            step: What was placed.
            report: Is told how far it is, on the engine's loop.
            **how: ``pictures_only`` and ``download`` of `Errand`.
        """
        errand = Errand(self, self.engine_of(step.job), report, **how)
        return self._finish(step, errand)

    def send(self, step: Step) -> Coroutine[Any, Any, Job]:
        """Return the work that has a step's job sent, and does not wait for its end."""
        errand = Errand(self, self.engine_of(step.job), lambda _: None)
        return _in_hand_until(step.job, errand.sent(step.job))

    def looking(self) -> AbstractContextManager[None]:
        """Let a view wait for the ledger once, however much it looks up there."""
        return within(self.ledger.patience_s)

    def forgotten(self, job: Job) -> bool:
        """Tell whether the demo engine lost a job with the process that ran it."""
        return (
            job.request.provider == "demo"
            and job.state in UNDER_WAY
            and job.id not in _placed_here
        )

    def has_files(self, job: Job) -> bool:
        """Tell whether all that is kept of a finished job is there, and whole."""
        return all(map(self.blobs.holds, job.results))

    def engine_of(self, job: Job) -> Engine:
        """Return the engine a job was sent to, whatever is configured now.

        Raises:
            NotAuthorised: It cannot be reached with the token and address there are.
        """
        place = job.request.provider
        with self.about(job):
            found = engine(replace(self.settings, provider=place.partition(" ")[0]))
            if found.provider.name != place:
                raise NotAuthorised(
                    f"This edit was sent to {place}, not to {found.provider.name}.",
                    "Set RUNCOMFY_MODEL_API_BASE as it was then, and re-run.",
                )
        return found

    @contextlib.contextmanager
    def about(self, job: Job | None) -> Iterator[None]:
        """Have an error of the block say which job it is about, and how far that came.

        Args:
            job: As it was found; None if it is none of this store.
        """
        try:
            yield
        except KontextError as error:
            if job:
                now = None
                with contextlib.suppress(StoreError), within(0):  # it may have failed
                    now = self.ledger.job(job.id)
                error.about(**(now or job).told)
            raise

    async def _finish(self, step: Step, errand: Errand) -> Step:
        done = await _in_hand_until(step.job, errand.done(step.job))
        step = replace(step, job=done)
        # It takes a second of work, for which no other edit is to wait.
        made = errand.pictures_only
        return await asyncio.to_thread(kept, self, step) if made else step


async def _in_hand_until(job: Job, work: Coroutine[Any, Any, Job]) -> Job:
    try:
        return await work
    finally:
        _in_hand.discard(job.id)
