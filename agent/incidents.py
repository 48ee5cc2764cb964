"""What happens to the station, put into words: as faults for the platform, and in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.errors import ConfigError
from agent.faults import Faults
from agent.logs import line
from agent.supervisor import State
from agent.uplink.mqtt import UplinkState
from agent.wire import FaultKind
from buffer.errors import OutboxCorrupt, OutboxError
from buffer.recovery import Salvage
from buffer.retention import Loss, Reason
from drivers.bus import DeviceHealth

log = logging.getLogger("polegate")

LOSS_OVER_S = 60.0
"""An outbox that gave nothing up for this long is no longer evicting."""

UNSYNCED = (
    "the clock is not synchronised: readings wait for it, then go out marked unsynced. "
    'Check NTP (timedatectl) and the RTC battery; a clock kept by other means needs [clock] source = "system"'
)
DRIFTING = (
    "the clock was synchronised and is no more, or nobody can say: it is still believed, and drifts. "
    "Check NTP (timedatectl) and systemctl status polegate-clock"
)
EVICTING = (
    "the outbox is full: the oldest readings are given up for new ones. "
    "Restore the uplink, or raise outbox.max_size"
)


class Incidents:
    """Each method says one thing that happened. `damaged` is called when the store must be opened anew."""

    def __init__(self, faults: Faults, store: Path, damaged: Callable[[], None]) -> None:
        self._faults = faults
        self._store = str(store)
        self._damaged = damaged
        self._lost_items = 0
        self._lost_at = 0.0

    def device_changed(self, device: str, state: DeviceHealth) -> None:
        """It stopped answering, or is back."""
        if state.error:
            self._faults.begin(FaultKind.DEVICE_UNREADABLE, device, state.reason, state.error)
        else:
            self._faults.end(FaultKind.DEVICE_UNREADABLE, device)

    def device_removed(self, device: str) -> None:
        """It is no longer configured."""
        message = "the device was taken out of the configuration"
        self._faults.end(FaultKind.DEVICE_UNREADABLE, device, message)

    def part_changed(self, name: str, state: State, error: str) -> None:
        """A part failed in a way nobody foresaw, or has recovered."""
        if state is State.RUNNING:
            self._faults.end(FaultKind.PART_FAILED, name)
        else:
            self._faults.begin(FaultKind.PART_FAILED, name, state, error)

    def uplink_changed(self, url: str, state: UplinkState) -> None:
        """To the log alone: the platform cannot be told that it cannot be told."""
        if state.message:
            said = line(
                "uplink", url=url, connected=state.connected, reason=state.reason, message=state.message
            )
            log.warning(said)
        else:
            log.info(line("uplink", url=url, connected=state.connected))

    def unwritable(self, error: OutboxError | None) -> None:
        """The store refuses a commit, or takes them again."""
        if error is None:
            self._faults.end(FaultKind.STORE_UNWRITABLE, self._store)
            return
        self._faults.begin(FaultKind.STORE_UNWRITABLE, self._store, error.reason, str(error))
        if isinstance(error, OutboxCorrupt):
            self._damaged()

    def lost(self, losses: Sequence[Loss]) -> None:
        """Stored messages were given up; the fault stays open until a minute has passed without."""
        if evicted := [loss for loss in losses if loss.reason is not Reason.EXPIRED]:
            self._lost_items += sum(loss.lost.items for loss in evicted)
            self._lost_at = time.monotonic()
            self._faults.begin(FaultKind.STORE_EVICTED, self._store, evicted[0].reason, EVICTING)

    def look_at_losses(self) -> None:
        """Call every second or so."""
        if self._lost_at and time.monotonic() - self._lost_at > LOSS_OVER_S:
            message = f"{self._lost_items} readings were given up; nothing more for {LOSS_OVER_S:g} s"
            self._faults.end(FaultKind.STORE_EVICTED, self._store, message, readings=self._lost_items)
            self._lost_items, self._lost_at = 0, 0.0

    def recovered(self, salvage: Salvage) -> None:
        """The store was damaged; this is what was saved of it."""
        saved = sum(depth.batches for depth in salvage.by_priority.values())
        message = (
            f"the outbox was damaged: {saved} messages were saved, {salvage.damaged_rows} could not be; "
            f"the old file is kept as {salvage.quarantined}. Check the disk (dmesg, smartctl)"
        )
        detail = {"saved": saved, "damaged": salvage.damaged_rows, "lost_pages": salvage.lost_pages}
        self._faults.once(FaultKind.STORE_RECOVERED, self._store, "damaged", message, **detail)

    def clock_untrusted(self) -> None:
        """Readings are stamped by a clock that may be wrong."""
        self._faults.begin(FaultKind.CLOCK_UNSYNCED, "clock", "unsynced", UNSYNCED)

    def clock_trusted(self, moved_ms: int) -> None:
        """What was stamped before has been put right."""
        message = f"the clock is trusted now; it was {moved_ms} ms behind the true time"
        self._faults.end(FaultKind.CLOCK_UNSYNCED, "clock", message)

    def clock_kept(self, *, kept: bool) -> None:
        """A trusted clock is still kept right, or has been left to itself."""
        if kept:
            self._faults.end(FaultKind.CLOCK_UNSYNCED, "clock", "the clock is synchronised again")
        else:
            self._faults.begin(FaultKind.CLOCK_UNSYNCED, "clock", "left", DRIFTING)

    def clock_stepped(self, moved_ms: int) -> None:
        """Somebody set a trusted clock."""
        message = f"somebody set the clock by {moved_ms} ms; times before and after do not join up"
        self._faults.once(FaultKind.CLOCK_STEPPED, "clock", "stepped", message, step_ms=moved_ms)

    def config_refused(self, file: Path, error: ConfigError) -> None:
        """A reload brought a configuration that does not hold."""
        message = "; ".join(str(problem) for problem in error.problems[:3])
        self._faults.begin(FaultKind.CONFIG_REFUSED, str(file), error.reason, message)

    def config_accepted(self, file: Path) -> None:
        """A reload brought one that does."""
        self._faults.end(FaultKind.CONFIG_REFUSED, str(file))
