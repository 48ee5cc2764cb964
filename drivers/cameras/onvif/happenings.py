"""What a camera's notifications say, and which of it is news. Pure.

ONVIF Core, 9 (notifications) and annex of topics; vendors differ in nearly everything but the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from drivers.cameras.onvif.envelope import Element, every, find, text

Kind = Literal["motion", "tamper", "other"]

EXPIRES_MS = 300_000
"""What began and never ended, as some cameras have it, has ended after this long without a word."""

QUIET_MS = 1000
"""One source tells at most one change in so long; the last of several is told, late."""

MOST_SOURCES = 128
"""Topics times sources that are told apart; what a camera sends beyond is counted as skipped."""

_MOTION = {
    "MotionAlarm", "Motion", "ObjectsInside", "Crossed", "PeopleDetect", "VehicleDetect", "FaceDetect",
    "DogCatDetect", "Package", "TPSmartEvent", "People", "Intrusion", "LineCross", "Vehicle", "Pet",
}  # fmt: skip
_TAMPER = {"Tamper", "TamperDetector", "GlobalSceneChange", "Tampering"}
_TRUE, _FALSE = {"true", "1", "on", "yes"}, {"false", "0", "off", "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A state that began or ended (`active`), or with None something that is over as soon as it is told.

    `topic` without prefixes, such as "VideoSource/MotionAlarm"; `source` which sensor, region or rule, ""
    where it does not say; `at_ms` by our clock, UTC, as it reached us. `initial`: so it was when we came.
    """

    kind: Kind
    topic: str
    source: str
    active: bool | None
    at_ms: int
    initial: bool = False


def happening(notification: Element, at_ms: int) -> Happening | None:
    """From one NotificationMessage; None where it has no topic or no message."""
    topic = _topic(text(notification, "Topic"))
    message = find(notification, "Message/Message")
    if not topic or message is None:
        return None
    operation = (message.get("PropertyOperation") or "").lower()
    items = _items(message, "Source") + _items(message, "Key")
    return Happening(
        kind=_kind(topic),
        topic=topic,
        source=",".join(value for _, value in items if value),
        active=False if operation == "deleted" else _active(_items(message, "Data")),
        at_ms=at_ms,
        initial=operation == "initialized",
    )


def _topic(said: str) -> str:
    """Without prefixes, and without the "/." at the end that some add."""
    parts = [part.rpartition(":")[2].strip() for part in said.split("/")]
    return "/".join(part for part in parts if part not in ("", "."))


def _kind(topic: str) -> Kind:
    parts = topic.split("/")
    if not _TAMPER.isdisjoint(parts):
        return "tamper"
    return "motion" if not _MOTION.isdisjoint(parts) else "other"


def _items(message: Element, part: str) -> list[tuple[str, str]]:
    return [
        (item.get("Name") or "", item.get("Value") or "") for item in every(message, f"{part}/SimpleItem")
    ]


def _active(items: list[tuple[str, str]]) -> bool | None:
    """The state among the data: "State", "IsMotion" and the like, or else any value that can be one."""
    likely = sorted(items, key=lambda item: not item[0].lower().startswith(("state", "is", "value")))
    for _, value in likely:
        said = value.strip().lower()
        if said in _TRUE or said in _FALSE:
            return said in _TRUE
    return None


@dataclass(slots=True)
class _Known:
    """The last word of one source, and one that is held back for a while."""

    told: Happening
    heard_ms: int
    held: Happening | None = None


@dataclass(slots=True)
class News:
    """Tells changes: of repetitions nothing, of a storm its last word. Times are of one clock, ms."""

    coalesced: int = 0
    """Notifications that were no news."""
    skipped: int = 0
    """Notifications that could not be understood, or of too many sources."""
    _known: dict[tuple[str, str], _Known] = field(default_factory=dict)

    def feed(self, notification: Element, at_ms: int) -> Happening | None:
        """What is to be told of it now."""
        new = happening(notification, at_ms)
        if new is None:
            self.skipped += 1
            return None
        key = (new.topic, new.source)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_SOURCES and not self._forget_one(at_ms):
                self.skipped += 1
                return None
            self._known[key] = _Known(new, at_ms)
            return new
        return self._changed(known, new)

    def settle(self, at_ms: int) -> list[Happening]:
        """What was held back long enough, and what has ended without a word."""
        news = []
        for known in self._known.values():
            if known.held is not None and _is_over(known.told.at_ms, at_ms, QUIET_MS):
                known.told, known.held = replace(known.held, at_ms=at_ms), None
                news.append(known.told)
            elif known.told.active and _is_over(known.heard_ms, at_ms, EXPIRES_MS):
                known.told, known.heard_ms = (
                    replace(known.told, active=False, at_ms=at_ms, initial=False),
                    at_ms,
                )
                news.append(known.told)
        return news

    def _changed(self, known: _Known, new: Happening) -> Happening | None:
        known.heard_ms = new.at_ms
        if not _is_over(known.told.at_ms, new.at_ms, QUIET_MS):
            is_news = new.active is not None and new.active is not known.told.active
            self.coalesced += (not is_news) + (known.held is not None)
            known.held = new if is_news else None
            return None
        self.coalesced += known.held is not None
        known.held = None
        if new.active is not None and new.active is known.told.active:
            self.coalesced += 1
            return None
        known.told = new
        return new

    def _forget_one(self, at_ms: int) -> bool:
        """Make room: the source that was heard of longest ago, if nothing of it is open."""
        idle = [(known.heard_ms, key) for key, known in self._known.items() if not known.told.active]
        if not idle or not _is_over(min(idle)[0], at_ms, EXPIRES_MS):
            return False
        del self._known[min(idle)[1]]
        return True


def _is_over(since_ms: int, at_ms: int, length_ms: int) -> bool:
    """Whether it has passed; a clock that was set back holds nothing up."""
    return not 0 <= at_ms - since_ms < length_ms
