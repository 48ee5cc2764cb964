"""After damage: set the store aside, and carry every readable row and state over into a new one."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.change import write_account
from buffer.errors import OutboxError, translated
from buffer.lock import writer_lock
from buffer.memory import INSERT_STATE_IF_NEW, Remembered
from buffer.quarantine import finished, set_aside
from buffer.reserve import BALLAST_BYTES, Ballast, free_bytes
from buffer.retention import Account, Depth
from buffer.rows import INSERT_IF_NEW, LOST_CLOCK, Row, signed
from buffer.salvage import Wreck
from buffer.schema import TRUSTED_CLOCK, connect, connect_read_only, migrate, read_clocks, transaction
from buffer.view import depth_by_priority, read_account

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from buffer.envelope import Priority

_COMMIT_ROWS = 256
_COMMIT_BYTES = 2**18
# Left free for the daemon that opens the store next, and for what rows take besides their bodies.
_MARGIN_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """What a recovery saved and what may be lost.

    `damaged_rows` were found and could not be trusted; the rows of `lost_pages` are unknown. The account of
    losses went over if `account_kept`, and `states` states; `damaged_states` more, or pages of them, could
    not be trusted. `incomplete` says why not every readable row went over, "" if all
    did. `quarantined` is the old store, dead letters included; `removed` are older ones now deleted.
    """

    by_priority: Mapping[Priority, Depth]
    damaged_rows: int
    lost_pages: int
    account_kept: bool
    incomplete: str
    quarantined: Path
    removed: tuple[Path, ...]
    states: int = 0
    damaged_states: int = 0


def recover(path: Path) -> Salvage:
    """Move the store aside to `<path>.corrupt-<n>` and fill a new one from it; then it can be opened.

    The new store has a new name, so no key is used twice. Envelopes keep key and order; those whose clock
    was never settled stay unsettled. If it is interrupted, run it again. Two quarantined stores are kept.
    Raises OutboxInUse, and OutboxFull if there is not even room to begin.
    """
    with writer_lock(path), translated(path):
        quarantine = set_aside(path)
        offsets, account = _ledger(quarantine)
        wreck = Wreck(quarantine)
        if free_bytes(path) < BALLAST_BYTES:
            Ballast(path).give_up()
        with closing(connect(path)) as connection:
            migrate(connection, path)
            with transaction(connection):
                write_account(connection, account or {})
            incomplete = refill(connection, path, (restamped(row, offsets) for row in wreck))
            by_priority = depth_by_priority(connection, path)
            (states,) = connection.execute("SELECT count(*) FROM state").fetchone()
        return Salvage(
            by_priority=by_priority,
            damaged_rows=wreck.damaged_rows,
            lost_pages=wreck.lost_pages,
            account_kept=account is not None,
            states=states,
            damaged_states=wreck.damaged_states,
            incomplete=incomplete,
            quarantined=quarantine,
            removed=finished(path),
        )


def _ledger(quarantine: Path) -> tuple[dict[int, int], Account | None]:
    """Read the small tables if SQLite can: by how much each clock was off, and the account of losses."""
    offsets, account = {TRUSTED_CLOCK: 0}, None
    with (
        suppress(OutboxError),
        translated(quarantine),
        closing(connect_read_only(quarantine, index_log=True)) as connection,
    ):
        offsets = read_clocks(connection, quarantine)
        account = read_account(connection, quarantine)
    return offsets, account


def restamped(row: Row | Remembered, offsets: Mapping[int, int]) -> Row | Remembered:
    """Return the row on a clock that a new store knows: the boots count from 1 again there."""
    if isinstance(row, Remembered):
        return row
    if row.clock not in offsets:
        return signed(row._replace(clock=LOST_CLOCK))
    shift_ms = offsets[row.clock]
    expires_ms = None if row.expires_ms is None else row.expires_ms + shift_ms
    return signed(row._replace(clock=TRUSTED_CLOCK, at_ms=row.at_ms + shift_ms, expires_ms=expires_ms))


def refill(connection: sqlite3.Connection, path: Path, rows: Iterable[Row | Remembered]) -> str:
    """Store them under their old ids, each once; return why it stopped early, or "" if it did not."""
    connection.execute("PRAGMA wal_autocheckpoint = 1")
    for chunk in _chunks(rows):
        # Once in the log, once in the file.
        if free_bytes(path) < 2 * sum(len(row.body) for row in chunk) + _MARGIN_BYTES:
            return f"{path.parent} has {free_bytes(path)} bytes free; the rest stays in the quarantine"
        with transaction(connection):
            connection.executemany(INSERT_IF_NEW, [row for row in chunk if isinstance(row, Row)])
            states = [row for row in chunk if isinstance(row, Remembered)]
            connection.executemany(INSERT_STATE_IF_NEW, states)
    return ""


def _chunks(rows: Iterable[Row | Remembered]) -> Iterator[list[Row | Remembered]]:
    chunk: list[Row | Remembered] = []
    size_bytes = 0
    for row in rows:
        chunk.append(row)
        size_bytes += len(row.body)
        if len(chunk) == _COMMIT_ROWS or size_bytes > _COMMIT_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    yield chunk
