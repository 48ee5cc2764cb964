"""A process with nothing but an uplink in it, to be killed: python uplink_child.py OUTBOX PORT."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from agent import wire
from agent.config import Station, Uplink
from agent.store import Store
from agent.uplink.drain import Hold
from agent.uplink.mqtt import MqttUplink


def now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


async def main(outbox: Path, port: str) -> None:
    async with Store.open(outbox, max_bytes=2**24, now=now) as store:
        uplink = MqttUplink(
            Uplink(url=f"mqtt://127.0.0.1:{port}"),
            Station(site="riverside", gateway="pole-7"),
            store,
            Hold(300.0, trusted=True),
            now=now,
            version="1.2.3",
            inventory=wire.Inventory(version="1.2.3", devices={}),
            changed=lambda _: None,
        )
        await uplink.run(lambda _: None)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
