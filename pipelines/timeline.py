"""The time that stages see: it never runs backwards, and it goes on through a boot without a clock."""

from __future__ import annotations

from pipelines.state import State

PUT_BACK_MS = 600_000
"""A clock put back by more than this begins a new time; by less, time stands still until it has caught up."""

LATE_MS = 5_000
"""Longest time by which the sample of one device may come after a later one of another."""


class Timeline:
    """From the stamp of a sample to the time it is judged at.

    While the clock is not trusted, as after a boot without a battery, stamps are taken as distances only:
    they go on from the last time that was known.
    """

    __slots__ = ("_by_device", "_floor_ms", "_latest_ms", "_led", "_passed_ms", "lead_ms")

    def __init__(self) -> None:
        self.lead_ms = 0
        """What has to be taken off a judged time to have it as it was stamped."""
        self._latest_ms: int | None = None
        self._passed_ms: int | None = None
        """The latest time that `now` gave: judged by it, too, though no sample came."""
        self._floor_ms: int | None = None
        """The last time before the start: no device goes on before it."""
        self._by_device: dict[str, int] = {}
        self._led = False

    def place(self, device: str, at_ms: int, *, settled: bool) -> int | None:
        """The time to judge it at; None when a new time begins: whatever was known has to be forgotten.

        It is later than any before of this device, and not more than LATE_MS before one of another.
        """
        latest_ms = self._latest_ms
        if settled:
            self.lead_ms, self._led = 0, False
        elif not self._led or (latest_ms is not None and at_ms + self.lead_ms < latest_ms - PUT_BACK_MS):
            self.lead_ms = 0 if latest_ms is None else max(0, latest_ms + 1 - at_ms)
            self._led = True
        placed_ms = at_ms + self.lead_ms
        known_ms = self._known_ms()
        if known_ms is not None and placed_ms < known_ms - PUT_BACK_MS:
            self._latest_ms, self._passed_ms, self._floor_ms, self._by_device = None, None, None, {}
            return None
        if latest_ms is None:
            self._latest_ms = self._by_device[device] = placed_ms
            return placed_ms
        before_ms = self._by_device.get(device, self._floor_ms)
        placed_ms = max(placed_ms, latest_ms - LATE_MS, placed_ms if before_ms is None else before_ms + 1)
        self._by_device[device] = placed_ms
        self._latest_ms = max(latest_ms, placed_ms)
        return placed_ms

    def now(self, now_ms: int, *, settled: bool) -> int:
        """This moment on the same line; not before the last sample."""
        line_ms = now_ms if settled else now_ms + self.lead_ms
        line_ms = line_ms if self._latest_ms is None else max(line_ms, self._latest_ms)
        self._passed_ms = line_ms if self._passed_ms is None else max(line_ms, self._passed_ms)
        return line_ms

    def _known_ms(self) -> int | None:
        latest_ms, passed_ms = self._latest_ms, self._passed_ms
        return latest_ms if passed_ms is None or (latest_ms or passed_ms) > passed_ms else passed_ms

    def state(self) -> State:
        return {"latest_ms": self._known_ms()}

    def restore(self, state: State) -> None:
        self._latest_ms = self._floor_ms = self._passed_ms = state["latest_ms"]
        self._by_device = {}
