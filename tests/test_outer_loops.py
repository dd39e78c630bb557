"""What people wrap around a paid call: loops, retries and impatience pay once."""

import contextlib
import functools
import json
import os
import subprocess
import sys
import threading

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import NotAuthorised, OutcomeUnknown, StillRunning
from kontext_nb.providers import runcomfy
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
from tests import faulty
from tests.billing import as_environment
from tests.faulty import answer, as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
PROMPT = "Make the sky orange"
SHORT_S = 0.3
# The command, with a patience for the paid answer that a test can wait for.
IMPATIENT = f"""
from kontext_nb.providers import runcomfy
runcomfy.SUBMIT_TIMEOUT_S = {SHORT_S}
from kontext_nb.cli.main import main
main()
"""
LOOP = """
for i in 1 2 3 4 5; do
    "$PYTHON" -c "$COMMAND" edit photo.png 'Make it night' -o out.png "$@"
    code=$?
    echo $code
    [ $code -eq 75 ] || break
done
"""


@pytest.fixture
def go_to(monkeypatch):
    """Return what points this process and its children at a service."""

    def go(origin):
        for name, value in as_environment(origin).items():
            monkeypatch.setenv(name, value)

    return go


@pytest.mark.parametrize("seed", [(), ("--seed", "7")], ids=["no seed", "seed"])
def test_a_shell_loop_that_repeats_on_75_pays_once(go_to, seed):
    """The loop of the service's handbook, and a service that takes it and stalls."""
    SOURCE.save("photo.png")
    with faulty.serve(submit=[faulty.silent]) as service:
        go_to(service.origin)
        done = subprocess.run(
            ["sh", "-c", LOOP, "sh", *seed],
            env=os.environ | {"PYTHON": sys.executable, "COMMAND": IMPATIENT},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["75"] * 5
        assert service.paid == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
    said = [json.loads(line) for line in lines]
    assert len(said) == 5
    assert len({one["job"] for one in said}) == 1
    assert all(one["state"] == "unknown" for one in said)
    assert all(one["rerun_is_safe"] and one["may_have_been_charged"] for one in said)


def persistent(work, times=5):
    """Wrap a call as retry libraries do: whatever is raised, it is called again."""

    @functools.wraps(work)
    def trying(*given, **named):
        for last in (*[False] * (times - 1), True):
            try:
                return work(*given, **named)
            except Exception:
                if last:
                    raise
        return None

    return trying


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("how", ["lose", "odd"])
def test_a_retry_decorator_around_an_edit_pays_once(shop, seed, how):
    """Five calls for one lost answer: one bill, and the same job is named."""
    shop.script(submit=how)
    with pytest.raises(OutcomeUnknown) as caught:
        persistent(kx.edit)(SOURCE, PROMPT, seed=seed)
    assert len(shop.booked()) == 1
    (job,) = Desk(current()).ledger.jobs()
    assert caught.value.job == job.id
    # What the service's history shows is attached without another request.
    found = shop.booked()[0]["request_id"]
    assert kx.resume(job.id, request_id=found).job == job.id
    assert len(shop.booked()) == 1
    assert kx.edit(SOURCE, PROMPT, seed=job.request.seed).reused


SLOW = faulty.dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
HELD = {
    "silent status": ({"status": [faulty.silent]}, StillRunning),
    "silent result": ({"result": [faulty.silent]}, StillRunning),
    "silent download": ({"download": [faulty.silent]}, StillRunning),
    "slow status": ({"status": [SLOW]}, StillRunning),
    "slow result": ({"result": [SLOW]}, StillRunning),
    "slow download": ({"download": [SLOW]}, StillRunning),
    "always queued": ({"status": [as_json({"status": "in_queue"})]}, StillRunning),
    "never ready": ({"result": [as_json({"status": "running"})]}, StillRunning),
    "silent submit": ({"submit": [faulty.silent]}, OutcomeUnknown),
    "slow submit": ({"submit": [SLOW]}, OutcomeUnknown),
    "silent catalogue": ({"catalogue": [faulty.silent]}, None),
}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.timeout(60)
def test_nothing_hangs_and_a_rerun_never_sends_again(go_to, monkeypatch, name):
    """Whoever is silent, slow or never ready: the call ends, and is safe to repeat."""
    script, error = HELD[name]
    if error is OutcomeUnknown:
        monkeypatch.setattr(runcomfy, "SUBMIT_TIMEOUT_S", SHORT_S)
    with faulty.serve(status=[answer(401)]) as service:
        go_to(service.origin)
        deadline_s = 20 * SHORT_S
        if error is StillRunning:  # to be sent may take longer than to wait
            deadline_s = 2 * SHORT_S
            with pytest.raises(NotAuthorised):
                kx.edit(SOURCE, PROMPT, seed=7)
        service.script("status", as_json({"status": "completed"}))
        for phase, turns in script.items():
            service.script(phase, *turns)
        for _ in range(2):
            with (
                kx.configure(deadline_s=deadline_s),
                pytest.raises(error) if error else contextlib.nullcontext(),
            ):
                kx.edit(SOURCE, PROMPT, seed=7)
        assert service.paid == 1


def test_a_kernel_that_waits_for_anothers_sending_ends_at_its_deadline(go_to):
    """A sender that lives and hears nothing holds nobody else for ever."""
    with faulty.serve(submit=[faulty.silent]) as service:
        go_to(service.origin)
        task = kx.edit(SOURCE, PROMPT, seed=7, wait=False)
        arrived = threading.Event()
        while not service.paid:
            arrived.wait(0.01)
        with kx.configure(deadline_s=SHORT_S), pytest.raises(StillRunning):
            kx.edit(SOURCE, PROMPT, seed=7)
        task.cancel()
        assert service.paid == 1
