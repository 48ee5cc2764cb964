"""What is wrong with the station right now, told once when it begins and once when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.logs import line
from agent.wire import FaultKind

log = logging.getLogger("polegate.faults")

Detail = dict[str, float | int | str]
Publish = Callable[[dict[str, object], tuple[int, bool]], object]


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that has begun and not ended."""

    id: str
    kind: FaultKind
    subject: str
    reason: str
    message: str
    began: tuple[int, bool]


class Faults:
    """The open faults of one run. `publish(body, at)` puts a message on its way to the platform."""

    def __init__(self, epoch: str, publish: Publish, now: Callable[[], tuple[int, bool]]) -> None:
        self.open: dict[tuple[FaultKind, str], OpenFault] = {}
        self._publish = publish
        self._now = now
        self._epoch = epoch
        self._count = 0

    def begin(self, kind: FaultKind, subject: str, reason: str, message: str) -> None:
        """Open a fault, or say its new reason; the same reason again says nothing."""
        known = self.open.get((kind, subject))
        if known and known.reason == reason:
            return
        now = self._now()
        fault = OpenFault(
            known.id if known else self._id(), kind, subject, reason, message, known.began if known else now
        )
        self.open[kind, subject] = fault
        log.warning(line("fault", kind=kind, subject=subject, reason=reason, message=message))
        self._publish(_body(fault, "opened", None, {}), now)

    def end(self, kind: FaultKind, subject: str, message: str = "", **detail: float | str) -> None:
        """Close a fault if it is open."""
        fault = self.open.pop((kind, subject), None)
        if fault is None:
            return
        now = self._now()
        lasted_ms = max(0, now[0] - fault.began[0]) if now[1] == fault.began[1] else None
        log.info(line("recovered", kind=kind, subject=subject, lasted_ms=lasted_ms))
        self._publish(_body(fault, "closed", lasted_ms, detail, message), now)

    def once(self, kind: FaultKind, subject: str, reason: str, message: str, **detail: float | str) -> None:
        """Something that happened and is over."""
        now = self._now()
        fault = OpenFault(self._id(), kind, subject, reason, message, now)
        log.warning(line("fault", kind=kind, subject=subject, reason=reason, message=message))
        self._publish(_body(fault, "once", None, detail), now)

    def _id(self) -> str:
        self._count += 1
        return f"{self._epoch}-f{self._count}"


def _body(
    fault: OpenFault, state: str, lasted_ms: int | None, detail: Detail, message: str = ""
) -> dict[str, object]:
    body: dict[str, object] = {
        "id": fault.id,
        "kind": fault.kind,
        "subject": fault.subject,
        "state": state,
        "reason": fault.reason,
        "message": message or fault.message,
    }
    return (
        body
        | ({"lasted_ms": lasted_ms} if lasted_ms is not None else {})
        | ({"detail": detail} if detail else {})
    )
