"""The README is part of the product: its commands and examples are what works."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.cli.main import cli
from tests import smaller

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def command(ending):
    """Return the README's one-line command that ends so."""
    (found,) = (b.strip() for b in blocks("sh") if b.strip().endswith(ending))
    assert "\n" not in found
    return found


def test_the_readme_is_short():
    """At most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_readmes_test_command():
    """What lands was tested by the very command users are given."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert command("-m pytest") in script


def test_the_notebook_command_opens_a_notebook_that_exists():
    """The first command ends in the quickstart."""
    notebook = command("01-quickstart.ipynb").rsplit(" ", 1)[1]
    assert (ROOT / notebook).exists()


def test_what_the_readme_shows_exists():
    """Every local link and picture is there."""
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_python_example_runs(tmp_path, monkeypatch):
    """The example does what its comments say, with the demo engine."""
    monkeypatch.chdir(tmp_path)
    smaller.results(monkeypatch, by=3)
    (code,) = blocks("python")
    ast.parse(code)
    scope = {}
    exec(compile(code, "README.md", "exec"), scope)  # noqa: S102 - our own text
    assert Image.open("bottle-blue.png").text["kontext_nb"].count("AURA") == 1
    assert Image.open("grid.png").width > 1000
    assert len(scope["e2"].chain) == 2


def test_the_shell_example_runs(tmp_path):
    """The same job in a shell: stdout is the file's name and nothing else."""
    kx.samples.street().save(tmp_path / "photo.jpg")
    (line,) = (b for b in blocks("sh") if b.startswith("kontext-nb edit"))
    script = Path(sys.executable).parent
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{script}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "out.png\n"
    assert "demo engine" in done.stderr
    assert Image.open(tmp_path / "out.png").size in {(1184, 880), (1248, 832)}


@pytest.mark.parametrize("verb", cli.commands)
def test_every_command_is_in_the_readme(verb):
    """No verb of the command line is undocumented."""
    assert f"kontext-nb {verb}" in README


def test_binder_builds_what_the_readme_installs():
    """Binder's files install this package with JupyterLab and pass a shell's check."""
    wanted = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert ".[lab]" in wanted
    script = ROOT / "binder" / "postBuild"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_the_changelog_has_the_version_in_work():
    """Keep-a-Changelog form: what is not released yet stands on top."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", text, re.MULTILINE)
