"""Who may ask, what is answered, and when it ends."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import cv2
import numpy as np
import pytest
from fakes.ports import listen
from fakes.waiting import wait_until

from agent.cli.aim.drawing import Drawing
from agent.cli.aim.looking import LEAST_GAP_S, Looking
from agent.cli.aim.server import Aim, Kept, Subject
from drivers.cameras.onvif.ptz import Preset
from drivers.errors import LinkTimeout
from drivers.frames import Frame, Way

from .conftest import Run, frames, written

SQUARE = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4], [0.1, 0.4]]


def get(url: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10.0)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def picture(run: Run, **asked: object) -> tuple[dict, np.ndarray, int]:
    status, headers, body = run.post("picture", asked)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    return json.loads(headers["X-Polegate-Meters"]), pixels, len(body)


def test_every_file_of_the_page_is_guarded_and_holds_no_secret(run) -> None:
    token = run.said["url"].partition("#")[2]
    assert len(token) >= 20
    for path in ("/", "/aim.js", "/aim.css", "/texts.js", "/icon.svg"):
        status, headers, body = get(run.said["url"], path)
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert token.encode() not in body
        assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
    assert get(run.said["url"], "/../server.py")[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Polegate-Token": ""},
        {"X-Polegate-Token": "é" * 22},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8090"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["camera", "picture", "save", "presets", "move", "goto"])
def test_others_are_refused(shared_run, path, headers) -> None:
    headers = {name: text.encode().decode("latin-1") for name, text in headers.items()}
    assert shared_run.post(path, {"shapes": []}, **headers)[0] == 403


def test_an_ssh_tunnel_may_use_another_port(run) -> None:
    assert run.post("camera", {}, Host="localhost:9999", Origin="http://localhost:9999")[0] == 200
    assert run.post("camera", {}, Host="[::1]:9999")[0] == 200
    assert get(run.said["url"], "/", Host="evil.example")[0] == 403
    assert get(run.said["url"], "/api/picture")[0] == 403


def test_it_is_heard_on_loopback_only(run) -> None:
    port = f"{urlsplit(run.said['url']).port:04X}"
    lines = "".join(Path(file).read_text() for file in ("/proc/net/tcp", "/proc/net/tcp6"))
    hosts = {
        line.split()[1].split(":")[0] for line in lines.splitlines() if f":{port} " in line and " 0A " in line
    }
    assert hosts <= {"0100007F", "00000000000000000000000001000000"}
    assert hosts


def test_pictures_keep_to_their_bytes_and_meters_to_the_whole(run) -> None:
    told, pixels, size = picture(run, side=320, most_bytes=8192)
    assert size <= 8192
    assert max(pixels.shape) <= 320
    assert (told["width"], told["height"], told["way"]) == (768, 576, "snapshot")
    large, pixels, size = picture(run, side=1600, most_bytes=400_000)
    assert pixels.shape == (576, 768, 3)
    assert large["sharpness"] == pytest.approx(told["sharpness"], rel=0.1)
    part, pixels, _ = picture(run, view=[0.5, 0.5, 0.25, 0.25], region=[0.5, 0.5, 0.25, 0.25])
    assert pixels.shape == (144, 192, 3)
    assert part["sharpness"] != pytest.approx(told["sharpness"], rel=0.1)


def test_masks_are_burnt_into_what_is_sent(run) -> None:
    told, pixels, _ = picture(run, masks=[SQUARE, [[0.9, 0.9], [0.95, 0.95], [0.92, 0.92]]])
    assert told["burnt"] == 1
    inside = pixels[80:200, 100:280].astype(int)
    assert abs(inside - 56).max() < 8


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("picture", {"side": 9}),
        ("picture", {"region": [0, 0, 2, 1]}),
        ("picture", {"file": "/etc/passwd"}),
        ("save", {}),
        ("save", {"shapes": [{"id": "s1", "kind": "spy", "polygon": SQUARE}]}),
        ("move", {"pan": 7}),
        ("goto", []),
    ],
)
def test_what_cannot_be_meant_is_refused(shared_run, path, body) -> None:
    status, _, answer = shared_run.post(path, body)
    assert status == 400
    assert json.loads(answer)["message"].startswith("not the JSON that was expected")


def test_a_camera_without_motors(run) -> None:
    assert json.loads(run.post("presets", {})[2]) == {"presets": None}
    assert run.post("move", {"pan": 1})[0] == 503


class Dome:
    """A sight with motors that plays a clip; `slow_s` is a look's."""

    def __init__(self, slow_s: float = 0.0) -> None:
        self.frames = frames(2)
        self.looks = 0
        self.slow_s = slow_s
        self.turned: list[object] = []
        self.error: LinkTimeout | None = None

    async def look(self) -> Frame:
        self.looks += 1
        await asyncio.sleep(self.slow_s)
        if self.error:
            raise self.error
        return Frame(camera="dome", at_ms=self.looks, way=Way.HOLD, pixels=self.frames[self.looks % 2])

    async def presets(self) -> tuple[Preset, ...]:
        return (Preset("1", "river"), Preset("2", ""))

    async def goto(self, token: str) -> None:
        if token == "9":
            raise LinkTimeout("the camera does not answer")
        self.turned.append(token)

    async def move(self, *, pan: float, tilt: float, zoom: float, for_s: float) -> None:
        self.turned.append((pan, tilt, zoom, for_s))


async def test_motors_are_turned() -> None:
    dome = Dome()
    aim = Aim(Subject("dome", host="192.0.2.9"), dome, Drawing(), lambda drawn: Kept(), token="t")
    listener = listen("127.0.0.1")
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    async with asyncio.timeout(10), aiohttp.ClientSession(headers={"X-Polegate-Token": "t"}) as session:
        serving = asyncio.create_task(aim.serve([listener]))
        async with session.post(f"{base}/presets", json={}) as answer:
            assert await answer.json() == {
                "presets": [{"token": "1", "name": "river"}, {"token": "2", "name": "2"}]
            }
        async with session.post(f"{base}/move", json={"pan": -1, "zoom": 0.5}) as answer:
            assert answer.status == 200
        async with session.post(f"{base}/goto", json={"token": "1"}) as answer:
            assert answer.status == 200
        async with session.post(f"{base}/goto", json={"token": "9"}) as answer:
            assert (answer.status, (await answer.json())["message"]) == (503, "the camera does not answer")
        dome.error = LinkTimeout("nobody there")
        async with session.post(f"{base}/picture", json={}) as answer:
            told = await answer.json()
        assert (answer.status, told["reason"], told["message"]) == (503, "timeout", "nobody there")
        assert "ping 192.0.2.9" in told["advice"]
        serving.cancel()
        await asyncio.wait([serving])
    assert dome.turned == [(-1.0, 0.0, 0.5, 0.4), "1"]


@pytest.mark.parametrize(("file", "said"), [("/x/a.toml", "/x/a.toml"), (None, "the configuration")])
async def test_a_full_disk_is_told(file: str | None, said: str) -> None:
    def keep(_: Drawing) -> Kept:
        raise OSError(errno.ENOSPC, "No space left on device", file)

    aim = Aim(Subject("dome"), Dome(), Drawing(), keep, token="t")
    listener = listen("127.0.0.1")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/save"
    async with asyncio.timeout(10), aiohttp.ClientSession(headers={"X-Polegate-Token": "t"}) as session:
        serving = asyncio.create_task(aim.serve([listener]))
        async with session.post(url, json={"shapes": []}) as answer:
            told = await answer.json()
        assert (answer.status, told["message"]) == (409, f"{said} cannot be written: No space left on device")
        serving.cancel()
        await asyncio.wait([serving])


async def test_many_tabs_share_a_look_and_the_camera_is_not_asked_faster() -> None:
    dome = Dome(slow_s=0.05)
    looking = Looking(dome, "dome")
    began_s = time.monotonic()
    first = await looking.look()
    seen = await asyncio.gather(*(looking.look() for _ in range(8)))
    assert first.at_ms == 1
    assert {frame.at_ms for frame in seen} == {2}
    assert time.monotonic() - began_s >= LEAST_GAP_S


async def test_pictures_alone_do_not_keep_it_alive() -> None:
    aim = Aim(Subject("dome"), Dome(), Drawing(), lambda drawn: Kept(), token="t", idle_s=1.0)
    listener = listen("127.0.0.1")
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    asked = 0
    async with asyncio.timeout(10), aiohttp.ClientSession(headers={"X-Polegate-Token": "t"}) as session:
        serving = asyncio.create_task(aim.serve([listener]))
        async with session.post(f"{base}/picture", json={"touched": True}) as answer:
            assert json.loads(answer.headers["X-Polegate-Meters"])["left_s"] == 1
        try:
            while not serving.done():
                async with session.post(f"{base}/picture", json={}) as answer:
                    asked += answer.status == 200
        except aiohttp.ClientError:
            pass
        await serving
    assert asked >= 1


def test_a_second_run_on_a_port_in_use_says_so(clip_camera, tmp_path, run) -> None:
    from click.testing import CliRunner

    from agent.cli.cameras.aim import command

    config = written(tmp_path, clip_camera)
    port = str(urlsplit(run.said["url"]).port)
    taken = CliRunner().invoke(command, ["north", "--port", port], obj={"config": config})
    assert taken.exit_code == 1
    assert f"port {port} cannot be used" in taken.output
    nobody = CliRunner().invoke(command, ["nroth"], obj={"config": config})
    assert nobody.exit_code == 2
    assert "did you mean north?" in nobody.output


def test_no_picture_touches_the_disk(run, clip_camera) -> None:
    before = clip_camera.served
    picture(run)
    wait_until(lambda: clip_camera.served > before)
    assert {file.name for file in run.config.parent.rglob("*") if file.is_file()} == {"polegate.toml"}
