"""Water standing in an underpass or on a road."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State
from pipelines.water.given import CONFIDENCE, given, mark, mine, require
from pipelines.water.ladder import Ladder

EVIDENCE = 10
_MOST_PENDING = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A depth and what it means."""

    name: str
    """What the platform shows: `slow`, `closed`."""
    depth_m: float
    """From this depth on, m."""
    severity: Severity
    """How grave it is."""


BANDS = (
    Band(name="caution", depth_m=0.15, severity=Severity.WARNING),
    Band(name="close", depth_m=0.27, severity=Severity.CRITICAL),
)
"""15 cm: ours, a kerb's height. 27 cm: Beijing closes an underpass there (from memory); Shanghai
does at 25 cm (its signs show no entry from there, Xinmin Evening News 2015-11-25)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterloggingSettings:
    """One depth gauge, and the pumps' contact if there is one."""

    name: str
    """The rule's id."""
    source: Source
    """The depth, m."""
    bands: tuple[Band, ...] = BANDS
    """In rising order of depth and severity."""
    hysteresis_m: float = 0.03
    """A band is left only this far under its depth."""
    raise_ms: int = 30_000
    """How long over a depth before it is told: a passing lorry's wave is shorter."""
    clear_ms: int = 10 * 60_000
    """How long under a depth and its hysteresis before it is over."""
    pump: Source | None = None
    """Whether the pumps run: true, or a number over 0 such as a current."""

    def __post_init__(self) -> None:
        require("bands", "one at least", self.bands, fits=bool(self.bands))
        depths = [band.depth_m for band in self.bands]
        fits = depths[0] > 0 and all(low < high for low, high in pairwise(depths))
        require("bands", "depths over 0, rising", depths, fits=fits)
        require(
            "hysteresis_m",
            "under the first depth",
            self.hysteresis_m,
            fits=0 <= self.hysteresis_m < depths[0],
        )
        require("raise_ms", "0 or more", self.raise_ms, fits=self.raise_ms >= 0)
        require("clear_ms", "0 or more", self.clear_ms, fits=self.clear_ms >= 0)


class WaterloggingRule:
    """One event from the first band reached until the water has gone.

    Without a pump depth is judged as it comes; with one, in `tick`, which has heard both.
    """

    __slots__ = (
        "_alarm",
        "_confidence",
        "_deepest",
        "_depths",
        "_ladder",
        "_mark",
        "_pending",
        "_pump",
        "_pumps",
        "_recent",
        "_settings",
        "_told",
        "sources",
    )  # fmt: skip

    def __init__(self, settings: WaterloggingSettings) -> None:
        self._settings = settings
        self._mark = mark(settings)
        self.sources: Sequence[Source] = (settings.source,) + ((settings.pump,) if settings.pump else ())
        self._depths = [band.depth_m for band in settings.bands]
        self._ladder = Ladder(len(self._depths), raise_ms=settings.raise_ms, clear_ms=settings.clear_ms)
        self._alarm = Alarm(
            settings.name, settings.source, Kind.WATERLOGGING, Nature.HAPPENING, pictures=True
        )  # fmt: skip
        self._confidence = 0.0
        self._deepest = 0.0
        self._recent: deque[tuple[int, float]] = deque(maxlen=EVIDENCE)
        self._pending: deque[tuple[int, float, int]] = deque(maxlen=_MOST_PENDING)
        self._pumps: deque[tuple[int, str]] = deque(maxlen=_MOST_PENDING)
        self._pump = self._told = "unknown"

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        if value is None or quality is Quality.BAD:
            return ()
        settings = self._settings
        if source != settings.source:
            self._pumps.append((at_ms, "running" if _runs(value) else "stopped"))
            return ()
        depth = given(value)
        if depth is None:
            return ()
        if settings.pump is not None:
            self._pending.append((at_ms, depth, int(quality)))
            return ()
        event = self._judge(at_ms, depth, quality)
        return (event,) if event else ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        """Judge both up to now, and tell of an open event when the pumps start or stop."""
        events: list[Event] = []
        pending = self._pending
        while pending and pending[0][0] <= at_ms:
            reading_ms, depth, quality = pending.popleft()
            self._hear_pumps(reading_ms)
            event = self._judge(reading_ms, depth, Quality(quality))
            if event:
                events.append(event)
        self._hear_pumps(at_ms)
        if self._alarm.is_open and self._pump != self._told:
            self._told = self._pump
            events.append(self._alarm.updated(at_ms, **self._facts(self._recent[-1][1])))
        return events

    def _hear_pumps(self, at_ms: int) -> None:
        while self._pumps and self._pumps[0][0] <= at_ms:
            self._pump = self._pumps.popleft()[1]

    def _judge(self, at_ms: int, depth: float, quality: Quality) -> Event | None:
        self._recent.append((at_ms, depth))
        ladder = self._ladder
        if depth < self._depths[0] and ladder.calm:
            return None
        over = sum(depth >= band for band in self._depths)
        hold = sum(depth >= band - self._settings.hysteresis_m for band in self._depths)
        before = ladder.rung
        self._deepest = max(depth, self._deepest)
        if ladder.feed(at_ms, over, hold):
            self._confidence = CONFIDENCE[quality]
            return self._tell(at_ms, before, depth)
        if ladder.calm:
            self._deepest = 0.0
        return None

    def _tell(self, at_ms: int, before: int, depth: float) -> Event:
        rung = self._ladder.rung
        self._told = self._pump
        if not rung:
            facts = self._facts(depth)
            self._deepest = 0.0
            return self._alarm.closed(at_ms, **facts)
        severity = self._settings.bands[rung - 1].severity
        if before:
            return self._alarm.updated(at_ms, severity, **self._facts(depth))
        return self._alarm.opened(self._ladder.since_ms, at_ms, severity, **self._facts(depth))

    def _facts(self, depth: float) -> dict[str, Any]:
        rung = self._ladder.rung
        return {
            "value": depth,
            "threshold": self._depths[max(rung, 1) - 1],
            "evidence": tuple(self._recent),
            "detail": {
                "band": self._settings.bands[rung - 1].name if rung else "none",
                "deepest": self._deepest,
                "confidence": self._confidence,
                "pump": self._told,
            },
        }

    def state(self) -> State:
        return {
            "settings": self._mark,
            "ladder": self._ladder.state(),
            "alarm": self._alarm.state(),
            "confidence": self._confidence,
            "deepest": self._deepest,
            "recent": [list(each) for each in self._recent],
            "pending": [list(each) for each in self._pending],
            "pumps": [list(each) for each in self._pumps],
            "pump": self._pump,
            "told": self._told,
        }

    def restore(self, state: State) -> None:
        mine(state, self._mark)
        self._ladder.restore(state["ladder"])
        self._alarm.restore(state["alarm"])
        self._confidence, self._deepest = float(state["confidence"]), float(state["deepest"])
        self._recent = deque(((at_ms, depth) for at_ms, depth in state["recent"]), EVIDENCE)
        self._pending = deque((tuple(each) for each in state["pending"]), _MOST_PENDING)
        self._pumps = deque(((at_ms, pump) for at_ms, pump in state["pumps"]), _MOST_PENDING)
        self._pump, self._told = str(state["pump"]), str(state["told"])


def _runs(value: Value) -> bool:
    return value in ("on", "running", "true") if isinstance(value, str) else value > 0
