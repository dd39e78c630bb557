"""The engines of this process: a provider, and the wire and bridge to reach it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from kontext_nb import __version__
from kontext_nb.engine.bridge import Bridge, NestBridge, ThreadBridge
from kontext_nb.engine.wire import Wire
from kontext_nb.model import Secret
from kontext_nb.providers.base import Provider
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.session import keys
from kontext_nb.session.settings import Settings

AGENT = f"kontext-nb/{__version__}"
DEMO_LABEL = "demo engine"


@dataclass(frozen=True, slots=True)
class Engine:
    """What it takes to have a job done.

    Args:
        provider: Describes the calls.
        wire: Sends them; belongs to the bridge's loop.
        bridge: Runs the loop.
    """

    provider: Provider
    wire: Wire
    bridge: Bridge


_lock = threading.Lock()
# By process, because a fork copies neither threads nor usable sockets.
_bridges: dict[tuple[int, str], Bridge] = {}
_wires: dict[tuple[int, str, str, float], Wire] = {}


def thread_bridge() -> ThreadBridge:
    """Return the bridge for work that goes on while the caller does other things."""
    bridge = _bridge("thread")
    assert isinstance(bridge, ThreadBridge)  # noqa: S101 - for the type checker
    return bridge


def engine(settings: Settings) -> Engine:
    """Return the engine for these settings, made at its first use.

    Raises:
        NotAuthorised: The provider needs a token and there is none.
    """
    name = settings.provider or ("runcomfy" if keys.has_token() else "demo")
    provider = _demo() if name == "demo" else keys.runcomfy()
    bridge = _bridge(settings.bridge)
    key = (os.getpid(), settings.bridge, name, settings.demo_seconds)
    with _lock:
        if key not in _wires:
            _wires[key] = _wire(name, settings)
        return Engine(provider, _wires[key], bridge)


def _bridge(name: str) -> Bridge:
    key = (os.getpid(), name)
    with _lock:
        if key not in _bridges:
            _bridges[key] = NestBridge() if name == "nest" else ThreadBridge()
        return _bridges[key]


def _demo() -> RunComfy:
    """The demo is RunComfy's own provider; only the other end of the wire differs."""
    from kontext_nb.demo.app import ORIGIN

    return RunComfy(
        token=Secret.of("demo-engine"),
        base=f"{ORIGIN}/v1",
        name="demo",
        engine=DEMO_LABEL,
        result_origin=ORIGIN,
    )


def _wire(name: str, settings: Settings) -> Wire:
    if name != "demo":
        return Wire(None, AGENT)
    import httpx

    from kontext_nb.demo.app import ORIGIN, create_app

    # A third of the time in the queue, so that a lesson can show what queueing is.
    app = create_app(
        origin=ORIGIN,
        queue_s=settings.demo_seconds / 3,
        work_s=settings.demo_seconds * 2 / 3,
    )
    return Wire(httpx.ASGITransport(app=app), AGENT)
