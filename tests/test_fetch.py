"""A download is whole or an error; over real sockets, with a played clock."""

import asyncio
import gzip
import subprocess
import sys
import textwrap

import pytest

from kontext_nb.engine.fetch import (
    STALL_BYTES,
    TRIES,
    AddressExpired,
    Fetched,
    Unfit,
    fetch,
)
from kontext_nb.engine.pace import Budget, Clock
from kontext_nb.engine.wire import Unanswered, Wire
from kontext_nb.errors import BadReply, KontextError, ServiceBusy, StoreError
from kontext_nb.model import Secret
from kontext_nb.providers.runcomfy import RunComfy
from tests import faulty
from tests.faulty import answer
from tests.test_runcomfy import HOSTILE

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up
FILE = bytes(range(256)) * 4
LENGTH = len(FILE)
ETAG = '"v1"'
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


class Kept:
    """A part in memory, which remembers how often it began anew."""

    def __init__(self):
        self.data = bytearray()
        self.largest = 0

    @property
    def size(self):
        return len(self.data)

    def append(self, piece):
        self.largest = max(self.largest, len(piece))
        self.data += piece

    def restart(self):
        self.data.clear()


class Played:
    """A clock whose pauses take no time; ``ticks_s`` go by at each look at it."""

    def __init__(self, ticks_s=0.0):
        self.now_s = 0.0
        self.ticks_s = ticks_s
        self.slept = []

    def now(self):
        self.now_s += self.ticks_s
        return self.now_s

    async def sleep(self, seconds):
        self.slept.append(seconds)


def download(origin, part=None, played=None, path="/cdn/job-1.png", **facts):
    """Download from ``origin``; return what `fetch` said and the bytes."""
    part, played = part or Kept(), played or Played()
    facts = {"budget": Budget(), **facts}

    async def fetching():
        wire = Wire(None, "kontext-nb/test")
        provider = RunComfy(
            token=Secret.of(TOKEN), base=f"{origin}/v1", result_origin=origin
        )
        clock = Clock(now=played.now, sleep=played.sleep)
        try:
            return await fetch(wire, provider, origin + path, part, clock, **facts)
        finally:
            await wire._client.aclose()

    return asyncio.run(asyncio.wait_for(fetching(), 20)), bytes(part.data)


def whole(**headers):
    """Return all of the file."""
    return answer(200, FILE, content_type="image/png", **headers)


def cut(at, reply):
    """Return an answer that breaks off ``at`` bytes into its body."""
    head, _, body = reply.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[:at]


def rest(start, *, said=None, total=LENGTH, **headers):
    """Return the file from ``start``, and say that it starts at ``said``."""
    said = start if said is None else said
    content_range = f"bytes {said}-{len(FILE) - 1}/{total}"
    return answer(206, FILE[start:], content_range=content_range, **headers)


def unframed(reply):
    """Return the answer without its length: only the connection's end ends it."""
    return reply.replace(b"content-length: %d\r\n" % len(FILE), b"")


NOW = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = NOW + b"400\r\n" + FILE + b"\r\n0\r\n\r\n"
WHOLE = Fetched(len(FILE), "image/png", whole=True)
# The answers in turn, and per request the range that was asked for and its validator.
SEQUENCES = {
    "at once": ([whole()], [None]),
    "continued by ETag": (
        [cut(100, whole(etag=ETAG)), rest(100, etag=ETAG)],
        [None, (100, ETAG)],
    ),
    "continued by date": (
        [cut(100, whole(last_modified=DATE)), rest(100)],
        [None, (100, DATE)],
    ),
    "the ETag before the date": (
        [cut(100, whole(etag=ETAG, last_modified=DATE)), rest(100)],
        [None, (100, ETAG)],
    ),
    "a weak ETag is none": (
        [cut(100, whole(etag='W/"v1"')), whole()],
        [None, None],
    ),
    "nothing to continue by": ([cut(100, whole()), whole()], [None, None]),
    "continued twice": (
        [
            cut(100, whole(etag=ETAG)),
            cut(50, rest(100, etag=ETAG)),
            rest(150, etag=ETAG),
        ],
        [None, (100, ETAG), (150, ETAG)],
    ),
    "continued by a range of unknown total": (
        [cut(100, whole(etag=ETAG)), rest(100, total="*")],
        [None, (100, ETAG)],
    ),
    "continued by a range that is short": (
        [
            cut(100, whole(etag=ETAG)),
            answer(206, FILE[100:200], content_range=f"bytes 100-199/{len(FILE)}"),
            rest(200),
        ],
        [None, (100, ETAG), (200, ETAG)],
    ),
    "the range ignored": (
        [cut(100, whole(etag=ETAG)), whole(etag='"v2"')],
        [None, (100, ETAG)],
    ),
    "the range ignored, then continued": (
        [
            cut(100, whole(etag=ETAG)),
            cut(200, whole(etag='"v2"')),
            rest(200, etag='"v2"'),
        ],
        [None, (100, ETAG), (200, '"v2"')],
    ),
    "the wrong offset": (
        [cut(100, whole(etag=ETAG)), rest(90, said=90), whole()],
        [None, (100, ETAG), None],
    ),
    "another total": (
        [cut(100, whole(etag=ETAG)), rest(100, total=2000), whole()],
        [None, (100, ETAG), None],
    ),
    "another version under the range": (
        [cut(100, whole(etag=ETAG)), rest(100, etag='"v2"'), whole()],
        [None, (100, ETAG), None],
    ),
    "a range without a range": (
        [cut(100, whole(etag=ETAG)), answer(206, FILE[100:]), whole()],
        [None, (100, ETAG), None],
    ),
    "a range that is not to be had": (
        [cut(100, whole(etag=ETAG)), answer(416), whole()],
        [None, (100, ETAG), None],
    ),
    "a range nobody asked for": ([rest(0), whole()], [None, None]),
    "broken before the head": ([faulty.reset, faulty.closed, whole()], [None] * 3),
    "busy": (
        [answer(503), answer(429, retry_after="7"), answer(500), whole()],
        [None] * 4,
    ),
    "busy in the middle": (
        [cut(100, whole(etag=ETAG)), answer(502), rest(100)],
        [None, (100, ETAG), (100, ETAG)],
    ),
    "compressed at first": (
        [answer(200, gzip.compress(FILE), content_encoding="gzip"), whole()],
        [None, None],
    ),
    "a portal's page at first": (
        [answer(200, b"<html>", content_type="text/html; charset=x"), whole()],
        [None, None],
    ),
    "nothing at first": ([answer(204), whole()], [None, None]),
    "no HTTP at first": ([b"HTTP/9 nonsense\r\n\r\n", whole()], [None, None]),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_of_answers_ends_with_the_whole_file(name):
    """Each try asks for exactly what is missing of the same file, or for all of it."""
    answers, asked = SEQUENCES[name]
    with faulty.serve(download=answers) as service:
        fetched, data = download(service.origin)
    assert data == FILE
    assert (fetched.size, fetched.whole) == (len(FILE), True)
    ranges = [
        (int(seen.headers["range"][6:-1]), seen.headers["if-range"])
        if "range" in seen.headers
        else None
        for seen in service.seen
    ]
    assert ranges == asked
    assert all(seen.headers["accept-encoding"] == "identity" for seen in service.seen)
    assert TOKEN not in str([seen.headers for seen in service.seen])


def test_what_is_said_of_a_file_is_passed_on():
    """Its type is given without parameters; without a length its end is not vouched."""
    typed = whole().replace(b"image/png", b"Image/PNG; x=y")
    chunked = Fetched(len(FILE), "", whole=True)
    open_ended = Fetched(len(FILE), "image/png", whole=False)
    for reply, said in (
        (typed, WHOLE),
        (CHUNKED, chunked),
        (unframed(whole()), open_ended),
    ):
        with faulty.serve(download=[reply]) as service:
            assert download(service.origin) == (said, FILE)


FIVE_TIMES = {
    "cut short": (cut(100, whole()), Unanswered),
    "a chunk cut short": (CHUNKED[:-200], Unanswered),
    "reset": (faulty.reset, Unanswered),
    "busy": (answer(503), ServiceBusy),
}


@pytest.mark.parametrize("name", FIVE_TIMES)
def test_five_tries_are_all(name):
    """What fails each time ends as the error it was, after pauses that double."""
    reply, expected = FIVE_TIMES[name]
    played = Played()
    with faulty.serve(download=[reply]) as service, pytest.raises(expected):
        download(service.origin, played=played, chance=lambda: 1.0)
    assert len(service.seen) == TRIES
    assert played.slept == [0.5, 1, 2, 4]


TWICE = {
    "compressed": answer(200, gzip.compress(FILE), content_encoding="gzip"),
    **{
        f"compressed as {encoding}": answer(200, FILE, content_encoding=encoding)
        for encoding in ("br", "zstd", "deflate", "gzip, br", "x-new", "BR")
    },
    "in a range nobody asked for": rest(0),
    "a portal's page": answer(200, b"<html>", content_type="text/html"),
    "no content": answer(204),
    "a redirect to nowhere said": answer(302),
    "a refusal": answer(451),
}


@pytest.mark.parametrize("name", TWICE)
def test_what_cannot_be_the_file_is_asked_for_twice(name):
    """It is refused each time, unread: a bomb has no time to unfold."""
    part = Kept()
    with faulty.serve(download=[TWICE[name]]) as service, pytest.raises(Unfit):
        download(service.origin, part)
    assert len(service.seen) == 2
    assert part.largest == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_address_without_the_file_may_have_expired(status):
    """It is not asked again: whoever asked may ask for a new address."""
    with faulty.serve(download=[answer(status)]) as service:
        with pytest.raises(AddressExpired):
            download(service.origin)
        assert len(service.seen) == 1


def test_an_address_may_expire_in_the_middle():
    """Nothing is kept of a file that can no longer be continued at its address."""
    part = Kept()
    answers = [cut(100, whole(etag=ETAG)), answer(403)]
    with faulty.serve(download=answers) as service, pytest.raises(AddressExpired):
        download(service.origin, part)
    assert part.size == 0


def test_a_service_that_asks_for_too_long_a_pause_is_not_waited_for():
    """A pause of hours ends the download; one of seconds is kept."""
    played = Played()
    answers = [answer(503, retry_after="7"), answer(429, retry_after="7200")]
    with faulty.serve(download=answers) as service, pytest.raises(ServiceBusy):
        download(service.origin, played=played)
    assert len(played.slept) == 1
    assert 7 <= played.slept[0] <= 7.7


def test_an_empty_budget_ends_the_tries():
    """Downloads draw on the same budget as every other call."""
    with faulty.serve(download=[faulty.reset]) as service:
        with pytest.raises(Unanswered):
            download(service.origin, budget=Budget(5))
        assert len(service.seen) == 2


TOO_LARGE = {
    "by its length": b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nabc",
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(65 * 2**20),
    "in chunks": NOW + (b"100000\r\n" + bytes(2**20) + b"\r\n") * 65,
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_file_past_the_cap_is_not_fetched(name):
    """What is too large, announced or not, is dropped within the cap, and for good."""
    part = Kept()
    with faulty.serve(download=[TOO_LARGE[name]]) as service:
        with pytest.raises(BadReply, match="larger than 64 MiB"):
            download(service.origin, part)
        assert len(service.seen) == 1
    assert part.size == 0


def test_a_stalling_download_is_broken_off_and_continued():
    """Less than 1 KiB in 30 s counts as broken, however steadily it drips."""
    head = cut(0, whole(etag=ETAG))
    played = Played(ticks_s=1.0)
    with faulty.serve(download=[faulty.dripping(head + FILE[:10])]) as service:
        with pytest.raises(Unanswered, match="1 KiB in 30 s") as caught:
            download(service.origin, played=played)
        assert caught.value.timed_out
        assert len(service.seen) == TRIES
        assert service.seen[1].headers["if-range"] == ETAG


def test_a_slow_download_that_goes_on_is_left_alone():
    """A window with 1 KiB in it is followed by another one."""
    pieces = 8

    def slow(service, connection):
        length = pieces * STALL_BYTES
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
        for _ in range(pieces):
            connection.sendall(bytes(STALL_BYTES))
            service.over.wait(0.01)

    with faulty.serve(download=[slow]) as service:
        fetched, _ = download(service.origin, played=Played(ticks_s=31.0))
        assert len(service.seen) == 1
    assert fetched.size == pieces * STALL_BYTES


def test_each_hop_is_described_anew_and_carries_no_credential():
    """Redirects are followed within what the provider allows, three at most."""
    with faulty.serve() as service:
        hops = [answer(302, location=f"/cdn/{n}.png") for n in range(3)]
        service.script("download", *hops, whole())
        assert download(service.origin)[1] == FILE
        paths = [seen.path for seen in service.seen]
        assert paths == ["/cdn/job-1.png", "/cdn/0.png", "/cdn/1.png", "/cdn/2.png"]
        assert all("authorization" not in seen.headers for seen in service.seen)
        service.script("download", answer(302, location="/cdn/on.png"))
        with pytest.raises(BadReply, match="more than 3"):
            download(service.origin)
        assert len(service.seen) == 8


def test_a_hop_to_a_strange_host_is_not_taken(monkeypatch):
    """No connection is opened to where the provider does not let results come from."""
    called = set()
    connect = asyncio.BaseEventLoop.create_connection

    def connecting(loop, protocol, host, port, **how):
        called.add((host, port))
        if len(called) > 1:
            raise OSError
        return connect(loop, protocol, host, port, **how)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connecting)
    # What names no host leads on from where one is; and a header has no spaces around.
    hosts = [u for u in HOSTILE if "//" in u and u.isprintable() and u == u.strip()]
    assert len(hosts) >= 60
    with faulty.serve() as other, faulty.serve() as service:
        for url in (*hosts, f"{other.origin}/cdn/a.png"):
            place = url.encode().decode("latin-1")  # as header bytes travel
            service.script("download", answer(302, location=place))
            with pytest.raises(BadReply, match="not RunComfy's"):
                download(service.origin)
        assert len(service.seen) == len(hosts) + 1
        assert other.seen == []
    assert called == {("127.0.0.1", int(service.origin.rpartition(":")[2]))}


def test_a_resumed_download_goes_through_the_redirect_again():
    """A signed target may have changed, so each try begins at the address it has."""
    hop = answer(302, location="/cdn/signed.png")
    answers = [hop, cut(100, whole(etag=ETAG)), hop, rest(100)]
    with faulty.serve(download=answers) as service:
        assert download(service.origin)[1] == FILE
    assert [seen.path for seen in service.seen][2:] == [
        "/cdn/job-1.png",
        "/cdn/signed.png",
    ]


def test_what_a_part_held_before_is_forgotten():
    """Bytes of an earlier process, of who knows which version, are not built on."""
    part = Kept()
    part.append(b"old")
    with faulty.serve(download=[whole()]) as service:
        assert download(service.origin, part)[1] == FILE


def test_a_part_that_cannot_be_written_ends_the_download():
    """A full disk is not tried again, and its error comes through."""

    class Full(Kept):
        def append(self, _piece):
            raise StoreError("The disk is full.", "Make room.")

    with faulty.serve(download=[whole()]) as service:
        with pytest.raises(StoreError):
            download(service.origin, Full())
        assert len(service.seen) == 1


def test_a_download_that_is_given_up_leaves_no_connection():
    """Cancelled in the middle, it raises what cancelled it and closes its socket."""

    async def giving_up(origin):
        part, wire = Kept(), Wire(None, "kontext-nb/test")
        provider = RunComfy(
            token=Secret.of(TOKEN), base=origin + "/v1", result_origin=origin
        )
        task = asyncio.ensure_future(
            fetch(wire, provider, origin + "/cdn/x.png", part, Clock())
        )
        while not part.size:  # noqa: ASYNC110 - a socket's other end
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(wire._client._idle.values())
        await wire._client.aclose()

    with faulty.serve(download=[faulty.dripping(cut(10, whole()))]) as service:
        asyncio.run(asyncio.wait_for(giving_up(service.origin), 20))


RSS = """
    import asyncio, resource, sys
    from kontext_nb.engine.fetch import fetch
    from kontext_nb.engine.pace import Clock
    from kontext_nb.engine.wire import Wire
    from kontext_nb.errors import BadReply
    from kontext_nb.model import Secret
    from kontext_nb.providers.runcomfy import RunComfy

    class Nothing:
        size = largest = 0
        def append(self, piece):
            self.size += len(piece)
            self.largest = max(self.largest, len(piece))
        def restart(self):
            self.size = 0

    async def main(origin):
        provider = RunComfy(token=Secret.of("t" * 8), base=origin, result_origin=origin)
        part = Nothing()
        wire = Wire(None, "test")
        for path in ("/cdn/small", "/cdn/large"):
            try:
                await fetch(wire, provider, origin + path, part, Clock())
            except BadReply:
                pass
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        print(part.largest)

    asyncio.run(main(sys.argv[1]))
"""


def test_memory_does_not_grow_with_the_body():
    """64 MiB in pieces of 64 KiB at most take no more room than one small file."""
    pytest.importorskip("resource")

    def endless(service, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not service.over.is_set():
            connection.sendall(bytes(2**20))

    with faulty.serve(download=[whole(), endless]) as service:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(RSS), service.origin],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    small_mib, large_mib, largest = map(int, done.stdout.split())
    assert large_mib - small_mib < 8
    assert largest <= 64 * 1024


def test_no_error_of_a_download_shows_its_address():
    """A signed address is a credential of its own: its query is in no message."""
    for reply in (
        answer(403),
        answer(503),
        faulty.reset,
        answer(204),
        TOO_LARGE["by its length"],
    ):
        with faulty.serve(download=[reply]) as service:
            with pytest.raises(KontextError) as caught:
                download(service.origin, path="/cdn/a.png?sig=SECRET")
            assert "SECRET" not in str(caught.value)
