"""A sheet with a bit of everything in it."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import pytest

from agent.cli.checks.findings import fail, ok, warn
from agent.cli.sheet.content import Camera, Channel, Instrument, Sheet, Signature

NOW_MS = 1_795_420_800_000  # 2026-11-23T08:00:00Z
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()


def channel(device: str, name: str, **other: Any) -> Channel:
    points = tuple((NOW_MS - 60_000 + 1000 * n, 16.0 + n / 100 if n != 20 else None) for n in range(60))
    facts: dict[str, Any] = {
        "device": device, "channel": name, "title": "Water level above the datum", "unit": "m", "decimals": 3,
        "last": "16.590 m", "low": "16.000 m", "high": "16.590 m", "samples": 60, "good": 58, "unchecked": 0,
        "suspect": 1, "bad": 0, "missing": 1, "tests": {"spike": 1, "timeout": 1}, "points": points,
    }  # fmt: skip
    return Channel(**{**facts, **other})


@pytest.fixture
def sheet() -> Sheet:
    return Sheet(
        made_ms=NOW_MS, offset_min=480, version="0.1.0",
        station={"title": "东江大桥 <Dongjiang> & bridge", "site": "heyuan", "gateway": "river-3", "kind": "river station"},
        instruments=(
            Instrument(device="level", title="River level", profile="keller-36x", model="Keller 36 X W", unit="1",
                       bus="/dev/ttyS1 9600 8N1", every_s=10.0, serial="KL-204711"),
        ),
        channels=(channel("level", "water_level"), channel("level", "water_temperature", points=())),
        window=(NOW_MS - 60_000, NOW_MS),
        cameras=(
            Camera(camera="bank", title="Left bank", model="Loopback 2", serial="LB0001", way="snapshot", score=97,
                   note="", jpeg=base64.b64encode(JPEG).decode(), width=64, height=48),
            Camera(camera="gate", title="", model="", serial="", way="", score=None, note="no picture: it is away"),
        ),
        connection={"clock": "trusted: synchronised by NTP", "puback": "23 ms (median of 12; 20 ms to 90 ms)"},
        checks=(
            ok("The position is known"), warn("no real-time clock", "After a power cut", "Fit one"),
            fail("gate: 10.0.0.9 does not answer", "", "polegate camera probe gate"),
        ),
        open=("camera_failing gate, since 2026-11-23 07:00 UTC: it does not answer",),
        remarks=("Bank reinforced",),
        signatures=(Signature("Commissioned by", "李伟 Li Wei", "2026-11-23"), Signature("Accepted by")),
    )  # fmt: skip
