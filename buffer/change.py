"""One commit: what leaves the store and why, what comes in, and how that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from buffer.retention import Account, Reason, Waiting, losses, merged
from buffer.rows import INSERT, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from buffer.envelope import Envelope
    from buffer.flight import Rejected

DEAD_LETTERS = 100
DEAD_BODY_BYTES = 64 * 2**10

# A damaged row may break a NOT NULL: then it is counted without leaving a letter. substr() of an empty
# blob is NULL.
_BURY = """
INSERT OR IGNORE INTO dead
SELECT NULL, :priority, e.key, e.topic, e.at_ms + ifnull(c.offset_ms, 0), c.id IS NOT NULL,
    e.expires_ms + ifnull(c.offset_ms, 0), e.items, length(e.body), ifnull(substr(e.body, 1, :cut), x''),
    :reason, :why
FROM envelope e LEFT JOIN clock c ON c.id = e.clock WHERE e.id = :id
"""
_TRIM_DEAD = "DELETE FROM dead WHERE number <= (SELECT max(number) FROM dead) - ?"


class Arrival(NamedTuple):
    """An envelope to be stored, under the id it will have."""

    row: Waiting
    envelope: Envelope


@dataclass(slots=True, kw_only=True)
class Change:
    """What one commit does; `evicted` and `refused` (arrivals that did not fit) are the losses to size."""

    accepted: list[Waiting]
    rejected: list[Rejected]
    expired: list[Waiting]
    evicted: list[Waiting] = field(default_factory=list)
    arrivals: list[Arrival]
    refused: list[Arrival] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gone or self.arrivals or self.refused)

    @property
    def gone(self) -> list[Waiting]:
        """The stored rows that are deleted."""
        return [*self.accepted, *(mark.row for mark in self.rejected), *self.expired, *self.evicted]

    @property
    def account(self) -> Account:
        """What is lost by it."""
        evicted = [*self.evicted, *(arrival.row for arrival in self.refused)]
        account = merged(losses(Reason.EXPIRED, self.expired), losses(Reason.EVICTED, evicted))
        for mark in self.rejected:
            account = merged(account, losses(mark.reason, [mark.row]))
        return account

    def evict(self, chosen: Iterable[Waiting]) -> None:
        """Give up the chosen: stored rows, or arrivals before they are stored."""
        given_up = {row.id: row for row in chosen}
        self.refused = [arrival for arrival in self.arrivals if arrival.row.id in given_up]
        self.arrivals = [arrival for arrival in self.arrivals if arrival.row.id not in given_up]
        for arrival in self.refused:
            del given_up[arrival.row.id]
        self.evicted = list(given_up.values())

    def write(self, connection: sqlite3.Connection, boots: int, account: Account) -> None:
        """Execute inside a transaction; `account` is the total of losses with this change."""
        for row, reason, why in self.rejected:
            if reason is Reason.EVICTED:
                continue
            letter = {"id": row.id, "priority": row.priority, "reason": reason, "why": why}
            connection.execute(_BURY, {**letter, "cut": DEAD_BODY_BYTES})
        if self.rejected:
            connection.execute(_TRIM_DEAD, (DEAD_LETTERS,))
        connection.executemany("DELETE FROM envelope WHERE id = ?", [(row.id,) for row in self.gone])
        connection.executemany(INSERT, [encode(row.id, envelope, boots) for row, envelope in self.arrivals])
        write_account(connection, {key: account[key] for key in self.account})


def write_account(connection: sqlite3.Connection, account: Account) -> None:
    """Replace these entries of the durable account."""
    connection.executemany(
        "REPLACE INTO loss VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                loss.reason,
                loss.priority,
                loss.lost.batches,
                loss.lost.items,
                loss.lost.size_bytes,
                loss.first_at_ms,
                loss.last_at_ms,
            )
            for loss in account.values()
        ],
    )
