"""Work that takes its time, off the event loop, in a thread that no exit waits for.

Python joins the threads of `asyncio.to_thread` before it ends. So a Ctrl-C would end
the call at once, and its command only once a picture is decoded or a lock let go.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


async def in_background(work: Callable[..., T], *given: Any) -> T:
    """Do some work in a thread of its own, and wait for it on the running loop.

    Args:
        work: Must bear to be cut off by the end of the process. A cancel ends the
            wait, and not the work.
        *given: Its arguments.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # else what comes of it could not be told
    here = contextvars.copy_context()

    def working() -> None:
        try:
            done = here.run(work, *given)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)
        else:
            future.set_result(done)

    threading.Thread(target=working, name="kontext-work", daemon=True).start()
    return await asyncio.wrap_future(future)
