"""The worker's end of the link: lines either way, and what is left out where nobody reads."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
from fakes.waiting import wait_until_async

from agent.vision import link as module
from agent.vision.link import Link


async def test_what_is_said_arrives_and_orders_are_heard_until_the_daemon_is_gone(link, daemon):
    mine, _ = link
    mine.say("sample", "bank", values=[["picture_score", np.float64(4.5)]], at_ms=np.int64(3))
    mine.say("alive", decoders=0)
    daemon.order(do="power", battery=True)
    daemon.order(do="take", event="e1")
    await wait_until_async(lambda: len(daemon.said) == 2)
    assert daemon.said[0] == {
        "say": "sample",
        "camera": "bank",
        "values": [["picture_score", 4.5]],
        "at_ms": 3,
    }
    assert daemon.said[1] == {"say": "alive", "decoders": 0}
    await daemon.writer.drain()
    daemon.writer.write_eof()
    assert [words["do"] async for words in mine.heard()] == ["power", "take"]


async def test_what_no_line_can_hold_is_left_out_and_the_link_lives(link, daemon):
    mine, _ = link
    mine.say("facts", "bank", facts={"model": "x" * module.LONGEST_LINE})
    mine.say("alive")
    await wait_until_async(lambda: daemon.said)
    assert (daemon.said, mine.left_out) == ([{"say": "alive"}], 1)


async def test_a_daemon_that_does_not_read_costs_figures_and_no_picture(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNREAD", 100_000)
    ours, theirs = socket.socketpair()
    link = await Link.open(theirs.detach())
    for _ in range(40):
        link.say("record", "bank", thumbnail="x" * 20_000)
    assert link.left_out > 10
    link.say("picture", "bank", id="p")
    reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
    lines = []
    while b'"picture"' not in (line := await reader.readline()):
        lines.append(line)
    assert len(lines) == 40 - link.left_out
    link.say("record", "bank", thumbnail="y")
    assert b'"y"' in await reader.readline()
    await link.close()
    writer.close()
