"""A pole that leans slowly, or was struck: tilt against what this pole itself used to show."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import Inbox
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State

HOUR_MS = 3_600_000
MOST_IN_HOUR = 360
"""Readings of an hour its median is taken of; later ones take the place of the earliest."""
RECENT = 5
"""The median of so many readings is what the pole shows now: two wild ones do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TiltSettings:
    """Tilt limits. Raises ValueError for a setting that does not hold."""

    name: str = "tilt"
    """The rule's name."""
    source: Source
    """Tilt, deg."""
    cross_source: Source | None = None
    """Tilt of the axis at right angles, deg; both then count as one vector."""
    struck_deg: float = 3.0
    """So far from where it stood in the hour before, and from its baseline, deg: CRITICAL with pictures."""
    lean_deg: float = 2.0
    """A difference from its own baseline, deg, that means it leans: WARNING."""
    lean_hours: int = 3
    """So many hours' medians in a row."""
    learn_hours: int = 24
    """The baseline is the median of the first so many hourly medians, and stays."""
    learned: int = 0
    """Raise by one to have the baseline learned anew, after a repair."""
    clear_ms: int = 1_800_000
    """Nearer than half the limit for so long: it stands again."""

    def __post_init__(self) -> None:
        demand(self.struck_deg > 0, "struck_deg", "above 0", self.struck_deg)
        demand(self.lean_deg > 0, "lean_deg", "above 0", self.lean_deg)
        demand(self.lean_hours >= 1, "lean_hours", "1 or more", self.lean_hours)
        demand(1 <= self.learn_hours <= 720, "learn_hours", "1 to 720", self.learn_hours)
        demand(self.clear_ms >= 0, "clear_ms", "0 or more", self.clear_ms)


class Axis:
    """What one axis shows now, showed in the hour before, and showed when it was learned."""

    __slots__ = ("_hour", "_hourly", "_learn_hours", "_recent", "_values", "baseline", "before")

    def __init__(self, learn_hours: int) -> None:
        self._learn_hours = learn_hours
        self._hour = -1
        self._values: deque[float] = deque(maxlen=MOST_IN_HOUR)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._hourly: list[float] = []
        self.before: float | None = None
        """Median of the last whole hour."""
        self.baseline: float | None = None

    def add(self, at_ms: int, degrees: float) -> bool:
        """Whether an hour has just ended."""
        hour = at_ms // HOUR_MS
        ended = hour != self._hour and bool(self._values)
        if ended:
            self.before = median(self._values)
            self._values.clear()
            self._learn(self.before)
        self._hour = hour
        self._values.append(degrees)
        self._recent.append(degrees)
        return ended

    def _learn(self, hourly: float) -> None:
        if self.baseline is None:
            self._hourly.append(hourly)
            if len(self._hourly) >= self._learn_hours:
                self.baseline = median(self._hourly)
                self._hourly = []

    def forget_hour(self) -> None:
        """The hour before is of no use: the pole has been set right since."""
        self._values.clear()
        self.before = None

    @property
    def now(self) -> float | None:
        return median(self._recent) if len(self._recent) == RECENT else None

    def state(self) -> State:
        return {
            "hour": self._hour, "values": array("d", self._values), "recent": list(self._recent),
            "hourly": list(self._hourly), "before": self.before, "baseline": self.baseline,
        }  # fmt: skip

    def restore(self, state: State) -> None:
        self._hour = int(state["hour"])
        self._values = deque(state["values"], maxlen=MOST_IN_HOUR)
        self._recent = deque(state["recent"], maxlen=RECENT)
        self._hourly = list(state["hourly"])
        self.before, self.baseline = state["before"], state["baseline"]


class TiltRule:
    """Struck or leaning, until it stands again where it stood before.

    Detail: how (struck | leaning), change_deg, from_deg and now_deg of the first axis.
    """

    def __init__(self, settings: TiltSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = tuple(
            each for each in (settings.source, settings.cross_source) if each
        )
        self._inbox = Inbox(self.sources)
        self._axes = [Axis(settings.learn_hours) for _ in self.sources]
        self._leaning = 0
        self._leans_since_ms = 0
        self._upright: list[float] = []
        """Where it stood before what is open began, by axis."""
        self._stands = Latch(settings.clear_ms, 0)
        self._alarm = Alarm(settings.name, settings.source, Kind.TILTED, Nature.HAPPENING)

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._inbox.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        ended = False
        for axis, source in zip(self._axes, self.sources, strict=True):
            for read_ms, degrees in self._inbox.numbers(source, at_ms):
                ended |= axis.add(read_ms, degrees)
        found = self._strike(at_ms)
        if not found and ended:
            found = self._lean(at_ms)
        return found or self._recover(at_ms)

    def _strike(self, at_ms: int) -> list[Event]:
        now, before = [axis.now for axis in self._axes], [axis.before for axis in self._axes]
        change, off = _distance(now, before), _distance(now, [axis.baseline for axis in self._axes])
        struck = self._alarm.is_open and self._alarm.severity is Severity.CRITICAL
        limit = self.settings.struck_deg
        if struck or change is None or change <= limit or (off is not None and off <= limit):
            return []
        if not self._alarm.is_open:
            self._upright = [each for each in before if each is not None]
        return [self._tell(at_ms, at_ms, "struck", change, self.settings.struck_deg)]

    def _lean(self, at_ms: int) -> list[Event]:
        """At the end of an hour, by its median."""
        baseline, before = [axis.baseline for axis in self._axes], [axis.before for axis in self._axes]
        change = _distance(before, baseline)
        if change is None or change <= self.settings.lean_deg:
            self._leaning = 0
            return []
        if not self._leaning:
            self._leans_since_ms = at_ms
        self._leaning += 1
        if self._alarm.is_open or self._leaning < self.settings.lean_hours:
            return []
        self._upright = [each for each in baseline if each is not None]
        return [self._tell(self._leans_since_ms, at_ms, "leaning", change, self.settings.lean_deg)]

    def _tell(self, began_ms: int, at_ms: int, how: str, change: float, limit: float) -> Event:
        self._stands = Latch(self.settings.clear_ms, 0)
        struck = how == "struck"
        severity = Severity.CRITICAL if struck else Severity.WARNING
        now = self._axes[0].now or 0.0
        facts = {
            "value": now, "baseline": self._upright[0], "threshold": limit, "pictures": struck,
            "detail": {
                "how": how, "change_deg": round(change, 2), "from_deg": round(self._upright[0], 2),
                "now_deg": round(now, 2),
            },
        }  # fmt: skip
        if self._alarm.is_open:
            return self._alarm.updated(at_ms, severity, **facts)
        return self._alarm.opened(began_ms, at_ms, severity, **facts)

    def _recover(self, at_ms: int) -> list[Event]:
        if not self._alarm.is_open:
            return []
        change = _distance([axis.now for axis in self._axes], self._upright)
        if change is None:
            return []
        struck = self._alarm.severity is Severity.CRITICAL
        near = change < 0.5 * (self.settings.struck_deg if struck else self.settings.lean_deg)
        if not self._stands.feed(at_ms, over=near, back=not near):
            return []
        self._leaning = 0
        for axis in self._axes:
            axis.forget_hour()
        return [self._alarm.closed(at_ms, value=self._axes[0].now, baseline=self._upright[0])]

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "inbox": self._inbox.state(),
            "axes": [axis.state() for axis in self._axes],
            "leaning": [self._leaning, self._leans_since_ms],
            "upright": list(self._upright),
            "stands": self._stands.state(),
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._inbox.restore(state["inbox"])
        for axis, kept in zip(self._axes, state["axes"], strict=True):
            axis.restore(kept)
        self._leaning, self._leans_since_ms = state["leaning"]
        self._upright = [float(each) for each in state["upright"]]
        self._stands.restore(state["stands"])
        self._alarm.restore(state["alarm"])


def _distance(here: Sequence[float | None], there: Sequence[float | None]) -> float | None:
    """Length of the difference, deg; None while one of the axes is unknown."""
    pairs = [(a, b) for a, b in zip(here, there, strict=False) if a is not None and b is not None]
    if len(pairs) < len(here):
        return None
    return math.hypot(*(a - b for a, b in pairs))
