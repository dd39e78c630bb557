"""Hostile downloads fill neither memory nor disk: each is broken off at its cap."""

import gzip
import json
import subprocess
import sys
import textwrap

import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.engine import pace
from tests import faulty
from tests.billing import as_environment
from tests.faulty import answer, as_json
from tests.fuzzing import STATUS
from tests.test_fetch import TOKEN
from tests.test_pixels_fuzz import RESULTS

MIB = 2**20
FILE_CAP, JOB_CAP, MOST_FILES = 64 * MIB, 256 * MIB, 16
MOST_KIB = 32 * 1024

EDIT = """
    import json, sys, threading
    from pathlib import Path
    import kontext_nb as kx
    from kontext_nb.engine import pace
    from PIL import Image
    from tests.fuzzing import peak_kib

    pace.FIRST_BACKOFF_S = 0.0
    store, largest, over = Path(sys.argv[1]), 0, threading.Event()

    def watch():
        global largest
        while not over.wait(0.002):
            largest = max(largest, used())

    def used():
        sizes = {}  # what is moved meanwhile is met twice
        for path in store.rglob("*"):
            try:
                facts = path.stat()
                sizes[facts.st_ino] = facts.st_size if path.is_file() else 0
            except OSError:
                pass
        return sum(sizes.values())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        edit = kx.edit(Image.new("RGB", (16, 12), "red"), "Make it night")
        told = f"{len(edit.images)} pictures"
    except kx.KontextError as error:
        told = error.problem
    over.set()
    watcher.join()
    print(json.dumps({
        "told": told,
        "peak_kib": peak_kib(),
        "largest": max(largest, used()),
        "left": used(),
        "asides": [str(p) for p in store.rglob(".aside-*")],
    }))
"""


def edited(store, result=None, **script):
    """Make one edit in a fresh process, and return what it says of itself."""
    with faulty.serve(**script) as service:
        if result:
            service.script("result", result(service.origin))
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(EDIT), str(store)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={
                "PATH": "",
                "HOME": str(store.parent),
                "PYTHONPATH": ":".join(filter(None, sys.path)),
                "KONTEXT_NB_HOME": str(store),
                "RUNCOMFY_TOKEN": TOKEN,
                "RUNCOMFY_MODEL_API_BASE": service.origin + "/v1",
                "no_proxy": "*",
            },
        )
        assert service.paid == 1
        return json.loads(done.stdout), service.phases("download")


def endless(service, connection):
    """Send a picture that goes on for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
    connection.sendall(faulty.png()[:40])
    while not service.over.is_set():
        connection.sendall(bytes(MIB))


def endless_chunks(service, connection):
    """The same in chunks, whose end never comes."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.sendall(head)
    while not service.over.is_set():
        connection.sendall(b"100000\r\n" + bytes(MIB) + b"\r\n")


def announced(service, connection):
    """Announce 10 GB, and send as much as is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")
    while not service.over.is_set():
        connection.sendall(bytes(MIB))


def outputs(count):
    """Return what answers with that many addresses."""

    def result(origin):
        images = [f"{origin}/cdn/{n}.png" for n in range(count)]
        return as_json({"status": "succeeded", "output": {"images": images}})

    return result


def large(service, connection):
    """Send 60 MiB, each time others: a picture and what none has behind it."""
    body = faulty.png((len(service.seen), 120, 60))
    head = f"content-length: {60 * MIB}\r\ncontent-type: image/png\r\n\r\n"
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + head.encode() + body)
    connection.sendall(bytes(60 * MIB - len(body)))


def cut_short(body):
    """Announce less than there is, which the connection then has too much of."""
    return pictured(body).replace(b"%d" % len(body), b"%d" % (len(body) - CUT))


def unannounced(body):
    """Hang up before the end, whose place nobody was told."""
    return pictured(body[:-CUT]).replace(b"content-length", b"x-length")


def broken_off(body):
    """Hang up before the end that was announced."""
    return pictured(body)[:-CUT]


def packed(body):
    """Send it packed as nobody asked, and not all of that."""
    return pictured(gzip.compress(body)[:-CUT], content_encoding="gzip")


def flipped(body):
    """Change one bit of a PNG, where its decoder does not look; others have no sums."""
    data = bytearray(body if body[1:4] == b"PNG" else RESULTS["PNG"])
    data[-14] ^= 1
    return pictured(bytes(data))


BODIES = RESULTS["PNG"], RESULTS["JPEG with a thumbnail"]


def pictured(body, **headers):
    return answer(200, body, content_type="image/png", **headers)


@pytest.mark.parametrize(
    "breaking", [cut_short, unannounced, broken_off, packed, flipped]
)
def test_a_result_that_is_not_whole_is_never_done(breaking, monkeypatch, tmp_path):
    """Nothing of it is kept, and a re-run fetches it again without a second edit."""
    monkeypatch.setattr(pace, "FIRST_BACKOFF_S", 0.0)
    with faulty.serve() as service:
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)
        for seed, body in enumerate(BODIES):
            service.script("download", breaking(body))
            with pytest.raises(kx.KontextError):
                made(seed)
        blobs = {path.name for path in (tmp_path / "store" / "blobs").glob("*/*")}
        assert len(blobs) == 1  # the source
        for seed, body in enumerate(BODIES):
            service.script("download", pictured(body))
            assert made(seed).step.job.result not in blobs
        assert service.paid == len(BODIES)


def made(seed):
    return kx.edit(Image.new("RGB", (16, 12), "red"), "Make it night", seed=seed)


CUT = 20  # bytes; so little of a PNG is forgiven by its decoder
BOMB = answer(200, gzip.compress(bytes(64 * MIB)), content_encoding="gzip")
ONE_FILE = {
    "an endless body": (endless, "larger than 64 MiB"),
    "endless chunks": (endless_chunks, "larger than 64 MiB"),
    "10 GB announced": (announced, "larger than 64 MiB"),
    "a gzip bomb": (BOMB, "sent compressed"),
}


def called(name):
    """Return what answers with one address that ends like that."""

    def result(origin):
        return as_json({"status": "succeeded", "output": f"{origin}/cdn/{name}"})

    return result


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """What an edit takes whose result is what it should be."""
    if not STATUS.exists():
        pytest.skip("only Linux tells the memory of a process by itself")
    told, _ = edited(tmp_path_factory.mktemp("honest") / "store")
    assert told["told"] == "1 pictures"
    return told


@pytest.mark.parametrize("name", ONE_FILE)
def test_a_hostile_file_is_broken_off(name, honest, tmp_path):
    """It ends in an error, within the cap on disk and 32 MiB of memory."""
    reply, words = ONE_FILE[name]
    told, _ = edited(tmp_path / "store", download=[reply])
    assert words in told["told"]
    assert told["peak_kib"] - honest["peak_kib"] < MOST_KIB
    assert told["largest"] < FILE_CAP + MIB
    assert told["left"] < honest["left"] + MIB
    assert told["asides"] == []


def test_a_film_is_no_result_of_an_edit(honest, tmp_path):
    """What an address is called does not raise the cap: a picture has to be decoded."""
    told, _ = edited(tmp_path / "store", called("a.mp4"), download=[endless])
    assert "larger than 64 MiB" in told["told"]
    assert told["peak_kib"] - honest["peak_kib"] < MOST_KIB
    assert told["largest"] < FILE_CAP + MIB


def test_of_200_outputs_the_first_16_are_fetched(honest, tmp_path):
    """A job that names no end of results does not get them all fetched."""
    told, downloads = edited(tmp_path / "store", outputs(200))
    assert told["told"] in ("1 pictures", "16 pictures")  # equal ones are one blob
    assert len(downloads) == MOST_FILES
    assert told["peak_kib"] - honest["peak_kib"] < MOST_KIB
    assert told["asides"] == []


def test_a_job_of_many_large_files_is_broken_off(honest, tmp_path):
    """Files that are each allowed are too much together: 256 MiB a job."""
    told, downloads = edited(tmp_path / "store", outputs(8), download=[large])
    assert "MiB" in told["told"]
    assert len(downloads) <= 5
    assert told["largest"] < JOB_CAP + MIB
    assert told["asides"] == []
    assert told["peak_kib"] - honest["peak_kib"] < MOST_KIB
