"""The part of a ThingsBoard server that its gateway needs: answers to the session's requests, and a count."""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
from fakes.mosquitto import Mosquitto

TELEMETRY = "v1/gateway/telemetry"
RPC_REQUEST = "v1/devices/me/rpc/request/"
RPC_RESPONSE = "v1/devices/me/rpc/response/"
ATTRIBUTES_REQUEST = "v1/devices/me/attributes/request/"
ATTRIBUTES_RESPONSE = "v1/devices/me/attributes/response/"

# A ThingsBoard server hears its topics itself; on a plain broker the gateway would hear its own requests.
ACCESS = f"""
user platform
topic readwrite #

user gateway
topic write v1/#
topic read {RPC_RESPONSE}+
topic read {ATTRIBUTES_RESPONSE}+
"""

# Nothing may be dropped on the way to the platform, and no line logged for each packet.
BROKER_SETTINGS = (
    *("max_queued_messages 0", "max_inflight_messages 0"),
    *("log_type none", "log_type error", "log_type warning", "log_type notice", "log_type information"),
)

# What a ThingsBoard server answers with its default settings: no rate limits, and from its thingsboard.yml
# transport.mqtt.netty.max_payload_size and transport.mqtt.msg_queue_size_per_device_limit.
SESSION_LIMITS = {
    "maxPayloadSize": 65536,
    "maxInflightMessages": 100,
    "rateLimits": {},
    "gatewayRateLimits": {},
}


class Platform:
    """Listens on loopback `port`, user name "gateway"; counts what arrives.

    `values_of` counts by device; a value sent again (same device, time and key) goes to `repeats` instead.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages = 0
        self.repeats = 0
        self.values_of: Counter[str] = Counter()
        self.last: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._keys_at: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._arrived = asyncio.Condition()

    @property
    def values(self) -> int:
        return self.values_of.total()

    async def until(self, reached: Callable[[], bool], *, timeout_s: float) -> None:
        """Returns once `reached()` is true after some message; `TimeoutError` if that takes too long."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(reached)

    async def take(self, payload: bytes) -> None:
        """Counts one message to v1/gateway/telemetry; `ValueError` if its body is of another shape."""
        for device, at_ms, values in read_telemetry(payload):
            keys = self._keys_at[device, at_ms]
            known = len(keys)
            keys.update(values)
            self.values_of[device] += len(keys) - known
            self.repeats += len(values) - (len(keys) - known)
            self.last[device].update(values)
        self.messages += 1
        async with self._arrived:
            self._arrived.notify_all()


def read_telemetry(payload: bytes) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(device, milliseconds UTC, values) of `{"device": [{"ts": ms, "values": {...}}, ...], ...}`.

    A server also takes entries without a time and stamps them on arrival; this gateway sends none.
    """
    for device, entries in orjson.loads(payload).items():
        for entry in entries:
            if not {"ts", "values"} <= entry.keys():
                raise ValueError(f"telemetry of {device} without time or values: {entry}")
            yield device, entry["ts"], entry["values"]


@asynccontextmanager
async def stub_platform() -> AsyncIterator[Platform]:
    """A Mosquitto of its own with the platform behind it, while the context is open."""
    with (
        tempfile.TemporaryDirectory(prefix="stub-platform-") as folder,
        Mosquitto(Path(folder), acl=ACCESS, settings=BROKER_SETTINGS) as broker,
    ):
        platform = Platform(broker.port)
        try:
            async with aiomqtt.Client(broker.host, broker.port, username="platform") as client:
                await _subscribe(client)
                async with asyncio.TaskGroup() as tasks:
                    serving = tasks.create_task(_serve(client, platform))
                    yield platform
                    serving.cancel()
        except BaseExceptionGroup as group:  # what the caller or _serve raised, as it was raised
            raise group.exceptions[0] from None


async def _subscribe(client: aiomqtt.Client) -> None:
    for topic in (TELEMETRY, RPC_REQUEST + "+", ATTRIBUTES_REQUEST + "+"):
        await client.subscribe(topic, qos=1)


async def _serve(client: aiomqtt.Client, platform: Platform) -> None:
    async for message in client.messages:
        topic, payload = message.topic.value, message.payload
        if not isinstance(payload, bytes):
            raise TypeError(f"{topic}: expected bytes, got {payload!r}")
        if topic == TELEMETRY:
            await platform.take(payload)
        elif topic.startswith(RPC_REQUEST):
            await client.publish(RPC_RESPONSE + topic.removeprefix(RPC_REQUEST), _rpc(payload), qos=1)
        else:
            response = ATTRIBUTES_RESPONSE + topic.removeprefix(ATTRIBUTES_REQUEST)
            await client.publish(response, orjson.dumps({"shared": {}}), qos=1)


def _rpc(payload: bytes) -> bytes:
    method = orjson.loads(payload)["method"]
    if method != "getSessionLimits":
        raise ValueError(f"the gateway called {method!r}, which the stub platform does not know")
    return orjson.dumps(SESSION_LIMITS)
