"""What stands where, at every size of window; rates from two rounds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agent.cli.panes.layout import draw, screen
from agent.cli.panes.station import TREND, Look, Station
from agent.cli.panes.view import View
from agent.cli.top_texts import PANES

NOW_MS = 1_795_420_800_000
EVENT = {
    "id": "3fa2c91e00000001", "kind": "water_stage", "nature": "happening", "rule": "flood", "version": 1,
    "subject": "level.water_level", "severity": "critical", "phase": "opened", "began_ms": NOW_MS - 7_800_000,
    "at_ms": NOW_MS - 60_000, "value": 16.52, "baseline": None, "threshold": 16.5, "unit": "m", "decimals": 3,
    "evidence_unit": "m", "window": None, "evidence": [], "detail": {}, "caused_by": None, "suppressed": 0,
    "acknowledged": None, "shelved": False, "message": "water level 16.520 m: the guarantee stage is reached",
}  # fmt: skip
CAMERA = {
    "camera": "bank", "state": "frozen", "step": "streaming", "reason": "", "message": "", "since_ms": NOW_MS,
    "way": "snapshot", "why": "the cheapest", "last_ms": NOW_MS - 12_000, "samples": 3, "score": 41, "faults": ["frozen"],
    "reasons": {}, "tampered": False, "record": {}, "facts": {}, "figures": {"every_s": 30}, "values": [],
}  # fmt: skip
BUSES = [("/dev/ttyS1", True, 10.0), ("/dev/ttyS2", False, 0.0)]


def look(status: dict[str, Any], at_s: float, *, opened: tuple[dict, ...] = (), busy_s: float = 10.0) -> Look:
    buses = [{"bus": name, "open": is_open, "busy_s": busy_s} for name, is_open, _ in BUSES]
    events = {"now_ms": NOW_MS, "open": list(opened), "recent": [], "shelves": []}
    return Look(at_s, status, events, {"buses": buses})


@pytest.fixture
def station(troubled: dict[str, Any]) -> Station:
    troubled["cameras"] = [CAMERA]
    troubled["worker"] = {"pss_bytes": 2**26, "cpu_s": 40.0, "decoders": 0}
    it = Station()
    it.look(look(troubled, 100.0))
    later = {
        **troubled,
        "process": {"rss_bytes": 2**25, "cpu_s": troubled["process"]["cpu_s"] + 0.3},
        "outbox": {**troubled["outbox"], "items": troubled["outbox"]["items"] + 100},
        "worker": {"pss_bytes": 2**26, "cpu_s": 43.0, "decoders": 0},
    }
    it.look(look(later, 130.0, opened=(EVENT,), busy_s=16.0))
    for number in range(300):
        it.sample({"device": "level", "readings": [["water_level", number, 1, ""]]})
    return it


def test_rates_are_what_grew_between_two_rounds(station: Station) -> None:
    rates = station.rates()
    assert (round(rates.cpu, 4), rates.worker_cpu, rates.waiting_per_min) == (0.01, 0.1, 200.0)
    assert rates.loads == {"/dev/ttyS1": 0.2, "/dev/ttyS2": 0.2}


def test_with_one_round_there_is_none(healthy: dict[str, Any]) -> None:
    it = Station()
    it.look(look({**healthy, "uptime_s": 0.2}, 5.0))
    assert set(it.facts()["rates"].values()) == {None}
    assert [bus["load"] for bus in it.facts()["buses"]] == [None, None]
    text = "\n".join(line.plain for line in draw(it, View(), 80, 24))
    assert "up 200 ms  47 MiB" in text
    assert not re.search("cpu|msg/min|B/s|#", text.replace("[####", "").partition("device  reading")[0])


def test_a_daemon_started_anew_counts_from_nothing(station: Station, healthy: dict[str, Any]) -> None:
    station.look(look({**healthy, "epoch": "other"}, 140.0))
    assert len(station.looks) == 1


@pytest.mark.parametrize(
    ("acknowledged", "shown"), [(0, "0.0"), (1, "2.0"), (617, "1,234"), (10**9, "2,000,000,000")]
)
def test_no_rate_has_an_exponent(healthy: dict[str, Any], acknowledged: int, shown: str) -> None:
    it = Station()
    it.look(look(healthy, 5.0))
    count = healthy["uplink"]["acknowledged"] + acknowledged
    it.look(look({**healthy, "uplink": {**healthy["uplink"], "acknowledged": count}}, 35.0))
    assert f" {shown} msg/min" in draw(it, View(), 80, 24)[2].plain


@pytest.mark.parametrize("width", [24, 30, 40, 60, 80])
@pytest.mark.parametrize(
    ("state", "error"), [("connected", ""), ("connecting", ""), ("disconnected", "no address is known")]
)
def test_the_uplinks_state_is_kept_in_a_narrow_window(healthy, width: int, state: str, error: str) -> None:
    healthy["uplink"] |= {"state": state, "error": error, "puback_s": 0.043}
    it = Station()
    it.look(look(healthy, 5.0))
    it.look(look(healthy, 35.0))
    line = draw(it, View(), width, 24)[2].plain
    assert line.startswith(f"uplink   ● {state}")
    assert ("ack in 43 ms" in line) == (width >= 40 and not error)
    assert ("msg/min" in line) == (width >= 60 and not error)


def test_a_trend_has_an_end(station: Station) -> None:
    assert list(station.trends["level", "water_level"]) == list(range(300 - TREND, 300))


def test_the_first_pane_says_all_that_matters(station: Station) -> None:
    text = "\n".join(line.plain.rstrip() for line in draw(station, View(), 80, 60))
    for part in (
        "riverside/pole-7", "clock not trusted", "disconnected", "no address is known", "8% of 512 MiB", "340,212 readings, 8 h old",
        "12,040 lost", "+200/min", "3 faults, 1 event", "device_unreadable weather", "critical water_stage",
        "1 of 1 ok", "closed", "bank   streaming snapshot    41 12 s frozen", "1.234 m ·",
        "? range", "unit 3 did not answer", "cpu 1.0%", "cameras 10.0%",
    ):  # fmt: skip
        assert part in text, f"{part}\n{text}"


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 10), (200, 60), (20, 5)])
def test_it_fits_every_window(station: Station, pane: str, width: int, height: int) -> None:
    lines = draw(station, View(pane=pane), width, height, "1.0 KiB/s")
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width


def test_trouble_can_come_first(station: Station) -> None:
    lines = [line.plain for line in draw(station, View(pane="readings", sort="trouble"), 80, 24)]
    body = [line.split()[0] for line in lines[6:-1] if line[:1].strip()]
    assert body[:3] == ["weather", "level", "rain"]


def test_a_daemon_that_is_away_is_said_with_when_it_was_last_heard(station: Station) -> None:
    station.down = "no polegate is running (nobody answers on /run/polegate/control.sock)."
    text = "\n".join(line.plain for line in draw(station, View(), 80, 24))
    assert "no polegate is running" in text
    assert "Last heard of 2026-11-23 08:00 UTC" in text
    assert station.facts() == {"down": station.down}


def test_once_has_no_foot_and_no_blank_end(station: Station) -> None:
    lines = [line.plain for line in screen(station, 80, 50)]
    assert lines[-1].strip()
    assert not any("q quit" in line for line in lines)
