"""The threads of an engine's loop: for what takes its time, and no exit waits for them.

Python joins an ordinary executor's threads before it ends. So a Ctrl-C or a deadline
would end the call at once, and its command only once a picture is decoded, a name
resolved, or a lock let go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Unawaited(ThreadPoolExecutor):
    """An executor that gives each piece of work a daemon thread of its own.

    asyncio accepts no other base class; its pool of threads is not used. The work must
    bear to be cut off by the end of the process, as all that writes to the store does.
    """

    def submit(
        self, work: Callable[P, T], /, *given: P.args, **named: P.kwargs
    ) -> Future[T]:
        """Start the work and return what tells of its end."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # begun, it can only go on to its end

        def working() -> None:
            try:
                done = work(*given, **named)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                future.set_exception(error)
            else:
                future.set_result(done)

        threading.Thread(target=working, name="kontext-work", daemon=True).start()
        return future
