"""The login by code: over real sockets, on a played clock, and as a person runs it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontext_nb.engine.pace import Clock
from kontext_nb.errors import (
    BadReply,
    KontextError,
    LoginExpired,
    NotAuthorised,
    NotSaved,
    ServiceBusy,
    SettingRejected,
)
from kontext_nb.providers.base import Reply
from kontext_nb.providers.runcomfy_login import DeviceLogin
from kontext_nb.session import login, tokens
from tests import faulty
from tests.faulty import answer, as_json
from tests.terminals import all_of
from tests.test_cli import MAIN, demo_server, line_with, run, started

TOKEN = "tok-from-the-login"  # noqa: S105 - made up
CODE = "ABCD-1234"
PENDING = as_json({"status": "pending"})
AUTHORIZED = as_json({"status": "authorized", "access_token": TOKEN})
SLOW_DOWN = as_json({"status": "slow_down"})
HTML = answer(200, b"<html>Sign in to this network</html>", content_type="text/html")


class PlayedClock:
    """Time that passes only when somebody waits."""

    def __init__(self):
        self.now_s = 1000.0
        self.slept = []
        self.clock = Clock(now=lambda: self.now_s, sleep=self.sleep)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own for the token, as a login at a test server needs."""
    path = tmp_path / "config"
    monkeypatch.setenv("RUNCOMFY_CONFIG_DIR", str(path))
    return path


def grant(origin, **changes):
    """What a site answers to the start of a login."""
    return {
        "device_code": "device-1",
        "user_code": CODE,
        "verify_url": f"{origin}/cli-auth",
        "expires_in": 60,
        "poll_interval": 2,
    } | changes


def log_in(*answers, **changes):
    """Log in at a site that gives these answers to the polls; the last one stays.

    Return what was waited for, what the site saw, and the error if there was one.
    """
    played, error = PlayedClock(), None
    with faulty.serve() as site:
        begun = as_json(grant(site.origin, **changes))
        site.script("download", begun, *answers)
        try:
            pending = login.begin(site.origin + "/", clock=played.clock)
            login.finish(pending, clock=played.clock)
        except KontextError as caught:
            error = caught
    return played.slept, site.seen, error


def saved(folder):
    path = folder / "token.json"
    return tokens.read(path).reveal() if path.exists() else None


def test_a_confirmed_login_keeps_the_token(folder):
    """It asks at the site's pace, names the login in the body, and needs no token."""
    slept, seen, error = log_in(PENDING, PENDING, AUTHORIZED)
    assert error is None
    assert slept == [2, 2, 2]
    asked = [(one.method, one.path, one.body) for one in seen]
    poll = ("POST", "/api/cli-auth/poll", b'{"device_code": "device-1"}')
    assert asked == [("POST", "/api/cli-auth/start", b""), poll, poll, poll]
    assert not any("authorization" in one.headers for one in seen)
    assert saved(folder) == TOKEN


PACES = {
    "documented": (2, [2, 2]),
    "none given": (None, [5, 5]),
    "too short": (0, [1, 1]),
    "negative": (-7, [1, 1]),
    "no number": ("soon", [5, 5]),
    "true": (True, [5, 5]),
    "a fraction": (1.5, [1.5, 1.5]),
}


@pytest.mark.parametrize("name", PACES)
@pytest.mark.usefixtures("folder")
def test_it_asks_at_the_sites_pace_but_at_most_once_a_second(name):
    """An interval that is none is RFC 8628's five seconds."""
    interval, slept = PACES[name]
    assert log_in(PENDING, AUTHORIZED, poll_interval=interval)[0] == slept


@pytest.mark.parametrize(
    "slower",
    [
        SLOW_DOWN,
        as_json({"error": "slow_down"}, 400),
        answer(429),
        as_json({"error_code": 429001}, 429),
    ],
)
@pytest.mark.usefixtures("folder")
def test_slow_down_adds_five_seconds_for_good(slower):
    """Each time it is said, and too many requests says the same."""
    slept, _, error = log_in(PENDING, slower, PENDING, slower, AUTHORIZED)
    assert error is None
    assert slept == [2, 2, 7, 7, 12]


ENDS = {
    "denied": ([as_json({"status": "denied"}, 410)], NotAuthorised, 77),
    "denied, by RFC": ([as_json({"error": "access_denied"}, 400)], NotAuthorised, 77),
    "expired": ([as_json({"status": "expired"}, 410)], LoginExpired, 75),
    "expired, by RFC": ([as_json({"error": "expired_token"}, 400)], LoginExpired, 75),
    "denied after a while": (
        [PENDING, PENDING, as_json({"status": "denied"}, 410)],
        NotAuthorised,
        77,
    ),
    "never confirmed": ([PENDING], LoginExpired, 75),
    "never reached": ([faulty.reset], LoginExpired, 75),
    "busy for ever": ([answer(425)], LoginExpired, 75),
    "a portal": ([HTML], BadReply, 69),
    "broken": ([answer(500, b"<html>oops</html>")], BadReply, 69),
    "nothing": ([answer(200)], BadReply, 69),
    "a list": ([as_json([])], BadReply, 69),
    "a redirect": ([answer(302, location="https://evil.example/")], BadReply, 69),
    "an unknown word": ([as_json({"status": "dancing"})], BadReply, 69),
    "gone without a word": ([answer(410)], BadReply, 69),
    "no token": ([as_json({"status": "authorized"})], BadReply, 69),
    "a token that is none": (
        [as_json({"status": "authorized", "access_token": "a\nb"})],
        BadReply,
        69,
    ),
    "a token of a wrong type": (
        [as_json({"status": "authorized", "access_token": {"a": TOKEN}})],
        BadReply,
        69,
    ),
    "a token, but refused": (
        [as_json({"status": "authorized", "access_token": TOKEN}, 403)],
        BadReply,
        69,
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_login_that_fails_says_why_and_keeps_nothing(name, folder):
    """Whatever the site answers ends in time, in its own exit code, without a file."""
    answers, kind, code = ENDS[name]
    slept, _, error = log_in(*answers)
    assert type(error) is kind
    assert error.exit_code == code
    assert sum(slept) <= 60
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_it_stops_when_the_code_expires():
    """Not a second later, also where the interval does not fit."""
    slept, seen, error = log_in(PENDING, expires_in=7, poll_interval=3)
    assert type(error) is LoginExpired
    assert slept == [3, 3, 1]
    assert len(seen) == 1 + 3


@pytest.mark.usefixtures("folder")
def test_no_code_is_waited_for_more_than_an_hour():
    """A site that promises a year does not hang a shell for it."""
    slept, _, error = log_in(PENDING, expires_in=1e9, poll_interval=600)
    assert type(error) is LoginExpired
    assert sum(slept) == 3600


@pytest.mark.parametrize("trouble", [faulty.reset, faulty.closed, HTML, answer(503)])
def test_passing_trouble_does_not_end_a_login(trouble, folder):
    """Two bad answers in a row are bad luck; a good one between forgives them."""
    answers = [trouble, trouble, PENDING, trouble, trouble, AUTHORIZED]
    assert log_in(*answers)[2] is None
    assert saved(folder) == TOKEN


NO_GRANT = {
    "html": HTML,
    "empty": answer(200),
    "refused": as_json({"error_code": 403001, "error_message": "no"}, 403),
    "an error under 200": as_json({"error_code": 500001}),
    "broken": answer(500),
    "moved": answer(301, location="https://evil.example/api/cli-auth/start"),
    "nested": answer(200, b"[" * 100_000),
}


@pytest.mark.parametrize("name", NO_GRANT)
def test_a_start_that_fails_is_not_waited_for(name, folder):
    """One question, a typed error, no file."""
    with faulty.serve(download=[NO_GRANT[name]]) as site:
        with pytest.raises(BadReply):
            login.begin(site.origin)
        assert len(site.seen) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"user_code": None},
        {"user_code": ""},
        {"user_code": 1234},
        {"user_code": "\x1b[2J\x1b]0;x\x07"},
        {"user_code": "AB CD"},
        {"user_code": "A" * 100},
        {"device_code": None},
        {"device_code": "a\r\nb"},
        {"device_code": ["device-1"]},
        {"expires_in": None},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": "600"},
        {"expires_in": float("nan")},
        {"expires_in": float("inf")},
        {"expires_in": 10**400},
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_unusable_code_is_not_shown(changes):
    """What is no code or no time is an answer that cannot be understood."""
    _, seen, error = log_in(AUTHORIZED, **changes)
    assert type(error) is BadReply
    assert len(seen) == 1


SITE = DeviceLogin()


def read_start(verify_url):
    body = json.dumps(grant("", verify_url=verify_url)).encode()
    return SITE.read_start(Reply(200, {}, body)).verify_url


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://www.runcomfy.com/cli-auth",
        "https://runcomfy.com.evil.example/cli-auth",
        "https://evil.example/cli-auth",
        "https://www.runcomfy.com@evil.example/cli-auth",
        "https://me@www.runcomfy.com/cli-auth",
        "https://www.runcomfy.com:8443/cli-auth",
        "https://www.runcomfy.com./cli-auth",
        "https://evil.example\\.www.runcomfy.com/cli-auth",
        "https:\\\\www.runcomfy.com/cli-auth",
        "https://www.runcomfy.com\t/cli-auth",
        "https://www.runcomfy.com/cli auth",
        " https://www.runcomfy.com/cli-auth",
        "https://www.runcomfy.com/cli-auth\x1b[2J",
        "https://www.runcomf\u0443.com/cli-auth",
        "https://[::bad/cli-auth",
        "//www.runcomfy.com/cli-auth",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,hello",
        "https://www.runcomfy.com/cli-auth?code=ABCD-1234",
        "https://www.runcomfy.com/cli-auth?code=abcd1234",
        "https://www.runcomfy.com/cli-auth#ABCD-1234",
        "https://www.runcomfy.com/cli-auth/ABCD%2D1234",
        "https://www.runcomfy.com/cli-auth/%41%42CD1234",
    ],
)
def test_a_page_elsewhere_or_with_the_code_in_it_is_refused(url):
    """A stranger's page is not opened, nor one where a careless click is enough."""
    with pytest.raises(BadReply, match="Nothing was opened"):
        read_start(url)


def test_the_sites_own_page_is_taken_as_it_is():
    """Nothing is appended to the address, least of all the code."""
    page = "https://www.runcomfy.com/cli-auth"
    assert read_start(page) == page
    assert read_start(page + "?lang=de") == page + "?lang=de"


@pytest.mark.parametrize(
    "base",
    [
        "https://evil.example",
        "https://runcomfy.com.evil.example",
        "https://evilruncomfy.com",
        "http://www.runcomfy.com",
        "http://192.0.2.1",
        "https://me@www.runcomfy.com",
        "https://www.runcomfy.com?a=b",
        "https://www.runcomfy.com#a",
        "ftp://127.0.0.1",
        "www.runcomfy.com",
        "https://",
        "",
    ],
)
@pytest.mark.parametrize("given_as", ["option", "variable"])
@pytest.mark.usefixtures("folder")
def test_a_login_elsewhere_is_refused(base, given_as, monkeypatch):
    """What another server gave would be sent to RunComfy ever after."""
    option = base
    if given_as == "variable":
        monkeypatch.setenv("RUNCOMFY_WEB_BASE", base)
        option = None
    with pytest.raises(SettingRejected):
        login.begin(option)


def test_a_login_on_this_machine_does_not_replace_runcomfys_token():
    """It needs a folder of its own, and says how; nothing is asked without it."""
    tokens.save(kept := tokens.Secret.of("tok-of-runcomfy"))
    with faulty.serve() as site:
        with pytest.raises(SettingRejected, match="RUNCOMFY_CONFIG_DIR"):
            login.begin(site.origin)
        assert site.seen == []
    assert tokens.read(tokens.token_file()).reveal() == kept.reveal()


def test_nobody_is_asked_to_confirm_what_cannot_be_kept(folder):
    """The place for the token is looked at before the site is."""
    (folder / "token.json").mkdir(parents=True)
    with faulty.serve() as site:
        with pytest.raises(NotSaved):
            login.begin(site.origin)
        assert site.seen == []


words = st.sampled_from(
    ["pending", "authorized", "denied", "expired", "slow_down", "Authorized", ""]
)
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), words
)
bodies = st.one_of(
    st.binary(max_size=40),
    st.dictionaries(
        st.sampled_from(["status", "error", "access_token", "error_code"]), values
    ).map(lambda facts: json.dumps(facts).encode()),
)


@given(bodies, st.sampled_from([200, 204, 302, 400, 401, 410, 429, 500, 599]))
def test_no_answer_breaks_a_reader(body, status):
    """Every answer is a value or a typed error."""
    reply = Reply(status, {}, body)
    for read in (SITE.read_poll, SITE.read_start):
        with suppress(BadReply, LoginExpired, NotAuthorised, ServiceBusy):
            read(reply)


def confirm(origin, code, choice="authorize"):
    """Do what the user does on the demo engine's page."""
    form = {"user_code": code, "choice": choice}
    return httpx.post(f"{origin}/cli-auth", data=form)


def code_shown(process):
    return line_with("Type ", process).split()[1]


def test_a_person_logs_in_and_out(folder):
    """Code and address are on stderr, the answer is on stdout, no token is anywhere."""
    with demo_server() as (_, exports):
        origin = exports["RUNCOMFY_WEB_BASE"]
        with started("login", "--web-base", origin) as process:
            opened = line_with("Open ", process)
            code = code_shown(process)
            assert opened.split()[1] == f"{origin}/cli-auth"
            page = httpx.get(f"{origin}/cli-auth", params={"code": code})
            assert code not in page.text
            assert confirm(origin, "<b>").status_code == 404
            assert confirm(origin, code.lower()).status_code == 200
            stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (
        0,
        f"Logged in. Token: {folder}/token.json\n",
    )
    assert saved(folder) == "demo-engine"
    assert "demo-engine" not in opened + stdout + stderr
    done = run("logout")
    assert done.stdout == f"Logged out: {folder}/token.json is deleted.\n"
    assert "still works" in done.stderr
    assert list(folder.iterdir()) == []
    assert run("logout").stdout == "No token was stored.\n"


def test_a_person_says_no(folder):
    """Denied on the page: exit 77, and nothing is kept; --quiet shows the code."""
    with demo_server() as (_, exports):
        origin = exports["RUNCOMFY_WEB_BASE"]
        with started("-q", "login", RUNCOMFY_WEB_BASE=origin) as process:
            assert confirm(origin, code_shown(process), "deny").status_code == 200
            stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (77, "")
    assert "The login was denied." in stderr
    assert list(folder.iterdir()) == []


def test_ctrl_c_gives_up_and_leaves_no_file(folder):
    """Exit 130, at once, with one line for people and one for scripts."""
    with faulty.serve() as site:
        site.script("download", as_json(grant(site.origin)), PENDING)
        with started("login", "--web-base", site.origin) as process:
            line_with("Waiting", process)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert stderr.split("\n")[-3] == "Stopped.", stderr
    assert list(folder.iterdir()) == []


BROWSER = """#!/bin/sh
echo "$@" > {out}.argv
env > {out}.env
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the browser is chosen by BROWSER")
@pytest.mark.parametrize("option", [(), ("--no-browser",)])
@pytest.mark.usefixtures("folder")
def test_the_browser_gets_the_address_and_no_token(option, tmp_path):
    """Not the code, and not the environment's token; and none is opened on request."""
    script, out = tmp_path / "browser", tmp_path / "seen"
    script.write_text(BROWSER.format(out=out))
    script.chmod(0o700)
    ours, theirs = os.openpty()  # a browser is opened for a person only
    with faulty.serve() as site:
        begun = as_json(grant(site.origin, poll_interval=1))
        site.script("download", begun, AUTHORIZED)
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "login", *option],
            env=os.environ
            | {
                "BROWSER": f"{script} %s",
                "DISPLAY": ":9",
                "RUNCOMFY_TOKEN": "tok-env-1",
            }
            | {"RUNCOMFY_WEB_BASE": site.origin},
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
        )
    os.close(theirs)
    said = all_of(ours)
    assert re.search(rf"Type .*{CODE}", said)
    assert "RUNCOMFY_TOKEN is set here" in said
    assert TOKEN not in said + done.stdout.decode()
    if option:
        assert not Path(f"{out}.argv").exists()
    else:
        assert Path(f"{out}.argv").read_text().split() == [f"{site.origin}/cli-auth"]
        assert "RUNCOMFY_TOKEN" not in Path(f"{out}.env").read_text()
