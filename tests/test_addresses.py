"""A picture given as text: an address a service can reach, or a data URL."""

import base64

import pytest

from kontext_nb.errors import ImageRejected
from kontext_nb.session import addresses
from kontext_nb.session.addresses import checked_address
from kontext_nb.session.orders import source_of
from tests import faulty

FAR = "https://example.com/a.png"


@pytest.mark.parametrize(
    "address",
    [
        *("https://", "https:///a.png", "https://?a", "https://example.com:99999/a"),
        *("https://127.0.0.1/a.png", "https://127.1/a", "https://10.0.0.1/x"),
        *("https://192.168.1.9:8443/a", "https://169.254.169.254/latest"),
        *("https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/"),
        *("https://0.0.0.0/", "https://224.0.0.1/", "https://example.com.0x1/"),
        *("https://[::1]/a", "https://[::]/", "https://[fe80::1%25lo]/"),
        *("https://[::ffff:127.0.0.1]/", "https://[fd00::1]/", "https://[::bad/"),
        *("https://localhost/a", "https://LOCALHOST./a", "https://a.localhost/"),
        *("https://nas/a.png", "https://nas.local/a", "https://db.internal/a"),
        *("https://a..example.com/", "https://.com/", "https://ex%61mple.com/"),
        *("https://user:hunter2@example.com/a", "https://hunter2@[::bad/"),
        *("http://user:hunter2@example.com/a", "https://example.com\\@a.b/"),
        *("https://example.com/a b", "https://example.com/\t", " https://example.com/"),
        *("https://ex\u0430mple.com/a", "https://example.com/\x00", "http://a.org/"),
        "https://example.com/" + "a" * 10_000,
    ],
    ids=lambda address: ascii(address)[:40],
)
def test_an_address_that_no_service_can_fetch_is_refused(address):
    """This machine, private networks, logins, and what two parsers read differently."""
    with pytest.raises(ImageRejected) as caught:
        source_of(address)
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "address",
    [
        *(FAR, "https://EXAMPLE.com./a.png?x=a@b#c", "https://8.8.8.8/a.png"),
        *("https://[2606:4700::1111]/a.png", "https://example.com:8443/a"),
        *("https://xn--e1afmkfd.xn--p1ai/a.png", "https://a_b.s3.amazonaws.com/x"),
        "https://example.com/?" + "a" * 2000,
    ],
)
def test_an_address_on_the_internet_stays_as_it_is(address):
    """Names, public numbers, ports and signed addresses of usual length."""
    assert checked_address(address) == address


def data_url(head="data:image/png;base64", payload=None):
    payload = base64.b64encode(faulty.png()).decode() if payload is None else payload
    return f"{head},{payload}"


@pytest.mark.parametrize(
    "head",
    [
        *("data:image/png;base64", "DATA:IMAGE/PNG;BASE64"),
        "data:image/webp;charset=utf-8;base64",
    ],
)
def test_a_data_url_is_the_picture_it_holds(head):
    """What it is called in there does not matter, only what it is."""
    assert source_of(data_url(head)).digest == source_of(faulty.png()).digest


@pytest.mark.parametrize(
    "given",
    [
        *("data:", "data:,", "data:image/png;base64", "data:image/png;base64,"),
        *(data_url("data:image/png"), data_url("data:text/plain;base64")),
        *(data_url(payload=bad) for bad in ("AAA", "A=AA", "!", "\u00e4", "AAAA")),
        data_url("data:image/svg+xml;base64", "PHN2Zy8+"),
    ],
    ids=lambda given: given[:40],
)
def test_a_data_url_that_is_no_picture_is_refused(given):
    """No padding, other media, text, or bytes that are no picture: one typed error."""
    with pytest.raises(ImageRejected) as caught:
        source_of(given)
    assert len(str(caught.value)) < 250


def test_a_huge_data_url_is_refused_before_it_is_decoded(monkeypatch):
    """Its length tells."""
    monkeypatch.setattr(addresses, "MAX_FILE_BYTES", 2**20)
    with pytest.raises(ImageRejected, match="over 1 MiB"):
        source_of(data_url(payload="A" * 2**21))
