"""A sensor's own faults, from the flags of its readings: stuck, out of range, erratic, silent, unusual."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from drivers.readings import Quality
from pipelines.alarm import Alarm, Latch
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State

STUCK = frozenset({"flat_line", "attenuated_signal"})
OUT_OF_RANGE = frozenset({"gross_range", "syntax", "not_finite"})
ERRATIC = frozenset({"spike", "rate_of_change"})
NOT_FITTED = frozenset({
    "not_installed", "empty", "invalid",
    "no_line", "out_of_zone", "no_reference", "not_seen", "no_events",
})  # fmt: skip
"""Why a value is missing when the device itself says that there is none: no fault."""

ERRATIC_COUNT, ERRATIC_MS = 5, 3_600_000
"""Doubtful jumps within an hour that make a sensor erratic; one alone is judged where it stands."""

REST_MS = 86_400_000
"""After something unusual a series is given a day, so that one disturbance is one event."""

_TROUBLES = {
    "stuck": (Kind.SENSOR_STUCK, Severity.WARNING, (0, 600_000)),
    "range": (Kind.SENSOR_OUT_OF_RANGE, Severity.WARNING, (60_000, 300_000)),
    "erratic": (Kind.SENSOR_ERRATIC, Severity.WATCH, (0, ERRATIC_MS)),
    "missing": (Kind.READINGS_MISSING, Severity.WARNING, (300_000, 60_000)),
}
"""Kind, severity, and the dwell before it is raised and before it is cleared, ms."""

_PRESENT = (Quality.GOOD, Quality.NOT_EVALUATED)
_DOUBTFUL = (Quality.SUSPECT, Quality.BAD)
_NOTHING: tuple[Event, ...] = ()


class SensorWatch:
    """The faults of one channel. `feed` each judged reading; what a flag means here depends on its test."""

    __slots__ = ("_jumps", "_troubles", "busy")

    def __init__(self, source: Source) -> None:
        self._troubles = {
            name: _Trouble(f"sensor.{name}", source, *facts) for name, facts in _TROUBLES.items()
        }
        self._jumps: deque[int] = deque(maxlen=ERRATIC_COUNT)
        self.busy = False
        """Whether anything is open or waiting, so that good readings matter."""

    def feed(self, at_ms: int, value: float | None, quality: Quality, test: str) -> Sequence[Event]:
        """Call it for every reading that is not good, and for good ones while `busy`.

        Not while the whole device is silent: that says nothing of the channel.
        """
        told: list[Event] = []
        for name, (over, back) in self._signs(at_ms, quality, test).items():
            told += self._troubles[name].feed(at_ms, value, over=over, back=back, test=test)
        self.busy = any(trouble.busy for trouble in self._troubles.values())
        return told or _NOTHING

    def forgive(self, at_ms: int) -> None:
        """The jump of that time was a true step."""
        if at_ms in self._jumps:
            self._jumps.remove(at_ms)

    def _signs(self, at_ms: int, quality: Quality, test: str) -> dict[str, tuple[bool, bool]]:
        """By trouble whether the reading shows it, and whether it shows that it is gone."""
        doubtful, present = quality in _DOUBTFUL, quality in _PRESENT
        jumped = doubtful and test in ERRATIC
        if jumped:
            self._jumps.append(at_ms)
        jumps = self._jumps
        erratic = len(jumps) == ERRATIC_COUNT and at_ms - jumps[0] <= ERRATIC_MS
        missing = quality is Quality.MISSING and test not in NOT_FITTED
        return {
            "stuck": (doubtful and test in STUCK, present or jumped),
            "range": (quality is Quality.BAD and test in OUT_OF_RANGE, present or quality is Quality.SUSPECT),
            "erratic": (erratic, present and not erratic),
            "missing": (missing, not missing),
        }

    def state(self) -> State:
        troubles = {name: trouble.state() for name, trouble in self._troubles.items()}
        return {"jumps": list(self._jumps), "troubles": troubles}

    def restore(self, state: State) -> None:
        for name, trouble in self._troubles.items():
            trouble.restore(state["troubles"][name])
        self._jumps = deque(map(int, state["jumps"]), maxlen=ERRATIC_COUNT)
        self.busy = any(trouble.busy for trouble in self._troubles.values())


class _Trouble:
    """One condition and its alarm."""

    __slots__ = ("_alarm", "_latch", "_severity")

    def __init__(
        self, rule: str, source: Source, kind: Kind, severity: Severity, dwell_ms: tuple[int, int]
    ) -> None:
        self._latch = Latch(*dwell_ms)
        self._alarm = Alarm(rule, source, kind, Nature.FAULT)
        self._severity = severity

    @property
    def busy(self) -> bool:
        return self._latch.on or self._latch.since_ms is not None

    def feed(self, at_ms: int, value: float | None, *, over: bool, back: bool, test: str) -> Sequence[Event]:
        if not (over or self.busy) or not self._latch.feed(at_ms, over=over, back=back):
            return _NOTHING
        if self._latch.on:
            began_ms = at_ms if self._latch.since_ms is None else self._latch.since_ms
            event = self._alarm.opened(began_ms, at_ms, self._severity, value=value, detail={"test": test})
        else:
            event = self._alarm.closed(at_ms, value=value)
        self._latch.since_ms = None
        return (event,)

    def state(self) -> State:
        return {"latch": self._latch.state(), "alarm": self._alarm.state()}

    def restore(self, state: State) -> None:
        self._latch.restore(state["latch"])
        self._alarm.restore(state["alarm"])


class UnusualWatch:
    """Something unusual in one series, as one event: open while it goes on, and a day of rest in all."""

    __slots__ = ("_alarm", "_last_ms", "_severity", "threshold")

    def __init__(
        self, rule: str, source: Source, threshold: float, severity: Severity = Severity.WATCH
    ) -> None:
        self.threshold = threshold
        self._severity = severity
        self._alarm = Alarm(rule, source, Kind.UNUSUAL, Nature.FAULT)
        self._last_ms = 0

    @property
    def busy(self) -> bool:
        """Whether an event is open, so that ordinary scores matter."""
        return self._alarm.is_open

    def feed(self, at_ms: int, value: float, score: float, baseline: float | None = None) -> Sequence[Event]:
        """Call it when the score passes the threshold, and for other scores while `busy`."""
        alarm = self._alarm
        if score > self.threshold:
            self._last_ms = at_ms
            if not alarm.is_open:
                detail = {"score": round(score, 2), "score_threshold": self.threshold}
                return (
                    alarm.opened(at_ms, at_ms, self._severity, value=value, baseline=baseline, detail=detail),
                )
        elif alarm.is_open and at_ms - alarm.began_ms >= REST_MS and at_ms - self._last_ms >= ERRATIC_MS:
            return (alarm.closed(at_ms, value=value),)
        return _NOTHING

    def state(self) -> State:
        return {"alarm": self._alarm.state(), "last_ms": self._last_ms}

    def restore(self, state: State) -> None:
        self._alarm.restore(state["alarm"])
        self._last_ms = int(state["last_ms"])
