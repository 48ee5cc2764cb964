"""The page over real sockets: what is answered, what is refused, and that nobody can keep it from others."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from fakes.ports import free_port

from agent.errors import AlreadyRunning
from agent.metrics import server
from agent.metrics.server import BACKLOG, LONGEST_REQUEST, MOST_CLIENTS, PAUSE_S, serve
from buffer.errors import OutboxError

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def page() -> str:
    return "polegate_x 1\n"


@asynccontextmanager
async def served(listen, page_=page):
    """The server as a task; ended with the context, whatever it died of shows."""
    task = asyncio.create_task(serve(listen, page_))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def listen():
    return f"127.0.0.1:{free_port('127.0.0.1')}"


async def ask(listen, request=GET) -> bytes:
    if listen.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(listen.removeprefix("unix:"))
    else:
        host, _, port = listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


async def test_a_page_on_a_port(listen):
    async with served(listen):
        head, _, body = (await ask(listen)).partition(b"\r\n\r\n")
    assert body == b"polegate_x 1\n"
    assert head.splitlines() == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; version=0.0.4; charset=utf-8",
        b"Content-Length: 13",
        b"Cache-Control: no-store",
        b"Connection: close",
    ]


async def test_a_page_on_ipv6():
    listen = f"[::1]:{free_port('::1')}"
    async with served(listen):
        assert b"200 OK" in await ask(listen)


async def test_a_socket_that_everybody_may_ask_and_that_goes_with_the_server(tmp_path):
    path = tmp_path / "metrics.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    async with served(f"unix:{path}"):
        assert b"200 OK" in await ask(f"unix:{path}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert not path.exists()


async def test_a_path_that_is_taken_stays_as_it_is(tmp_path):
    path = tmp_path / "metrics.sock"
    path.write_text("a file")
    with pytest.raises(FileExistsError, match=r"remove it or set metrics\.listen"):
        await serve(f"unix:{path}", page)
    assert path.read_text() == "a file"
    path.unlink()
    async with served(f"unix:{path}"):
        with pytest.raises(AlreadyRunning):
            await serve(f"unix:{path}", page)
        assert b"200 OK" in await ask(f"unix:{path}")


async def test_a_port_that_is_taken(listen):
    async with served(listen):
        with pytest.raises(OSError, match="in use"):
            await serve(listen, page)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET /metrics?name[]=x HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /metrics HTTP/1.1\r\n".ljust(LONGEST_REQUEST, b"x"), b"HTTP/1.1 400 Bad Request"),
    ],
)
async def test_only_one_thing_is_answered(listen, request_, answer):
    async with served(listen):
        assert (await ask(listen, request_)).partition(b"\r\n")[0] == answer


async def test_a_head_has_no_body(listen):
    async with served(listen):
        answer = await ask(listen, GET.replace(b"GET", b"HEAD"))
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 13" in answer


async def test_a_request_in_pieces(listen):
    async with served(listen):
        reader, writer = await asyncio.open_connection(*listen.split(":"))
        for octet in GET:
            writer.write(bytes([octet]))
            await writer.drain()
        assert b"200 OK" in await reader.read()
        writer.close()


async def test_a_store_that_cannot_be_read_is_said_and_the_next_is_answered(listen):
    answers = iter([OutboxError("disk gone"), None])

    async def failing() -> str:
        if error := next(answers):
            raise error
        return await page()

    async with served(listen, failing):
        first, second = await ask(listen), await ask(listen)
    assert b"503 Service Unavailable" in first
    assert first.endswith(b"disk gone\n")
    assert b"200 OK" in second


async def test_who_says_nothing_is_let_go_of(listen, monkeypatch):
    monkeypatch.setattr(server, "CLIENT_S", 0.2)
    async with served(listen):
        silent = [await asyncio.open_connection(*listen.split(":")) for _ in range(MOST_CLIENTS)]
        assert b"200 OK" in await ask(listen), "all places were taken, and came free"
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()


async def test_who_leaves_early_harms_nobody(listen):
    async with served(listen):
        for _ in range(5):
            with socket.create_connection(tuple(listen.split(":"))) as rude:
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                rude.send(GET)
        assert b"200 OK" in await ask(listen)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_crowd_gets_no_more_than_its_share_and_takes_no_descriptors(listen):
    made = 0

    async def counted() -> str:
        nonlocal made
        made += 1
        return await page()

    async with served(listen, counted):
        before, began = descriptors(), time.monotonic()
        crowd = [asyncio.create_task(ask(listen)) for _ in range(BACKLOG)]
        answers = await asyncio.gather(*crowd)
        took = time.monotonic() - began
        assert descriptors() <= before + 1
    assert all(b"200 OK" in answer for answer in answers)
    assert made == BACKLOG <= took / PAUSE_S + 1
