"""polegate clock: who keeps it and how closely, from what services say; what is wrong, and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.cli import clock, clock_sources
from agent.cli.checks.case import Case
from agent.cli.checks.machine import Machine
from agent.cli.clock_sources import Source
from agent.clock import BUILT_MS
from agent.loading import load

NOW_MS = BUILT_MS + 3_600_000

CONFIG = """
[station]
site = "riverside"
gateway = "pole-7"
utc_offset = "+08:00"
[uplink]
url = "mqtt://localhost:1"
"""

TIMESYNC = """\
       Server: 10.0.0.1 (ntp.example)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
      Stratum: 2
    Reference: C0A80001
    Precision: 1us (-23)
Root distance: 12.313ms (max: 5s)
       Offset: +1.250ms
        Delay: 2.300ms
       Jitter: 512us
 Packet count: 37
    Frequency: +8.125ppm
"""
UNREACHED = """\
       Server: (null) (n/a)
Poll interval: 0 (min: 32s; max 34min 8s)
 Packet count: 0
"""
CHRONY = "0A000001,10.0.0.1,3,1795514403.123,0.000012345,-0.000001,0.0001,8.125,-0.001,0.1,0.02,0.001,64.2,Normal\n"
GNSS = "50505300,,1,1795514403.123,-0.000000345,0,0,8.125,0,0.1,0.02,0.001,16.0,Normal\n"
LOST = "00000000,,0,0.000,0.000000000,0,0,0,0,0,1,1,0.0,Not synchronised\n"


def gateway(tmp_path: Path, answers: Mapping[str, str], *, synced: bool = True, **facts: object) -> Case:
    """What commands answer, by their first two words."""
    (tmp_path / "polegate.toml").write_text(CONFIG)
    machine = Machine(
        root=tmp_path, run=lambda words: answers.get(" ".join(words[:2]), ""), synced=lambda: synced
    )
    known = {"now_ms": NOW_MS, "status": {}} | facts
    return Case(
        machine=machine, config=tmp_path / "polegate.toml", socket=tmp_path / "s",
        loaded=load(tmp_path / "polegate.toml"), **known,
    )  # fmt: skip


def place(tmp_path: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)


def shown(case: Case, capsys: pytest.CaptureFixture[str]) -> str:
    from agent.cli import screen

    screen.show(*clock.view(clock.look(case)))
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_sources, "kernel_error_s", lambda: 0.0123)
    monkeypatch.setenv("COLUMNS", "80")


def test_a_clock_that_is_kept(tmp_path, capsys):
    place(
        tmp_path,
        {
            "proc/7/comm": "systemd-timesyn\n",
            "sys/class/rtc/rtc0/name": "rtc-ds1307\n",
            "sys/class/rtc/rtc0/since_epoch": f"{NOW_MS // 1000 + 2}",
        },
    )
    show = "Timezone=Asia/Shanghai\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n"
    answers = {"timedatectl timesync-status": TIMESYNC, "timedatectl show": show}
    status = {"clock": {"trusted": True, "source": "ntp"}}
    assert shown(gateway(tmp_path, answers, status=status), capsys) == (
        "time     2026-11-23T01:00:00.000Z, 09:00:00 at the station, system in\n"
        "         Asia/Shanghai\n"
        "kernel   synchronised, off by 12 ms at most\n"
        "kept by  systemd-timesyncd: 10.0.0.1 (ntp.example), stratum 2, 1.2 ms apart\n"
        "rtc      rtc-ds1307: 2026-11-23T01:00:02Z\n"
        "daemon   trusted: synchronised by NTP\n"
    )


def test_a_clock_that_nobody_keeps(tmp_path, capsys):
    jump = {"__REALTIME_TIMESTAMP": f"{NOW_MS}000", "PRIORITY": "4", "MESSAGE": (
        'event=fault kind=clock_stepped subject=clock reason=stepped message="somebody set the clock by 5000 ms"'
    )}  # fmt: skip
    answers = {
        "timedatectl show": "NTP=no\nLocalRTC=yes\n",
        "timedatectl timesync-status": UNREACHED,
        "journalctl --unit=polegate": json.dumps(jump),
    }
    said = "the clock is not synchronised: readings wait for it"
    status = {"clock": {"trusted": False, "source": "ntp"}, "faults": [{"subject": "clock", "message": said}]}
    text = shown(gateway(tmp_path, answers, synced=False, status=status), capsys)
    assert "kernel   not synchronised\n" in text
    assert "nobody: no time service is seen\n" in text
    assert "timedatectl set-ntp true" in text
    assert "daemon   not trusted: readings wait for the true time, then they go out\n" in text
    assert f"         {said}\n" in text
    assert "set      2026-11-23T01:00:00Z: somebody set the clock by 5000 ms\n" in text
    assert " fail 2026-11-23 01:00 UTC, not synchronised" in text
    assert " warn no real-time clock\n" in text
    assert " warn the real-time clock is kept in local time\n" in text


def test_a_service_that_runs_and_follows_nothing(tmp_path, capsys):
    place(tmp_path, {"proc/7/comm": "chronyd\n"})
    text = shown(gateway(tmp_path, {"chronyc -n": LOST}, synced=False), capsys)
    assert "kept by  chronyd: runs, and does not say what it follows, or follows nothing" in text
    assert "daemon   does not run, or does not answer this user\n" in text


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (TIMESYNC, Source(service="systemd-timesyncd", server="10.0.0.1 (ntp.example)", offset_s=0.00125, stratum=2)),
        ("Server: 10.0.0.1\nOffset: -3s\n", Source(service="systemd-timesyncd", server="10.0.0.1", offset_s=-3.0)),
        ("Server: 10.0.0.1\n", Source(service="systemd-timesyncd", server="10.0.0.1")),
        (UNREACHED, None),
        ("", None),
        ("Failed to parse bus message: Unknown object\n", None),
    ],
)  # fmt: skip
def test_what_timesyncd_says(text: str, source: Source | None):
    assert clock_sources.timesyncd(text) == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (CHRONY, Source(service="chronyd", server="10.0.0.1", offset_s=0.000012345, stratum=3)),
        (GNSS, Source(service="chronyd", server="PPS", offset_s=-0.000000345, stratum=1)),
        (LOST, None),
        ("", None),
        ("506 Cannot talk to daemon\n", None),
        ("a,b,c,d,e,f,g,h,i,j,k,l,m,n\n", None),
    ],
)
def test_what_chronyd_says(text: str, source: Source | None):
    assert clock_sources.chrony(text) == source


def test_the_kernels_own_word_is_a_number_or_nothing(monkeypatch):
    monkeypatch.undo()
    error_s = clock_sources.kernel_error_s()
    assert error_s is None or 0 <= error_s < clock_sources.UNSURE_S


def test_the_verb_in_json_and_by_its_exit_code(polegate, daemon, healthy, tmp_path, monkeypatch):
    place(tmp_path, {"polegate.toml": CONFIG, "bin/timedatectl": "#!/bin/sh\necho NTP=no\n"})
    (tmp_path / "bin" / "timedatectl").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    daemon.answers["status"] = healthy
    result = polegate("clock", "--json")
    facts = json.loads(result.stdout)
    assert facts["daemon"] == {"trusted": True, "source": "ntp"}
    assert facts["system"] == {"ntp": False, "local_rtc": False, "zone": ""}
    assert facts["offset_min"] == 480
    wrong = any(finding["verdict"] == "fail" for finding in facts["findings"])
    assert result.exit_code == int(wrong)
    assert polegate("clock").exit_code == result.exit_code
