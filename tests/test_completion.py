"""TAB completes the command in the shells people have, each asked for real."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest

from kontext_nb.cli.completion import SHELLS
from kontext_nb.cli.main import cli
from tests.test_cli import run

PATIENCE_S = 60


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put the command on the path, as an installation does."""
    script = tmp_path / "bin" / "kontext-nb"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nfrom kontext_nb.cli.main import main\nmain()\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    # The terminals of the tests are plain ones.
    monkeypatch.setenv("TERM", "dumb")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shells_script_is_printed(shell):
    """It asks this very program, and nothing else is said."""
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_KONTEXT_NB_COMPLETE={shell}_complete" in done.stdout
    assert "kontext-nb" in done.stdout


def test_a_shell_that_is_not_known_is_a_usage_error():
    """The others are named."""
    done = run("completion", "csh")
    assert (done.returncode, done.stdout) == (64, "")
    assert all(shell in done.stderr for shell in SHELLS)


def test_the_help_says_how_to_install_it():
    """One line for each shell's own file."""
    told = run("completion", "--help").stdout
    for line in (
        'eval "$(kontext-nb completion bash)"',
        'eval "$(kontext-nb completion zsh)"',
        "kontext-nb completion fish | source",
    ):
        assert line in told
    assert max(map(len, told.splitlines())) <= 80


def shell_or_skip(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} here")
    return path


class Terminal:
    """A shell in a terminal of its own, typed into as people do."""

    def __init__(self, *command):
        self.handle, its_end = pty.openpty()
        ends = dict.fromkeys(("stdin", "stdout", "stderr"), its_end)
        self.process = subprocess.Popen(command, start_new_session=True, **ends)
        os.close(its_end)
        self.shown = ""

    def type(self, text):
        os.write(self.handle, text.encode())

    def wait_for(self, text):
        """Read until the text is shown, and forget what was shown until there."""
        until = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            ready, _, _ = select.select([self.handle], [], [], PATIENCE_S)
            assert ready, self.shown
            assert time.monotonic() < until, self.shown
            self.shown += os.read(self.handle, 4096).decode("utf-8", "replace")
        self.shown = self.shown.partition(text)[2]

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.handle)


INSTALLING = {
    "bash": (
        ("--norc", "--noprofile", "-i"),
        'eval "$(kontext-nb completion bash)"',
    ),
    "zsh": (
        ("-f", "-i"),
        'autoload -Uz compinit; compinit -u -D; eval "$(kontext-nb completion zsh)"',
    ),
}


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("name", INSTALLING)
def test_tab_completes_in_a_terminal(name):
    """`kontext-nb mo` and TAB is `kontext-nb models`, after the line from the help."""
    options, line = INSTALLING[name]
    terminal = Terminal(shell_or_skip(name), *options)
    try:
        # In quotes, so that the echo of the typing is not taken for the answer.
        terminal.type(f"{line}; echo re''ady\n")
        terminal.wait_for("ready")
        terminal.type("kontext-nb mo\t")
        terminal.wait_for("kontext-nb mo")
        terminal.wait_for("dels")
    finally:
        terminal.end()


@pytest.mark.usefixtures("program")
def test_fish_completes():
    """Asked through its own builtin, which is what TAB asks."""
    fish = shell_or_skip("fish")
    line = 'kontext-nb completion fish | source; complete -C "kontext-nb mo"'
    done = subprocess.run(
        [fish, "--no-config", "-c", line], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\t")[0].strip() == "models"


@pytest.mark.usefixtures("program")
def test_every_verb_can_be_completed():
    """What the shell is told is what the command has."""
    asked = {"COMP_WORDS": "kontext-nb ", "COMP_CWORD": "1"}
    done = subprocess.run(
        ["kontext-nb"],
        env=os.environ | asked | {"_KONTEXT_NB_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = {line.removeprefix("plain,") for line in done.stdout.splitlines()}
    assert told == set(cli.commands)
