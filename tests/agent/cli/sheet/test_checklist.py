"""What passes and what fails follows from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agent.cli.checks.findings import Finding, Verdict, fail, ok, warn
from agent.cli.sheet.checklist import Evidence, checks
from agent.cli.sheet.content import Camera
from agent.cli.sheet.signal import Signal
from agent.cli.sheet.summing import channels

NAMES = {"level": {"water_level": {"unit": "m", "decimals": 3}, "text": {"unit": "1", "decimals": 0}}}
AT_MS = 1_795_420_800_000


def sample(n: int, value: object, quality: int = 1, test: str = "") -> Mapping[str, Any]:
    readings = [["water_level", value, quality, test], ["text", "K-17", 1, ""]]
    return {"device": "level", "at_ms": AT_MS + 1000 * n, "seq": n, "readings": readings}


GOOD = [sample(n, 1.0 + n) for n in range(10)]


def summed(samples: list, begin_ms: int = 0) -> tuple:
    return tuple(channels(NAMES, {"water_level": "Water level"}, samples, begin_ms))


def evidence(healthy: dict[str, Any], samples: list = GOOD, **other: Any) -> Evidence:
    healthy["devices"] = healthy["devices"][:1]
    facts: dict[str, Any] = {
        "status": healthy, "channels": summed(samples), "cameras": (), "signal": Signal("eth0: cable", weak=False),
        "pubacks_s": [0.02, 0.03, 0.5], "kind": "river station", "missing": (), "has_position": True,
        "doctor": [ok("good")],
    }  # fmt: skip
    return Evidence(**{**facts, **other})


def verdicts(seen: Evidence, *which: Verdict) -> list[str]:
    return [each.found for each in checks(seen) if each.verdict in which]


def worse(seen: Evidence) -> list[str]:
    return verdicts(seen, Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN)


def test_a_station_that_is_well_passes_every_check(healthy) -> None:
    seen = evidence(healthy)
    assert worse(seen) == []
    assert "The broker acknowledges: 30 ms" in verdicts(seen, Verdict.OK)
    assert "level gave 10 samples, none missing" in verdicts(seen, Verdict.OK)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"missing": ["level gauge"]}, "A river station needs a level gauge, and nothing measures it"),
        ({"pubacks_s": []}, "The broker has acknowledged nothing in this time"),
        ({"doctor": [fail("the disk is full", "", "")]}, "polegate doctor: the disk is full"),
        ({"samples": []}, "level gave no sample in this time"),
        ({"samples": [*GOOD, sample(11, None, 9, "timeout")]},
         "level: 1 of 11 samples with something missing: timeout"),
        ({"samples": [*GOOD, sample(11, 99.0, 4, "range")]}, "level: water_level 1 bad (range)"),
        ({"cameras": [Camera(camera="bank", title="", model="", serial="", way="", score=None, note="")]},
         "bank: not served"),
    ],
)  # fmt: skip
def test_what_fails(healthy, other: dict[str, Any], said: str) -> None:
    assert verdicts(evidence(healthy, **other), Verdict.FAIL) == [said]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"kind": ""}, "station.kind is not set: what is expected cannot be told"),
        ({"has_position": False}, "station.latitude and longitude are not set"),
        ({"pubacks_s": [3.0]}, "The broker is slow to acknowledge: 3 s"),
        ({"signal": Signal("wlan0: Wi-Fi, -81 dBm", weak=True)}, "The line is weak: wlan0: Wi-Fi, -81 dBm"),
        ({"signal": Signal("no default route", None)}, "The line: no default route"),
        ({"doctor": [warn("no real-time clock", "", "")]}, "polegate doctor: no real-time clock"),
        ({"samples": [*GOOD, sample(11, 3.0, 3, "spike")]}, "level: water_level 1 suspect (spike)"),
        (
            {"samples": [*GOOD * 6, sample(61, None, 9, "timeout")]},
            "level: 1 of 61 samples with something missing: timeout",
        ),
    ],
)
def test_what_is_to_be_looked_at_and_fails_nobody(healthy, other: dict[str, Any], said: str) -> None:
    assert worse(evidence(healthy, **other)) == [said]
    assert verdicts(evidence(healthy, **other), Verdict.FAIL) == []


def test_the_daemons_own_troubles_fail(troubled) -> None:
    found = verdicts(evidence(troubled), Verdict.FAIL)
    assert "3 faults open" in found
    assert "The clock is not trusted" in found
    assert "The broker is not connected: no address is known for broker.example" in found
    assert "The oldest reading waits for 8 h 10 min" in found
    assert "bus /dev/ttyS2: ValueError: no such thing" in found


def test_only_what_came_since_the_beginning_counts_and_all_is_drawn() -> None:
    samples = [sample(0, None, 9, "timeout"), *[sample(n, float(n)) for n in range(1, 10)]]
    level, text = summed(samples, AT_MS + 5000)
    assert (level.samples, level.good, level.missing, level.low, level.high) == (
        5,
        5,
        0,
        "5.000 m",
        "9.000 m",
    )
    assert level.points[:2] == ((AT_MS, None), (AT_MS + 1000, 1.0))
    assert (text.last, text.low, text.points) == ("K-17", "-", ())


def test_a_slow_device_counts_by_its_last_sample() -> None:
    level, _ = summed(GOOD, AT_MS + 99_000)
    assert (level.samples, level.last) == (1, "10.000 m")


def test_one_sample_is_no_samples(healthy) -> None:
    assert "level gave 1 sample, none missing" in verdicts(evidence(healthy, GOOD[:1]), Verdict.OK)


def test_findings_have_a_verdict_each(healthy) -> None:
    assert all(isinstance(each, Finding) for each in checks(evidence(healthy)))
