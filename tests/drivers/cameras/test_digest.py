from __future__ import annotations

import re

import pytest

from drivers.cameras import digest as module
from drivers.cameras.access import Credentials, shown_url
from drivers.cameras.digest import Digest

RFC2617 = 'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
RFC7616 = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={0}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'


def response(header):
    return re.search(r'response="(\w+)"', header)[1]


def test_the_example_of_rfc_2617(monkeypatch):
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: "0a4f113b")
    digest = Digest(Credentials("Mufasa", "Circle Of Life"))
    assert digest.authorization("GET", "/dir/index.html") is None
    assert digest.challenged([RFC2617])
    header = digest.authorization("GET", "/dir/index.html")
    assert response(header) == "6629fae49393a05397450978507c4ef1"
    assert "nc=00000001" in header
    assert "algorithm" not in header
    assert "nc=00000002" in digest.authorization("GET", "/dir/index.html")


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (["MD5"], "8ca523f5e9506fed4657c9700eebdbec"),
        (["MD5", "SHA-256"], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_the_stronger_first(monkeypatch, offers, expected):
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    digest = Digest(Credentials("Mufasa", "Circle of Life"))
    assert digest.challenged(['Basic realm="x"', *(RFC7616.format(offer) for offer in offers)])
    assert response(digest.authorization("GET", "/dir/index.html")) == expected


def test_the_old_form_without_qop():
    digest = Digest(Credentials("Mufasa", "Circle Of Life"))
    assert digest.challenged(['Digest realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    header = digest.authorization("GET", "/dir/index.html")
    assert response(header) == "670fd8c2df070c60b045671b8b24ff02"
    assert "nc=" not in header


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="x"',
        'Digest realm="x"',
        'Digest nonce="1", algorithm=MD5-sess',
        'Digest nonce="1", qop="auth-int"',
    ],
)
def test_what_cannot_be_answered(challenge):
    digest = Digest(Credentials("u", "p"))
    assert not digest.challenged([challenge])
    assert not digest.ready


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:a@b@10.0.0.1:554/ch?x=1", "rtsp://10.0.0.1:554/ch?x=1"),
        (
            "rtsp://10.0.0.1/user=admin&password=geheim&channel=1",
            "rtsp://10.0.0.1/user=***&password=***&channel=1",
        ),
        ("http://10.0.0.1/snap?usr=x&pwd=geheim", "http://10.0.0.1/snap?usr=x&pwd=***"),
        (
            "http://10.0.0.1/video.cgi?loginpas=geheim&psw=geheim",
            "http://10.0.0.1/video.cgi?loginpas=***&psw=***",
        ),
    ],
)
def test_what_is_shown_of_an_address(url, shown):
    assert shown_url(url) == shown
