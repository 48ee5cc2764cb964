"""The two things every rule is made of: a condition that does not flutter, and an alarm that is one event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, event_id
from pipelines.state import State


class Latch:
    """A condition with dwell: on after `raise_ms` without a break, off after `clear_ms` without a break.

    The hysteresis is the caller's: what is `over` and what is `back` are two questions, and between them,
    where both are false, nothing changes and neither waiting time goes on anew.
    """

    __slots__ = ("_changed", "clear_ms", "on", "raise_ms", "since_ms")

    def __init__(self, raise_ms: int = 0, clear_ms: int = 0) -> None:
        self.raise_ms = raise_ms
        self.clear_ms = clear_ms
        self.on = False
        self.since_ms: int | None = None
        """When what now waits for its dwell began: over while off, back while on."""
        self._changed = False

    def feed(self, at_ms: int, *, over: bool, back: bool) -> bool:
        """Whether `on` has just changed; `since_ms` then is when the new state truly began."""
        if self._changed:
            self._changed, self.since_ms = False, None
        wanted, dwell_ms = (back, self.clear_ms) if self.on else (over, self.raise_ms)
        if not wanted:
            if back if not self.on else over:
                self.since_ms = None
            return False
        if self.since_ms is None:
            self.since_ms = at_ms
        if at_ms - self.since_ms < dwell_ms:
            return False
        self.on = not self.on
        self._changed = True
        return True

    def state(self) -> State:
        return {"on": self.on, "since_ms": self.since_ms, "changed": self._changed}

    def restore(self, state: State) -> None:
        self.on, self.since_ms, self._changed = bool(state["on"]), state["since_ms"], bool(state["changed"])


class Alarm:
    """The events of one rule about one source, one at a time: opened, updated while it lasts, closed."""

    __slots__ = ("_facts", "began_ms", "id", "rule", "severity", "source")

    def __init__(
        self,
        rule: str,
        source: Source,
        kind: Kind,
        nature: Nature,
        *,
        version: int = 1,
        pictures: bool = False,
    ) -> None:
        self.rule = rule
        self.source = source
        self.id = ""
        """Of the open event, "" while there is none."""
        self.began_ms = 0
        self.severity = Severity.INFO
        self._facts: dict[str, Any] = {
            "kind": kind, "nature": nature, "rule": rule, "version": version, "source": source,
        } | ({"pictures": True} if pictures else {})  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether an event is open."""
        return bool(self.id)

    def opened(self, began_ms: int, at_ms: int, severity: Severity, **facts: Any) -> Event:  # noqa: ANN401  Event's
        """A new event; `facts` are further fields of Event."""
        self.id, self.began_ms, self.severity = event_id(self.rule, self.source, began_ms), began_ms, severity
        return self._event(Phase.OPENED, at_ms, facts)

    def updated(self, at_ms: int, severity: Severity | None = None, **facts: Any) -> Event:  # noqa: ANN401
        """The open event has got worse, better, or has news."""
        self.severity = self.severity if severity is None else severity
        return self._event(Phase.UPDATED, at_ms, facts)

    def closed(self, at_ms: int, **facts: Any) -> Event:  # noqa: ANN401
        """The open event is over."""
        event = self._event(Phase.CLOSED, at_ms, facts)
        self.id = ""
        return event

    def once(self, began_ms: int, at_ms: int, severity: Severity, **facts: Any) -> tuple[Event, Event]:  # noqa: ANN401
        """Something that is over as soon as it is known: opened and closed."""
        opening = self.opened(began_ms, at_ms, severity, **facts)
        self.id = ""
        return opening, replace(opening, phase=Phase.CLOSED, pictures=False)

    def _event(self, phase: Phase, at_ms: int, facts: dict[str, Any]) -> Event:
        return Event(
            id=self.id, phase=phase, severity=self.severity, began_ms=self.began_ms, at_ms=at_ms,
            **(self._facts | facts),
        )  # fmt: skip

    def state(self) -> State:
        return {"id": self.id, "began_ms": self.began_ms, "severity": int(self.severity)}

    def restore(self, state: State) -> None:
        self.id, self.began_ms = str(state["id"]), int(state["began_ms"])
        self.severity = Severity(state["severity"])
