"""The two drivers of gauges described by frames: one asks, one listens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from drivers.errors import Garbled, LinkTimeout
from drivers.links import LONGEST_UNREAD, Link
from drivers.readings import Reading
from drivers.serialframes.fields import Decode, compile_fields
from drivers.serialframes.framing import Framer
from drivers.serialframes.gathering import Gathering, complete
from firmware_profiles.frames import FramePoint
from firmware_profiles.points import Timing
from firmware_profiles.schema import FrameInstrument


@dataclass(slots=True)
class _Gauge:
    """What both drivers know: the device's name, its profile, the points and timing after overrides."""

    device: str
    instrument: FrameInstrument
    points: tuple[FramePoint, ...]
    timing: Timing
    _framer: Framer = field(init=False)
    _decode: Decode = field(init=False)

    def __post_init__(self) -> None:
        self._framer = Framer(self.instrument.frames)
        self._decode = compile_fields(self.instrument.frames, self.points)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names in the order of the readings."""
        return tuple(point.channel for point in self.points)

    @property
    def garbled(self) -> int:
        """Spans of bytes so far that formed no valid frame."""
        return self._framer.garbled

    def _failure(self, heard: bytes) -> LinkTimeout | Garbled:
        waited = f"within {self.timing.timeout_s:g} s"
        if not heard:
            return LinkTimeout(f"{self.device}: not a byte {waited}")
        return Garbled(
            f"{self.device}: no frame of its profile {waited}, but {heard[-32:].hex(' ')};"
            " check baud rate, parity and the instrument's output format",
            heard,
        )


@dataclass(slots=True)
class FrameUnit(_Gauge):
    """A gauge that answers each request with a frame. Implements drivers.protocol.Unit."""

    async def read(self, link: Link) -> Sequence[Reading]:
        """One reading a point, from the answers to all requests; after one that failed the rest is not asked.

        Raises:
            DriverError: no request was answered with a valid frame.
        """
        found: dict[str, Reading] = {}
        test = "not_received"
        for request in self._requests():
            try:
                frames = await self._ask(link, request)
            except (LinkTimeout, Garbled) as error:
                if not found:
                    raise
                test = error.reason
                break
            for frame in frames:
                found.update((reading.channel, reading) for reading in self._decode(frame))
        return complete(self.channels, found, test)

    async def probe(self, link: Link) -> None:
        """Asks the first request, once.

        Raises:
            DriverError: no valid frame came back.
        """
        await self._exchange(link, self._requests()[0])

    def longest_s(self, char_s: float) -> float:
        """More than a probe and a read together can take: each request is asked twice.

        Quiet comes within 1 s or 260 characters, after noise within 0.4 s or 400.
        """
        timing, longest = self.timing, self.instrument.frames.max_size
        each_s = timing.timeout_s + timing.gap_ms / 1000 + 2.0 + (2 * longest + 1000) * char_s
        return 2 * (1 + len(self._requests())) * each_s

    def _requests(self) -> list[bytes]:
        spec = self.instrument.frames
        return [spec.octets(written) for written in spec.requests]

    async def _ask(self, link: Link, request: bytes) -> list[bytes]:
        """The frames that answer; one retry for a garbled one."""
        try:
            return await self._exchange(link, request)
        except Garbled:
            return await self._exchange(link, request)

    async def _exchange(self, link: Link, request: bytes) -> list[bytes]:
        timing, char_s = self.timing, link.endpoint.char_s
        self._framer.drop()
        await link.send(request, silence_s=timing.gap_ms / 1000)
        deadline = time.monotonic() + timing.timeout_s + len(request) * char_s
        heard, passed = b"", 0
        while len(heard) < LONGEST_UNREAD:
            try:
                data = await link.receive(max(0.0, deadline - time.monotonic()))
            except LinkTimeout:
                break
            if not heard:  # an answer has begun: give its longest form the time it takes on the line
                deadline += self.instrument.frames.max_size * char_s
            heard += data
            if request.startswith(heard):  # so far this may be the adapter hearing itself
                continue
            if not passed and heard.startswith(request):
                link.echoes = True
                passed = len(request)
            frames = self._framer.feed(heard[passed:])
            passed = len(heard)
            if frames:
                return frames
        self._framer.drop()
        await link.settle(max(20 * char_s, 0.02))
        raise self._failure(heard.removeprefix(request))


@dataclass(slots=True)
class FrameListener(_Gauge):
    """A gauge that pushes frames on a link of its own. Implements drivers.protocol.Listener."""

    async def stream(self, link: Link) -> AsyncGenerator[Sequence[Reading], None]:
        """One set of readings per interval, the latest, for ever; none while the gauge warms up.

        Raises:
            LinkTimeout: nothing came within the timing's timeout.
            Garbled: bytes came, but no frame with one of the points.
            LinkClosed: the link is gone.
        """
        timing, now = self.timing, time.monotonic()
        gathering = Gathering(self.channels, timing.every_s, timing.timeout_s, now + timing.warm_up_s)
        self._framer.drop()
        heard, deadline = b"", now + timing.timeout_s
        while True:
            try:
                data = await link.receive(max(0.0, deadline - time.monotonic()))
            except LinkTimeout:
                self._framer.drop()
                raise self._failure(heard) from None
            heard = (heard + data)[-self.instrument.frames.max_size :]
            for frame in self._framer.feed(data):
                if readings := self._decode(frame):
                    now = time.monotonic()
                    heard, deadline = b"", now + timing.timeout_s
                    if whole := gathering.add(readings, now):
                        yield whole
