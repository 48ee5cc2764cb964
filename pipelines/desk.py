"""Where the readings of one device go: to the lane of their channel, to rules, to comparisons."""

from __future__ import annotations

from pipelines.anomaly.together import Together
from pipelines.beside import Beside
from pipelines.contracts import Rule
from pipelines.events import Source
from pipelines.lane import Lane

_NEVER_MS = -(2**62)


class Way:
    """Whatever wants the readings of one channel."""

    __slots__ = ("besides", "heard", "lane", "rules", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.lane: Lane | None = None
        self.rules: list[Rule] = []
        self.besides: list[Beside] = []
        self.heard = False
        """Whether a rule or a comparison listens."""


class Desk:
    """The ways of one device by channel, and how far its time has come."""

    __slots__ = (
        "asked",
        "asking",
        "device",
        "last_ms",
        "selective",
        "ticked_ms",
        "together",
        "ways",
        "windowed",
    )

    def __init__(self, device: str) -> None:
        self.device = device
        self.ways: dict[str, Way] = {}
        self.together: Together | None = None
        """Who weighs its channels' jumps, before each is judged."""
        self.selective = False
        """Whether some of its readings may not be worth sending."""
        self.windowed: list[Lane] = []
        """Channels that are summed up by windows."""
        self.asked: list[Lane] = []
        """Channels that are asked again when they are doubted."""
        self.asking = True
        """Whether one of them may be in doubt."""
        self.last_ms = _NEVER_MS
        """The time of its last sample."""
        self.ticked_ms = _NEVER_MS
        """The last tick that its channels were told of."""

    def way(self, source: Source) -> Way:
        """That of one of its channels."""
        return self.ways.setdefault(source.channel, Way(source))

    def sort(self) -> None:
        """Every way is known now."""
        lanes = [way.lane for way in self.ways.values() if way.lane is not None]
        self.selective = any(lane.selective for lane in lanes)
        self.windowed = [lane for lane in lanes if lane.windowed]
        self.asked = [lane for lane in lanes if lane.asked]
        for way in self.ways.values():
            way.heard = bool(way.rules or way.besides)
