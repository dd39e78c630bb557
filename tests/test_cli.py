"""The command line: stdout, stderr, exit codes, and a phone's photo."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


def run(*arguments, **environment):
    """Run the command as a shell does."""
    return subprocess.run(
        [sys.executable, "-c", "from kontext_nb.cli import main; main()", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


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


GOOD = ("photo.png", "Make it night", "-o", "out.png")
BAD = {
    "no such file": (("none.png", *GOOD[1:]), 65, "cannot be opened"),
    "not an image": (("text.png", *GOOD[1:]), 65, "not a PNG, JPEG or WebP"),
    "empty prompt": ((GOOD[0], " ", *GOOD[2:]), 65, "prompt is empty"),
    "unknown aspect ratio": ((*GOOD, "--aspect-ratio", "1:7"), 64, "1:7"),
    "seed out of range": ((*GOOD, "--seed", "-1"), 65, "whole number from 0"),
    "seed no number": ((*GOOD, "--seed", "true"), 64, "true"),
    "unknown suffix": ((*GOOD[:3], "out.gif"), 65, ".png, .jpg"),
    "no such folder": ((*GOOD[:3], "none/out.png"), 65, "no folder"),
    "no token": ((*GOOD, "--provider", "runcomfy"), 77, "no RunComfy token"),
    "cannot be done": (("photo.png", "Remove it", *GOOD[2:]), 69, "can do"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_its_code_and_one_line(name, tmp_path):
    """Stdout stays empty, stderr says what to do, no traceback, no file is written."""
    Image.new("RGB", (64, 64), "green").save(tmp_path / "photo.png")
    (tmp_path / "text.png").write_text("hello")
    arguments, code, words = BAD[name]
    done = run("edit", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if code != 64:  # click's usage takes more lines
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_a_given_seed_is_free_the_second_time(tmp_path):
    """The same command with a seed is served from the store, and says so."""
    Image.new("RGB", (64, 64), "green").save(tmp_path / "photo.png")
    first = run("edit", *GOOD, "--seed", "3")
    data = (tmp_path / "out.png").read_bytes()
    second = run("edit", *GOOD, "--seed", "3")
    assert "store" not in first.stderr
    assert "Taken from the store: nothing was sent or charged." in second.stderr
    assert (tmp_path / "out.png").read_bytes() == data


def test_help_names_the_commands():
    """`--help` is enough to begin."""
    done = run("--help")
    assert done.returncode == 0
    assert "edit" in done.stdout
    assert "serve" in done.stdout
