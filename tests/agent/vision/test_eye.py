"""One camera by whatever it is reached, against a loopback one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.camera_station import street
from fakes.onvif_camera import PASSWORD, USER, FakeCamera, Quirks
from fakes.ports import free_port

from agent.camera.config import Camera
from agent.vision.eye import Eye
from drivers.errors import BadConfig, LinkClosed, Refused, Unauthorised
from drivers.frames import Way
from firmware_profiles.declared import checked

Look = Callable[..., Eye]


@pytest.fixture
async def onvif() -> AsyncIterator[FakeCamera]:
    async with FakeCamera(pictures=street()) as camera:
        yield camera


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


@pytest.fixture
def look(tools: Any, onvif: FakeCamera, secret: Path) -> Look:
    """An eye on the loopback camera, or on what is said instead."""

    def make(**keys: Any) -> Eye:
        keys = {"host": f"{onvif.host}:{onvif.port}", **keys}
        signed = {"username": USER, "password": {"file": str(secret)}} if "username" not in keys else {}
        camera = checked(Camera, {k: v for k, v in {**signed, **keys}.items() if v is not None})
        return Eye("bank", camera, tools.decoders, tools.now)

    return make


async def test_it_signs_in_learns_what_the_camera_is_and_takes_a_picture(look, onvif):
    async with look() as eye:
        await eye.reach()
        await eye.connect()
        assert (eye.facts["manufacturer"], eye.facts["profile"]) == ("Loopback", "sub")
        assert eye.facts["snapshot"] == onvif.snapshot_uri()
        assert (eye.offer.snapshot, eye.offer.stream) == (True, True)
        frame = await eye.take(Way.SNAPSHOT)
        assert (frame.camera, frame.way, frame.jpeg) == ("bank", Way.SNAPSHOT, street()[0])
        assert frame.pixels.shape == (480, 640, 3)


async def test_a_profile_may_be_named_and_one_that_is_not_there_is_told_with_those_that_are(look):
    async with look(profile="Main stream") as eye:
        await eye.connect()
        assert eye.facts["profile"] == "main"
    async with look(profile="third") as eye:
        with pytest.raises(BadConfig, match=r"cameras\.bank\.profile: .* no third; it has main, sub"):
            await eye.connect()


async def test_the_password_is_read_anew_for_each_connection(look, secret, onvif):
    async with look() as eye:
        await eye.connect()
        onvif.password = "another"
        with pytest.raises(Unauthorised):
            await eye.connect()
        secret.write_text("another")
        await eye.connect()
        secret.unlink()
        with pytest.raises(BadConfig, match=r"cameras\.bank\.password"):
            await eye.connect()


async def test_addresses_of_a_snapshot_do_without_onvif(look, onvif):
    async with look(host=None, snapshot=onvif.snapshot_uri()) as eye:
        await eye.reach()
        await eye.connect()
        assert (eye.offer.snapshot, eye.offer.stream) == (True, False)
        assert (await eye.take(Way.SNAPSHOT)).jpeg == street()[0]
        with pytest.raises(BadConfig, match="bank has no stream"):
            await eye.take(Way.CONNECT)
    assert set(onvif.requests) == {"snapshot"}


async def test_a_camera_without_snapshots_offers_its_stream(look, onvif):
    onvif.quirks = Quirks(unsupported=frozenset({"GetSnapshotUri"}))
    async with look() as eye:
        await eye.connect()
        assert (eye.offer.snapshot, eye.offer.stream) == (False, True)
        with pytest.raises(BadConfig, match="bank has no snapshots"):
            await eye.take(Way.SNAPSHOT)


async def test_nobody_there_is_said_in_words(look):
    async with look(host=f"127.0.0.1:{free_port('127.0.0.1')}") as eye:
        with pytest.raises(LinkClosed, match="connection refused; is it on, and the port right"):
            await eye.reach()
        with pytest.raises(LinkClosed):
            await eye.connect()


async def test_a_picture_that_is_refused_keeps_its_reason(look, onvif):
    async with look() as eye:
        await eye.connect()
        onvif.quirks.snapshot = "none"
        with pytest.raises(Refused, match="no picture at this address"):
            await eye.take(Way.SNAPSHOT)


async def test_a_name_that_nobody_knows_is_told_as_such(look):
    async with look(host="nosuch.invalid") as eye:
        with pytest.raises(LinkClosed, match=r"no address is known for nosuch\.invalid"):
            await eye.reach()
