"""The worker on its link: cameras side by side, questions, the clock, and the end."""

from __future__ import annotations

import asyncio

import pytest
from fakes.camera_station import Showing
from fakes.onvif_camera import FakeCamera, Quirks
from fakes.waiting import wait_until_async

from agent.clock import Clock
from agent.vision import worker as module
from agent.vision.worker import Worker, usage


@pytest.fixture
async def worker(link, daemon):
    task = asyncio.create_task(Worker(link[0]).run())
    yield task
    daemon.writer.write_eof()
    await asyncio.wait_for(task, 10)


async def test_cameras_are_served_side_by_side_and_one_that_cannot_be_fails_alone(
    worker, daemon, served, tmp_path
):
    (tmp_path / "smoke.onnx").write_bytes(b"no network")
    model = {"smoke": {"file": str(tmp_path / "smoke.onnx"), "labels": ["smoke"]}}
    async with (
        FakeCamera(pictures=Showing(), quirks=Quirks(auth="none")) as well,
        FakeCamera(quirks=Quirks(slow_s=30.0)) as slow,
    ):
        cameras = {
            "well": {"host": f"{well.host}:{well.port}", "every_s": 0.5},
            "slow": {"host": f"{slow.host}:{slow.port}", "every_s": 0.5},
            "misled": {"host": "127.0.0.1:1", "models": model},
        }
        daemon.order(**served(tmp_path, **cameras))
        await wait_until_async(lambda: len([s for s in daemon.of("sample") if s["camera"] == "well"]) >= 3)
        (failed, *_) = daemon.of("part")
        assert failed["camera"] == "misled"
        assert "smoke.onnx" in failed["error"]
        assert daemon.of("alive")[0]["pss_bytes"] > 1 << 20
        for number, (verb, camera) in enumerate((("accept", "well"), ("accept", "bank"), ("sing", "well"))):
            daemon.order(do="ask", n=number, verb=verb, camera=camera)
        await wait_until_async(lambda: len(daemon.of("answer")) == 3)
        assert [bool(each["error"]) for each in daemon.of("answer")] == [False, True, True]
        daemon.order(do="power", battery=True)
        await wait_until_async(
            lambda: any(f["camera"] == "well" and f["every_s"] == 600 for f in daemon.of("figures"))
        )
        daemon.order(do="take", event="e1", at_ms=daemon.of("sample")[-1]["at_ms"], cameras=["well", "slow"])
        await wait_until_async(lambda: well.requests["snapshot"] >= 4)


async def test_an_event_that_comes_before_a_camera_is_ready_has_its_pictures(
    worker, daemon, served, tmp_path
):
    (tmp_path / "incoming").mkdir()
    async with FakeCamera(pictures=Showing(), quirks=Quirks(auth="none")) as camera:
        send = {"every_s": "never", "before_s": 0, "after_s": [0]}
        bank = {"host": f"{camera.host}:{camera.port}", "every_s": 0.5, "send": send}
        daemon.order(**served(tmp_path, bank=bank))
        daemon.order(do="take", event="e1", at_ms=Clock(synced=lambda: True).now()[0], cameras=["bank"])
        (picture,) = await wait_until_async(lambda: daemon.of("picture"))
        assert (picture["event"], picture["why"]) == ("e1", "event")


async def test_the_clock_is_trusted_as_soon_as_the_kernel_trusts_it(
    worker, daemon, served, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "CLOCK_S", 0.02)
    synced, clocks = [False], []

    class Watched(Clock):
        def __init__(self) -> None:
            super().__init__(synced=lambda: synced[0])
            clocks.append(self)

    monkeypatch.setattr(module, "Clock", Watched)
    daemon.order(**served(tmp_path) | {"clock": "ntp"})
    await wait_until_async(lambda: clocks)
    assert not clocks[0].trusted
    synced[0] = True
    await wait_until_async(lambda: clocks[0].trusted)


async def test_it_ends_when_the_daemon_has_gone_whatever_it_is_at(
    link, daemon, served, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "STOP_WITHIN_S", 1.0)
    async with FakeCamera(quirks=Quirks(slow_s=30.0)) as slow:
        task = asyncio.create_task(Worker(link[0]).run())
        daemon.order(**served(tmp_path, slow={"host": f"{slow.host}:{slow.port}", "every_s": 0.5}))
        await wait_until_async(lambda: slow.connections)
        daemon.writer.write_eof()
        await asyncio.wait_for(task, 5)


def test_a_process_that_has_gone_has_no_memory():
    assert usage([])["pss_bytes"] >= usage([2**22 + 1])["pss_bytes"] * 0.5 > 0
