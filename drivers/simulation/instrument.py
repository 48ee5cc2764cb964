"""A simulated instrument: bytes it hears, bytes it says. The caller brings the time and the line."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.endpoints import Framing
from drivers.readings import Value
from drivers.simulation.frames import FrameWriter
from drivers.simulation.registers import Image
from drivers.simulation.scene import Scene
from drivers.simulation.slave import Slave
from drivers.simulation.story import Story, meant
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

_LONGEST_HEARD = 512


class SimulatedInstrument:
    """One instrument played from its profile.

    `requests` counts what it was asked, `refusals` the Modbus exceptions it gave, `pushed` the frames it
    pushed. `unit` is its Modbus unit id.
    """

    def __init__(
        self,
        profile: ModbusInstrument | FrameInstrument,
        *,
        unit: int | None = None,
        framing: Framing = "rtu",
        seed: int = 0,
        story: Story | None = None,
    ) -> None:
        self.profile = profile
        self.scene = Scene(profile.points, seed)
        self.silent = False
        self.pushed = 0
        self._asked = 0
        self._story = story
        self._told_s = -1.0
        self._now_s = 0.0
        self._writer: FrameWriter | None = None
        self._slave: Slave | None = None
        if isinstance(profile, FrameInstrument):
            self._writer = FrameWriter(profile)
        else:
            self._image = Image(profile.points, profile.modbus.hole)
            self._slave = Slave(profile.modbus.unit if unit is None else unit, framing, self._image.answer)

    @property
    def unit(self) -> int | None:
        """Its Modbus unit id; None for what speaks frames of its own."""
        return self._slave.unit if self._slave else None

    @property
    def requests(self) -> int:
        """Requests answered so far."""
        return self._slave.requests if self._slave else self._asked

    @property
    def refusals(self) -> int:
        """Requests answered with an exception."""
        return self._slave.refusals if self._slave else 0

    @property
    def push_s(self) -> float | None:
        """Seconds between the frames it pushes; None if it speaks only when asked."""
        profile = self.profile
        pushes = isinstance(profile, FrameInstrument) and profile.frames.mode == "listen"
        return min(profile.timing.every_s, 1.0) if pushes else None

    def pass_time(self, now_s: float) -> Mapping[str, Value | None]:
        """The values `now_s` after the beginning, with what the story has brought until then.

        Raises:
            ValueError: a value does not fit the instrument.
        """
        if self._story:
            for step in self._story.between(self._told_s, now_s):
                for channel, value in step.set.items():
                    self.scene.hold(channel, meant(value), now_s, step.over_s)
                for channel in step.release:
                    self.scene.release(channel)
                self.silent = self.silent if step.silent is None else step.silent
        self._told_s = self._now_s = now_s
        values = self.scene.at(now_s)
        if self._slave:
            for point in self.profile.points:
                self._image.put(point, values[point.channel])  # type: ignore[arg-type]  # a RegisterPoint
        return values

    def hear(self, waiting: bytearray, now_s: float) -> list[bytes]:
        """Take whole requests off `waiting`; what it answers.

        Raises:
            ValueError: a value does not fit the instrument.
        """
        values = self.pass_time(now_s)
        if self._slave:
            before = self._slave.requests, self._slave.refusals
            answers = self._slave.feed(waiting)
            if self.silent:
                self._slave.requests, self._slave.refusals = before
        else:
            answers = self._answers(waiting, values)
        return [] if self.silent else answers

    def push(self, now_s: float) -> list[bytes]:
        """The frames of one turn of a gauge that pushes.

        Raises:
            ValueError: a value does not fit the instrument.
        """
        values = self.pass_time(now_s)
        if self._writer is None or self.silent:
            return []
        frames = self._writer.frames(values)
        self.pushed += len(frames)
        return frames

    def check(self) -> None:
        """Whether it can say its values now.

        Raises:
            ValueError: it cannot; the message names the channel.
        """
        values = self.pass_time(self._now_s)
        if self._writer:
            self._writer.frames(values)

    def _answers(self, waiting: bytearray, values: Mapping[str, Value | None]) -> list[bytes]:
        answers: list[bytes] = []
        writer = self._writer
        if writer is None:
            return answers
        while True:
            found = [(at, each) for each in writer.requests if (at := waiting.find(each)) >= 0]
            if not found:
                del waiting[:-_LONGEST_HEARD]
                return answers
            at, request = min(found)
            del waiting[: at + len(request)]
            self._asked += not self.silent
            answers.append(writer.answer(request, values))
