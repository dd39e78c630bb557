"""The page about preservation does what it says."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests import smaller

PAGE = Path(__file__).parent.parent / "docs" / "preservation.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture
def _half_as_large(monkeypatch):
    """Have the demo engine give a quarter of the pixels: lettering is still read."""
    smaller.results(monkeypatch, by=2)


@pytest.mark.usefixtures("_half_as_large")
def test_the_examples_run(tmp_path):
    """One after the other, as somebody who reads on would run them."""
    scope = {}
    found = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(found) == 6
    for code in found:
        exec(compile(code, str(PAGE), "exec"), scope)  # noqa: S102 - our own text
    assert scope["e"].kept == ""
    assert scope["best"].seed in {3, 4, 5}
    assert Image.open(tmp_path / "drift.png").width > 300


def test_its_pictures_are_there():
    """Each picture the page shows is a file beside it, with words for it."""
    shown = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", TEXT)
    assert len(shown) == 3
    for words, name in shown:
        assert len(words) > 20
        Image.open(PAGE.parent / name).verify()
