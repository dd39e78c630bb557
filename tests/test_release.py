"""How a release is made: by nothing that could be swapped, with no right too many."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent / ".github"
WORKFLOWS = sorted(HERE.glob("workflows/*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path):
    """A tag can be moved to other code; a commit cannot. The tag stands beside it."""
    used = re.findall(r"uses: *(.*)", path.read_text("utf-8"))
    assert used
    pinned = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)+")
    assert [use for use in used if not pinned.fullmatch(use)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_but_those_it_names(path):
    """By default none; the one job that signs and publishes runs no code of others."""
    text = path.read_text("utf-8")
    assert "\npermissions: {}\n" in text
    assert "pull_request_target" not in text
    assert "secrets." not in text
    for job in re.split(r"\n  (?=\w+:\n)", text):
        if "write" in re.findall(r": (write)\b", job):
            assert "run:" not in job


def test_what_builds_a_release_is_locked_by_digest():
    """Each tool at one version, with the digests that its file may have."""
    lines = (HERE / "build.txt").read_text("utf-8").replace("\\\n", "").splitlines()
    tools = [line for line in lines if not line.startswith("#")]
    assert any(tool.startswith("hatchling==") for tool in tools)
    for tool in tools:
        assert re.fullmatch(r"[\w-]+==[\w.]+ ( +--hash=sha256:[0-9a-f]{64} ?)+", tool)
