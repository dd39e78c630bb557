"""From a cell to the engine's loop and back; Stop is a real signal."""

import asyncio
import concurrent.futures
import contextlib
import signal
import subprocess
import sys
import threading

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.engine import bridge as bridge_module
from kontext_nb.engine.bridge import NestBridge, ThreadBridge
from kontext_nb.errors import SetupIncomplete

pytestmark = pytest.mark.usefixtures("small_results")

WAIT_S = 10


def no_tick():
    """Draw nothing."""


def press_stop():
    """Do what Jupyter's Stop does: SIGINT to the main thread."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.fixture(params=[ThreadBridge, NestBridge])
def bridge(request):
    made = request.param()
    yield made
    end(made)


def end(made):
    """Stop a bridge's loop, which lives as long as the process outside of tests."""
    loop = made._loop
    if isinstance(made, ThreadBridge):
        loop.call_soon_threadsafe(loop.stop)
        for thread in threading.enumerate():
            if thread.name == "kontext-io":
                thread.join(0.2)
    if not loop.is_running():
        loop.close()


async def value():
    await asyncio.sleep(0)
    return 42


async def trouble():
    await asyncio.sleep(0)
    raise LookupError("as it was raised")


def test_a_value_comes_back(bridge):
    """What the work returns is returned."""
    assert bridge.run(value(), no_tick) == 42
    assert bridge.run(value(), no_tick) == 42


def test_an_error_comes_back(bridge):
    """What the work raises is raised, and the bridge goes on working."""
    with pytest.raises(LookupError, match="as it was raised"):
        bridge.run(trouble(), no_tick)
    assert bridge.run(value(), no_tick) == 42


def test_it_works_where_a_loop_is_running(bridge):
    """A notebook cell runs inside a loop, and may still wait."""

    async def cell():
        own = asyncio.get_running_loop()
        answer = bridge.run(value(), no_tick)
        assert asyncio.get_running_loop() is own
        await asyncio.sleep(0)
        return answer

    assert asyncio.run(cell()) == 42


def test_it_ticks_while_it_waits(bridge):
    """The waiting side gets to draw now and then, on the calling thread."""
    ticks = []
    enough = threading.Event()

    def tick():
        ticks.append(threading.current_thread())
        enough.set()

    async def until_ticked():
        while not enough.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.001)

    bridge.run(until_ticked(), tick)
    assert ticks[0] is threading.current_thread()


@pytest.mark.usefixtures("stoppable")
def test_stop_cancels_the_work_and_waits_for_its_clean_up(bridge):
    """Stop raises KeyboardInterrupt only after the work cleaned up behind itself."""
    cleaned = []

    async def long():
        asyncio.get_running_loop().call_later(0.05, press_stop)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            cleaned.append("up")
            raise

    with pytest.raises(KeyboardInterrupt):
        bridge.run(long(), no_tick)
    assert cleaned == ["up"]
    assert bridge.run(value(), no_tick) == 42


@pytest.mark.usefixtures("stoppable")
def test_stop_does_not_wait_for_ever(bridge, monkeypatch):
    """Work that will not end when told is left behind after its time."""
    monkeypatch.setattr(bridge_module, "STOP_S", 0.05)
    release = threading.Event()

    async def stubborn():
        asyncio.get_running_loop().call_later(0.02, press_stop)
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        bridge.run(stubborn(), no_tick)
    release.set()
    assert bridge.run(value(), no_tick) == 42


@pytest.mark.usefixtures("stoppable")
def test_a_second_stop_shortens_the_wait_and_breaks_nothing(bridge, monkeypatch):
    """The work only ever sees a cancel, never a KeyboardInterrupt in its middle."""
    monkeypatch.setattr(bridge_module, "STOP_S", 10 * WAIT_S)
    seen, release, gone = [], threading.Event(), threading.Event()

    async def cleaning():
        press_stop()
        while not release.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.001)

    async def long():
        asyncio.get_running_loop().call_soon(press_stop)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await cleaning()
            except BaseException as error:
                seen.append(type(error))
                raise
        finally:
            gone.set()

    with pytest.raises(KeyboardInterrupt):
        bridge.run(long(), no_tick)
    release.set()
    assert gone.wait(WAIT_S)
    assert seen == (
        [] if isinstance(bridge, ThreadBridge) else [asyncio.CancelledError]
    )
    assert bridge.run(value(), no_tick) == 42


@pytest.mark.usefixtures("stoppable")
def test_a_stop_at_the_very_end_is_not_lost(bridge):
    """Pressed in the last moment of the work, it ends the cell all the same."""

    async def pressing():
        press_stop()

    with pytest.raises(KeyboardInterrupt):
        bridge.run(pressing(), no_tick)


@pytest.mark.usefixtures("stoppable")
def test_stop_ends_a_wait_inside_of_a_coroutine(bridge):
    """What blocks a loop hears the Stop that this loop was asked to act on."""
    raised = []

    async def long():
        asyncio.get_running_loop().call_soon(press_stop)
        await asyncio.Event().wait()

    async def main():
        try:
            bridge.run(long(), no_tick)
        except BaseException as error:
            raised.append(type(error))
            raise

    with pytest.raises(KeyboardInterrupt):
        asyncio.Runner().run(main())
    assert raised == [asyncio.CancelledError]


@pytest.mark.usefixtures("stoppable")
def test_a_handler_of_ones_own_stays_in_force(bridge):
    """Whoever handles the signal themselves decides what it means."""
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append("signal"))

    async def pressing():
        press_stop()
        while not heard:  # noqa: ASYNC110 - set by the signal's handler
            await asyncio.sleep(0.001)
        return 42

    assert bridge.run(pressing(), no_tick) == 42


@pytest.mark.usefixtures("stoppable")
def test_stop_inside_a_tick_is_a_stop(bridge):
    """A signal that arrives while the line is drawn cancels just the same."""
    ended = threading.Event()

    async def long():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        bridge.run(long(), lambda: signal.raise_signal(signal.SIGINT))
    assert ended.wait(WAIT_S)


def test_the_thread_bridge_works_from_any_thread():
    """Two threads may wait at once; each gets its own answer."""
    made = ThreadBridge()
    got = []

    async def echo(number):
        await asyncio.sleep(0.001)
        return number

    threads = [
        threading.Thread(target=lambda n=n: got.append(made.run(echo(n), no_tick)))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    end(made)
    assert sorted(got) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["thread", "nest"])
def test_edits_from_several_threads_at_once(name):
    """As callbacks of widgets may: in threads, inside running loops, all at a time."""
    together, made = threading.Barrier(3), {}
    picture = Image.new("RGB", (16, 12), "teal")

    async def callback(seed):
        together.wait(WAIT_S)
        made[seed] = kx.edit(picture, "Make it night", seed=seed).seed

    def thread(seed):
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop).run(callback(seed))

    with kx.configure(provider="demo", bridge=name):
        threads = [threading.Thread(target=thread, args=(n,)) for n in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(WAIT_S)
    assert made == {n: n for n in range(3)}


def test_without_threads_it_is_said(monkeypatch):
    """Where no thread starts, as in a browser's Python, the error is of the tree."""

    def refused(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(SetupIncomplete, match="no thread"):
        ThreadBridge()


def test_a_task_can_be_awaited_or_asked():
    """Work that was started is awaited in another loop, or waited for."""
    made = ThreadBridge()

    async def awaiting():
        return await made.start(value())

    assert asyncio.run(awaiting()) == 42
    task = made.start(value())
    assert task.result() == 42
    assert task.done()
    with pytest.raises(LookupError):
        made.start(trouble()).result()
    end(made)


def test_a_task_cancelled_at_once_still_says_what_became_of_it():
    """The work gets to its first line, whenever it is told to stop, and may answer."""
    made = ThreadBridge()

    async def long():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            raise LookupError("what became of it") from None

    for _ in range(50):
        task = made.start(long())
        task.cancel()
        task.cancel()
        with pytest.raises(LookupError, match="what became of it"):
            task.result()
    end(made)


def test_a_task_whose_work_says_nothing_was_cancelled():
    """Then it is the usual error, in either way of waiting."""
    made = ThreadBridge()

    async def awaiting(task):
        return await task

    for _ in range(2):
        task = made.start(asyncio.Event().wait())
        task.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            task.result()
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(awaiting(task))
    end(made)


def test_cancelling_the_waiter_cancels_the_work():
    """Whoever stops awaiting a task stops what it does."""
    made = ThreadBridge()
    begun, cancelled = threading.Event(), threading.Event()

    async def long():
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def impatient():
        task = made.start(long())
        waiter = asyncio.ensure_future(task._wait())
        await asyncio.sleep(0)  # it has to wait before it can stop waiting
        while not begun.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.001)
        waiter.cancel()
        await asyncio.wait({waiter})

    asyncio.run(impatient())
    assert cancelled.wait(WAIT_S)
    end(made)


UNTOUCHED = """
import asyncio
from kontext_nb.engine.bridge import NestBridge

async def value():
    return 42

async def cell():
    assert NestBridge().run(value(), lambda: None) == 42
    loop = asyncio.get_running_loop()
    return [cls.__name__ for cls in type(loop).__mro__ if "_nest_patched" in vars(cls)]

print(asyncio.run(cell()), asyncio.SelectorEventLoop.__dict__.get("_nest_patched"))
"""


def test_the_running_loop_is_never_patched():
    """nest_asyncio marks the private loop's class only, and nothing complains."""
    ran = subprocess.run(
        [sys.executable, "-c", UNTOUCHED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[] None", "")


REAL_TASKS = """
from kontext_nb.engine.bridge import ThreadBridge
import asyncio, nest_asyncio
made = ThreadBridge()
class Private(asyncio.SelectorEventLoop): pass
nest_asyncio.apply(Private())
async def kind():
    return type(asyncio.current_task()).__module__
print(made.run(kind(), lambda: None))
"""


def test_the_thread_bridge_keeps_the_real_tasks():
    """Someone else's nest_asyncio does not change the tasks the engine runs on."""
    ran = subprocess.run(
        [sys.executable, "-c", REAL_TASKS], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "_asyncio"
