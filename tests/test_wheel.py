"""What is installed: the package and all it needs, and nothing else."""

import os
import re
import subprocess
import sys
import zipfile
from functools import partial
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
    with zipfile.ZipFile(built) as opened:
        yield opened


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


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_it_works_where_nothing_else_is_installed(wheel, tmp_path):
    """In a fresh environment it brings all it needs: the command edits a picture."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "fresh"],
        cwd=tmp_path,
        check=True,
    )
    python = tmp_path / "fresh" / "bin" / "python"
    pip = ["python3", "-m", "pip", "--python", str(python), "install", "-q"]
    subprocess.run([*pip, wheel.filename], cwd=tmp_path, check=True)
    said = partial(subprocess.run, cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    code = "import kontext_nb as kx; kx.samples.bottle().save('bottle.png')"
    said([str(python), "-I", "-c", code])
    command = str(python.with_name("kontext-nb"))
    edit = ("edit", "bottle.png", "Make it night", "--out", "night.png")
    said([command, *edit])
    assert (tmp_path / "night.png").stat().st_size
    assert b" 0 fail" in said([command, "doctor", "--offline"]).stdout
