"""What is installed: the package and all it needs, and nothing else."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kontext_nb"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """Every module and script of it, its licence, no test, store or picture."""
    inside = {n for n in wheel.namelist() if not n.partition("/")[0].endswith("-info")}
    kept = {".py", ".js", ".css", ".typed"}
    wanted = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.suffix in kept or path.name == "py.typed"
    }
    assert inside == wanted
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_what_is_in_the_wheel_edits_a_picture(wheel, tmp_path):
    """Unpacked elsewhere, it runs by itself: an edit by the demo engine."""
    place = tmp_path / "site"
    wheel.extractall(place)  # our own, just built
    code = (
        "import sys; import kontext_nb as kx;"
        "assert kx.__file__.startswith(sys.argv[1]);"
        "print(kx.edit(kx.samples.bottle(), 'Make it night', seed=1).image.size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(place)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.fullmatch(r"\(\d+, \d+\)\n", done.stdout)


def test_the_wheel_has_nothing_of_this_machine(wheel):
    """No path of whoever built it, and no token."""
    home = str(ROOT).encode()
    for name in wheel.namelist():
        data = wheel.read(name)
        assert home not in data, name
        assert not re.search(rb"Bearer [A-Za-z0-9_-]{20,}", data), name
