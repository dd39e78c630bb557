"""A real IPython kernel, driven as a front end drives it: requests may be queued."""

import os
import sys
from contextlib import contextmanager

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

TIMEOUT_S = 60
# The demo engine's results are small: no rule that is asked of a kernel is of a size.
LESSON = """
import kontext_nb as kx
from kontext_nb import sizes
from PIL import Image
sizes.SIZES = ((256, 256),)
picture = Image.new("RGB", (32, 24), (90, 140, 60))
"""
EDIT = "e = kx.edit(picture, 'Make it darker'); print(e.reused, e.seed)"
# Another environment with kontext_nb and an ipykernel of its own can be tried.
PYTHON = os.environ.get("KERNEL_PYTHON", sys.executable)
LAUNCH = [PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Kernel:
    """A running kernel and what it published."""

    def __init__(self, manager):
        self.manager = manager
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT_S)

    def send(self, code, cell_id="cell-1", **metadata):
        """Queue a cell, as a front end does (a headless one knows no cell id)."""
        content = {"code": code, "silent": False, "store_history": True}
        # What comes right after an error would otherwise be thrown away unrun.
        content |= {
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        metadata |= {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def outputs(self, request, until=lambda _: False):
        """Return a cell's output messages, to its end or to the first that fits."""
        seen = []
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["header"]["msg_type"] == "status":
                if message["content"]["execution_state"] == "idle":
                    return seen
                continue
            seen.append(message)
            if until(message):
                return seen

    def run(self, code, cell_id="cell-1", **metadata):
        """Run a cell to its end and return what it printed; an error fails the test."""
        seen = self.outputs(self.send(code, cell_id, **metadata))
        errors = [m for m in seen if m["header"]["msg_type"] == "error"]
        assert not errors, "\n".join(errors[0]["content"]["traceback"])
        return printed(seen)

    def replies(self, requests):
        """Return the replies to these requests, in the order they come."""
        found = []
        while len(found) < len(requests):
            message = self.client.get_shell_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") in requests:
                found.append(message)
        return found

    def go_to(self, folder):
        """Make ``folder`` the notebook's, also over restarts."""
        self._folder = folder
        self.run(f"import os; os.chdir({str(folder)!r})")

    def restart(self):
        """Restart, as from the menu."""
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=TIMEOUT_S)
        self.go_to(self._folder)


def printed(messages):
    """Return the text that went to stdout."""
    return "".join(
        m["content"]["text"]
        for m in messages
        if m["header"]["msg_type"] == "stream" and m["content"]["name"] == "stdout"
    )


@contextmanager
def kernel(folder):
    """Start a kernel in ``folder`` and shut it down after."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(argv=LAUNCH, language="python")
    manager.start_kernel(cwd=str(folder))
    running = None
    try:
        running = Kernel(manager)
        running.go_to(folder)
        yield running
    finally:
        if running:
            running.client.stop_channels()
        manager.shutdown_kernel(now=True)


@contextmanager
def lesson(folder):
    """Start a kernel that was told its notebook, as JupyterLab tells it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPY_SESSION_NAME", str(folder / "lesson.ipynb"))
        with kernel(folder) as one:
            one.folder = folder
            yield one
