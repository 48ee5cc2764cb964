"""Which pictures leave: before and after an event, within budgets, and what happens on a disk that refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.camera_station import street
from fakes.waiting import wait_until_async

from agent.camera.config import Camera
from agent.vision.sending import Sender
from buffer.contents import WAITING
from drivers.frames import Frame, Way
from firmware_profiles.declared import checked
from pipelines.vision import exif
from pipelines.vision.quality.faults import Grade

T_MS = 1_795_420_800_000
NEVER = {"every_s": "never"}


def frame(at_s: float, *, way: Way = Way.SNAPSHOT) -> Frame:
    jpeg = street()[round(at_s * 2) % len(street())]
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    at_ms = T_MS + round(at_s * 1000)
    return Frame(
        camera="bank", at_ms=at_ms, way=way, pixels=pixels, jpeg=jpeg if way is Way.SNAPSHOT else None
    )


def sender(tools: Any, *, every_s: float = 0.5, **settings: Any) -> Sender:
    camera = checked(Camera, {"host": "h", "every_s": every_s, **settings})
    return Sender("bank", camera, tools, ())


async def see(sending: Sender, at_s: float, *, way: Way = Way.SNAPSHOT, score: int = 90) -> None:
    await sending.consider(frame(at_s, way=way), Grade(at_ms=T_MS + round(at_s * 1000), score=score))


@pytest.mark.parametrize(("every_s", "before_s"), [(0.5, 1.0), (0.5, 10.0), (2.0, 10.0), (7.0, 10.0)])
async def test_the_picture_before_an_event_is_there_though_it_is_asked_for_late(
    tools, daemon, every_s, before_s
):
    sending = sender(tools, every_s=every_s, send={**NEVER, "before_s": before_s, "after_s": []})
    for n in range(round(40 / every_s)):
        await see(sending, n * every_s)
    last_s = n * every_s
    sending.ask("e1", T_MS + round((last_s - 1.0) * 1000))
    await see(sending, last_s + every_s / 2)
    (picture,) = await wait_until_async(lambda: daemon.of("picture"))
    early_s = last_s - 1.0 - (picture["at_ms"] - T_MS) / 1000
    assert before_s <= early_s <= before_s + max(1.5, every_s)
    assert sending.figures()["missed"] == 0


async def test_one_picture_for_two_events_is_two_each_with_its_own_id(tools, daemon, tmp_path):
    sending = sender(tools, send={**NEVER, "before_s": 0, "after_s": [0]})
    sending.ask("e1", T_MS)
    sending.ask("e2", T_MS + 100)
    assert sending.due_ms() is not None
    await see(sending, 0.5, score=71)
    pictures = await wait_until_async(lambda: len(found := daemon.of("picture")) == 2 and found)
    assert [(each["event"], each["why"], each["score"]) for each in pictures] == [
        ("e1", "event", 71),
        ("e2", "event", 71),
    ]
    assert sending.due_ms() is None
    for each in pictures:
        body = (tmp_path / "pictures" / "incoming" / f"{each['id']}{WAITING}").read_bytes()
        caption = exif.read(body)
        assert caption is not None
        assert (caption.comment["event"], caption.at_ms) == (each["event"], each["at_ms"])


async def test_a_frame_of_a_stream_is_sent_as_a_snapshot_is(tools, daemon):
    sending = sender(tools, send={"every_s": 1, "longest_side": 320})
    await see(sending, 0.0, way=Way.HOLD)
    (picture,) = await wait_until_async(lambda: daemon.of("picture"))
    assert (picture["way"], picture["why"], picture["event"]) == ("hold", "scheduled", None)
    assert (picture["width"], picture["height"], picture["masked"]) == (320, 240, False)


async def test_what_was_spent_is_known_after_a_restart(tools, daemon):
    settings = {"send": {"every_s": 1e-6}, "budget": {"frames_per_hour": 3}}
    first = sender(tools, **settings)
    await see(first, 0.0)
    second = sender(tools, **settings)
    second.restore(first.state())
    for n in range(4):
        await see(second, 1.0 + n)
    await wait_until_async(lambda: len(daemon.of("picture")) >= 2)
    assert second.figures()["spent"]["hour"][0] == 2
    assert second.figures()["refused"] == 3


async def test_a_disk_that_refuses_is_said_once_and_the_next_picture_is_tried(
    tools, daemon, tmp_path: Path, caplog
):
    incoming = tmp_path / "pictures" / "incoming"
    incoming.rmdir()
    sending = sender(tools, send={"every_s": 1e-6})
    await see(sending, 0.0)
    await see(sending, 1.0)
    assert sending.figures()["failed"]
    assert sum("picture lost" in record.getMessage() for record in caplog.records) == 1
    incoming.mkdir()
    await see(sending, 2.0)
    assert (sending.figures()["failed"], sending.sent) == ("", 1)
    assert sending.figures()["spent"]["hour"][0] == 1
