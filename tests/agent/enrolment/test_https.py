"""HTTPS to enrolment servers: verified, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.enrolment import EstServer, Reply
from fakes.ports import free_port

from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.https import MOST_BYTES, Answer, Pair, Server
from agent.enrolment.ours import Ours


def refused(server: Server, pair: Pair | None = None) -> str:
    with pytest.raises(EnrolmentFailed) as caught:
        server.ask("GET", "/x", pair=pair)
    return str(caught.value)


def test_whom_it_trusts(est: EstServer, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", name="somebody else")
    ip = est.url.replace("localhost", "127.0.0.1")
    assert "is not vouched for by the system's CAs; set enrolment.ca" in refused(Server(est.url))
    assert f"not vouched for by {other.ca} (enrolment.ca)" in refused(Server(est.url, other.ca))
    assert "is for another host; name it in enrolment.url" in refused(Server(ip, authority.ca))
    assert "holds no CA certificate in PEM form" in refused(Server(est.url, tmp_path / "none.pem"))
    assert est.calls == []
    trusting = Server(est.url, ca_text=authority.ca.read_text())
    assert trusting.ask("GET", "/x").status == 400
    assert Server(est.url).ask_unverified("/x").status == 400


def test_nobody_there(authority: Authority) -> None:
    server = Server(f"https://localhost:{free_port('127.0.0.1')}", authority.ca)
    assert "Connection refused); check the network and enrolment.url" in refused(server)


def test_a_pair_that_is_none(est: EstServer, authority: Authority, ours: Ours) -> None:
    ours.certificate.write_text(authority.ca.read_text())
    assert "cannot be used together" in refused(Server(est.url, authority.ca), ours.pair)


def test_an_answer_without_an_end_and_a_redirect(est: EstServer, authority: Authority) -> None:
    server = Server(est.url, authority.ca)
    est.override = Reply(200, b"x" * (MOST_BYTES + 1))
    assert "answers with more than a certificate" in refused(server)
    est.override = Reply(200, b"x" * MOST_BYTES)
    assert len(server.ask("GET", "/x").body) == MOST_BYTES
    est.override = Reply(302, b"", {"Location": f"{est.url}/elsewhere"})
    assert server.ask("GET", "/x").status == 302
    assert {call.path for call in est.calls} == {"/x"}


def test_what_a_server_said_is_fit_to_be_printed() -> None:
    said = Answer(500, {}, b"out\x1b[2J\nof order \xff" + b"y" * 500).said
    assert said.startswith("out[2J of order �yyy")
    assert len(said) == 200
