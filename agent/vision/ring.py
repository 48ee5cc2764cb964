"""The last pictures of a camera, and which of them and of those to come an event keeps. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

OFFSETS_S = (-10.0, 0.0, 10.0, 30.0)
"""From the event: when pictures of it are wanted."""

LATE_S = 60.0
"""A picture that comes so long after it was wanted is none of that moment any more."""

EARLY_S = 120.0
"""Nor is one from so long before."""

MOST_EVENTS = 64
"""Events that wait for pictures at once; of more no pictures are kept, and they are counted."""

MOST_KNOWN = 256


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture as it came at `at_ms`, ms UTC."""

    at_ms: int
    encoded: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keep:
    """A picture to be kept for events: by event id, how many seconds from it the picture was wanted."""

    picture: Picture
    events: Mapping[str, float]


class Ring:
    """The last `most` pictures with at most `most_octets` together, `apart_s` apart all but the newest."""

    def __init__(self, most: int = 8, most_octets: int = 4 << 20, apart_s: float = 0.0) -> None:
        self.most = most
        self.most_octets = most_octets
        self.apart_s = apart_s
        self.octets = 0
        self._pictures: deque[Picture] = deque()

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, picture: Picture) -> None:
        """The newest; one that is larger than the ring is not taken."""
        if len(picture.encoded) > self.most_octets:
            return
        if self._crowded():
            self.octets -= len(self._pictures.pop().encoded)
        self._pictures.append(picture)
        self.octets += len(picture.encoded)
        while len(self._pictures) > self.most or self.octets > self.most_octets:
            self.octets -= len(self._pictures.popleft().encoded)

    def _crowded(self) -> bool:
        """Whether the newest came so soon after the one before it that the next takes its place."""
        if len(self._pictures) < 2:
            return False
        return 0 <= self._pictures[-1].at_ms - self._pictures[-2].at_ms < self.apart_s * 1000

    def before(self, at_ms: int, seconds: float) -> tuple[Picture, ...]:
        """Those of the `seconds` before `at_ms`, that moment included, the oldest first."""
        first_ms = at_ms - seconds * 1000
        return tuple(each for each in self._pictures if first_ms <= each.at_ms <= at_ms)

    def after(self, at_ms: int) -> tuple[Picture, ...]:
        """Those since `at_ms`, that moment included, the oldest first."""
        return tuple(each for each in self._pictures if each.at_ms >= at_ms)


class Wanted:
    """Which pictures of one camera events ask for; each event is served once, and no picture twice for it.

    For a moment before the event it is the last picture that there was then, for any other the first since.
    """

    def __init__(self, ring: Ring, offsets_s: Sequence[float] = OFFSETS_S) -> None:
        self._ring = ring
        self._offsets_s = tuple(sorted(offsets_s))
        self._waiting: dict[str, list[tuple[int, float]]] = {}
        self._known: deque[str] = deque(maxlen=MOST_KNOWN)
        self.missed = 0
        """Moments of which no picture came in time."""
        self.refused = 0
        """Events of which no pictures are kept: too many at once."""

    def ask(self, event: str, at_ms: int) -> list[Keep]:
        """Pictures of the ring that the event at `at_ms` (UTC) keeps; the others are asked for by `due`."""
        if event in self._known:
            return []
        if len(self._waiting) >= MOST_EVENTS:
            self.refused += 1
            return []
        self._known.append(event)
        kept: dict[int, Keep] = {}
        for offset_s in self._offsets_s:
            wanted_ms = at_ms + round(offset_s * 1000)
            picture = self._early(wanted_ms) if offset_s < 0 else self._since(wanted_ms)
            if picture is not None:
                kept.setdefault(id(picture), Keep(picture, {event: offset_s}))
            elif offset_s < 0:
                self.missed += 1
            else:
                self._waiting.setdefault(event, []).append((wanted_ms, offset_s))
        return list(kept.values())

    def due(self) -> int | None:
        """When the next picture is wanted, ms UTC, perhaps in the past; None while nothing is."""
        return min((moments[0][0] for moments in self._waiting.values()), default=None)

    def offer(self, picture: Picture) -> Keep | None:
        """A picture that has just come; whether it is to be kept, and for which events."""
        events: dict[str, float] = {}
        for event, moments in self._waiting.items():
            for wanted_ms, offset_s in _taken_from(moments, picture.at_ms):
                if picture.at_ms - wanted_ms <= LATE_S * 1000:
                    events[event] = offset_s
                else:
                    self.missed += 1
        self._forget_served()
        return Keep(picture, events) if events else None

    def give_up(self, now_ms: int) -> None:
        """No picture has come for what was wanted too long before `now_ms`."""
        for moments in self._waiting.values():
            self.missed += len(list(_taken_from(moments, now_ms - round(LATE_S * 1000) - 1)))
        self._forget_served()

    def _early(self, wanted_ms: int) -> Picture | None:
        found = self._ring.before(wanted_ms, EARLY_S)
        return found[-1] if found else None

    def _since(self, wanted_ms: int) -> Picture | None:
        found = self._ring.after(wanted_ms)
        return found[0] if found and found[0].at_ms - wanted_ms <= LATE_S * 1000 else None

    def _forget_served(self) -> None:
        self._waiting = {event: moments for event, moments in self._waiting.items() if moments}


def _taken_from(moments: list[tuple[int, float]], until_ms: int) -> Iterable[tuple[int, float]]:
    """Those wanted until then, which are taken out; moments are in order."""
    count = sum(wanted_ms <= until_ms for wanted_ms, _ in moments)
    taken, moments[:] = moments[:count], moments[count:]
    return taken
