"""A page over HTTP/1.1 for programs on this machine: GET /metrics, one request a connection.

The next connection is taken only when there is room for it, and not sooner than PAUSE_S after the last:
however many come, the rest of the daemon does not wait for them. Who is not taken yet waits in the kernel.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn

from agent.config_words import split_listen
from agent.control import remove_stale
from agent.metrics.exposition import CONTENT_TYPE
from buffer.errors import OutboxError

Page = Callable[[], Awaitable[str]]

MOST_CLIENTS = 4
BACKLOG = 8
"""Connections that the kernel keeps for us; more are turned away."""

PAUSE_S = 0.05
CLIENT_S = 5.0
"""For a client to ask and to take its answer."""

LONGEST_REQUEST = 8 * 1024
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r\n")


async def serve(listen: str, page: Page) -> NoReturn:
    """Answer on `listen`, as the configuration writes it, for ever.

    Raises:
        OSError: the address or the path cannot be had.
        AlreadyRunning: another process answers on the path.
    """
    async with _listening(listen) as door, asyncio.TaskGroup() as clients:
        loop, room = asyncio.get_running_loop(), asyncio.Semaphore(MOST_CLIENTS)
        while True:
            await room.acquire()
            client, _ = await loop.sock_accept(door)
            task = clients.create_task(_attend(client, page))
            task.add_done_callback(lambda _: room.release())
            await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def _listening(listen: str) -> AsyncIterator[socket.socket]:
    address = split_listen(listen)
    if isinstance(address, Path):
        remove_stale(address, "metrics.listen")
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        door = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with door:
        door.setblocking(False)
        door.bind(str(address) if isinstance(address, Path) else address)
        try:
            if isinstance(address, Path):
                address.chmod(0o666)  # as the control socket: everybody may look
            door.listen(BACKLOG)
            yield door
        finally:
            if isinstance(address, Path):
                address.unlink(missing_ok=True)


async def _attend(client: socket.socket, page: Page) -> None:
    """One request; who is slow or leaves is let go of."""
    with client, suppress(OSError, TimeoutError):
        client.setblocking(False)
        async with asyncio.timeout(CLIENT_S):
            await asyncio.get_running_loop().sock_sendall(client, await _answer(await _request(client), page))


async def _request(client: socket.socket) -> bytes:
    """The head of a request, or what there is of it when it is too long or the client has stopped."""
    loop, head = asyncio.get_running_loop(), b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_REQUEST:
        more = await loop.sock_recv(client, LONGEST_REQUEST)
        if not more:
            break
        head += more
    return head


async def _answer(head: bytes, page: Page) -> bytes:
    request = _REQUEST.match(head)
    if request is None or b"\r\n\r\n" not in head:
        return _response("400 Bad Request", "expected GET /metrics HTTP/1.1\n")
    method, path = request[1], request[2].partition(b"?")[0]
    if path != b"/metrics":
        return _response("404 Not Found", "there is /metrics only\n")
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "GET it\n", "Allow: GET, HEAD\r\n")
    try:
        whole = _response("200 OK", await page(), kind=CONTENT_TYPE)
    except OutboxError as error:
        return _response("503 Service Unavailable", f"{error}\n")
    return whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else whole


def _response(status: str, body: str, more: str = "", kind: str = "text/plain; charset=utf-8") -> bytes:
    octets = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(octets)}\r\n{more}"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + octets
