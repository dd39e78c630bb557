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


@pytest.mark.parametrize(
    ("name", "needed"),
    [("build", "hatchling"), ("test", "pytest"), ("tools", "pip-audit")],
)
def test_what_is_installed_is_locked_by_digest(name, needed):
    """Each package at one version, with the digests that its file may have."""
    text = (HERE / f"{name}.txt").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert any(line.startswith(f"{needed}==") for line in lines)
    locked = re.compile(r"[\w-]+==[\w.]+( ; [^#]+)? ( +--hash=sha256:[0-9a-f]{64} ?)+")
    assert [line for line in lines if not locked.fullmatch(line)] == []


def test_nothing_is_installed_but_by_digest():
    """Neither to land nor to release; only the wheel is tried with what is newest."""
    scripts = [HERE.parent / ".ci" / "run", *WORKFLOWS]
    text = "\n".join(script.read_text("utf-8") for script in scripts)
    installs = re.findall(r"\binstall (?!-y|-qq)(.*)", text)
    unlocked = {how.split(" &&")[0] for how in installs if "--req" not in how}
    # The README's own command comes where nothing more can be had.
    assert unlocked == {"-q -e '.[test]'", "dist/*.whl"}
    for before in text.split("-e '.[test]'")[:-1]:
        assert before.rindex("PIP_NO_INDEX=1") > before.rindex("--require-hashes")


def test_a_release_is_published_without_a_token_and_attested():
    """By the index's trust in the workflow, with what it was made of."""
    text = (HERE / "workflows" / "release.yml").read_text("utf-8")
    publish = text[text.index("\n  publish:") :]
    assert "environment: pypi" in publish
    assert "id-token: write" in publish
    for action in ("attest-build-provenance", "attest-sbom", "gh-action-pypi-publish"):
        assert f"/{action}@" in publish


def test_known_vulnerabilities_are_looked_for():
    """Each week and with each change, among all that is locked."""
    text = (HERE / "workflows" / "tests.yml").read_text("utf-8")
    assert "schedule:" in text
    assert re.search(r"pip-audit --strict --require-hashes .*/test\.txt", text)
