"""The platform's side: what a consumer of the wire contract makes of the messages it gets. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from agent.wire import (
    MESSAGES,
    Aggregates,
    ChannelFacts,
    Event,
    Fault,
    Header,
    Health,
    Inventory,
    Leaf,
    Readings,
    Revisions,
    Status,
    rfc3339,
)
from drivers.readings import Value
from firmware_profiles.declared import checked_json
from pipelines.events import Kind
from scripts.demonstration.ledger import Ledger, Run, Told, Values

HISTORY = 300
"""Values of a channel kept to draw: five minutes."""

REMEMBERED = 100_000
"""Batch ids kept to tell repeats: days of the demonstration."""

RATE_OVER_MS = 5000
CHANGING = frozenset({"sent", "delivery"})
"""What may differ between a message and its repeat."""


@dataclass(slots=True)
class Channel:
    """What is known of one channel of one device; `values` are (ms UTC, value) in the order of arrival."""

    latest: Value | None = None
    latest_ms: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    values: deque[tuple[int, Value]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def take(self, at_ms: int, value: Value | None) -> None:
        if at_ms >= self.latest_ms:
            self.latest, self.latest_ms = value, at_ms
        if value is not None:
            self.values.append((at_ms, value))
        if isinstance(value, float | int):
            self.low, self.high = min(self.low, value), max(self.high, value)


@dataclass(slots=True)
class Gateway:
    """One gateway as the platform knows it."""

    online: bool = False
    epoch: str = ""
    facts: dict[tuple[str, str], ChannelFacts] = field(default_factory=dict)
    channels: dict[tuple[str, str], Channel] = field(default_factory=lambda: defaultdict(Channel))


class Platform:
    """Every message validated, repeats dropped by batch id, samples entered in the ledger.

    `tell` hears of gateways that come and go, of events and of faults.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.ledger = Ledger()
        self.gateways: dict[str, Gateway] = defaultdict(Gateway)
        self.messages: Counter[Leaf] = Counter()
        self.readings = 0
        self.backfilled = 0
        self.repeats = 0
        self.invalid: list[str] = []
        self.contradictions: list[str] = []
        """Repeats whose content was not that of the first."""
        self.closed_faults: list[Fault] = []
        self.events: dict[str, list[Event]] = defaultdict(list)
        """Every message about an event, by its id, in the order of arrival."""
        self.revised = 0
        self.happenings: deque[str] = deque(maxlen=50)
        self._tell = tell
        self._opened: dict[str, tuple[str, Fault]] = {}
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._moments: deque[int] = deque([0], maxlen=1000)

    def receive(self, topic: str, payload: bytes, now_ms: int) -> None:
        """Take one message that arrived at `now_ms` (ms UTC)."""
        self._moments.append(now_ms)
        try:
            _, _, _, gateway, name = topic.split("/")
            leaf = Leaf(name)
            message = checked_json(MESSAGES[leaf], payload)
        except ValueError as error:
            self.invalid.append(f"{topic}: {error}")
            return
        self.messages[leaf] += 1
        match message:
            case Status():
                self._status(gateway, message)
            case Inventory():
                self._inventory(gateway, message)
            case Readings() | Event() | Fault() | Revisions() | Aggregates() | Health():
                if self._is_new(message.batch, payload):
                    self._take(gateway, message)

    @property
    def open_faults(self) -> list[Fault]:
        """A new epoch ends the station's own faults of the earlier; what was judged goes on."""
        return [
            fault
            for gateway, fault in self._opened.values()
            if fault.rule or _epoch(fault) == self.gateways[gateway].epoch
        ]

    @property
    def open_events(self) -> list[Event]:
        """The newest word on each event that is not over."""
        return [event for event in self._newest if event.state != "closed"]

    @property
    def open_floods(self) -> list[Event]:
        """Those of them by which the river stands at a stage."""
        return [event for event in self.open_events if event.kind is Kind.WATER_STAGE]

    @property
    def floods_over(self) -> int:
        """Floods whose end was told."""
        return sum(event.kind is Kind.WATER_STAGE and event.state == "closed" for event in self._newest)

    @property
    def _newest(self) -> list[Event]:
        """The last word on each event by the gateway's time: an alarm overtakes what is less urgent."""
        return [
            max(messages, key=lambda each: (each.at, each.state == "closed"))
            for messages in self.events.values()
        ]

    def per_second(self, now_ms: int) -> float:
        """Messages a second over the last few."""
        return sum(now_ms - moment <= RATE_OVER_MS for moment in self._moments) * 1000 / RATE_OVER_MS

    def _is_new(self, batch: str, payload: bytes) -> bool:
        digest = _digest(payload)
        known = self._known.setdefault(batch, digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if known is digest:
            return True
        self.repeats += 1
        if known != digest:
            self.contradictions.append(batch)
        return False

    def _take(self, gateway: str, message: Header) -> None:
        match message:
            case Readings():
                self._readings(gateway, message)
            case Revisions():
                self.revised += len(message.revisions)
            case Event():
                self.events[message.id].append(message)
                self._note(f"{gateway}: {message.message}")
            case Fault(state="closed"):
                self._opened.pop(message.id, None)
                self.closed_faults.append(message)
                self._note(f"{gateway}: {message.subject} works again")
            case Fault():
                self._opened[message.id] = (gateway, message)
                self._note(f"{gateway}: {message.subject}: {message.message}")

    def _readings(self, gateway: str, message: Readings) -> None:
        known, epoch = self.gateways[gateway], _epoch(message)
        at_ms = round(datetime.fromisoformat(message.at).timestamp() * 1000)
        for block in message.devices:
            run = Run(gateway, epoch, block.device)
            marks = {(flag.row, flag.channel): flag.quality for flag in block.flags}
            for index, (seq, after_ms, *row) in enumerate(block.rows):
                told = Told(
                    at_ms + _whole(after_ms), _values(block.channels, row, index, marks, block.quality)
                )
                self.ledger.arrived(run, _whole(seq), told)
                self.readings += len(row)
                self.backfilled += len(row) if message.delivery == "backfill" else 0
                for channel, value in zip(block.channels, row, strict=True):
                    known.channels[block.device, channel].take(told.at_ms, value)

    def _status(self, gateway: str, message: Status) -> None:
        known = self.gateways[gateway]
        online = message.state == "online"
        if online != known.online:
            self._note(f"{gateway}: {message.state} ({message.reason})")
        known.online, known.epoch = online, message.epoch

    def _inventory(self, gateway: str, message: Inventory) -> None:
        for device, facts in message.devices.items():
            for channel, known in facts.channels.items():
                self.gateways[gateway].facts[device, channel] = known

    def _note(self, text: str) -> None:
        self.happenings.append(f"{rfc3339(self._moments[-1])[11:19]} {text}")
        self._tell(text)


def _epoch(message: Header) -> str:
    return message.batch.rpartition("-")[0]


def _values(
    channels: list[str], row: list[Any], index: int, marks: Mapping[tuple[int, str | None], int], usual: int
) -> Values:
    whole = marks.get((index, None), usual)
    return tuple(
        (channel, value, int(marks.get((index, channel), whole)))
        for channel, value in zip(channels, row, strict=True)
    )


def _whole(number: object) -> int:
    """A sequence number or a time: the contract has them as integers."""
    if not isinstance(number, int):
        raise TypeError(f"expected an integer, got {number!r}")
    return number


def _digest(payload: bytes) -> bytes:
    content = {key: value for key, value in orjson.loads(payload).items() if key not in CHANGING}
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
