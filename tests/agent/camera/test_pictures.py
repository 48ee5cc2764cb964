"""Pictures over a restart, a disk that refuses, and files that nobody claims."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.camera import pictures as module
from agent.camera.pictures import PIECE_BYTES, Gone, Picture, Pictures, Piece
from agent.router import MOST_OTHERS, MOST_PIECES, Router
from agent.store import Store
from agent.wire import Leaf
from buffer.contents import Damaged, Missing, deposit
from buffer.envelope import Envelope, Priority
from buffer.errors import OutboxError, OutboxFull

NOW_MS = 1_795_420_800_000
CONTENT = bytes(range(256)) * 300  # 76,800 bytes: three pieces
NAME = sha256(CONTENT).hexdigest()


class Postbox:
    """What was posted, put in the store at once if wanted."""

    def __init__(self) -> None:
        self.posted: list[Envelope] = []

    def post(self, envelopes: Sequence[Envelope]) -> None:
        self.posted += envelopes


def picture(name: str = NAME, **changes: Any) -> Picture:
    facts = {"camera": "bridge", "at_ms": NOW_MS, "settled": True, "width": 64, "height": 48, "way": "hold"}
    return Picture(**{"id": name, **facts, "why": "scheduled", "masked": True, **changes})


@asynccontextmanager
async def opened(
    folder: Path, unwritten: Sequence[Envelope] = (), **options: Any
) -> AsyncIterator[tuple[Pictures, Store, Postbox]]:
    postbox = Postbox()
    options = {"max_bytes": 10**6, "max_files": 10, "keep_free_bytes": 0, "unwritten": unwritten, **options}
    async with Store.open(folder / "outbox.db", max_bytes=2**24, now=lambda: (NOW_MS, True)) as store:
        opening = Pictures.open(folder / "spool", store, postbox, topic="t/frames", **options)
        async with opening as pictures:
            yield pictures, store, postbox


async def test_a_manifest_then_the_pieces_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as (pictures, _, postbox):
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture(why="requested", score=88.0))
        manifest, *rest = postbox.posted
        assert json.loads(manifest.body) == {
            "id": NAME, "camera": "bridge", "state": "announced", "mime": "image/jpeg", "bytes": 76_800,
            "piece_bytes": PIECE_BYTES, "why": "requested", "way": "hold", "width": 64, "height": 48,
            "masked": True, "score": 88.0, "faults": [],
        }  # fmt: skip
        assert [envelope.topic for envelope in rest] == [f"t/frames/{NAME}/{n}" for n in (0, 32_768, 65_536)]
        assert {(e.priority, e.at_ms, e.items) for e in postbox.posted} == {(Priority.PICTURES, NOW_MS, 0)}
        assert max(len(envelope.body) for envelope in rest) < 120
        assert Piece.of(manifest) is None
        parts = [await pictures.payload(piece) for piece in map(Piece.of, rest) if piece]
        assert b"".join(parts) == CONTENT


async def test_after_a_restart_it_is_delivered_with_its_last_piece(tmp_path: Path) -> None:
    async with opened(tmp_path) as (pictures, store, postbox):
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture())
        await store.put(postbox.posted[:3])
        unwritten = postbox.posted[3:]
    async with opened(tmp_path, unwritten) as (pictures, store, _):
        pieces = [e for _, e in await store.take_pictures(9)] + unwritten
        for done, envelope in enumerate([e for e in pieces if Piece.of(e)], 1):
            pictures.delivered(Piece(*json.loads(envelope.body)))
            assert (await pictures.figures())["spool"]["delivered"] == (done == 3)
        assert await pictures._run(pictures._spool.forget_strangers) == 0


async def test_what_no_envelope_stands_for_goes_after_the_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as (pictures, _, _):
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture())
    promised: list[float] = []

    class Enough(Exception): ...

    def promise(within_s: float) -> None:
        promised.append(within_s)
        if len(promised) == 2:
            raise Enough

    monkeypatch.setattr(module, "GRACE_S", 0.0)
    async with opened(tmp_path) as (pictures, _, _):
        assert (await pictures.figures())["spool"]["waiting"] == 1
        with pytest.raises(Enough):
            await pictures.run(promise)
        assert (await pictures.figures())["spool"]["strangers"] == 1
        assert not list((tmp_path / "spool").rglob("*.jpg"))


async def test_one_that_cannot_be_taken_over_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=50_000) as (pictures, _, postbox):
        with pytest.raises(Missing):
            await pictures.add(picture())
        deposit(tmp_path / "spool", CONTENT)
        with pytest.raises(OutboxFull):
            await pictures.add(picture())
        (tmp_path / "spool" / "incoming" / f"{NAME}.jpg").write_bytes(b"x")
        with pytest.raises(Damaged):
            await pictures.add(picture())
        assert postbox.posted == []
        assert not list((tmp_path / "spool").rglob("*.jpg"))


async def test_a_lost_one_is_told_once_and_may_come_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (pictures, _, postbox):
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture())
        envelope = postbox.posted[1]
        piece = Piece(*json.loads(envelope.body))
        assert pictures.lost(piece, envelope, "damaged")
        assert not pictures.lost(piece, envelope, "evicted")
        told = postbox.posted[-1]
        assert json.loads(told.body) == {"id": NAME, "camera": "bridge", "state": "lost", "reason": "damaged"}
        assert (told.topic, told.at_ms) == ("t/frames", NOW_MS)
        with pytest.raises(Gone):
            await pictures.payload(piece)
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture())
        assert len(await pictures.payload(piece)) == PIECE_BYTES


async def test_pictures_are_taken_by_themselves(tmp_path: Path) -> None:
    async with opened(tmp_path) as (pictures, store, postbox):
        deposit(tmp_path / "spool", CONTENT)
        await pictures.add(picture())
        await store.put(postbox.posted)
        assert await store.take(9) == []
        assert (store.drained, store.emptied) == (True, False)
        assert [envelope for _, envelope in await store.take_pictures(4)] == postbox.posted
        assert not store.emptied
        assert await store.take_pictures(4) == []
        assert store.emptied


async def test_on_a_disk_that_refuses_pieces_push_out_no_fault() -> None:
    class Full:
        def next_key(self) -> str:
            return "k"

        async def put(self, *_: object, **__: object) -> Any:
            raise OutboxFull("no room")

    class Silent:
        def unwritable(self, error: OutboxError | None) -> None: ...
        def lost(self, losses: object) -> None: ...

    router = Router(Full(), str, Silent())
    router.tell(Leaf.FAULTS, {"id": "x"}, priority=Priority.EVENT, at=(5, True))
    piece = Envelope(
        key="p", topic="t", priority=Priority.SCHEDULED, at_ms=5, settled=True, items=0, expires_ms=None, body=b"[]"
    )  # fmt: skip
    router.post([piece] * (MOST_PIECES + MOST_OTHERS))
    await router.flush()
    assert [e.topic for e in router.unwritten()] == ["faults", *["t"] * MOST_PIECES]
