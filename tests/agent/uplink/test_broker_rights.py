"""docs/platform/acl on a real Mosquitto: a gateway speaks for itself and for nobody else."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from fakes.certificates import Authority, Certificate
from fakes.mosquitto import Mosquitto
from fakes.ports import free_port
from fakes.waiting import TIMEOUT_S, wait_until, wait_until_async
from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent import commands, wire
from agent.config import Secret
from agent.wire import Leaf

ACL = Path(__file__).parents[3] / "docs" / "platform" / "acl"
SITE, OURS, OTHERS = "riverside", "pole-7", "pole-8"
NOT_AUTHORISED = 135
PICTURE = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


class Fleet:
    """A broker with the sample configuration, and its clients; `port` is that of the gateways."""

    def __init__(self, folder: Path, acl: str) -> None:
        self.gateways, self.platform = Authority(folder / "fleet"), Authority(folder / "platform")
        self.host, self.inside = "127.0.0.1", free_port("127.0.0.1")
        (folder / "polegate.acl").write_text(acl)
        (folder / "polegate.acl").chmod(0o600)
        broker = self.gateways.server()
        places = {
            "/etc/mosquitto/polegate.acl": folder / "polegate.acl",
            "/etc/mosquitto/certs/fleet-ca.pem": self.gateways.ca,
            "/etc/mosquitto/certs/platform-ca.pem": self.platform.ca,
            "/etc/mosquitto/certs/broker.pem": broker.certificate,
            "/etc/mosquitto/certs/broker.key": broker.key,
            "listener 8884": f"listener {self.inside}",
        }
        text = (ACL / "mosquitto.conf").read_text()
        for place, ours in places.items():
            assert place in text
            text = text.replace(place, str(ours))
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        lines.remove("listener 8883")  # the fake has one of its own on a free port
        self.broker = Mosquitto(folder / "broker", settings=[*lines, f"persistence_location {folder}/"])

    def gateway(self, name: str, **settings: Any) -> Caller:
        return Caller(self, self.broker.port, self.gateways.client(name), f"polegate-{name}", **settings)

    def consumer(self, name: str) -> Caller:
        return Caller(self, self.inside, self.platform.client(name), name)


class Caller:
    """An MQTT 5 client with a certificate that tells what the broker says to it."""

    def __init__(
        self,
        fleet: Fleet,
        port: int,
        certificate: Certificate | None,
        client_id: str,
        *,
        will: str = "",
        expiry_s: int = 0,
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self.reasons: dict[int | None, int] = {}
        self.gone = threading.Event()
        self.came = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        context = ssl.create_default_context(cafile=str(fleet.gateways.ca))
        if certificate:
            context.load_cert_chain(certificate.certificate, certificate.key)
        self._client.tls_set_context(context)
        if will:
            self._client.will_set(will, b"will", qos=1)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self.gone.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        self._client.on_publish = lambda _c, _d, mid, reason, _p: self.reasons.update({mid: reason.value})
        self._client.on_subscribe = lambda _c, _d, mid, reasons, _p: self.reasons.update(
            {mid: reasons[0].value}
        )
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = expiry_s
        self._client.connect(fleet.host, port, clean_start=True, properties=properties)
        self._client.loop_start()

    def _connected(self, *_: object) -> None:
        self.came.set()

    def __enter__(self) -> Self:
        assert self.came.wait(TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Stop at the end, whether or not it was let in."""
        try:
            yield
        finally:
            self._client.loop_stop()

    def drop(self) -> None:
        """Hang up without a word: the will is due."""
        link = self._client.socket()
        assert link is not None
        link.shutdown(socket.SHUT_RDWR)
        wait_until(self.gone.is_set)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """The reason code of PUBACK; 0 also where nobody listens."""
        reason = self._reason(self._client.publish(topic, payload, qos=1, retain=retain).mid)
        return reason if reason >= 128 else 0

    def subscribe(self, *topics: str) -> None:
        for topic in topics:
            self._reason(self._client.subscribe(topic, qos=1)[1])

    def _reason(self, mid: int | None) -> int:
        wait_until(lambda: mid in self.reasons)
        return self.reasons[mid]

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.messages]


@pytest.fixture(params=["mosquitto.acl", "mosquitto-by-name.acl"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path, (ACL / request.param).read_text())
    with made.broker:
        yield made


def topics(gateway: str) -> list[str]:
    """All that a gateway publishes on."""
    frames = wire.topic(SITE, gateway, Leaf.FRAMES)
    return [*(wire.topic(SITE, gateway, leaf) for leaf in Leaf), wire.piece_topic(frames, PICTURE, 32_768)]


def test_a_gateway_may_publish_all_it_has_to_say_and_the_platform_reads_it(fleet: Fleet) -> None:
    with fleet.gateway(OURS) as ours, fleet.consumer("platform.ingest") as ingest:
        ingest.subscribe("polegate/1/#")
        accepted = {topic: ours.publish(topic, retain=topic.endswith("/status")) for topic in topics(OURS)}
        assert accepted == dict.fromkeys(topics(OURS), 0)
        wait_until(lambda: len(ingest.messages) == len(accepted))
        assert ingest.topics == topics(OURS)


def test_a_gateway_may_publish_nothing_as_another(fleet: Fleet) -> None:
    with fleet.gateway(OURS) as ours, fleet.consumer("platform.ingest") as ingest:
        ingest.subscribe("polegate/1/#")
        refused = [*topics(OTHERS), f"polegate/1/{OURS}/{OTHERS}/readings", "polegate/1/x", "x", "$SYS/x"]
        assert {topic: ours.publish(topic) for topic in refused} == dict.fromkeys(refused, NOT_AUTHORISED)
        ours.publish(wire.topic(SITE, OURS, Leaf.HEALTH))
        wait_until(lambda: ingest.topics)
        assert ingest.topics == [wire.topic(SITE, OURS, Leaf.HEALTH)]


def test_where_names_repeat_a_gateway_is_held_to_its_site(
    fleet: Fleet, request: pytest.FixtureRequest
) -> None:
    by_name = "by-name" in request.node.callspec.id
    with fleet.gateway(OURS) as ours:
        assert ours.publish(f"polegate/1/elsewhere/{OURS}/readings") == NOT_AUTHORISED * by_name


def test_a_gateway_commands_nobody_not_even_itself(fleet: Fleet) -> None:
    with fleet.gateway(OURS) as ours:
        for gateway in (OURS, OTHERS):
            order = commands.topic(SITE, gateway, "events")
            for topic in (order, order.rpartition("/")[0], commands.topic(SITE, gateway, "firmware/now")):
                assert ours.publish(topic) == NOT_AUTHORISED, topic


def test_a_gateway_hears_its_own_commands_and_nothing_else(fleet: Fleet) -> None:
    with (
        fleet.gateway(OURS) as ours,
        fleet.gateway(OTHERS) as others,
        fleet.consumer("platform.commands") as desk,
    ):
        ours.subscribe("#", "polegate/1/+/+/+", "polegate/1/#", commands.topic(SITE, OTHERS, "#"), "$SYS/#")
        ours.subscribe(commands.topic(SITE, OURS, "#"))
        assert [others.publish(topic) for topic in topics(OTHERS)] == [0] * len(topics(OTHERS))
        assert desk.publish(commands.topic(SITE, OTHERS, "events")) == 0
        assert desk.publish(commands.topic(SITE, OURS, "events")) == 0
        wait_until(lambda: ours.topics)
        assert set(ours.topics) == {commands.topic(SITE, OURS, "events")}


def test_the_desk_commands_reads_the_replies_and_makes_up_no_readings(fleet: Fleet) -> None:
    with fleet.gateway(OURS) as ours, fleet.consumer("platform.commands") as desk:
        desk.subscribe("polegate/1/#")
        assert [desk.publish(topic) for topic in topics(OURS)] == [NOT_AUTHORISED] * len(topics(OURS))
        for leaf in (Leaf.READINGS, Leaf.REPLIES):
            ours.publish(wire.topic(SITE, OURS, leaf))
        wait_until(lambda: desk.topics)
        assert desk.topics == [wire.topic(SITE, OURS, Leaf.REPLIES)]


def test_who_reads_for_the_platform_commands_nobody(fleet: Fleet) -> None:
    with fleet.consumer("platform.ingest") as ingest:
        for topic in (*topics(OURS), commands.topic(SITE, OURS, "events")):
            assert ingest.publish(topic) == NOT_AUTHORISED


def test_a_will_in_anothers_name_is_not_told(fleet: Fleet) -> None:
    status = wire.topic(SITE, OTHERS, Leaf.STATUS)
    with fleet.consumer("platform.ingest") as ingest:
        ingest.subscribe("polegate/1/#")
        with fleet.gateway(OTHERS, will=wire.topic(SITE, OTHERS, Leaf.STATUS)) as honest:
            honest.drop()
        wait_until(lambda: ingest.topics == [status])
        with fleet.gateway(OURS, will=status) as false:
            false.drop()
        with fleet.gateway(OURS) as ours:
            ours.publish(wire.topic(SITE, OURS, Leaf.HEALTH))
        wait_until(lambda: len(ingest.topics) > 1)
        assert ingest.topics == [status, wire.topic(SITE, OURS, Leaf.HEALTH)]


def test_a_gateway_under_anothers_client_id_throws_nobody_out(fleet: Fleet) -> None:
    with fleet.gateway(OTHERS) as others:
        false = Caller(fleet, fleet.broker.port, fleet.gateways.client(OURS), f"polegate-{OTHERS}")
        with false:
            assert false.publish(wire.topic(SITE, OURS, Leaf.HEALTH)) == 0
            assert others.publish(wire.topic(SITE, OTHERS, Leaf.HEALTH)) == 0
        assert not others.gone.is_set()


def test_without_a_certificate_or_with_a_gateways_inside_nobody_gets_in(fleet: Fleet) -> None:
    for port, certificate in (
        (fleet.broker.port, None),
        (fleet.broker.port, fleet.platform.client("platform.commands")),
        (fleet.inside, fleet.gateways.client("platform.commands")),
    ):
        assert not let_in(fleet, port, certificate)


def let_in(fleet: Fleet, port: int, certificate: Certificate | None) -> bool:
    """Whether the broker says CONNACK; that it does not like a certificate TLS 1.3 tells after the handshake."""
    try:
        caller = Caller(fleet, port, certificate, "x")
    except OSError:
        return False
    with caller.ended():
        wait_until(lambda: caller.gone.is_set() or caller.came.is_set())
        return caller.came.is_set()


@pytest.mark.parametrize("name", ["#", "$SYS", "POLE-7", "pole-7 "])
def test_no_name_is_a_pattern(tmp_path: Path, name: str) -> None:
    fleet = Fleet(tmp_path, (ACL / "mosquitto.acl").read_text())
    with fleet.broker, fleet.gateway(name) as odd:
        for topic in (wire.topic(SITE, OURS, Leaf.READINGS), commands.topic(SITE, OURS, "events")):
            assert odd.publish(topic) == NOT_AUTHORISED


def test_a_stolen_gateway_is_shut_out_by_the_two_lines(tmp_path: Path) -> None:
    text = (ACL / "mosquitto.acl").read_text()
    for line in ("user pole-8", "topic deny #"):
        assert f"#{line}\n" in text
        text = text.replace(f"#{line}\n", f"{line}\n")
    fleet = Fleet(tmp_path, text)
    with fleet.broker, fleet.gateway(OTHERS) as stolen, fleet.gateway(OURS) as ours:
        refused = [stolen.publish(topic) for topic in topics(OTHERS)]
        assert refused == [NOT_AUTHORISED] * len(refused)
        assert ours.publish(wire.topic(SITE, OURS, Leaf.READINGS)) == 0


async def test_the_real_uplink_gets_through_and_hears_its_commands(
    fleet: Fleet, deliver: Callable[..., Any]
) -> None:
    heard: list[str] = []
    pole = fleet.gateways.client(OURS)
    fleet.port = fleet.broker.port  # type: ignore[attr-defined]  # what `deliver` asks a broker for
    signed = {"ca": fleet.gateways.ca, "certificate": pole.certificate, "key": Secret(file=pole.key)}
    async with deliver(fleet, received=lambda topic, *_: heard.append(topic), **signed) as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(3)
        with fleet.consumer("platform.commands") as desk:
            order = commands.topic(SITE, OURS, "events")
            await wait_until_async(lambda: heard or (desk.publish(order, b"{}"), heard)[1])
    assert heard[0] == order


def emqx(user: str, action: str, topic: str) -> bool:
    """Whether the rules for EMQX allow it, as EMQX's manual reads them: from above, the first that fits."""
    for permission, who, actions, filters in RULES:
        regular = re.fullmatch(r'\{username, \{re, "(.*)"\}\}', who)
        named = who in ("all", f'{{username, "{user}"}}') or (regular and re.search(regular[1], user))
        patterns = [text.replace("${username}", user) for text in re.findall('"([^"]*)"', filters)]
        meant = not filters or any(topic_matches_sub(pattern, topic) for pattern in patterns)
        if named and actions in ("", "all", action) and meant:
            return permission == "allow"
    raise AssertionError("the last rule is for all")


RULE = r"^\{(allow|deny), (all|\{username, .*?\}\}?)(?:, (all|publish|subscribe), (\[.*\]))?\}\.$"
RULES: list[tuple[str, ...]] = re.findall(RULE, (ACL / "emqx-acl.conf").read_text(), re.MULTILINE)


def test_every_rule_for_emqx_is_read() -> None:
    lines = (ACL / "emqx-acl.conf").read_text().splitlines()
    assert len(RULES) == len([line for line in lines if line and not line.startswith("%%")])
    assert RULES[-1] == ("deny", "all", "", "")


@pytest.mark.parametrize("topic", topics(OURS))
def test_emqx_lets_each_gateway_publish_for_itself(topic: str) -> None:
    names = (OURS, OTHERS, "+", "#", f"riverside/{OURS}", "", "platform.ingest", "platform.commands", "x.y")
    assert [name for name in names if emqx(name, "publish", topic)] == [OURS]
    assert [name for name in names if emqx(name, "subscribe", topic)] == (
        ["platform.ingest"] + ["platform.commands"] * topic.endswith("/replies")
    )


@pytest.mark.parametrize("kind", ["events", "#", "firmware/now", ""])
def test_emqx_lets_the_desk_command_and_the_gateway_hear(kind: str) -> None:
    topic = commands.topic(SITE, OURS, kind) if kind else commands.topic(SITE, OURS, "x").rpartition("/")[0]
    names = (OURS, OTHERS, "+", "#", "platform.ingest", "platform.commands")
    assert [name for name in names if emqx(name, "publish", topic)] == ["platform.commands"]
    assert [name for name in names if emqx(name, "subscribe", topic)] == [OURS, "platform.ingest"]


@pytest.mark.parametrize("wide", ["#", "polegate/1/#", "polegate/1/+/+/command/#", f"polegate/1/{SITE}/+/+"])
def test_emqx_lets_no_gateway_listen_wider(wide: str) -> None:
    assert not emqx(OURS, "subscribe", wide)
