"""aiomqtt's client with what it leaves out: reason codes, the broker's limits, an end that ends everything.

This is the one place that leans on the inside of aiomqtt 2.5 (its callbacks and the paho client below it);
tests/agent/uplink/test_client.py says so when an upgrade moves any of it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, NamedTuple

import aiomqtt
import paho.mqtt.client as paho
from aiomqtt.types import PahoSocket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

GOODBYE_S = 1.0
"""Longest wait for DISCONNECT to leave, and for a cut socket to be noticed."""

MOST_INBOUND_BYTES = 64 * 1024
"""Largest packet taken from the broker: it is held in memory whole."""

MOST_UNACKNOWLEDGED = 20
"""Messages the broker may send before it has our PUBACKs; MQTT 5 only."""


class Puback(NamedTuple):
    """The broker's word on a PUBLISH: packet id, reason code (0x80 and above: refused), reason string."""

    mid: int
    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker allows in CONNACK (MQTT 5, 3.2.2.3); MQTT 3.1.1 knows none of it."""

    receive_maximum: int = 65535
    maximum_packet_bytes: int | None = None
    maximum_qos: int = 2
    keepalive_s: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended that we did not end: reason code, reason string, by DISCONNECT or without."""

    code: int
    said: str
    from_broker: bool


@dataclass(frozen=True, slots=True)
class Suback:
    """The broker's word on our subscription: reason code (0x80 and above: refused), reason string."""

    code: int
    said: str


class _LastWord(logging.Handler):
    """Keeps what paho would have logged last: the only place where it says why a read failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage().partition(" on socket: ")[2] or record.getMessage()


class Client(aiomqtt.Client):
    """For one connection. `wake` is set at every PUBACK and SUBACK and at the end of the connection.

    What is published to us goes to `arrived` as topic, payload, retained; it says whether to wake.

    A publish that was not acknowledged stays in paho's memory, and another connection would send it behind
    the outbox's back: so never open it twice.
    """

    def __init__(
        self,
        hostname: str,
        port: int,
        *,
        wake: asyncio.Event,
        arrived: Callable[[str, bytes, bool], bool] = lambda *_: False,
        **options: Any,  # noqa: ANN401  aiomqtt's
    ) -> None:
        self._last_word = _LastWord()
        logger = logging.Logger("paho", logging.WARNING)  # noqa: LOG001  this connection's own
        logger.addHandler(self._last_word)
        # Our own window bounds what is in flight; paho's would scan all of it at every PUBACK.
        super().__init__(hostname, port, logger=logger, max_inflight_messages=0, **options)
        self._version5 = options.get("protocol") is aiomqtt.ProtocolVersion.V5
        if self._version5:
            self._properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            self._properties.MaximumPacketSize = MOST_INBOUND_BYTES
            self._properties.ReceiveMaximum = MOST_UNACKNOWLEDGED
        self._receive, self._client._sock_recv = self._client._sock_recv, self._receive_bounded  # type: ignore[method-assign, assignment]  # noqa: SLF001
        self.acknowledged: deque[Puback] = deque()
        self.suback: Suback | None = None
        self.limits = Limits()
        self.ending: Ending | None = None
        self.opened = False
        """Whether there was ever a connection below MQTT: TCP, and TLS if wanted."""
        self._wake = wake
        self._arrived = arrived
        self._abandoned = False
        self._closed = asyncio.Event()
        self._closed.set()

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._disconnected.done() or self.ending is not None

    @property
    def last_word(self) -> str:
        """What was reported last about a socket error, "" if nothing was."""
        return self._last_word.text

    async def open(self) -> None:
        """Connect: 10 s for each address and its TLS handshake, then `timeout` for CONNACK.

        A thread of its own does what blocks, and is left behind when it is no longer wanted: the default
        executor would hold up the end of the process for as long as a name server takes.

        Raises:
            OSError, ValueError: no connection: DNS, TCP or TLS; a host name that cannot be one.
            aiomqtt.MqttError: the broker refused it, hung up, or did not answer.
        """
        self._client.connect_timeout = 10.0
        made: Future[None] = Future()
        Thread(target=self._connect_into, args=[made], name="connect", daemon=True).start()
        await asyncio.wrap_future(made)
        # Not aiomqtt's wait_for: that of Python 3.11 swallows a cancellation that meets the CONNACK.
        done, _ = await asyncio.wait([self._connected], timeout=self.timeout)
        if not done:
            raise aiomqtt.MqttError("no CONNACK in time")
        self._connected.result()
        self._disconnected.add_done_callback(lambda _: self._wake.set())

    def _connect_into(self, made: Future[None]) -> None:
        if made.set_running_or_notify_cancel():
            try:
                self._client_connect()
            except (OSError, ValueError) as error:
                made.set_exception(error)
            else:
                made.set_result(None)

    def post(self, topic: str, payload: bytes, *, retain: bool, properties: Properties | None) -> int:
        """Send a PUBLISH with QoS 1 and return its packet id; its PUBACK will be in `acknowledged`.

        Raises:
            aiomqtt.MqttError: there is no connection any more.
        """
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc is not paho.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish")
        return info.mid

    def listen(self, topic_filter: str) -> None:
        """Subscribe with QoS 1; the broker's answer will be in `suback`.

        Raises:
            aiomqtt.MqttError: there is no connection any more.
        """
        # Retain as published: a command published with retain shows it the first time too.
        options = SubscribeOptions(qos=1, retainAsPublished=True) if self._version5 else None
        code, _ = self._client.subscribe(topic_filter, 0 if self._version5 else 1, options)
        if code is not paho.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(code, "Could not subscribe")

    async def leave(self) -> None:
        """Say goodbye, so that the broker does not publish the last will; then make sure it is over."""
        if self._client.disconnect() == paho.MQTT_ERR_SUCCESS:
            await self._until_closed()
        await self.cut()

    async def cut(self) -> None:
        """End the connection without a word: the broker publishes the last will.

        Works at any time, also while the connection is being made in its thread.
        """
        self._abandoned = True
        if (open_socket := self._client.socket()) is not None:
            _shut(open_socket)
            await self._until_closed()
        if self._disconnected.done():
            self._disconnected.exception()  # retrieved: nobody else will

    async def _until_closed(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._closed.wait()

    # What follows replaces or adds to aiomqtt's callbacks from paho.

    def _on_connect(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.limits = Limits(
            receive_maximum=getattr(properties, "ReceiveMaximum", 65535),
            maximum_packet_bytes=getattr(properties, "MaximumPacketSize", None),
            maximum_qos=getattr(properties, "MaximumQoS", 2),
            keepalive_s=getattr(properties, "ServerKeepAlive", None),
        )
        self._last_word.text = _reason_string(properties)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        from_broker = flags.is_disconnect_packet_from_server
        said = _reason_string(properties) if from_broker else self.last_word
        self.ending = self.ending or Ending(reason_code.value, said, from_broker)
        if not self._connected.done():  # aiomqtt would wait for CONNACK until its timeout
            self._connected.set_exception(aiomqtt.MqttError("ended before CONNACK"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self,
        client: paho.Client,  # noqa: ARG002  paho's signature
        userdata: object,  # noqa: ARG002  paho's signature
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        self.acknowledged.append(Puback(mid, reason_code.value, _reason_string(properties)))
        self._wake.set()

    def _on_subscribe(
        self,
        client: paho.Client,  # noqa: ARG002  paho's signature
        userdata: object,  # noqa: ARG002  paho's signature
        mid: int,  # noqa: ARG002  there is but one subscription
        reason_codes: list[ReasonCode],
        properties: Properties | None = None,
    ) -> None:
        self.suback = Suback(max(code.value for code in reason_codes), _reason_string(properties))
        self._wake.set()

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:  # noqa: ARG002  paho's signature
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if self._arrived(topic, bytes(message.payload), message.retain):
            self._wake.set()

    def _receive_bounded(self, size: int) -> bytes:
        """Where paho would gather a packet of up to 256 MiB; an OSError ends the connection."""
        length = self._client._in_packet["remaining_length"]  # noqa: SLF001
        if length > MOST_INBOUND_BYTES:
            raise OSError(
                f"the broker sent a packet of {length} bytes, expected {MOST_INBOUND_BYTES} at most"
            )
        return self._receive(size)

    def _on_socket_open(self, client: paho.Client, userdata: object, sock: PahoSocket) -> None:
        """In the connecting thread."""
        if self._abandoned:
            sock.close()
            return
        self.opened = True
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.call_soon_threadsafe(self._closed.clear)
        super()._on_socket_open(client, userdata, sock)

    def _on_socket_close(self, client: paho.Client, userdata: object, sock: PahoSocket) -> None:
        if self._loop.is_closed():  # collected after the end of everything
            return
        super()._on_socket_close(client, userdata, sock)
        self._loop.call_soon_threadsafe(self._closed.set)

    def _on_socket_register_write(
        self,
        client: paho.Client,
        userdata: object,  # noqa: ARG002  paho's signature
        sock: PahoSocket,
    ) -> None:
        if not self._abandoned:
            self._loop.call_soon_threadsafe(self._write_when_ready, client, sock)

    def _on_socket_unregister_write(self, client: paho.Client, userdata: object, sock: PahoSocket) -> None:
        if sock.fileno() >= 0:  # paho's last clean-up comes after the socket is closed
            super()._on_socket_unregister_write(client, userdata, sock)

    def _write_when_ready(self, client: paho.Client, sock: socket.socket) -> None:
        """Where aiomqtt registers the bare number, which by now may be closed, or be somebody else's."""
        if client.socket() is sock:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: paho.Client) -> None:
        try:
            client.loop_write()
        except (OSError, ValueError) as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


def _reason_string(properties: Properties | None) -> str:
    return str(getattr(properties, "ReasonString", ""))


def _shut(open_socket: PahoSocket) -> None:
    """Shut down rather than close: the loop sees the end of the stream and takes the usual way out."""
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
