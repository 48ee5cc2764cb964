"""From a store on disk to the platform, through the real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fakes.children import end, spawn
from fakes.mosquitto import Mosquitto
from fakes.platform import Message, Platform
from fakes.waiting import wait_until_async

from agent import wire
from agent.store import Store
from agent.uplink.drain import Hold
from agent.wire import Leaf
from buffer.envelope import Priority
from firmware_profiles.declared import checked_json

ROOT = Path(__file__).parents[3]
READINGS = "polegate/1/riverside/pole-7/readings"
STATUS = "polegate/1/riverside/pole-7/status"
INVENTORY = "polegate/1/riverside/pole-7/inventory"
FAULTS = "polegate/1/riverside/pole-7/faults"

Deliver = Callable[..., Any]
Start = Callable[..., Mosquitto]


def seqs(platform: Platform) -> list[int]:
    """The seq of every readings message, repeats included, in order of arrival."""
    return [json.loads(m.payload)["devices"][0]["rows"][0][0] for m in platform.on(READINGS)]


def by_key(platform: Platform) -> dict[str, list[int]]:
    """Deduplication key -> the seqs that came under it."""
    found: dict[str, list[int]] = {}
    for message in platform.on(READINGS):
        payload = json.loads(message.payload)
        found.setdefault(payload["batch"], []).append(payload["devices"][0]["rows"][0][0])
    return found


def last_status(platform: Platform) -> dict[str, str]:
    found = platform.on(STATUS)
    return dict(json.loads(found[-1].payload)) if found else {}


def validate(message: Message) -> None:
    """Against the model and against the published schema."""
    leaf = Leaf(message.topic.rpartition("/")[2])
    checked_json(wire.MESSAGES[leaf], message.payload)
    schema = json.loads((ROOT / "docs/platform/schemas" / f"{leaf}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(message.payload))


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_everything_arrives_once_and_in_order(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store, version: str
) -> None:
    async with deliver(mosquitto, version=version) as delivery:
        await delivery.put(1, 50)
        await delivery.until_acknowledged(50)
        await delivery.put(51, 60)  # wakes an idle drain
        await delivery.until_acknowledged(60)
        await delivery.until_empty()
    await platform.wait_for_async(lambda _: len(seqs(platform)) == 60 and last_status(platform))
    assert seqs(platform) == list(range(1, 61))
    for message in platform.messages:
        validate(message)
    counters = delivery.uplink.counters
    assert (counters.published, counters.repeated, counters.rejected) == (60, 0, 0)
    assert counters.bytes == sum(len(message.payload) for message in platform.on(READINGS))


async def test_nothing_is_deleted_before_its_puback(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto) as delivery:
        await delivery.until(lambda: delivery.uplink.state.connected)
        mosquitto.freeze()
        await delivery.put(1, 5)
        await delivery.until(lambda: delivery.uplink.counters.published == 5)
        await store.flush()
        assert (await store.stats()).stored.batches == 5
        mosquitto.thaw()
        await delivery.until_acknowledged(5)
        await delivery.until_empty()


async def test_what_is_acknowledged_is_deleted_with_the_next_put(
    mosquitto: Mosquitto, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto) as delivery:
        await delivery.put(1, 5)
        await delivery.until_acknowledged(5)
        assert (await store.stats()).stored.batches == 5
        await delivery.put(6, 6)
        assert (await store.stats()).stored.batches == 1


async def test_status_and_inventory_are_retained(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto):
        await platform.wait_for_async(lambda _: platform.on(INVENTORY))
        assert last_status(platform)["state"] == "online"
        assert last_status(platform)["epoch"] == store.epoch
    await platform.wait_for_async(lambda _: last_status(platform)["state"] == "offline")
    assert last_status(platform)["reason"] == "stopped"
    with Platform(mosquitto, client_id="newcomer") as newcomer:
        await newcomer.wait_for_async(lambda messages: len(messages) == 2)
        assert {(m.topic, m.retain) for m in newcomer.messages} == {(STATUS, True), (INVENTORY, True)}
        for message in newcomer.messages:
            validate(message)


def start_child(outbox: Path, broker: Mosquitto) -> subprocess.Popen[bytes]:
    """A process that delivers what `outbox` holds, and nothing else."""
    program = Path(__file__).with_name("uplink_child.py")
    argv = [sys.executable, str(program), str(outbox), str(broker.port)]
    return spawn(argv, environment={"PYTHONPATH": str(ROOT)})


async def test_the_last_will_speaks_for_a_killed_agent(
    mosquitto: Mosquitto, platform: Platform, tmp_path: Path
) -> None:
    child = start_child(tmp_path / "child.db", mosquitto)
    try:
        await platform.wait_for_async(lambda _: last_status(platform).get("state") == "online")
        child.send_signal(signal.SIGKILL)
        await platform.wait_for_async(lambda _: last_status(platform)["state"] == "offline")
    finally:
        end(child, grace_s=0.0)
    assert last_status(platform)["reason"] == "connection_lost"
    validate(platform.on(STATUS)[-1])


async def test_a_cut_connection_leaves_the_last_will_and_a_reload_does_not(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver
) -> None:
    for _ in range(2):
        async with deliver(mosquitto) as delivery:
            await delivery.until(lambda: delivery.uplink.state.connected)
    await platform.wait_for_async(lambda _: len(platform.on(STATUS)) == 4)
    reasons = [json.loads(message.payload)["reason"] for message in platform.on(STATUS)]
    assert reasons == ["connected", "stopped", "connected", "stopped"]


async def test_ipv6(start_mosquitto: Start, deliver: Deliver) -> None:
    broker = start_mosquitto(host="::1")
    with Platform(broker) as platform:
        async with deliver(broker) as delivery:
            await delivery.put(1, 1)
            await delivery.until_acknowledged(1)
        await platform.wait_for_async(lambda _: seqs(platform) == [1])


async def test_an_agent_killed_in_the_middle_of_a_backlog(
    mosquitto: Mosquitto, platform: Platform, backlog: tuple[Path, int]
) -> None:
    path, count = backlog
    everything = set(range(1, count + 1))
    for enough in (200, 700, 1200, count):
        child = start_child(path, mosquitto)
        try:
            await platform.wait_for_async(lambda _, enough=enough: len(set(seqs(platform))) >= enough)
            child.kill()
        finally:
            end(child, grace_s=0.0)
    assert set(seqs(platform)) == everything
    assert all(len(set(group)) == 1 for group in by_key(platform).values())


async def test_a_broker_killed_in_the_middle_of_a_backlog(
    start_mosquitto: Start, deliver: Deliver, store: Store
) -> None:
    backlog, window = 3000, 50
    # Without a window towards the platform Mosquitto holds nothing in memory that it could lose.
    broker = start_mosquitto(persistence=True, settings=["max_inflight_messages 0"])
    with Platform(broker) as platform:
        async with deliver(broker, window=window) as delivery:
            await delivery.put(1, backlog)
            await platform.wait_for_async(lambda _: len(seqs(platform)) > 300)
            broker.kill()
            await delivery.until(lambda: not delivery.uplink.state.connected)
            broker.start()
            await delivery.until_acknowledged(backlog)
            await delivery.until_empty()
        await platform.wait_for_async(lambda _: set(seqs(platform)) == set(range(1, backlog + 1)))
        assert all(len(set(group)) == 1 for group in by_key(platform).values())
        # Our repeats differ in `sent`; the broker's own redeliveries to the platform do not.
        sent = {(m["batch"], m["sent"]) for m in map(json.loads, (m.payload for m in platform.on(READINGS)))}
        assert len(sent) - backlog <= delivery.uplink.counters.repeated <= window
    assert [state.connected for state in delivery.states] == [True, False, True, False]


async def test_a_frozen_broker_is_left_and_found_again(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver
) -> None:
    async with deliver(mosquitto, timeout_s=0.5) as delivery:
        await delivery.put(1, 5)
        await delivery.until_acknowledged(5)
        mosquitto.freeze()
        await delivery.put(6, 10)
        await delivery.until(lambda: delivery.uplink.state.reason == "no_puback")
        assert "did not acknowledge" in delivery.uplink.state.message
        mosquitto.thaw()
        await delivery.until_acknowledged(10)
    await platform.wait_for_async(lambda _: set(seqs(platform)) == set(range(1, 11)))
    assert all(len(set(group)) == 1 for group in by_key(platform).values())


async def test_mqtt5_refused_by_acl_is_kept_and_told_once(
    start_mosquitto: Start, deliver: Deliver, store: Store
) -> None:
    acl = (
        "topic write polegate/1/riverside/pole-7/status\ntopic write polegate/1/riverside/pole-7/inventory\n"
    )
    broker = start_mosquitto(acl=acl)
    async with deliver(broker) as delivery:
        await delivery.put(1, 3)
        await delivery.until(lambda: delivery.uplink.counters.refused == 3)
        await store.flush()
        assert (await store.stats()).stored.batches == 3
        assert (await store.stats()).dead_letters == 0
        state = delivery.uplink.state
        assert (state.connected, state.reason) == (True, "publish_refused")
        assert READINGS in state.message
        assert "may not publish" in state.message
        assert len(delivery.states) == 2
    assert delivery.uplink.counters.acknowledged == 0


async def test_one_forbidden_topic_does_not_hold_up_the_others(
    start_mosquitto: Start, deliver: Deliver, store: Store
) -> None:
    broker = start_mosquitto(acl=f"topic readwrite {READINGS}\ntopic {STATUS}\ntopic {INVENTORY}\n")
    async with deliver(broker) as delivery:
        await delivery.put(1, 2, topic=FAULTS, priority=Priority.ALARM)
        await delivery.put(3, 20)
        await delivery.until_acknowledged(18)
        await store.flush()
        waiting = await store.peek(10)
        assert [envelope.topic for envelope in waiting] == [FAULTS, FAULTS]


async def test_mqtt5_a_message_above_the_brokers_limit_becomes_a_dead_letter(
    start_mosquitto: Start, deliver: Deliver, store: Store
) -> None:
    broker = start_mosquitto(max_packet_bytes=2000)
    body = wire.encode({"devices": [{"device": "x" * 3000}]})
    async with deliver(broker) as delivery:
        await delivery.put(1, 1)
        await delivery.put(2, 2, body=body)
        await delivery.put(3, 3)
        await delivery.until_acknowledged(2)
        await store.flush()
        (dead,) = await store.dead_letters(10)
        assert "2000 bytes" in dead.why
        assert dead.envelope.body == body
        assert (await store.stats()).stored.batches == 0
        assert delivery.uplink.counters.rejected == 1
        assert [state.connected for state in delivery.states] == [True]


async def test_mqtt311_the_message_that_kills_the_connection_becomes_a_dead_letter(
    start_mosquitto: Start, deliver: Deliver, store: Store
) -> None:
    broker = start_mosquitto(max_packet_bytes=2000)
    with Platform(broker) as platform:
        async with deliver(broker, version="3.1.1") as delivery:
            await delivery.put(1, 1)
            await delivery.put(2, 2, body=wire.encode({"devices": [{"device": "x" * 3000}]}))
            await delivery.put(3, 30)
            await delivery.until_acknowledged(29)
            await store.flush()
            (dead,) = await store.dead_letters(10)
            assert "three times" in dead.why
            assert (await store.stats()).stored.batches == 0
        await platform.wait_for_async(lambda _: set(seqs(platform)) == {1, *range(3, 31)})


async def test_unsettled_telemetry_waits_for_the_clock_and_alarms_do_not(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store
) -> None:
    hold = Hold(300.0, trusted=False)
    async with deliver(mosquitto, hold=hold) as delivery:
        await delivery.put(1, 3, settled=False)
        await delivery.put(4, 4, settled=False, topic=FAULTS, priority=Priority.EVENT)
        await delivery.put(5, 5)
        await delivery.until_acknowledged(2)
        assert delivery.uplink.counters.published == 2
        await store.settle(7_000)
        hold.release()
        await delivery.until_acknowledged(5)
        await delivery.until_empty()
    await platform.wait_for_async(lambda _: len(seqs(platform)) == 4)
    assert seqs(platform) == [5, 1, 2, 3]
    assert [json.loads(m.payload)["clock"] for m in platform.on(READINGS)] == ["synced"] * 4
    assert [json.loads(m.payload)["clock"] for m in platform.on(FAULTS)] == ["unsynced"]


async def test_unsettled_telemetry_goes_out_as_unsynced_when_the_clock_never_comes(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver
) -> None:
    async with deliver(mosquitto, hold=Hold(0.3, trusted=False)) as delivery:
        await delivery.put(1, 3, settled=False)
        await asyncio.sleep(0)
        assert delivery.uplink.counters.published == 0
        await delivery.until_acknowledged(3)
    await platform.wait_for_async(lambda _: len(seqs(platform)) == 3)
    assert [json.loads(m.payload)["clock"] for m in platform.on(READINGS)] == ["unsynced"] * 3


async def test_mqtt5_tells_the_broker_when_a_message_is_stale(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto) as delivery:
        now_ms, _ = delivery.store._now()
        await delivery.put(1, 1, expires_ms=now_ms + 60_000)
        await delivery.until_acknowledged(1)
    await platform.wait_for_async(lambda _: platform.on(READINGS))
    assert 50 <= platform.on(READINGS)[0].properties["MessageExpiryInterval"] <= 60


async def test_late_messages_say_that_they_are_backfill(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto) as delivery:
        now_ms, _ = store._now()
        await delivery.put(1, 1, at_ms=now_ms - 60_000)
        await delivery.put(2, 2)
        await delivery.until_acknowledged(2)
    await platform.wait_for_async(lambda _: len(platform.on(READINGS)) == 2)
    assert [json.loads(m.payload)["delivery"] for m in platform.on(READINGS)] == ["backfill", "live"]


async def test_a_broker_that_is_away_at_first(start_mosquitto: Start, deliver: Deliver, store: Store) -> None:
    broker = start_mosquitto()
    broker.stop()
    async with deliver(broker) as delivery:
        await delivery.put(1, 10)
        await delivery.until(lambda: delivery.uplink.state.reason == "refused")
        broker.start()
        await delivery.until_acknowledged(10)
    reasons = [(state.connected, state.reason) for state in delivery.states]
    assert reasons == [(False, "refused"), (True, ""), (False, "stopped")]


async def test_cancelled_at_any_moment_of_connecting_it_stops_at_once(
    mosquitto: Mosquitto, deliver: Deliver
) -> None:
    for step in range(20):
        async with deliver(mosquitto) as delivery:
            await asyncio.sleep(step / 2000)  # 0 to 10 ms: from the first socket call to the first PUBACK
            async with asyncio.timeout(3.0):
                await delivery.stop()


async def test_cancelled_while_the_broker_is_frozen_it_stops_within_its_farewell(
    mosquitto: Mosquitto, deliver: Deliver, store: Store
) -> None:
    async with deliver(mosquitto) as delivery:
        await delivery.until(lambda: delivery.uplink.state.connected)
        mosquitto.freeze()
        await delivery.put(1, 3)
        await delivery.until(lambda: delivery.uplink.counters.published == 3)
        async with asyncio.timeout(5.0):
            await delivery.stop()
    mosquitto.thaw()
    await wait_until_async(lambda: "polegate-pole-7" in mosquitto.log())
    assert len(await store.take(10)) == 3
