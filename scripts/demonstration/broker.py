"""The city's MQTT broker, in this process: amqtt with users and passwords, stopped and started at will."""

from __future__ import annotations

import asyncio
from pathlib import Path

import amqtt.broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError
from amqtt.session import Session
from fakes.ports import free_port
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from scripts.demonstration.errors import DemonstrationFailed

HOST = "127.0.0.1"
USER, PLATFORM = "gateway", "platform"
TOPICS = "polegate/#"
SETTLE_S = 5.0
"""Longest wait for the platform to acknowledge what the broker still has, before it goes away."""


class Broker:
    """One address and one set of users; `start` and `stop` as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port(HOST)
        self.password = folder / "password"
        """File with the password of both users."""
        self.password.write_text(f"{folder.name}\n", encoding="ascii")
        self.password.chmod(0o600)
        self._users = folder / "users"
        # Cheap: a log-in is checked in the loop that also serves the gauges; the password lives a minute.
        cheap = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
        secret = PasswordHash((cheap,)).hash(folder.name)
        self._users.write_text("".join(f"{user}:{secret}\n" for user in (USER, PLATFORM)), encoding="ascii")
        self._broker: _Broker | None = None

    @property
    def running(self) -> bool:
        """Whether it takes connections."""
        return self._broker is not None

    async def start(self) -> None:
        """Listen; the platform's subscription is there before the first gateway comes.

        Raises:
            DemonstrationFailed: the port was taken meanwhile.
        """
        if self._broker:
            return
        config = BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"{HOST}:{self.port}", max_connections=20)},
            plugins={"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(self._users)}},
        )
        broker = _Broker(config)
        try:
            await broker.start()
        except BrokerError as error:
            raise DemonstrationFailed(
                f"the broker cannot listen on {HOST}:{self.port}: {error}. Another program may have taken"
                " the port while the broker was down; start the demonstration again"
            ) from error
        self._broker = broker

    async def stop(self) -> None:
        """Hang up on everybody and close the port; what was acknowledged reaches the platform first."""
        if self._broker:
            broker, self._broker = self._broker, None
            await broker.hang_up_on_gateways()
            await broker.shutdown()


class _Broker(amqtt.broker.Broker):  # type: ignore[misc]  # amqtt has no types
    """amqtt 0.12 with what a broker with persistence has: it keeps what it has acknowledged."""

    async def _start_listeners(self) -> None:
        """The platform's session outlives a restart, as it would on disk."""
        handler, session = self.create_offline_session(PLATFORM)
        self._sessions[PLATFORM] = (session, handler)
        await self.add_subscription((TOPICS, 1), session)
        await super()._start_listeners()

    async def hang_up_on_gateways(self) -> None:
        """Close the port and the gateways' connections, then let the platform acknowledge the rest."""
        for server in self._servers.values():
            server.instance.close()
        gateways = []
        for client, (session, handler) in list(self._sessions.items()):
            if client != PLATFORM and handler._reader_task:  # noqa: SLF001  one that was refused has none
                gateways.append(session)
                await handler.stop()
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._settle(gateways)
        except TimeoutError:
            return

    async def _settle(self, gateways: list[Session]) -> None:
        """Until nothing has been on its way from a gateway to the platform for 50 ms."""
        quiet = 0
        while quiet < 5:
            await asyncio.sleep(0.01)
            busy = any(session.transitions.is_connected() for session in gateways)
            busy = busy or not self._broadcast_queue.empty()
            busy = busy or any(not task.done() for task in self._tasks_queue)
            quiet = 0 if busy else quiet + 1
