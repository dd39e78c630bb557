"""The command line: stdout, stderr, exit codes, and a phone's photo."""

import contextlib
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from kontext_nb.model import KONTEXT_PRO
from kontext_nb.sizes import nearest
from tests import smaller

MAIN = "from kontext_nb.cli.main import main; main()"
SMALL = smaller.code(by=4) + "; "


def run(*arguments, code=MAIN, **options):
    """Run the command as a shell does."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        text=True,
        check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
    )


@pytest.fixture
def here(command, small_results, capfd):  # noqa: ARG001 - no rule of a size here
    """Return what runs the command in this process, where no rule is of a process."""

    def ran(*arguments):
        capfd.readouterr()
        code = command(*map(str, arguments))
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return ran


@contextlib.contextmanager
def started(*arguments, **environment):
    """Start the command, with a Ctrl-C that works also where a script runs the tests.

    A shell starts what stands in the background deaf to it.
    """
    hearing = "import signal; signal.signal(2, signal.default_int_handler); "
    with subprocess.Popen(
        [sys.executable, "-c", hearing + MAIN, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_with(words, process):
    """Wait for the line of stderr that has these words."""
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended and never said: {words}")


@contextlib.contextmanager
def demo_server():
    """Serve a demo engine whose jobs take a minute; give it and what it says to set."""
    with started("serve", "--port", "0", "--seconds", "60") as server:
        exports = [line_with("export ", server) for _ in range(4)]
        pairs = (shlex.split(line)[1].split("=", 1) for line in exports)
        yield server, dict(pairs)


def phone_photo():
    """A 12-megapixel JPEG, stored on its side as phones do, red on top when upright."""
    upright = np.zeros((400, 300, 3), np.uint8)
    upright[:200] = (200, 40, 40)
    upright[200:] = (40, 80, 200)
    image = Image.fromarray(upright).resize((3000, 4000)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_a_phones_photo_comes_out_upright(tmp_path):
    """12 megapixels and an EXIF turn: the result stands, at the model's size."""
    (tmp_path / "photo.jpg").write_bytes(phone_photo())
    done = run("edit", str(tmp_path / "photo.jpg"), "Make it warmer", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    result = Image.open("out.png").convert("RGB")
    assert result.size == (880, 1184)
    top, bottom = result.getpixel((440, 200)), result.getpixel((440, 1000))
    assert top[0] > top[2]
    assert bottom[2] > bottom[0]


# One red pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4"
    "z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
GOOD = ("photo.png", "Make it night", "-o", "out.png")
BAD = {
    "no such file": (("none.png", *GOOD[1:]), 65, "cannot be opened"),
    "not an image": (("text.png", *GOOD[1:]), 65, "not a PNG, JPEG or WebP"),
    "empty prompt": ((GOOD[0], " ", *GOOD[2:]), 65, "prompt is empty"),
    "unknown aspect ratio": ((*GOOD, "--aspect-ratio", "1:7"), 65, "1:7"),
    "seed out of range": ((*GOOD, "--seed", "-1"), 65, "whole number from 0"),
    "seed no number": ((*GOOD, "--seed", "true"), 64, "true"),
    "unknown suffix": ((*GOOD[:3], "out.gif"), 65, ".png, .jpg"),
    "no such folder": ((*GOOD[:3], "none/out.png"), 65, "no folder"),
    "no token": ((*GOOD, "--provider", "runcomfy"), 77, "no RunComfy token"),
    "cannot be done": (
        ("photo.png", "Remove it", *GOOD[2:]),
        69,
        "does not understand",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_its_code_and_one_line(name, here, tmp_path):
    """Stdout stays empty, stderr says what to do, no traceback, no file is written.

    Stderr ends with one line of JSON for scripts.
    """
    Image.new("RGB", (64, 64), "green").save(tmp_path / "photo.png")
    (tmp_path / "text.png").write_text("hello")
    arguments, code, words = BAD[name]
    done = here("edit", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["rerun_is_safe"]
    assert "Traceback" not in done.stderr
    if code != 64:  # click's usage takes more lines
        assert done.stderr.count("\n") == 2
    assert not (tmp_path / "out.png").exists()


def test_a_given_seed_is_free_the_second_time(here, tmp_path):
    """The same command with a seed is served from the store, and says so."""
    Image.new("RGB", (64, 64), "green").save(tmp_path / "photo.png")
    first = here("edit", *GOOD, "--seed", "3")
    data = (tmp_path / "out.png").read_bytes()
    second = here("edit", *GOOD, "--seed", "3", "--force")
    assert "store" not in first.stderr
    assert "Taken from the store: nothing was sent or charged." in second.stderr
    assert (tmp_path / "out.png").read_bytes() == data


def test_help_names_the_commands():
    """`--help` is enough to begin."""
    done = run("--help")
    assert done.returncode == 0
    assert "edit" in done.stdout
    assert "serve" in done.stdout


@pytest.fixture(autouse=True)
def buffered(monkeypatch):
    """Output waits in a buffer as it does for users, whatever the tests run in."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.fixture
def photo(tmp_path):
    """A small picture."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "green").save(path)
    return path


def straight(photo):
    return photo


def through_a_symbolic_link(photo):
    Path("link.png").symlink_to(photo)
    return "link.png"


def through_a_hard_link(photo):
    Path("link.png").hardlink_to(photo)
    return "link.png"


@pytest.mark.parametrize(
    "way", [straight, through_a_symbolic_link, through_a_hard_link]
)
def test_the_picture_is_never_replaced_by_its_result(way, here, photo, tmp_path):
    """Whatever the name it goes by, and with --force too; nothing is sent."""
    data = photo.read_bytes()
    for force in ((), ("--force",)):
        done = here("edit", photo, "Make it night", "-o", way(photo), *force)
        assert (done.returncode, done.stdout) == (65, "")
        assert "the picture itself" in done.stderr
        assert "another name" in done.stderr
        assert done.stderr.count("\n") == 2
        Path("link.png").unlink(missing_ok=True)
    assert photo.read_bytes() == data
    assert not (tmp_path / "store").exists()


def test_another_file_is_replaced_only_by_force(here, photo, tmp_path):
    """Without --force it stays, nothing is sent, and the message names the option."""
    out = tmp_path / "out.png"
    out.write_bytes(b"precious")
    done = here("edit", photo, *GOOD[1:])
    assert (done.returncode, done.stdout) == (65, "")
    assert "exists already. " in done.stderr
    assert "--force" in done.stderr
    assert out.read_bytes() == b"precious"
    assert not (tmp_path / "store").exists()
    assert here("edit", photo, *GOOD[1:], "--force").returncode == 0
    assert Image.open(out).size == nearest(64, 64)


def test_it_says_how_to_get_the_same_again_for_free(photo):
    """The seed it names, given, is served from the store; then it is not said again."""
    first = run("edit", photo, *GOOD[1:], code=SMALL + MAIN)
    (seed,) = re.findall(r"Again for free: add (--seed \d+)\n", first.stderr)
    again = (*GOOD[1:3], "again.png", *seed.split())
    second = run("edit", photo, *again, code=SMALL + MAIN)
    assert "Taken from the store" in second.stderr
    assert "Again" not in second.stderr
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full"
)


def check_unheard(done):
    assert done.returncode == 74
    assert done.stderr.splitlines()[-2].startswith("Saved as 'out.png'")
    assert "Traceback" not in done.stderr
    assert Image.open("out.png").size == (256, 256)


@full_disk
def test_a_full_disk_behind_stdout_costs_no_result(photo):
    """The picture is saved; one line and the exit code say that its name was lost."""
    with Path("/dev/full").open("w") as full:
        check_unheard(run("edit", photo, *GOOD[1:], stdout=full, code=SMALL + MAIN))


def test_a_closed_pipe_behind_stdout_costs_no_result(photo):
    """As with a full disk: `kontext-nb edit ... | true` ends without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        check_unheard(run("edit", photo, *GOOD[1:], stdout=pipe, code=SMALL + MAIN))


@full_disk
def test_a_full_disk_behind_stderr_is_no_failure(photo):
    """Notes nobody takes are no reason to fail, nor help one for a traceback."""
    with Path("/dev/full").open("w") as full:
        done = run("edit", photo, *GOOD[1:], stderr=full, code=SMALL + MAIN)
        assert (done.returncode, done.stdout) == (0, "out.png\n")
        told = run("--help", stdout=full)
    assert (told.returncode, told.stderr.count("\n")) == (74, 2)


@pytest.mark.parametrize(
    ("busy", "words", "state"),
    [
        (
            0,
            "Stopped waiting. The job had started, goes on, and may be charged",
            "running",
        ),
        (2, "Stopped: the job was still queued and is cancelled.", "cancelled"),
    ],
    ids=["working", "queued"],
)
def test_ctrl_c_says_what_became_of_the_job(busy, words, state, photo):
    """A real signal to a real process that waits for a real server."""
    with demo_server() as (server, exports):
        for _ in range(busy):  # the server works on two at a time
            httpx.post(
                f"{exports['RUNCOMFY_MODEL_API_BASE']}/models/{KONTEXT_PRO}",
                headers={"Authorization": f"Bearer {exports['RUNCOMFY_TOKEN']}"},
                json={"prompt": "Make it night", "image_url": PIXEL},
            ).raise_for_status()
        with started("edit", photo, *GOOD[1:], **exports) as waiting:
            for _ in range(2):  # when it asks again, it has noted the first answer
                line_with("/status", server)
            waiting.send_signal(signal.SIGINT)
            stdout, stderr = waiting.communicate()
        assert (waiting.returncode, stdout) == (130, "")
        assert stderr.strip().startswith(words)
        assert stderr.strip().count("\n") == 1
        told = json.loads(stderr.splitlines()[-1])
        assert told["job"]
        assert told["request_id"]
        assert told["state"] == state
        assert told["may_have_been_charged"]
        assert not Path("out.png").exists()


def test_serve_logs_a_line_per_request_and_ends_with_ctrl_c():
    """What it is asked is seen; being stopped is how a server ends well."""
    with demo_server() as (server, exports):
        base, *_, token = exports.values()
        assert httpx.get(f"{base}/models").status_code == 401
        answer = httpx.get(
            f"{base}/models", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200
        server.send_signal(signal.SIGINT)
        stdout, stderr = server.communicate()
    assert (server.returncode, stdout) == (0, "")
    assert [line.rsplit(" ", 1)[1] for line in stderr.splitlines()] == ["401", "200"]
    assert stderr.count('"GET /v1/models HTTP/1.1"') == 2


def test_serve_on_a_port_in_use_says_so_in_one_line():
    """It names the port and the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (69, "")
    assert f"Port {port} cannot be served: Address already in use." in done.stderr
    assert "--port" in done.stderr
    assert done.stderr.count("\n") == 2


def test_serve_without_uvicorn_names_the_command_for_this_python():
    """It works from any shell, also for an environment without pip."""
    missing = "import sys; sys.modules['uvicorn'] = None; "
    done = run("serve", code=missing + MAIN)
    assert done.returncode == 69
    command = done.stderr.split("Run: ")[1].splitlines()[0]
    assert shlex.split(command) == [
        *("python3", "-m", "pip", "--python", sys.executable, "install", "uvicorn")
    ]
    assert done.stderr.count("\n") == 2


def test_a_warning_is_one_line_for_people(tmp_path, monkeypatch):
    """A ledger that was mended is told without the line of code that mended it."""
    monkeypatch.setenv("KONTEXT_NB_HOME", str(tmp_path))
    (tmp_path / "ledger.sqlite3").write_bytes(b"no database" * 1000)
    done = run("jobs")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("The ledger was damaged.")


def test_an_edit_is_preserved_and_measured(here, tmp_path):
    """The same engine as in a notebook: the source's size, and numbers for scripts."""
    import kontext_nb as kx

    kx.samples.bottle().resize((288, 384)).save(tmp_path / "in.png")
    words = ("edit", "in.png", "Add a red star", "--seed", "1")
    done = here("--output", "json", *words, "--preserve", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert Image.open("out.png").size == (288, 384)
    assert told["not_preserved"] is None
    assert told["change"]["preserved"] is True
    assert 0 < told["change"]["changed_share"] < 0.2
    assert "changed " in done.stderr
    padded = here(*words, "--prefit", "-o", "padded.png")
    assert padded.returncode == 0, padded.stderr
    plain = kx.edit(tmp_path / "in.png", "Add a red star", seed=1)
    assert plain.reused
    assert plain.job == told["job"]
