"""The city's platform as the broker sees it: a subscriber that records every message, and publishes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from fakes.waiting import TIMEOUT_S, wait_until, wait_until_async

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fakes.certificates import Certificate
    from fakes.mosquitto import Mosquitto

T = TypeVar("T")
SESSION_EXPIRY_S = 3600
RECONNECT_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One PUBLISH as it arrived; `properties` are the MQTT 5 properties by their names in the standard.

    `dup` is the broker's word that it sent this before, unacknowledged when it or the link went down.
    `arrived_ms` is the wall time of its arrival, ms UTC, and not compared.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    properties: dict[str, Any] = field(default_factory=dict)
    arrived_ms: int = field(default=0, compare=False)


class Platform:
    """An MQTT 5 client in a thread, subscribed before `with` is entered, which comes back after an outage.

    QoS and retain are recorded as published. Its session lives an hour: a broker with persistence keeps
    what arrives while the platform is away.
    """

    def __init__(
        self,
        broker: Mosquitto,
        *,
        topics: Sequence[str] = ("#",),
        client_id: str = "platform",
        username: str | None = None,
        password: str | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._messages: list[Message] = []
        self._subscribed = threading.Event()
        self._refusal = ""
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(RECONNECT_S, RECONNECT_S)  # type: ignore[arg-type]  # takes fractions
        if username is not None:
            self._client.username_pw_set(username, password)
        if broker.ca is not None:
            self._client.tls_set(
                str(broker.ca),
                str(certificate.certificate) if certificate else None,
                str(certificate.key) if certificate else None,
            )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def messages(self) -> list[Message]:
        """All messages so far, in order of arrival."""
        return list(self._messages)

    def on(self, topic_filter: str) -> list[Message]:
        """The messages so far whose topic matches the filter."""
        return [message for message in self.messages if topic_matches_sub(topic_filter, message.topic)]

    def wait_for(self, condition: Callable[[list[Message]], T], timeout_s: float = TIMEOUT_S) -> T:
        """The condition's first true value over all messages so far; raises TimeoutError at the deadline."""
        return wait_until(lambda: condition(self.messages), timeout_s)

    async def wait_for_async(
        self, condition: Callable[[list[Message]], T], timeout_s: float = TIMEOUT_S
    ) -> T:
        """`wait_for` that lets the event loop run."""
        return await wait_until_async(lambda: condition(self.messages), timeout_s)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        properties: dict[str, Any] | None = None,
    ) -> None:
        """Publish, and wait until the broker has it (QoS 1 and 2); `properties` by their MQTT 5 names."""
        sent = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in (properties or {}).items():
            setattr(sent, name, value)
        wait_until(self._client.is_connected)
        self._client.publish(topic, payload, qos, retain, sent).wait_for_publish(TIMEOUT_S)

    def start(self) -> None:
        """Connect and subscribe; raises TimeoutError or PermissionError when the broker does not let it."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = SESSION_EXPIRY_S
        # Mosquitto 2.0 does not persist a session that began with clean start.
        self._client.connect(self._broker.host, self._broker.port, clean_start=False, properties=session)
        self._client.loop_start()
        try:
            wait_until(self._is_subscribed)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_subscribed(self) -> bool:
        if self._refusal:
            raise PermissionError(f"the broker refused the platform: {self._refusal}")
        return self._subscribed.is_set()

    def _on_connect(self, client: Client, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        elif not (flags.session_present and self._subscribed.is_set()):
            # Only where there is no subscription: another would send the retained messages again.
            options = SubscribeOptions(qos=2, retainAsPublished=True)
            client.subscribe([(topic, options) for topic in self._topics])

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _: Any) -> None:
        if not self._subscribed.is_set():  # TLS 1.3 refuses a client's certificate after the handshake
            self._refusal = self._refusal or str(reason)

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._refusal = ", ".join(refused)
        else:
            self._subscribed.set()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        given = message.properties
        properties: dict[str, Any] = given.json() if given else {}  # type: ignore[no-untyped-call]
        self._messages.append(
            Message(
                topic=message.topic,
                payload=bytes(message.payload),
                qos=message.qos,
                retain=message.retain,
                dup=message.dup,
                properties=properties,
                arrived_ms=time.time_ns() // 1_000_000,
            )
        )
