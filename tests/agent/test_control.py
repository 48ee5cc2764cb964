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


async def test_verbs_answer_and_streams_stream(control, tmp_path):
    path = tmp_path / "run" / "control.sock"
    async with control.listening(path):
        assert await talk(path, b'{"verb": "status", "word": "hi"}\n') == [{"ok": True, "echo": "hi"}]
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"verb": "tail"}\n')
        assert [json.loads(await reader.readline()) for _ in range(3)] == [{"number": n} for n in range(3)]
        writer.close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert not path.exists()


async def test_what_is_no_request_is_refused_and_the_daemon_goes_on(control, tmp_path):
    path = tmp_path / "control.sock"
    async with control.listening(path):
        answers = await talk(path, b"hello\n", b"[1]\n", b'{"verb": "fly"}\n', b'{"verb": "status"}\n')
        assert (await talk(path, b"x" * 200_000)) == []
        assert (await talk(path, b'{"verb": "status"}\n'))[0]["ok"]
    assert [a["ok"] for a in answers] == [False, False, False, True]
    assert answers[2]["error"] == 'no verb "fly"; this daemon knows status, tail'


async def test_a_stream_ends_when_its_client_hangs_up_though_nothing_comes(tmp_path):
    ended = asyncio.Event()

    async def silent(_request):
        try:
            yield {"first": True}
            await asyncio.Event().wait()
        finally:
            ended.set()

    path = tmp_path / "control.sock"
    async with Control({}, {"tail": silent}).listening(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"verb": "tail"}\n')
        await reader.readline()
        writer.close()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_streams_end_with_the_daemon(tmp_path):
    async def silent(_request):
        yield {"first": True}
        await asyncio.Event().wait()

    path = tmp_path / "control.sock"
    async with Control({}, {"tail": silent}).listening(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"verb": "tail"}\n')
        await reader.readline()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_verb_that_fails_answers_why(tmp_path):
    async def outbox(request):
        return {"peek": int(request["peek"])}

    path = tmp_path / "control.sock"
    async with Control({"outbox": outbox}, {}).listening(path):
        (answer,) = await talk(path, b'{"verb": "outbox", "peek": "all"}\n')
    assert not answer["ok"]
    assert "invalid literal" in answer["error"]


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
