"""What a real loopback camera tells itself: heard over reboots, other passwords and failures, given back at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.onvif_camera import PASSWORD, USER, FakeCamera, Quirks
from fakes.onvif_events import FakeEvents
from fakes.waiting import wait_until_async

from agent.camera.config import Camera
from agent.vision import listening as module
from agent.vision.listening import Listening
from firmware_profiles.declared import checked

MOTION, SCENE = "tns1:VideoSource/MotionAlarm", "tns1:VideoSource/GlobalSceneChange/ImagingService"


class Ear:
    """A camera, its events, and who listens to it."""

    def __init__(self, camera: FakeCamera, tools: Any, folder: Path) -> None:
        self.camera = camera
        assert isinstance(camera.events, FakeEvents)
        self.events = camera.events
        self.events.netloc = f"{camera.host}:{camera.port}"
        self.password = folder / "password"
        self.password.write_text(PASSWORD)
        self.heard: list[tuple[str, bool]] = []
        config = {"host": self.events.netloc, "username": USER, "password": {"file": str(self.password)}}
        self.listening = Listening(
            "bank", checked(Camera, config), tools, lambda *what: self.heard.append(what)
        )

    @asynccontextmanager
    async def listens(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.listening.run())
        yield
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


@pytest.fixture
async def ear(tools, tmp_path, monkeypatch) -> AsyncIterator[Ear]:
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    monkeypatch.setattr(module, "LOOK_S", 0.1)
    async with FakeCamera(events=FakeEvents(), quirks=Quirks(reboot_s=0.1)) as camera:
        yield Ear(camera, tools, tmp_path)


async def test_it_waits_until_the_camera_lets_us_in_hears_and_gives_its_place_back(ear):
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.held == 1)
        ear.events.emit(MOTION, State="true")
        await wait_until_async(lambda: ("motion", True) in ear.heard)
    assert ear.events.held == 0


async def test_it_is_over_when_the_last_of_its_sources_is_quiet(ear):
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.held == 1)
        ear.events.emit(SCENE, "one", State="true")
        ear.events.emit(SCENE, "two", State="true")
        await wait_until_async(lambda: ear.heard.count(("tamper", True)) == 2)
        ear.events.emit(SCENE, "one", State="false")
        await wait_until_async(lambda: ear.heard.count(("tamper", True)) == 3)
        ear.events.emit(SCENE, "two", State="false")
        await wait_until_async(lambda: ("tamper", False) in ear.heard)


async def test_a_state_that_ended_while_nobody_listened_is_told_with_the_first_word(ear):
    async with ear.listens():
        ear.events.emit(SCENE, State="true")
        ear.events.emit(SCENE, State="false")
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.heard == [("tamper", False)])


async def test_the_one_place_of_a_camera_goes_over_to_the_new_password(ear):
    ear.events.quirks.slots = 1
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.calls["PullMessages"])
        ear.camera.password = "another"
        ear.events.emit(SCENE, State="false")  # ends the pull that waits
        await wait_until_async(lambda: ear.camera.refusals)
        ear.password.write_text("another")
        await wait_until_async(lambda: ear.events.calls["SetSynchronizationPoint"] == 2)
        ear.events.emit(MOTION, State="true")
        await wait_until_async(lambda: ("motion", True) in ear.heard)
        assert ear.events.calls["CreatePullPointSubscription"] == 1
    assert ear.events.held == 0


async def test_at_the_end_the_place_is_given_back_with_the_password_of_now(ear, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 60.0)
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.listening.hears)
        ear.camera.password = "another"
        ear.password.write_text("another")
    assert ear.events.held == 0


async def test_an_outage_costs_no_place(ear):
    ear.events.quirks.slots = 1  # one that is lost is not free again for a minute
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.listening.hears)
        await ear.camera.switch_off()
        await wait_until_async(lambda: not ear.listening.hears)
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.listening._left)
        await ear.camera.switch_on()
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.listening.hears)
        assert ear.events.calls["CreatePullPointSubscription"] == 1
    assert ear.events.held == 0


async def test_what_fails_is_tried_again_though_the_pictures_come(ear):
    ear.camera.quirks.web_page = True
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.camera.connections)
        ear.camera.quirks.web_page = False
        await wait_until_async(lambda: ear.events.held == 1)


async def test_credentials_that_are_refused_are_tried_again_when_the_pictures_get_in(ear):
    ear.camera.password = "another"
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.camera.refusals and not ear.camera.connections)
        ear.password.write_text("another")
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.held == 1)


async def test_a_reboot_is_heard_through_after_the_camera_has_let_us_in_again(ear):
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.held == 1)
        await ear.camera.reboot()
        await wait_until_async(lambda: ear.camera.is_on)
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.events.held == 1)
        ear.events.emit(MOTION, State="true")
        await wait_until_async(lambda: ("motion", True) in ear.heard)


async def test_a_camera_without_events_is_left_alone(ear):
    ear.camera.quirks.without = frozenset({"events"})
    async with ear.listens():
        ear.listening.signed_in()
        await wait_until_async(lambda: ear.camera.requests["GetServices"])
        asked = ear.camera.requests.total()
        ear.camera.quirks.without = frozenset()
        ear.listening.signed_in()  # after an update of its firmware
        await wait_until_async(lambda: ear.events.held == 1)
        assert ear.camera.requests.total() > asked
