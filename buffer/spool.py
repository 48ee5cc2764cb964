"""The spool: large contents as files named by their hash, within a budget of bytes and files.

    incoming/HASH.jpg    left by another process with `deposit`, not ours yet
    ab/HASH.jpg          waits to be delivered
    ab/HASH.sent.jpg     delivered, kept while there is room

A file is on disk, whole, before its name is there. Nothing depends on the time of day: what waits is put in
order by whoever names it to `expect`, what was delivered goes by the age of the file.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from buffer.access import FOLDER_MODE, shut
from buffer.contents import SENT, WAITING, Damaged, Missing, Stored, checked, find, read, sync, write
from buffer.errors import OutboxFull, translated
from buffer.lock import writer_lock
from buffer.reserve import free_bytes

if TYPE_CHECKING:
    from pathlib import Path

KEEP_FREE_BYTES = 64 * 2**20
"""Left on the disk for the outbox, whatever the budget says."""


@dataclass(slots=True)
class Given:
    """What was given up since the start, in files: delivered or not, strangers that nobody named."""

    delivered: int = 0
    waiting: int = 0
    strangers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolStats:
    """Files and bytes by state, the budget, and what was given up for it."""

    waiting: int
    waiting_bytes: int
    delivered: int
    delivered_bytes: int
    max_bytes: int
    max_files: int
    evicted: int
    evicted_delivered: int
    strangers: int


@dataclass(slots=True)
class _File:
    size: int
    rank: int


class Spool:
    """The owner's view; one thread at a time. Any method may raise OutboxError, on a full disk OutboxFull.

    `rank` says what goes first when there is no room: the highest, and the oldest of these. What was found
    waiting at the start is a stranger until `expect` names it, or `forget_strangers` ends that.
    """

    def __init__(self, root: Path, *, max_bytes: int, max_files: int, keep_free_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._keep_free_bytes = keep_free_bytes
        self._waiting: dict[str, _File] = {}
        self._sent: dict[str, _File] = {}
        self._strangers: dict[str, _File] = {}
        self._bytes = 0
        self._unclaimed: set[str] = set()
        self._given = Given()
        self._resources = ExitStack()

    @classmethod
    def open(
        cls, root: Path, *, max_bytes: int, max_files: int, keep_free_bytes: int = KEEP_FREE_BYTES
    ) -> Self:
        """Open or create the spool, for this process alone; what was left incoming or unfinished is removed.

        Raises OutboxInUse, OutboxError.
        """
        spool = cls(root, max_bytes=max_bytes, max_files=max_files, keep_free_bytes=keep_free_bytes)
        with ExitStack() as resources, translated(root):
            root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with suppress(PermissionError):  # of another owner
                shut(root)
            resources.enter_context(writer_lock(root / "spool"))
            incoming = root / "incoming"
            incoming.mkdir(mode=FOLDER_MODE, exist_ok=True)
            for leftover in incoming.iterdir():
                leftover.unlink()
            spool._take_stock()
            spool._resources = resources.pop_all()
        return spool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process open it."""
        self._resources.close()

    def __contains__(self, name: object) -> bool:
        return name in self._waiting or name in self._sent or name in self._strangers

    def put(self, content: bytes, rank: int) -> Stored:
        """Store `content`, durably, as waiting. What is there already is not written again."""
        stored = Stored(sha256(content).hexdigest(), len(content))
        if not self._has(stored.hash):
            self._make_room(stored.size, rank)
            with translated(self._root):
                write(self._folder(stored.hash) / f"{stored.hash}{WAITING}", content, durable=True)
            self._take_in(stored, rank)
        return stored

    def adopt(self, name: str, rank: int) -> tuple[bytes, bool]:
        """Take what was left with `deposit`, durably, as waiting; return it, and whether it is new here.

        Raises Missing, Damaged (it is removed), OutboxFull (it is removed: no room but for dearer ones).
        """
        left = self._root / "incoming" / f"{checked(name)}{WAITING}"
        with translated(self._root):
            try:
                content = left.read_bytes()
            except FileNotFoundError:
                raise Missing(f"{left} is not there; it must be left before it is named") from None
            try:
                if sha256(content).hexdigest() != name:
                    raise Damaged(f"{left} does not have the content that its name says")
                fresh = not self._has(name)
                if fresh:
                    self._move_in(left, Stored(name, len(content)), rank)
            finally:
                left.unlink(missing_ok=True)
        return content, fresh

    def _move_in(self, left: Path, stored: Stored, rank: int) -> None:
        self._make_room(stored.size, rank)
        sync(left)
        folder = self._folder(stored.hash)
        left.rename(folder / left.name)
        sync(folder)
        self._take_in(stored, rank)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return that part of a content. Raises Missing, and Damaged if the file has become shorter."""
        path = self._path(checked(name))
        with translated(path):
            try:
                return read(path, offset, length)
            except FileNotFoundError:
                self._drop(name)
                raise Missing(f"{path} is not there any more") from None

    def expect(self, name: str, rank: int) -> bool:
        """Say that what was found at the start still waits, in the order of the calls; whether it is here."""
        file = self._strangers.pop(name, None)
        if file:
            self._waiting[name] = _File(file.size, rank)
        return name in self

    def is_waiting(self, name: str) -> bool:
        """Whether it waits to be delivered."""
        return name in self._waiting

    def deliver(self, name: str) -> None:
        """It has arrived: it stays only while there is room. A power cut may undo this."""
        file = self._waiting.pop(name, None)
        if file:
            folder = self._root / name[:2]
            with translated(folder), suppress(FileNotFoundError):
                (folder / f"{name}{WAITING}").rename(folder / f"{name}{SENT}")
            self._sent[name] = file

    def remove(self, name: str) -> None:
        """Give it up; of no effect if it is not there."""
        path = self._path(checked(name))
        with translated(path):
            path.unlink(missing_ok=True)
        self._drop(name)

    def forget_strangers(self) -> int:
        """Remove what was found at the start and named by nobody since; returns how many."""
        strangers = list(self._strangers)
        for name in strangers:
            self.remove(name)
        self._given.strangers += len(strangers)
        return len(strangers)

    def sweep(self) -> None:
        """Remove what has lain incoming since the last sweep: whoever left it died before naming it."""
        with translated(self._root):
            there = {file.name for file in (self._root / "incoming").iterdir()}
            for name in there & self._unclaimed:
                (self._root / "incoming" / name).unlink(missing_ok=True)
        self._unclaimed = there - self._unclaimed

    def stats(self) -> SpoolStats:
        """Strangers count as waiting."""
        waiting = [*self._waiting.values(), *self._strangers.values()]
        return SpoolStats(
            waiting=len(waiting),
            waiting_bytes=sum(file.size for file in waiting),
            delivered=len(self._sent),
            delivered_bytes=sum(file.size for file in self._sent.values()),
            max_bytes=self._max_bytes,
            max_files=self._max_files,
            evicted=self._given.waiting,
            evicted_delivered=self._given.delivered,
            strangers=self._given.strangers,
        )

    def _take_stock(self) -> None:
        found = sorted(find(self._root), key=lambda file: (file.modified_s, file.name))
        self._bytes = sum(file.size for file in found)
        self._sent = {file.name: _File(file.size, 0) for file in found if file.sent}
        self._strangers = {file.name: _File(file.size, 0) for file in found if not file.sent}

    def _has(self, name: str) -> bool:
        """A stranger is written anew: nobody has looked into it."""
        if name in self._strangers:
            self._drop(name)
        return name in self

    def _make_room(self, size: int, rank: int) -> None:
        """Give up what was delivered, then what waits and is not dearer than `rank`; or refuse."""
        while self._bytes + size > self._max_bytes or self._count >= self._max_files:
            victim = self._victim(rank) if size <= self._max_bytes else None
            if victim is None:
                raise OutboxFull(
                    f"{self._root} is full: {self._count} files, {self._bytes} of {self._max_bytes} bytes, "
                    f"and what waits there is worth more than this one of {size}; raise the budget"
                )
            self._evict(victim)
        with translated(self._root):
            while free_bytes(self._root / "spool") < size + self._keep_free_bytes:
                if not self._sent:
                    raise OutboxFull(
                        f"{self._root}: less than {self._keep_free_bytes} bytes would be left on the disk, "
                        "which the readings need; free some space"
                    )
                self._evict(next(iter(self._sent)))

    def _victim(self, rank: int) -> str | None:
        if self._sent:
            return next(iter(self._sent))
        cheapest = max((file.rank for file in self._waiting.values()), default=-1)
        if cheapest < rank:
            return None
        return next(name for name, file in self._waiting.items() if file.rank == cheapest)

    def _evict(self, name: str) -> None:
        if name in self._sent:
            self._given.delivered += 1
        else:
            self._given.waiting += 1
        self.remove(name)

    def _drop(self, name: str) -> None:
        for files in (self._waiting, self._sent, self._strangers):
            if file := files.pop(name, None):
                self._bytes -= file.size

    def _take_in(self, stored: Stored, rank: int) -> None:
        self._waiting[stored.hash] = _File(stored.size, rank)
        self._bytes += stored.size

    @property
    def _count(self) -> int:
        return len(self._waiting) + len(self._sent) + len(self._strangers)

    def _path(self, name: str) -> Path:
        kind = SENT if name in self._sent else WAITING
        return self._root / name[:2] / f"{name}{kind}"

    def _folder(self, name: str) -> Path:
        """Made when it is first needed: 256 of them would take a megabyte."""
        folder = self._root / name[:2]
        if not folder.is_dir():
            folder.mkdir(mode=FOLDER_MODE)
            sync(self._root)
        return folder
