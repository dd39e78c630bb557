"""Names from elsewhere are words: a service's and a prompt's stay in their folder."""

import contextlib
import json
import os
import sqlite3
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

import kontext_nb as kx
from kontext_nb import target
from kontext_nb.errors import (
    ImageRejected,
    InputRejected,
    KontextError,
    SettingRejected,
)
from kontext_nb.session import media, settings, tokens
from kontext_nb.session.media import media_suffix, safe_stem
from tests import faulty
from tests.fuzzing import saved
from tests.test_fetch import TOKEN
from tests.test_grids_hostile import PAYLOADS

NAMES = (
    *(
        "..",
        "../x",
        "../../etc/passwd",
        "..\\..\\x",
        "a/../../b",
        "....//x",
        "./.",
        ".",
    ),
    *(
        "/etc/passwd",
        "//etc/passwd",
        "C:\\x.mp4",
        "C:x.mp4",
        "c:",
        "\\\\host\\share\\x",
    ),
    *("//host/share/x", "file:///etc/passwd", "x\0.mp4", "\0", "a" * 300, "ä" * 300),
    *("CON", "con.mp4", "NUL.txt", "aux", "COM1.mp4", "LPT9", "PRN.tar.gz", "com¹"),
    *(".ssh/authorized_keys", ".bashrc", "~/x", "~root/x", "$HOME/x", "%APPDATA%\\x"),
    *("\u202egpm.exe", "\u2066x", "\ufeffx", "x\u200b.mp4", "\ud800.mp4", "x\n.mp4"),
    *("x\r\nSet-Cookie: a", "\x1b[31mx", "x ", " x", "x.", "x...", "-rf", "--force"),
    *("x;rm -rf .", "$(id).mp4", "`id`.mp4", "x|y", "x*?.mp4", "x:stream", ""),
)


def spelt(name):
    """Return the ways a name may stand in an address."""
    plain = name.encode("utf-8", "surrogatepass")
    yield f"https://x.runcomfy.net/cdn/{name}"
    yield f"https://x.runcomfy.net/cdn/{quote(plain, safe='')}"
    yield f"https://x.runcomfy.net/cdn/{quote(quote(plain, safe=''), safe='')}"
    yield name


def check_stem(stem, folder):
    """Fail unless the stem is a plain name on any system, whatever is put behind it."""
    assert 0 < len(stem) <= 81
    assert stem.isascii()
    assert set(stem) - set("._-") <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    )
    assert stem[0] not in ".-"
    for flavour in (PurePosixPath, PureWindowsPath):
        assert flavour(stem + ".mp4").name == stem + ".mp4"
    bare = stem.partition(".")[0].lower()
    assert bare not in ("con", "prn", "aux", "nul")
    assert not (bare[:3] in ("com", "lpt") and bare[3:].isdigit() and len(bare) == 4)
    assert (folder / f"{stem}.mp4").resolve().parent == folder.resolve()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_hostile_name_stays_in_its_folder(name, tmp_path):
    """However it is spelt in an address, what is written is a plain file there."""
    for url in spelt(name):
        stem = safe_stem(url)
        check_stem(stem, tmp_path)
        (tmp_path / f"{stem}.mp4").write_bytes(b"x")
        suffix = media_suffix(url, "")
        assert suffix in {None, *media._KNOWN}
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".mp4"}


@given(st.text() | st.text(st.sampled_from("./\\:%~ \0\u202eaA0con")))
def test_no_name_leaves_its_folder(tmp_path_factory, name):
    """Whatever a service calls a file, its stem is a plain name."""
    folder = tmp_path_factory.getbasetemp()
    for url in spelt(name):
        check_stem(safe_stem(url), folder)
        assert media_suffix(url, name) in {None, *media._KNOWN}


@pytest.mark.parametrize("prompt", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_prompt_in_metadata_is_json(prompt, suffix, tmp_path):
    """It comes back letter for letter, and ends neither the JSON nor its chunk."""
    facts = {"prompt": prompt, "seed": 1, "parents": [{"prompt": prompt}]}
    path = target.write(Image.new("RGB", (8, 6)), tmp_path / f"a{suffix}", facts)
    with Image.open(path) as image:
        image.load()
        words = (
            image.text["kontext_nb"]
            if suffix == ".png"
            else image.getexif()[ExifTags.Base.ImageDescription]
        )
    assert json.loads(words) == facts
    assert words.isascii()


def test_a_prompt_as_a_file_name_is_one_file_or_refused(tmp_path):
    """40 hostile prompts as names: a file in the folder, or a typed error."""
    folder = tmp_path / "out" / "deep"
    folder.mkdir(parents=True)
    before, refused = set(tmp_path.rglob("*")), []
    for prompt in (*PAYLOADS, *NAMES):
        try:
            made = target.write(
                Image.new("RGB", (8, 6)), folder / f"x{prompt}.png", {"parents": []}
            )
        except KontextError as error:
            refused.append(str(error))
        else:
            assert made.is_file()
            made.unlink()
    assert set(tmp_path.rglob("*")) == before
    assert all(words.isprintable() for words in refused)


@pytest.fixture
def service(monkeypatch):
    """A service that calls its result by a hostile name."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    with faulty.serve() as running:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", running.origin + "/v1")
        yield running


def test_no_name_of_a_services_result_reaches_the_disk(service, tmp_path):
    """Results are kept by what they hold; how they were called is nowhere."""
    images = [
        f"{service.origin}/cdn/{quote(name.encode('utf-8', 'replace'), safe='')}HOSTILE"
        for name in NAMES[:16]
    ]
    reply = {"status": "succeeded", "output": {"images": images}}
    service.script("result", faulty.as_json(reply))
    kx.edit(saved("PNG"), "Make it night")
    found = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")]
    assert not [name for name in found if "HOSTILE" in name]
    kept = [name for name in found if name.endswith(".png")]
    assert len(kept) == 3  # source, result and the map of what changed
    assert len(service.phases("download")) == 16


NO_ADDRESSES = (
    *(
        "http://x.org/a.png",
        "ftp://x.org/a.png",
        "file:///etc/passwd",
        "HTTP://x/a.png",
    ),
    *(
        "data:image/png;base64,AAAA",
        "data:image/png;base64,!",
        "data:,",
        "//host/a.png",
    ),
    *("\\\\host\\share\\a.png", "https://x.org/a\n.png", "https://x.org/\u202ea.png"),
    *(
        "*.png",
        "~/none.png",
        "~nobody-here/x.png",
        "/dev/zero",
        "/proc/self/environ",
        "",
    ),
)


@pytest.mark.parametrize("given", NO_ADDRESSES, ids=ascii)
def test_a_source_that_is_none_is_refused_before_anything_is_sent(given, service):
    """Addresses but https, other schemes, devices, globs: one typed error, no call."""
    with pytest.raises(ImageRejected) as caught:
        kx.edit(given, "Make it night")
    assert str(caught.value).isprintable()
    assert service.seen == []


def test_a_loop_of_links_and_an_unreadable_file_are_refused(tmp_path, service):
    """A typed error each, and nothing is sent."""
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "mine.png").write_bytes(saved("PNG"))
    (tmp_path / "mine.png").chmod(0)
    names = ["loop.png"] if os.geteuid() == 0 else ["loop.png", "mine.png"]
    for name in names:
        with pytest.raises(ImageRejected, match=name):
            kx.edit(name, "Make it night")
    assert service.seen == []


REFUSED = {
    "prompt": (
        "",
        " \n",
        "x" * 10_000,
        "a\0b",
        "\x9b31m",
        "\ud800",
        None,
        7,
        ["x"],
        b"x",
    ),
    "seed": (True, -1, 2**31, 1.5, "42", "0x10", float("nan"), float("inf"), 2**63),
    "aspect_ratio": ("", " 16:9 ", "16\uff1a9", "16/9", "0:1", "1:0", "999:1", 1.777),
    "model": (
        "../v1/x",
        "a//b",
        "a/%2e%2e",
        "a/b/",
        "a/b?x=1",
        "a/b\r\nX: y",
        "ä/b",
        3,
    ),
}
CASES = [(name, value) for name, values in REFUSED.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda v: ascii(v)[:20])
def test_bad_input_is_refused_before_anything_is_sent(name, value, service, tmp_path):
    """One line that a terminal can show, exit code 65, no call, no job in the store."""
    how = {"prompt": "Make it night", name: value}
    with pytest.raises(InputRejected) as caught:
        kx.edit(saved("PNG"), **how)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert caught.value.exit_code == 65
    assert service.paid == 0
    for ledger in tmp_path.rglob("ledger.sqlite3"):
        with sqlite3.connect(ledger) as rows:
            assert rows.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


def test_a_hostile_name_in_the_environment_moves_nothing(monkeypatch, tmp_path):
    """Only a whole path names the token's folder; nothing else there names a file."""
    before = set(tmp_path.rglob("*"))
    taken = []
    for name in NAMES:
        if "\0" in name or "\ud800" in name or not name:
            continue  # no environment can have it
        monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", name)
        monkeypatch.setenv("KONTEXT_NB_PROVIDER", name)
        with pytest.raises(SettingRejected) as caught:
            settings.current()
        assert str(caught.value).isprintable()
        with pytest.raises(InputRejected):
            kx.configure(model=name)
        with contextlib.suppress(SettingRejected):
            taken.append(tokens.token_file())
    assert taken == [
        Path("/etc/passwd/token.json"),
        Path("//etc/passwd/token.json"),
        Path("//host/share/x/token.json"),
    ]
    assert set(tmp_path.rglob("*")) == before
