"""Contacts of the pole: a door that stands open, and a call for help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.readings import Quality, Value
from pipelines.alarm import Alarm, Latch
from pipelines.city.settings import demand, expect, fingerprint
from pipelines.cross.inbox import Inbox
from pipelines.events import Event, Kind, Nature, Severity, Source
from pipelines.state import State

DAY_MIN = 1440


def is_made(value: Value, mask: int, values: tuple[Value, ...]) -> bool:
    """Whether a reading says yes: it is one of `values`, or, with a mask, 1 (bits set) or 0 (clear) is."""
    if not mask:
        return value in values
    if isinstance(value, str):
        return False
    return (1 if int(value) & mask else 0) in values


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """A door's contact. Raises ValueError for a setting that does not hold."""

    name: str = "door"
    """The rule's name."""
    source: Source
    """A switch or status channel."""
    mask: int = 0
    """Bits of a status word; 0: the value as a whole."""
    open_values: tuple[Value, ...] = (1,)
    """What means open: numbers or labels; with `mask`, 1 for bits set, 0 for bits clear (SL 651 bit 7)."""
    raise_ms: int = 60_000
    """So long open until it is told of."""
    clear_ms: int = 0
    """So long shut until it is over."""
    allowed_from_min: int = 480
    """Minute of the station's day from which an open door is no more than an INFO."""
    allowed_to_min: int = 1080
    """Up to this minute, not included; equal to `allowed_from_min`: never allowed. It may span midnight."""
    utc_offset_min: int = 480
    """The station's time."""

    def __post_init__(self) -> None:
        demand(bool(self.open_values), "open_values", "at least one", self.open_values)
        demand(self.mask >= 0, "mask", "0 or more", self.mask)
        demand(min(self.raise_ms, self.clear_ms) >= 0, "raise_ms", "0 or more", self.raise_ms)
        for key in ("allowed_from_min", "allowed_to_min"):
            demand(0 <= getattr(self, key) <= DAY_MIN, key, "0 to 1440", getattr(self, key))

    def allows(self, at_ms: int) -> bool:
        """Whether somebody may be at work then."""
        minute = (at_ms // 60_000 + self.utc_offset_min) % DAY_MIN
        start, end = self.allowed_from_min, self.allowed_to_min
        return start <= minute < end if start <= end else minute >= start or minute < end


class DoorRule:
    """Open longer than it may be: INFO in allowed hours, else WARNING with pictures.

    Detail: hours (allowed | other).
    """

    def __init__(self, settings: DoorSettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = (settings.source,)
        self._inbox = Inbox(self.sources)
        self._open = Latch(settings.raise_ms, settings.clear_ms)
        self._alarm = Alarm(settings.name, settings.source, Kind.DOOR_OPEN, Nature.HAPPENING)

    def feed(self, source: Source, at_ms: int, value: Value | None, quality: Quality) -> Sequence[Event]:
        self._inbox.put(source, at_ms, value, quality)
        return ()

    def tick(self, at_ms: int) -> Sequence[Event]:
        found: list[Event] = []
        for read_ms, value in self._inbox.values(self.settings.source, at_ms):
            is_open = is_made(value, self.settings.mask, self.settings.open_values)
            if self._open.feed(read_ms, over=is_open, back=not is_open):
                found.append(self._turned(read_ms))
        if self._alarm.is_open and self._alarm.severity is Severity.INFO and not self.settings.allows(at_ms):
            found.append(self._alarm.updated(at_ms, Severity.WARNING, **_facts(Severity.WARNING)))
        return found

    def _turned(self, at_ms: int) -> Event:
        if not self._open.on:
            return self._alarm.closed(at_ms)
        began_ms = at_ms if self._open.since_ms is None else self._open.since_ms
        severity = Severity.INFO if self.settings.allows(began_ms) else Severity.WARNING
        return self._alarm.opened(began_ms, at_ms, severity, **_facts(severity))

    def state(self) -> State:
        return {
            "made_by": fingerprint(self.settings),
            "inbox": self._inbox.state(),
            "open": self._open.state(),
            "alarm": self._alarm.state(),
        }

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._inbox.restore(state["inbox"])
        self._open.restore(state["open"])
        self._alarm.restore(state["alarm"])


def _facts(severity: Severity) -> dict[str, object]:
    other = severity is not Severity.INFO
    return {"pictures": other, "detail": {"hours": "other" if other else "allowed"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencySettings:
    """The call button. Raises ValueError for a setting that does not hold."""

    name: str = "emergency_call"
    """The rule's name."""
    source: Source
    """A switch or status channel."""
    mask: int = 0
    """Bits of a status word; 0: the value as a whole."""
    pressed_values: tuple[Value, ...] = (1,)
    """What means pressed: numbers or labels; with `mask`, 1 for bits set, 0 for bits clear."""
    clear_ms: int = 10_000
    """So long released until the call is over."""

    def __post_init__(self) -> None:
        demand(bool(self.pressed_values), "pressed_values", "at least one", self.pressed_values)
        demand(self.clear_ms >= 0, "clear_ms", "0 or more", self.clear_ms)


class EmergencyRule:
    """CRITICAL with pictures at the very reading, whatever its quality. No detail."""

    def __init__(self, settings: EmergencySettings) -> None:
        self.settings = settings
        self.sources: Sequence[Source] = (settings.source,)
        self._pressed = Latch(0, settings.clear_ms)
        self._alarm = Alarm(
            settings.name, settings.source, Kind.EMERGENCY_CALL, Nature.HAPPENING, pictures=True
        )

    def feed(
        self,
        source: Source,  # noqa: ARG002  there is one
        at_ms: int,
        value: Value | None,
        quality: Quality,  # noqa: ARG002  quality control never mutes a call
    ) -> Sequence[Event]:
        if value is None:
            return ()
        made = is_made(value, self.settings.mask, self.settings.pressed_values)
        if not self._pressed.feed(at_ms, over=made, back=not made):
            return ()
        if self._pressed.on:
            return (self._alarm.opened(at_ms, at_ms, Severity.CRITICAL),)
        return (self._alarm.closed(at_ms, pictures=False),)

    def tick(self, at_ms: int) -> Sequence[Event]:  # noqa: ARG002  nothing waits
        return ()

    def state(self) -> State:
        made_by = fingerprint(self.settings)
        return {"made_by": made_by, "pressed": self._pressed.state(), "alarm": self._alarm.state()}

    def restore(self, state: State) -> None:
        expect(state, self.settings)
        self._pressed.restore(state["pressed"])
        self._alarm.restore(state["alarm"])
