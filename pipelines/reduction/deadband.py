"""Report by exception: of one channel, only the readings that say something new."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.readings import Quality, Value
from pipelines.state import State

_LONG_AGO_MS = -(2**62)
_WORDS = (str, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadbandSettings:
    """How far a value may be from the last one reported. Raises ValueError for a setting that does not hold.

    The larger of the two bands counts; with neither every change is reported.
    """

    absolute: float = 0.0
    """In the channel's unit."""
    percent: float = 0.0
    """Of the amount of the last value reported."""
    at_least_ms: int = 600_000
    """After so long without a report the next reading is one whatever it says."""

    def __post_init__(self) -> None:
        if not 0 <= self.absolute < float("inf"):
            raise ValueError(f"absolute: expected a number of at least 0, got {self.absolute!r}")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"percent: expected 0 to 100, got {self.percent!r}")
        if self.at_least_ms < 1:
            raise ValueError(f"at_least_ms: expected at least 1, got {self.at_least_ms!r}")


class Deadband:
    """Tells which readings are to be reported; the others lie within the band of the last one reported.

    A report is: the first reading; a number outside the band; another text or truth value; another quality
    or test; the first missing value and the first one after it; and every reading while `alarmed`.
    """

    __slots__ = (
        "_absolute",
        "_at_ms",
        "_made_by",
        "_patience_ms",
        "_quality",
        "_share",
        "_test",
        "_value",
    )

    def __init__(self, settings: DeadbandSettings) -> None:
        self._made_by = repr(settings)
        self._absolute = settings.absolute
        self._share = settings.percent / 100
        self._patience_ms = settings.at_least_ms
        self._at_ms = _LONG_AGO_MS
        self._value: Value | None = None
        self._quality = Quality.NOT_EVALUATED
        self._test = ""

    def feed(
        self, at_ms: int, value: Value | None, quality: Quality, test: str = "", *, alarmed: bool = False
    ) -> bool:
        """Whether this reading is to be reported; `alarmed` while an alarm is open on the channel."""
        if (
            at_ms - self._at_ms < self._patience_ms
            and quality == self._quality
            and test == self._test
            and not alarmed
            and self._says_the_same(value)
        ):
            return False
        self._at_ms, self._value, self._quality, self._test = at_ms, value, quality, test
        return True

    def state(self) -> State:
        last = [self._at_ms, self._value, int(self._quality), self._test]
        return {"made_by": self._made_by, "last": last}

    def restore(self, state: State) -> None:
        if state["made_by"] != self._made_by:
            raise ValueError(f"made_by: expected {self._made_by}, got {state['made_by']!r}")
        at_ms, value, quality, test = state["last"]
        self._at_ms, self._value, self._quality, self._test = at_ms, value, Quality(quality), test

    def _says_the_same(self, value: Value | None) -> bool:
        last = self._value
        if value is None or last is None or isinstance(value, _WORDS) or isinstance(last, _WORDS):
            return type(value) is type(last) and value == last
        # Of what is not a number no comparison holds: it is always reported.
        return abs(value - last) <= max(self._absolute, self._share * abs(last))
