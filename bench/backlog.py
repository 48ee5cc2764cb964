"""An outbox filled as an outage would have filled it: by the store's and the wire contract's own code."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from agent import wire
from agent.wire import Leaf
from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox
from drivers.readings import Reading, Sample

MAX_BYTES = 512 * 2**20
COMMIT = 50  # batches in one commit: the way in is not what is measured


def write_backlog(
    path: Path, *, batches: int, devices: int, row: list[int], until_ms: int, every_ms: int = 1000
) -> dict[tuple[str, str], int]:
    """Store `batches` of one sample of each device, the last at `until_ms`, all with the values `row`.

    The daemon must not be running. Returns the last seq of each (boot, device).
    """
    topic = wire.topic("river", "gw-1", Leaf.READINGS)
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        pending = (
            _envelope(
                outbox.next_key(), topic, _samples(devices, row, seq, until_ms - (batches - seq) * every_ms)
            )
            for seq in range(1, batches + 1)
        )
        while some := list(islice(pending, COMMIT)):
            outbox.put(some, now_ms=None)
        return {(outbox.epoch, f"d{number}"): batches for number in range(devices)}


def _samples(devices: int, row: list[int], seq: int, at_ms: int) -> list[Sample]:
    readings = tuple(Reading(f"raw.r{address}", value) for address, value in enumerate(row))
    return [
        Sample(device=f"d{number}", at_ms=at_ms, settled=True, seq=seq, readings=readings)
        for number in range(devices)
    ]


def _envelope(key: str, topic: str, samples: list[Sample]) -> Envelope:
    at_ms = samples[0].at_ms
    return Envelope(
        key=key,
        topic=topic,
        priority=Priority.READINGS,
        at_ms=at_ms,
        settled=True,
        items=sum(len(sample.readings) for sample in samples),
        expires_ms=None,
        body=wire.encode_readings(samples, at_ms),
    )
