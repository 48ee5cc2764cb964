"""All of it at once: the field, the broker, the platform and the two gateways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scripts.demonstration import stations
from scripts.demonstration.broker import Broker
from scripts.demonstration.field import Field
from scripts.demonstration.gateway import Gateway
from scripts.demonstration.platform import Platform
from scripts.demonstration.stations import Place
from scripts.demonstration.subscriber import subscribe

TITLES = {stations.LAMP_POLE: "Lamp pole 7, Quay Street", stations.RIVER: "River station 3, weir"}


class Site:
    """The parts of the demonstration, alive."""

    def __init__(self, field: Field, broker: Broker, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.field = field
        self.broker = broker
        self.platform = Platform(tell)
        self.pole = self._gateway(
            stations.LAMP_POLE, stations.lamp_pole_devices(field.tcp_ports, field.wind_port)
        )
        self.river = self._gateway(stations.RIVER, stations.river_devices(field.bus_port))
        self.gateways = (self.pole, self.river)

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, tell: Callable[[str], None]) -> AsyncIterator[Site]:
        """Everything running but the daemons; on leaving, everything ended, the daemons first.

        Raises:
            DemonstrationFailed: a part did not start, or ended by itself (in an exception group).
        """
        async with Field.opened() as field:
            site = cls(field, Broker(folder), folder, tell)
            async with asyncio.TaskGroup() as group:
                await site.broker.start()
                tasks = [group.create_task(work) for work in site.works()]
                try:
                    yield site
                finally:
                    for gateway in site.gateways:
                        await gateway.stop()
                    await site.broker.stop()
                    for task in tasks:
                        task.cancel()

    @property
    def waiting(self) -> int:
        """Readings on the disks of both gateways."""
        return sum(gateway.waiting for gateway in self.gateways)

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on by itself all the time."""
        watching = [work for gateway in self.gateways for work in (gateway.watch(), gateway.listen())]
        return [self.field.run(), subscribe(self.broker, self.platform), *watching]

    def _gateway(self, name: str, devices: str) -> Gateway:
        place = Place(
            gateway=name,
            title=TITLES[name],
            folder=self.folder / name,
            broker_port=self.broker.port,
            password=self.broker.password,
        )
        return Gateway(place, devices, self.platform.ledger)
