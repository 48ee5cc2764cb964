"""The control socket: the command line's door into the running daemon. One JSON object a line, either way.

Request: {"verb": "status", ...arguments}. Answer: {"ok": true, ...} or {"ok": false, "error": "..."}; a
streaming verb answers with one line an item until the client hangs up.
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
            path.unlink(missing_ok=True)  # noqa: ASYNC240  one unlink on a tmpfs, at the end

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, ValueError):  # the client left, or its request is too long
                async for request in reader:
                    async for answer in self._answers(request):
                        writer.write(orjson.dumps(answer, option=_OPTIONS))
                        await writer.drain()
        finally:
            writer.close()

    async def _answers(self, line: bytes) -> AsyncIterator[Answer]:
        try:
            request = orjson.loads(line)
            verb = request["verb"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            yield {"ok": False, "error": 'expected a line of JSON with a "verb"'}
            return
        if verb in self._streams:
            async for item in self._streams[verb](request):
                yield item
        elif verb in self._verbs:
            yield {"ok": True, **await self._verbs[verb](request)}
        else:
            known = ", ".join(sorted({*self._verbs, *self._streams}))
            yield {"ok": False, "error": f'no verb "{verb}"; this daemon knows {known}'}


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
