"""How an envelope lies in a row: the columns, their checksum, and the clock its times were taken with."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from buffer.envelope import Envelope, Priority
from buffer.retention import ROW_BYTES, SEQUENCE_BITS, Waiting, stored_size
from buffer.schema import TRUSTED_CLOCK

# A clock that no settle() will ever name: the boot that stamped the envelope belongs to a lost store.
LOST_CLOCK = -1

INSERT = "INSERT INTO envelope VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_IF_NEW = "INSERT OR IGNORE INTO envelope VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

# The columns of Waiting. length() of a blob reads the record header only, so no body is loaded; a damaged
# row may hold a NULL or a text where there should be none.
_ITEMS = "CAST(ifnull(e.items, 0) AS INTEGER)"
_SIZE = (
    "ifnull(length(e.body), 0) + ifnull(length(CAST(e.key AS BLOB)), 0) "
    f"+ ifnull(length(CAST(e.topic AS BLOB)), 0) + {ROW_BYTES}"
)
_WAITING = f"SELECT e.id, {_ITEMS}, {_SIZE}, e.at_ms + c.offset_ms"

SELECT_BETWEEN = """
SELECT e.id, e.key, e.topic, e.clock, e.at_ms, e.expires_ms, e.items, e.crc, e.body, c.offset_ms
FROM envelope e LEFT JOIN clock c ON c.id = e.clock WHERE e.id BETWEEN ? AND ? ORDER BY e.id LIMIT ?
"""

# An envelope expires by a trusted time only: its own clock settled, and the caller's now not NULL.
DELIVERABLE = """
SELECT e.id FROM envelope e LEFT JOIN clock c ON c.id = e.clock
WHERE e.id BETWEEN :first AND :last
AND (c.id IS NOT NULL OR e.id < :held_from)
AND (e.expires_ms + c.offset_ms <= :now_ms) IS NOT TRUE
ORDER BY e.id
"""

WAITING_BETWEEN = f"""
{_WAITING}
FROM envelope e LEFT JOIN clock c ON c.id = e.clock WHERE e.id BETWEEN ? AND ? ORDER BY e.id
"""

# One range of the index `expiry` for each settled clock.
EXPIRED = f"""
{_WAITING}
FROM clock c CROSS JOIN envelope e INDEXED BY expiry
ON e.clock = c.id AND e.expires_ms <= :now_ms - c.offset_ms
"""

HEAD_AT_MS = """
SELECT h.at_ms + c.offset_ms
FROM (SELECT at_ms, clock FROM envelope WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1) h
LEFT JOIN clock c ON c.id = h.clock
"""

DEPTH_BETWEEN = f"""
SELECT count(*), ifnull(sum({_ITEMS}), 0), ifnull(sum({_SIZE}), 0)
FROM envelope e WHERE e.id BETWEEN ? AND ?
"""  # noqa: S608 - put together from the constants above


class Row(NamedTuple):
    """The columns of table `envelope`, in their order; the times are as stamped, before any offset."""

    id: int
    key: str
    topic: str
    clock: int
    at_ms: int
    expires_ms: int | None
    items: int
    crc: int
    body: bytes


def row_id(priority: Priority, sequence: int) -> int:
    return priority << SEQUENCE_BITS | sequence


def id_range(priority: Priority) -> tuple[int, int]:
    """Return the first and the last id that an envelope of this priority can have."""
    return row_id(priority, 0), row_id(priority, (1 << SEQUENCE_BITS) - 1)


def encode(number: int, envelope: Envelope, boots: int) -> Row:
    """Return the row of `envelope` under the id `number`, stamped by the clock of boot `boots`."""
    unsigned = Row(
        id=number,
        key=envelope.key,
        topic=envelope.topic,
        clock=TRUSTED_CLOCK if envelope.settled else boots,
        at_ms=envelope.at_ms,
        expires_ms=envelope.expires_ms,
        items=envelope.items,
        crc=0,
        body=envelope.body,
    )
    return signed(unsigned)


def signed(row: Row) -> Row:
    """Return the row with the checksum of its other columns."""
    head = f"{row.id}|{row.key}|{row.topic}|{row.clock}|{row.at_ms}|{row.expires_ms}|{row.items}"
    return row._replace(crc=crc32(row.body, crc32(head.encode())))


def intact(row: Row) -> bool:
    """Whether the row is as it was written."""
    return isinstance(row.body, bytes) and signed(row).crc == row.crc


def decode(row: Row, offset_ms: int | None) -> Envelope:
    """Return the envelope; `offset_ms` is what its clock was off, None while that is not known."""
    shift_ms = offset_ms or 0
    return Envelope(
        key=row.key,
        topic=row.topic,
        priority=Priority(row.id >> SEQUENCE_BITS),
        at_ms=row.at_ms + shift_ms,
        settled=offset_ms is not None,
        items=row.items,
        expires_ms=None if row.expires_ms is None else row.expires_ms + shift_ms,
        body=row.body,
    )


def noted(number: int, envelope: Envelope) -> Waiting:
    """Return the envelope stored under the id `number` as the account sees it."""
    return Waiting(
        id=number,
        items=envelope.items,
        size_bytes=stored_size(envelope),
        at_ms=envelope.at_ms if envelope.settled else None,
    )
