"""What the documents say is what is there: tests, commands, states."""

import inspect
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement

from kontext_nb.cli.main import cli
from kontext_nb.errors import KontextError
from kontext_nb.lifecycle import TABLE, Event, State, diagram
from kontext_nb.session.settings import Settings
from kontext_nb.widgets import view

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
FRONT_ENDS = (ROOT / "docs" / "front-ends.md").read_text(encoding="utf-8")
NAMED = {*CODE, *re.findall(r"`([^`\n]+)`", FRONT_ENDS)}
HELD_BY = sorted(c for c in NAMED if c.startswith(("test_", "browser/test_")))
COMMANDS = sorted({c for c in CODE if c.startswith("kontext-nb ")})


def test_the_page_is_short():
    """At most 150 lines."""
    assert len(TEXT.splitlines()) <= 150


def test_the_diagram_is_the_table():
    """The picture of a job's life is drawn from what the program runs by."""
    (drawn,) = re.findall(r"```mermaid\n(.*?)\n```", TEXT, re.DOTALL)
    assert drawn == diagram()
    arrows = re.findall(r"^ +(\w+) --> (\w+): (\w+)$", drawn, re.MULTILINE)
    read = {(State(s), Event(event)): State(to) for s, to, event in arrows}
    assert read == TABLE


@pytest.mark.parametrize("name", HELD_BY)
def test_every_test_that_is_named_exists(name):
    """A promise names a file of tests, or one function in it."""
    file, _, function = name.partition("::")
    path = ROOT / "tests" / file
    assert path.is_file(), f"{file} is not there"
    if function:
        assert f"def {function}(" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_that_is_shown_parses(line):
    """Names in capitals stand for an id; nothing is run."""
    words, command = shlex.split(line)[1:], cli
    while isinstance(command, click.Group) and words:
        command = command.commands[words.pop(0)]
    command.make_context(line, words)


def test_what_was_tried_is_what_may_be_installed():
    """Versions that the page on front ends names are within the project's bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = map(Requirement, [*project["dependencies"], *extras["test"]])
    bounds = {one.name: one.specifier for one in wanted}
    tried = re.findall(r"\| (\w+) (\d+\.\d+\.\d+)", FRONT_ENDS)
    assert len(tried) == 8
    assert [f"{n} {v}" for n, v in tried if v not in bounds[n]] == []


def test_the_page_quotes_what_a_view_says():
    """Who tries a front end by hand looks for the words that are really shown."""
    assert "Saved from a live view" in FRONT_ENDS
    assert "Saved from a live view" in view._FIGURE


def test_there_is_something_to_check():
    """The patterns above find what is on the page."""
    assert len(HELD_BY) > 30
    assert len(COMMANDS) > 10


def codes(kind):
    """Return the exit codes of an error and of all below it."""
    yield kind.exit_code
    for below in kind.__subclasses__():
        if below.__module__ == "kontext_nb.errors":
            yield from codes(below)


def test_every_exit_code_is_explained():
    """The table has each code that an error of ours ends with."""
    told = set()
    for cells in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE):
        told |= {int(code) for code in cells.split(",")}
    assert set(codes(KontextError)) - {KontextError.exit_code} <= told


@pytest.mark.parametrize("name", ["budget_usd", "max_edits"])
def test_the_caps_are_settings(name):
    """What the page tells to configure can be configured."""
    assert f"{name}=…" in TEXT
    assert name in inspect.signature(Settings).parameters
