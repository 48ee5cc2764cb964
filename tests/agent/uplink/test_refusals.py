"""What a broker may answer that Mosquitto never does, from a scripted one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from fakes.scripted_broker import Act, Publish, ScriptedBroker

from agent.store import Store

Deliver = Callable[..., Any]
QUOTA, NOT_AUTHORISED, PAYLOAD_INVALID, TOPIC_INVALID = 0x97, 0x87, 0x99, 0x90


def is_readings(publish: Publish) -> bool:
    return publish.topic.endswith("/readings")


async def test_a_used_up_quota_keeps_the_messages_and_sends_them_again(
    deliver: Deliver, store: Store
) -> None:
    tries = count(1)
    broker = ScriptedBroker(lambda publish: QUOTA if is_readings(publish) and next(tries) <= 3 else 0)
    async with broker.running(), deliver(broker) as delivery:
        await delivery.put(1, 3)
        await delivery.until(lambda: delivery.uplink.counters.refused == 3)
        assert "quota" in delivery.uplink.state.message
        await store.flush()
        assert (await store.stats()).stored.batches == 3
        await delivery.until_acknowledged(3)
        assert delivery.uplink.state.reason == ""
        await delivery.until_empty()
    readings = [publish.payload for publish in broker.published if is_readings(publish)]
    assert len(readings) == 6
    assert broker.connections == 1
    reasons = [state.reason for state in delivery.states]
    assert reasons == ["", "publish_refused", "", "stopped"]


@pytest.mark.parametrize("code", [PAYLOAD_INVALID, TOPIC_INVALID])
async def test_what_would_be_refused_again_becomes_a_dead_letter(
    deliver: Deliver, store: Store, code: int
) -> None:
    tries = count(1)
    broker = ScriptedBroker(lambda publish: code if is_readings(publish) and next(tries) == 2 else 0)
    async with broker.running(), deliver(broker) as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(2)
        await store.flush()
        (dead,) = await store.dead_letters(10)
        assert "refused it" in dead.why
        assert (await store.stats()).stored.batches == 0
        assert delivery.uplink.counters.rejected == 1


async def test_refused_messages_narrow_the_window_and_others_pass(deliver: Deliver, store: Store) -> None:
    broker = ScriptedBroker(lambda p: NOT_AUTHORISED if b'"rows":[[1,' in p.payload else 0)
    async with broker.running(), deliver(broker, window=2) as delivery:
        await delivery.put(1, 30)
        await delivery.until_acknowledged(29)
        assert [envelope.key for envelope in await store.peek(1)] == [f"{store.epoch}-1"]


async def test_with_nothing_but_refusals_no_more_than_a_window_is_tried(
    deliver: Deliver, store: Store
) -> None:
    broker = ScriptedBroker(lambda publish: NOT_AUTHORISED if is_readings(publish) else 0)
    async with broker.running(), deliver(broker, window=4) as delivery:
        await delivery.put(1, 30)
        await delivery.until(lambda: delivery.uplink.counters.refused >= 4)
        assert sum(map(is_readings, broker.published)) == 4


async def test_the_brokers_receive_maximum_bounds_the_window(deliver: Deliver, store: Store) -> None:
    receive_maximum = b"\0\0\x03\x21\0\x03"  # flags, code, properties: 0x21 = 3
    broker = ScriptedBroker(lambda p: Act.SILENCE if is_readings(p) else 0, connack=receive_maximum)
    async with broker.running(), deliver(broker, window=20) as delivery:
        await delivery.put(1, 10)
        await delivery.until(lambda: sum(map(is_readings, broker.published)) == 3)
        assert delivery.uplink.counters.published == 3
        broker.hang_up()


async def test_a_broker_that_never_answers_connect(deliver: Deliver) -> None:
    broker = ScriptedBroker()
    broker.never_answer()
    async with broker.running(), deliver(broker, timeout_s=0.2) as delivery:
        await delivery.until(lambda: delivery.uplink.state.reason == "no_answer")


async def test_a_broker_that_speaks_only_mqtt_311(deliver: Deliver) -> None:
    unacceptable_protocol = b"\0\1"
    broker = ScriptedBroker(connack=unacceptable_protocol)
    async with broker.running(), deliver(broker) as delivery:
        await delivery.until(lambda: not delivery.uplink.state.connected and delivery.uplink.state.message)
        assert 'uplink.version = "3.1.1"' in delivery.uplink.state.message


async def test_a_broker_without_qos_1(deliver: Deliver) -> None:
    broker = ScriptedBroker(connack=b"\0\0\x02\x24\0")  # 0x24, Maximum QoS = 0
    async with broker.running(), deliver(broker) as delivery:
        await delivery.until(lambda: delivery.uplink.state.reason == "no_qos_1")


async def test_two_gateways_with_one_name(deliver: Deliver) -> None:
    taken_over = b"\xe0\x01\x8e"  # DISCONNECT, session taken over
    broker = ScriptedBroker()
    async with broker.running(), deliver(broker) as delivery:
        await delivery.until(lambda: len(broker.published) == 2)
        broker.send(taken_over)
        await delivery.until(lambda: delivery.uplink.state.reason == "taken_over")
        assert "two gateways" in delivery.uplink.state.message


async def test_a_repeat_after_a_lost_puback_is_counted(deliver: Deliver, store: Store) -> None:
    broker = ScriptedBroker(
        lambda publish: Act.HANG_UP if is_readings(publish) and publish.connection == 1 else 0
    )
    async with broker.running(), deliver(broker) as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(3)
    counters = delivery.uplink.counters
    assert counters.published - 3 == counters.repeated >= 1
    assert broker.said_goodbye == 1
