"""From an order to a finished step: wait for it, say how far it is, stop when told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from kontext_nb.chain import Step
from kontext_nb.engine.bridge import Task
from kontext_nb.engine.stop import STOPPED
from kontext_nb.errors import EditCancelled, KontextError, StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import Progress
from kontext_nb.session.desk import Desk
from kontext_nb.session.engines import thread_bridge
from kontext_nb.session.keeping import kept
from kontext_nb.session.orders import Order
from kontext_nb.session.progress import Watch, line, waiting_line
from kontext_nb.store.patience import within

T = TypeVar("T")

# What became of a job whose waiting was stopped, and what to do about it.
_SENT = (
    "Stopped while it was being sent: it may have been taken and be charged.",
    "A re-run says what can be done, and does not send it again.",
)
_STOPPED = {
    State.INTENT: ("Stopped before anything was sent.", "Re-run to have it made."),
    State.CANCELLED: (
        "Stopped: the job was still queued and is cancelled.",
        "Re-run to have it made.",
    ),
    State.SUBMITTED: (
        "Stopped waiting; whether the job was cancelled is not known.",
        "Re-run to find out and to collect its result: nothing is sent again.",
    ),
    State.SENDING: _SENT,
    State.UNKNOWN: _SENT,
    State.DONE: ("Stopped, but the edit had just finished.", "Re-run to see it."),
}
_GOES_ON = (
    "Stopped waiting. The job had started, goes on, and may be charged.",
    "Re-run to collect its result: nothing is sent again.",
)
_NOT_KNOWN = (
    "Stopped; the store cannot say just now how far the job came.",
    "Re-run to find out: nothing is sent again.",
)


def made(desk: Desk, order: Order) -> tuple[Step, bool]:
    """Have an order made and wait for it.

    Returns:
        The step, DONE; and whether it was in the store already.

    Raises:
        KontextError: See `errors`.
        KeyboardInterrupt: Stop was pressed; its message says what became of the job.
            In a cell that awaits it is asyncio.CancelledError.
    """
    with within(desk.settings.deadline_s):
        try:
            step, found = desk.place(order)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(" ".join(_STOPPED[State.INTENT])) from None
        return finished(desk, step), found and step.job.state is State.DONE


def finished(desk: Desk, step: Step, **how: bool) -> Step:
    """Wait until a step is DONE; see `made`, and `Desk.finish` for the options."""
    if step.job.state is State.DONE and desk.has_files(step.job):
        return kept(desk, step) if how.get("pictures_only", True) else step
    engine = desk.engine_of(step.job)
    watch = Watch(engine.provider.label(step.job.request.model), step.job.state)
    shown = line()
    work = desk.finish(step, watch.report, **how)
    try:
        done = engine.bridge.run(work, waiting_line(watch, shown))
    except STOPPED as pressed:
        stop = stopped(desk, step, type(pressed))
        shown.show(str(stop))
        shown.close(str(stop))
        raise stop from None
    except KontextError as error:
        shown.close("")
        # What went on inside says nothing to who called; the two sentences do.
        raise error.with_traceback(None) from None
    watch.report(Progress(State.DONE))
    shown.close(watch.text())
    return done


def begun(
    desk: Desk,
    placed: tuple[Step, bool],
    report: Callable[[Progress], None],
    ended: Callable[[T | Exception], None],
    shown_as: Callable[[Step, bool], T],
) -> Task[T]:
    """Have a placed order made in the background.

    Args:
        desk: Where it was placed.
        placed: What `Desk.place` returned.
        report: Is told how far it is, on the engine's thread.
        ended: Is given the result, or the error that ended it; after a cancel that is
            `EditCancelled`, which says what became of the job. Same thread.
        shown_as: Makes the result of the step, and of whether the store had it.

    Returns:
        What to await; it raises what `ended` is given.
    """
    step, found = placed
    reused = found and step.job.state is State.DONE
    background = Desk(replace(desk.settings, home=desk.home, bridge="thread"))
    work = background.finish(step, report)

    async def finishing() -> T:
        try:
            result = shown_as(await work, reused)
        except asyncio.CancelledError:
            cancelled = await asyncio.to_thread(after_stop, desk, step)
            ended(cancelled)
            raise cancelled from None
        except Exception as error:
            ended(error)
            raise
        ended(result)
        return result

    return thread_bridge().start(finishing())


def stopped(
    desk: Desk, step: Step, kind: type[BaseException] = KeyboardInterrupt
) -> BaseException:
    """Return what Stop raises: it says what became of the job.

    Its attribute ``told`` has the same for scripts, as an error of the tree. A class of
    its own would not be called KeyboardInterrupt where a notebook shows it.
    """
    told = after_stop(desk, step)
    stop = kind(str(told))
    vars(stop)["told"] = told
    return stop


def after_stop(desk: Desk, step: Step) -> EditCancelled:
    """Return the error that says what became of a job whose waiting was stopped."""
    try:
        with within(0):  # who stops it does not wait for a lock
            job = desk.ledger.job(step.job.id) or step.job
    except StoreError:
        perhaps = step.job.request.provider != "demo"
        return EditCancelled(
            *_NOT_KNOWN, job=step.job.id, may_have_been_charged=perhaps
        )
    return EditCancelled(*_STOPPED.get(job.state, _GOES_ON), **job.told)
