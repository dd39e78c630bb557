"""Every test gets a clean environment and a store of its own."""

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No key, setting or home folder of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(("RUNCOMFY_", "KONTEXT_NB_", "XDG_", "JPY_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
