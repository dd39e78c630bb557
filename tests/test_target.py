"""Where things are saved: refused early, and a picture says what made it."""

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kontext_nb import target
from kontext_nb.errors import NotSaved, ParameterRejected


def scene():
    return Image.new("RGB", (16, 12), "teal")


def facts_in(path):
    with Image.open(path) as saved:
        return saved.info.get("kontext_nb") or saved.getexif()[0x010E]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_saved_picture_carries_its_facts(tmp_path, suffix):
    """What made the picture can be read back from the file alone."""
    path = target.write(scene(), tmp_path / f"out{suffix}", {"seed": 7})
    assert facts_in(path) == '{"seed": 7}'
    assert [p.name for p in tmp_path.glob("*out*")] == [path.name]


def test_saving_elsewhere_is_refused(tmp_path):
    """An unknown suffix or folder is an error that lists what works."""
    with pytest.raises(ParameterRejected, match=r"\.png, \.jpg"):
        target.write(scene(), tmp_path / "out.tiff", {})
    with pytest.raises(ParameterRejected, match="no folder"):
        target.write(scene(), tmp_path / "none" / "out.png", {})


def chain_of(number):
    """The facts of an edit at the end of a long chain of long, foreign prompts."""
    parents = [{"prompt": f"{n} " + "\u591c" * 3990, "seed": n} for n in range(number)]
    return {"prompt": "\U0001f307" * 4000, "seed": 1, "parents": parents}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_long_chain_can_be_saved(tmp_path, suffix):
    """PNG and WebP have room for all; a JPEG keeps the newest and counts the rest."""
    told = chain_of(5)
    found = json.loads(facts_in(target.write(scene(), tmp_path / f"o{suffix}", told)))
    omitted = found.pop("parents_omitted", 0)
    assert omitted == (5 if suffix == ".jpg" else 0)
    assert found == told | {"parents": told["parents"][omitted:]}


@given(st.integers(0, 60), st.integers(0, 3000))
def test_a_jpeg_keeps_as_many_parents_as_fit(number, length):
    """Never more than the room there is, and never fewer than would have fitted."""
    parents = [{"prompt": "x" * length, "seed": n} for n in range(number)]
    told = {"prompt": "y", "parents": parents}
    text = target._fitting(told)
    assert len(text) <= target.MAX_EXIF_CHARS
    found = json.loads(text)
    omitted = found.get("parents_omitted", 0)
    assert found["parents"] == parents[omitted:]
    if omitted:
        one_more = told | {"parents": parents[omitted - 1 :], "parents_omitted": 99}
        assert len(json.dumps(one_more)) > target.MAX_EXIF_CHARS


BAD_PATHS = {
    "a name too long": "x" * 252 + ".png",
    "a folder's name too long": "x" * 300 + "/a.png",
    "NUL": "a\0b.png",
    "bytes": b"a.png",
    "a number": 3,
    "none": None,
    "nobody's home": "~nobody-of-that-name/a.png",
    "a link to itself": "loop.png",
    "a file as folder": "file/a.png",
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_path_no_system_takes_is_refused_early(name, tmp_path):
    """The same typed error for each, in one line, and nothing is left behind."""
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "file").touch()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ParameterRejected) as caught:
        target.check_savable(BAD_PATHS[name])
    assert str(caught.value).isprintable()
    assert sorted(tmp_path.iterdir()) == before


def test_the_longest_name_that_is_allowed_is_saved(tmp_path):
    """What is written aside needs no longer name than the file itself."""
    name = "x" * 251 + ".png"
    assert target.write(scene(), tmp_path / name, {}).name == name


def test_a_home_folder_is_resolved():
    """A quoted ~ means what it means to a shell."""
    assert target.check_savable("~/a.png") == Path(os.environ["HOME"]) / "a.png"


def test_a_folder_that_vanishes_is_told_as_such(tmp_path):
    """Cleaning up after a failed save does not hide why it failed."""
    folder = tmp_path / "gone"
    folder.mkdir()
    with (
        pytest.raises(NotSaved, match="No such file"),
        target.replacing(folder / "a.png"),
    ):
        folder.rmdir()


def a_file(path):
    path.write_bytes(b"precious")


def a_link(path):
    path.symlink_to("elsewhere.png")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("there", [a_file, a_link])
def test_a_name_that_something_bears_is_left_to_it(there, links, tmp_path, monkeypatch):
    """Also where a file has one name only; by force a link itself is replaced."""
    if not links:

        def refused(*_):
            raise PermissionError(errno.EPERM, "none of that here")

        monkeypatch.setattr(Path, "hardlink_to", refused)
    path = tmp_path / "out" / "a.png"
    path.parent.mkdir()
    assert target.write(scene(), path, {"seed": 7}, replace=False) == path
    assert facts_in(path) == '{"seed": 7}'
    path.unlink()
    there(path)
    before = path.lstat()
    with pytest.raises(NotSaved, match=r"a\.png' exists by now"):
        target.write(scene(), path, {}, replace=False)
    assert path.lstat() == before
    assert list(path.parent.iterdir()) == [path]
    target.write(scene(), path, {"seed": 8})
    assert facts_in(path) == '{"seed": 8}'
    assert list(path.parent.iterdir()) == [path]
