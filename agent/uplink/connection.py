"""One connection to the broker, from CONNECT to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.config import Uplink
from agent.uplink import diagnosis, secrets, tls
from agent.uplink.client import Client, Puback
from agent.uplink.diagnosis import Circumstances
from agent.uplink.errors import BrokerUnreachable, PublishTimeout, UplinkError

CONNECT_S = 45.0
"""From looking up the name to CONNACK, over all addresses of the name."""


@dataclass(frozen=True, slots=True)
class Retained:
    """A message that the broker keeps for whoever subscribes later."""

    topic: str
    payload: bytes


class Connection:
    """Messages out and their PUBACKs in; nothing of it outlives the connection."""

    def __init__(self, client: Client, around: Circumstances) -> None:
        limits, settings = client.limits, around.settings
        self.window = min(settings.window, limits.receive_maximum)
        """Messages that may be in flight at once."""
        self.maximum_bytes = limits.maximum_packet_bytes or inf
        """Largest PUBLISH packet that the broker takes."""
        self.answered = False
        """Whether the broker has acknowledged anything yet."""
        self.listening = ""
        """The topic filter that `listen` asked for."""
        self.puback_s = 0.0
        """From sending to the PUBACK, of the last that `acknowledgements` gave."""
        self._client = client
        self._around = around
        self._overdue: dict[int, float] = {}  # packet id -> monotonic s, oldest first
        self._clock = time.monotonic  # uvloop's own has whole milliseconds

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._overdue)

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None
    ) -> int:
        """Send with QoS 1; returns the packet id that its PUBACK will carry.

        Raises:
            ConnectionLost: there is no connection any more; nothing was sent.
        """
        properties = None
        if expires_s is not None and self._around.settings.version == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expires_s
        try:
            mid = self._client.post(topic, payload, retain=retain, properties=properties)
        except aiomqtt.MqttError:
            raise self._lost() from None
        self._overdue[mid] = self._clock() + self._around.settings.timeout_s
        return mid

    def listen(self, topic_filter: str) -> None:
        """Ask for what is published there.

        Raises:
            ConnectionLost: there is no connection any more.
        """
        self.listening = topic_filter
        try:
            self._client.listen(topic_filter)
        except aiomqtt.MqttError:
            raise self._lost() from None

    def snubbed(self, topic_filter: str) -> str:
        """What to tell where the broker hung up whenever it was asked."""
        return diagnosis.snubbed(topic_filter, self._around)

    @property
    def heard(self) -> bool:
        """Whether the broker has answered `listen`, in whatever way."""
        return self._client.suback is not None

    @property
    def deafness(self) -> str:
        """Why the broker lets nothing through that is published to us; "" if it does, or has not answered."""
        suback = self._client.suback
        if suback is None or suback.code < 0x80:
            return ""
        return diagnosis.deaf(suback.code, suback.said, self.listening, self._around)

    def acknowledgements(self) -> Iterator[Puback]:
        """The PUBACKs that have come since the last call, in their order."""
        while self._client.acknowledged:
            puback = self._client.acknowledged.popleft()
            self.answered = True
            due_s = self._overdue.pop(puback.mid, None)
            if due_s is not None:
                self.puback_s = self._clock() - (due_s - self._around.settings.timeout_s)
                yield puback

    def check(self) -> None:
        """Do nothing while all is well.

        Raises:
            ConnectionLost: it has ended.
            PublishTimeout: the oldest message in flight was not acknowledged in time.
        """
        if self._client.lost:
            raise self._lost()
        if self.patience_s < 0:
            timeout_s = self._around.settings.timeout_s
            raise PublishTimeout(
                "no_puback",
                f"{self._around.broker} did not acknowledge a message within {timeout_s:g} s: it hangs, or "
                "the line is too slow for uplink.timeout_s",
            )

    @property
    def patience_s(self) -> float:
        """Seconds until the oldest message in flight is overdue."""
        return next(iter(self._overdue.values()), inf) - self._clock()

    def _lost(self) -> UplinkError:
        if ending := self._client.ending:
            return diagnosis.lost(
                ending.code, ending.said, from_broker=ending.from_broker, around=self._around
            )
        return diagnosis.lost(0x80, self._client.last_word, from_broker=False, around=self._around)


@asynccontextmanager
async def connect(
    settings: Uplink,
    client_id: str,
    *,
    will: Retained | None,
    wake: asyncio.Event,
    now: Callable[[], int],
    arrived: Callable[[str, bytes, bool], bool] = lambda *_: False,
) -> AsyncIterator[Connection]:
    """A connection without any session state: the outbox is the only memory.

    `wake` is set at every PUBACK and SUBACK, when `arrived` takes a message (topic, payload, retained), and
    when the connection ends. Left in peace or by cancellation the
    connection ends with DISCONNECT; left by an error it is cut, and the broker publishes the will.

    Raises:
        UplinkError: BrokerUnreachable, BrokerRefused, Unusable.
    """
    around = Circumstances(settings, client_id, now())
    client = await _client(settings, client_id, will, wake, arrived)
    try:
        await _open(client, around)
    except BaseException:
        await client.cut()
        raise
    try:
        yield Connection(client, around)
    except (asyncio.CancelledError, GeneratorExit):
        await client.leave()
        raise
    except BaseException:
        await client.cut()
        raise
    else:
        await client.leave()


async def _client(
    settings: Uplink,
    client_id: str,
    will: Retained | None,
    wake: asyncio.Event,
    arrived: Callable[[str, bytes, bool], bool],
) -> Client:
    context = await asyncio.to_thread(tls.context, settings) if settings.tls else None
    password = secrets.read(settings.password, "uplink.password") if settings.password else None
    version5 = settings.version == "5"
    return Client(
        settings.host,
        settings.port,
        wake=wake,
        arrived=arrived,
        username=settings.username,
        password=password,
        identifier=client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if version5 else aiomqtt.ProtocolVersion.V311,
        will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True) if will else None,
        clean_session=None if version5 else True,
        clean_start=True if version5 else MQTT_CLEAN_START_FIRST_ONLY,
        timeout=settings.timeout_s,
        keepalive=settings.keepalive_s,
        tls_context=context,
    )


async def _open(client: Client, around: Circumstances) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            await client.open()
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise diagnosis.unreachable(error, around) from None
    except MqttConnectError as error:
        code = getattr(error.rc, "value", 0x80)
        raise diagnosis.refused(code, client.last_word, around) from None
    except aiomqtt.MqttError:
        if client.ending is None:
            raise _silent(around) from None
        raise diagnosis.unanswered(client.last_word, around) from None
    if client.limits.maximum_qos == 0:
        raise diagnosis.refused(0x9B, "", around)


def _silent(around: Circumstances) -> BrokerUnreachable:
    return BrokerUnreachable(
        "no_answer",
        f"{around.broker} took the connection and did not answer within {around.settings.timeout_s:g} s: it "
        "hangs, or something else than an MQTT broker listens there",
    )


def publish_bytes(topic: str, payload: bytes, *, expires: bool) -> int:
    """Size of an MQTT 5 PUBLISH packet with QoS 1 (MQTT 5, 3.3): what Maximum Packet Size counts.

    Topic 2 + n, packet id 2, property length 1, Message Expiry Interval 5, payload; before it the type 1 and
    the length of all that in groups of 7 bits.
    """
    remaining = 2 + len(topic.encode()) + 2 + 1 + (5 if expires else 0) + len(payload)
    return 1 + max(1, (remaining.bit_length() + 6) // 7) + remaining
