"""The rule that operators write themselves: one figure against limits, and what else must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.buckets import Buckets, Summary
from pipelines.cross.inbox import Inbox, Latest, is_usable
from pipelines.cross.limits import Condition, Limits
from pipelines.cross.trend import theil_sen
from pipelines.events import Event, Kind, Nature, Severity, Source, Window
from pipelines.state import State

STEPS = 60
SLOPE_STEPS = 30
"""A window slides in sixtieths of itself, for a slope in thirtieths."""
HOUR_MS = 3_600_000


class Take(StrEnum):
    """What is taken of the source."""

    VALUE = "value"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    CHANGE = "change"  # last minus first of the window
    SLOPE = "slope"  # per hour, by Theil-Sen over the means of the window's steps


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """One operator's rule. Raises ValueError for a setting that does not hold."""

    name: str
    """The rule's name: of its own for each rule."""
    source: Source
    """Any channel."""
    limits: Limits
    """In the unit of what is taken: the channel's, of a slope per hour."""
    take: Take = Take.VALUE
    """What is compared."""
    window_ms: int = 600_000
    """Of every take but `value`; it slides in sixtieths of itself."""
    least_n: int = 1
    """Readings a window must have to be judged."""
    raise_ms: int = 0
    """The condition must hold so long without a break."""
    clear_ms: int = 0
    """It must be back so long without a break."""
    severity: Severity = Severity.WARNING
    """Of the event."""
    nature: Nature = Nature.HAPPENING
    """A happening, or a fault of the station."""
    title: str = ""
    """For people; detail's `title`."""
    pictures: bool = False
    """Ask the cameras for pictures when it opens."""
    also: tuple[Condition, ...] = ()
    """All of these must hold as well; back when one of them no longer does."""
    unless: tuple[Condition, ...] = ()
    """None of these may hold."""
    oldest_ms: int = 900_000
    """With `also` or `unless`: a value older than this is unknown."""
    use_bad: bool = False
    """Judge values that are flagged BAD as well."""

    def __post_init__(self) -> None:
        demand(bool(self.name), "name", "some text", self.name)
        demand(self.window_ms >= STEPS, "window_ms", f"{STEPS} or more", self.window_ms)
        demand(self.least_n >= 1, "least_n", "1 or more", self.least_n)
        demand(self.raise_ms >= 0, "raise_ms", "0 or more", self.raise_ms)
        demand(self.clear_ms >= 0, "clear_ms", "0 or more", self.clear_ms)
        demand(self.oldest_ms > 0, "oldest_ms", "above 0", self.oldest_ms)
        text_of_window = self.limits.is_text and self.take is not Take.VALUE
        demand(not text_of_window, "equals", "a number, where a window is taken", self.limits.equals)

    @property
    def is_immediate(self) -> bool:
        """Judged at the very reading: a value of one source, and nothing else."""
        return self.take is Take.VALUE and not self.also and not self.unless


class ThresholdRule:
    """One event while the condition holds.

    A value with no further conditions is judged as it is fed, all else at the tick, by the last readings.
    While its source says nothing (or too little for `least_n`), nothing changes. Detail: title, take, quality
    (of a reading in doubt, judged as it is fed), also_1 ... the values of the further conditions.
    """

    def __init__(self, settings: ThresholdSettings) -> None:
        self.settings = settings
        others = [each.source for each in (*settings.also, *settings.unless)]
        self.sources: Sequence[Source] = tuple(dict.fromkeys((settings.source, *others)))
        self._immediate = settings.is_immediate
        self._windowed = settings.take is not Take.VALUE
        steps = SLOPE_STEPS if settings.take is Take.SLOPE else STEPS
        self._window = Buckets(settings.window_ms // steps, steps) if self._windowed else None
        self._taken: tuple[float, int] | None = None
        self._taken_at = -1
        """The last step that `_taken` was worked out for: it changes with the next, or with a reading."""
        self._inbox = Inbox((settings.source,))
        self._latest = Latest(self.sources, settings.oldest_ms)
        self._latch = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(settings.name, settings.source, Kind.THRESHOLD, settings.nature)

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        if value is None or not (self.settings.use_bad or is_usable(value, quality)):
            return ()
        if self._immediate:
            return self._at_once(at_ms, value, quality)
        if self._windowed and source == self.settings.source:
            self._inbox.put(source, at_ms, value, Quality.NOT_EVALUATED)
        self._latest.put(source, at_ms, value, Quality.NOT_EVALUATED)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        if self._immediate:
            return ()
        known = dict(zip(self.sources, self._latest.at(at_ms), strict=True))
        figure, window = self._figure(at_ms, known[self.settings.source])
        if figure is None:
            return ()
        over, back = self.settings.limits.judge(figure)
        if not self._others_hold(known):
            over, back = False, True
        if not self._latch.feed(at_ms, over=over, back=back):
            return ()
        also = {
            f"also_{n}": value
            for n, each in enumerate(self.settings.also, 1)
            if (value := known[each.source]) is not None
        }
        return (self._turned(at_ms, figure, also, window),)

    def _at_once(self, at_ms: int, value: Value, quality: Quality) -> Sequence[Event]:
        limits = self.settings.limits
        latch = self._latch
        if not latch.on and latch.since_ms is None and not limits.holds(value):
            return ()
        over, back = limits.judge(value)
        if not latch.feed(at_ms, over=over, back=back):
            return ()
        doubtful = quality in (Quality.SUSPECT, Quality.BAD)
        return (self._turned(at_ms, value, {"quality": quality.name.lower()} if doubtful else {}, None),)

    def _figure(self, at_ms: int, value: Value | None) -> tuple[Value | None, Window | None]:
        """What is compared now; None when it is not known."""
        if self._window is None:
            return value, None
        fresh = False
        for read_ms, number in self._inbox.numbers(self.settings.source, at_ms):
            self._window.add(read_ms, number)
            fresh = True
        last = self._window.step(at_ms)
        if fresh or last != self._taken_at:
            self._taken, self._taken_at = self._take(self._window, last), last
        if self._taken is None:
            return None, None
        figure, n = self._taken
        return figure, Window(at_ms - self.settings.window_ms, at_ms, n)

    def _take(self, window: Buckets, last: int) -> tuple[float, int] | None:
        """The figure of the window that ends with step `last`, and of how many readings."""
        found = window.summary(last, window.count)
        if found is None or found.n < self.settings.least_n:
            return None
        if self.settings.take is not Take.SLOPE:
            return _taken(self.settings.take, found), found.n
        hours = window.width_ms / HOUR_MS
        slope = theil_sen([(step * hours, each.mean) for step, each in window.steps(last, window.count)])
        return None if slope is None else (slope, found.n)

    def _others_hold(self, known: dict[Source, Value | None]) -> bool:
        settings = self.settings
        return all(_holds(each, known) for each in settings.also) and not any(
            _holds(each, known) for each in settings.unless
        )

    def _turned(self, at_ms: int, figure: Value, detail: dict[str, Value], window: Window | None) -> Event:
        settings = self.settings
        words: dict[str, float | str] = {"take": settings.take.value, **detail}
        if settings.title:
            words["title"] = settings.title
        if isinstance(figure, str):
            words["label"] = figure
        facts = {
            "value": None if isinstance(figure, str) else float(figure),
            "threshold": settings.limits.nearest(figure), "window": window, "detail": words,
        }  # fmt: skip
        if not self._latch.on:
            return self._alarm.closed(at_ms, **facts)
        began_ms = at_ms if self._latch.since_ms is None else self._latch.since_ms
        return self._alarm.opened(began_ms, at_ms, settings.severity, pictures=settings.pictures, **facts)

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "window": self._window.state() if self._window else None,
            "inbox": self._inbox.state(),
            "latest": self._latest.state(),
            "latch": self._latch.state(),
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        if self._window:
            self._window.restore(state["window"])
            self._taken_at = -1
        self._inbox.restore(state["inbox"])
        self._latest.restore(state["latest"])
        self._latch.restore(state["latch"])
        self._alarm.restore(state["alarm"])


def _holds(condition: Condition, known: dict[Source, Value | None]) -> bool:
    value = known[condition.source]
    return value is not None and condition.limits.holds(value)


def _taken(take: Take, window: Summary) -> float:
    match take:
        case Take.MEAN:
            return window.mean
        case Take.MIN:
            return window.low
        case Take.MAX:
            return window.high
        case Take.SUM:
            return window.total
        case _:
            return window.last - window.first
