"""A real HTTP server on loopback, for as long as a `with` block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

DEADLINE_S = 30


class _Server(uvicorn.Server):
    """Says when it is up, and stops when told instead of at its next look."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        await self.on_tick(0)  # it dates the answers
        self.up.set()
        await self._told.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._told.set)


@contextlib.contextmanager
def serve(build: Callable[[str], Any]) -> Iterator[str]:
    """Serve the app that ``build(origin)`` returns; give its origin.

    The port is taken before the app is built, so the app can know its own address. When
    the block ends the server has ended too, with every task that ran on its loop.
    """
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it
    # every answer in two pieces waits 40 ms for an acknowledgement.
    family = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    with socket.socket(*family) as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = _Server(
            uvicorn.Config(
                build(origin),
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert server.up.wait(DEADLINE_S), "the server did not come up"
        try:
            yield origin
        finally:
            server.stop()
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), "the server did not end"
