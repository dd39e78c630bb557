"""Processes that are killed, and those that come after them; run as a script.

Everything is imported once; then each process that is to die is a fork, ready in
milliseconds. What a crash left behind is judged by `faults`: the store against the
books of `tests.billing`. A harness that finds nothing must find a planted bug, so each
can be run with one: ``forgetful`` takes what was left while it was sent for never sent.
"""

import contextlib
import functools
import gc
import io
import itertools
import json
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
from pathlib import Path

import httpx
from PIL import Image

sys.path.append(str(Path(__file__).parents[1]))  # as a script it finds its own folder

import kontext_nb
import kontext_nb as kx
from kontext_nb.engine import connection, pace
from kontext_nb.errors import KontextError, OutcomeUnknown
from kontext_nb.lifecycle import Event, State
from kontext_nb.session import errand, settings
from kontext_nb.session.desk import Desk
from kontext_nb.store import opening
from tests.billing import Shop, Till, as_environment, colour
from tests.forking import begun, ended, forked

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
ROOT = f"{Path(kontext_nb.__file__).parent}{os.sep}"
CLIENT = tuple(ROOT + room for room in ("store", "session", "engine", "providers"))


def act(part, **how):
    """Have a part of this script played by a new process; return what it told.

    Args:
        part: One of `PARTS`.
        **how: Its arguments.
    """
    return told(start(__file__, part, how))


def start(script, part, how, *, under=()):
    """Start a part of a script that ends with `play`.

    Args:
        script: Its file.
        part: The part's name.
        how: Its arguments.
        under: A command that is to run it.
    """
    return subprocess.Popen(
        [*under, sys.executable, script, part, json.dumps(how, default=str)],
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


def edit(seed, chain=None):
    """Ask for an edit and return how it ended, in a word."""
    try:
        made = kx.edit(SOURCE, PROMPT, seed=seed, chain=chain)
    except KontextError as error:
        return type(error).__name__
    return "reused" if made.reused else "made"


def forgetful():
    """Plant the bug: what was left while it was being sent counts as never sent."""
    usual = errand.journalled

    async def journalled(desk, job, event, **facts):
        left_behind = job.state is State.SENDING and job.id not in errand._sending
        if event is Event.LOSE and left_behind:
            event = Event.WITHDRAW
        return await usual(desk, job, event, **facts)

    errand.journalled = journalled


def warm():
    """Make an edit, so that the forks have imported and looked up what one needs."""
    before = os.environ.copy()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        threading.Thread(target=shop.serve_forever, args=(0.01,), daemon=True).start()
        os.environ.update(as_environment(shop.origin))
        with kx.configure(home=Path(folder, "store")):
            assert edit(0) == "made"
        shop.shutdown()
        shop.server_close()
    os.environ.clear()
    os.environ.update(before)
    opening._looked.clear()  # another ledger may be given the number of this one
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    httpx.create_ssl_context()


def watched(at_line, files=ROOT):
    """Have ``at_line(line)`` called before each line of ours, in any thread.

    Args:
        at_line: Given the line's file and number.
        files: How the names of the files begin that are ours.
    """

    def at(frame, event, _argument):
        if event == "line":
            at_line((frame.f_code.co_filename, frame.f_lineno))
        return at

    @functools.cache
    def wanted(file):
        return at if file.startswith(files) else None

    def entered(frame, _event, _argument):
        return wanted(frame.f_code.co_filename)

    threading.settrace(entered)
    sys.settrace(entered)


def rehearse(home, seed, notes):
    """Make an edit, and note which of its lines change what a kill would leave.

    That is what stands on the disk, and what has gone to the service. A line counts if
    it was the last of its thread before that saw a change.

    Args:
        home: The store.
        seed: Of the edit.
        notes: File for these lines.
    """
    lines, sent, there, before, changing = 0, 0, None, {}, set()
    usual = connection.Socket.write

    async def write(*given):
        nonlocal sent
        await usual(*given)
        sent += 1

    def at(line):
        nonlocal lines, there
        lines += 1
        me, now = threading.get_ident(), (_on_disk(home), sent)
        if now != there:
            changing.add(before.get(me, line))
        there = now
        before[me] = line

    connection.Socket.write = write
    kx.configure(home=home)
    watched(at)
    assert edit(seed) == "made"
    sys.settrace(None)
    tell(lines=lines)
    Path(notes).write_text(json.dumps(sorted(changing)))


def _on_disk(home):
    """Return what is in a folder, as far as names, sizes and times tell."""
    found, folders = set(), [home]
    for folder in folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                facts = entry.stat()
                found.add((entry.path, facts.st_ino, facts.st_size, facts.st_mtime_ns))
                folders += [entry.path] if entry.is_dir() else []
    return found


def kill_at(point, changing, *, every):
    """Have this process kill itself at the n-th moment that is worth it.

    Lines between which nothing changed leave the same behind: it is killed at the first
    of them, or with ``every`` at each of the ledger and of the client.

    Args:
        point: The n.
        changing: The lines that change something; see `rehearse`.
        every: See above.
    """
    numbers, changes, before, seen = itertools.count(1), 0, {}, set()

    def at(line):
        nonlocal changes
        me = threading.get_ident()
        first = not before or before.get(me) in changing
        before[me] = line
        changes += first
        if first or (every and (line, changes) not in seen):
            seen.add((line, changes))
            if next(numbers) == point:
                os.kill(os.getpid(), signal.SIGKILL)

    # Between two lines that change something, both of these files, one may be as good
    # as any other of the package.
    watched(at, CLIENT if every else tuple({file for file, _ in changing}))


def lines(home, *, step=1, every=False):
    """Kill an edit wherever that leaves another thing, and ask for it twice after each.

    Args:
        home: Folder for the stores, one a kill.
        step: From one moment to the next.
        every: See `kill_at`.
    """
    notes = Path(home, "changing")
    Path(home).mkdir()
    assert not ended(*forked(rehearse, Path(home, "0"), 0, notes))
    changing = set(map(tuple, json.loads(notes.read_text())))

    def dying(point):
        kx.configure(home=Path(home, str(point)))
        kill_at(point, changing, every=every)
        edit(point)

    points = itertools.count(1, step)
    dead = list(itertools.takewhile(lambda n: ended(*forked(dying, n)), points))

    def asking():
        for point in dead:
            with kx.configure(home=Path(home, str(point))):
                tell(point=point, said=edit(point))

    for _ in range(2):
        assert not ended(*forked(asking))


def chains(home, books, *, links, kills, seed):
    """Walk chains of edits, each process from where the last one was killed.

    At the end the last chain is asked for once more from its start, as a notebook that
    is run again does. An edit that was paid for twice ends it early.

    Args:
        home: The store.
        books: Folder of the service.
        links: Edits a chain.
        kills: How many.
        seed: Of the random times.
    """
    kx.configure(home=home)
    shop = shop_of(books)
    dice = random.Random(seed)  # noqa: S311 - it keeps no secret
    walked = Path(books, "walked")
    walked.touch()

    def walking(end):
        jobs = walked.read_text().split()
        last = kx.resume(jobs[-1]) if jobs else None
        for number in range(len(jobs), end):
            add = last.edit if number % links else functools.partial(kx.edit, SOURCE)
            try:
                last = add(PROMPT, seed=number)
            except OutcomeUnknown as error:
                tell(unknown=number)
                last = _decided(error.job, number, shop)
            with walked.open("a") as file:
                file.write(f"{last.job}\n")

    def again(numbers):
        last = kx
        for number in numbers:
            given = (SOURCE, PROMPT) if last is kx else (PROMPT,)
            last = last.edit(*given, seed=number)
            assert last.reused
        tell(edits=number + 1, links=len(last.chain))

    def made():
        return len(walked.read_text().split())

    began_s = time.monotonic()
    assert not ended(*forked(walking, 1))
    most_s = time.monotonic() - began_s
    while kills and max(shop.bills().values()) == 1:
        before = made()
        kills -= ended(*forked(walking, sys.maxsize), dice.uniform(0, most_s))
        shop.settle()
        # However busy the machine is: a third of them lives to see an edit made.
        most_s *= 0.9 if made() > before else 1.05
    chain = made() // links
    assert not ended(*forked(walking, (chain + 1) * links))
    assert not ended(*forked(again, range(chain * links, (chain + 1) * links)))


def shop_of(books):
    """Return the service that this process is pointed at."""
    return Till(Path(books), os.environ["RUNCOMFY_MODEL_API_BASE"].removesuffix("/v1"))


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
    shop = shop_of(books)

    def asking(share):
        for seed in share:
            began_s = time.monotonic()
            said = edit(seed, f"cell {seed}")
            tell(seed=seed, said=said, took_s=time.monotonic() - began_s)

    shares = [seeds[i::people] if apart else seeds for i in range(people)]
    crowd = dict(begun(asking, shares))
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


def play(parts):
    """Play the part that the command line names, with its arguments."""
    how = json.loads(sys.argv[2])
    pace.FIRST_STEP_S, pace.FIRST_BACKOFF_S = 0.002, 0.0
    if how.pop("bug", False):
        forgetful()
    warm()
    gc.collect()
    gc.freeze()  # so that a fork copies less
    parts[sys.argv[1]](**how)


PARTS = {"lines": lines, "chains": chains, "crowd": crowd}

if __name__ == "__main__":
    play(PARTS)
