"""Every test gets a clean environment and a store of its own."""

import functools
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import hypothesis
import pytest

import kontext_nb as kx
from kontext_nb.cli import main as cli
from kontext_nb.engine import bridge, pace
from kontext_nb.session import models, settings
from kontext_nb.widgets.aside import Aside
from kontext_nb.widgets.running import Running
from tests import smaller
from tests.billing import as_environment, till

# Else every process that a test starts would compile the whole package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Where notebooks are checked, a grammar of addresses would be built first, which takes
# each worker 2.6 s; none of ours has an address that it is for.
sys.modules["rfc3987_syntax"] = None
# What tests write lies in memory, where there is room: every step of a paid edit waits
# for the disk. Nothing is lost by it: what a killed process wrote is read back from
# memory in any case, and a power cut is played in `test_power_loss`.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
ROOM_BYTES = 4 * 2**30
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# How long an example takes says something of the machine, and nothing of the rule.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No key, setting, proxy or home folder of the machine reaches a test."""
    for name in list(os.environ):
        ours = name.startswith(("RUNCOMFY_", "KONTEXT_NB_", "XDG_", "JPY_"))
        if ours or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_goes_on(clean_environment):  # noqa: ARG001 - it ends before that does
    """What widgets do aside ends with its test, and reaches into no other one."""
    yield
    for thread in threading.enumerate():
        target = getattr(thread, "_target", None)  # gone once it ran
        if getattr(target, "__func__", None) in {Aside._work, Running._run}:
            thread.join(30)


@pytest.fixture(autouse=True)
def quick_questions(monkeypatch):
    """Ask soon after sending whether a job is done: no service here takes seconds."""
    monkeypatch.setattr(pace, "FIRST_STEP_S", 0.02)


@pytest.fixture(autouse=True)
def no_grudge():
    """A service is asked, although another one was silent at the same port before."""
    models._in_vain.clear()


@pytest.fixture
def stoppable(monkeypatch):
    """Make SIGINT a KeyboardInterrupt, as it is in a kernel, and wait for its end.

    However busy the machine is: how long it may take is the rule of other tests.
    """
    monkeypatch.setattr(bridge, "STOP_S", 30)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Run a service that keeps books, and point this process at it."""
    with till(tmp_path / "till") as opened:
        for name, value in as_environment(opened.origin).items():
            monkeypatch.setenv(name, value)
        yield opened


@pytest.fixture
def command(monkeypatch):
    """Return what runs the command in this process, and gives its exit code."""

    def ended(*arguments):
        monkeypatch.setattr(sys, "argv", ["kontext-nb", *arguments])
        # What one command chooses ends with its process.
        monkeypatch.setattr(settings, "_changed", {})
        try:
            cli.main()
        except SystemExit as ended:
            return ended.code or 0
        return 0

    return ended


@pytest.fixture
def small_results(monkeypatch):
    """Have the demo engine give results of a sixteenth, where no rule is of a size."""
    smaller.results(monkeypatch, by=4)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return a server side of TLS for 127.0.0.1, and the file that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "2", *curve, *names, *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


@pytest.fixture(scope="session")
def _stocked(tmp_path_factory):
    @functools.cache
    def stocked(make):
        home = tmp_path_factory.mktemp("stocked") / "store"
        with kx.configure(home=home):
            make()
        return home

    return stocked


@pytest.fixture
def made_once(clean_environment, _stocked, tmp_path):  # noqa: ARG001 - it comes first
    """Return what makes edits with seeds: in earnest once, for a store that is copied.

    Each test has a copy of its own and makes them again, which its store has the
    answers to.
    """

    def made(make):
        shutil.copytree(_stocked(make), tmp_path / "store")
        return make()

    return made
