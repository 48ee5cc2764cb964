"""A real broker is asked what it makes of a certificate before that takes its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.mosquitto import Mosquitto
from fakes.ports import free_port

from agent.clock import Clock
from agent.config import Uplink
from agent.enrolment.trial import Trial, ask_broker
from firmware_profiles.declared import checked


@pytest.fixture
def ask(authority: Authority, start_mosquitto: Callable[..., Mosquitto]) -> Callable[[Authority, int], Trial]:
    """What a broker that wants a certificate of `authority` says to one of another; 0 is its own port."""
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca, require_client_certificate=True)

    def asked(by: Authority, port: int) -> Trial:
        url = f"mqtts://localhost:{port or broker.port}"
        pair, settings = by.client("pole-7"), checked(Uplink, {"url": url, "ca": str(authority.ca)})
        return ask_broker(settings, pair.certificate, pair.key, Clock().now()[0])

    return asked


def test_it_takes_its_own_and_no_other(ask, authority: Authority, tmp_path: Path) -> None:
    assert ask(authority, 0) == Trial(accepted=True)
    other = ask(Authority(tmp_path / "other", name="somebody else"), 0)
    assert (other.accepted, other.refused) == (False, True)
    assert "refused our client certificate" in other.message


def test_one_that_is_not_there_says_nothing_of_it(ask, authority: Authority) -> None:
    found = ask(authority, free_port("127.0.0.1"))
    assert (found.accepted, found.refused) == (False, False)
    assert "nothing listens on that port" in found.message
