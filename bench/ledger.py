"""What the platform has of the gateways' readings: every sample once, every repeat, every hole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from fakes.platform import Message

from agent.wire import Leaf

Boot = str
"""{store}.{boot}: what the batch ids of one run of the daemon begin with."""


class Row(NamedTuple):
    """One sample of one device as it arrived; times in ms UTC."""

    boot: Boot
    device: str
    seq: int
    at_ms: int
    arrived_ms: int
    values: list[Any]

    @property
    def name(self) -> tuple[Boot, str, int]:
        """What no other sample has."""
        return self.boot, self.device, self.seq


@dataclass(slots=True)
class Ledger:
    """The samples of `take`n messages. A batch id that came before is a repeat, and adds no samples.

    `altered` counts repeats with other contents, `duplicates` samples that came under a second batch id.
    """

    rows: list[Row] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    repeats: int = 0
    altered: int = 0
    duplicates: int = 0
    _known: set[tuple[Boot, str, int]] = field(default_factory=set)

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Ledger:
        """The ledger of these messages; those on other topics are passed over."""
        ledger = cls()
        for message in messages:
            if message.topic.endswith(f"/{Leaf.READINGS}"):
                ledger.take(message)
        return ledger

    def take(self, message: Message) -> None:
        """Enter one readings message."""
        document = orjson.loads(message.payload)
        batch, content = document["batch"], body(message.payload)
        if batch in self.contents:
            self.repeats += 1
            self.altered += self.contents[batch] != content
            return
        self.contents[batch] = content
        for row in _rows(document, message.arrived_ms):
            self.duplicates += row.name in self._known
            self._known.add(row.name)
            self.rows.append(row)

    def lacks(self, last: dict[tuple[Boot, str], int]) -> int:
        """Samples that are not here, of those from 1 to the highest here or in `last`, by boot and device."""
        here: defaultdict[tuple[Boot, str], set[int]] = defaultdict(set)
        for boot, device, seq in self._known:
            here[boot, device].add(seq)
        return sum(max(last.get(key, 0), *here[key], 0) - len(here[key]) for key in last.keys() | here.keys())


def body(payload: bytes) -> bytes:
    """A readings message without its header: what was stored, but for the opening brace."""
    return payload[payload.index(b'"devices"') :]


def _rows(document: dict[str, Any], arrived_ms: int) -> Iterable[Row]:
    boot = document["batch"].rpartition("-")[0]
    at_ms = round(datetime.fromisoformat(document["at"]).timestamp() * 1000)
    for block in document["devices"]:
        for seq, after_ms, *values in block["rows"]:
            yield Row(boot, block["device"], seq, at_ms + after_ms, arrived_ms, values)
