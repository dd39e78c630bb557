"""The jobs of one demo service: a queue, a few workers, and the last results.

A workshop belongs to the event loop its first job was submitted on. Results live in
memory only, within a bound; older ones are gone, as they are at a real service.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from PIL import Image

from kontext_nb import pixels
from kontext_nb.demo.schema import ENGINE, Order
from kontext_nb.errors import InputRejected
from kontext_nb.model import SEED_MAX, echo

Edit = Callable[[Image.Image, str, int, str | None], Image.Image]
"""(RGB source, prompt, seed, aspect ratio or None) to the edited picture."""

RESULTS_KEPT = 256
BYTES_KEPT = 192 * 1024 * 1024  # small enough for a free notebook host


class Phase(StrEnum):
    """Where a job is, in the words of the contract's ``/status``."""

    IN_QUEUE = "in_queue"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"  # stopped running: well or not, the result tells
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Job:
    """One job, as it changes.

    Args:
        seed: The seed in use, sent or drawn.
        id: Unguessable, since whoever knows it may fetch the result.
        phase: See `Phase`.
        created_at: When it was submitted, in UTC.
        finished_at: When it was completed or cancelled.
        png: The result, unless it failed.
        error: Why it failed.
    """

    seed: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    phase: Phase = Phase.IN_QUEUE
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    png: bytes = b""
    error: str | None = None

    @property
    def etag(self) -> str:
        """Return a strong entity tag of the result, with its quotes."""
        return f'"{hashlib.sha256(self.png).hexdigest()[:32]}"'


class Workshop:
    """Takes orders, works on a few at a time, and keeps the last results.

    Args:
        edit: The pixel work; runs in a thread. An `InputRejected` it raises fails the
            job with that text.
        queue_s: Seconds every job waits before it may start.
        work_s: Seconds every job takes on top of the pixel work.
        workers: Jobs in progress at a time.
    """

    def __init__(
        self, edit: Edit, *, queue_s: float, work_s: float, workers: int
    ) -> None:
        self._edit = edit
        self._queue_s = queue_s
        self._work_s = work_s
        self._free = asyncio.Semaphore(workers)
        self._jobs: dict[str, Job] = {}  # in the order of submission
        self._ended: deque[Job] = deque()  # in the order of their end
        self._bytes = 0
        # The loop itself holds its tasks weakly: without this they could vanish.
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def submit(self, order: Order) -> Job:
        """Put an order in the queue."""
        seed = secrets.randbelow(SEED_MAX + 1) if order.seed is None else order.seed
        job = Job(seed)
        self._jobs[job.id] = job
        task = asyncio.get_running_loop().create_task(self._run(job, order))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id))
        return job

    def find(self, job_id: str) -> Job | None:
        """Return the job; None if there never was one, or it is no longer kept."""
        return self._jobs.get(job_id)

    def position(self, job: Job) -> int:
        """Return a queued job's place in the queue, from 1."""
        queued = [j.id for j in self._jobs.values() if j.phase is Phase.IN_QUEUE]
        return queued.index(job.id) + 1

    def cancel(self, job: Job) -> bool:
        """Cancel a queued job; return False, and do nothing, if it is past that."""
        if job.phase is not Phase.IN_QUEUE:
            return False
        self._tasks[job.id].cancel()
        self._end(job, Phase.CANCELLED)
        return True

    async def _run(self, job: Job, order: Order) -> None:
        if self._queue_s:
            await asyncio.sleep(self._queue_s)
        async with self._free:
            job.phase = Phase.IN_PROGRESS
            if self._work_s:
                await asyncio.sleep(self._work_s)
            try:
                job.png = await asyncio.to_thread(self._work, order, job.seed)
            except InputRejected as refusal:
                job.error = str(refusal)
            # Whatever else breaks in the pixel work, the job has to end, and say so.
            except Exception as error:  # noqa: BLE001
                reason = f"{type(error).__name__}: {echo(str(error))}"
                job.error = (
                    f"The demo engine broke on this edit ({reason}). Change the prompt."
                )
            self._end(job, Phase.COMPLETED)

    def _work(self, order: Order, seed: int) -> bytes:
        if order.hindrance:
            raise InputRejected(*order.hindrance)
        assert order.source is not None  # noqa: S101 - else there was a hindrance
        edited = self._edit(order.source, order.prompt, seed, order.aspect_ratio)
        return _labelled_png(edited)

    def _end(self, job: Job, phase: Phase) -> None:
        job.phase = phase
        job.finished_at = datetime.now(UTC)
        self._ended.append(job)
        self._bytes += len(job.png)
        while len(self._ended) > RESULTS_KEPT or (
            self._bytes > BYTES_KEPT and self._ended[0] is not job
        ):
            oldest = self._ended.popleft()
            self._bytes -= len(oldest.png)
            del self._jobs[oldest.id]


def _labelled_png(image: Image.Image) -> bytes:
    """Encode as RGB, with the name of what made it inside the file."""
    label = {"Software": f"kontext_nb {ENGINE}"}
    return pixels.encode_png(image.convert("RGB"), label)
