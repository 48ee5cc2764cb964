"""What is wrong with the station right now, told once when it begins and once when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.logs import line
from agent.wire import FaultKind
from pipelines.events import Severity

log = logging.getLogger("polegate.faults")

Detail = dict[str, float | int | str]
Publish = Callable[[dict[str, object], tuple[int, bool]], object]


SEVERITIES = {
    FaultKind.DEVICE_UNREADABLE: Severity.WARNING,
    FaultKind.STORE_EVICTED: Severity.CRITICAL,
    FaultKind.STORE_UNWRITABLE: Severity.CRITICAL,
    FaultKind.STORE_RECOVERED: Severity.WARNING,
    FaultKind.CLOCK_UNSYNCED: Severity.WARNING,
    FaultKind.CLOCK_STEPPED: Severity.WATCH,
    FaultKind.PART_FAILED: Severity.WARNING,
    FaultKind.CONFIG_REFUSED: Severity.WATCH,
    FaultKind.CAMERA_FAILING: Severity.WARNING,
    FaultKind.CAMERA_TAMPERED: Severity.WARNING,
    FaultKind.PICTURE_FAULTY: Severity.WATCH,
}
"""By what it does to the readings: lost, late or wrong, or only waiting for a person."""


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that has begun and not ended; `caused_by` is the id of the one that explains it, or ""."""

    id: str
    kind: FaultKind
    subject: str
    reason: str
    message: str
    began: tuple[int, bool]
    caused_by: str = ""


class Faults:
    """The open faults of one run. `publish(body, at)` puts a message on its way to the platform.

    `heard(fault, state, at)` is told each of them as well, before the platform is: what it knows about the
    cause comes back through `explained`.
    """

    def __init__(
        self,
        epoch: str,
        publish: Publish,
        now: Callable[[], tuple[int, bool]],
        heard: Callable[[OpenFault, str], object] = lambda _fault, _state: None,
    ) -> None:
        self.open: dict[tuple[FaultKind, str], OpenFault] = {}
        self._publish = publish
        self._now = now
        self._heard = heard
        self._epoch = epoch
        self._count = 0

    def begin(self, kind: FaultKind, subject: str, reason: str, message: str) -> None:
        """Open a fault, or say its new reason; the same reason again says nothing."""
        known = self.open.get((kind, subject))
        if known and known.reason == reason:
            return
        now = self._now()
        fault = OpenFault(self._id(), kind, subject, reason, message, now)
        if known:
            fault = replace(fault, id=known.id, began=known.began, caused_by=known.caused_by)
        self.open[kind, subject] = fault
        log.warning(line("fault", kind=kind, subject=subject, reason=reason, message=message))
        self._publish(_body(fault, "opened", now), now)
        self._heard(fault, "opened")

    def end(self, kind: FaultKind, subject: str, message: str = "", **detail: float | str) -> None:
        """Close a fault if it is open."""
        fault = self.open.pop((kind, subject), None)
        if fault is None:
            return
        now = self._now()
        lasted_ms = max(0, now[0] - fault.began[0]) if now[1] == fault.began[1] else None
        log.info(line("recovered", kind=kind, subject=subject, lasted_ms=lasted_ms))
        fault = replace(fault, message=message or fault.message)
        self._publish(_body(fault, "closed", now, lasted_ms=lasted_ms, detail=detail), now)
        self._heard(fault, "closed")

    def once(self, kind: FaultKind, subject: str, reason: str, message: str, **detail: float | str) -> None:
        """Something that happened and is over."""
        now = self._now()
        fault = OpenFault(self._id(), kind, subject, reason, message, now)
        log.warning(line("fault", kind=kind, subject=subject, reason=reason, message=message))
        self._publish(_body(fault, "once", now, detail=detail), now)
        self._heard(fault, "once")

    def explained(self, fault_id: str, caused_by: str) -> None:
        """Another fault or event turned out to be the cause of an open one."""
        for key, fault in self.open.items():
            if fault.id == fault_id and fault.caused_by != caused_by:
                now = self._now()
                self.open[key] = after = replace(fault, caused_by=caused_by)
                self._publish(_body(after, "updated", now), now)
                return

    def _id(self) -> str:
        self._count += 1
        return f"{self._epoch}-f{self._count}"


def _body(
    fault: OpenFault,
    state: str,
    now: tuple[int, bool],
    *,
    lasted_ms: int | None = None,
    detail: Detail | None = None,
) -> dict[str, object]:
    began = min(0, fault.began[0] - now[0]) if fault.began[1] == now[1] else 0
    body: dict[str, object] = {
        "id": fault.id,
        "kind": fault.kind,
        "subject": fault.subject,
        "state": state,
        "severity": SEVERITIES[fault.kind].name.lower(),
        "reason": fault.reason,
        "message": fault.message,
        "began": began,
        "lasted_ms": lasted_ms,
        "caused_by": fault.caused_by,
        "detail": detail,
    }
    return {key: value for key, value in body.items() if value not in (None, "", {})}
