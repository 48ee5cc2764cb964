"""The uplink as a part of the daemon: connects, drains the outbox, and does so again, for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Literal, NoReturn

from agent import commands, wire
from agent.config import Station, Uplink
from agent.store import Now, Store
from agent.uplink.connection import CONNECT_S, Connection, Retained, connect
from agent.uplink.drain import Counters, Drain, Hold, Record
from agent.uplink.errors import ConnectionLost, UplinkError
from agent.uplink.inbox import Inbox, Received
from agent.uplink.share import Pictures
from agent.wire import Leaf
from drivers.backoff import Backoff
from firmware_profiles.declared import Strict

MOST_SNUBS = 3
"""Hang-ups instead of an answer to our subscription, after which the broker is left alone with it."""

SNUBBED_S = 3600.0
"""And for how long."""

FAREWELL_S = 2.0
"""On a clean stop: longest wait for the PUBACKs in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkState:
    """How the uplink is doing. `reason` is the short name of what is wrong, `message` is for a person.

    Connected with a reason: publish_refused, the broker refuses messages, they are kept; no_commands, it lets
    no commands through.
    """

    connected: bool = False
    since_ms: int
    reason: str = "starting"
    message: str = ""


class MqttUplink:
    """Delivers what `store` holds. `changed` is told each change of state once.

    `inventory` is sent on every connection. `received` is told each command that comes in: topic, payload,
    whether it was retained; what it raises ends the uplink. `pictures` has the bytes of pictures.
    """

    def __init__(
        self,
        settings: Uplink,
        station: Station,
        store: Store,
        hold: Hold,
        *,
        now: Now,
        version: str,
        inventory: wire.Inventory,
        changed: Callable[[UplinkState], None],
        received: Received = lambda *_: None,
        pictures: Pictures | None = None,
    ) -> None:
        self.state = UplinkState(since_ms=now()[0])
        self._inventory = inventory
        self._settings = settings
        self._station = station
        self._store = store
        self._hold = hold
        self._now = now
        self._version = version
        self._changed = changed
        self._record = Record()
        self._inbox = Inbox(received)
        self._pictures = pictures
        self._listen_to = commands.topic(station.site, station.gateway, "#")
        self._refused = ""
        self._deaf = ""
        self._snubs = 0
        self._listen_s = -inf

    @property
    def counters(self) -> Counters:
        """Messages since the start."""
        return self._record.counters

    async def run(self, promise: Callable[[float], None]) -> NoReturn:
        """Deliver for ever; cancelled, take leave of the broker within a few seconds.

        Raises:
            OutboxError: the store cannot be read.
        """
        waits = Backoff()
        while True:
            settled, spread_s = self.counters.settled, 0.0
            try:
                promise(CONNECT_S + 60.0)
                await self._serve(promise)
            except UplinkError as error:
                spread_s = self._spread_s()
                self._enter(connected=False, reason=error.reason, message=str(error))
            except asyncio.CancelledError:
                self._enter(connected=False, reason="stopped")
                raise
            if self.counters.settled > settled:
                waits.reset()
            wait_s = next(waits) + spread_s
            promise(wait_s + 60.0)
            await asyncio.sleep(wait_s)

    def _spread_s(self) -> float:
        """A lost connection is often the whole fleet's: let each come back at a time of its own."""
        most_s = self._settings.most_spread_s if self.state.connected else 0.0
        return random.uniform(0.0, most_s)  # noqa: S311  spreads load, guards nothing

    async def _serve(self, promise: Callable[[float], None]) -> None:
        async with connect(
            self._settings,
            self._settings.known_as(self._station.gateway),
            will=self._status("offline", "connection_lost"),
            wake=self._store.arrived,
            now=lambda: self._now()[0],
            arrived=self._inbox.put,
        ) as connection:
            self._listen(connection)
            self._announce(connection)
            self._refusing("")
            drain = Drain(
                connection,
                self._store,
                self._hold,
                self._record,
                now=self._now,
                refusing=self._refusing,
                turn=lambda: self._turn(connection),
                pictures=self._pictures,
            )
            try:
                await drain.run(promise)
            except asyncio.CancelledError:
                await self._take_leave(connection, drain)
                raise
            except ConnectionLost as error:
                self._count_snub(error, connection)
                raise
            finally:
                drain.close()

    def _listen(self, connection: Connection) -> None:
        """Before anything is published: should the broker hang up on it, no message is to blame."""
        if asyncio.get_running_loop().time() >= self._listen_s:
            connection.listen(self._listen_to)
        else:
            self._deaf = connection.snubbed(self._listen_to)

    def _count_snub(self, error: ConnectionLost, connection: Connection) -> None:
        if error.hung_up and connection.listening and not connection.heard:
            self._snubs += 1
            if self._snubs >= MOST_SNUBS:
                self._listen_s = asyncio.get_running_loop().time() + SNUBBED_S

    def _turn(self, connection: Connection) -> float:
        if connection.heard:
            self._snubs = 0
            if connection.deafness != self._deaf:
                self._deaf = connection.deafness
                self._tell()
        return self._inbox.turn(asyncio.get_running_loop().time())

    def _announce(self, connection: Connection) -> None:
        for message in (self._status("online", "connected"), self._retained(Leaf.INVENTORY, self._inventory)):
            connection.publish(message.topic, message.payload, retain=True)

    async def _take_leave(self, connection: Connection, drain: Drain) -> None:
        with suppress(UplinkError):  # the broker is gone too: nobody to take leave of
            farewell = self._status("offline", "stopped")
            connection.publish(farewell.topic, farewell.payload, retain=True)
            await drain.finish(FAREWELL_S)

    def _status(
        self,
        state: Literal["online", "offline"],
        reason: Literal["connected", "stopped", "connection_lost"],
    ) -> Retained:
        at_ms, trusted = self._now()
        status = wire.Status(
            state=state,
            reason=reason,
            version=self._version,
            epoch=self._store.epoch,
            at=wire.rfc3339(at_ms),
            clock="synced" if trusted else "unsynced",
        )
        return self._retained(Leaf.STATUS, status)

    def _retained(self, leaf: Leaf, payload: Strict) -> Retained:
        topic = wire.topic(self._station.site, self._station.gateway, leaf)
        return Retained(topic, wire.encode(payload))

    def _refusing(self, message: str) -> None:
        self._refused = message
        self._tell()

    def _tell(self) -> None:
        if self._refused:
            self._enter(connected=True, reason="publish_refused", message=self._refused)
        elif self._deaf:
            self._enter(connected=True, reason="no_commands", message=self._deaf)
        else:
            self._enter(connected=True)

    def _enter(self, *, connected: bool, reason: str = "", message: str = "") -> None:
        """Told once: a change of connection, or of its reason; only the former changes the time."""
        was = self.state
        if (connected, reason) == (was.connected, was.reason):
            return
        since_ms = was.since_ms if connected == was.connected else self._now()[0]
        self.state = replace(was, connected=connected, since_ms=since_ms, reason=reason, message=message)
        self._changed(self.state)
