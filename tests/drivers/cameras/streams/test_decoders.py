"""Decoders on GStreamer's RTSP server: pictures, refusals, and processes that hang, crash and end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.clips import Clip
from fakes.rtsp_camera import RtspCamera
from fakes.rtsp_speaker import RtspSpeaker
from fakes.waiting import wait_until, wait_until_async

from drivers.cameras.access import Credentials
from drivers.cameras.streams.decoders import Decoders
from drivers.errors import BadConfig, Garbled, LinkClosed, LinkTimeout, Refused, Unauthorised

PASSWORD = "pa ss:w@rd/%?"
ADMIN = Credentials("admin", PASSWORD)
TIMEOUT_S = 8.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {
        "/main": Clip().file(folder),
        "/h265": Clip(codec="h265", hue=200).file(folder),
        "/slices": Clip(slices=4).file(folder),
        "/blue": Clip(hue=200).file(folder),
    }


@pytest.fixture(scope="module")
def server(clips):
    with RtspCamera(clips, users={"admin": PASSWORD}) as camera:
        yield camera


@pytest.fixture
def camera(server):
    yield server
    server.refuse(0)
    server.thaw()
    server.set_users({"admin": PASSWORD})


@pytest.fixture
async def decoders():
    async with Decoders() as running:
        yield running


def blue(grabbed):
    return float(grabbed.pixels[:40, :, 0].mean())


async def exhaust(stream):
    while True:
        await stream.take(TIMEOUT_S)


def threads(pid):
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize(
    ("path", "codec", "hue"), [("/main", "h264", 40), ("/slices", "h264", 40), ("/h265", "h265", 200)]
)
async def test_grabs_a_key_frame_and_hangs_up(camera, decoders, path, codec, hue):
    before = camera.seen["teardowns"]
    asked = time.monotonic()
    grabbed = await decoders.grab(camera.url(path), ADMIN, TIMEOUT_S)
    assert (grabbed.codec, grabbed.width, grabbed.height) == (codec, 640, 360)
    assert grabbed.pixels.shape == (360, 640, 3)
    assert grabbed.pixels[:, :, 0].mean(axis=1) == pytest.approx(hue, abs=60), "to the last row"
    assert blue(grabbed) == pytest.approx(hue, abs=8)
    assert grabbed.fps == pytest.approx(25, abs=0.5)
    assert grabbed.damaged == 0
    assert asked < grabbed.at < time.monotonic()
    await wait_until_async(lambda: camera.seen["teardowns"] == before + 1)


async def test_holds_a_stream_and_gives_each_picture_once(camera, decoders):
    plays = camera.seen["plays"]
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        pictures = [await stream.take(TIMEOUT_S) for _ in range(3)]
        assert camera.seen["plays"] == plays + 1
    gaps = [after.at - before.at for before, after in pairwise(pictures)]
    assert all(0.7 < gap < 1.6 for gap in gaps), "a key frame a second"
    assert pictures[2].fps == pytest.approx(25, abs=0.5)
    await wait_until_async(lambda: camera.clients == 0)


async def test_a_held_stream_shows_what_the_camera_shows_now(camera, decoders, clips):
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        assert blue(await stream.take(TIMEOUT_S)) == pytest.approx(40, abs=8)
        camera.play("/main", clips["/blue"])
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while blue(await stream.take(TIMEOUT_S)) < 150:
                    pass
        finally:
            camera.play("/main", clips["/main"])


async def test_says_why_there_is_no_picture(camera, decoders):
    async def fails(url, credentials, error, code=None):
        with pytest.raises(error) as caught:
            await decoders.grab(url, credentials, TIMEOUT_S)
        assert PASSWORD not in str(caught.value)
        assert "pa%20ss" not in repr(caught.value)
        assert getattr(caught.value, "code", None) == code

    await fails(camera.url("/other"), ADMIN, Refused, 404)
    await fails(camera.url(), None, Unauthorised, 401)
    await fails(camera.url(), Credentials("admin", "wrong"), Unauthorised, 401)
    camera.set_users({"admin": "rotated"})
    await fails(camera.url(), ADMIN, Unauthorised, 401)
    camera.set_users({"admin": PASSWORD})
    camera.refuse(453)
    await fails(camera.url(), ADMIN, Refused, 453)
    await fails(f"rtsp://admin:{'x' * 9}@{camera.host}:9/", ADMIN, LinkClosed)
    with RtspSpeaker(raw=b"SSH-2.0-OpenSSH_9.2\r\n") as speaker:
        await fails(speaker.url, ADMIN, Garbled)
    for url in ("http://camera/", "/etc/passwd", "rtsp://", "rtsp://h:x/", f"rtsp://h/{'x' * 20_000}"):
        with pytest.raises(BadConfig):
            await decoders.grab(url, ADMIN, TIMEOUT_S)


async def test_silence_ends_at_the_deadline_and_delays_nobody(camera, decoders):
    with RtspSpeaker() as silent:
        began = time.monotonic()

        async def waits():
            with pytest.raises(LinkTimeout):
                await decoders.grab(silent.url, ADMIN, 2.0)
            return time.monotonic() - began

        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(waits()) for _ in range(3)]
            await decoders.grab(camera.url(), ADMIN, TIMEOUT_S)
        assert all(2.0 <= task.result() < 2.5 for task in waiting)
    assert len(decoders.pids) == 1


async def test_a_frozen_or_dropped_stream_is_told_and_can_be_held_anew(camera, decoders):
    async with decoders.hold(camera.url(), ADMIN, 1.0) as stream:
        await stream.take(TIMEOUT_S)
        camera.freeze()
        with pytest.raises(LinkTimeout):
            await exhaust(stream)
    camera.thaw()
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        await stream.take(TIMEOUT_S)
        camera.drop()
        with pytest.raises(LinkClosed):
            await stream.take(TIMEOUT_S)
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        await stream.take(TIMEOUT_S)


async def test_a_stuck_decoder_is_ended_by_its_pid_and_its_streams_move(camera, decoders):
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        await stream.take(TIMEOUT_S)
        (stuck,) = decoders.pids
        os.kill(stuck, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(LinkTimeout):
            await decoders.grab(camera.url("/h265"), ADMIN, 1.0)
        assert time.monotonic() - began < 1.3
        await stream.take(TIMEOUT_S)
        await wait_until_async(lambda: stuck not in decoders.pids)
        assert not Path(f"/proc/{stuck}").exists()
        assert len(decoders.pids) == 1


async def test_a_stuck_decoder_is_ended_though_somebody_still_waits_for_it(camera, decoders):
    async with decoders.hold(camera.url(), ADMIN, 4.0) as stream:
        await stream.take(4.0)
        (stuck,) = decoders.pids
        os.kill(stuck, signal.SIGSTOP)
        grabbing = asyncio.ensure_future(decoders.grab(camera.url("/h265"), ADMIN, 5.0))
        await asyncio.sleep(0)  # it is placed with the stuck one
        with pytest.raises(LinkTimeout):
            await stream.take(2.0)
        with suppress(LinkTimeout):  # moved in time on a fast machine
            await grabbing
        await wait_until_async(lambda: stuck not in decoders.pids)


async def test_a_decoder_that_dies_is_replaced_and_its_jobs_start_anew(camera, decoders):
    async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
        await stream.take(TIMEOUT_S)
        (dead,) = decoders.pids
        grabbing = asyncio.ensure_future(decoders.grab(camera.url("/h265"), ADMIN, TIMEOUT_S))
        await asyncio.sleep(0)
        os.kill(dead, signal.SIGKILL)
        await grabbing
        await stream.take(TIMEOUT_S)
        assert dead not in decoders.pids


async def test_a_job_that_never_ends_costs_its_decoder_its_life():
    program = (sys.executable, "-m", "fakes.rtsp_stuck_decoder")
    here = str(Path(__file__).parents[3])
    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = here
    try:
        async with Decoders(program=program) as stuck:
            with pytest.raises(LinkTimeout):
                await stuck.grab("rtsp://127.0.0.1:9/", None, 0.5)
            (pid,) = stuck.pids
            await wait_until_async(lambda: pid not in stuck.pids)
    finally:
        os.environ.pop("PYTHONPATH") if kept is None else os.environ.update(PYTHONPATH=kept)


async def test_a_decoder_that_does_not_start_is_told():
    async with Decoders(program=("/bin/false",)) as broken:
        with pytest.raises(Garbled, match="no decoder starts"):
            await broken.grab("rtsp://127.0.0.1:9/", None, TIMEOUT_S)
    async with Decoders(program=("/no/such/program",)) as broken:
        with pytest.raises(LinkClosed, match="No such file"):
            await broken.grab("rtsp://127.0.0.1:9/", None, TIMEOUT_S)


async def test_those_without_a_place_wait_in_line_and_held_streams_leave_one(camera):
    async with Decoders(processes=1, jobs=2) as few, few.hold(camera.url(), ADMIN, TIMEOUT_S):
        with pytest.raises(LinkTimeout, match="no decoder had a place"):
            async with few.hold(camera.url("/h265"), ADMIN, 0.3):
                pass
        grabs = [few.grab(camera.url("/h265"), ADMIN, TIMEOUT_S) for _ in range(3)]
        assert len(await asyncio.gather(*grabs)) == 3
        assert len(few.pids) == 1


async def test_an_idle_decoder_ends_and_comes_back(camera):
    async with Decoders(idle_s=0.05) as decoders:
        await decoders.grab(camera.url(), ADMIN, TIMEOUT_S)
        await wait_until_async(lambda: decoders.pids == [])
        await decoders.grab(camera.url(), ADMIN, TIMEOUT_S)


async def test_the_end_hangs_up_on_cameras_and_fails_who_waits(camera):
    with RtspSpeaker() as silent:
        async with Decoders() as decoders:
            waiting = asyncio.ensure_future(decoders.grab(silent.url, None, 60.0))
            async with decoders.hold(camera.url(), ADMIN, TIMEOUT_S) as stream:
                await stream.take(TIMEOUT_S)
                (pid,) = decoders.pids
        with pytest.raises(LinkClosed, match="shut down"):
            await waiting
        assert decoders.pids == []
        assert not Path(f"/proc/{pid}").exists()
        with pytest.raises(LinkClosed, match="shut down"):
            await decoders.grab(camera.url(), ADMIN, TIMEOUT_S)


async def test_nothing_grows_over_many_grabs(camera):
    async with Decoders(processes=1) as decoders:
        await _grab_often(camera, decoders)


async def _grab_often(camera, decoders):
    async def grab_ten():
        await asyncio.gather(*(decoders.grab(camera.url(), ADMIN, TIMEOUT_S) for _ in range(10)))

    def counted():
        (pid,) = decoders.pids
        return threads(pid), descriptors(pid), descriptors(os.getpid())

    await grab_ten()
    await wait_until_async(lambda: camera.clients == 0)
    await wait_until_async(lambda: counted()[0] == 1)
    before = counted()
    for _ in range(2):
        await grab_ten()
    await wait_until_async(lambda: camera.clients == 0)
    await wait_until_async(lambda: counted() == before)


async def test_the_password_is_on_no_command_line_and_a_decoder_dies_with_its_parent(camera):
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _HOLDER, camera.url(), PASSWORD),
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    child = int(await parent.stdout.readline())
    line = Path(f"/proc/{child}/cmdline").read_bytes() + Path(f"/proc/{child}/environ").read_bytes()
    os.kill(child, signal.SIGSTOP)  # it cannot see its socket close
    parent.kill()
    await parent.wait()
    wait_until(
        lambda: not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()
    )
    assert b"pa ss" not in line
    assert b"pa%20ss" not in line


_HOLDER = """
import asyncio, sys
from drivers.cameras.access import Credentials
from drivers.cameras.streams.decoders import Decoders

async def main():
    async with Decoders() as decoders:
        async with decoders.hold(sys.argv[1], Credentials("admin", sys.argv[2]), 10.0) as stream:
            await stream.take(10.0)
            print(*decoders.pids, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""
