"""What the settings of all rules share: how a wrong one is refused, and how a state tells whose it is."""

from __future__ import annotations

from hashlib import blake2b

from pipelines.state import State


def demand(holds: bool, key: str, expected: str, got: object) -> None:
    """Refuse a setting that does not hold.

    Raises:
        ValueError: with the key, what was expected, and what was given.
    """
    if not holds:
        raise ValueError(f"{key}: expected {expected}, got {got!r}")


def fingerprint(settings: object) -> str:
    """16 hex digits that change with any of the settings; they must be plain values in a dataclass."""
    return blake2b(repr(settings).encode(), digest_size=8).hexdigest()


def expect(state: State, settings: object) -> None:
    """Refuse a state that was made by other settings.

    Raises:
        ValueError: it was.
        KeyError: it does not say.
    """
    if state["made_by"] != fingerprint(settings):
        raise ValueError(f"the state was made by other settings of {type(settings).__name__}")
