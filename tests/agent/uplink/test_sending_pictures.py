"""Pictures from the spool to the platform, behind everything else, through the real Mosquitto."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fakes.children import end, spawn
from fakes.mosquitto import Mosquitto
from fakes.platform import Platform
from fakes.slow_line import SlowLine

from agent import wire
from agent.camera.pictures import PIECE_BYTES, Picture, Pictures
from agent.router import Router
from agent.store import Store
from agent.wire import Leaf
from buffer.contents import deposit
from buffer.envelope import Priority
from buffer.errors import OutboxError, OutboxFull
from firmware_profiles.declared import checked

ROOT = Path(__file__).parents[3]
BASE = "polegate/1/riverside/pole-7"
FRAMES = f"{BASE}/frames"
EVENTS = f"{BASE}/events"
Deliver = Callable[..., Any]


def real_now() -> tuple[int, bool]:
    return time.time_ns() // 1_000_000, True


class Silent:
    """Consequences that no test here is about."""

    def unwritable(self, error: OutboxError | None) -> None:
        assert error is None

    def lost(self, losses: object) -> None: ...


class Album:
    """Pictures over a spool and a store."""

    def __init__(self, pictures: Pictures, router: Router, root: Path) -> None:
        self.pictures, self.router, self.root = pictures, router, root

    async def add(self, number: int, size: int = 100_000, **facts: Any) -> bytes:
        content = random.Random(number).randbytes(size)
        await self.take(content, **facts)
        await self.router.flush()
        return content

    async def take(self, content: bytes, **facts: Any) -> None:
        told = {
            "camera": "bridge",
            "at_ms": time.time_ns() // 10**6,
            "settled": True,
            "width": 64,
            "height": 48,
        }
        told |= {"why": "scheduled", "way": "snapshot", "masked": False, **facts}
        await self.pictures.add(Picture(id=deposit(self.root, content).hash, **told))

    def file(self, content: bytes) -> Path:
        name = sha256(content).hexdigest()
        return self.root / name[:2] / f"{name}.jpg"


@pytest_asyncio.fixture
async def open_album(store: Store, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Album:
            await stack.aclose()
            router = Router(store, lambda leaf: f"{BASE}/{leaf}", Silent())
            options = {"max_bytes": 2**26, "max_files": 1000, "keep_free_bytes": 0, **options}
            opening = Pictures.open(tmp_path / "spool", store, router, topic=FRAMES, **options)
            return Album(await stack.enter_async_context(opening), router, tmp_path / "spool")

        yield start


def manifests(platform: Platform) -> list[dict[str, Any]]:
    found = [json.loads(message.payload) for message in platform.on(FRAMES)]
    for payload in found:
        checked(wire.MESSAGES[Leaf.FRAMES], payload)
    return found


def assembled(platform: Platform) -> dict[str, bytes]:
    """Each picture as far as its pieces have come, put together as docs/platform/pictures.md says."""
    whole: dict[str, bytearray] = {}
    for message in list(platform.messages):
        if message.topic.startswith(f"{FRAMES}/"):
            name, offset = message.topic.split("/")[-2:]
            so_far = whole.setdefault(name, bytearray())
            so_far.extend(bytes(max(0, int(offset) - len(so_far))))
            so_far[int(offset) : int(offset) + len(message.payload)] = message.payload
    return {name: bytes(content) for name, content in whole.items()}


def whole(platform: Platform) -> set[str]:
    return {name for name, content in assembled(platform).items() if sha256(content).hexdigest() == name}


def names(*contents: bytes) -> set[str]:
    return {sha256(content).hexdigest() for content in contents}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_picture_arrives_whole_and_is_marked_as_delivered(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, open_album: Any, version: str
) -> None:
    album = await open_album()
    content = await album.add(1, why="event", event="9f86d081884c7d65", score=71.5, faults=("defocus",))
    async with deliver(mosquitto, version=version, pictures=album.pictures) as delivery:
        await delivery.until_acknowledged(5)
        await delivery.until_empty()
    await platform.wait_for_async(lambda _: whole(platform) == names(content))
    (manifest,) = manifests(platform)
    assert (manifest["id"], manifest["bytes"], manifest["state"]) == (*names(content), 100_000, "announced")
    assert (manifest["event"], manifest["faults"]) == ("9f86d081884c7d65", ["defocus"])
    figures = await album.pictures.figures()
    assert (figures["delivered"], figures["spool"]["waiting"], figures["spool"]["delivered"]) == (1, 0, 1)
    assert not album.file(content).exists()
    assert album.file(content).with_suffix(".sent.jpg").read_bytes() == content


async def test_the_same_bytes_again_are_announced_and_not_sent(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, open_album: Any
) -> None:
    album = await open_album()
    content = await album.add(1)
    await album.take(content)
    async with deliver(mosquitto, pictures=album.pictures) as delivery:
        await album.router.flush()
        await delivery.until_acknowledged(6)
        await album.take(content)
        await album.router.flush()
        await delivery.until_acknowledged(7)
    await platform.wait_for_async(lambda _: len(manifests(platform)) == 3)
    assert len([m for m in platform.messages if m.topic.startswith(f"{FRAMES}/")]) == 4


async def test_what_was_asked_for_goes_first(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, open_album: Any
) -> None:
    album = await open_album()
    await album.add(1)
    wanted = await album.add(2, why="event")
    async with deliver(mosquitto, pictures=album.pictures) as delivery:
        await delivery.put(1, 3)
        await delivery.until_acknowledged(13)
    await platform.wait_for_async(lambda _: len(manifests(platform)) == 2)
    topics = [message.topic for message in platform.messages if not message.retain]
    first = topics.index(FRAMES)
    assert topics.index(f"{BASE}/readings") < first
    assert topics[first + 1].startswith(f"{FRAMES}/{sha256(wanted).hexdigest()}/")


@pytest.mark.parametrize("spoil", ["cut", "flipped", "removed"])
async def test_a_picture_whose_file_is_spoilt_is_told_as_lost_and_the_next_one_arrives(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, open_album: Any, spoil: str
) -> None:
    album = await open_album()
    bad, good = await album.add(1), await album.add(2)
    file = album.file(bad)
    if spoil == "removed":
        file.unlink()
    else:
        file.write_bytes(bad[:50_000] if spoil == "cut" else bad[:40_000] + b"?" + bad[40_001:])
    async with deliver(mosquitto, pictures=album.pictures) as delivery:
        await platform.wait_for_async(lambda _: whole(platform) == names(good))
        await album.router.flush()
        await platform.wait_for_async(lambda _: len(manifests(platform)) == 3)
        await delivery.until_empty()
    lost = manifests(platform)[-1]
    reason = "evicted" if spoil == "removed" else "damaged"
    assert (lost["id"], lost["state"], lost["reason"]) == (*names(bad), "lost", reason)
    assert bad.startswith(assembled(platform).get(lost["id"], b""))
    assert (await delivery.store.stats()).dead_letters == (spoil != "removed")
    assert (await album.pictures.figures())["lost"] == {reason: 1}


async def test_what_the_budget_gave_up_is_told_and_counted(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, store: Store, open_album: Any
) -> None:
    album = await open_album(max_bytes=250_000)
    contents = [await album.add(number) for number in range(4)]
    with pytest.raises(OutboxFull):
        await album.add(5, size=250_001)
    async with deliver(mosquitto, pictures=album.pictures) as delivery:
        await platform.wait_for_async(lambda _: whole(platform) == names(*contents[2:]))
        await album.router.flush()
        await platform.wait_for_async(lambda _: len(manifests(platform)) == 6)
        await delivery.until_empty()
    assert {m["id"] for m in manifests(platform) if m["state"] == "lost"} == names(*contents[:2])
    stats = await store.stats()
    assert [(loss.reason, loss.priority, loss.lost.batches) for loss in stats.losses] == [
        ("evicted", Priority.SCHEDULED, 8)
    ]
    assert stats.dead_letters == 0


async def test_a_broker_that_takes_less_gets_smaller_pieces(
    start_mosquitto: Any, deliver: Deliver, open_album: Any
) -> None:
    broker = start_mosquitto(max_packet_bytes=5000)
    album = await open_album()
    content = await album.add(1)
    with Platform(broker) as platform:
        async with deliver(broker, pictures=album.pictures) as delivery:
            await platform.wait_for_async(lambda _: whole(platform) == names(content))
            await delivery.until_empty()
        assert (await album.pictures.figures())["delivered"] == 1


async def test_an_alarm_waits_for_one_piece_at_most_on_a_slow_line(
    mosquitto: Mosquitto, platform: Platform, deliver: Deliver, open_album: Any
) -> None:
    """20 MB at 25 kB/s (200 kbit/s): a piece takes 1.3 s, all of them a quarter of an hour."""
    rate = 25_000
    album = await open_album()
    for number in range(20):
        await album.add(number, size=1_000_000)
    async with (
        SlowLine(mosquitto.port, rate).running() as line,
        deliver(line, pictures=album.pictures) as delivery,
    ):
        await platform.wait_for_async(lambda _: assembled(platform))
        began_s = time.monotonic()
        await delivery.put(1, 1, topic=EVENTS, priority=Priority.ALARM)
        await platform.wait_for_async(lambda _: platform.on(EVENTS))
        waited_s = time.monotonic() - began_s
        assert waited_s < 1.7 * PIECE_BYTES / rate
        assert delivery.uplink.counters.acknowledged < 6


async def test_pictures_go_on_piece_by_piece_after_kill_9(
    mosquitto: Mosquitto, platform: Platform, tmp_path: Path
) -> None:
    async with Store.open(tmp_path / "pictures.db", max_bytes=2**24, now=real_now) as store:
        router = Router(store, lambda leaf: f"{BASE}/{leaf}", Silent())
        options = {"topic": FRAMES, "max_bytes": 2**26, "max_files": 100}
        async with Pictures.open(tmp_path / "spool", store, router, **options) as pictures:
            album = Album(pictures, router, tmp_path / "spool")
            contents = [await album.add(number, size=1_000_000) for number in range(4)]
    program = Path(__file__).with_name("pictures_child.py")
    lives = 20, 50, 80, 4 * 31
    async with SlowLine(mosquitto.port, 2_000_000).running() as line:
        for enough in lives:
            child = spawn(
                [sys.executable, str(program), str(tmp_path), str(line.port)],
                environment={"PYTHONPATH": str(ROOT)},
            )
            try:
                await platform.wait_for_async(lambda _, enough=enough: len(pieces(platform)) >= enough)
                child.kill()
            finally:
                end(child, grace_s=0.0)
    assert whole(platform) == names(*contents)
    sent = sum(message.topic.startswith(f"{FRAMES}/") for message in platform.messages)
    # In flight, and what 61 pieces a second make in the time until their marks are committed.
    assert sent - 4 * 31 <= (len(lives) - 1) * 15


def pieces(platform: Platform) -> set[str]:
    return {message.topic for message in list(platform.messages) if message.topic.startswith(f"{FRAMES}/")}
