"""What the client leans on inside aiomqtt and paho, and what it makes of a broker's answers."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import pytest
from fakes.mosquitto import Mosquitto
from fakes.scripted_broker import Act, ScriptedBroker
from fakes.waiting import wait_until_async
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Uplink
from agent.uplink.client import Client, Puback
from agent.uplink.connection import Retained, connect, publish_bytes
from agent.uplink.errors import ConnectionLost, PublishTimeout

WILL = Retained("polegate/1/s/g/status", b"{}")
TOPIC = "polegate/1/s/g/readings"


def connection(broker: Any, wake: asyncio.Event | None = None, **settings: Any) -> Any:
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return connect(
        Uplink(url=f"mqtt://{host}:{broker.port}", **settings),
        "polegate-g",
        will=WILL,
        wake=wake or asyncio.Event(),
        now=lambda: time.time_ns() // 1_000_000,
    )


@pytest.mark.parametrize(
    "name",
    [
        *("_on_connect", "_on_disconnect", "_on_publish", "_on_subscribe", "_on_message"),
        *("_on_socket_open", "_on_socket_close", "_on_socket_register_write"),
    ],
)
def test_aiomqtt_still_has_the_callbacks_that_are_replaced(name: str) -> None:
    theirs = inspect.signature(getattr(aiomqtt.Client, name)).parameters
    ours = inspect.signature(getattr(Client, name)).parameters
    assert list(theirs) == list(ours)


async def test_aiomqtt_still_has_the_state_that_is_used() -> None:
    client = Client("127.0.0.1", 1, wake=asyncio.Event())
    assert not client._disconnected.done()
    assert not client._connected.done()
    assert client._loop is asyncio.get_running_loop()
    assert client._client._in_packet["remaining_length"] == 0
    assert list(inspect.signature(paho.Client._sock_recv).parameters) == ["self", "bufsize"]
    assert "self._sock_recv(" in inspect.getsource(paho.Client._packet_read)
    assert client._client.on_publish == client._on_publish
    assert not inspect.iscoroutinefunction(client._client_connect)


async def test_the_limits_of_connack_are_taken_over(start_mosquitto: Callable[..., Mosquitto]) -> None:
    broker = start_mosquitto(max_packet_bytes=5000, settings=["max_inflight_messages 7", "max_keepalive 15"])
    async with connection(broker, window=20, keepalive_s=60) as made:
        assert made.window == 7
        assert made.maximum_bytes == 5000
        assert made._client._client.keepalive == 15
    async with connection(broker, window=5, version="3.1.1") as made:
        assert made.window == 5


@given(
    topic=st.text("abc/é", min_size=1, max_size=40),
    size=st.sampled_from([0, 1, 90, 100, 110, 120, 127, 128, 16_200, 16_383, 16_384, 20_000]),
    expires=st.booleans(),
)
def test_the_size_of_a_packet_is_known_beforehand(topic: str, size: int, expires: bool) -> None:
    async def measure() -> int:
        broker = ScriptedBroker()
        async with broker.running(), connection(broker) as made:
            made.publish(topic, b"x" * size, expires_s=60 if expires else None)
            await wait_until_async(lambda: broker.published)
        return broker.published[0].size

    assert publish_bytes(topic, b"x" * size, expires=expires) == asyncio.run(measure())


async def test_every_puback_wakes_the_drain() -> None:
    wake = asyncio.Event()
    broker = ScriptedBroker()
    async with broker.running(), connection(broker, wake) as made:
        mids = [made.publish(TOPIC, b"{}") for _ in range(3)]
        found: list[Puback] = []
        while len(found) < 3:
            await asyncio.wait_for(wake.wait(), 5)
            wake.clear()
            found += made.acknowledgements()
        assert [puback.mid for puback in found] == mids
        assert made.in_flight == 0


async def test_the_end_of_the_connection_wakes_the_drain_at_once() -> None:
    wake = asyncio.Event()
    broker = ScriptedBroker(lambda _: Act.SILENCE)
    async with broker.running(), connection(broker, wake, timeout_s=300) as made:
        made.publish(TOPIC, b"{}")
        await wait_until_async(lambda: broker.published)
        broker.hang_up()
        await asyncio.wait_for(wake.wait(), 5)
        with pytest.raises(ConnectionLost):
            made.check()


async def test_a_publish_on_a_dead_connection_is_not_kept() -> None:
    broker = ScriptedBroker()
    async with broker.running():
        async with connection(broker) as made:
            broker.hang_up()
            await wait_until_async(lambda: made._client.lost)
            with pytest.raises(ConnectionLost):
                made.publish(TOPIC, b"stale")
        async with connection(broker) as made:
            made.publish(TOPIC, b"fresh")
            await wait_until_async(lambda: list(made.acknowledgements()))
    assert [publish.payload for publish in broker.published] == [b"fresh"]


async def test_an_overdue_puback_condemns_the_connection() -> None:
    broker = ScriptedBroker(lambda _: Act.SILENCE)

    async def give_up() -> None:
        async with connection(broker, timeout_s=0.1) as made:
            made.publish(TOPIC, b"{}")
            await wait_until_async(lambda: made.patience_s < 0)
            made.check()

    async with broker.running():
        with pytest.raises(PublishTimeout):
            await give_up()
        await wait_until_async(lambda: not broker._writers)
    assert broker.said_goodbye == 0  # cut: the broker shall publish the last will


async def test_cancelled_while_connecting_nothing_is_left_behind() -> None:
    broker = ScriptedBroker()
    broker.never_answer()
    async with broker.running():

        async def try_to_connect() -> None:
            async with connection(broker, timeout_s=300):
                pass

        task = asyncio.create_task(try_to_connect())
        await wait_until_async(lambda: broker._writers)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until_async(lambda: not broker._writers)
    await wait_until_async(lambda: asyncio.all_tasks() == {asyncio.current_task()})


async def test_cancelled_while_nobody_takes_the_connection_it_does_not_wait() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):  # the queue is full: Linux drops further SYNs
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)

        async def try_to_connect() -> None:
            async with connection(SimpleNamespace(host=address[0], port=address[1])):
                pass

        task = asyncio.create_task(try_to_connect())
        await wait_until_async(lambda: any(thread.name == "connect" for thread in threading.enumerate()))
        task.cancel()
        async with asyncio.timeout(5):  # connecting would give up after 10 s
            with pytest.raises(asyncio.CancelledError):
                await task
    await wait_until_async(lambda: not any(thread.name == "connect" for thread in threading.enumerate()))


async def test_an_end_by_command_leaves_no_task_and_no_socket(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    for version in ("3.1.1", "5"):
        async with connection(mosquitto, version=version) as made:
            made.publish(TOPIC, b"{}")
    await wait_until_async(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert not caplog.records
