"""Which fault explains which: station, power and clock, bus, device, channel, from the root to the leaf."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipelines.alarm import Alarm
from pipelines.city.settings import demand, fingerprint
from pipelines.events import Event, Kind, Nature, Phase, Severity, Source, as_plain, from_plain
from pipelines.state import State

MOST_OPEN = 1000
MOST_STEPS = 16

POWER = (Kind.POWER_FAILED, Kind.BATTERY_LOW)
CLOCK = (Kind.CLOCK_UNSYNCED, Kind.CLOCK_STEPPED)
BY_CLOCK = (Kind.READINGS_MISSING, Kind.SENSOR_STUCK, Kind.SENSOR_ERRATIC)
"""Gap, flat and rate: what a wrong time alone can feign."""
ROOTS = (*POWER, Kind.BUS_SILENT, Kind.DEVICE_UNREADABLE, Kind.CLOCK_UNSYNCED)
"""What can explain others."""
BY_MAINS = (Kind.BATTERY_LOW, Kind.BATTERY_NOT_CHARGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CausesSettings:
    """How near in time a cause and its effect are. Raises ValueError for a setting that does not hold."""

    together_ms: int = 180_000
    """Devices of a bus that fall silent within this are one silence; at least two poll intervals."""
    late_ms: int = 180_000
    """A cause may be noticed so much later than its effect."""
    step_ms: int = 600_000
    """A step of the clock explains what begins so long before or after it."""

    def __post_init__(self) -> None:
        for key in ("together_ms", "late_ms", "step_ms"):
            demand(getattr(self, key) > 0, key, "above 0", getattr(self, key))


class Causes:
    """`explain` tells the cause of an event; `note` every event, and tell of what it returns as well.

    `buses` says which bus each device is on. A device's fault is a DEVICE_UNREADABLE about Source(device), a
    bus's a BUS_SILENT about Source(bus). A fault is told of at once, before its cause may be known; when the
    root is found, the open faults that it explains are told of again with `caused_by`.
    """

    def __init__(self, buses: Mapping[str, str], settings: CausesSettings | None = None) -> None:
        self.settings = settings or CausesSettings()
        self._buses = dict(buses)
        self._devices = {
            bus: [device for device, its in self._buses.items() if its == bus]
            for bus in dict.fromkeys(self._buses.values())
        }
        self._open: dict[str, Event] = {}
        """Faults that have begun and not ended, by id, oldest first."""
        self._roots: dict[str, Event] = {}
        """Those among them that can explain others."""
        self._steps: deque[Event] = deque(maxlen=MOST_STEPS)
        self._silences = _silences(self._devices)

    def explain(self, event: Event) -> str:
        """The id of the nearest fault that explains this one; "" for none, and for every happening."""
        if event.nature is not Nature.FAULT or event.kind in CLOCK or event.kind is Kind.POWER_FAILED:
            return ""
        device = event.source.device
        if event.kind is Kind.BUS_SILENT:
            return self._earlier(event, (Kind.BUS_SILENT,), device) or self._power(event)
        if event.kind in BY_MAINS:
            return self._earlier(event, (Kind.POWER_FAILED,))
        if event.kind is Kind.DEVICE_UNREADABLE:
            return self._bus(event) or self._power(event)
        return (
            self._earlier(event, (Kind.DEVICE_UNREADABLE,), device)
            or self._bus(event)
            or self._clock(event)
            or self._power(event)
        )

    def note(self, event: Event) -> list[Event]:
        """An event has been told of. Returns the root that it proves or ends, and what that root explains."""
        if event.nature is not Nature.FAULT:
            return []
        if event.phase is Phase.CLOSED:
            self._forget(event.id)
            return self._heard(event) if event.kind is Kind.DEVICE_UNREADABLE else []
        if event.kind is Kind.CLOCK_STEPPED:
            self._steps.append(event)
            return self._adopt(event.at_ms)
        is_new = event.id not in self._open
        self._keep(replace(event, caused_by=event.caused_by or self.explain(event)))
        if not is_new or event.kind not in ROOTS:
            return []
        roots = self._silence(event) if event.kind is Kind.DEVICE_UNREADABLE else []
        return [*roots, *self._adopt(event.at_ms)]

    def _keep(self, event: Event) -> None:
        self._open[event.id] = event
        if event.kind in ROOTS:
            self._roots[event.id] = event
        while len(self._open) > MOST_OPEN:
            self._forget(next(iter(self._open)))

    def _forget(self, event_id: str) -> None:
        self._open.pop(event_id, None)
        self._roots.pop(event_id, None)

    def knows(self, event_id: str) -> bool:
        """Whether this fault is open."""
        return event_id in self._open

    def new_epoch(self) -> None:
        """Whoever told of devices and the clock has started anew and will tell of them again."""
        over = (Kind.DEVICE_UNREADABLE, Kind.BUS_SILENT, *CLOCK)
        self._open = {key: event for key, event in self._open.items() if event.kind not in over}
        self._roots = {key: event for key, event in self._roots.items() if event.kind not in over}
        self._silences = _silences(self._devices)

    def _silence(self, event: Event) -> list[Event]:
        """One root for a bus when its last device has fallen silent, and another one just before it."""
        bus = self._buses.get(event.source.device)
        if bus is None or self._bus(event):
            return []
        silent = {
            each.source.device: each.began_ms
            for each in self._roots.values()
            if each.kind is Kind.DEVICE_UNREADABLE and self._buses.get(each.source.device) == bus
        }
        latest_ms = max(silent.values())
        together = [began for began in silent.values() if latest_ms - began <= self.settings.together_ms]
        if len(silent) < len(self._devices[bus]) or len(together) < 2:
            return []
        detail = {"devices": float(len(silent))}
        root = self._silences[bus].opened(min(together), event.at_ms, Severity.WARNING, detail=detail)
        root = replace(root, caused_by=self._power(root))
        self._keep(root)
        return [root]

    def _heard(self, event: Event) -> list[Event]:
        """A device answers: its bus is not silent."""
        silence = self._silences.get(self._buses.get(event.source.device, ""))
        if silence is None or not silence.is_open:
            return []
        self._forget(silence.id)
        return [silence.closed(event.at_ms)]

    def _adopt(self, at_ms: int) -> list[Event]:
        """The open faults without a cause that have one now."""
        found = []
        for event in list(self._open.values()):
            if not event.caused_by and (cause := self.explain(event)):
                after = replace(event, caused_by=cause, phase=Phase.UPDATED, at_ms=at_ms, pictures=False)
                self._keep(after)
                found.append(after)
        return found

    def _bus(self, event: Event) -> str:
        bus = self._buses.get(event.source.device)
        return self._earlier(event, (Kind.BUS_SILENT,), bus) if bus is not None else ""

    def _power(self, event: Event) -> str:
        return self._earlier(event, POWER)

    def _clock(self, event: Event) -> str:
        if event.kind not in BY_CLOCK:
            return ""
        for step in reversed(self._steps):
            if abs(event.began_ms - step.began_ms) <= self.settings.step_ms:
                return step.id
        return self._earlier(event, (Kind.CLOCK_UNSYNCED,))

    def _earlier(self, event: Event, kinds: tuple[Kind, ...], device: str | None = None) -> str:
        """The first open fault of these kinds, about `device` if given, that may have caused the event."""
        for other in self._roots.values():
            fits = other.kind in kinds and (device is None or other.source.device == device)
            if fits and other.id != event.id and other.began_ms <= event.began_ms + self.settings.late_ms:
                return other.id
        return ""

    def state(self) -> State:
        return {
            "made_by": fingerprint((self.settings, self._buses)),
            "open": [as_plain(event) for event in self._open.values()],
            "steps": [as_plain(event) for event in self._steps],
            "silences": [alarm.state() for alarm in self._silences.values()],
        }

    def restore(self, state: State) -> None:
        if state["made_by"] != fingerprint((self.settings, self._buses)):
            raise ValueError("the state was made by another tree of buses")
        opened = [from_plain(plain) for plain in state["open"]]
        steps = [from_plain(plain) for plain in state["steps"]]
        for alarm, kept in zip(self._silences.values(), state["silences"], strict=True):
            alarm.restore(kept)
        self._open = {event.id: event for event in opened}
        self._roots = {event.id: event for event in opened if event.kind in ROOTS}
        self._steps = deque(steps, maxlen=MOST_STEPS)


def _silences(buses: Iterable[str]) -> dict[str, Alarm]:
    return {bus: Alarm("bus_silent", Source(bus), Kind.BUS_SILENT, Nature.FAULT) for bus in buses}
