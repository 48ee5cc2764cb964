"""What the platform has of the gateways' readings: every sample once, every repeat, every hole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    _seqs: defaultdict[tuple[Boot, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Ledger:
        """The ledger of these messages."""
        ledger = cls()
        for message in messages:
            ledger.take(message)
        return ledger

    def take(self, message: Message) -> None:
        """Enter one message; one that holds no readings is passed over."""
        if not message.topic.endswith(f"/{Leaf.READINGS}"):
            return
        document = orjson.loads(message.payload)
        batch, content = document["batch"], body(message.payload)
        if batch in self.contents:
            self.repeats += 1
            self.altered += self.contents[batch] != content
            return
        self.contents[batch] = content
        for row in _rows(document, message.arrived_ms):
            seqs = self._seqs[row.boot, row.device]
            self.duplicates += row.seq in seqs
            seqs.add(row.seq)
            self.rows.append(row)

    @property
    def values(self) -> int:
        """Values in all samples."""
        return sum(len(row.values) for row in self.rows)

    def lacks(self, last: Mapping[tuple[Boot, str], int]) -> int:
        """Samples that are not here, of those from 1 to the highest here or in `last`, by boot and device."""
        return sum(
            max(last.get(key, 0), *self._seqs[key], 0) - len(self._seqs[key]) for key in {*last, *self._seqs}
        )


def body(payload: bytes) -> bytes:
    """A readings message without its header: what was stored, but for the opening brace."""
    return payload[payload.index(b'"devices"') :]


def _rows(document: dict[str, Any], arrived_ms: int) -> Iterable[Row]:
    boot = document["batch"].rpartition("-")[0]
    at_ms = round(datetime.fromisoformat(document["at"]).timestamp() * 1000)
    for block in document["devices"]:
        for seq, after_ms, *values in block["rows"]:
            yield Row(boot, block["device"], seq, at_ms + after_ms, arrived_ms, values)
