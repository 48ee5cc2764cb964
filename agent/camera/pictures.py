"""Pictures on their way to the platform: bytes in the spool, an index of pieces in the outbox.

The vision worker leaves a picture with `buffer.contents.deposit` and names it; `Pictures.add` makes it
durable, announces it, and puts an envelope for each piece in the outbox whose body only says where its bytes
are. They are read when the piece is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol, Self, TypeVar
from zlib import crc32

import orjson

from agent import wire
from buffer.contents import Damaged, Missing
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError
from buffer.spool import KEEP_FREE_BYTES, Spool, SpoolStats

T = TypeVar("T")

PIECE_BYTES = 32 * 1024
"""What an alarm waits behind on a slow line: 4 s at 64 kbit/s."""

GRACE_S = 600.0
"""A file that no envelope stands for is removed this long after the start."""

MOST_REMEMBERED = 1000
"""Lost pictures remembered, so that each is told once."""

_ASKED_FOR = {"event", "requested", "quality"}


class Gone(OutboxError):
    """The bytes of a piece are not there any more, or not what they were: `reason` is evicted or damaged."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Piece(NamedTuple):
    """Which bytes an envelope stands for; its body is this as a JSON list."""

    picture: str
    offset: int
    length: int
    crc: int
    camera: str

    @classmethod
    def of(cls, envelope: Envelope) -> Self | None:
        """None for a message that stands for itself."""
        if envelope.priority < Priority.PICTURES or not envelope.body.startswith(b"["):
            return None
        return cls(*orjson.loads(envelope.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the worker tells of a picture it has left; `why` is scheduled, event, requested or quality."""

    id: str
    camera: str
    at_ms: int
    settled: bool
    width: int
    height: int
    why: str
    way: str
    masked: bool
    event: str | None = None
    score: float | None = None
    faults: tuple[str, ...] = ()
    mime: str = "image/jpeg"

    @property
    def priority(self) -> Priority:
        """What was asked for goes before what was not, and is given up after it."""
        return Priority.PICTURES if self.why in _ASKED_FOR else Priority.SCHEDULED


@dataclass(slots=True)
class Counters:
    """Pictures since the start; `lost` by reason."""

    added: int = 0
    repeated: int = 0
    delivered: int = 0
    pieces: int = 0
    bytes: int = 0
    lost: dict[str, int] = field(default_factory=dict)


class Posting(Protocol):
    """The part of the router that is needed."""

    def post(self, envelopes: Sequence[Envelope]) -> None: ...


class Keeping(Protocol):
    """The part of the store that is needed."""

    def next_key(self) -> str: ...
    async def put(self, envelopes: Sequence[Envelope]) -> object: ...
    async def visit(self, first: Priority, visitor: Callable[[Envelope], None]) -> None: ...


class Pictures:
    """All methods belong to the loop's thread; the spool has one of its own."""

    def __init__(
        self,
        spool: Spool,
        thread: ThreadPoolExecutor,
        store: Keeping,
        router: Posting,
        *,
        topic: str,
        piece_bytes: int,
    ) -> None:
        self.counters = Counters()
        self._spool = spool
        self._thread = thread
        self._store = store
        self._router = router
        self._topic = topic
        self._piece_bytes = piece_bytes
        self._left: dict[str, int] = {}
        self._lost: dict[str, None] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        root: Path,
        store: Keeping,
        router: Posting,
        *,
        topic: str,
        max_bytes: int,
        max_files: int,
        keep_free_bytes: int = KEEP_FREE_BYTES,
        piece_bytes: int = PIECE_BYTES,
        unwritten: Iterable[Envelope] = (),
    ) -> AsyncIterator[Pictures]:
        """The pictures under `root`; `topic` is that of the manifests.

        `unwritten` is what a predecessor could not write and the router carries on.

        Raises:
            OutboxError: the directory cannot be used, or the store cannot be read.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool") as thread:
            opening = partial(
                Spool.open, root, max_bytes=max_bytes, max_files=max_files, keep_free_bytes=keep_free_bytes
            )
            spool = await loop.run_in_executor(thread, opening)
            try:
                pictures = cls(spool, thread, store, router, topic=topic, piece_bytes=piece_bytes)
                await pictures._find(unwritten)
                yield pictures
            finally:
                await asyncio.shield(loop.run_in_executor(thread, spool.close))

    async def run(self, promise: Callable[[float], None]) -> NoReturn:
        """Remove what no envelope stands for, after the grace, and what nobody claims.

        Raises:
            OutboxError: the disk refuses.
        """
        while True:
            promise(GRACE_S + 60.0)
            await asyncio.sleep(GRACE_S)
            await self._run(self._spool.forget_strangers)
            await self._run(self._spool.sweep)

    async def add(self, picture: Picture) -> None:
        """Take over what the worker has deposited: on disk when it returns, its index with the next commit.

        The platform has it already, or will have, where the same bytes came before: then only the manifest
        goes out.

        Raises:
            OutboxError: Missing, Damaged, OutboxFull; the picture is given up, the deposit is gone.
        """
        content, fresh = await self._run(lambda: self._spool.adopt(picture.id, picture.priority))
        pieces = list(cut(content, picture.id, picture.camera, self._piece_bytes)) if fresh else []
        announced = Envelope(
            key=self._store.next_key(),
            topic=self._topic,
            priority=picture.priority,
            at_ms=picture.at_ms,
            settled=picture.settled,
            items=0,
            expires_ms=None,
            body=wire.encode(announcement(picture, len(content), self._piece_bytes)),
        )
        self._router.post([announced, *(self._wrap(piece, announced) for piece in pieces)])
        self.counters.added += 1
        self.counters.repeated += not fresh
        if pieces:
            self._lost.pop(picture.id, None)
            self._left[picture.id] = len(pieces)

    async def payload(self, piece: Piece) -> bytes:
        """The bytes of a piece, as they were when the picture was added.

        Raises:
            Gone: there are none.
            OutboxError: they cannot be read now.
        """
        if piece.picture in self._lost:
            raise Gone("evicted", f"picture {piece.picture} was given up")
        try:
            part = await self._run(lambda: self._spool.read(piece.picture, piece.offset, piece.length))
        except (Missing, Damaged) as error:
            raise Gone(error.reason, str(error)) from None
        if crc32(part) != piece.crc:
            where = f"bytes {piece.offset} to {piece.offset + piece.length}"
            raise Gone("damaged", f"picture {piece.picture}: {where} are not what was stored")
        return part

    async def split(self, piece: Piece, envelope: Envelope, content: bytes, most_bytes: int) -> None:
        """Put smaller pieces in the place of one that the broker would not take; durable when it returns.

        Raises:
            OutboxError: the disk refuses.
        """
        parts = [
            part._replace(offset=part.offset + piece.offset)
            for part in cut(content, piece.picture, piece.camera, most_bytes)
        ]
        await self._store.put([self._wrap(part, envelope) for part in parts])
        if piece.picture in self._left:
            self._left[piece.picture] += len(parts) - 1

    def delivered(self, piece: Piece) -> None:
        """The platform has it; after the last one the file stays only while there is room."""
        self.counters.pieces += 1
        self.counters.bytes += piece.length
        left = self._left.pop(piece.picture, 0) - 1
        if left > 0:
            self._left[piece.picture] = left
        elif left == 0:
            self.counters.delivered += 1
            self._later(lambda: self._spool.deliver(piece.picture))

    def lost(self, piece: Piece, envelope: Envelope, reason: str) -> bool:
        """A piece will never be sent, so its picture is given up; whether that is news."""
        if piece.picture in self._lost:
            return False
        self._lost[piece.picture] = None
        for old in list(self._lost)[:-MOST_REMEMBERED]:
            del self._lost[old]
        self._left.pop(piece.picture, None)
        self.counters.lost[reason] = self.counters.lost.get(reason, 0) + 1
        self._later(lambda: self._spool.remove(piece.picture))
        body = wire.encode(farewell(piece.picture, piece.camera, reason))
        self._router.post([replace(envelope, key=self._store.next_key(), topic=self._topic, body=body)])
        return True

    async def figures(self) -> dict[str, Any]:
        """For status: pictures since the start, and under `spool` what lies on disk."""
        spool: SpoolStats = await self._run(self._spool.stats)
        return {**asdict(self.counters), "spool": asdict(spool)}

    def _wrap(self, piece: Piece, beside: Envelope) -> Envelope:
        return replace(
            beside,
            key=self._store.next_key(),
            topic=wire.piece_topic(self._topic, piece.picture, piece.offset),
            body=orjson.dumps(list(piece)),
        )

    async def _find(self, unwritten: Iterable[Envelope]) -> None:
        """What the outbox still holds pieces of is expected in the spool."""
        ranks: dict[str, int] = {}

        def count(envelope: Envelope) -> None:
            if piece := Piece.of(envelope):
                self._left[piece.picture] = self._left.get(piece.picture, 0) + 1
                ranks[piece.picture] = envelope.priority

        await self._store.visit(Priority.PICTURES, count)
        for envelope in unwritten:
            count(envelope)
        await self._run(lambda: [self._spool.expect(name, rank) for name, rank in ranks.items()])

    def _later(self, call: Callable[[], None]) -> None:
        """What may fail: the file then stays until its room is needed, or a restart finds it."""

        def attempt() -> None:
            with suppress(OutboxError):
                call()

        self._thread.submit(attempt)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def cut(content: bytes, picture: str, camera: str, piece_bytes: int) -> Iterator[Piece]:
    """The pieces of a picture, in order."""
    for offset in range(0, len(content), piece_bytes):
        part = content[offset : offset + piece_bytes]
        yield Piece(picture, offset, len(part), crc32(part), camera)


def announcement(picture: Picture, size: int, piece_bytes: int) -> Mapping[str, Any]:
    """The manifest of a picture of `size` bytes."""
    body = {
        "id": picture.id, "camera": picture.camera, "state": "announced", "mime": picture.mime,
        "bytes": size, "piece_bytes": piece_bytes, "why": picture.why, "way": picture.way,
        "width": picture.width, "height": picture.height, "event": picture.event, "masked": picture.masked,
        "score": picture.score, "faults": list(picture.faults),
    }  # fmt: skip
    return {name: value for name, value in body.items() if value is not None}


def farewell(picture: str, camera: str, reason: str) -> Mapping[str, Any]:
    """The manifest of a picture that will not come."""
    return {"id": picture, "camera": camera, "state": "lost", "reason": reason}
