"""The station's list of events: which are open, who has seen them, what is put aside, how much is told."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from pipelines.cross.causes import Causes
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, as_plain, from_plain
from pipelines.state import State

MOST_RECENT = 100
"""Closed events that are remembered for whoever asks."""

MOST_OPEN = 1000
"""Events open at once; the oldest fault is forgotten beyond it, a happening where there is none; counted."""

MOST_SHELVES = 100
"""Put aside at once; the oldest is taken up again beyond it."""

BURST = 6
REFILL_MS = 600_000
"""Messages a rule may send about one source: six in a row, then one each ten minutes."""

HOUR_MS = 3_600_000

OF_SENSORS = frozenset({
    Kind.SENSOR_STUCK, Kind.SENSOR_OUT_OF_RANGE, Kind.SENSOR_ERRATIC, Kind.SENSOR_DRIFTING,
    Kind.READINGS_MISSING, Kind.UNUSUAL,
})  # fmt: skip

GROUP_MS = 60_000
"""Sensor faults of one device that begin within a minute have one cause: the first."""


class Shelf(NamedTuple):
    """Events of this rule, about this source or any, are of less interest until then."""

    rule: str
    source: str
    until_ms: int
    by: str
    reason: str


class Budget(NamedTuple):
    """Messages a rule may still send about one source, as of then, and those left out since the last."""

    since_ms: int
    left: float = float(BURST)
    left_out: int = 0


class Docket:
    """`enter` each event a rule tells of; what it returns is to be told to the platform."""

    def __init__(self, causes: Causes) -> None:
        self.open: dict[str, Event] = {}
        self.recent: deque[Event] = deque(maxlen=MOST_RECENT)
        self.shelves: list[Shelf] = []
        self.suppressed = 0
        """Messages left out since ever."""
        self.subjects: Counter[Source] = Counter()
        """Sources that an open event is about."""
        self._causes = causes
        self._told: dict[str, Severity] = {}
        """Open events that the platform has heard of, and the worst it has heard of each."""
        self._budgets: dict[tuple[str, Source], Budget] = {}

    def enter(self, event: Event) -> list[Event]:
        """The event as it is to be told, or nothing while its rule has said too much about its source.

        With it come the root that it proves or ends, and the faults that this root explains.
        """
        return self._keep(event) + self.note(event)

    def note(self, event: Event) -> list[Event]:
        """A fault that the station itself tells of: the root that it proves, and what that explains."""
        return [told for each in self._causes.note(event) for told in self._follow(each)]

    def _follow(self, event: Event) -> list[Event]:
        """The root of a silence is an event of ours; of an explained fault of the station others tell."""
        ours = event.kind is Kind.BUS_SILENT or event.id in self.open
        return self._keep(event) if ours else [event]

    def _keep(self, event: Event) -> list[Event]:
        known = self.open.get(event.id)
        event = replace(
            event,
            caused_by=event.caused_by or (known.caused_by if known else self._cause(event)),
            acknowledged=known.acknowledged if known and event.severity <= known.severity else "",
            shelved=self._is_shelved(event),
        )
        if event.phase is Phase.CLOSED:
            self._drop(event.id)
            self.recent.append(event)
        else:
            if known is None:
                self.subjects[event.source] += 1
            self.open[event.id] = event
            self._bound()
        return self._limited(event)

    def acknowledge(self, event_id: str, by: str, at_ms: int) -> Event:
        """Somebody has seen it; worse news takes that back.

        Raises:
            KeyError: no such event is open.
        """
        known = self.open[event_id]
        phase = Phase.UPDATED if event_id in self._told else Phase.OPENED
        event = replace(known, acknowledged=by, phase=phase, at_ms=at_ms, pictures=False)
        self._told[event_id] = max(event.severity, self._told.get(event_id, event.severity))
        self.open[event_id] = event
        return event

    def shelve(self, shelf: Shelf, at_ms: int) -> list[Event]:
        """Put a rule aside until then; a shelf for the same takes the place of the one before."""
        self.shelves = [each for each in self.shelves if each[:2] != shelf[:2]]
        self.shelves = [*self.shelves[1 - MOST_SHELVES :], shelf]
        return self._review(at_ms)

    def unshelve(self, rule: str, source: str, at_ms: int) -> list[Event]:
        """Take it up again.

        Raises:
            KeyError: it is not shelved.
        """
        kept = [each for each in self.shelves if each[:2] != (rule, source)]
        if len(kept) == len(self.shelves):
            raise KeyError(rule)
        self.shelves = kept
        return self._review(at_ms)

    def tick(self, at_ms: int) -> list[Event]:
        """Shelves that are over are cleared away, the events under them told again; what was left out and
        lasts is told as soon as its rule may say something again.
        """
        if at_ms % HOUR_MS == 0:
            self._forget_budgets(at_ms)
        reviewed = []
        if any(shelf.until_ms <= at_ms for shelf in self.shelves):
            self.shelves = [shelf for shelf in self.shelves if shelf.until_ms > at_ms]
            reviewed = self._review(at_ms)
        return reviewed + self._make_up(at_ms) if len(self._told) < len(self.open) else reviewed

    def _make_up(self, at_ms: int) -> list[Event]:
        """Tell of the open events that nobody has heard of, as far as the budgets of their rules go."""
        untold = [event for event in self.open.values() if event.id not in self._told]
        return [
            told
            for event in untold
            if self._left((event.rule, event.source), at_ms) >= 1.0
            for told in self._limited(replace(event, at_ms=max(at_ms, event.at_ms)))
        ]

    def _left(self, key: tuple[str, Source], at_ms: int) -> float:
        """Messages a rule may send about a source by then."""
        budget = self._budgets.get(key, Budget(at_ms))
        return min(float(BURST), budget.left + max(0, at_ms - budget.since_ms) / REFILL_MS)

    def _forget_budgets(self, at_ms: int) -> None:
        """Those that are full again are as if they had never been; what was left out counts for a day."""
        full_ms, day_ms = at_ms - BURST * REFILL_MS, at_ms - 24 * HOUR_MS
        self._budgets = {
            key: budget
            for key, budget in self._budgets.items()
            if budget.since_ms > (day_ms if budget.left_out else full_ms)
        }

    def close_unless(self, holds: Callable[[Event], bool], at_ms: int, why: str) -> list[Event]:
        """Close the open events that nobody will close any more; `why` is told in their detail."""
        gone = [event for event in self.open.values() if not holds(event)]
        closed = [
            replace(each, phase=Phase.CLOSED, at_ms=at_ms, detail={**each.detail, "closed_because": why})
            for each in gone
        ]
        return [told for event in closed for told in self.enter(event)]

    def stands(self, event: Event) -> bool:
        """Whether whoever would close an open event knows of it: silences are of the tree of buses."""
        return event.kind is not Kind.BUS_SILENT or self._causes.knows(event.id)

    def new_epoch(self, at_ms: int) -> list[Event]:
        """The daemon has started anew: what the last one told of the station itself is over.

        So are the silences that followed from it; a bus that is silent still will be found so again.
        """
        self._causes.new_epoch()
        return self.close_unless(lambda event: event.kind is not Kind.BUS_SILENT, at_ms, "restarted")

    def _cause(self, event: Event) -> str:
        """What explains it: a bus, the power, the clock; or a fault of the same device just before."""
        if cause := self._causes.explain(event):
            return cause
        if event.kind not in OF_SENSORS:
            return ""
        for other in self.open.values():
            together = other.kind in OF_SENSORS and other.source.device == event.source.device
            if together and not other.caused_by and 0 <= event.began_ms - other.began_ms <= GROUP_MS:
                return other.id if other.id != event.id else ""
        return ""

    def _is_shelved(self, event: Event) -> bool:
        """Never the worst: a critical event is told whatever somebody put aside."""
        if event.severity is Severity.CRITICAL:
            return False
        subject = str(event.source)
        return any(
            shelf.rule in (event.rule, event.rule.partition(".")[0])
            and shelf.source in ("", subject, event.source.device)
            for shelf in self.shelves
            if shelf.until_ms > event.at_ms
        )

    def _review(self, at_ms: int) -> list[Event]:
        """Tell of the open events that a shelf now covers, or covers no more."""
        changed = []
        for event in list(self.open.values()):
            shelved = self._is_shelved(replace(event, at_ms=at_ms))
            if shelved != event.shelved:
                after = replace(event, shelved=shelved, phase=Phase.UPDATED, at_ms=at_ms, pictures=False)
                self.open[event.id] = after
                if event.id in self._told:
                    changed.append(after)
        return changed

    def _limited(self, event: Event) -> list[Event]:
        """An end is told iff its beginning was; a first warning, what is worse, what is critical: always."""
        worst = self._told.get(event.id)
        told = worst is not None
        must = may = told
        if event.phase is not Phase.CLOSED:
            is_worse = worst is not None and event.severity > worst
            warns = event.nature is Nature.HAPPENING and event.severity >= Severity.WARNING and not told
            must, may = event.severity is Severity.CRITICAL or is_worse or warns, True
        budget = self._budgets.get((event.rule, event.source), Budget(event.at_ms))
        left = self._left((event.rule, event.source), event.at_ms)
        tells = may and (must or left >= 1.0)
        self._budgets[event.rule, event.source] = Budget(
            max(event.at_ms, budget.since_ms),
            max(0.0, left - 1.0) if tells else left,
            0 if tells else budget.left_out + 1,
        )
        if not tells:
            self.suppressed += 1
            return []
        phase = event.phase
        if phase is Phase.CLOSED:
            del self._told[event.id]
        else:
            self._told[event.id] = max(event.severity, worst or event.severity)
            phase = Phase.UPDATED if told else Phase.OPENED
        return [replace(event, phase=phase, suppressed=budget.left_out)]

    def _drop(self, event_id: str) -> None:
        if event := self.open.pop(event_id, None):
            self.subjects[event.source] -= 1
            if not self.subjects[event.source]:
                del self.subjects[event.source]

    def _bound(self) -> None:
        while len(self.open) > MOST_OPEN:
            faults = (event.id for event in self.open.values() if event.nature is Nature.FAULT)
            oldest = next(faults, None) or next(iter(self.open))
            self._drop(oldest)
            self._told.pop(oldest, None)
            self.suppressed += 1

    def state(self) -> State:
        return {
            "open": [as_plain(event) for event in self.open.values()],
            "recent": [as_plain(event) for event in self.recent],
            "shelves": [list(shelf) for shelf in self.shelves],
            "told": {event_id: int(worst) for event_id, worst in self._told.items()},
            "budgets": [[rule, *source, *budget] for (rule, source), budget in self._budgets.items()],
            "suppressed": self.suppressed,
            "causes": self._causes.state(),
        }

    def restore(self, state: State) -> None:
        opened = [from_plain(plain) for plain in state["open"]]
        recent = [from_plain(plain) for plain in state["recent"]]
        shelves = [Shelf(*shelf) for shelf in state["shelves"]]
        budgets = {
            (rule, Source(device, channel)): Budget(*budget)
            for rule, device, channel, *budget in state["budgets"]
        }
        self.open = {event.id: event for event in opened}
        self.subjects = Counter(event.source for event in opened)
        self.recent = deque(recent, maxlen=MOST_RECENT)
        self.shelves, self._budgets = shelves, budgets
        self._told = {event_id: Severity(worst) for event_id, worst in state["told"].items()}
        self.suppressed = int(state["suppressed"])
        with suppress(ValueError):  # the buses are others now: what explains what begins anew
            self._causes.restore(state["causes"])
