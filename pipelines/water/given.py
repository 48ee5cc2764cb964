"""What of a reading a water rule can count with."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from drivers.readings import Quality

if TYPE_CHECKING:
    from drivers.readings import Value
    from pipelines.state import State

_INFINITE = float("inf")

CONFIDENCE = {
    Quality.GOOD: 1.0,
    Quality.NOT_EVALUATED: 0.8,
    Quality.SUSPECT: 0.5,
    Quality.BAD: 0.2,
    Quality.MISSING: 0.0,
}
"""How far a value with this flag is believed; it colours an alarm and never holds one back."""


def given(value: Value | None) -> float | None:
    """The finite number that was read; None for a text, a yes or no, or nothing."""
    if isinstance(value, float):
        return value if -_INFINITE < value < _INFINITE else None
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return None


def mark(settings: object) -> str:
    """Sixteen hex digits that stand for these settings in a state, so that no others go on from it."""
    return blake2b(repr(settings).encode(), digest_size=8).hexdigest()


def mine(state: State, marked: str) -> None:
    """Check that `state` was made by the settings so marked.

    Raises:
        ValueError: it was made by others.
    """
    if state["settings"] != marked:
        raise ValueError("the stored state was made by other settings")


def require(key: str, expected: str, got: object, *, fits: bool) -> None:
    """Raise ValueError naming the key, unless it `fits`."""
    if not fits:
        raise ValueError(f"{key}: expected {expected}, got {got!r}")
