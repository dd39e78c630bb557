"""Every test gets a clean environment and a store of its own."""

import os

import hypothesis
import pytest

from tests.billing import as_environment, till

# How long an example takes says something of the machine, and nothing of the rule.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No key, setting, proxy or home folder of the machine reaches a test."""
    for name in list(os.environ):
        ours = name.startswith(("RUNCOMFY_", "KONTEXT_NB_", "XDG_", "JPY_"))
        if ours or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Run a service that keeps books, and point this process at it."""
    with till(tmp_path / "till") as opened:
        for name, value in as_environment(opened.origin).items():
            monkeypatch.setenv(name, value)
        yield opened
