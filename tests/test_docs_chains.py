"""The page about chains does what it says, in Python and in a real kernel."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests import kernels, smaller

PAGE = Path(__file__).parent.parent / "docs" / "chains.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language):
    """Return the examples in a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.usefixtures("small_results")
def test_the_python_examples_run(tmp_path):
    """One after the other, as somebody who reads on would run them."""
    scope = {}
    found = blocks("python")
    assert len(found) == 5
    for code in found:
        exec(compile(code, str(PAGE), "exec"), scope)  # noqa: S102 - our own text
    assert "poster" in (tmp_path / "chain.html").read_text("utf-8")
    assert Image.open(tmp_path / "chain.png").width > 500


def test_the_magic_examples_run(tmp_path):
    """Each is a cell, and what it shows is there."""
    found = blocks("ipython")
    assert len(found) == 8
    with kernels.kernel(tmp_path) as running:
        running.run(smaller.code(by=4))
        for number, code in enumerate(found):
            running.run(code, f"cell-{number}")
    assert Image.open(tmp_path / "grid.png").width > 500


def test_the_page_names_every_option_of_the_magic():
    """What can be written on the line is on the page."""
    from kontext_nb import magics

    for action in (*magics._cell_parser()._actions, *magics._line_parser()._actions):
        for option in action.option_strings[-1:]:
            assert option == "--help" or option in TEXT
        for choice in action.choices or ():
            assert f"%kontext {choice}" in TEXT


def test_the_page_is_short():
    """At most 150 lines."""
    assert len(TEXT.splitlines()) <= 150
