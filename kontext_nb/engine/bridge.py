"""From a notebook cell, which is not async, to the loop the engine runs on, and back.

`ThreadBridge` is the default: one daemon
thread with its own loop, so a running kernel loop is never touched and cells queued by
"Run All" all run. `NestBridge` runs in the calling thread on a private loop patched by
nest_asyncio, for code that must stay in the main thread; patching the kernel's own loop
would make ipykernel 7 drop every queued cell, so that never happens here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from kontext_nb.engine.pace import STOP_S

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
                to clean up, as it has when ``tick`` raises.
        """


class ThreadBridge:
    """One daemon thread with one loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_native_task)
        threading.Thread(
            target=self._loop.run_forever, name="kontext-io", daemon=True
        ).start()

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
        begun, cleaned_up = threading.Event(), threading.Event()

        async def tracked() -> T:
            begun.set()
            try:
                return await work
            finally:
                cleaned_up.set()

        future = asyncio.run_coroutine_threadsafe(tracked(), self._loop)
        try:
            while not future.done():
                concurrent.futures.wait([future], timeout=SLICE_S)
                tick()
            return future.result()
        except BaseException:
            # Whatever ends the wait, a tick that fails too, nothing goes on unwatched.
            future.cancel()
            if begun.wait(SLICE_S):
                cleaned_up.wait(STOP_S)  # on the loop it goes on to its end
            else:
                work.close()
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
    """A private, nestable loop in the calling thread."""

    def __init__(self) -> None:
        self._loop = _nestable_loop()

    def run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None]) -> T:
        """Run ``work`` to its end; see `Bridge.run`."""

        async def ticking() -> None:
            while True:
                await asyncio.sleep(SLICE_S)
                tick()

        task = self._loop.create_task(work)
        ticker = self._loop.create_task(ticking())
        stop: asyncio.Future[None] = self._loop.create_future()

        def pressed(*_: object) -> None:
            self._loop.call_soon_threadsafe(stop.cancel)

        first: set[asyncio.Future[Any]] = {task, ticker, stop}
        try:
            with _on_stop(pressed):
                self._loop.run_until_complete(
                    asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                )
            if stop.done():
                raise KeyboardInterrupt
            if ticker.done():
                ticker.result()  # a tick that fails ends the wait
            return task.result()
        finally:
            # Both end here, or Python would complain of them when the process ends.
            ticker.cancel()
            for patience_s in (STOP_S, SLICE_S):
                # Nothing runs on this loop afterwards, so a clean-up that takes too
                # long is cut short, which it writes down.
                task.cancel()
                ended = asyncio.wait({task, ticker}, timeout=patience_s)
                self._loop.run_until_complete(ended)
                if task.done():
                    break


@contextmanager
def _on_stop(call: Callable[..., None]) -> Iterator[None]:
    """Have Stop call ``call`` meanwhile, where it would raise KeyboardInterrupt.

    Raised in the middle of a step, that would end the work without its clean-up.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, call)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _nestable_loop() -> asyncio.AbstractEventLoop:
    class NestLoop(asyncio.SelectorEventLoop):
        """Patching marks the class; a class of its own keeps other loops as they were.

        (`asyncio.run` and `asyncio.Task` are replaced for the whole process all the
        same: one more reason why this bridge is not the default.)
        """

    loop = NestLoop()
    if sys.version_info >= (3, 14):
        import nest_asyncio2 as nest_asyncio
    else:
        import nest_asyncio
    nest_asyncio.apply(loop)
    return loop
