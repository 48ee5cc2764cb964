"""From the outbox to one connection: in order, a window full at a time, each message until its PUBACK."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from typing import NoReturn

from agent import wire
from agent.camera.pictures import Gone, Piece
from agent.store import Now, Store
from agent.uplink.client import Puback
from agent.uplink.connection import Connection, publish_bytes
from agent.uplink.diagnosis import quoted
from agent.uplink.errors import ConnectionLost
from agent.uplink.poison import Poison
from agent.uplink.share import LEAST_PIECE_BYTES, Pictures, Share
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError
from drivers.backoff import Backoff

IDLE_S = 5.0
"""Look again after this long, and commit what was acknowledged if no put has done so."""

MOST_UNCONFIRMED = 1000
"""Keys remembered to count repeats by; some of the messages may have been evicted since."""

_MORE_DIGITS = 12  # that the offset in the topic of a smaller piece may have

_FAILURE = 0x80
_HOPELESS = {0x90: "topic name invalid", 0x99: "payload format invalid"}
"""PUBACK reason codes after which the same message would fail again (MQTT 5, 3.4.2.1)."""

_REFUSALS = {
    0x80: "for a reason it does not tell",
    0x83: "for a reason of its own",
    0x87: "because this client may not publish there: ask its operator to allow polegate/# to this user",
    0x91: "because of a packet id in use",
    0x97: "because a quota is used up: ask its operator",
}


class Hold:
    """Unsettled telemetry waits for the clock, at most `hold_s` from the start of the daemon."""

    def __init__(self, hold_s: float, *, trusted: bool) -> None:
        clock = asyncio.get_running_loop().time
        self._clock = clock
        self._until_s = -inf if trusted else clock() + hold_s

    @property
    def left_s(self) -> float:
        """How much longer to wait; 0 or less: no longer."""
        return self._until_s - self._clock()

    def release(self) -> None:
        """The clock is trusted and the store is settled."""
        self._until_s = -inf


@dataclass(slots=True)
class Counters:
    """Since the start of the daemon; `repeated` are those of the published that were sent before."""

    published: int = 0
    acknowledged: int = 0
    repeated: int = 0
    refused: int = 0
    rejected: int = 0
    bytes: int = 0
    puback_s: float | None = None
    """From sending to the PUBACK, of the latest message."""

    @property
    def settled(self) -> int:
        """Messages that the uplink is done with."""
        return self.acknowledged + self.rejected


@dataclass(slots=True)
class Record:
    """What is remembered from one connection to the next."""

    counters: Counters = field(default_factory=Counters)
    poison: Poison = field(default_factory=Poison)
    unconfirmed: dict[str, None] = field(default_factory=dict)
    """Keys that were sent and not acknowledged when their connection ended; the last of them."""

    def doubt(self, keys: Iterable[str]) -> None:
        """These were in flight when their connection ended; of those before, keep what memory allows."""
        self.unconfirmed |= dict.fromkeys(keys)
        for key in list(self.unconfirmed)[:-MOST_UNCONFIRMED]:
            del self.unconfirmed[key]


Entry = tuple[int, Envelope]


class Drain:
    """The traffic of one connection. `refusing` is told what the broker refuses, and "" when it takes it.

    `turn` is called between the steps, for what else is to be done; it returns s until it wants to be again.
    """

    def __init__(
        self,
        connection: Connection,
        store: Store,
        hold: Hold,
        record: Record,
        *,
        now: Now,
        refusing: Callable[[str], None],
        turn: Callable[[], float],
        pictures: Pictures | None = None,
    ) -> None:
        self._connection = connection
        self._store = store
        self._hold = hold
        self._record = record
        self._now = now
        self._refusing = refusing
        self._turn = turn
        self._ready: deque[Entry] = deque()
        self._sent: dict[int, Entry] = {}
        self._resting: list[Entry] = []
        self._refused: set[str] = set()
        self._waits = Backoff(2.0, 300.0)
        self._pictures = pictures
        self._clock = asyncio.get_running_loop().time
        self._share = Share(self._clock)
        self._resume_s = inf
        self._turn_s = 0.0
        self._flush_s = self._clock() + IDLE_S

    async def run(self, promise: Callable[[float], None]) -> NoReturn:
        """Send what the store holds, for ever; `promise(s)` is called before each wait.

        Raises:
            ConnectionLost: the connection has ended.
            PublishTimeout: it is of no more use.
            OutboxError: the store cannot be read.
        """
        self._store.drained = self._store.emptied = False
        try:
            while True:
                promise(60.0)
                self._store.arrived.clear()
                self.collect()
                self._connection.check()
                self._turn_s = self._clock() + self._turn()
                await self._fill()
                await self._flush_if_due()
                await self._rest()
        except ConnectionLost as error:
            self.collect()
            if error.hung_up:
                self._blame(error)
            raise

    async def finish(self, within_s: float) -> None:
        """Wait for the PUBACKs of everything in flight, nothing new is sent."""
        try:
            async with asyncio.timeout(within_s):
                while self._connection.in_flight:
                    self._store.arrived.clear()
                    self.collect()
                    self._connection.check()
                    if self._connection.in_flight:
                        await self._store.arrived.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Give back to the store what was not acknowledged."""
        self.collect()
        self._record.doubt(envelope.key for _, envelope in self._sent.values())
        self._store.release()

    def collect(self) -> None:
        """Mark what the broker has acknowledged, or refused."""
        for puback in self._connection.acknowledgements():
            entry = self._sent.pop(puback.mid, None)
            self._record.counters.puback_s = round(self._connection.puback_s, 6)
            if puback.code >= _FAILURE:
                self._refuse(entry, puback)
            elif entry is not None:
                self._accept(*entry)

    def _accept(self, number: int, envelope: Envelope) -> None:
        self._store.accept(number)
        self._share.done(envelope.key, taken=True)
        if self._pictures and (piece := Piece.of(envelope)):
            self._pictures.delivered(piece)
        self._record.counters.acknowledged += 1
        self._record.poison.passed(envelope.key)
        self._record.unconfirmed.pop(envelope.key, None)
        if envelope.key in self._refused:
            self._refused.remove(envelope.key)
            if not self._refused:
                self._waits.reset()
                self._refusing("")

    def _refuse(self, entry: Entry | None, puback: Puback) -> None:
        """A refused message is either hopeless, or keeps its place in the window until it is sent again."""
        self._record.counters.refused += 1
        if entry and puback.code in _HOPELESS:
            self._reject(
                *entry, f"the broker refused it: {_HOPELESS[puback.code]} {quoted(puback.said)}".rstrip()
            )
            return
        if entry:
            self._set_aside(*entry)
        topic = entry[1].topic if entry else "status or inventory"
        self._refused.add(entry[1].key if entry else topic)
        why = _REFUSALS.get(puback.code, f"with reason code 0x{puback.code:02x}")
        said = f" (it says: {quoted(puback.said)})" if puback.said else ""
        self._refusing(f"the broker refused a message on {topic} {why}{said}; it is kept and sent again")

    def _reject(self, number: int, envelope: Envelope, why: str, *, reason: str = "refused") -> None:
        """A picture that loses a piece is lost: one dead letter tells it, the other pieces follow without."""
        self._share.done(envelope.key, taken=False)
        piece = Piece.of(envelope)
        if piece and self._pictures and not self._pictures.lost(piece, envelope, reason):
            self._store.drop(number)
        else:
            self._store.reject(number, why)
        self._record.counters.rejected += 1
        self._record.unconfirmed.pop(envelope.key, None)

    def _blame(self, error: ConnectionLost) -> None:
        """The broker hung up: perhaps because of the oldest message in flight."""
        mid, entry = next(iter(self._sent.items()), (0, None))
        poison, answered = self._record.poison, self._connection.answered
        if entry and poison.hung_up(entry[1].key, answered=answered):
            del self._sent[mid]
            self._reject(*entry, f"the broker hung up on it, three times in a row: {error}")

    @property
    def _room(self) -> float:
        window = min(self._connection.window, self._record.poison.window)
        return window - self._connection.in_flight - len(self._resting)

    async def _fill(self) -> None:
        if self._resting and self._clock() >= self._resume_s:
            self._ready.extendleft(reversed(self._resting))
            self._resting.clear()
        while self._room > 0 and (self._ready or await self._take()):
            await self._send(*self._ready.popleft())
        while self._pictures and not self._store.arrived.is_set() and await self._take_picture():
            await self._send(*self._ready.popleft())

    async def _take_picture(self) -> bool:
        """One, if nothing else is to be sent and there is room for it among the others in flight."""
        window = min(self._connection.window, self._record.poison.window)
        if self._ready or self._store.emptied or self._room <= 0 or not self._share.room(window):
            return False
        self._ready.extend(await self._store.take_pictures(1, hold=self._hold.left_s > 0))
        return bool(self._ready)

    async def _take(self) -> bool:
        if self._store.drained:
            return False
        self._ready.extend(await self._store.take(self._connection.window, hold=self._hold.left_s > 0))
        return bool(self._ready)

    async def _send(self, number: int, envelope: Envelope) -> None:
        piece = Piece.of(envelope) if self._pictures else None
        if piece and self._pictures:
            await self._send_piece(number, envelope, piece, self._pictures)
            return
        now_ms, _ = self._now()
        payload = wire.seal(envelope, now_ms)
        size = publish_bytes(envelope.topic, payload, expires=envelope.expires_ms is not None)
        if size > self._connection.maximum_bytes:
            self._reject(number, envelope, self._too_large(size))
            return
        self._publish(number, envelope, payload, _lifetime_s(envelope, now_ms))

    def _publish(self, number: int, envelope: Envelope, payload: bytes, expires_s: int | None = None) -> None:
        mid = self._connection.publish(envelope.topic, payload, expires_s=expires_s)
        self._sent[mid] = number, envelope
        if envelope.priority >= Priority.PICTURES:
            self._share.sent(envelope.key)
        counters = self._record.counters
        counters.published += 1
        counters.bytes += len(payload)
        counters.repeated += envelope.key in self._record.unconfirmed

    async def _send_piece(self, number: int, envelope: Envelope, piece: Piece, pictures: Pictures) -> None:
        """A picture that has lost bytes is given up; what cannot be read now rests like a refused message."""
        try:
            payload = await pictures.payload(piece)
            size = publish_bytes(envelope.topic, payload, expires=False)
            excess = size - self._connection.maximum_bytes
            if excess <= 0:
                self._publish(number, envelope, payload)
            elif (fits := int(len(payload) - excess) - _MORE_DIGITS) >= LEAST_PIECE_BYTES:
                await pictures.split(piece, envelope, payload, fits)
                self._store.accept(number)
            else:
                self._reject(number, envelope, self._too_large(size), reason="too_large")
        except Gone as gone:
            if gone.reason == "evicted":
                pictures.lost(piece, envelope, gone.reason)
                self._store.drop(number)
            else:
                self._reject(number, envelope, str(gone), reason=gone.reason)
        except OutboxError:
            self._set_aside(number, envelope)
            self._share.sent(envelope.key)
            self._refused.add(envelope.key)

    def _set_aside(self, number: int, envelope: Envelope) -> None:
        """Keep its place in the window until it is tried again."""
        if not self._resting:
            self._resume_s = self._clock() + next(self._waits)
        self._resting.append((number, envelope))

    def _too_large(self, size: int) -> str:
        most = int(self._connection.maximum_bytes)
        return f"the broker takes packets of up to {most} bytes, this one has {size}"

    async def _flush_if_due(self) -> None:
        if not self._store.unwritten:
            self._flush_s = self._clock() + IDLE_S
        elif self._clock() >= self._flush_s:
            await self._store.flush()

    async def _rest(self) -> None:
        """Until something was put, acknowledged or lost; or something is due."""
        dues = [IDLE_S, self._connection.patience_s, self._turn_s - self._clock()]
        if self._resting:
            dues.append(self._resume_s - self._clock())
        if self._hold.left_s > 0:
            dues.append(self._hold.left_s)
        try:
            async with asyncio.timeout(max(0.0, min(dues))):
                await self._store.arrived.wait()
        except TimeoutError:
            self._store.drained = self._store.emptied = False


def _lifetime_s(envelope: Envelope, now_ms: int) -> int | None:
    """Whole seconds, rounded up, for which somebody still wants it."""
    if envelope.expires_ms is None:
        return None
    return max(1, -((now_ms - envelope.expires_ms) // 1000))
