"""A process that delivers an outbox with pictures, to be killed: python pictures_child.py FOLDER PORT."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from agent import wire
from agent.camera.pictures import Pictures
from agent.config import Station, Uplink
from agent.router import Router
from agent.store import Store
from agent.uplink import drain
from agent.uplink.drain import Hold
from agent.uplink.mqtt import MqttUplink

STATION = Station(site="riverside", gateway="pole-7")


def now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


class Silent:
    def unwritable(self, error: object) -> None: ...
    def lost(self, losses: object) -> None: ...


async def main(folder: Path, port: str) -> None:
    frames = wire.topic("riverside", "pole-7", wire.Leaf.FRAMES)
    async with Store.open(folder / "pictures.db", max_bytes=2**24, now=now) as store:
        router = Router(store, lambda leaf: wire.topic("riverside", "pole-7", leaf), Silent())
        opening = Pictures.open(folder / "spool", store, router, topic=frames, max_bytes=2**26, max_files=100)
        async with opening as pictures:
            uplink = MqttUplink(
                Uplink(url=f"mqtt://127.0.0.1:{port}"), STATION, store, Hold(300.0, trusted=True), now=now,
                version="1.2.3", inventory=wire.Inventory(version="1.2.3", devices={}),
                changed=lambda _: None, pictures=pictures,
            )  # fmt: skip
            await uplink.run(lambda _: None)


if __name__ == "__main__":
    drain.IDLE_S = 0.05  # no readings come, whose commits would carry the marks
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
