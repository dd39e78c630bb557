"""Several steps on their way at once, with one line that says how far they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextlib import nullcontext
from typing import Any

from kontext_nb.chain import Step
from kontext_nb.engine.stop import STOPPED
from kontext_nb.lifecycle import State
from kontext_nb.model import Job, price_text
from kontext_nb.session.desk import Desk
from kontext_nb.session.progress import QUIET_S, line

# A queue serves one account's jobs in turn; more at once only wait there.
AT_ONCE = 4


def all_finished(desk: Desk, steps: Sequence[Step]) -> list[Step | Exception]:
    """Wait for all steps, a few at once; an error stands in its step's place."""
    engine = desk.engine_of(steps[0].job)
    request = steps[0].job.request
    label = engine.provider.label(request.model)
    each_s = desk.ledger.expected_s(request.provider, request.model)
    wanted = [step.job for step in steps if step.job.state is not State.DONE]
    to_make = len(wanted)
    shown, started, done = line(), time.monotonic(), 0
    if to_make:
        cost = "free" if engine.free else _cost(wanted)
        takes = _time(to_make, each_s, desk.settings.deadline_s)
        shown.show(_announcement(len(steps), to_make, label, cost, takes))
    gate = asyncio.Semaphore(AT_ONCE)

    async def finished(step: Step, work: Coroutine[Any, Any, Step]) -> Step | Exception:
        nonlocal done
        answer: Step | Exception
        # What was sent is only asked about: it waits for no turn that may never come.
        unsent = step.job.state is State.INTENT
        try:
            async with gate if unsent else nullcontext():
                answer = await work
        except Exception as error:  # noqa: BLE001 - it stands in its own cell
            answer = error
        finally:
            work.close()  # a Stop may come before its turn
        done += 1
        return answer

    async def all_of_them() -> list[Step | Exception]:
        # A group ends once all have: after a Stop, each has sent its cancel.
        async with asyncio.TaskGroup() as group:
            pairs = zip(steps, work, strict=True)
            tasks = [group.create_task(finished(*pair)) for pair in pairs]
        return [task.result() for task in tasks]

    def tick() -> None:
        seconds = time.monotonic() - started
        if seconds > QUIET_S:
            shown.show(f"{label} · {done} of {len(steps)} · {seconds:.0f} s")

    work = [desk.finish(step, lambda _: None) for step in steps]
    try:
        answers = engine.bridge.run(all_of_them(), tick)
    except STOPPED as pressed:
        words = f"Stopped after {done} of {len(steps)}: re-run to go on from there."
        shown.close(words)
        raise type(pressed)(words) from None
    shown.close("")
    return answers


def _cost(jobs: Sequence[Job]) -> str:
    """Say what jobs should cost together."""
    prices = [job.estimate_usd for job in jobs if job.estimate_usd is not None]
    if len(prices) < len(jobs):
        return f"charged by the service, {price_text(None)}"
    return price_text(sum(prices))


def _time(to_make: int, each_s: float | None, deadline_s: float) -> str:
    """Say how long jobs should take together, by how long others took."""
    if not each_s:
        return "time not known"
    all_s = each_s * -(-to_make // AT_ONCE)
    late = f", of which {deadline_s:.0f} s are waited for" if all_s > deadline_s else ""
    return f"about {max(1, round(all_s))} s{late}"


def _announcement(
    cells_count: int, to_make: int, label: str, cost: str, takes: str
) -> str:
    """Say how much it will be before anything is spent."""
    stored = cells_count - to_make
    return (
        f"{cells_count} edits: {stored} from the store, {to_make} to make · {label} · "
        f"{cost} · {takes}"
    )
