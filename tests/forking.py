"""Processes that cost next to nothing: forks of one that has imported everything.

What they do is given as a function; whatever becomes of it, none goes on beyond it.
"""

import json
import os
import select
import signal
import traceback


def forked(work, *arguments):
    """Fork a process for one thing; return its id and a pipe that it holds open."""
    held, holds = os.pipe()
    process = os.fork()
    if process:
        os.close(holds)
        return process, held
    code = 1
    try:
        os.close(held)
        said = work(*arguments)
        os.write(holds, b"" if said is None else json.dumps(said).encode())
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


def told(process, held):
    """Wait for a fork, and return what its work returned."""
    with os.fdopen(held) as pipe:
        text = pipe.read()
    assert os.waitpid(process, 0)[1] == 0
    return json.loads(text) if text else None


def begun(work, shares):
    """Fork a process for each share; they begin at the same moment."""
    wait, go = os.pipe()

    def waiting(share):
        os.close(go)
        os.read(wait, 1)  # until nobody can write
        return work(share)

    crowd = [forked(waiting, share) for share in shares]
    os.close(go)
    os.close(wait)
    return crowd


def crowd(work, shares):
    """Have each share worked on by a process of its own, at once; return what is told.

    Args:
        work: Given a share, in the process.
        shares: One a process.
    """
    return [told(*one) for one in begun(work, shares)]
