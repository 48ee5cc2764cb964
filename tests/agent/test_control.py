"""The control socket: stale files, second daemons, strange requests."""

from __future__ import annotations

import asyncio
import json
import socket
import stat

import pytest

from agent.control import Control
from agent.errors import AlreadyRunning


@pytest.fixture
def control():
    async def status(request):
        return {"echo": request.get("word", "")}

    async def tail(_request):
        for number in range(3):
            yield {"number": number}

    return Control({"status": status}, {"tail": tail})


async def talk(path, *requests: bytes) -> list[dict]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.writelines(requests)
    writer.write_eof()
    answers = [json.loads(line) async for line in reader]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_verbs_answer_and_streams_stream_on_one_connection(control, tmp_path):
    path = tmp_path / "run" / "control.sock"
    async with control.listening(path):
        answers = await talk(path, b'{"verb": "status", "word": "hi"}\n', b'{"verb": "tail"}\n')
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert answers == [{"ok": True, "echo": "hi"}, {"number": 0}, {"number": 1}, {"number": 2}]
    assert not path.exists()


async def test_what_is_no_request_is_refused_and_the_daemon_goes_on(control, tmp_path):
    path = tmp_path / "control.sock"
    async with control.listening(path):
        answers = await talk(path, b"hello\n", b"[1]\n", b'{"verb": "fly"}\n', b'{"verb": "status"}\n')
        assert (await talk(path, b"x" * 200_000)) == []
        assert (await talk(path, b'{"verb": "status"}\n'))[0]["ok"]
    assert [a["ok"] for a in answers] == [False, False, False, True]
    assert answers[2]["error"] == 'no verb "fly"; this daemon knows status, tail'


async def test_a_leftover_socket_is_replaced_a_living_one_is_not(control, tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with control.listening(path):
        with pytest.raises(AlreadyRunning, match="another polegate already answers on"):
            async with control.listening(path):
                pass
        assert (await talk(path, b'{"verb": "status"}\n'))[0]["ok"]


async def test_a_file_that_is_no_socket_is_left_alone(control, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(FileExistsError, match="is no socket"):
        async with control.listening(path):
            pass
    assert path.read_text() == "data"
