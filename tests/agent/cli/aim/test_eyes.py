"""The sight of a configured camera, over a loopback ONVIF one."""

from __future__ import annotations

from contextlib import asynccontextmanager

import cv2
import pytest
from fakes.onvif_camera import PASSWORD, USER, FakeCamera

from agent.camera.config import Camera
from agent.cli.aim import eyes
from agent.cli.aim.eyes import EyeSight
from agent.vision.eye import Eye
from drivers.cameras.streams.decoders import Decoders
from drivers.errors import BadConfig, DriverError, Unauthorised
from drivers.frames import Way
from firmware_profiles.declared import checked

from .conftest import frames


@asynccontextmanager
async def sight(camera: Camera):
    async with Decoders(processes=1) as decoders, Eye("dome", camera, decoders, _now) as eye:
        yield EyeSight(eye)


def _now() -> int:
    import time

    return int(time.time() * 1000)


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    return file


@pytest.fixture
def street() -> bytes:
    return cv2.imencode(".jpg", frames(1)[0])[1].tobytes()


def camera_of(fake: FakeCamera, secret) -> Camera:
    return checked(
        Camera, {"host": f"127.0.0.1:{fake.port}", "username": USER, "password": {"file": str(secret)}}
    )


async def test_pictures_and_motors_of_an_onvif_camera(secret, street) -> None:
    async with FakeCamera(pictures=[street]) as fake, sight(camera_of(fake, secret)) as dome:
        presets = await dome.presets()
        frame = await dome.look()
        assert (frame.width, frame.height, frame.way) == (768, 576, Way.SNAPSHOT)
        assert presets
        await dome.goto(presets[0].token)
        await dome.move(pan=1.0, tilt=0.0, zoom=0.0, for_s=0.01)
        assert fake.requests["GotoPreset"] == 1
        assert fake.requests["ContinuousMove"] == 1
        assert fake.requests["Stop"] == 1


async def test_a_refused_password_is_not_tried_again_at_once(secret, street, monkeypatch) -> None:
    secret.write_text("wrong")
    async with FakeCamera(pictures=[street]) as fake, sight(camera_of(fake, secret)) as dome:
        with pytest.raises(Unauthorised):
            await dome.look()
        asked = fake.requests.total()
        with pytest.raises(Unauthorised):
            await dome.look()
        assert fake.requests.total() == asked
        secret.write_text(PASSWORD)
        monkeypatch.setattr(eyes, "LOCKOUT_S", 0.0)
        assert (await dome.look()).width == 768


async def test_it_comes_back_after_the_camera_was_off(secret, street) -> None:
    async with FakeCamera(pictures=[street]) as fake, sight(camera_of(fake, secret)) as dome:
        assert await dome.look()
        await fake.switch_off()
        with pytest.raises(DriverError):
            await dome.look()
        await fake.switch_on()
        assert await dome.look()


async def test_a_camera_by_its_address_alone_has_no_motors(clip_camera) -> None:
    async with sight(Camera(snapshot=clip_camera.url)) as plain:
        assert (await plain.look()).way is Way.SNAPSHOT
        with pytest.raises(BadConfig):
            await plain.presets()
