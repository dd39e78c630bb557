"""The wire sends a call once and says truly how it failed; over real sockets."""

import asyncio
import gzip
import socket
import threading
import tracemalloc
import zlib
from contextlib import suppress

import pytest

from kontext_nb.engine import transport as transport_module
from kontext_nb.engine import wire as wire_module
from kontext_nb.engine.bridge import NestBridge, ThreadBridge
from kontext_nb.engine.wire import Dropped, NotSent, Wire
from kontext_nb.errors import BadReply, KontextError
from kontext_nb.providers.base import Call
from tests import faulty
from tests.faulty import answer, as_json

TOKEN = "tok-never-to-be-shown"  # noqa: S105 - made up


def call(origin, path="/v1/requests/job-1/status", **facts):
    headers = {"authorization": f"Bearer {TOKEN}"}
    return Call(method="GET", url=origin + path, headers=headers, **facts)


def paid(origin, body=b"{}", **facts):
    path = "/v1/models/a/b"
    return Call(method="POST", url=origin + path, body=body, paid=True, **facts)


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


@pytest.mark.parametrize(
    "turn", [faulty.closed, faulty.reset, answer(503), answer(307, location="/x")]
)
def test_through_a_proxy_too_a_paid_call_is_sent_once(monkeypatch, turn):
    """What carries it there repeats and follows no more than our own transport."""
    with faulty.serve(download=[turn]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        with suppress(Dropped):
            send(paid("http://service.invalid"))
    assert [seen.method for seen in proxy.seen] == ["POST"]


WHOLE = answer(200, b'{"request_id": "job-1"}')


def reset_where_only_the_end_ends_it(service, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
    service.over.wait(0.05)  # a reset overtakes what has not been read
    faulty.reset(service, connection)


BROKEN = {
    "reset": faulty.reset,
    "reset where only the end ends it": reset_where_only_the_end_ends_it,
    "closed without a word": faulty.closed,
    "closed within the body": WHOLE[:-5],
    "closed within the head": WHOLE[:20],
    "closed within a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"
    ),
    "closed after an interim answer": b"HTTP/1.1 103 Early\r\n\r\n",
}
GARBLED = {
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
    ),
    "a head without end": (
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x: %d\r\n" % i for i in range(20_000))
    ),
    "a head of 65 KiB": answer(200, b"{}", x="y" * 65 * 1024),
    "interim answers without end": b"HTTP/1.1 103 Early\r\n\r\n" * 1000 + WHOLE,
    "a switch to another protocol": b"HTTP/1.1 101 Switch\r\n\r\n" + WHOLE,
    "status 000": answer("000", b"{}"),
    "a chunk without a size": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\nabc"
    ),
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


@pytest.mark.parametrize("fault", GARBLED)
def test_an_answer_that_is_not_http_is_a_bad_reply(fault):
    """Nonsense, or a flood of head, is refused within bounds and asked for once."""
    with (
        faulty.serve(submit=[GARBLED[fault]]) as service,
        pytest.raises(BadReply, match="not HTTP"),
    ):
        send(paid(service.origin))
    assert service.paid == 1


LONGER = WHOLE.replace(b"content-length: 23", b"content-length: 230")


@pytest.mark.parametrize("fault", [LONGER, faulty.dripping(LONGER)])
def test_what_was_heard_of_a_broken_answer_is_kept(fault, monkeypatch):
    """An id that arrived before the connection broke, or stalled, is not lost."""
    monkeypatch.setattr(wire_module, "WITH_A_BODY", 1)
    with (
        faulty.serve(submit=[fault]) as service,
        pytest.raises(Dropped) as caught,
    ):
        send(paid(service.origin, timeout_s=2))
    assert caught.value.heard.status == 200
    assert caught.value.heard.body.strip() == b'{"request_id": "job-1"}'


@pytest.mark.parametrize(
    ("turn", "reason", "limit_s"),
    [(faulty.reset, "ReadError", 10), (faulty.silent, "WriteTimeout", 1.5)],
    ids=["reset", "unread"],
)
def test_what_breaks_while_the_body_is_sent_is_dropped(turn, reason, limit_s):
    """A part of it left: the service may make do with that, so it is not repeated."""
    with faulty.serve(submit=[faulty.Early(turn)]) as service:
        with pytest.raises(Dropped, match=reason) as caught:
            send(paid(service.origin, bytes(8 * 2**20), timeout_s=limit_s))
        assert service.paid == 1
    assert caught.value.timed_out == (turn is faulty.silent)


def test_silence_is_dropped():
    """A server that takes the request and says nothing ends with the call's timeout."""
    with (
        faulty.serve(submit=[faulty.silent]) as service,
        pytest.raises(Dropped, match="ReadTimeout"),
    ):
        send(paid(service.origin, timeout_s=1))


@pytest.mark.parametrize("method", [call, paid])
def test_an_answer_in_drops_does_not_hang_a_call(method, monkeypatch):
    """The timeout of a call bounds the whole answer, not each byte of it."""
    monkeypatch.setattr(wire_module, "WITH_A_BODY", 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    drops = [faulty.dripping(head)]
    with (
        faulty.serve(submit=drops, status=drops) as service,
        pytest.raises(Dropped) as caught,
    ):
        send(method(service.origin, timeout_s=1.5))
    assert caught.value.timed_out


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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_question_is_carried_on_within_its_origin(status):
    """A poll follows a redirect within its origin, credential and all."""
    with faulty.serve() as service:
        place = service.origin + "/elsewhere/status"
        service.script("status", answer(status, location=place), as_json({"a": 1}))
        assert send(call(service.origin)).body == b'{"a": 1}'
    assert [seen.method for seen in service.seen] == ["GET", "GET"]
    assert service.seen[1].path == "/elsewhere/status"
    assert service.seen[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_question_is_carried_on_three_times_at_most():
    """A redirect loop ends with the fourth redirect as the answer."""
    with faulty.serve(status=[answer(302, location="status")]) as service:
        assert send(call(service.origin)).status == 302
    assert len(service.seen) == 4


@pytest.mark.parametrize(
    "place",
    [
        "http://someone@HOST/v1/requests/job-1/status",
        "http://a:b@HOST/status",
        "https://HOST/status",
        "//127.0.0.2/status",
        "http://127.0.0.1:1/status",
        "ftp://HOST/status",
        "http://[::bad/status",
        "",
    ],
)
def test_what_is_not_quite_the_same_origin_is_not_followed(place):
    """Another scheme, host, port or a name in the address ends the question there."""
    with faulty.serve() as service:
        place = place.replace("HOST", service.origin.partition("//")[2])
        service.script("status", answer(302, location=place))
        assert send(call(service.origin)).status == 302
    assert len(service.seen) == 1


def test_a_cancel_is_not_carried_on():
    """Whatever is not a question stays where it was sent."""
    with faulty.serve(cancel=[answer(307, location="status")]) as service:
        one = Call(method="POST", url=service.origin + "/v1/requests/job-1/cancel")
        assert send(one).status == 307
    assert len(service.seen) == 1


def test_no_cookie_is_kept_and_no_address_logged(caplog):
    """Calls leave no trace but their answers."""
    caplog.set_level("DEBUG")
    biscuit = as_json({}, set_cookie="a=b; Path=/", connection="keep-alive")
    with faulty.serve(status=[biscuit]) as service:
        send(*[call(service.origin)] * 2)
    assert "cookie" not in service.seen[1].headers
    assert "requests" not in caplog.text


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "Deflate"])
def test_an_answer_compressed_unasked_is_read_within_the_cap(encoding):
    """The id of a paid job is not thrown away because a proxy compressed it."""
    pack = zlib.compress if encoding.lower() == "deflate" else gzip.compress
    packed = answer(200, pack(b'{"a": 1}'), content_encoding=encoding)
    with faulty.serve(submit=[packed]) as service:
        assert send(paid(service.origin)).body == b'{"a": 1}'


BOMB = gzip.compress(bytes(64 * 2**20))
PACKED = {
    "damaged": answer(200, b"\x1f\x8b" + b"0" * 50, content_encoding="gzip"),
    "cut short": answer(200, gzip.compress(b"{}")[:-9], content_encoding="gzip"),
    "a bomb": answer(200, BOMB, content_encoding="gzip"),
    "twice": answer(200, gzip.compress(BOMB), content_encoding="gzip, gzip"),
    "in an unknown way": answer(200, b"{}", content_encoding="br"),
}


@pytest.mark.parametrize("fault", PACKED)
def test_an_answer_that_cannot_be_unpacked_within_the_cap_is_refused(fault):
    """Nothing unfolds past what the call allows, not even in memory."""
    tracemalloc.start()
    try:
        with (
            faulty.serve(status=[PACKED[fault]]) as service,
            pytest.raises(BadReply, match=r"compressed|more than"),
        ):
            send(call(service.origin))
        assert tracemalloc.get_traced_memory()[1] < 24 * 2**20
    finally:
        tracemalloc.stop()


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


KEPT = as_json({}, connection="keep-alive")


def test_a_paid_call_has_a_connection_of_its_own():
    """A kept connection that may be dead already never carries a paid call."""

    def once_then_gone(_service, connection):
        connection.sendall(KEPT)

    with faulty.serve(status=[once_then_gone]) as service:
        assert send(call(service.origin), paid(service.origin)).status == 200
        assert service.paid == 1
    with faulty.serve(status=[KEPT], submit=[KEPT]) as service:
        send(call(service.origin), paid(service.origin), paid(service.origin))
        assert (service.paid, service.connections) == (2, 3)


def test_a_connection_is_kept_for_the_next_question():
    """Polls share one connection where the service allows it."""
    with faulty.serve(status=[KEPT], submit=[KEPT]) as service:
        asked = [paid(service.origin), *[call(service.origin)] * 3]
        assert send(*asked).status == 200
        assert (len(service.seen), service.connections) == (4, 1)


def test_a_connection_that_was_left_alone_too_long_is_not_used(monkeypatch):
    """After the idle time the next question opens a new connection."""
    monkeypatch.setattr(transport_module, "IDLE_S", 0.0)
    with faulty.serve(status=[KEPT]) as service:
        send(*[call(service.origin)] * 3)
        assert service.connections == 3


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_one():
    """What a server says on an idle connection does not answer a later question."""

    def chatty(_service, connection):
        connection.sendall(KEPT + answer(408, b"too late"))

    with faulty.serve(status=[chatty]) as service:
        assert send(*[call(service.origin)] * 2).status == 200
        assert service.connections == 2


@pytest.mark.parametrize("bridge", [ThreadBridge, NestBridge])
def test_connections_outlive_the_call_on_both_bridges(bridge):
    """A loop that runs all the time and one that rests between calls reuse them."""
    with faulty.serve(status=[KEPT]) as service:
        wire, doors = Wire(None, "kontext-nb/test"), bridge()
        for _ in range(3):
            reply = doors.run(wire.send(call(service.origin)), lambda: None)
            assert reply.status == 200
        assert service.connections == 1
        doors.run(wire._client.aclose(), lambda: None)


def test_a_refusal_before_the_whole_request_is_heard():
    """A server that answers and hangs up before the body's end is understood."""

    def refusing(connection):
        connection.recv(1000)
        connection.sendall(answer(413, b"{}"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(100_000):
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                refusing(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        large = Call(
            method="POST", url=origin + "/v1/models/a/b", body=bytes(4 * 2**20)
        )
        assert send(large).status == 413
        thread.join(10)


def test_a_call_that_is_given_up_leaves_its_place_to_the_next(monkeypatch):
    """However many calls are cancelled or break, the next one finds a connection."""
    monkeypatch.setattr(transport_module, "MAX_OPEN", 2)

    async def asking(origin):
        wire = Wire(None, "kontext-nb/test")
        for _ in range(4):
            hanging = asyncio.ensure_future(wire.send(call(origin, "/hang/result")))
            await asyncio.sleep(0.01)
            hanging.cancel()
            with pytest.raises(Dropped):
                await wire.send(call(origin, "/broken/cancel"))
        reply = await wire.send(call(origin))
        await wire._client.aclose()
        return reply

    with faulty.serve(result=[faulty.silent], cancel=[faulty.reset]) as service:
        assert asyncio.run(asking(service.origin)).status == 200


@pytest.mark.parametrize("all_told", [1, 3], ids=["slept", "waited"])
def test_no_place_among_the_open_calls_is_not_sent(monkeypatch, all_told):
    """A call that waited in vain for its turn did not leave this machine.

    Where the machine slept meanwhile, all its time is over at the same moment.
    """
    monkeypatch.setattr(transport_module, "MAX_OPEN", 1)
    monkeypatch.setattr(wire_module, "WITH_A_BODY", all_told)

    async def asking(origin):
        wire = Wire(None, "kontext-nb/test")
        hanging = asyncio.ensure_future(wire.send(call(origin, "/hang/result")))
        await asyncio.sleep(0.01)
        try:
            await wire.send(paid(origin, timeout_s=0.05))
        finally:
            hanging.cancel()
            await wire._client.aclose()

    with faulty.serve(result=[faulty.silent]) as service:
        with pytest.raises(NotSent) as caught:
            asyncio.run(asking(service.origin))
        assert caught.value.timed_out
        assert service.paid == 0


def test_a_certificate_nobody_vouches_for_is_not_sent_and_not_worth_a_retry(
    certificate,
):
    """Without trust no byte of the request leaves, and the error says why."""
    with (
        faulty.serve(tls=certificate[0]) as service,
        pytest.raises(NotSent, match="certificate: self-signed") as caught,
    ):
        send(paid(service.origin))
    assert caught.value.lasting
    assert service.paid == 0


def test_a_certificate_for_another_name_is_not_sent(certificate, monkeypatch):
    """A trusted certificate does not vouch for another host."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with (
        faulty.serve(tls=certificate[0]) as service,
        pytest.raises(NotSent, match="certificate"),
    ):
        send(paid(service.origin.replace("127.0.0.1", "localhost")))
    assert service.paid == 0


def test_large_bodies_travel_whole_through_tls(certificate, monkeypatch):
    """SSL_CERT_FILE is honoured, and megabytes go and come unharmed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    large = bytes(range(256)) * 12_000
    with faulty.serve(tls=certificate[0], submit=[answer(200, large)]) as service:
        url = service.origin + "/v1/models/a/b"
        reply = send(Call(method="POST", url=url, body=large, paid=True))
    assert service.seen[0].body == large
    assert reply.body == large


def test_a_reset_behind_tls_is_dropped(certificate, monkeypatch):
    """What breaks after the handshake may have been sent, in TLS as without."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    with (
        faulty.serve(tls=certificate[0], submit=[faulty.reset]) as service,
        pytest.raises(Dropped),
    ):
        send(paid(service.origin))
    assert service.paid == 1


def test_a_proxy_in_the_environment_is_used_where_it_applies(monkeypatch):
    """Calls go through it; not those to a host of NO_PROXY, nor to this machine."""
    elsewhere = "http://service.invalid"
    with faulty.serve() as proxy, faulty.serve() as service:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        assert send(call(elsewhere)).status == 200
        assert send(call(service.origin)).status == 200
        assert (len(proxy.seen), len(service.seen)) == (1, 1)
        assert proxy.seen[0].path.startswith(elsewhere)
        monkeypatch.setenv("NO_PROXY", "service.invalid")
        with pytest.raises(NotSent):
            send(call(elsewhere))
        assert len(proxy.seen) == 1


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
