"""What is given up when there is no room, and the account of it. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from buffer.envelope import Envelope, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

# What a row costs besides its key, topic and body: record header, integers, cell pointer, page share.
ROW_BYTES = 64
SEQUENCE_BITS = 48


class Reason(StrEnum):
    """Why an envelope left without being accepted."""

    EXPIRED = "expired"
    EVICTED = "evicted"
    REJECTED = "rejected"
    DAMAGED = "damaged"


class Waiting(NamedTuple):
    """A stored envelope as the account sees it; `at_ms` is None while its clock is not settled.

    The id orders delivery: the priority in the bits above `SEQUENCE_BITS`, the order of arrival below.
    """

    id: int
    items: int
    size_bytes: int
    at_ms: int | None

    @property
    def priority(self) -> Priority:
        return Priority(self.id >> SEQUENCE_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much is stored: envelopes, readings in them, and bytes as counted against the limit."""

    batches: int = 0
    items: int = 0
    size_bytes: int = 0

    def __add__(self, other: Depth) -> Depth:
        return Depth(
            batches=self.batches + other.batches,
            items=self.items + other.items,
            size_bytes=self.size_bytes + other.size_bytes,
        )

    def __sub__(self, other: Depth) -> Depth:
        return Depth(
            batches=self.batches - other.batches,
            items=self.items - other.items,
            size_bytes=self.size_bytes - other.size_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What left without being accepted, for one reason and priority, since the store was made.

    `first_at_ms` and `last_at_ms` span the lost envelopes whose clock was settled; None if none was.
    """

    reason: Reason
    priority: Priority
    lost: Depth
    first_at_ms: int | None
    last_at_ms: int | None

    def __add__(self, other: Loss) -> Loss:
        times = [
            at_ms
            for at_ms in (self.first_at_ms, self.last_at_ms, other.first_at_ms, other.last_at_ms)
            if at_ms is not None
        ]
        return replace(
            self,
            lost=self.lost + other.lost,
            first_at_ms=min(times, default=None),
            last_at_ms=max(times, default=None),
        )


Account = dict[tuple[Reason, Priority], Loss]


def stored_size(envelope: Envelope) -> int:
    """Bytes that the envelope counts against the limit."""
    return ROW_BYTES + len(envelope.key.encode()) + len(envelope.topic.encode()) + len(envelope.body)


def depths(rows: Iterable[Waiting]) -> dict[Priority, Depth]:
    """Add up the rows of each priority."""
    found: dict[Priority, Depth] = {}
    for row in rows:
        one = Depth(batches=1, items=row.items, size_bytes=row.size_bytes)
        found[row.priority] = found.get(row.priority, Depth()) + one
    return found


def losses(reason: Reason, rows: Iterable[Waiting]) -> Account:
    """Account for the rows, one entry for each priority among them."""
    account: Account = {}
    for row in rows:
        one = Depth(batches=1, items=row.items, size_bytes=row.size_bytes)
        loss = Loss(
            reason=reason, priority=row.priority, lost=one, first_at_ms=row.at_ms, last_at_ms=row.at_ms
        )
        account = merged(account, {(reason, row.priority): loss})
    return account


def merged(account: Mapping[tuple[Reason, Priority], Loss], more: Account) -> Account:
    """Return both accounts in one."""
    return {**account, **{key: account[key] + loss if key in account else loss for key, loss in more.items()}}


def victims(
    stored: Callable[[Priority], Iterable[Waiting]],
    arrivals: Iterable[Waiting],
    held: Container[int],
    excess_bytes: int,
) -> list[Waiting]:
    """Choose what to give up so that at least `excess_bytes` come free.

    Lowest priority first, oldest first within it; alarms only when nothing else is left. Those in
    `held` (handed out, perhaps delivered) go after the rest of their kind. An arrival is the youngest
    of its priority, so it may itself be chosen. `stored(priority)` yields oldest first and is read
    only as far as needed.
    """
    chosen: list[Waiting] = []
    order = _eviction_order(stored, list(arrivals), held)
    while excess_bytes > 0 and (row := next(order, None)):
        chosen.append(row)
        excess_bytes -= row.size_bytes
    return chosen


def _eviction_order(
    stored: Callable[[Priority], Iterable[Waiting]], arrivals: list[Waiting], held: Container[int]
) -> Iterator[Waiting]:
    lowest_first = sorted(Priority, reverse=True)
    for kind in (lowest_first[:-1], lowest_first[-1:]):
        for handed_out in (False, True):
            for priority in kind:
                young = [row for row in arrivals if row.priority is priority]
                yield from (row for row in chain(stored(priority), young) if (row.id in held) is handed_out)
