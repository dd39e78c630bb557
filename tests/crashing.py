"""Processes that are killed, and those that come after them; run as a script.

Everything is imported once; then each process that is to die is a fork, ready in
milliseconds. What a crash left behind is judged by `faults`: the store against the
books of `tests.billing`. A harness that finds nothing must find a planted bug, so each
can be run with one: ``forgetful`` takes what a dead process was sending for never sent.
"""

import functools
import gc
import importlib
import io
import itertools
import json
import linecache
import os
import random
import select
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import httpx
from PIL import Image

sys.path.append(str(Path(__file__).parents[1]))  # as a script it finds its own folder

import kontext_nb
import kontext_nb as kx
from kontext_nb.engine import pace
from kontext_nb.errors import KontextError, OutcomeUnknown
from kontext_nb.lifecycle import Event, State
from kontext_nb.session import errand, settings
from kontext_nb.session.desk import Desk
from kontext_nb.store import owner
from tests.billing import Till, as_environment, colour, till

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
ROOT = Path(kontext_nb.__file__).parent
TRACED = ("store/", "session/errand.py", "session/desk.py", "engine/runner.py")


def act(part, **how):
    """Have a part of this script played by a new process; return what it told.

    Args:
        part: One of `PARTS`.
        **how: Its arguments.
    """
    return told(start(part, **how))


def start(part, **how):
    """Start a part; see `act`."""
    return subprocess.Popen(
        [sys.executable, __file__, part, json.dumps(how, default=str)],
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process):
    """Wait for a started part, and return what it told."""
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return [json.loads(line) for line in text.splitlines()]


def tell(**facts):
    """Tell who started this script; one write, so that forks do not mix."""
    os.write(1, (json.dumps(facts) + "\n").encode())


def faults(home, bills, seeds, *, unknown=True):
    """Return what is wrong with a store, by the books of the service.

    Args:
        home: The store.
        bills: How often each seed was paid for.
        seeds: What was asked for in it.
        unknown: Whether a job may be left UNKNOWN.
    """
    allowed = {State.DONE, State.UNKNOWN} if unknown else {State.DONE}
    kept = {
        job.request.seed: job
        for job in Desk(settings.Settings(home=home)).ledger.jobs()
    }
    for seed in seeds:
        job, paid = kept.get(seed), bills[seed]
        consents = len(job.consents) if job else 0
        if paid > 1 + consents:
            yield f"seed {seed}: paid {paid} times with {consents} consents"
        if paid and job is None:
            yield f"seed {seed}: paid for, and not in the store"
        if job and job.state not in allowed:
            yield f"seed {seed}: left {job.state}"
        if job and job.state is State.DONE:
            if not paid:
                yield f"seed {seed}: done and never paid for"
            yield from (f"seed {seed}: {why}" for why in unlike(home, job))


def unlike(home, job):
    """Return whether a result is missing, or not the picture that its seed gives."""
    seed = job.request.seed
    try:
        data = Desk(settings.Settings(home=home)).blobs.get(job.result)
    except KontextError as error:
        yield f"done, and {error.problem}"
        return
    with Image.open(io.BytesIO(data)) as image:
        if image.getpixel((0, 0)) != colour(seed):
            yield "done with another picture"


def edit(seed):
    """Ask for an edit and return how it ended, in a word."""
    try:
        made = kx.edit(SOURCE, PROMPT, seed=seed)
    except KontextError as error:
        return type(error).__name__
    return "reused" if made.reused else "made"


def forgetful():
    """Plant the bug: what a dead process was sending counts as never sent."""
    usual = errand.journalled

    async def journalled(desk, job, event, **facts):
        left_behind = job.state is State.SENDING and owner.is_dead(job.owner)
        if event is Event.LOSE and left_behind:
            event = Event.WITHDRAW
        return await usual(desk, job, event, **facts)

    errand.journalled = journalled


def forked(work, *arguments):
    """Fork a process for one thing; return its id and a pipe that it holds open."""
    held, holds = os.pipe()
    process = os.fork()
    if process:
        os.close(holds)
        return process, held
    code = 1
    try:
        work(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may get past the end of a fork
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(process, held, within_s=None):
    """Wait for a fork; kill it if it takes too long. Return whether it was killed."""
    if not select.select([held], [], [], within_s)[0]:
        os.kill(process, signal.SIGKILL)
    os.close(held)
    status = os.waitpid(process, 0)[1]
    assert status in (0, signal.SIGKILL), f"it ended with {status}"
    return status == signal.SIGKILL


def warm():
    """Load what an edit loads at its first use, so that forks need not."""
    names, told = os.pipe()

    def looking():
        before = set(sys.modules)
        with tempfile.TemporaryDirectory() as folder, till(Path(folder)) as shop:
            os.environ.update(as_environment(shop.origin))
            with kx.configure(home=folder):
                edit(0)
        os.write(told, " ".join(sorted(set(sys.modules) - before)).encode())

    assert not ended(*forked(looking))
    for name in os.read(names, 2**16).decode().split():
        importlib.import_module(name)
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    httpx.create_ssl_context()


def kill_at(point, *, every):
    """Have this process kill itself at the n-th line of the paid path it executes.

    A line run again before anything more was written leaves the same behind: only with
    ``every`` is it counted again.
    """
    numbers, seen, written = itertools.count(1), set(), itertools.count(1)
    names = tuple(str(ROOT / part) for part in TRACED)
    now = 0

    def at(frame, event, _argument):
        nonlocal now
        if event != "line":
            return at
        code, line = frame.f_code, frame.f_lineno
        here = id(code), line  # to hash the code itself would be most of the work
        if every or here not in seen:
            seen.add(here)
            if next(numbers) == point:
                os.kill(os.getpid(), signal.SIGKILL)
        if code.co_name == "opened" and "COMMIT" in _text(code, line):
            now = next(written)
        return at

    @functools.cache
    def wanted(file):
        return at if file.startswith(names) else None

    def entered(frame, _event, _argument):
        return wanted(frame.f_code.co_filename)

    threading.settrace(entered)
    sys.settrace(entered)


def _text(code, line):
    return linecache.getline(code.co_filename, line)


def lines(home, *, first, step, every=False):
    """Kill one edit at every line it executes, and ask for it twice again after each.

    Args:
        home: Folder for the stores, one a line.
        first: Number of the first line, which is the seed of its edit as well.
        step: From one line to the next.
        every: See `kill_at`.
    """

    def dying(line):
        kx.configure(home=Path(home, str(line)))
        kill_at(line, every=every)
        edit(line)

    reached = first
    while ended(*forked(dying, reached)):
        reached += step

    def asking():
        for line in range(first, reached, step):
            with kx.configure(home=Path(home, str(line))):
                tell(line=line, said=edit(line))

    for _ in range(2):
        assert not ended(*forked(asking))


def chains(home, books, *, links, kills, seed):
    """Walk chains of edits, killed at random times, each until it is whole.

    An edit that was paid for twice ends it early.

    Args:
        home: The store.
        books: Folder of the service.
        links: Edits a chain.
        kills: How many.
        seed: Of the random times.
    """
    kx.configure(home=home)
    shop = Till(Path(books), "")
    dice = random.Random(seed)  # noqa: S311 - it keeps no secret

    def walking(chain):
        made = None
        for number in range(chain * links, (chain + 1) * links):
            add = made.edit if made else functools.partial(kx.edit, SOURCE)
            try:
                made = add(PROMPT, seed=number)
            except OutcomeUnknown as error:
                tell(unknown=number)
                made = _decided(error.job, number, shop)

    began_s = time.monotonic()
    assert not ended(*forked(walking, 0))
    whole_s = time.monotonic() - began_s
    chain = 1
    while kills and max(shop.bills().values()) == 1:
        if ended(*forked(walking, chain), dice.uniform(0, whole_s)):
            kills -= 1
        else:
            chain += 1
    assert not ended(*forked(walking, chain))
    tell(edits=(chain + 1) * links)


def _decided(job, seed, shop):
    """Decide as a user does who looks in the service's history."""
    for bill in shop.booked():
        if bill["seed"] == seed:
            return kx.resume(job, request_id=bill["request_id"])
    return kx.resume(job, resubmit=True)


def crowd(home, books, *, people, seeds, apart=False, kill_at_bills=(), **limits):
    """Have several processes ask at the same moment; tell how each edit ended.

    Args:
        home: The store.
        books: Folder of the service.
        people: How many processes.
        seeds: What all of them ask for, in this order.
        apart: Share the seeds out instead.
        kill_at_bills: When so much was paid for, kill a process that is sending.
        **limits: The user's caps.
    """
    kx.configure(home=home, **limits)
    shop, wait, go = Till(Path(books), ""), *os.pipe()

    def asking(share):
        os.close(go)
        os.read(wait, 1)  # until nobody can write
        for seed in share:
            began_s = time.monotonic()
            said = edit(seed)
            tell(seed=seed, said=said, took_s=time.monotonic() - began_s)

    shares = [seeds[i::people] if apart else seeds for i in range(people)]
    crowd = dict(forked(asking, share) for share in shares)
    os.close(go)
    for paid in kill_at_bills:
        while len(shop.booked()) < paid:
            select.select([], [], [], 0.001)
        _kill_a_sender(Path(home), crowd)
    for process, held in crowd.items():
        ended(process, held)


def _kill_a_sender(home, crowd):
    """Kill who is sending; or anybody, where it is done already."""
    sending = Desk(settings.Settings(home=home)).ledger.jobs(State.SENDING)
    owners = [int(job.owner.split("|")[2]) for job in sending]
    os.kill(
        next(iter([pid for pid in owners if pid in crowd] or crowd)), signal.SIGKILL
    )


PARTS = {"lines": lines, "chains": chains, "crowd": crowd}

if __name__ == "__main__":
    how = json.loads(sys.argv[2])
    pace.FIRST_STEP_S, pace.FIRST_BACKOFF_S = 0.002, 0.0
    if how.pop("bug", False):
        forgetful()
    warm()
    gc.collect()
    gc.freeze()  # so that a fork copies less
    PARTS[sys.argv[1]](**how)
