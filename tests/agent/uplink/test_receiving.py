"""Commands from the platform, through the real Mosquitto: in, once, answered, and never in the readings' way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.scripted_broker import Act, ScriptedBroker

from agent import commands, wire
from agent.commands import MOST_BYTES, Commands
from agent.config_words import Secret
from agent.router import Router
from agent.store import Store
from agent.uplink.client import MOST_INBOUND_BYTES
from agent.uplink.inbox import MOST_WAITING, PACE_S, TELL_S, Inbox
from agent.wire import Leaf
from buffer.envelope import Priority
from buffer.errors import OutboxError
from buffer.retention import Loss
from firmware_profiles.declared import checked

ROOT = Path(__file__).parents[3]
SITE, GATEWAY = "riverside", "pole-7"
TOPIC = commands.topic(SITE, GATEWAY, "events")
READINGS = wire.topic(SITE, GATEWAY, Leaf.READINGS)
REPLIES = wire.topic(SITE, GATEWAY, Leaf.REPLIES)
VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])

Deliver = Callable[..., Any]
Start = Callable[..., Mosquitto]
Heard = list[tuple[str, bytes, bool]]


def now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


def acknowledge(id_: str, event: str = "9f86d081884c7d65") -> bytes:
    at_ms, _ = now()
    times = {"issued": wire.rfc3339(at_ms), "expires": wire.rfc3339(at_ms + 60_000)}
    return json.dumps({"id": id_, "verb": "acknowledge", "by": "l.chen", "event": event, **times}).encode()


class Quiet:
    """Consequences of the router's commits: none here."""

    def unwritable(self, error: OutboxError | None) -> None:
        assert error is None

    def lost(self, losses: Sequence[Loss]) -> None:
        raise AssertionError(losses)


class Gateway:
    """What stands behind the uplink in the daemon: commands, and replies by way of the outbox."""

    def __init__(self, router: Router) -> None:
        self.performed: list[str] = []
        self._router = router
        self._commands = Commands({"acknowledge": self._acknowledge}, now)

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        reply = self._commands.receive(topic, payload, retained=retained)
        self._router.tell(Leaf.REPLIES, reply, priority=Priority.EVENT, at=now())

    def _acknowledge(self, command: commands.Acknowledge) -> str:
        self.performed.append(command.id)
        return f"event {command.event} is acknowledged"


@asynccontextmanager
async def gateway(store: Store) -> AsyncIterator[Gateway]:
    router = Router(store, lambda leaf: wire.topic(SITE, GATEWAY, leaf), Quiet())
    writing = asyncio.create_task(router.run(lambda _: None))
    yield Gateway(router)
    router.finish()
    await writing


def hear(heard: Heard) -> Callable[[str, bytes, bool], None]:
    return lambda *message: heard.append(message)


async def subscribed(broker: Mosquitto, times: int = 1) -> None:
    async with asyncio.timeout(10):
        while broker.log().count("Sending SUBACK to polegate-pole-7") < times:
            await asyncio.sleep(0.005)


def answers(platform: Platform) -> list[dict[str, str]]:
    return [json.loads(message.payload) for message in platform.on(REPLIES)]


@VERSIONS
async def test_a_command_arrives_and_is_answered(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store, version: str
) -> None:
    async with gateway(store) as behind, deliver(mosquitto, version=version, received=behind.received):
        await subscribed(mosquitto)
        platform.publish(TOPIC, acknowledge("c-1"))
        await platform.wait_for_async(lambda _: answers(platform))
    (reply,) = answers(platform)
    checked(wire.Reply, reply)
    assert (reply["id"], reply["state"]) == ("c-1", "done")
    assert reply["message"] == "event 9f86d081884c7d65 is acknowledged"
    assert behind.performed == ["c-1"]


@VERSIONS
async def test_a_repeat_after_a_reconnect_is_answered_and_not_carried_out_again(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store, version: str
) -> None:
    command = acknowledge("c-1")
    async with gateway(store) as behind, deliver(mosquitto, version=version, received=behind.received):
        await subscribed(mosquitto)
        platform.publish(TOPIC, command)
        await platform.wait_for_async(lambda _: len(answers(platform)) == 1)
        mosquitto.restart()
        await subscribed(mosquitto, 2)
        platform.publish(TOPIC, command)
        await platform.wait_for_async(lambda _: len({reply["batch"] for reply in answers(platform)}) == 2)
    assert behind.performed == ["c-1"]
    assert {(reply["id"], reply["state"], reply["message"]) for reply in answers(platform)} == {
        ("c-1", "done", "event 9f86d081884c7d65 is acknowledged")
    }


@VERSIONS
async def test_a_retained_command_is_refused_at_each_connection(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store, version: str
) -> None:
    platform.publish(TOPIC, acknowledge("c-1"), retain=True)
    async with gateway(store) as behind:
        for count in (1, 2):
            async with deliver(mosquitto, version=version, received=behind.received):
                await platform.wait_for_async(lambda _, count=count: len(answers(platform)) == count)
    assert [reply["reason"] for reply in answers(platform)] == ["retained", "retained"]
    assert behind.performed == []


async def test_with_mqtt_5_a_retained_command_shows_it_the_first_time_too(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver
) -> None:
    heard: Heard = []
    async with deliver(mosquitto, received=hear(heard)) as delivery:
        await subscribed(mosquitto)
        platform.publish(TOPIC, b"{}", retain=True)
        await delivery.until(lambda: heard)
    assert heard == [(TOPIC, b"{}", True)]


@VERSIONS
async def test_what_was_sent_while_the_gateway_was_away_does_not_come_later(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, version: str
) -> None:
    heard: Heard = []
    async with deliver(mosquitto, version=version):
        await subscribed(mosquitto)
    platform.publish(TOPIC, b"stale")
    async with deliver(mosquitto, version=version, received=hear(heard)) as delivery:
        await subscribed(mosquitto, 2)
        platform.publish(TOPIC, b"fresh")
        await delivery.until(lambda: heard)
    assert heard == [(TOPIC, b"fresh", False)]


@VERSIONS
async def test_a_flood_does_not_hold_up_the_readings(
    start_mosquitto: Start, deliver: Deliver, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    flood = 10_000
    broker = start_mosquitto(settings=["max_queued_messages 0", "max_inflight_messages 0"])
    heard: Heard = []
    with Platform(broker) as platform:
        async with deliver(broker, version=version, received=hear(heard)) as delivery:
            await subscribed(broker)
            inbox = delivery.uplink._inbox
            pouring = asyncio.create_task(asyncio.to_thread(pour, platform, flood))
            await delivery.until(lambda: inbox.dropped)
            longest_s, count = 0.0, 0
            while not pouring.done() or inbox.dropped + len(heard) + len(inbox._waiting) < flood:
                began_s, count = time.monotonic(), count + 1
                await delivery.put(count, count)
                await delivery.until_acknowledged(count)
                longest_s = max(longest_s, time.monotonic() - began_s)
            await delivery.until(lambda: not inbox._waiting)
            assert [state.connected for state in delivery.states] == [True]
        await platform.wait_for_async(lambda _: len(platform.on(READINGS)) == count)
    assert longest_s < 5.0
    assert MOST_WAITING <= len(heard) < flood / 2
    assert sum("event=commands_dropped" in record.getMessage() for record in caplog.records) == 1


def pour(platform: Platform, count: int) -> None:
    for number in range(count):
        platform._client.publish(TOPIC, acknowledge(f"f-{number}"), qos=1)


@VERSIONS
async def test_a_command_too_long_is_cut_and_what_is_far_too_long_is_not_taken_at_all(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, version: str
) -> None:
    heard: Heard = []
    async with deliver(mosquitto, version=version, received=hear(heard)) as delivery:
        await subscribed(mosquitto)
        platform.publish(TOPIC, b"x" * (MOST_BYTES * 2))
        await delivery.until(lambda: heard)
        platform.publish(TOPIC, b"y" * MOST_INBOUND_BYTES)
        if version == "3.1.1":  # has no Maximum Packet Size to tell the broker
            await delivery.until(lambda: any(state.reason == "lost" for state in delivery.states))
            assert f"expected {MOST_INBOUND_BYTES} at most" in delivery.states[-1].message
            await subscribed(mosquitto, 2)
        platform.publish(TOPIC, b"z")
        await delivery.until(lambda: len(heard) == 2)
        await delivery.put(1, 1)
        await delivery.until_acknowledged(1)
    assert [payload for _, payload, _ in heard] == [b"x" * (MOST_BYTES + 1), b"z"]


@VERSIONS
async def test_an_acl_that_forbids_it_is_told_once_and_everything_else_goes_on(
    start_mosquitto: Start, deliver: Deliver, tmp_path: Path, version: str
) -> None:
    (plugin,) = Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")
    access = tmp_path / "access.json"
    allowed = {"publishClientSend": True, "publishClientReceive": True, "unsubscribe": True}
    access.write_text(json.dumps({"defaultACLAccess": {**allowed, "subscribe": False}}))
    broker = start_mosquitto(settings=[f"plugin {plugin}", f"plugin_opt_config_file {access}"])
    async with deliver(broker, version=version) as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(3)
        await delivery.until(lambda: delivery.uplink.state.reason == "no_commands")
        state = delivery.uplink.state
        assert state.connected
        assert "does not let this gateway receive commands" in state.message
        assert f"subscribe to polegate/1/{SITE}/{GATEWAY}/command/#" in state.message
        broker.restart()
        await delivery.until(lambda: len(delivery.states) > 3)
        await delivery.put(4, 4)
        await delivery.until_acknowledged(4)
    told = [(state.connected, state.reason) for state in delivery.states if state.connected]
    assert told == [(True, ""), (True, "no_commands"), (True, "no_commands")]


async def test_the_access_list_in_the_documentation_lets_the_platform_command_and_nobody_else(
    start_mosquitto: Start, deliver: Deliver, store: Store, tmp_path: Path
) -> None:
    acl = (ROOT / "docs" / "platform" / "acl" / "mosquitto.acl").read_text(encoding="utf-8")
    users = {"platform.ingest": "p", "platform.commands": "c", "pole-7": "7", "pole-8": "8"}
    broker = start_mosquitto(users=users, acl=acl)
    password = tmp_path / "password"
    password.write_text("7")
    login = {"username": "pole-7", "password": Secret(file=password)}
    platform = Platform(broker, username="platform.ingest", password="p")
    desk = Platform(broker, topics=["x"], client_id="desk", username="platform.commands", password="c")
    own = Platform(broker, topics=["x"], client_id="own", username="pole-7", password="7")
    other = Platform(broker, topics=["x"], client_id="other", username="pole-8", password="8")
    async with gateway(store) as behind, deliver(broker, received=behind.received, **login) as delivery:
        await subscribed(broker)
        with platform, own, other, desk:
            for number, sender in enumerate((own, other, platform, desk)):
                sender.publish(TOPIC, acknowledge(f"c-{number}"))
            await delivery.put(1, 1)
            await platform.wait_for_async(lambda _: answers(platform) and platform.on(READINGS))
            assert platform.on(wire.topic(SITE, GATEWAY, Leaf.STATUS))
            assert platform.on(wire.topic(SITE, GATEWAY, Leaf.INVENTORY))
    assert behind.performed == ["c-3"]


@pytest.mark.parametrize(("version", "code"), [("3.1.1", 0x80), ("5", 0x87), ("5", 0xA2)])
async def test_a_refusal_to_publish_comes_before_one_to_subscribe(
    deliver: Deliver, version: str, code: int
) -> None:
    refusing = True
    broker = ScriptedBroker(
        lambda publish: 0x97 if refusing and publish.topic == READINGS else 0, suback=code
    )
    async with broker.running(), deliver(broker, version=version) as delivery:
        await delivery.until(lambda: delivery.uplink.state.reason == "no_commands")
        await delivery.put(1, 1)
        if version == "5":
            await delivery.until(lambda: delivery.uplink.state.reason == "publish_refused")
            refusing = False
        await delivery.until_acknowledged(1)
        assert delivery.uplink.state.reason == "no_commands"


@VERSIONS
async def test_a_broker_that_hangs_up_on_it_is_soon_not_asked_any_more(
    deliver: Deliver, store: Store, version: str
) -> None:
    broker = ScriptedBroker(suback=Act.HANG_UP)
    async with broker.running(), deliver(broker, version=version) as delivery:
        await delivery.put(1, 5)
        await delivery.until_acknowledged(5)
        assert (delivery.uplink.state.connected, delivery.uplink.state.reason) == (True, "no_commands")
        assert "hung up each time" in delivery.uplink.state.message
    assert len(broker.subscribed) == 3
    assert (await store.stats()).dead_letters == 0
    assert delivery.uplink.counters.rejected == 0


async def test_a_topic_that_is_no_text_is_nobodys(deliver: Deliver) -> None:
    heard: Heard = []
    broker = ScriptedBroker()
    async with broker.running(), deliver(broker, version="3.1.1", received=hear(heard)) as delivery:
        await delivery.until(lambda: broker.subscribed)
        broker.send(b"\x30\x05\0\x02\xff\xfex")
        await delivery.until(lambda: heard)
        assert delivery.uplink.state.connected
    assert heard == [("", b"x", False)]


async def test_what_goes_wrong_with_a_command_is_not_lost_in_the_loop(deliver: Deliver) -> None:
    def fail(topic: str, payload: bytes, retained: bool) -> None:
        raise KeyError(topic)

    async def command() -> None:
        broker = ScriptedBroker()
        async with broker.running(), deliver(broker, version="3.1.1", received=fail) as delivery:
            await delivery.until(lambda: broker.subscribed)
            broker.send(b"\x30\x05\0\x02abx")
            await delivery.until(lambda: False)

    with pytest.raises(ExceptionGroup) as caught:
        await command()
    assert caught.group_contains(KeyError, match="ab")


def test_the_inbox_is_bounded_and_paced() -> None:
    heard: Heard = []
    inbox = Inbox(hear(heard))
    assert inbox.turn(0.0) == float("inf")
    taken = [inbox.put("t" * 1000, bytes([number]), False) for number in range(MOST_WAITING + 3)]
    assert taken == [True] * MOST_WAITING + [False] * 3
    assert inbox.dropped == 3
    assert inbox.turn(10.0) == pytest.approx(PACE_S)
    assert inbox.turn(10.0 + PACE_S / 2) == pytest.approx(PACE_S / 2)
    assert heard == [("t" * 256, b"\0", False)]
    now_s = 10.0
    while (wait_s := inbox.turn(now_s)) != float("inf"):
        now_s += wait_s
    assert [payload[0] for _, payload, _ in heard] == list(range(MOST_WAITING))
    assert now_s - 10.0 == pytest.approx((MOST_WAITING - 1) * PACE_S)


def test_losses_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(lambda *_: None)

    def overflow(count: int) -> None:
        for _ in range(count):
            while inbox.put("t", b"", False):
                pass

    overflow(1)
    inbox.turn(0.0)
    overflow(2)
    inbox.turn(1.0)
    inbox.turn(TELL_S - 0.1)
    assert [record.getMessage().split()[1] for record in caplog.records] == ["count=1"]
    inbox.turn(TELL_S)
    inbox.turn(2 * TELL_S)
    assert [record.getMessage().split()[1] for record in caplog.records] == ["count=1", "count=2"]
