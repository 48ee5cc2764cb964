"""The control socket, asked again and again without ever waiting for it: rounds of answers, and samples."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from agent.cli import client, texts, top_texts
from agent.cli.panes.station import Facts, Look

ANSWER_S = 10.0
LONGEST_LINE = 16 * 2**20
ROUND = ("status", "events", "buses")

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lost(Exception):
    """Nobody answers; str() says why and what to try."""


async def rounds(
    path: Path, every_s: float, tell: Callable[[Look], None], lost: Callable[[str], None]
) -> None:
    """`tell` a round every so often, for ever; `lost` is told why there is none."""
    now_s = asyncio.get_running_loop().time
    while True:
        try:
            async with _connected(path) as line:
                while True:
                    status, events, buses = [await _ask(path, line, verb) for verb in ROUND]
                    tell(Look(now_s(), status, events, buses))
                    await asyncio.sleep(every_s)
        except Lost as error:
            lost(str(error))
            await asyncio.sleep(every_s)


async def samples(
    path: Path, every_s: float, begin: Callable[[], None], tell: Callable[[Facts], None]
) -> None:
    """`tell` each sample, the last ones before first, for ever; `begin` is called before those."""
    while True:
        try:
            async with _connected(path) as (reader, writer):
                await _send(writer, "tail", before=True)
                await _receive(path, reader)
                begin()
                while True:
                    tell(await _receive(path, reader))
        except Lost:
            await asyncio.sleep(every_s)


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[Line]:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        raise Lost(texts.NOT_RUNNING.format(path=path)) from None
    except PermissionError:
        raise Lost(texts.NO_PERMISSION.format(path=path)) from None
    try:
        yield reader, writer
    except (OSError, ValueError):
        raise Lost(texts.HUNG_UP.format(path=path)) from None
    finally:
        writer.close()


async def _ask(path: Path, line: Line, verb: str) -> Facts:
    reader, writer = line
    await _send(writer, verb)
    try:
        async with asyncio.timeout(ANSWER_S):
            return await _receive(path, reader)
    except TimeoutError:
        raise Lost(texts.NO_ANSWER.format(path=path, seconds=ANSWER_S)) from None


async def _send(writer: asyncio.StreamWriter, verb: str, **arguments: object) -> None:
    writer.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
    await writer.drain()


async def _receive(path: Path, reader: asyncio.StreamReader) -> Facts:
    if not (text := await reader.readline()):
        raise Lost(texts.HUNG_UP.format(path=path))
    answer: dict[str, Any] = json.loads(text)
    if not answer.pop("ok", True):
        raise Lost(str(answer["error"]))
    return answer


def look(path: Path) -> Look:
    """One round, at once.

    Raises:
        NotRunning: nobody answers.
    """
    status, events, buses = (client.ask(path, verb) for verb in ROUND)
    return Look(time.monotonic(), status, events, buses)


def before(path: Path) -> list[Facts]:
    """The last samples, at once.

    Raises:
        NotRunning: nobody answers, or somebody who does not tell them.
    """
    lines = client.stream(path, "tail", timeout_s=ANSWER_S, before=True)
    if (first := next(lines, None)) is None:
        raise client.NotRunning(texts.HUNG_UP.format(path=path))
    if "before" not in first:
        raise client.NotRunning(str(first.get("error") or top_texts.NO_BEFORE.format(path=path)))
    found: list[Facts] = list(islice(lines, first["before"]))
    if len(found) < first["before"]:
        raise client.NotRunning(texts.HUNG_UP.format(path=path))
    return found
