"""Every address of a small network asked, on loopback addresses."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes.onvif_camera import FakeCamera, Quirks
from fakes.ports import free_port, listen
from fakes.waiting import wait_until_async

from drivers.cameras import sweep as sweeping
from drivers.cameras.sweep import Found, addresses, sweep
from drivers.errors import BadConfig


@asynccontextmanager
async def serving(host: str, port: int, greeting: bytes):
    """Says the same to everybody, after the first line it hears."""

    async def answer(reader, writer):
        try:
            await reader.readline()
            writer.write(greeting)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, sock=listen(host, port))
    async with server:
        yield


async def test_cameras_are_found_among_other_servers(monkeypatch):
    port, rtsp = free_port("127.0.0.1"), free_port("127.0.0.1")
    monkeypatch.setattr(sweeping, "RTSP_PORTS", (rtsp,))
    told, steps = [], []
    async with (
        FakeCamera(host="127.0.0.2", port=port),
        FakeCamera(host="127.0.0.3", port=port, quirks=Quirks(time_signed=True)),
        FakeCamera(
            host="127.0.0.4", port=port, quirks=Quirks(unsupported=frozenset({"GetSystemDateAndTime"}))
        ),
        FakeCamera(host="127.0.0.5", port=port, quirks=Quirks(web_page=True)),
        serving("127.0.0.6", port, b"SSH-2.0-x\r\n"),
        serving("127.0.0.6", rtsp, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
        serving("127.0.0.7", rtsp, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ):
        found = await sweep(
            ["127.0.0.0/28"],
            ports=(port, rtsp),
            tell=told.append,
            progress=lambda done, total: steps.append((done, total)),
        )
    assert found == [
        *(Found(host=f"127.0.0.{each}", port=port, kind="onvif") for each in (2, 3, 4)),
        Found(host="127.0.0.6", port=rtsp, kind="rtsp"),
    ]
    assert sorted(told, key=lambda one: one.host) == found
    assert steps == [(done, 28) for done in range(1, 29)]


async def test_no_more_are_asked_at_once_than_said(monkeypatch):
    port, connected, released = free_port("0.0.0.0"), 0, asyncio.Event()
    monkeypatch.setattr(sweeping, "RTSP_PORTS", (port,))

    async def answer(reader, writer):
        nonlocal connected
        connected += 1
        await released.wait()
        writer.close()

    async with await asyncio.start_server(answer, sock=listen("0.0.0.0", port)):
        task = asyncio.create_task(sweep(["127.0.0.0/25"], ports=(port,), at_once=16))
        await wait_until_async(lambda: connected == 16)
        for _ in range(50):
            await asyncio.sleep(0)
        assert connected == 16
        released.set()
        assert await task == []
        assert connected == 126


async def test_one_that_takes_the_connection_and_is_silent(monkeypatch):
    port = free_port("127.0.0.1")
    monkeypatch.setattr(sweeping, "ANSWER_S", 0.2)
    with listen("127.0.0.8", port):
        assert await sweep(["127.0.0.8"], ports=(port,)) == []


def test_addresses_of_networks_each_once():
    assert addresses(["192.0.2.0/30", "192.0.2.2", " 192.0.2.9/32 ", "2001:db8::1"]) == [
        "192.0.2.1", "192.0.2.2", "192.0.2.9", "2001:db8::1",
    ]  # fmt: skip
    assert addresses(["192.0.2.77/24"])[76] == "192.0.2.77"
    assert len(addresses(["10.0.0.0/20"])) == 4094


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        (["10.0.0.0/8"], r"10\.0\.0\.0/8: 16777216 addresses.* at most 4096; .*such as 10\.0\.0\.0/20"),
        (["10.0.0.0/20", "10.1.0.0/24"], "4352 addresses"),
        (["fd00::/64"], "such as fd00::/116"),
        (["camera.local"], r"'camera\.local' is no network; write it as"),
        (["10.0.0.0/33"], "is no network"),
    ],
)
async def test_networks_that_are_too_large_or_none(networks, message):
    with pytest.raises(BadConfig, match=message):
        await sweep(networks)
