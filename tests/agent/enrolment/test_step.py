"""step-ca's interface at a server with real TLS and a real CA; what its tokens say."""

from __future__ import annotations

import base64
import json

import pytest
from fakes.certificates import Authority
from fakes.enrolment import Reply, StepServer

from agent.certificates import read_pem
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.https import Server
from agent.enrolment.ours import Ours
from agent.enrolment.step import Step, read_token, trusting_root


def test_what_a_token_says(step: StepServer) -> None:
    text = step.token("pole-7", sha="ab" * 32, sans=["pole-7", "10.0.0.7", "::1", "a@b.example", "urn:x:1"])
    token = read_token(f"{text}\n")
    assert (token.text, token.subject, token.root) == (text, "pole-7", "ab" * 32)
    assert token.names == ("DNS:pole-7", "IP:10.0.0.7", "IP:::1", "email:a@b.example", "URI:urn:x:1")
    assert read_token(step.token("pole-7")).names == ("DNS:pole-7",)


@pytest.mark.parametrize("claims", [None, [], {}, {"sub": 7}, {"sub": "pole-7", "sans": [7]}])
def test_what_is_no_token(claims: object) -> None:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    for text in (f"a.{middle}.b", "no token", "a.b", ""):
        with pytest.raises(EnrolmentFailed, match="is no token of step-ca; make one: step ca token"):
            read_token(text)


def test_by_its_token_alone(step: StepServer, authority: Authority, *, ours: Ours, request_text: str) -> None:
    token = read_token(step.token("pole-7"))
    client = Step(trusting_root(Server(step.url), token.root))
    ours.certificate.write_text(client.enrol(request_text, token))
    first = ours.present()
    assert first is not None
    assert [each.name for each in read_pem(ours.certificate.read_text())] == [
        "pole-7",
        "polegate test authority",
    ]
    assert read_pem(client.renew(ours.pair))[0].serial != first.serial
    assert step.calls[-1].client == first
    assert read_pem(client.roots()) == read_pem(authority.ca.read_text())
    with pytest.raises(EnrolmentFailed, match="a token is good once and for minutes"):
        client.enrol(request_text, token)


def test_a_false_root_is_noticed(step: StepServer, authority: Authority, tmp_path) -> None:
    digest = read_token(step.token("pole-7")).root
    other = Authority(tmp_path / "other", name="somebody else").ca.read_text()
    for found in (other, other + authority.ca.read_text(), "", 7):
        step.override = Reply(200, json.dumps({"ca": found}).encode())
        with pytest.raises(EnrolmentFailed, match="shows another root than the token names"):
            trusting_root(Server(step.url), digest)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(404, b'{"message": "root certificate was not found"}'), "404: root certificate was not found"),
        (Reply(500), "answers 500: nothing; ask its operator"),
        (Reply(200, b"hello"), "answers, and not as step-ca does"),
        (Reply(200, b"[]"), "answers, and not as step-ca does"),
    ],
)
def test_answers_that_are_none(step: StepServer, authority: Authority, reply: Reply, expected: str) -> None:
    step.override = reply
    with pytest.raises(EnrolmentFailed, match=expected):
        Step(Server(step.url, authority.ca)).roots()
