"""What stands in a commissioning sheet: facts only, the same for HTML, PDF and JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256

import orjson

from agent.cli.chart import Point
from agent.cli.checks.findings import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A device on a bus; `bus` is its port with the settings of the line."""

    device: str
    title: str
    profile: str
    model: str
    bus: str
    unit: str
    every_s: float
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One reading over the time that was looked at; `tests` are by how often each objected."""

    device: str
    channel: str
    title: str
    unit: str
    decimals: int
    last: str
    low: str
    high: str
    samples: int
    good: int
    unchecked: int
    suspect: int
    bad: int
    missing: int
    tests: Mapping[str, int]
    points: tuple[Point, ...]
    """Everything that is known of it, ms UTC and value; none where it is no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera; `jpeg` is base64, "" where `note` says why there is no picture."""

    camera: str
    title: str
    model: str
    serial: str
    way: str
    score: int | None
    note: str
    jpeg: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs; "" is a line to write on."""

    role: str
    name: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The whole sheet. `station` and `connection` are by the keys of the texts, in their order."""

    made_ms: int
    offset_min: int
    version: str
    station: Mapping[str, str]
    instruments: tuple[Instrument, ...]
    channels: tuple[Channel, ...]
    window: tuple[int, int]
    """From when to when `channels` count, ms UTC."""
    cameras: tuple[Camera, ...]
    connection: Mapping[str, str]
    checks: tuple[Finding, ...]
    open: tuple[str, ...]
    remarks: tuple[str, ...]
    signatures: tuple[Signature, ...]

    def count(self, verdict: Verdict) -> int:
        """Checks with this verdict."""
        return sum(check.verdict is verdict for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.count(Verdict.FAIL)

    def canonical(self) -> str:
        """The content as one line of JSON with sorted keys that may stand inside HTML."""
        facts = {**asdict(self), "passed": self.passed}
        text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        return sha256(self.canonical().encode()).hexdigest()
