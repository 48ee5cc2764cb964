"""Opening a link, and what is said when that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes.pty_bus import PtyBus

from drivers.errors import LinkClosed, LinkTimeout
from drivers.links import SerialEndpoint, TcpEndpoint, open_link
from firmware_profiles.points import LineSettings


async def refused(endpoint, timeout_s=3.0) -> str:
    with pytest.raises(LinkClosed) as caught:
        async with open_link(endpoint, timeout_s):
            pass
    return str(caught.value)


def serial(path, **facts) -> SerialEndpoint:
    return SerialEndpoint(str(path), LineSettings(), **facts)


async def test_a_port_that_is_not_there_names_what_to_look_at():
    assert "no such port: is the adapter plugged in" in await refused(serial("/dev/nowhere"))


async def test_a_file_that_is_no_port_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    assert str(tmp_path / "file") in await refused(serial(tmp_path / "file"))


async def test_nobody_listening_is_told_from_nobody_answering():
    assert "connection refused: is the device on" in await refused(TcpEndpoint("127.0.0.1", 1))
    assert "[::1]:1" in await refused(TcpEndpoint("::1", 1))


async def test_a_port_in_use_is_not_shared():
    with PtyBus() as line:
        async with open_link(serial(line.master_path)):
            assert "in use by another program" in await refused(serial(line.master_path))


async def test_a_driver_without_rs485_says_what_to_set():
    with PtyBus() as line:
        assert 'set rs485 = "auto" for this port' in await refused(
            serial(line.master_path, kernel_rs485=True)
        )
        async with open_link(serial(line.master_path)):
            pass  # the refused attempt left the port free


async def test_bytes_that_nobody_asked_for_are_thrown_away_before_a_request():
    async def server(reader, writer):
        writer.write(b"stale")
        await writer.drain()
        while data := await reader.read(100):
            writer.write(b"answer to " + data)
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, open_link(TcpEndpoint("127.0.0.1", port)) as link:
        assert await link.receive(1.0) == b"stale"
        await link.send(b"one")
        assert await link.receive(1.0) == b"answer to one"
        with pytest.raises(LinkTimeout, match=r"no answer within 0\.01 s"):
            await link.receive(0.01)


async def test_a_link_leaves_no_descriptor_behind():
    with PtyBus() as line:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            async with open_link(serial(line.master_path)) as link:
                await link.send(b"x")
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
