"""Opening a link, and what is said when that fails."""

from __future__ import annotations

import asyncio
import termios
from pathlib import Path

import pytest
from fakes.line_gauge import LineGauge
from fakes.pty_bus import PtyBus
from fakes.waiting import wait_until_async

from drivers.endpoints import SerialEndpoint, TcpEndpoint
from drivers.errors import Garbled, LinkClosed, LinkTimeout
from drivers.links import LONGEST_UNREAD, open_link
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


async def test_a_peer_that_talks_and_talks_fills_no_memory():
    async def server(_reader, writer):
        writer.write(b"x" * 1_000_000 + b"end")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, open_link(TcpEndpoint("127.0.0.1", port)) as link:
        await wait_until_async(lambda: link.lost)
        heard = await link.receive(1.0)
        assert len(heard) == LONGEST_UNREAD
        assert heard.endswith(b"end")


async def test_a_line_that_is_never_quiet_is_not_waited_for_for_ever():
    with LineGauge(frames=[b"U"], interval_s=0.002) as talker:
        async with open_link(serial(talker.path)) as link, asyncio.timeout(10.0):
            with pytest.raises(Garbled, match="never quiet: a unit that keeps talking, or two masters"):
                await link.send(b"ask", silence_s=0.05)
            talker.push([])
            await link.send(b"ask", silence_s=0.05)
            await wait_until_async(lambda: talker.heard == b"ask")


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


async def test_settings_that_a_port_refuses_do_not_keep_it_locked(pty_bus: PtyBus) -> None:
    """A pty has no parity."""
    path = str(pty_bus.master_path)
    with pytest.raises(LinkClosed, match="the port does not take this baud rate, parity") as refused:
        async with open_link(SerialEndpoint(path, LineSettings(parity="E"))):
            pass
    async with open_link(SerialEndpoint(path, LineSettings())) as link:
        assert not link.lost
    assert isinstance(refused.value.__cause__, termios.error)
