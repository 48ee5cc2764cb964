"""The control socket: the command line's door into the running daemon. One JSON object a line, either way.

Request: {"verb": "status", ...arguments}. Answer: {"ok": true, ...} or {"ok": false, "error": "..."}; a
streaming verb answers with one line an item until the client hangs up, and ends the connection's requests.

Everybody on the machine may connect and ask; what changes something is for members (agent/rights.py), and
written to the log. A refusal for want of rights also says "forbidden": true.
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

from agent.audit import Audit
from agent.errors import Absent, AlreadyRunning
from agent.rights import Peer, Rights, changes, peer_of, reserved
from buffer.errors import OutboxError

Answer = Mapping[str, Any]
Verb = Callable[[Mapping[str, Any]], Awaitable[Answer]]
Stream = Callable[[Mapping[str, Any]], AsyncIterator[Answer]]

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
LONGEST_REQUEST = 64 * 1024

MOST_GUESTS = 32
"""Connections at a time of those who may only read; members are always let in."""

GUEST_PAUSE_S = 0.02
"""Before each answer to a guest, while which no other guest is answered: they cannot keep the daemon busy."""


class Control:
    """The verbs a client may call; by default this process's own user and group are those with rights."""

    def __init__(
        self,
        verbs: Mapping[str, Verb],
        streams: Mapping[str, Stream],
        *,
        rights: Rights | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._verbs = verbs
        self._streams = streams
        self._rights = rights or Rights.own()
        self._audit = audit or Audit()
        self._guests = 0
        self._turn = asyncio.Lock()
        self._clients: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Serve on `path` while the context is open; everybody who can reach it may connect.

        Raises:
            AlreadyRunning: another daemon answers there.
            OSError: the socket cannot be made.
        """
        remove_stale(path, "control.socket")
        umask = os.umask(0o111)
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
                await self._receive(reader, writer)
        finally:
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = peer_of(writer.get_extra_info("socket"))
        if self._rights.member(peer):
            await self._converse(peer, reader, writer, member=True)
        elif self._guests >= MOST_GUESTS:
            error = f"{MOST_GUESTS} others are reading already; try again later, or use sudo"
            await _send(writer, {"ok": False, "error": error})
        else:
            self._guests += 1
            try:
                await self._converse(peer, reader, writer, member=False)
            finally:
                self._guests -= 1

    async def _converse(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, member: bool
    ) -> None:
        async for line in reader:
            answer = await (self._answer(line, peer) if member else self._answer_guest(line, peer))
            if not isinstance(answer, Mapping):
                await _send_all(answer, reader, writer)
                return
            await _send(writer, answer)

    async def _answer_guest(self, line: bytes, peer: Peer) -> Answer | AsyncIterator[Answer]:
        async with self._turn:
            await asyncio.sleep(GUEST_PAUSE_S)
            return await self._answer(line, peer, member=False)

    async def _answer(
        self, line: bytes, peer: Peer, *, member: bool = True
    ) -> Answer | AsyncIterator[Answer]:
        """The answer to one request, or the stream of answers that is the connection's last."""
        try:
            request = orjson.loads(line)
            verb = request["verb"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return {"ok": False, "error": 'expected a line of JSON with a "verb"'}
        if not isinstance(verb, str) or verb not in {*self._verbs, *self._streams}:
            known = ", ".join(sorted({*self._verbs, *self._streams}))
            return {"ok": False, "error": f'no verb "{verb}"; this daemon knows {known}'}
        if reserved(verb, request) and not member:
            self._audit.kept_out(peer, request)
            return {"ok": False, "forbidden": True, "error": self._rights.refusal(verb)}
        if verb in self._streams:
            return self._streams[verb](request)
        return await self._call(peer, verb, request)

    async def _call(self, peer: Peer, verb: str, request: Mapping[str, Any]) -> Answer:
        answer: Answer
        try:
            answer = {"ok": True, **await self._verbs[verb](request)}
        except (TypeError, ValueError, OutboxError) as error:
            answer = {"ok": False, "error": f"{verb}: {error}"}
            if isinstance(error, Absent):
                answer["absent"] = True
        if changes(verb):
            self._audit.carried_out(peer, request, answer)
        return answer


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


def remove_stale(path: Path, key: str) -> None:
    """A socket file nobody listens on is a leftover of a killed daemon; `key` of the configuration names it.

    Raises:
        AlreadyRunning: somebody listens on it.
        FileExistsError: it is no socket.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(f"{path} exists and is no socket; remove it or set {key}")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AlreadyRunning(f"another polegate already answers on {path}")
