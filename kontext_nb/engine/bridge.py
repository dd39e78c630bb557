"""From a notebook cell, which is not async, to the loop the engine runs on, and back.

`ThreadBridge` is the default: one daemon thread with its own loop, so a running kernel
loop is never touched and cells queued by "Run All" all run. `NestBridge` runs in the
calling thread on a private loop patched by nest_asyncio, for code that must stay in the
main thread; the kernel's own loop is not patched, see `engine.nesting`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from kontext_nb.engine.nesting import nestable_loop
from kontext_nb.engine.pace import STOP_S
from kontext_nb.engine.stop import noting_stop
from kontext_nb.engine.threads import Unawaited
from kontext_nb.errors import SetupIncomplete

T = TypeVar("T")

# Short enough that Stop feels instant and that a lock wait on Windows, which no signal
# interrupts, comes up for air; long enough to cost nothing.
SLICE_S = 0.1


class Task(Generic[T]):
    """Work under way on the engine's loop, seen from any thread.

    Await it, or call `result()`; `cancel()` asks it to stop and clean up.

    Args:
        future: What comes of it.
        cancel: Asks it to stop; called from any thread, however often.
    """

    def __init__(
        self, future: concurrent.futures.Future[T], cancel: Callable[[], None]
    ) -> None:
        self._future = future
        self.cancel = cancel

    def done(self) -> bool:
        """Return whether it has ended, well or not."""
        return self._future.done()

    def result(self) -> T:
        """Wait for the end and return the value, or raise what went wrong.

        After a cancel that is what the work itself says of it, once it has cleaned up.
        """
        return self._future.result()

    def __await__(self) -> Generator[Any, None, T]:
        """Wait inside someone else's loop, waking often enough for Stop to work."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        wrapped = asyncio.wrap_future(self._future)
        try:
            while not wrapped.done():
                await asyncio.wait({wrapped}, timeout=2 * SLICE_S)
        except asyncio.CancelledError:  # of who waits, not of the work
            self.cancel()
            wrapped.cancel()
            raise
        return wrapped.result()


class Bridge(Protocol):
    """How synchronous code waits for a coroutine."""

    def run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None]) -> T:
        """Run ``work`` to its end, calling ``tick`` now and then meanwhile.

        Raises:
            KeyboardInterrupt: Stop was pressed; ``work`` was cancelled and had a moment
                to clean up, as it has when ``tick`` raises. A second Stop shortens it.
            asyncio.CancelledError: The same, in a cell that awaits; see `engine.stop`.
        """


class ThreadBridge:
    """One daemon thread with one loop.

    Raises:
        SetupIncomplete: No thread can be started here, as in a browser's Python.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_native_task)
        self._loop.set_default_executor(Unawaited())
        thread = threading.Thread(
            target=self._loop.run_forever, name="kontext-io", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            self._loop.close()
            raise SetupIncomplete(
                "This Python can start no thread, which every edit needs.",
                "Use a kernel on a machine: a browser's Python (Pyodide) has none.",
            ) from None

    def start(self, work: Coroutine[Any, Any, T]) -> Task[T]:
        """Start ``work`` and return at once."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # what comes of a cancel, the work says
        begun: list[asyncio.Task[T]] = []

        def begin() -> None:
            begun.append(self._loop.create_task(work))
            begun[0].add_done_callback(partial(_hand_over, future))

        def stop_there() -> None:
            # It gets to its first line, so that it can clean up, and is told only once.
            if not begun[0].cancelling():
                self._loop.call_soon(begun[0].cancel)

        def stop() -> None:
            self._loop.call_soon_threadsafe(stop_there)

        self._loop.call_soon_threadsafe(begin)
        return Task(future, stop)

    def run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None]) -> T:
        """Run ``work`` to its end; see `Bridge.run`."""
        given_up, ended = threading.Event(), threading.Event()

        async def tracked() -> T:
            try:
                if given_up.is_set():  # before the loop came to it
                    raise asyncio.CancelledError
                return await work
            finally:
                work.close()
                ended.set()

        with noting_stop() as stop:
            future = asyncio.run_coroutine_threadsafe(tracked(), self._loop)
            try:
                while not (future.done() or stop.presses):
                    concurrent.futures.wait([future], timeout=SLICE_S)
                    tick()
                stop.raise_if_pressed()
                return future.result()
            except BaseException:
                # Whatever ends the wait, a tick that fails too, nothing goes on
                # unwatched; a clean-up that takes longer goes on to its end.
                given_up.set()
                future.cancel()
                until_s = time.monotonic() + STOP_S
                while time.monotonic() < until_s:
                    if ended.wait(SLICE_S) or stop.presses > 1:
                        break
                raise


def _hand_over(future: concurrent.futures.Future[T], ended: asyncio.Task[T]) -> None:
    if ended.cancelled():
        future.set_exception(concurrent.futures.CancelledError())
    elif error := ended.exception():
        future.set_exception(error)
    else:
        future.set_result(ended.result())


def _native_task(
    loop: asyncio.AbstractEventLoop, work: Any, **options: Any
) -> asyncio.Task[Any]:
    """Make a C task, even where someone's nest_asyncio swapped `asyncio.Task` out.

    On Python 3.14 the swapped class breaks httpx in every thread of the process.
    """
    from _asyncio import Task as CTask

    task: asyncio.Task[Any] = CTask(work, loop=loop, **options)
    return task


class NestBridge:
    """A private, nestable loop in the calling thread.

    Raises:
        SetupIncomplete: See `nestable_loop`.
    """

    def __init__(self) -> None:
        self._loop = nestable_loop()
        self._loop.set_default_executor(Unawaited())

    def run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None]) -> T:
        """Run ``work`` to its end; see `Bridge.run`."""
        with noting_stop() as stop:
            task = self._loop.create_task(work)

            async def waiting() -> None:
                while not (task.done() or stop.presses):
                    await asyncio.wait({task}, timeout=SLICE_S)
                    tick()

            async def ending() -> None:
                # Nothing runs on this loop afterwards, so a clean-up that takes too
                # long, or a second Stop, cuts it short, which it writes down.
                for patience_s in (STOP_S, SLICE_S):
                    task.cancel()
                    until_s = time.monotonic() + patience_s
                    while time.monotonic() < until_s:
                        await asyncio.wait({task}, timeout=SLICE_S)
                        if task.done():
                            return
                        if stop.presses > 1:
                            break

            try:
                self._loop.run_until_complete(waiting())
                stop.raise_if_pressed()
                return task.result()
            finally:
                if not task.done():
                    self._loop.run_until_complete(ending())
