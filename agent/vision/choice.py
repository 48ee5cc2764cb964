"""The cheapest sufficient way to a camera's pictures, and why it is that one. Pure: the clock is given.

Measured at 1080p25 H.264, 4 Mbit/s: a snapshot costs 0.02 s of CPU; a stream held open for its key frames
0.0143 s a second; a connection for one key frame 0.09 s, and while it waits for that, as a held one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.vision.schedule import phase
from drivers.frames import Way

FAILURES = 3
"""In a row: another way is tried."""

AGAIN_S = 600.0
"""A way that failed is tried again after this, doubled each time up to LONGEST_AGAIN_S."""

LONGEST_AGAIN_S = 4 * 3600.0

OTHERS_EACH = 3
"""Once the way that worked last, or the cheapest, rests, each third try is of another, until one works."""

PROBE_S = 600.0
"""How often a stream is looked at while snapshots are taken, which cannot show damage of it."""

HOLD_BELOW_S = 6.0
"""A picture more often than each so many seconds, and half the key frames' distance, pays a held stream."""

USUAL_KEYS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a camera has: `key_s` are the seconds between the key frames of its stream, 0 where unknown."""

    snapshot: bool
    stream: bool
    key_s: float = 0.0


@dataclass(slots=True)
class _Record:
    """How a way has done of late; `until_s` is how long it is not tried."""

    failures: int = 0
    reason: str = ""
    until_s: float = 0.0
    rests: int = 0


class Choice:
    """One camera's way; `configured` is the operator's, which is kept to, or None."""

    def __init__(
        self,
        camera: str,
        configured: Way | None,
        monotonic: Callable[[], float],
        *,
        probe_s: float = PROBE_S,
    ) -> None:
        self._configured = configured
        self._monotonic = monotonic
        self._probe_s = probe_s
        self._records = {way: _Record() for way in Way}
        self._proven: Way | None = None
        self._vain = 0
        self._probed_s = monotonic() - probe_s * (1 - phase(camera))

    def choose(self, offer: Offer, every_s: float) -> tuple[Way, str]:
        """The way for a picture each `every_s`, and the reason for it in words."""
        if self._configured is not None:
            return self._configured, "as configured"
        stream, why = _stream_way(offer, every_s)
        other = Way.CONNECT if stream is Way.HOLD else Way.HOLD
        ways = [Way.SNAPSHOT] * offer.snapshot + [stream, other] * offer.stream
        if not ways:
            return Way.SNAPSHOT, "the camera offers neither snapshots nor a stream"
        likely = next((each for each in ways if each is self._proven), ways[0])
        if self._vain % OTHERS_EACH and not self._is_usable(likely):
            return likely, "no way works now; this one worked last, or is the cheapest"
        way = next((each for each in ways if self._is_usable(each)), None)
        if way is None:
            soonest = min(ways, key=lambda each: self._records[each].until_s)
            return soonest, "every way failed; this one rests no longer than the others"
        if way is Way.SNAPSHOT:
            return way, "the cheapest, and it works"
        return way, f"{self._why_no_snapshot(offer)}; {why if way is stream else self._rest(stream)}"

    def worked(self, way: Way) -> None:
        """A picture came this way."""
        self._records[way] = _Record()
        self._proven, self._vain = way, 0

    def failed(self, way: Way, reason: str) -> None:
        """None came, though the camera is there and takes our credentials."""
        record = self._records[way]
        self._vain += 1
        record.failures += 1
        record.reason = reason
        if record.failures >= FAILURES:
            rest_s = min(AGAIN_S * 2.0**record.rests, LONGEST_AGAIN_S)
            record.until_s = self._monotonic() + rest_s
            record.rests = min(record.rests + 1, 16)

    def probe_due_s(self, way: Way, offer: Offer) -> float | None:
        """When the stream is to be looked at besides the pictures (monotonic s); None where it need not."""
        if way is not Way.SNAPSHOT or not offer.stream:
            return None
        return self._probed_s + self._probe_s

    def probed(self) -> None:
        """The stream was looked at."""
        self._probed_s = self._monotonic()

    def _is_usable(self, way: Way) -> bool:
        """One failure after a rest sends it back to rest: it is tried once, not FAILURES times."""
        record = self._records[way]
        return record.failures < FAILURES or self._monotonic() >= record.until_s

    def _why_no_snapshot(self, offer: Offer) -> str:
        return self._rest(Way.SNAPSHOT) if offer.snapshot else "the camera offers no snapshots"

    def _rest(self, way: Way) -> str:
        record = self._records[way]
        minutes = max(1, round((record.until_s - self._monotonic()) / 60))
        return f"{way.value} failed {record.failures} times ({record.reason}), tried again in {minutes} min"


def _stream_way(offer: Offer, every_s: float) -> tuple[Way, str]:
    key_s = offer.key_s or USUAL_KEYS_S
    if every_s >= HOLD_BELOW_S + key_s / 2:
        return Way.CONNECT, f"at a picture each {every_s:g} s cheaper than a stream held open"
    text = f"at a picture each {every_s:g} s cheaper than to connect for each"
    if key_s > every_s:
        text += f", though a key frame comes only each {key_s:g} s"
    return Way.HOLD, text
