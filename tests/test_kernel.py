"""In a real kernel: queued cells, live progress, Stop, re-run and restart."""

import os
import re
import time

import pytest

from tests.kernels import kernel, printed

LATE_S = 2.0  # what P9 grants
LIVE = "application/vnd.jupyter.widget-view+json"
BEGIN = """
import kontext_nb as kx
from kontext_nb import sizes
sizes.SIZES = ((192, 256),)  # no rule here is of a size
kx.configure(provider="demo", bridge={bridge!r}, demo_s={seconds})
picture = kx.samples.bottle().resize((96, 128))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A kernel for all tests that leave it as good as new."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KONTEXT_NB_HOME", raising=False)
        with kernel(tmp_path_factory.mktemp("kernel")) as started:
            yield started


@pytest.fixture
def running(shared, tmp_path, monkeypatch):
    """A kernel whose store is beside the notebook, as for a user."""
    monkeypatch.delenv("KONTEXT_NB_HOME")  # for a restart
    shared.go_to(tmp_path)
    return shared


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A kernel of the test's own, for what changes asyncio in the whole process."""
    monkeypatch.delenv("KONTEXT_NB_HOME")
    with kernel(tmp_path) as started:
        yield started


def begin(running, *, bridge="thread", seconds=0.0):
    running.run(BEGIN.format(bridge=bridge, seconds=seconds), cell_id="setup")


@pytest.mark.parametrize("bridge", ["thread", "nest"])
def test_run_all_runs_every_queued_cell(running, bridge):
    """Five cells queued at once all run, in order, with either bridge."""
    begin(running, bridge=bridge)
    code = "print(kx.edit(picture, 'Make it night', seed={}).seed)"
    requests = [running.send(code.format(n), f"cell-{n}") for n in range(5)]
    assert [printed(running.outputs(r)).strip() for r in requests] == list("01234")
    replies = running.replies(requests)
    assert [r["parent_header"]["msg_id"] for r in replies] == requests
    assert [r["content"]["status"] for r in replies] == ["ok"] * 5


def test_run_all_survives_a_nested_asyncio_run(fresh):
    """Where nesting was allowed, five queued cells run and `asyncio.run` works."""
    begin(fresh)
    fresh.run("import asyncio\nkx.allow_nested_asyncio()")
    code = """
async def f():
    await asyncio.sleep(0.05)
    return kx.edit(picture, 'Make it night', seed={}).seed
print(asyncio.run(f()))
"""
    requests = [fresh.send(code.format(n), f"cell-{n}") for n in range(5)]
    assert [printed(fresh.outputs(r)).strip() for r in requests] == list("01234")


def test_the_nest_bridge_leaves_the_kernels_loop_alone(running):
    """After an edit through nest_asyncio the kernel's own loop is unpatched."""
    begin(running, bridge="nest")
    running.run("kx.edit(picture, 'Make it night')")
    asked = (
        "import asyncio; print(hasattr(asyncio.get_running_loop(), '_nest_patched'))"
    )
    assert running.run(f"async def f():\n    {asked}\nawait f()").strip() == "False"


def test_progress_is_live_in_a_blocking_cell(running):
    """While the cell blocks, its line tells queue and time, and changes."""
    begin(running, seconds=7.5)
    seen = running.outputs(running.send("e = kx.edit(picture, 'Make it night')"))
    lines = [
        m["content"]["data"]["text/plain"]
        for m in seen
        if m["header"]["msg_type"] in ("display_data", "update_display_data")
    ]
    told = (line for line in lines if not re.search("· (preparing|sending|sent)", line))
    assert next(told).startswith("demo engine · queued, place 1")
    assert any("working" in text for text in lines)
    assert lines[-1].startswith("demo engine · done in")


STOPPABLE = "e = kx.edit(picture, 'Make it night')"


def interrupted(running, request):
    """Press Stop, and return the error that the cell ends with, in time (P9)."""
    pressed_s = time.monotonic()
    running.manager.interrupt_kernel()
    last = running.outputs(request)[-1]
    assert time.monotonic() - pressed_s < LATE_S
    assert last["header"]["msg_type"] == "error"
    return last


def stopped_at(running, word, code=STOPPABLE, error="KeyboardInterrupt"):
    """Send a long edit, press Stop once its line says ``word``; return the error."""
    request = running.send(code, "long")
    running.outputs(
        request,
        until=lambda m: word in m["content"].get("data", {}).get("text/plain", ""),
    )
    last = interrupted(running, request)
    assert last["content"]["ename"] == error
    return last["content"]["evalue"]


STATE = """
from kontext_nb.session.desk import Desk
from kontext_nb.session.settings import current
import sqlite3
db = sqlite3.connect(Desk(current()).ledger.path)
print(*(row[0] for row in db.execute("SELECT state FROM jobs")))
"""


def test_stop_cancels_a_queued_job_and_says_so(running):
    """Interrupting while the job is queued cancels it at the service, once."""
    begin(running, seconds=90)
    assert "still queued and is cancelled" in stopped_at(running, "queued")
    assert running.run(STATE).split() == ["cancelled"]


@pytest.mark.parametrize("bridge", ["thread", "nest"])
@pytest.mark.parametrize("inside", ["", "asyncio.gather"])
def test_stop_ends_an_edit_in_a_cell_that_awaits(running, bridge, inside):
    """Also in a task of its own, where a KeyboardInterrupt would end the kernel."""
    begin(running, bridge=bridge, seconds=90)
    code = f"""
import asyncio
async def f():
    kx.edit(picture, 'Make it night')
await {inside}(f())
"""
    said = stopped_at(running, "queued", code, "CancelledError")
    assert inside or "still queued and is cancelled" in said
    assert running.run(STATE).split() == ["cancelled"]


def test_stop_ends_an_edit_that_is_awaited(running):
    """`await` of an edit ends when told, not when something else wakes the loop."""
    begin(running, seconds=90)
    code = "print('off'); await kx.edit(picture, 'Make it night', wait=False)"
    request = running.send(code)
    running.outputs(request, until=lambda m: "off" in m["content"].get("text", ""))
    interrupted(running, request)
    assert running.run("print(1)").strip() == "1"


def test_stop_leaves_a_running_job_to_be_collected(running):
    """A job that has started goes on; re-running the cell collects it, sending none."""
    begin(running, seconds=4.5)
    assert "goes on" in stopped_at(running, "working")
    assert running.run(STATE).split() == ["running"]
    assert (
        running.run(STOPPABLE + "; print(e.prompt)", "long").strip() == "Make it night"
    )
    assert running.run(STATE).split() == ["done"]


def test_a_rerun_cell_gets_its_edits_back_after_a_restart(running, tmp_path):
    """The same cell asks again: nothing is made; another cell gets its own edit."""
    code = "e = kx.edit(picture, 'Make it night'); print(e.reused, e.seed)"
    begin(running)
    first = running.run(code, "a").split()
    assert first[0] == "False"
    assert running.run(code, "a").split() == ["True", first[1]]
    running.restart()
    begin(running)
    assert running.run(code, "a").split() == ["True", first[1]]
    assert running.run(code, "b").split()[0] == "False"
    assert (tmp_path / ".kontext" / "ledger.sqlite3").exists()


def test_a_headless_run_finds_what_a_front_end_made(running):
    """The same code without cell ids is the same cell: nothing is made again."""
    code = "e = kx.edit(picture, 'Make it night'); print(e.seed)"
    begin(running)
    made = running.run(code, "an-id-of-jupyterlab")
    assert running.run(code, cell_id=None) == made


def test_an_edit_that_the_kernels_end_cut_short_is_made_anew(running):
    """The demo engine ends with its kernel: re-running the cell makes it anew."""
    begin(running, seconds=90)
    request = running.send(STOPPABLE, "long")
    running.outputs(request, until=lambda m: "queued" in str(m["content"]))
    running.restart()
    begin(running)
    again = STOPPABLE + "; print(e.reused)"
    assert running.run(again, "long").strip() == "False"


def test_a_view_is_two_outputs(running):
    """First what stays in the file, which can be renewed; then the live view alone."""
    begin(running)
    code = "view = kx.compare(picture, picture); display(view); view.renew_still()"
    seen = running.outputs(running.send(code))
    shown = [m for m in seen if "display_data" in m["header"]["msg_type"]]
    still, live, renewed = shown
    model = live["content"]["data"][LIVE]["model_id"]
    assert f'data-kx="{model}"' in still["content"]["data"]["text/html"]
    assert set(still["content"]["data"]) == {"text/plain", "text/html", "image/jpeg"}
    assert set(live["content"]["data"]) == {"text/plain", LIVE}
    assert renewed["header"]["msg_type"] == "update_display_data"
    assert renewed["content"]["transient"] == still["content"]["transient"]
    assert renewed["content"]["data"] == still["content"]["data"]


def test_an_error_is_short(running):
    """What the engine refuses is a few lines, and its two sentences stand last."""
    begin(running)
    seen = running.outputs(running.send("kx.edit(picture, 'Remove the bottle')"))
    (error,) = (m for m in seen if m["header"]["msg_type"] == "error")
    shown = "\n".join(error["content"]["traceback"])
    assert "runner.py" not in shown
    assert "futures" not in shown
    assert len(shown.splitlines()) < 70


def test_a_loop_gets_as_many_edits_as_it_asks_for(running):
    """Three equal calls in one run are three edits, each found again on a re-run."""
    begin(running)
    code = "print(*(kx.edit(picture, 'Make it night').seed for _ in range(3)))"
    first = running.run(code).split()
    assert len(set(first)) == 3
    assert running.run(code).split() == first


def test_an_edit_can_be_awaited(running):
    """`wait=False` gives something a cell can await while others run."""
    begin(running)
    code = "e = await kx.edit(picture, 'Make it night', wait=False); print(e.model)"
    assert running.run(code).strip() == "demo engine"


def test_a_running_kernel_sees_no_key(running):
    """The test's own environment has no token: what runs here is the demo."""
    assert "RUNCOMFY_TOKEN" not in os.environ
    code = "kx.configure(provider=None); print(kx.edit(picture, 'Make it sepia').model)"
    begin(running)
    assert running.run(code).strip() == "demo engine"
