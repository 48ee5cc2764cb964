"""Every way a connection can fail to be made, with the real broker, and what the operator is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.certificates import Authority
from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.ports import free_port
from fakes.scripted_broker import ScriptedBroker

from agent.config import Uplink
from agent.config_words import Secret
from agent.uplink.mqtt import UplinkState

Deliver = Callable[..., Any]
Start = Callable[..., Mosquitto]
PASSWORD = "correct horse"


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], Secret]:
    def write(text: str) -> Secret:
        file = tmp_path / "password"
        file.write_text(f"{text}\n")
        return Secret(file=file)

    return write


async def failure(deliver: Deliver, broker: Any, *, reason: str = "", **settings: Any) -> UplinkState:
    """What is told when the first connection fails; with `reason`, the first that fails for it.

    In TLS 1.3 a client certificate is refused after the handshake: whether its alert is read before the
    connection is reset is a matter of luck, and the next try has it again.
    """
    async with deliver(broker, **settings) as delivery:
        await delivery.until(lambda: [each for each in delivery.states if reason in ("", each.reason)])
        state: UplinkState = next(each for each in delivery.states if reason in ("", each.reason))
    assert not state.connected
    return state


class Elsewhere:
    """An address with nothing behind it."""

    def __init__(self, host: str, port: int = 1883) -> None:
        self.host = host
        self.port = port


async def test_refused(deliver: Deliver) -> None:
    state = await failure(deliver, Elsewhere("127.0.0.1", free_port("127.0.0.1")))
    assert state.reason == "refused"
    assert "port in uplink.url" in state.message


async def test_unknown_name(deliver: Deliver) -> None:
    state = await failure(deliver, Elsewhere("no-such-broker.invalid"), plaintext=True)
    assert state.reason == "dns"
    assert "no-such-broker.invalid" in state.message


async def test_wrong_password(start_mosquitto: Start, deliver: Deliver, secret: Any) -> None:
    broker = start_mosquitto(users={"pole": PASSWORD})
    for version in ("3.1.1", "5"):
        state = await failure(
            deliver, broker, version=version, username="pole", password=secret("wrong horse")
        )
        # Mosquitto 2.0 answers "not authorised" where the standard has "bad user name or password".
        assert state.reason in ("bad_password", "not_authorised")
        assert 'user "pole"' in state.message
        assert "horse" not in state.message


async def test_no_password_at_all(start_mosquitto: Start, deliver: Deliver) -> None:
    state = await failure(deliver, start_mosquitto(users={"pole": PASSWORD}))
    assert "clients without a user name" in state.message


async def test_right_password(
    start_mosquitto: Start, deliver: Deliver, secret: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broker = start_mosquitto(users={"pole": PASSWORD})
    async with deliver(broker, username="pole", password=secret(PASSWORD)) as delivery:
        await delivery.put(1, 1)
        await delivery.until_acknowledged(1)
    assert "horse" not in caplog.text


async def test_missing_password_file(mosquitto: Mosquitto, deliver: Deliver, tmp_path: Path) -> None:
    absent = Secret(file=tmp_path / "absent")
    async with deliver(mosquitto, username="pole", password=absent) as delivery:
        await delivery.until(lambda: delivery.uplink.state.reason == "file_unreadable")
        assert "uplink.password" in delivery.uplink.state.message
        (tmp_path / "absent").write_text("there now")
        await delivery.until(lambda: delivery.uplink.state.connected)


async def test_tls_with_host_names_and_addresses(
    start_mosquitto: Start, deliver: Deliver, authority: Authority
) -> None:
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca)
    for host in ("localhost", "127.0.0.1"):
        async with deliver(broker, ca=authority.ca, host=host) as delivery:
            await delivery.put(1, 3)
            await delivery.until_acknowledged(3)


async def test_tls_over_ipv6(start_mosquitto: Start, deliver: Deliver, authority: Authority) -> None:
    broker = start_mosquitto(host="::1", certificate=authority.server(), ca=authority.ca)
    async with deliver(broker, ca=authority.ca, version="3.1.1") as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(3)


async def test_unknown_ca(
    start_mosquitto: Start, deliver: Deliver, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger", name="stranger")
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca)
    state = await failure(deliver, broker, ca=stranger.ca)
    assert state.reason == "certificate_unknown_ca"
    assert str(stranger.ca) in state.message


async def test_expired_certificate(start_mosquitto: Start, deliver: Deliver, authority: Authority) -> None:
    broker = start_mosquitto(certificate=authority.server(expired=True), ca=authority.ca)
    state = await failure(deliver, broker, ca=authority.ca)
    assert state.reason == "certificate_expired"
    assert "must be renewed" in state.message


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_certificate_of_another_host(
    start_mosquitto: Start, deliver: Deliver, authority: Authority, host: str
) -> None:
    broker = start_mosquitto(certificate=authority.server(hosts=["broker.city.example"]), ca=authority.ca)
    state = await failure(deliver, broker, ca=authority.ca, host=host)
    assert state.reason == "certificate_wrong_host"
    assert "uplink.url" in state.message


async def test_client_certificate(start_mosquitto: Start, deliver: Deliver, authority: Authority) -> None:
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca, require_client_certificate=True)
    pole = authority.client("pole-7")
    with Platform(broker, certificate=authority.client("platform")) as platform:
        key = Secret(file=pole.key)
        async with deliver(broker, ca=authority.ca, certificate=pole.certificate, key=key) as delivery:
            await delivery.put(1, 1)
            await delivery.until_acknowledged(1)
        await platform.wait_for_async(lambda messages: messages)


async def test_client_certificate_missing(
    start_mosquitto: Start, deliver: Deliver, authority: Authority
) -> None:
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca, require_client_certificate=True)
    state = await failure(deliver, broker, ca=authority.ca)
    assert "uplink.certificate" in state.message


async def test_client_certificate_expired(
    start_mosquitto: Start, deliver: Deliver, authority: Authority
) -> None:
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca, require_client_certificate=True)
    old = authority.client("pole-7", expired=True)
    signed = {"ca": authority.ca, "certificate": old.certificate, "key": Secret(file=old.key)}
    state = await failure(deliver, broker, reason="client_certificate", **signed)
    assert state.reason == "client_certificate"
    assert str(old.certificate) in state.message


async def test_tls_to_a_plain_port(mosquitto: Mosquitto, deliver: Deliver, authority: Authority) -> None:
    state = await failure(deliver, mosquitto, ca=authority.ca)
    assert state.reason in ("not_tls", "tls")


async def test_plain_to_a_tls_port(start_mosquitto: Start, deliver: Deliver, authority: Authority) -> None:
    broker = start_mosquitto(certificate=authority.server(), ca=authority.ca)
    state = await failure(deliver, broker)
    assert "may want TLS" in state.message


async def test_told_once_while_it_stays_the_same(deliver: Deliver) -> None:
    broker = ScriptedBroker(connack=b"\0\x88\0")  # server unavailable
    async with broker.running(), deliver(broker) as delivery:
        await delivery.until(lambda: broker.connections == 3)
        assert [state.reason for state in delivery.states] == ["unavailable"]


async def test_after_a_lost_connection_the_next_is_made_anywhere_within_the_spread(
    mosquitto, deliver, monkeypatch
):
    drawn = []

    def uniform(least, most):
        drawn.append((least, most))
        return least

    monkeypatch.setattr("agent.uplink.mqtt.random", SimpleNamespace(uniform=uniform))
    async with deliver(mosquitto, spread_s=30.0) as delivery:
        await delivery.until(lambda: delivery.uplink.state.connected)
        mosquitto.kill()
        await delivery.until(lambda: delivery.uplink.state.reason == "refused")
        mosquitto.start()
        await delivery.until(lambda: delivery.uplink.state.connected)
    assert drawn[0] == (0.0, 30.0)
    assert len(drawn) > 1
    assert set(drawn[1:]) == {(0.0, 0.0)}, "a broker that was not there takes nobody back at once"


@pytest.mark.parametrize(("url", "spread_s"), [("mqtts://broker.city", 10.0), ("mqtt://[::1]", 0.0)])
def test_a_broker_on_this_machine_has_no_fleet(url, spread_s):
    assert Uplink(url=url).most_spread_s == spread_s
    assert Uplink(url=url, spread_s=3).most_spread_s == 3
