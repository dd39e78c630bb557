"""The wire sends a call once and says truly how it failed; over real sockets."""

import asyncio
import socket
from contextlib import suppress

import pytest

from kontext_nb.engine.wire import Dropped, NotSent, Wire
from kontext_nb.errors import BadReply, KontextError
from kontext_nb.providers.base import Call
from tests import faulty
from tests.faulty import answer, as_json

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up


def call(origin, path="/v1/requests/job-1/status", **facts):
    headers = {"authorization": f"Bearer {TOKEN}"}
    return Call(method="GET", url=origin + path, headers=headers, **facts)


def paid(origin, **facts):
    path = "/v1/models/a/b"
    return Call(method="POST", url=origin + path, body=b"{}", paid=True, **facts)


def send(*calls):
    """Send the calls in turn over one wire; return the last reply."""

    async def sending():
        wire = Wire(None, "kontext-nb/test")
        try:
            for one in calls:
                reply = await wire.send(one)
            return reply
        finally:
            await wire._client.aclose()

    return asyncio.run(sending())


def test_a_call_arrives_as_it_was_described():
    """Method, path, headers and body arrive, and no compression is asked for."""
    with faulty.serve(submit=[as_json({"a": 1}, 202, x_Made_Up="yes")]) as service:
        reply = send(paid(service.origin))
    (seen,) = service.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/models/a/b", b"{}")
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"] == "kontext-nb/test"
    assert (reply.status, reply.body) == (202, b'{"a": 1}')
    assert reply.headers["x-made-up"] == "yes"


def test_a_port_nobody_listens_on_is_not_sent():
    """A refused connection proves that nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSent, match="cannot be reached"):
        send(paid(f"http://127.0.0.1:{port}"))


def test_a_failed_handshake_is_not_sent():
    """Where TLS is asked for and not to be had, nothing goes out without it."""
    with (
        faulty.serve() as service,
        pytest.raises(NotSent),
    ):
        send(paid(service.origin.replace("http:", "https:")))
    assert service.paid == 0


def test_a_proxy_that_refuses_the_tunnel_is_not_sent(monkeypatch):
    """A 407 to CONNECT means that no byte of the request reached the service."""
    with faulty.serve(download=[answer(407)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        with pytest.raises(NotSent):
            send(paid("https://model-api.runcomfy.net"))
    assert [seen.method for seen in proxy.seen] == ["CONNECT"]


WHOLE = answer(200, b'{"request_id": "job-1"}')
BROKEN = {
    "reset": faulty.reset,
    "closed without a word": faulty.closed,
    "closed within the body": WHOLE[:-5],
    "closed within the head": WHOLE[:20],
    "closed within a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"
    ),
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.9\r\n",
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
    ),
    "a head without end": (
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x: %d\r\n" % i for i in range(20_000))
    ),
    "a redirect to nowhere": answer(302, location="http://[::bad"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_no_whole_answer_is_dropped(fault):
    """Whatever breaks after the request left is `Dropped`: it may have arrived."""
    with (
        faulty.serve(submit=[BROKEN[fault]]) as service,
        pytest.raises(Dropped),
    ):
        send(paid(service.origin))
    assert service.paid == 1


def test_silence_is_dropped():
    """A server that takes the request and says nothing ends with the call's timeout."""
    with (
        faulty.serve(submit=[faulty.silent]) as service,
        pytest.raises(Dropped, match="ReadTimeout"),
    ):
        send(paid(service.origin, timeout_s=0.05))


def test_an_answer_in_drops_does_not_hang_a_paid_call():
    """The timeout of the paid call bounds the whole answer, not each byte of it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with (
        faulty.serve(submit=[faulty.dripping(head)]) as service,
        pytest.raises(Dropped),
    ):
        send(paid(service.origin, timeout_s=0.1))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", [call, paid])
def test_no_redirect_is_followed(status, method):
    """Nothing at all goes to a redirect's target, least of all the token."""
    with faulty.serve() as other:
        moved = answer(status, location=other.origin + "/v1/models/a/b")
        with faulty.serve(submit=[moved], status=[moved]) as service:
            assert send(method(service.origin)).status == status
    assert len(service.seen) == 1
    assert other.seen == []


def test_a_compressed_answer_is_refused():
    """An answer that could unfold past the cap is not unpacked."""
    packed = answer(200, b"\x1f\x8b" + b"0" * 50, content_encoding="gzip")
    with (
        faulty.serve(status=[packed]) as service,
        pytest.raises(BadReply, match="compressed"),
    ):
        send(call(service.origin))


@pytest.mark.parametrize("declared", [True, False])
def test_an_answer_past_the_cap_is_refused(declared):
    """More than the call allows is not read to its end, whether it says so or not."""
    big = answer(200, b"x" * 300_000)
    if not declared:
        big = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 300_000
    with (
        faulty.serve(status=[big]) as service,
        pytest.raises(BadReply, match="more than"),
    ):
        send(call(service.origin, max_bytes=100_000))


def test_a_connection_closed_while_idle_sends_the_paid_call_once():
    """A kept connection that died between two calls costs no second paid request."""

    def once_then_gone(_service, connection):
        connection.sendall(as_json({}, connection="keep-alive"))

    # Whether the close is seen before the send is a race; both ways are honest.
    with faulty.serve(status=[once_then_gone]) as service, suppress(Dropped):
        assert send(call(service.origin), paid(service.origin)).status == 200
    assert service.paid <= 1


def test_a_connection_is_kept_for_the_next_call():
    """Polls share one connection where the service allows it."""
    kept = as_json({}, connection="keep-alive")
    with faulty.serve(status=[kept]) as service:
        assert send(*[call(service.origin)] * 3).status == 200
    assert len(service.seen) == 3


@pytest.mark.parametrize(
    "url",
    [
        "https://a.runcomfy.net/" + "x" * 70_000,
        "https://[::bad/",
        "https:///nowhere",
        "nonsense",
    ],
)
def test_an_address_that_cannot_be_is_a_typed_error(url):
    """What the HTTP library will not even build is one of ours, and was not sent."""
    with pytest.raises(KontextError):
        send(Call(method="GET", url=url))


def test_no_error_shows_the_token():
    """Neither message nor cause of a failed call holds the credential."""
    with faulty.serve(status=[faulty.reset]) as service:
        one = call(service.origin)
        with pytest.raises(Dropped) as caught:
            send(one)
    assert TOKEN not in repr(one) + repr(caught.value) + str(caught.value)
    assert caught.value.__suppress_context__
