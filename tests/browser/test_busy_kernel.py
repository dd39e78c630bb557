"""The Editor while its kernel is busy with another cell, in a real JupyterLab."""

import contextlib
import os
import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.conftest import until

pytestmark = pytest.mark.browser

SETTINGS, EDITOR, BUSY, MADE = range(4)  # the cells
CELLS = (
    """import os
import kontext_nb as kx
kx.configure(provider='demo', widgets='{widgets}')
os.mkfifo('gate')""",
    "editor = kx.Editor(kx.samples.bottle().resize((96, 128)))\neditor",
    "open('gate').read()",  # it waits until who writes there goes
    "editor.settled()\nprint([edit.prompt for edit in editor.chain])",
)


class Busy:
    """Who uses an Editor while a cell runs."""

    def __init__(self, lab, widgets):
        self.lab = lab
        cells = [new_code_cell(cell.replace("{widgets}", widgets)) for cell in CELLS]
        lab.open(new_notebook(cells=cells))
        lab.run(SETTINGS)
        lab.run(EDITOR)
        self._gate = None
        self.here = lab.show(EDITOR)
        self.box = self.here.get_by_label("Instruction", exact=True)

    def run(self):
        self.here.get_by_role("button", name=re.compile("Run$")).click()

    def choose(self, *numbers):
        for number in numbers:
            self.here.get_by_label("Variants").select_option(number)

    def say(self, *texts):
        for text in texts:
            self.box.fill(text)

    def occupy(self):
        """Run the cell that waits, until it does."""
        self.lab.begin(BUSY)
        self._gate = until(self._opened, "the cell to wait")
        self.lab.show(EDITOR)

    def _opened(self):
        with contextlib.suppress(OSError):  # as long as nobody reads there
            return os.open(self.lab.folder / "gate", os.O_WRONLY | os.O_NONBLOCK)
        return None

    def release(self):
        """Let the cell end, if it waits."""
        if self._gate is not None:
            os.close(self._gate)
            self._gate = None

    def done(self, said):
        """Let the cell end; return what was made, once it is said to be."""
        self.release()
        self.here.get_by_text(said).first.wait_for()
        self.lab.run(MADE)
        return self.lab.text(MADE)


@pytest.fixture
def using(lab):
    """Return what opens an Editor with these widgets; no cell waits afterwards."""
    opened = []
    yield lambda widgets: opened.append(Busy(lab, widgets)) or opened[-1]
    for one in opened:
        one.release()


def test_run_makes_what_is_seen_when_it_is_pressed(using):
    """Not what the kernel heard until then, nor what is chosen afterwards.

    It is tried twice: a widget that was used before is heard on another thread.
    """
    busy = using("live")
    busy.occupy()
    busy.choose("3", "4", "2")
    busy.say("Make it", "Make it night", "Make it sepia")
    busy.run()
    busy.choose("4")
    busy.say("Make it brighter")
    assert busy.done("2 of 2 done.") == f"{['Make it sepia'] * 2}\n"
    assert busy.box.input_value() == "Make it brighter"
    busy.occupy()
    busy.choose("2", "1", "3")
    busy.say("Make it", "Make it darker")
    busy.run()
    busy.choose("1")
    made = ["Make it sepia"] * 2 + ["Make it darker"] * 3
    assert busy.done("3 of 3 done.") == f"{made}\n"


def test_of_plain_widgets_run_makes_the_whole_text(using):
    """Though it was typed letter by letter."""
    busy = using("plain")
    busy.occupy()
    busy.box.press_sequentially("Make it sepia")
    busy.run()
    assert busy.done("Done.") == "['Make it sepia']\n"
