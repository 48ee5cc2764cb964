"""One camera's task up and down the ladder, against a loopback camera, with short patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes.camera_station import Showing
from fakes.onvif_camera import PASSWORD, USER, FakeCamera, Quirks
from fakes.waiting import wait_until_async

from agent.camera.config import Camera
from agent.vision import watch as module
from agent.vision.ladder import Ladder
from agent.vision.watch import Watch
from drivers.backoff import Backoff
from firmware_profiles.declared import checked
from pipelines.vision.quality import still

SETTINGS = {
    "username": USER,
    "every_s": 0.5,
    "send": {"every_s": "never", "before_s": 0, "after_s": [0, 0.5]},
}


class Post:
    """A watch on one camera, and what it says."""

    def __init__(self, camera: FakeCamera, tools: Any, daemon: Any, folder: Path) -> None:
        self.camera, self.tools, self.daemon = camera, tools, daemon
        self.showing = Showing()
        camera.pictures = self.showing
        self.secret = folder / "password"
        self.secret.write_text(PASSWORD)

    @asynccontextmanager
    async def watched(self, **more: Any) -> AsyncIterator[Watch]:
        host = f"{self.camera.host}:{self.camera.port}"
        config = {"host": host, "password": {"file": str(self.secret)}, **SETTINGS, **more}
        watch = Watch("bank", checked(Camera, config), self.tools)
        task = asyncio.create_task(watch.run())
        yield watch
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    def steps(self) -> list[tuple[str, str]]:
        return [(each["step"], each["reason"]) for each in self.daemon.of("step")]

    async def until(self, step: str, reason: str = "", times: int = 1) -> None:
        await wait_until_async(lambda: self.steps().count((step, reason)) >= times)

    def pictures(self) -> int:
        return sum(1 for each in self.daemon.of("sample") if each["values"][0][1] is not None)


@pytest.fixture
async def post(tools, daemon, tmp_path, monkeypatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(module, "Ladder", partial(Ladder, patience_s=0.3, still_s=0.5))
    monkeypatch.setattr(module, "Backoff", lambda *_: Backoff(0.1, 0.2))
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    monkeypatch.setattr(still, "LEAST_MS", 300)
    async with FakeCamera(quirks=Quirks(snapshot="digest")) as camera:
        yield Post(camera, tools, daemon, tmp_path)


async def test_a_camera_that_is_off_is_told_and_the_top_when_it_comes_on(post):
    await post.camera.switch_off()
    async with post.watched():
        await post.until("unreachable", "closed")
        (missed, *_) = await wait_until_async(lambda: post.daemon.of("sample"))
        assert {
            (value[1], value[2], value[3]) for value in missed["values"] if value[0] != "motion_told"
        } == {(None, 9, "closed")}
        await post.camera.switch_on()
        await post.until("changing")
    assert len(post.steps()) == len(set(post.steps()))


async def test_a_wrong_password_and_a_picture_that_does_not_come_have_rungs_of_their_own(post):
    async with post.watched():
        await post.until("changing")
        post.camera.password = "another"
        await post.until("reachable", "unauthorised")
        post.camera.password = PASSWORD
        await post.until("changing", times=2)
        post.camera.quirks.snapshot = "empty"
        post.camera.stream = "rtsp://127.0.0.1:1/{token}"
        await post.until("authorised", "garbled")
        post.camera.quirks.snapshot = "open"
        await post.until("changing", times=3)


async def test_a_picture_that_stands_still_falls_to_streaming_and_is_told_as_a_fault(post):
    async with post.watched():
        await post.until("changing")
        post.showing.freeze()
        await post.until("streaming", "frozen")
        await wait_until_async(lambda: ["frozen"] in [each["faults"] for each in post.daemon.of("graded")])
        post.showing.street()
        await post.until("changing", times=2)
        await wait_until_async(lambda: post.daemon.of("graded")[-1]["faults"] == [])


async def test_a_resting_camera_is_tried_at_once_for_an_event(post, monkeypatch):
    monkeypatch.setattr(module, "Backoff", lambda *_: Backoff(60.0, 60.0))
    await post.camera.switch_off()
    async with post.watched() as watch:
        await wait_until_async(lambda: post.daemon.of("figures"))
        await post.camera.switch_on()
        assert post.pictures() == 0
        watch.ask("e1", post.tools.now())
        await wait_until_async(lambda: len(post.daemon.of("picture")) == 2)
    assert {each["event"] for each in post.daemon.of("picture")} == {"e1"}


async def test_a_refused_password_is_tried_seldom_and_a_new_one_soon(post, monkeypatch):
    monkeypatch.setattr(module, "Backoff", lambda _, most_s: Backoff(min(most_s, 600.0), most_s))
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    post.camera.password = "another"
    async with post.watched() as watch:
        await wait_until_async(lambda: post.daemon.of("figures"))
        tried = post.camera.refusals.count("a wrong password")
        watch.ask("e1", post.tools.now())
        post.secret.write_text("another")
        await post.until("changing")
        assert post.camera.refusals.count("a wrong password") == tried > 0


async def test_a_camera_that_goes_after_its_first_picture_has_no_record_for_each_turn(post):
    async with post.watched(every_s=1):
        await wait_until_async(lambda: post.pictures() == 1)
        await post.camera.switch_off()
        await wait_until_async(lambda: len(post.daemon.of("sample")) >= 5)
        records = post.daemon.of("record")
    assert len(records) <= 2


async def test_on_battery_pictures_are_seldom_and_an_event_still_has_them(post):
    post.tools.on_battery = True
    async with post.watched(on_battery_every_s=3600) as watch:
        await wait_until_async(lambda: post.pictures() >= 1 and post.daemon.of("figures"))
        taken = post.camera.requests["snapshot"]
        assert post.daemon.of("figures")[-1]["every_s"] == 3600
        watch.ask("e1", post.tools.now())
        await wait_until_async(lambda: len(post.daemon.of("picture")) == 2)
        assert post.camera.requests["snapshot"] - taken <= 3
        post.tools.on_battery = False
        watch.woken()
        await wait_until_async(lambda: post.daemon.of("figures")[-1]["every_s"] == 0.5)


async def test_what_was_learned_is_there_after_a_restart(post):
    async with post.watched():
        await post.until("changing")
    kept = post.tools.remembered("bank")
    assert kept is not None
    assert kept.keys() == {"looking", "sender"}
    async with post.watched():
        await post.until("changing", times=2)
