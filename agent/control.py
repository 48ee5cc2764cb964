"""The control socket: the command line's door into the running daemon. One JSON object a line, either way.

Request: {"verb": "status", ...arguments}. Answer: {"ok": true, ...} or {"ok": false, "error": "..."}; a
streaming verb answers with one line an item until the client hangs up, and ends the connection's requests.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from agent.errors import AlreadyRunning
from buffer.errors import OutboxError

Answer = Mapping[str, Any]
Verb = Callable[[Mapping[str, Any]], Awaitable[Answer]]
Stream = Callable[[Mapping[str, Any]], AsyncIterator[Answer]]

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
LONGEST_REQUEST = 64 * 1024


class Control:
    """The verbs a client may call."""

    def __init__(self, verbs: Mapping[str, Verb], streams: Mapping[str, Stream]) -> None:
        self._verbs = verbs
        self._streams = streams
        self._clients: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Serve on `path` while the context is open; owner and group may connect.

        Raises:
            AlreadyRunning: another daemon answers there.
            OSError: the socket cannot be made.
        """
        _remove_stale(path)
        umask = os.umask(0o117)
        try:
            server = await asyncio.start_unix_server(self._serve, path, limit=LONGEST_REQUEST)
        finally:
            os.umask(umask)
        try:
            yield
        finally:
            server.close()
            for client in list(self._clients):
                client.cancel()
            path.unlink(missing_ok=True)  # noqa: ASYNC240  one unlink on a tmpfs, at the end

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if client := asyncio.current_task():
            self._clients.add(client)
            client.add_done_callback(self._clients.discard)
        try:
            with suppress(ConnectionError, ValueError):  # the client left, or its request is too long
                async for line in reader:
                    if (stream := await self._answer(line, writer)) is not None:
                        await _send_all(stream, reader, writer)
                        return
        finally:
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> AsyncIterator[Answer] | None:
        """Answers one request, or returns the stream that answers it and is the connection's last."""
        try:
            request = orjson.loads(line)
            verb = request["verb"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            await _send(writer, {"ok": False, "error": 'expected a line of JSON with a "verb"'})
            return None
        if verb in self._streams:
            return self._streams[verb](request)
        if verb in self._verbs:
            await _send(writer, await self._call(verb, request))
        else:
            known = ", ".join(sorted({*self._verbs, *self._streams}))
            await _send(writer, {"ok": False, "error": f'no verb "{verb}"; this daemon knows {known}'})
        return None

    async def _call(self, verb: str, request: Mapping[str, Any]) -> Answer:
        try:
            return {"ok": True, **await self._verbs[verb](request)}
        except (TypeError, ValueError, OutboxError) as error:
            return {"ok": False, "error": f"{verb}: {error}"}


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(orjson.dumps(answer, option=_OPTIONS))
    await writer.drain()


async def _send_all(
    items: AsyncIterator[Answer], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send until there is nothing more, or until the client hangs up, which nothing else would tell."""

    async def send() -> None:
        with suppress(ConnectionError):
            async for item in items:
                await _send(writer, item)

    async def listen() -> None:
        with suppress(ConnectionError):
            while await reader.read(LONGEST_REQUEST):
                pass

    async with asyncio.TaskGroup() as group:
        both = {group.create_task(send()), group.create_task(listen())}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()


def _remove_stale(path: Path) -> None:
    """A socket file nobody listens on is a leftover of a killed daemon."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(f"{path} exists and is no socket; remove it or set control.socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AlreadyRunning(f"another polegate already answers on {path}")
