"""The books: what the daemons say they read against what has reached the platform. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from drivers.readings import Value

LAST_WORDS_MS = 1500
"""What a killed daemon may take with it: 0.8 s of gathering and the commit, on a slow disk."""

Values = tuple[tuple[str, Value | None, int], ...]
"""Channel, value and quality, in the order of the device's channels."""


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """One device in one boot of its gateway's daemon, named as batch ids begin: {store}.{boot}."""

    gateway: str
    epoch: str
    device: str

    def __str__(self) -> str:
        return f"{self.gateway} {self.device} (boot {self.epoch.partition('.')[2]})"


@dataclass(frozen=True, slots=True)
class Told:
    """A sample as one side tells of it."""

    at_ms: int
    values: Values


@dataclass(slots=True)
class Numbers:
    """A set of numbers that are nearly all consecutive: disjoint spans, first and last included."""

    firsts: list[int] = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)

    def add(self, number: int) -> bool:
        """Whether it is new."""
        at = bisect_left(self.lasts, number)
        if at < len(self.firsts) and self.firsts[at] <= number:
            return False
        joins_left = at > 0 and self.lasts[at - 1] == number - 1
        joins_right = at < len(self.firsts) and self.firsts[at] == number + 1
        if joins_left and joins_right:
            self.lasts[at - 1] = self.lasts.pop(at)
            del self.firsts[at]
        elif joins_left:
            self.lasts[at - 1] = number
        elif joins_right:
            self.firsts[at] = number
        else:
            self.firsts.insert(at, number)
            self.lasts.insert(at, number)
        return True

    @property
    def highest(self) -> int:
        return self.lasts[-1] if self.lasts else 0

    def count(self) -> int:
        return sum(last - first + 1 for first, last in zip(self.firsts, self.lasts, strict=True))

    def missing(self, upto: int) -> Iterator[int]:
        """The numbers from 1 to `upto` that are not in it."""
        expected = 1
        for first, last in zip(self.firsts, self.lasts, strict=True):
            yield from range(expected, min(first, upto + 1))
            expected = last + 1
        yield from range(expected, upto + 1)


class Ledger:
    """Both sides of every sample. A pair that agrees is forgotten, so the books stay small for ever."""

    def __init__(self) -> None:
        self.compared = 0
        self.differing: list[str] = []
        """Samples that arrived other than they were read."""
        self.twice: list[str] = []
        """Samples that came in two different messages: no deduplication key would catch them."""
        self.highest_read: Counter[Run] = Counter()
        self._first_read: dict[Run, int] = {}
        self._arrived: defaultdict[Run, Numbers] = defaultdict(Numbers)
        self._only_read: dict[tuple[Run, int], Told] = {}
        self._only_arrived: dict[tuple[Run, int], Told] = {}
        self._killed_ms: dict[str, int] = {}

    def read(self, run: Run, seq: int, told: Told) -> None:
        """A daemon says that it has read this."""
        self._first_read.setdefault(run, seq)
        self.highest_read[run] = max(self.highest_read[run], seq)
        self._pair(run, seq, told, self._only_arrived, self._only_read)

    def arrived(self, run: Run, seq: int, told: Told) -> None:
        """The platform has received this, in a message it had not seen before."""
        if self._arrived[run].add(seq):
            self._pair(run, seq, told, self._only_read, self._only_arrived)
        else:
            self.twice.append(f"{run} sample {seq}")

    def killed(self, epoch: str, at_ms: int) -> None:
        """This boot ended with SIGKILL: what it had not yet written is gone, by design."""
        self._killed_ms[epoch] = at_ms

    @property
    def runs(self) -> list[Run]:
        return sorted(self._arrived.keys() | self.highest_read.keys())

    def reached(self, run: Run) -> Numbers:
        """The sequence numbers that have arrived."""
        return self._arrived[run]

    def holes(self) -> int:
        """Numbers missing below the highest that has arrived: what a platform alone can see."""
        return sum(sum(1 for _ in n.missing(n.highest)) for n in self._arrived.values())

    def on_the_way(self) -> int:
        """Samples read that have not arrived yet, those lost with a killed daemon not counted."""
        return sum(1 for (run, seq) in self._only_read if not self._died(run, seq))

    def behind(self, at_ms: int, gateway: str = "") -> bool:
        """Whether a sample read before `at_ms`, by this gateway or any, has not arrived yet."""
        return any(
            told.at_ms < at_ms and gateway in (run.gateway, "") and not self._died(run, seq)
            for (run, seq), told in self._only_read.items()
        )

    def lost(self, run: Run) -> list[int]:
        """Numbers of 1 to the highest read that have not arrived and did not die with a killed daemon."""
        upto = max(self.highest_read[run], self._arrived[run].highest)
        return [seq for seq in self._arrived[run].missing(upto) if not self._died(run, seq)]

    def died(self, run: Run | None = None) -> int:
        """Samples of killed daemons' last moments that were never on disk, of one run or all."""
        return sum(self._died(*key) for key in self._only_read if run in (key[0], None))

    def unread(self) -> list[str]:
        """Samples that arrived and that the daemon did not speak of once it was listened to."""
        return [
            f"{run} sample {seq}" for run, seq in self._only_arrived if seq > self._first_read.get(run, seq)
        ]

    def _died(self, run: Run, seq: int) -> bool:
        killed_ms = self._killed_ms.get(run.epoch)
        told = self._only_read.get((run, seq))
        if killed_ms is None or told is None or seq <= self._arrived[run].highest:
            return False
        return told.at_ms > killed_ms - LAST_WORDS_MS

    def _pair(
        self,
        run: Run,
        seq: int,
        told: Told,
        others: dict[tuple[Run, int], Told],
        own: dict[tuple[Run, int], Told],
    ) -> None:
        other = others.pop((run, seq), None)
        if other is None:
            own[run, seq] = told
            return
        self.compared += 1
        if other != told:
            self.differing.append(f"{run} sample {seq}: {_difference(other, told)}")


def _difference(one: Told, other: Told) -> str:
    pairs: Sequence[tuple[object, object]] = [
        (one.at_ms, other.at_ms),
        *zip(one.values, other.values, strict=False),
    ]
    return "; ".join(f"{a} and {b}" for a, b in pairs if a != b) or "other channels"
