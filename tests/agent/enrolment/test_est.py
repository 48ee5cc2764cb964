"""EST (RFC 7030) at a server with real TLS and a real CA."""

from __future__ import annotations

import pytest
from fakes.certificates import Authority
from fakes.enrolment import EstServer, Reply

from agent.certificates import read_pem
from agent.enrolment.errors import EnrolmentFailed, StillPending
from agent.enrolment.est import Est
from agent.enrolment.https import Server
from agent.enrolment.ours import Ours

CODE = "once-4711"


@pytest.fixture
def client(est: EstServer, authority: Authority) -> Est:
    return Est(Server(est.url, authority.ca))


def test_a_first_certificate_for_a_code_and_the_next_for_the_first(
    client: Est, est: EstServer, authority: Authority, *, ours: Ours, request_text: str
) -> None:
    assert [each.pem for each in read_pem(client.ca_certificates())] == [
        each.pem for each in read_pem(authority.ca.read_text())
    ]
    ours.certificate.write_text(client.enrol(request_text, "pole-7", CODE))
    first = ours.present()
    assert first is not None
    assert (first.name, est.codes) == ("pole-7", set())
    (second,) = read_pem(client.renew(request_text, ours.pair))
    assert (second.public_key, second.serial == first.serial) == (first.public_key, False)
    assert est.calls[-1].client == first
    assert "authorization" not in est.calls[-1].headers


def test_a_server_whose_address_has_a_path(est: EstServer, authority: Authority) -> None:
    with pytest.raises(EnrolmentFailed, match=r"answers 400|refuses us"):
        Est(Server(f"{est.url}/fleet", authority.ca)).ca_certificates()
    assert est.calls[-1].path == "/fleet/cacerts"


def test_a_code_that_is_used(client: Est, request_text: str) -> None:
    client.enrol(request_text, "pole-7", CODE)
    with pytest.raises(EnrolmentFailed, match="refuses us; is the claim code right and unused"):
        client.enrol(request_text, "pole-7", CODE)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(202, b"", {"Retry-After": "600"}), "has not approved the request yet; try again in 600 s"),
        (Reply(202, b"", {"Retry-After": "Fri, 27 Nov 2026"}), "try again later"),
    ],
)
def test_a_server_that_waits_for_a_person(
    client: Est, est: EstServer, request_text: str, *, reply: Reply, expected: str
) -> None:
    est.override = reply
    with pytest.raises(StillPending, match=expected):
        client.enrol(request_text, "pole-7", CODE)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, b"hello"), "answers, and not with certificates; is it an EST server?"),
        (Reply(404), "answers 404; ask its operator"),
        (Reply(500, b"out of\norder"), "answers 500: out of order; ask its operator"),
    ],
)
def test_a_server_that_gives_none(
    client: Est, est: EstServer, request_text: str, *, reply: Reply, expected: str
) -> None:
    est.override = reply
    with pytest.raises(EnrolmentFailed) as caught:
        client.enrol(request_text, "pole-7", CODE)
    assert expected in str(caught.value)
