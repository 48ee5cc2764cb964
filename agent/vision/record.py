"""The record of one camera's picture quality: what is told of it, over which time. Pure."""

from __future__ import annotations

from typing import Any

from pipelines.vision.quality.faults import Grade, record


class Record:
    """Gathers grades from one telling to the next; times are ms UTC of the pictures, spans are seconds."""

    def __init__(self) -> None:
        self.last: Grade | None = None
        self._begin_ms: int | None = None
        self._pictures = self._bad = 0
        self._since_ms: dict[str, int] = {}
        self._up_s = self._all_s = 0.0

    def add(self, grade: Grade) -> bool:
        """One more grade; whether the lasting faults are others than before."""
        before = self.last.open if self.last else ()
        self.last = grade
        self._begin_ms = grade.at_ms if self._begin_ms is None else self._begin_ms
        self._pictures += 1
        self._bad += bool(grade.faults)
        found = {str(each.fault) for each in grade.faults} | {str(each) for each in grade.open}
        self._since_ms = {fault: self._since_ms.get(fault, grade.at_ms) for fault in found}
        return grade.open != before

    def passed(self, seconds: float, *, up: bool) -> None:
        """So much time went by, in which its pictures came and changed, or did not."""
        self._all_s += seconds
        self._up_s += seconds if up else 0.0

    def take(self) -> dict[str, Any] | None:
        """What to tell, counted from the time of the last picture; begins a new period."""
        grade = self.last
        if grade is None or self._begin_ms is None:
            return None
        at_ms = grade.at_ms
        told = record(grade)
        lasting = set(told.pop("open"))
        for each in told["faults"]:
            each["since"] = min(0, self._since_ms[each["fault"]] - at_ms)
            each["lasting"] = each["fault"] in lasting
        told["period"] = {
            "begin": min(0, self._begin_ms - at_ms),
            "end": 0,
            "pictures": self._pictures,
            "bad": self._bad,
            "available": round(self._up_s / self._all_s, 4) if self._all_s else 0.0,
        }
        self._begin_ms, self._pictures, self._bad, self._up_s, self._all_s = at_ms, 0, 0, 0.0, 0.0
        return told
