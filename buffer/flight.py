"""Envelopes on their way: who has been handed out, and what became of them, until it is committed."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Self

from buffer.retention import Reason, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from buffer.envelope import Envelope


class Rejected(NamedTuple):
    """A stored envelope that must not be handed out again, and why."""

    row: Waiting
    reason: Reason
    why: str


class Flight:
    """The rows handed out or marked since the store was opened. In memory only; any thread may mark."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[int, Waiting] = {}
        self._accepted: dict[int, Waiting] = {}
        self._rejected: dict[int, Rejected] = {}

    def __contains__(self, number: object) -> bool:
        return number in self._held

    def __len__(self) -> int:
        """Count those handed out and not yet marked."""
        with self._lock:
            return len(self._held) - len(self._accepted) - len(self._rejected)

    def hand_out(self, row: Waiting) -> None:
        with self._lock:
            self._held[row.id] = row

    def accept(self, number: int) -> None:
        """Mark for deletion; of no effect on a row that was evicted meanwhile."""
        with self._lock:
            if number in self._held:
                self._accepted[number] = self._held[number]

    def reject(self, number: int, reason: Reason, why: str) -> None:
        """Mark as never to be handed out again; of no effect on a row that was evicted meanwhile."""
        with self._lock:
            if number in self._held:
                self._rejected[number] = Rejected(self._held[number], reason, why)

    def marks(self) -> tuple[list[Waiting], list[Rejected]]:
        """Return what has been accepted and what rejected, and is not yet committed."""
        with self._lock:
            return list(self._accepted.values()), list(self._rejected.values())

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop rows that are no longer stored, or that are free to be handed out again."""
        with self._lock:
            for number in numbers:
                self._held.pop(number, None)
                self._accepted.pop(number, None)
                self._rejected.pop(number, None)


class Batch:
    """Envelopes taken together, each with its id; what is not marked by the end of the `with` stays stored.

    Marks are joined to the next put or flush. Until that commit a crash shows the envelope again, under
    the same key. The marks and leaving the `with` touch memory only and may run in any one thread.
    """

    def __init__(self, flight: Flight, taken: Iterable[tuple[int, Envelope]]) -> None:
        self._flight = flight
        self._taken = tuple(taken)
        self._unmarked = {number for number, _ in self._taken}

    def __iter__(self) -> Iterator[tuple[int, Envelope]]:
        return iter(self._taken)

    def __len__(self) -> int:
        return len(self._taken)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flight.forget(self._unmarked)
        self._unmarked.clear()

    def accept(self, number: int) -> None:
        """The platform has it: delete it with the next commit. ValueError if it is not ours to mark."""
        self._mark(number)
        self._flight.accept(number)

    def reject(self, number: int, why: str) -> None:
        """The platform will never take it: make it a dead letter. ValueError if it is not ours to mark."""
        self._mark(number)
        self._flight.reject(number, Reason.REJECTED, why)

    def drop(self, number: int) -> None:
        """Its owner has given it up by a rule of its own: count it as evicted, without a dead letter.

        ValueError if it is not ours to mark.
        """
        self._mark(number)
        self._flight.reject(number, Reason.EVICTED, "")

    def _mark(self, number: int) -> None:
        if number not in self._unmarked:
            raise ValueError(f"envelope {number} is not in this batch, or it was marked or released before")
        self._unmarked.remove(number)
