"""The token file: private, written as a whole or not at all, never just trusted."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import types
from pathlib import Path

import pytest

from kontext_nb.errors import NotAuthorised, NotSaved, SettingRejected
from kontext_nb.model import Secret
from kontext_nb.session import keys, tokens
from tests.forking import ended, forked
from tests.logins import written_in_place

TOKEN = "tok-kept-for-this-user"  # noqa: S105 - made up

PRECIOUS = json.dumps({"access_token": TOKEN})

posix = pytest.mark.skipif(os.name == "nt", reason="permissions as POSIX has them")
as_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give a file away"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder the token is to be in; not there yet."""
    path = tmp_path / "own" / "config"
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", str(path))
    return path


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_is_saved_is_read_again_in_the_official_shape(folder):
    """The four keys of the official command line, and the token is found there."""
    path = tokens.save(Secret.of(TOKEN))
    assert path == folder / "token.json"
    assert json.loads(path.read_text()) == {
        "access_token": TOKEN,
        "refresh_token": None,
        "expires_at": None,
        "user_email": None,
    }
    assert keys.runcomfy().token.reveal() == TOKEN
    assert [p.name for p in folder.iterdir()] == ["token.json"]


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("before", ["nothing", "a file for all"])
def test_file_and_folders_are_for_this_user_alone(folder, umask, before):
    """0600 in 0700, whatever the umask adds or takes and whatever was there."""
    if before != "nothing":
        folder.mkdir(parents=True, mode=0o700)
        (folder / "token.json").write_text("{}")
        (folder / "token.json").chmod(0o666)
    was = os.umask(umask)
    try:
        path = tokens.save(Secret.of(TOKEN))
    finally:
        os.umask(was)
    assert (mode(path), mode(folder)) == (0o600, 0o700)
    assert stat.S_ISREG(path.lstat().st_mode)
    if before == "nothing":
        assert mode(folder.parent) == 0o700
    assert tokens.read(path).reveal() == TOKEN


def link_to_a_file(path):
    """Lead to a file that would do, were it in the place itself."""
    victim = path.with_name("victim")
    victim.write_text(PRECIOUS)
    victim.chmod(0o600)
    path.symlink_to("victim")


def dangling_link(path):
    path.symlink_to("victim")


def pipe(path):
    os.mkfifo(path, 0o600)


def directory(path):
    path.mkdir()


def device(path):
    path.symlink_to("/dev/zero")


def socket_file(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


ODD = [link_to_a_file, dangling_link, pipe, directory, device, socket_file]


@posix
@pytest.mark.timeout(20)
@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_plain_file_is_neither_read_nor_replaced(odd, folder, monkeypatch):
    """Nothing waits, nothing behind a link changes, and nothing is left beside it.

    RunComfy is meant all the same: the demo engine does not quietly stand in for it.
    """
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    path = folder / "token.json"
    odd(path)
    before = sorted((p.name, p.lstat()[:7]) for p in folder.iterdir())
    assert keys.is_meant()
    with pytest.raises(NotAuthorised):
        tokens.read(path)
    with pytest.raises(NotSaved, match="no plain file"):
        tokens.save(Secret.of(TOKEN))
    assert sorted((p.name, p.lstat()[:7]) for p in folder.iterdir()) == before
    if odd is link_to_a_file:
        assert (folder / "victim").read_text() == PRECIOUS


@posix
@pytest.mark.parametrize("open_to", [0o777, 0o775, 0o720, 0o702, 0o1777])
def test_a_folder_others_may_write_to_is_refused(folder, open_to):
    """They could put their own token there; the message has the command that helps."""
    folder.mkdir(parents=True)
    folder.chmod(open_to)
    with pytest.raises(NotSaved, match=f"chmod 700 {folder}"):
        tokens.save(Secret.of(TOKEN))
    assert list(folder.iterdir()) == []
    folder.chmod(0o755)
    assert mode(tokens.save(Secret.of(TOKEN))) == 0o600


def test_a_folder_that_cannot_be_is_told(folder):
    """A file in its place is a typed error, before anybody is asked to confirm."""
    folder.parent.write_text("a file")
    with pytest.raises(NotSaved, match="cannot be saved"):
        tokens.check_place()
    folder.parent.unlink()
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(NotSaved, match="is no folder"):
        tokens.check_place()
    assert folder.read_text() == "a file"


def test_what_is_no_whole_path_names_no_folder(monkeypatch):
    """Whichever folder one happens to be in: nobody means that one."""
    for given in ("config", "./config", "../config", "/a/../b", "~/config", "~", "."):
        monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", given)
        for ask in (tokens.token_file, tokens.kept_in, tokens.delete, keys.is_meant):
            with pytest.raises(SettingRejected, match="RUNCOMFY_CONFIG_DIR is"):
                ask()


@as_root
def test_a_strangers_file_or_folder_is_refused(folder):
    """Who owns the file chose the token, and would see what is made with it."""
    path = tokens.save(Secret.of(TOKEN))
    os.chown(path, 12345, -1)
    with pytest.raises(NotAuthorised, match="another user"):
        tokens.read(path)
    os.chown(folder, 12345, -1)
    with pytest.raises(NotSaved, match="another user"):
        tokens.save(Secret.of(TOKEN))


def test_on_a_mac_the_older_place_is_read_and_never_written(monkeypatch, tmp_path):
    """The usual file comes first; a login or logout leaves the older one as it is."""
    monkeypatch.setattr(tokens, "sys", types.SimpleNamespace(platform="darwin"))
    older = tmp_path / "home/Library/Application Support/runcomfy/token.json"
    older.parent.mkdir(parents=True)
    older.write_text(json.dumps({"access_token": "tok-of-the-mac"}))
    older.chmod(0o600)
    assert keys.runcomfy().token.reveal() == "tok-of-the-mac"
    tokens.save(Secret.of(TOKEN))
    assert keys.runcomfy().token.reveal() == TOKEN
    assert tokens.delete()
    assert tokens.kept_in() == older


def test_a_logout_deletes_the_file_and_what_a_killed_login_left(folder):
    """And only those; a second one finds nothing, which is fine."""
    tokens.save(Secret.of(TOKEN))
    (folder / ".token-abc.tmp").write_text(TOKEN)
    (folder / "other.json").write_text("{}")
    assert tokens.delete()
    assert [p.name for p in folder.iterdir()] == ["other.json"]
    assert not tokens.delete()


@posix
def test_a_logout_does_not_follow_a_link(folder):
    """The link goes, the file it leads to stays."""
    folder.mkdir(parents=True)
    link_to_a_file(folder / "token.json")
    assert tokens.delete()
    assert (folder / "victim").read_text() == PRECIOUS


def under_fire(save):
    """Return what `logins` finds with one of its ways to save a token."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.logins", save],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return set(json.loads(done.stdout))


@posix
def test_two_logins_at_once_and_a_hundred_kills_leave_a_whole_file(folder):
    """Whoever reads meanwhile finds a token of one of them; a logout leaves nothing."""
    tokens.save(Secret.of("tok-first-00000000"))
    assert {"one", "two"} <= under_fire("as it is") <= {"first", "one", "two"}
    assert tokens.delete()
    assert list(folder.iterdir()) == []


@posix
def test_the_fire_finds_a_file_written_in_place(folder):
    """A reader, or a kill, comes while it is empty."""
    path = tokens.save(Secret.of("tok-first-00000000"))
    assert folder == path.parent
    assert "nothing" in under_fire("in place")


def killed_at_every_line(path, save):
    """Kill a save at each line it runs that finds something new in the token's folder.

    The standard library's lines, too. Between two changes a kill leaves the same behind
    at any line: one is enough. Returns their number and what could not be read then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)

    def dying(point):
        lines, left = 0, None

        def trace(_frame, event, _argument):
            nonlocal lines, left
            now = sorted((one.name, *one.stat()) for one in os.scandir(path.parent))
            if event == "line" and now != left:
                left = now
                lines += 1
                if lines == point:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        save(Secret.of("tok-after-all"))
        sys.settrace(None)

    found, killed, number = [], True, 0
    while killed:
        number += 1
        tokens.save(Secret.of("tok-before-all"))
        killed = ended(*forked(dying, number))
        try:
            token = tokens.read(path).reveal()
        except NotAuthorised as error:
            found.append(str(error))
        else:
            assert token in ("tok-before-all", "tok-after-all")
    assert found or token.endswith("after-all")
    return number, found


@posix
def test_a_login_killed_anywhere_leaves_the_old_token_or_the_new(folder):
    """At every line of the save; and a logout then leaves nothing behind."""
    number, found = killed_at_every_line(folder / "token.json", tokens.save)
    assert found == []
    assert number > 4  # nothing, an empty file, a full one, one in its place
    assert tokens.delete()
    assert list(folder.iterdir()) == []


@posix
def test_the_killing_finds_a_file_written_in_place(folder):
    """The harness fails where it should: on a save that truncates first."""
    _, found = killed_at_every_line(folder / "token.json", written_in_place)
    assert "holds no usable token" in found[0]
