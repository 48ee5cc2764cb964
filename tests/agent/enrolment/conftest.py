"""A CA, its enrolment servers, and a gateway's key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.enrolment import EstServer, StepServer

from agent.enrolment import openssl
from agent.enrolment.ours import Ours, make_key


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def est(authority: Authority) -> Iterator[EstServer]:
    with EstServer(authority) as running:
        running.codes.add("once-4711")
        yield running


@pytest.fixture
def step(authority: Authority) -> Iterator[StepServer]:
    with StepServer(authority) as running:
        yield running


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    """A gateway with a key, and no certificate yet."""
    certificate, key = tmp_path / "mqtt-client.pem", tmp_path / "credentials" / "mqtt-client-key"
    made = Ours("pole-7", certificate, key, named=True, passed=True)
    make_key(made, "ec", anew=False)
    return made


@pytest.fixture
def request_text(ours: Ours) -> str:
    return openssl.request(ours.key, ours.gateway, ())
