"""The configuration is checked by a real process of its own: what it hands over, and what its end means."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.judged import DOCUMENTED, HEAD
from fakes.waiting import wait_until

from agent.checking import outcome as parent
from agent.checking.beginning import begin, spawn
from agent.checking.outcome import outcome, read_again
from agent.errors import ConfigError, Unchecked
from agent.judge.judgement import compose
from agent.loaded import Loaded
from agent.loading import load

RULES = (Path(__file__).parents[3] / "docs" / "field-engineer" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = [
    re.sub(r"\[rules\.\w+", f"[rules.r{n}", example)
    for n, example in enumerate(re.findall(r"```toml\n(.*?)```", RULES, re.DOTALL))
]
RICH = (
    DOCUMENTED
    + "".join(EXAMPLES)
    + """
[ports.rs485-1]
line = { baud = 19200, parity = "E" }
[devices.pressure]
instrument = "keller-36x"
port = "rs485-1"
channels.water_pressure = { rename = "water_level", factor = 10.1972, offset = 14.62 }
[devices.wind]
instrument = "gill-windsonic"
port = "com-2"
[devices.level.channels.water_temperature]
report = { deadband = 0.2, at_least_s = 900 }
[devices.weather.channels.noise_level]
aggregate = { window_s = 60 }
[limits.level.water_temperature]
site = [-0.5, 34]
spike = [1.5, 6]
seasons = [{ span = [-0.5, 14], months = [11, 3] }]
[limits.weather]
air_temperature.neighbours = { of = ["level.water_temperature"], suspect = 25 }
relative_humidity.together = { of = ["weather.air_temperature"], deviations = 3 }
[cameras.bridge]
host = "192.168.10.30"
username = "polegate"
password = { file = "/etc/polegate/secrets/camera" }
send = { every_s = 1800 }
watches = ["level"]
masks = [[[0.0, 0.0], [0.25, 0.0], [0.25, 0.2], [0.0, 0.2]]]
zones.ford = { kind = "water", polygon = [[0.2, 0.6], [0.8, 0.6], [0.9, 0.95]] }
models.smoke = { file = "/opt/smoke.onnx", labels = ["smoke", "fire"] }
file = { id = "44010000001320000001", latitude = 23.74, longitude = 114.70 }
"""
)  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "polegate.toml"
    file.write_text(HEAD, encoding="utf-8")
    return file


@pytest.fixture
def hanging(config: Path) -> Path:
    """A fragment that is a pipe into which nobody writes: to open it takes for ever."""
    (config.parent / "conf.d").mkdir()
    os.mkfifo(config.parent / "conf.d" / "pipe.toml")
    return config


async def test_what_is_handed_over_is_what_loading_gives_here(config):
    config.write_text(HEAD + RICH, encoding="utf-8")
    (config.parent / "conf.d").mkdir()
    (config.parent / "conf.d" / "health.toml").write_text("[health]\nevery_s = 30\n", encoding="utf-8")
    found, ours = await outcome(begin(config), asyncio.Event()), load(config)
    assert isinstance(found, Loaded)
    assert found == ours
    assert (found.files, found.revision) == (ours.files, ours.revision)
    assert found.plan.measuring == ours.plan.measuring
    assert compose(found.plan.judgement).stages.keys() == compose(ours.plan.judgement).stages.keys()
    assert [hash(bus.endpoint) for bus in found.plan.buses] == [hash(bus.endpoint) for bus in ours.plan.buses]


async def test_every_mistake_is_told_as_it_is_here(config):
    config.write_text(HEAD + "[devices.a]\nunit = 'one'\nadress = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError) as there:
        await outcome(begin(config), asyncio.Event())
    with pytest.raises(ConfigError) as here:
        load(config)
    assert there.value.problems == here.value.problems
    assert len(here.value.problems) > 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "failed with code 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("print(end='')", "gave no answer"),
        ("print('hello')", "gave no answer"),
        ("print('cagent.loaded\\nOther\\n.')", "gave no answer"),  # pickled by another release
    ],
)
async def test_a_child_that_fails_or_says_something_else_checked_nothing(code, said):
    failing = spawn([sys.executable, "-c", code])
    with pytest.raises(Unchecked, match=said):
        await outcome(failing, asyncio.Event())
    assert failing.code is not None


async def test_one_that_takes_too_long_is_ended_while_the_loop_goes_on(hanging, monkeypatch):
    monkeypatch.setattr(parent, "WITHIN_S", 0.5)
    begun, beats = begin(hanging), list[float]()

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(beat())
    with pytest.raises(Unchecked, match=r"longer than 0\.5 s"):
        await outcome(begun, asyncio.Event())
    beating.cancel()
    assert begun.code == -signal.SIGKILL
    assert len(beats) > 10


async def test_told_to_stop_it_ends_the_child_and_says_nothing(hanging):
    begun, stop = begin(hanging), asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    assert await outcome(begun, stop) is None
    assert begun.code == -signal.SIGKILL


def test_a_child_whose_daemon_is_gone_ends_whatever_it_waits_for(hanging):
    begun = begin(hanging)
    wait_until(lambda: Path(f"/proc/{begun.pid}/oom_score_adj").read_text() == "1000\n")  # it has begun
    os.close(begun.tie)
    wait_until(begun.has_ended)
    assert begun.code == -signal.SIGIO
    os.close(begun.answer)


async def test_another_release_that_was_installed_meanwhile_is_not_believed(config, monkeypatch):
    monkeypatch.setattr(parent, "_OURS", (0, 0))
    with pytest.raises(ConfigError, match=f"{config}: cannot be checked: another release"):
        await read_again(config, asyncio.Event())


async def test_a_python_that_is_gone_is_said(config, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(config.parent / "python"))
    with pytest.raises(ConfigError, match=r"cannot be checked: .*No such file"):
        await read_again(config, asyncio.Event())


def test_the_daemon_imports_nothing_that_only_checking_needs():
    code = "import sys, agent.cli.main, agent.cli.run, agent.app; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"pydantic", "pydantic_core", "agent.loading", "agent.resolve", "agent.judge.rule_forms", "firmware_profiles.loader",
             "firmware_profiles.validation"}  # fmt: skip
    assert set(said.split()) & heavy == set()


def test_a_check_whose_daemon_is_gone_before_it_ties_itself_ends_without_a_word(config: Path):
    """As when a start is ended by SIGTERM: nobody wants a traceback in the log then."""
    start = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from agent.checking.beginning import part\n"
        "daemon = os.getpid()\n"
        "def alone():\n"
        "    while os.getppid() == daemon: time.sleep(0.002)\n"
        "os.register_at_fork(after_in_child=alone)\n"
        "part(Path(sys.argv[1]))\n"
        "os._exit(0)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", start, str(config)], capture_output=True, text=True, check=True, timeout=20
    )
    assert (ended.stdout, ended.stderr) == ("", "")
