"""The time that stages see: it never runs backwards, and it goes on through a boot without a clock."""

from __future__ import annotations

from pipelines.state import State

PUT_BACK_MS = 600_000
"""A clock put back by more than this begins a new time; by less, time stands still until it has caught up."""


class Timeline:
    """From the stamp of a sample to the time it is judged at.

    While the clock is not trusted, as after a boot without a battery, stamps are taken as distances only:
    they go on from the last time that was known.
    """

    __slots__ = ("_by_device", "_latest_ms", "_led", "lead_ms")

    def __init__(self) -> None:
        self.lead_ms = 0
        """What has to be taken off a judged time to have it as it was stamped."""
        self._latest_ms: int | None = None
        self._by_device: dict[str, int] = {}
        self._led = False

    def place(self, device: str, at_ms: int, *, settled: bool) -> int | None:
        """The time to judge it at, later than any before of this device; None when a new time begins."""
        latest_ms = self._latest_ms
        if settled:
            self.lead_ms, self._led = 0, False
        elif not self._led:
            self.lead_ms = 0 if latest_ms is None else max(0, latest_ms + 1 - at_ms)
            self._led = True
        placed_ms = at_ms + self.lead_ms
        if latest_ms is not None and placed_ms < latest_ms - PUT_BACK_MS:
            self._latest_ms, self._by_device = None, {}
            return None
        placed_ms = max(placed_ms, self._by_device.get(device, placed_ms - 1) + 1)
        self._by_device[device] = placed_ms
        self._latest_ms = placed_ms if latest_ms is None else max(latest_ms, placed_ms)
        return placed_ms

    def now(self, now_ms: int, *, settled: bool) -> int:
        """This moment on the same line; not before the last sample."""
        lead_ms = 0 if settled else self.lead_ms
        return max(now_ms + lead_ms, now_ms + lead_ms if self._latest_ms is None else self._latest_ms)

    def state(self) -> State:
        return {"latest_ms": self._latest_ms, "by_device": self._by_device}

    def restore(self, state: State) -> None:
        self._latest_ms = state["latest_ms"]
        self._by_device = {str(device): int(at_ms) for device, at_ms in state["by_device"].items()}
