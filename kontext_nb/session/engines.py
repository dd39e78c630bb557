"""The engines of this process: a provider, and the wire and bridge to reach it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from kontext_nb import __version__
from kontext_nb.engine.asking import ask
from kontext_nb.engine.bridge import Bridge, NestBridge, ThreadBridge
from kontext_nb.engine.pace import Backoff, Clock
from kontext_nb.engine.wire import NoHttp, Wire, in_process
from kontext_nb.errors import KontextError, ServiceBusy, SetupIncomplete
from kontext_nb.model import Secret
from kontext_nb.providers.base import Call, Provider, Reply
from kontext_nb.providers.runcomfy import RunComfy
from kontext_nb.session import keys
from kontext_nb.session.settings import Settings
from kontext_nb.store.patience import left_s

T = TypeVar("T")

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_THE_NETWORK = (*_CERTIFICATES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
AGENT = f"kontext-nb/{__version__}"


@dataclass(frozen=True, slots=True)
class Engine:
    """What it takes to have a job done.

    Args:
        provider: Describes the calls.
        wire: Sends them; belongs to the bridge's loop.
        bridge: Runs the loop.
        free: Whether it never costs anything.
    """

    provider: Provider
    wire: Wire
    bridge: Bridge
    free: bool

    def ask(
        self,
        call: Call,
        read: Callable[[Reply], T],
        limit_s: float | None = None,
        *,
        tries: int = 1,
    ) -> T:
        """Ask, and wait for what is read in the answer; see `answer`."""
        return waited(self.bridge, answer(self.wire, call, read, limit_s, tries=tries))


def waited(bridge: Bridge, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end; an error of ours comes out without its inner frames.

    They say nothing to who called, and may hold what a service quoted back.
    """
    try:
        return bridge.run(work, lambda: None)
    except KontextError as error:
        raise error.with_traceback(None) from None


async def answer(
    wire: Wire,
    call: Call,
    read: Callable[[Reply], T],
    limit_s: float | None = None,
    *,
    tries: int = 1,
) -> T:
    """Ask, each time within the call's timeout and the deadline; read the answer.

    Args:
        wire: Sends it.
        call: The question; asking it again would be safe.
        read: Reads the answer.
        limit_s: A shorter time than the call's own.
        tries: How often to ask, all told, where the next answer may be a better one.

    Raises:
        ServiceBusy: There was no whole answer in time.
    """
    most_s = call.timeout_s if limit_s is None else limit_s
    backoff = Backoff(Clock(), tries=tries, most_s=left_s())
    while True:
        bound_s = min(call.timeout_s, most_s, left_s())
        try:
            said = await _answer(wire, call, read, bound_s)
        except (ServiceBusy, NoHttp) as error:
            if not left_s():
                backoff.exhaust()
            await backoff.pause(error)
        else:
            backoff.succeeded()
            return said


async def _answer(
    wire: Wire, call: Call, read: Callable[[Reply], T], bound_s: float
) -> T:
    try:
        async with asyncio.timeout(bound_s):
            return await ask(wire, call, read)
    except TimeoutError:
        error = ServiceBusy(
            f"There was no answer within {bound_s:.0f} s.", "Try again."
        )
        error.timed_out = True
        raise error from None


_lock = threading.Lock()
# By process, because a fork copies neither threads nor usable sockets; a nest bridge
# also by thread, because it works in the one that calls.
_bridges: dict[tuple[int, int], Bridge] = {}
_wires: dict[tuple[int, int, str, float], Wire] = {}


def thread_bridge() -> ThreadBridge:
    """Return the bridge for work that goes on while the caller does other things."""
    bridge = _bridge("thread")[1]
    assert isinstance(bridge, ThreadBridge)  # noqa: S101 - for the type checker
    return bridge


def provider_of(settings: Settings) -> str:
    """Return the name of the provider that these settings mean now."""
    return settings.provider or ("runcomfy" if keys.is_meant() else "demo")


def is_free(settings: Settings) -> bool:
    """Tell whether an edit with these settings never costs anything."""
    return provider_of(settings) == "demo"


def engine(settings: Settings) -> Engine:
    """Return the engine for these settings, made at its first use.

    Raises:
        NotAuthorised: The provider needs a token and there is none.
    """
    name = provider_of(settings)
    provider = _PROVIDERS[name]()
    thread, bridge = _bridge(settings.bridge)
    key = (os.getpid(), thread, provider.name, settings.demo_s)
    with _lock:
        if key not in _wires:
            _wires[key] = _demo_wire(settings) if name == "demo" else network_wire()
        return Engine(provider, _wires[key], bridge, free=name == "demo")


def network_wire() -> Wire:
    """Return a wire to the network; it belongs to the loop it is first used on.

    Raises:
        SetupIncomplete: The environment's certificates or proxies cannot be used.
    """
    try:
        return Wire(None, AGENT)
    except Exception as error:  # noqa: BLE001 - each library has its own for this
        told = {name.upper() for name in os.environ}
        given = ", ".join(name for name in _OF_THE_NETWORK if name in told)
        what = type(error).__name__
        raise SetupIncomplete(
            f"The network cannot be used as the environment says ({what}): "
            f"{given or 'a certificate'} may be wrong.",
            "Correct it or unset it; kontext-nb doctor looks into it.",
        ) from None


def _bridge(name: str) -> tuple[int, Bridge]:
    thread = threading.get_ident() if name == "nest" else 0
    key = (os.getpid(), thread)
    with _lock:
        if key not in _bridges:
            _bridges[key] = NestBridge() if thread else ThreadBridge()
        return thread, _bridges[key]


def _demo() -> RunComfy:
    """The demo is RunComfy's own provider; only the other end of the wire differs."""
    from kontext_nb.demo.app import ORIGIN
    from kontext_nb.demo.schema import ENGINE

    return RunComfy(
        token=Secret.of("demo-engine"),
        base=f"{ORIGIN}/v1",
        name="demo",
        engine=ENGINE,
        result_origin=ORIGIN,
        soonest_s=0.0,
    )


def _demo_wire(settings: Settings) -> Wire:
    from kontext_nb.demo.app import ORIGIN, create_app

    # A third of the time in the queue, so that a lesson can show what queueing is.
    app = create_app(
        origin=ORIGIN, queue_s=settings.demo_s / 3, work_s=settings.demo_s * 2 / 3
    )
    return Wire(in_process(app), AGENT)


_PROVIDERS: dict[str, Callable[[], RunComfy]] = {
    "demo": _demo,
    "runcomfy": keys.runcomfy,
}
