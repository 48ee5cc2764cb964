from __future__ import annotations

import asyncio

import pytest
from fakes.onvif_camera import FakeCamera, Profile, Setup
from fakes.waiting import wait_until_async

from drivers.cameras.onvif.envelope import NAMESPACES, SoapFault
from drivers.errors import Garbled, Refused

H265 = Setup(
    profiles=(
        Profile("main", "Main", "H265", 2560, 1440, 20.0),
        Profile("sub", "Sub", "H264", 640, 360, 15.0),
    )
)


async def test_facts(fake, client):
    facts = await (await client(fake)).connect()
    assert (facts.manufacturer, facts.model, facts.firmware) == ("Loopback", "Pole & River 2", "1.4.2")
    assert (facts.serial, facts.hardware, facts.mac) == ("LB0001", "LB-2", "02:00:00:00:00:31")
    assert (facts.media, facts.has_ptz, facts.has_imaging, facts.has_events) == (2, True, True, True)
    assert facts.services[NAMESPACES["tptz"]] == "/onvif/ptz"


async def test_a_camera_without_serial_and_mac(fake, client):
    fake.serial = ""
    fake.quirks.unsupported = frozenset({"GetNetworkInterfaces"})
    facts = await (await client(fake)).connect()
    assert (facts.serial, facts.mac) == ("", None)


@pytest.mark.parametrize("xaddr", ["10.255.255.1", "10.255.255.1:8106", "10.255.255.1:8106:8106"])
@pytest.mark.parametrize("unsupported", [frozenset(), frozenset({"GetServices"})])
async def test_services_are_reached_where_the_camera_is(fake, client, xaddr, unsupported):
    fake.quirks.xaddr, fake.quirks.unsupported = xaddr, unsupported
    camera = await client(fake)
    facts = await camera.connect()
    assert facts.media == (1 if unsupported else 2)
    assert len(await camera.profiles()) == 2
    assert await camera.presets()
    assert await camera.snapshot_uri("main") == f"http://127.0.0.1:{fake.port}/snapshot.jpg"


@pytest.mark.parametrize(("versions", "used"), [((1,), 1), ((2,), 2), ((1, 2), 2)])
async def test_either_version_of_media(client, versions, used):
    async with FakeCamera(setup=H265) as fake:
        fake.quirks.media = versions
        camera = await client(fake)
        assert (await camera.connect()).media == used
        main, sub = await camera.profiles()
        told = ("h265", 2560, 1440, 20.0) if used == 2 else ("", 0, 0, 0.0)
        assert (main.codec, main.width, main.height, main.fps) == told
        assert (sub.token, sub.name, sub.codec, sub.width, sub.fps) == ("sub", "Sub", "h264", 640, 15.0)
        assert (sub.has_ptz, sub.source) == (True, "source0")
        assert await camera.stream_uri("sub") == "rtsp://127.0.0.1:554/sub"
        assert await camera.snapshot_uri("sub") == f"http://127.0.0.1:{fake.port}/snapshot.jpg"


async def test_media2_that_is_named_but_not_served_falls_back(fake, client, monkeypatch):
    from fakes import onvif_answers

    for operation in ("GetProfiles", "GetStreamUri", "GetSnapshotUri"):
        monkeypatch.delitem(onvif_answers._OPERATIONS, (onvif_answers.TR2, operation))
    camera = await client(fake)
    assert (await camera.connect()).media == 2
    assert len(await camera.profiles()) == 2
    assert await camera.stream_uri("main")
    assert await camera.snapshot_uri("main")


async def test_no_media_at_all(fake, client):
    fake.quirks.media = ()
    camera = await client(fake)
    assert (await camera.connect()).media == 0
    with pytest.raises(Refused, match="the camera has no media service"):
        await camera.profiles()


async def test_a_camera_without_snapshots(fake, client):
    fake.quirks.snapshot = "none"
    camera = await client(fake)
    await camera.connect()
    assert await camera.snapshot_uri("main") is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            "rtsp://admin:secret@0.0.0.0:8554/Streaming/101?transportmode=unicast",
            "rtsp://127.0.0.1:8554/Streaming/101?transportmode=unicast",
        ),
        ("rtsp://192.168.1.64/ch0", "rtsp://127.0.0.1/ch0"),
        (" rtsp://[::]:554/ch0\n", "rtsp://127.0.0.1:554/ch0"),
    ],
)
async def test_stream_addresses_are_cleaned(client, told, expected):
    async with FakeCamera(setup=Setup(stream=told)) as fake:
        camera = await client(fake)
        await camera.connect()
        assert await camera.stream_uri("main") == expected


async def test_a_stream_address_that_is_none(client):
    async with FakeCamera(setup=Setup(stream="rtsp://[192.168.1.64/ch0")) as fake:
        camera = await client(fake)
        await camera.connect()
        with pytest.raises(Garbled, match="for an address"):
            await camera.stream_uri("main")


async def test_presets_and_status(fake, client):
    camera = await client(fake)
    await camera.connect()
    assert [(one.token, one.name) for one in await camera.presets()] == [("1", "Home"), ("2", "Staff gauge")]
    await camera.goto("2")
    assert (await camera.status()).moving
    await wait_until_async(lambda: not fake.mount.moving)
    status = await camera.status()
    assert (status.pan, status.tilt, status.zoom, status.moving) == (0.5, -0.25, 0.4, False)
    with pytest.raises(SoapFault, match="Preset token 9 does not exist"):
        await camera.goto("9")


async def test_a_move_ends_with_a_stop(fake, client):
    camera = await client(fake)
    await camera.connect()
    await camera.move(pan=-1.0, zoom=3.0, for_s=0.1)
    assert fake.mount.stops == 1
    status = await camera.status()
    assert -0.5 < status.pan < -0.05
    assert 0.05 < status.zoom < 0.5
    assert (status.tilt, status.moving) == (0.0, False)


async def test_a_move_that_is_cancelled_stops(fake, client):
    camera = await client(fake)
    await camera.connect()
    moving = asyncio.create_task(camera.move(pan=1.0, for_s=30.0))
    await wait_until_async(lambda: fake.mount.moving)
    moving.cancel()
    await asyncio.wait([moving])
    assert moving.cancelled()
    assert (fake.mount.stops, fake.mount.moving) == (1, False)


async def test_a_fixed_camera_does_not_move(fake, client):
    fake.quirks.without = frozenset({"ptz"})
    camera = await client(fake)
    assert not (await camera.connect()).has_ptz
    with pytest.raises(Refused, match="can pan, tilt or zoom"):
        await camera.move(pan=1.0, for_s=1.0)


async def test_imaging(fake, client):
    camera = await client(fake)
    await camera.connect()
    assert (await camera.imaging()).ir_cut == "auto"
    told = await camera.set_imaging(brightness=61.5, sharpness=10, ir_cut="off")
    assert (told.brightness, told.contrast, told.sharpness, told.ir_cut) == (61.5, 50.0, 10.0, "off")
    assert (told.exposure, told.focus, told.wide_dynamic) == (None, None, None)
    with pytest.raises(SoapFault, match="settings are incorrect"):
        await camera.set_imaging(brightness=101)


async def test_the_network(fake, client):
    camera = await client(fake)
    await camera.connect()
    network = await camera.network()
    assert (network.mac, network.ipv4, network.ipv6) == (
        "02:00:00:00:00:31",
        ("192.0.2.31/24",),
        ("fe80::2/64",),
    )
    assert (network.dns, network.ntp) == (("192.0.2.1",), ("ntp.example.org",))
