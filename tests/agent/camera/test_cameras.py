"""The daemon's end of the vision worker, with tiny programs in the worker's place."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.waiting import wait_until_async

from agent.camera import cameras as module
from agent.camera.cameras import CameraHealth, Cameras, WorkerFailed
from agent.camera.config import Camera
from agent.plan import CameraPlan
from drivers.readings import Quality

NOW_MS = 1_795_420_800_000

PROGRAM = """\
import json, os, pathlib, signal, socket, subprocess, sys, time
link = socket.socket(fileno=int(sys.argv[-1])).makefile("rwb", buffering=0)
def say(**words):
    link.write(json.dumps(words).encode() + b"\\n")
here = pathlib.Path(__file__).parent
(here / "pid").write_text(str(os.getpid()))
serve = json.loads(link.readline())
NOW = 1_795_420_800_000
"""


class Heard:
    """What came out of the worker."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []

    def now(self) -> tuple[int, bool]:
        return NOW_MS, True

    def sample(self, sample: Any) -> None:
        self.all.append(("sample", sample))

    def stepped(self, camera: str, health: CameraHealth) -> None:
        self.all.append(("stepped", (camera, health.step, health.reason)))

    def graded(self, camera: str, health: CameraHealth) -> None:
        self.all.append(("graded", (camera, health.faults)))

    def tampered(self, camera: str, health: CameraHealth) -> None:
        self.all.append(("tampered", (camera, health.tampered)))

    def recorded(self, camera: str, record: Any) -> None:
        self.all.append(("recorded", (camera, record)))

    def pictured(self, camera: str, picture: Any) -> None:
        self.all.append(("pictured", (camera, picture)))

    def of(self, kind: str) -> list[Any]:
        return [what for each, what in self.all if each == kind]


class Bench:
    """Cameras "bank", which watches the level, and "square", which watches everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard = Heard()
        self.health: dict[str, CameraHealth] = {}
        self.promises: list[float] = []
        plans = [
            CameraPlan("bank", Camera(host="10.0.0.1", watches=("level",))),
            CameraPlan("square", Camera(host="10.0.0.2")),
        ]
        self.cameras = Cameras(plans, {"site": "river"}, self.heard, self.health)

    async def run(self) -> None:
        await self.cameras.run(self.promises.append)

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.run())
        await wait_until_async((self.folder / "pid").exists)
        yield
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    def is_gone(self) -> bool:
        return not Path("/proc", (self.folder / "pid").read_text()).exists()

    def orders(self) -> list[dict[str, Any]]:
        file = self.folder / "heard"
        return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    """`bench(text)`: the text is the rest of a program that stands for the worker."""
    real = sys.executable

    def make(rest: str) -> Bench:
        program, python = tmp_path / "worker.py", tmp_path / "python"
        program.write_text(PROGRAM + rest)
        python.write_text(f'#!/bin/sh\nexec "{real}" "{program}" "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        return Bench(tmp_path)

    monkeypatch.setattr(module, "STOP_WITHIN_S", 0.5)
    return make


LISTEN = """\
say(say="alive", pss_bytes=1, cpu_s=0.1, decoders=0)
for line in iter(link.readline, b""):
    words = json.loads(line)
    with (here / "heard").open("a") as file:
        file.write(json.dumps(words) + "\\n")
    if words["do"] == "ask" and words["camera"] == "bank":
        say(say="answer", n=words["n"], error="")
    elif words["do"] == "ask" and words["verb"] == "accept":
        say(say="answer", n=words["n"], error="no picture yet")
"""


async def test_one_that_hangs_is_ended_with_its_children_and_told(bench, monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 0.6)
    hanging = bench(
        'say(say="alive", pss_bytes=1, cpu_s=0.1, decoders=0)\n'
        'child = subprocess.Popen(["sleep", "60"])\n'
        '(here / "child").write_text(str(child.pid))\n'
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    with pytest.raises(WorkerFailed, match=r"\(pid \d+\) hangs; it is started anew"):
        await hanging.run()
    assert hanging.is_gone()
    child = Path("/proc", (hanging.folder / "child").read_text(), "stat")
    await wait_until_async(lambda: not child.exists() or child.read_text().split()[2] == "Z")
    known = hanging.health["bank"]
    assert (known.step, known.reason) == ("starting", "worker")
    assert "hangs" in known.message
    assert max(hanging.promises) < 300


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("sys.exit(3)", "ended with code 3"),
        ('link.write(b\'{"say": "ali\'); os.kill(os.getpid(), signal.SIGKILL)', "ended by SIGKILL"),
        ("link.write(b'x' * (3 << 20)); time.sleep(60)", "more than a line can hold"),
        ("os.close(int(sys.argv[-1])); time.sleep(60)", "closed its link and hangs"),
    ],
)
async def test_every_other_end_is_told_in_words(bench, rest, said):
    ending = bench(rest)
    with pytest.raises(WorkerFailed, match=said):
        await ending.run()
    assert ending.is_gone()


async def test_packages_that_are_missing_are_named_and_nothing_is_started(bench, monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("json", "cv2_of_yore", "av_of_yore"))
    lacking = bench(LISTEN)
    with pytest.raises(WorkerFailed, match="no cv2_of_yore, av_of_yore"):
        await lacking.run()
    assert not (lacking.folder / "pid").exists()
    assert {name: known.reason for name, known in lacking.health.items()} == {
        "bank": "worker",
        "square": "worker",
    }


async def test_it_is_asked_for_pictures_by_what_watches_and_told_of_the_supply_once(bench):
    listening = bench(LISTEN)
    cameras = listening.cameras
    cameras.power(on_battery=True)
    async with listening.running():
        await wait_until_async(lambda: cameras.process)
        cameras.take("e1", 5, "level")
        cameras.take("e2", 6, "pole")
        cameras.take("e3", 7, "")
        cameras.power(on_battery=True)
        cameras.power(on_battery=False)
        await wait_until_async(lambda: len(listening.orders()) == 4)
    asked = [(each["event"], each["cameras"]) for each in listening.orders() if each["do"] == "take"]
    assert asked == [("e1", ["bank", "square"]), ("e2", ["square"]), ("e3", ["bank", "square"])]
    assert listening.orders()[-1] == {"do": "power", "battery": False}
    assert listening.is_gone()


async def test_what_was_asked_for_while_no_worker_ran_is_asked_of_the_next(bench):
    listening = bench(LISTEN)
    listening.cameras.take("e0", 4, "level")
    task = asyncio.create_task(listening.cameras.run(listening.promises.append, [("e1", 5, "pole")]))
    await wait_until_async(listening.orders)
    task.cancel()
    await asyncio.wait([task])
    assert [(each["event"], each["at_ms"], each["cameras"]) for each in listening.orders()] == [
        ("e1", 5, ["square"])
    ]


async def test_a_question_is_answered_refused_or_given_up(bench, monkeypatch):
    asked = bench(LISTEN)
    with pytest.raises(ValueError, match="is not running"):
        await asked.cameras.ask("accept", "bank")
    async with asked.running():
        await wait_until_async(lambda: asked.cameras.process)
        assert (await asked.cameras.ask("accept", "bank"))["error"] == ""
        with pytest.raises(ValueError, match="no picture yet"):
            await asked.cameras.ask("accept", "square")
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.1)
        with pytest.raises(ValueError, match="gave no answer about square"):
            await asked.cameras.ask("other", "square")
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", 30.0)
        hanging = asyncio.create_task(asked.cameras.ask("other", "square"))
        await wait_until_async(lambda: len(asked.orders()) == 4)
    with pytest.raises(ValueError, match="gave no answer"):  # it ended meanwhile
        await hanging


async def test_what_it_says_comes_to_the_station_and_strangers_are_not_heard(bench):
    telling = bench(
        'def tell(what, **words): say(say=what, camera="bank", **words)\n'
        'tell("step", step="reachable", before="starting", reason="unauthorised", message="m", at_ms=7)\n'
        'tell("facts", facts={"model": "x"})\n'
        'tell("sample", at_ms=NOW, values=[["picture_score", 90.0, 1, ""], ["motion_share.a", None, 9, "timeout"]])\n'
        'tell("graded", score=10, at_ms=8, learning=False, faults=["black"], reasons={"black": "dark"})\n'
        'tell("record", record={"at_ms": NOW}, thumbnail="", way="hold")\n'
        'tell("tampered", active=True)\n'
        'tell("picture", id="a", bytes=3, at_ms=NOW)\n'
        'tell("figures", way="hold", why="w", pictures=1)\n'
        'say(say="step", camera="stranger", step="changing", before="starting", reason="", message="", at_ms=9)\n'
        'tell("part", state="parked", error="ValueError: no model")\n'
        'tell("part", state="running", error="")\n' + LISTEN
    )
    async with telling.running():
        await wait_until_async(lambda: telling.cameras.process)
        known = telling.health["bank"]
        assert telling.heard.of("stepped") == [
            ("bank", "reachable", "unauthorised"),
            ("bank", "starting", "failed"),
        ]
        (sample,) = telling.heard.of("sample")
        assert (sample.device, sample.at_ms, sample.settled, sample.seq) == ("bank", NOW_MS, True, 1)
        assert [(r.channel, r.value, r.quality, r.test) for r in sample.readings] == [
            ("picture_score", 90.0, Quality.GOOD, ""),
            ("motion_share.a", None, Quality.MISSING, "timeout"),
        ]
        assert telling.heard.of("graded") == [("bank", ("black",))]
        assert telling.heard.of("recorded") == [("bank", {"at_ms": NOW_MS, "thumbnail": "", "way": "hold"})]
        assert telling.heard.of("tampered") == [("bank", True)]
        assert telling.heard.of("pictured") == [("bank", {"id": "a", "bytes": 3, "at_ms": NOW_MS})]
        assert (known.way, known.why, known.figures, known.facts) == (
            "hold",
            "w",
            {"pictures": 1},
            {"model": "x"},
        )
        assert (known.step, known.reason, known.message) == ("starting", "", "")
        assert telling.cameras.process == {"pss_bytes": 1, "cpu_s": 0.1, "decoders": 0}


async def test_a_time_by_a_clock_that_was_not_trusted_yet_is_not_taken_for_a_true_one(bench):
    clocks = bench(
        "for at_ms in (NOW - 259_200_000, NOW - 300_000, NOW - 9_000):\n"
        '    say(say="sample", camera="bank", at_ms=at_ms, values=[["picture_score", 90, 1, ""]])\n'
        '    say(say="picture", camera="bank", at_ms=at_ms)\n'
        '    say(say="record", camera="bank", record={"at_ms": at_ms}, thumbnail="", way="hold")\n'
        "link.readline()\n"
    )
    async with clocks.running():
        await wait_until_async(lambda: len(clocks.heard.of("recorded")) == 3)
    assert [(NOW_MS - each.at_ms) // 1000 for each in clocks.heard.of("sample")] == [0, 0, 9]
    assert [(NOW_MS - each["at_ms"]) // 1000 for _, each in clocks.heard.of("recorded")] == [0, 0, 9]
    assert [(NOW_MS - each["at_ms"]) // 1000 for _, each in clocks.heard.of("pictured")] == [0, 300, 9]
