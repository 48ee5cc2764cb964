"""A store taken along: a consistent copy while the daemon runs, and what of it may go on elsewhere."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.access import FILE_MODE
from buffer.change import write_account
from buffer.contents import sync
from buffer.envelope import Priority
from buffer.errors import OutboxCorrupt, OutboxError, translated
from buffer.memory import Remembered
from buffer.quarantine import files_of
from buffer.recovery import refill, restamped
from buffer.rows import Row, id_range, intact
from buffer.schema import MIGRATIONS, connect, connect_read_only, migrate, read_clocks, transaction, version
from buffer.view import depth_by_priority, read_account

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from buffer.retention import Depth

# Their bodies only say where the bytes of a picture lie, and those are not taken along.
_PICTURES_FROM = id_range(Priority.PICTURES)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What went over into a new store, and what did not.

    `pictures` messages stayed behind because the pictures themselves are elsewhere; `damaged` rows and states
    could not be trusted. `incomplete` says why not everything went over, "" if all did.
    """

    by_priority: Mapping[Priority, Depth]
    states: int
    pictures: int
    damaged: int
    incomplete: str


def copy_store(path: Path, target: Path) -> None:
    """Write what the store holds now to the new file `target`, one state of it, its daemon running or not.

    The copy takes the room its rows need, however large the file once was (lang_vacuum.html, VACUUM INTO).
    It is no store to go on with: the running one would use the same keys. See `carry_over`.
    Raises OutboxError if there is none, OutboxCorrupt, OutboxFull.
    """
    with translated(path):
        if not path.exists():
            raise OutboxError(f"{path} does not exist")
        if not os.access(path, os.R_OK):
            raise OutboxError(f"{path} is not for this user to read")
        with closing(connect_read_only(path)) as connection:
            version(connection, path)
            target.touch(FILE_MODE, exist_ok=False)
            try:
                connection.execute("VACUUM INTO ?", (str(target),))
            except BaseException:
                target.unlink()
                raise
    with translated(target):
        sync(target)


def carry_over(source: Path, target: Path) -> Carried:
    """Fill a new store at `target` with what a copy holds: messages, states, the account of losses.

    The new store has a name of its own, so no key is used twice; messages keep theirs, so that the platform
    drops those it has had. Those whose clock was never settled stay unsettled. Nothing of the copy is run:
    a schema that is not ours is refused. Raises OutboxError, OutboxCorrupt, OutboxFull, SchemaTooNew.
    """
    with translated(source), closing(connect_read_only(source)) as old:
        old.execute("PRAGMA trusted_schema = OFF")
        _check_schema(old, source)
        offsets, account = read_clocks(old, source), read_account(old, source)
        pictures = old.execute("SELECT count(*) FROM envelope WHERE id >= ?", (_PICTURES_FROM,)).fetchone()[0]
        wanted = _Wanted(old, offsets)
        with translated(target), closing(connect(target)) as new:
            migrate(new, target)
            with transaction(new):
                write_account(new, account)
            incomplete = refill(new, target, wanted)
            by_priority = depth_by_priority(new, target)
            (states,) = new.execute("SELECT count(*) FROM state").fetchone()
            new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with translated(target):
        sync(target)
    return Carried(
        by_priority=by_priority,
        states=states,
        pictures=pictures,
        damaged=wanted.damaged,
        incomplete=incomplete,
    )


def put_in_place(path: Path, staged: Path, aside: Path) -> None:
    """Let `staged` be the store from now on; the one before is kept as `aside`, with its log.

    The caller holds the writer's lock. Interrupted at any point, it is done by calling it again.
    """
    with translated(path):
        if not staged.exists():
            return
        for old, new in zip(files_of(path), files_of(aside), strict=True):
            if old.exists():
                old.rename(new)
        sync(path.parent)
        staged.rename(path)
        sync(path.parent)


class _Wanted:
    """The rows and states of a copy that can be trusted, as they go on; counts the others."""

    def __init__(self, connection: sqlite3.Connection, offsets: Mapping[int, int]) -> None:
        self._connection = connection
        self._offsets = offsets
        self.damaged = 0

    def __iter__(self) -> Iterator[Row | Remembered]:
        rows = self._connection.execute("SELECT * FROM envelope WHERE id < ? ORDER BY id", (_PICTURES_FROM,))
        for row in map(Row._make, rows):
            if intact(row):
                yield restamped(row, self._offsets)
            else:
                self.damaged += 1
        if self._connection.execute("PRAGMA user_version").fetchone()[0] < 2:
            return
        for state in map(Remembered._make, self._connection.execute("SELECT * FROM state ORDER BY id")):
            if state.is_intact:
                yield state
            else:
                self.damaged += 1


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise unless every object in the file was made by a statement of ours: no view, no trigger."""
    if not version(connection, path):
        raise OutboxCorrupt(f"{path} is empty")
    ours = {_plain(statement) for script in MIGRATIONS for statement in script.split(";")}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema"):
        if sql is not None and _plain(sql) not in ours:
            raise OutboxError(f"{path}: {kind} {name} is none of an outbox; it is not used")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise OutboxCorrupt(f"{path} is damaged: {verdict}")


def _plain(statement: str) -> str:
    return " ".join(statement.split())
