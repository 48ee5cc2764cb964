"""Several gauges of one quantity, that must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import Latest
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreeSettings:
    """Gauges of one quantity, two or more. Raises ValueError for a setting that does not hold."""

    name: str = "agreement"
    """The rule's name."""
    members: tuple[Source, ...]
    """The channels, all in one unit."""
    suspect: float = 0.03
    """Apart by more than this: WATCH. The default is the 3 cm of QARTOD's example for water level, m."""
    fail: float = 0.05
    """Apart by more than this: WARNING. 5 cm, m."""
    raise_ms: int = 900_000
    """So long apart until it is told of."""
    clear_ms: int = 900_000
    """So long together until it is over."""
    oldest_ms: int = 900_000
    """A reading older than this is not compared."""

    def __post_init__(self) -> None:
        several = len(set(self.members)) == len(self.members) >= 2
        demand(several, "members", "two or more different channels", [str(each) for each in self.members])
        demand(0 < self.suspect <= self.fail, "fail", f"at least suspect's {self.suspect}", self.fail)
        for key in ("raise_ms", "clear_ms"):
            demand(getattr(self, key) >= 0, key, "0 or more", getattr(self, key))
        demand(self.oldest_ms > 0, "oldest_ms", "above 0", self.oldest_ms)


class AgreeRule:
    """SENSOR_DISAGREES: of two about the first, as nobody knows who is right; of more about each that is off.

    Of three or more, each is held against the median of those that are known, while at least three are.
    Detail: apart, level (suspect | fail), other (of two) or members (how many are known).
    """

    def __init__(self, settings: AgreeSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = settings.members
        self._latest = Latest(self.sources, settings.oldest_ms)
        judged = self.sources[:1] if len(self.sources) == 2 else self.sources
        self._members = [_Member(settings, source) for source in judged]

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._latest.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        values = self._latest.numbers(at_ms)
        known = [value for value in values if value is not None]
        if len(known) < min(3, len(values)):
            return ()
        if len(values) == 2:
            return self._members[0].judge(at_ms, known[0], known[1], {"other": str(self.sources[1])})
        middle = median(known)
        return [
            event
            for member, value in zip(self._members, values, strict=True)
            if value is not None
            for event in member.judge(at_ms, value, middle, {"members": float(len(known))})
        ]

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "latest": self._latest.state(),
            "members": [member.state() for member in self._members],
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._latest.restore(state["latest"])
        for member, kept in zip(self._members, state["members"], strict=True):
            member.restore(kept)


class _Member:
    """One gauge against what the others say."""

    __slots__ = ("_alarm", "_fail", "_settings", "_suspect")

    def __init__(self, settings: AgreeSettings, source: Source) -> None:
        self._settings = settings
        self._suspect = Latch(settings.raise_ms, settings.clear_ms)
        self._fail = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(settings.name, source, Kind.SENSOR_DISAGREES, Nature.FAULT)

    def judge(self, at_ms: int, value: float, against: float, words: dict[str, float | str]) -> list[Event]:
        settings = self._settings
        apart = abs(value - against)
        off, failing = apart > settings.suspect, apart > settings.fail
        changed = self._suspect.feed(at_ms, over=off, back=not off)
        worse = self._fail.feed(at_ms, over=failing, back=not failing)
        if not changed and not worse:
            return []
        fails = self._fail.on
        facts = {
            "value": value, "baseline": against, "threshold": settings.fail if fails else settings.suspect,
            "detail": {"apart": round(apart, 6), "level": "fail" if fails else "suspect", **words},
        }  # fmt: skip
        severity = Severity.WARNING if fails else Severity.WATCH
        if not self._suspect.on:
            return [self._alarm.closed(at_ms, **facts)] if self._alarm.is_open else []
        if self._alarm.is_open:
            return [self._alarm.updated(at_ms, severity, **facts)]
        began_ms = at_ms if self._suspect.since_ms is None else self._suspect.since_ms
        return [self._alarm.opened(began_ms, at_ms, severity, **facts)]

    def state(self) -> State:
        return {"suspect": self._suspect.state(), "fail": self._fail.state(), "alarm": self._alarm.state()}

    def restore(self, state: State) -> None:
        self._suspect.restore(state["suspect"])
        self._fail.restore(state["fail"])
        self._alarm.restore(state["alarm"])
