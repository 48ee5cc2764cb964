"""An uplink over a store on disk, for the tests of this folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fakes.waiting import TIMEOUT_S, wait_until_async

from agent import wire
from agent.camera.pictures import Pictures
from agent.config import Station, Uplink
from agent.store import Store
from agent.uplink.drain import Hold
from agent.uplink.inbox import Received
from agent.uplink.mqtt import MqttUplink, UplinkState
from buffer.envelope import Envelope, Priority
from drivers.backoff import Backoff

SITE, GATEWAY = "riverside", "pole-7"
STATION = Station(site=SITE, gateway=GATEWAY)
INVENTORY = wire.Inventory(
    version="1.2.3",
    devices={
        "level": wire.DeviceFacts(
            instrument="custom",
            title="Level gauge",
            every_s=1.0,
            channels={
                "water_level": wire.ChannelFacts(title="Water level", unit="m", kind="instant", sl651="39")
            },
        )
    },
)


def topic(leaf: wire.Leaf) -> str:
    return wire.topic(SITE, GATEWAY, leaf)


def real_now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


def readings(store: Store, seq: int, **changes: Any) -> Envelope:
    """An envelope with one sample whose seq and value are `seq`."""
    block = {"device": "level", "channels": ["water_level"], "rows": [[seq, 0, seq / 8]], "quality": 2}
    facts: dict[str, Any] = {
        "key": store.next_key(),
        "topic": topic(wire.Leaf.READINGS),
        "priority": Priority.READINGS,
        "at_ms": real_now()[0],
        "settled": True,
        "items": 1,
        "expires_ms": None,
        "body": wire.encode({"devices": [block]}),
    }
    return Envelope(**{**facts, **changes})


@dataclass(kw_only=True)
class Delivery:
    """A running uplink, and every state it has told."""

    uplink: MqttUplink
    store: Store
    task: asyncio.Task[None]
    states: list[UplinkState] = field(default_factory=list)

    async def put(self, first: int, last: int, **changes: Any) -> list[Envelope]:
        envelopes = [readings(self.store, seq, **changes) for seq in range(first, last + 1)]
        await self.store.put(envelopes)
        return envelopes

    async def until(self, condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
        """Wait, and fail at once if the uplink has died."""

        def met() -> object:
            if self.task.done():
                self.task.result()
            return condition()

        await wait_until_async(met, timeout_s)

    async def until_acknowledged(self, count: int, timeout_s: float = TIMEOUT_S) -> None:
        await self.until(lambda: self.uplink.counters.acknowledged >= count, timeout_s)

    async def until_empty(self) -> None:
        """Wait until nothing is stored any more, marks committed."""
        async with asyncio.timeout(TIMEOUT_S):
            while (await self.store.stats()).stored.batches:
                await self.store.flush()
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


Deliver = Callable[..., AbstractAsyncContextManager[Delivery]]


@pytest_asyncio.fixture
async def backlog(tmp_path: Path) -> tuple[Path, int]:
    """A closed store, and how many readings messages wait in it: seq 1 to that."""
    path, count = tmp_path / "backlog.db", 2000
    async with Store.open(path, max_bytes=2**28, now=real_now) as opened:
        await opened.put([readings(opened, seq) for seq in range(1, count + 1)])
    return path, count


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "outbox.db", max_bytes=2**28, now=real_now) as opened:
        yield opened


@pytest.fixture
def deliver(store: Store, monkeypatch: pytest.MonkeyPatch) -> Deliver:
    """`async with deliver(broker, version="3.1.1", ...) as delivery`; the keywords are those of [uplink],
    `received` and `pictures`.

    It tries again after 20 to 200 ms instead of 1 to 60 s.
    """
    monkeypatch.setattr("agent.uplink.mqtt.Backoff", partial(Backoff, 0.02, 0.2))

    @asynccontextmanager
    async def start(
        broker: Any,
        *,
        hold: Hold | None = None,
        received: Received = lambda *_: None,
        pictures: Pictures | None = None,
        **settings: Any,
    ) -> AsyncIterator[Delivery]:
        states: list[UplinkState] = []
        scheme = "mqtts" if "ca" in settings else "mqtt"
        host = settings.pop("host", None) or (f"[{broker.host}]" if ":" in broker.host else broker.host)
        uplink = MqttUplink(
            Uplink(**{"url": f"{scheme}://{host}:{broker.port}", **settings}),
            STATION,
            store,
            hold or Hold(300.0, trusted=True),
            now=real_now,
            version="1.2.3",
            inventory=INVENTORY,
            changed=states.append,
            received=received,
            pictures=pictures,
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(uplink.run(lambda _: None))
            delivery = Delivery(uplink=uplink, store=store, task=task, states=states)
            try:
                yield delivery
            finally:
                await delivery.stop()

    return start
