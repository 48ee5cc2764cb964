"""The database file: how it is opened, its numbered schema, and who the store says it is."""

from __future__ import annotations

import sqlite3
from base64 import b32encode
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import TYPE_CHECKING
from urllib.parse import quote
from zlib import crc32

from buffer.access import keep_private
from buffer.errors import OutboxCorrupt, OutboxError, SchemaTooNew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE_BYTES = 4096
AUTOCHECKPOINT_PAGES = 1000
_APPLICATION_ID = 0x706C6774
# The clock of settled envelopes; an unsettled one carries the number of the boot that stamped it.
TRUSTED_CLOCK = 0
# Above AUTOCHECKPOINT_PAGES * PAGE_BYTES, so that the WAL is reused in place and not cut at each checkpoint.
_WAL_LIMIT_BYTES = 8 * 2**20
_BUSY_TIMEOUT_S = 5.0

# meta.crc guards store and boots: a flipped bit there would use keys a second time. meta.seal is NULL while
# the store is open, and else tells what it held when it was closed. clock.crc guards the offset.
# envelope.id: buffer.retention.Waiting. envelope.clock: 0 settled, else the boot that stamped the times;
# `clock` says by how much that boot's clock was off, so that settling it is one small row.
# Only rows that can expire cost an index entry. body comes last, so that it is read only when asked for.
# state has no index on name (buffer.memory.Memory knows the ids): 3 KiB cost one page, WITHOUT ROWID three.
# Schema 3 has the tables of 2: an older polegate would take the priorities of pictures for damage.
MIGRATIONS = (
    """
    CREATE TABLE meta (
        store TEXT NOT NULL, boots INTEGER NOT NULL, crc INTEGER NOT NULL, seal INTEGER
    );
    CREATE TABLE clock (id INTEGER PRIMARY KEY, offset_ms INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE envelope (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, topic TEXT NOT NULL, clock INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, expires_ms INTEGER, items INTEGER NOT NULL, crc INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX expiry ON envelope (clock, expires_ms) WHERE expires_ms IS NOT NULL;
    CREATE TABLE dead (
        number INTEGER PRIMARY KEY, priority INTEGER NOT NULL, key TEXT NOT NULL, topic TEXT NOT NULL,
        at_ms INTEGER NOT NULL, settled INTEGER NOT NULL, expires_ms INTEGER, items INTEGER NOT NULL,
        body_bytes INTEGER NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL
    );
    CREATE TABLE loss (
        reason TEXT NOT NULL, priority INTEGER NOT NULL, batches INTEGER NOT NULL, items INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, first_at_ms INTEGER, last_at_ms INTEGER,
        PRIMARY KEY (reason, priority)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE state (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL
    );
    """,
    "",
)


_FORGET_CLOCKS = """
DELETE FROM clock WHERE id > 0
AND id < ifnull((SELECT min(clock) FROM envelope WHERE clock > 0), (SELECT boots FROM meta))
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which store this is and how often it was opened for writing; together they make the epoch."""

    store: str
    boots: int

    @property
    def epoch(self) -> str:
        return f"{self.store}.{self.boots}"

    @property
    def crc(self) -> int:
        return crc32(self.epoch.encode())


def new_identity() -> Identity:
    """Name a fresh store: 40 random bits as 8 letters of lower-case base32 (RFC 4648 section 6)."""
    return Identity(b32encode(token_bytes(5)).decode().lower(), 0)


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the database for its only writer; the connection belongs to the calling thread.

    It and its log are for the owner and the group alone, see `buffer.access`.

    Raises SchemaTooNew, OutboxError if the file is not ours (it is left alone) or the file system cannot hold
    a WAL, sqlite3.Error for the rest.
    """
    keep_private(path)
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _configure(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path, *, index_log: bool = False) -> sqlite3.Connection:
    """Open an existing database; neither it nor its log is changed by using or closing this connection.

    No other file is written either, but the index of the log if `index_log`. Without a log the daemon is
    stopped and SQLite would create one, under our user instead of the daemon's; beside an empty file it
    would delete the log.
    """
    has_log = wal_of(path).exists() and path.stat().st_size > 0
    how = "mode=ro" if index_log else "mode=ro&readonly_shm=1"
    uri = f"file:{quote(str(path))}?{how if has_log else 'immutable=1'}"
    connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, uri=True, isolation_level=None)
    connection.text_factory = readable_text
    return connection


def wal_of(path: Path) -> Path:
    """Return the name SQLite gives the write-ahead log of `path`."""
    return path.with_name(f"{path.name}-wal")


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    connection.text_factory = readable_text
    version(connection, path)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = NONE")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise OutboxError(
            f"{path}: expected a write-ahead log, got journal mode {mode}; "
            "put the outbox on a local file system (ext4, f2fs)"
        )
    connection.execute("PRAGMA synchronous = FULL")
    # Debian builds SQLite to overwrite what is deleted: every freed page would go to flash once more.
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")


def readable_text(raw: bytes) -> str:
    """Decode a column; damaged UTF-8 must reach the checksum instead of raising."""
    return raw.decode("utf-8", "replace")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all or nothing; durable when it returns."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after a full disk or an I/O error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema number, 0 for an empty file.

    Raises SchemaTooNew above ours, OutboxError if the file is some other program's database.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and owner != _APPLICATION_ID:
        raise OutboxError(
            f"{path}: expected an outbox, got another program's database "
            f"(application id {owner:#x}); name another file"
        )
    if found > len(MIGRATIONS):
        raise SchemaTooNew(
            f"{path} has schema {found}, this polegate knows up to {len(MIGRATIONS)}; "
            "install the polegate that wrote it, or move the file away"
        )
    return int(found)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to ours, one transaction for each number; a fresh file gets its identity."""
    found = version(connection, path)
    for number, script in enumerate(MIGRATIONS[found:], found + 1):
        with transaction(connection):
            for statement in script.split(";"):
                connection.execute(statement)
            if number == 1:
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                fresh = new_identity()
                values = (fresh.store, fresh.boots, fresh.crc)
                connection.execute("INSERT INTO meta VALUES (?, ?, ?, NULL)", values)
                write_clock(connection, TRUSTED_CLOCK, 0)
            connection.execute(f"PRAGMA user_version = {number}")


def identity(connection: sqlite3.Connection, path: Path) -> Identity:
    """Read who the store is; raises OutboxCorrupt if that cannot be trusted."""
    row = connection.execute("SELECT store, boots, crc FROM meta").fetchone()
    if row is None or Identity(*row[:2]).crc != row[2]:
        raise OutboxCorrupt(f"{path} is damaged: its boot counter cannot be trusted; it must be salvaged")
    return Identity(*row[:2])


def count_boot(connection: sqlite3.Connection, path: Path) -> Identity:
    """Count this opening, durably, and break the seal until the store is closed.

    Clocks older than any stored envelope are forgotten, so that the table stays small.
    The checkpoint puts the counter into the database file itself: a WAL damaged later cannot take it back.
    """
    before = identity(connection, path)
    after = replace(before, boots=before.boots + 1)
    with transaction(connection):
        connection.execute("UPDATE meta SET boots = ?, crc = ?, seal = NULL", (after.boots, after.crc))
        connection.execute(_FORGET_CLOCKS)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return after


def write_clock(connection: sqlite3.Connection, number: int, offset_ms: int) -> None:
    """Say how far the clock `number` was off; the first word on it stands."""
    values = (number, offset_ms, _clock_crc(number, offset_ms))
    connection.execute("INSERT OR IGNORE INTO clock VALUES (?, ?, ?)", values)


def read_clocks(connection: sqlite3.Connection, path: Path) -> dict[int, int]:
    """Return the offset of each settled clock in ms; raises OutboxCorrupt if one cannot be trusted."""
    offsets = {}
    for number, offset_ms, crc in connection.execute("SELECT id, offset_ms, crc FROM clock"):
        if _clock_crc(number, offset_ms) != crc:
            raise OutboxCorrupt(f"{path} is damaged: clock {number} cannot be trusted; it must be salvaged")
        offsets[number] = offset_ms
    return offsets


def _clock_crc(number: int, offset_ms: int) -> int:
    return crc32(f"{number}|{offset_ms}".encode())
