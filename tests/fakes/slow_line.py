"""A line of so many bytes a second towards a server on loopback; what comes back is not held up."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fakes.ports import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES = 2048


class SlowLine:
    """`async with SlowLine(port, rate).running() as line`: connect to `line.host` and `line.port`."""

    def __init__(self, port: int, bytes_per_s: float) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self._behind = port
        self._bytes_per_s = bytes_per_s
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SlowLine]:
        listener = listen(self.host)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = listener.getsockname()[1]
        server = await asyncio.start_server(self._serve, sock=listener, limit=CHUNK_BYTES)
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        beyond_reader, beyond = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                async with asyncio.TaskGroup() as group:
                    back = group.create_task(self._carry(beyond_reader, writer, 0.0))
                    await self._carry(reader, beyond, 1 / self._bytes_per_s)
                    back.cancel()
        finally:
            self._tasks.discard(task)
            writer.close()
            beyond.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, s_per_byte: float
    ) -> None:
        due_s = asyncio.get_running_loop().time()
        while chunk := await reader.read(CHUNK_BYTES):
            due_s = max(due_s, asyncio.get_running_loop().time()) + len(chunk) * s_per_byte
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            writer.write(chunk)
            await writer.drain()
