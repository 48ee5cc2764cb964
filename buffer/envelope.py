"""What the outbox stores: an opaque body with just enough outside to order, bound and expire it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Lower goes first and is evicted last. PICTURES were asked for, SCHEDULED pictures were not."""

    ALARM = 0
    EVENT = 1
    READINGS = 2
    HEALTH = 3
    PICTURES = 4
    SCHEDULED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message for the platform.

    `key` is the deduplication key; `at_ms` the time the body's relative times count from (ms UTC);
    `settled` is False while the clock was not trusted when `at_ms` was taken; `items` says how many
    readings are inside, for the loss account; `expires_ms` the time after which nobody wants it.
    """

    key: str
    topic: str
    priority: Priority
    at_ms: int
    settled: bool
    items: int
    expires_ms: int | None
    body: bytes
