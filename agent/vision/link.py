"""The worker's end of its link to the daemon: one JSON object a line, either way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

LONGEST_LINE = 1 << 20
"""Bytes that the daemon reads at once; what is longer is left out, or the link and all cameras would go."""

MOST_UNREAD = 8 << 20
"""Bytes that wait for a daemon that does not read; beyond them what is said again anyway is left out."""

KEPT = frozenset({"picture", "step", "tampered", "part", "answer"})
"""What is said once."""


class Link:
    """`say` never waits; `heard` ends when the daemon is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.left_out = 0

    @classmethod
    async def open(cls, descriptor: int) -> Link:
        """The link that this process was started with."""
        reader, writer = await asyncio.open_connection(
            sock=socket.socket(fileno=descriptor), limit=LONGEST_LINE
        )
        return cls(reader, writer)

    def say(self, what: str, camera: str = "", **words: object) -> None:
        """Tell the daemon."""
        if what not in KEPT and self._writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self.left_out += 1
            return
        said = {"say": what, **({"camera": camera} if camera else {}), **words}
        line = orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
        if len(line) > LONGEST_LINE:
            self.left_out += 1
            return
        self._writer.write(line)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def heard(self) -> AsyncIterator[Mapping[str, Any]]:
        """What the daemon says, until it hangs up."""
        while line := await self._reader.readline():
            yield orjson.loads(line)
