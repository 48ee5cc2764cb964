"""A scan of one line: listen, search, examine who answers. What was found so far can be had at any time."""

from __future__ import annotations

import termios
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from drivers.endpoints import Endpoint, SerialEndpoint
from drivers.errors import LinkClosed
from drivers.links import Link, open_link
from drivers.readings import Quality
from drivers.scanning.examining import Examination, registers
from drivers.scanning.listening import Overheard, asked, lines_of, listen, overheard
from drivers.scanning.order import Agenda, Ask, Search, Sweep, agenda, char_s
from drivers.scanning.prober import Heard, Prober, Turn
from drivers.scanning.recognition import Match, Verdict, recognise
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LISTEN_S = 2.5
"""Gauges that push do so at least every second or two."""

LISTEN_AGAIN_S = 1.6
LINGER_S = 0.6
LATE_S = 1.5
"""An answer that came this long after its question is put down to it; slower instruments are not found."""

RECHECKS = 3
"""A sweep in which something keeps making noise is not gone back over for ever."""


@dataclass(frozen=True, slots=True)
class Found:
    """One instrument: where it answers and what it may be. `unit` None is one that speaks frames of its own.

    `also`: other settings of the same baud rate at which the same unit said the same.
    """

    line: LineSettings | None
    unit: int | None
    matches: tuple[Match, ...]
    registers: Mapping[tuple[int, int], int] = field(default_factory=dict)
    also: tuple[LineSettings, ...] = ()
    pushes: bool = False


class Watcher(Protocol):
    """Who is told how the scan is going."""

    def at(self, what: str, done_s: float, left_s: float) -> None:
        """What is being tried, the time spent, and the time the rest takes if nobody answers."""

    def found(self, found: Found) -> None:
        """One more."""


@dataclass(slots=True)
class Scan:
    """The scan of one endpoint; `path` is tried at many settings, a TCP converter at its own.

    `found`, `frames` and `seconds` stand for what was done so far. `noise` names settings at which bytes
    came that nobody understood, `untried` those that the port does not take.
    """

    endpoint: Endpoint
    modbus: Mapping[str, ModbusInstrument]
    gauges: Mapping[str, FrameInstrument]
    search: Search
    watcher: Watcher
    found: list[Found] = field(default_factory=list)
    noise: list[LineSettings | None] = field(default_factory=list)
    untried: list[LineSettings | None] = field(default_factory=list)
    frames: int = 0
    complete: bool = False
    _began_s: float = field(default_factory=time.monotonic)
    _agenda: Agenda = field(default_factory=lambda: Agenda([]))
    _marks: dict[tuple[LineSettings | None, int], object] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the scan began."""
        return time.monotonic() - self._began_s

    async def run(self, *, listening: bool = True) -> None:
        """Scan to the end of the agenda.

        Raises:
            LinkClosed: the port cannot be opened, or is gone.
        """
        self._agenda = agenda(self.modbus.values(), self.search, serial=self._is_serial)
        if listening and await self._listen():
            self.complete = True
            return
        for sweep in self._agenda:
            if sweep.line in self.untried:
                continue
            try:
                async with self._open(sweep.line) as prober:
                    await self._sweep(prober, sweep)
            except LinkClosed as error:
                if not isinstance(error.__cause__, termios.error):
                    raise
                self.untried.append(sweep.line)
        await self._ask_gauges()
        self.complete = True

    @property
    def _is_serial(self) -> bool:
        return isinstance(self.endpoint, SerialEndpoint)

    @asynccontextmanager
    async def _open(self, line: LineSettings | None) -> AsyncIterator[Prober]:
        async with open_link(self._at(line)) as link:
            prober = Prober(link, char_s(line))
            try:
                yield prober
            finally:
                self.frames += prober.sent

    def _at(self, line: LineSettings | None) -> Endpoint:
        if line is None or not isinstance(self.endpoint, SerialEndpoint):
            return self.endpoint
        facts = self.endpoint
        return SerialEndpoint(facts.path, line, echoes=facts.echoes, kernel_rs485=facts.kernel_rs485)

    def _tell(self, what: str, left_s: float) -> None:
        self.watcher.at(what, self.seconds, left_s + self._agenda.left_s)

    # Listening

    async def _listen(self) -> bool:
        """Whether a gauge pushes here, which then has the line for itself."""
        lines: list[LineSettings | None] = [*self._gauge_lines("listen")] if self._is_serial else [None]
        wait_s = LISTEN_S
        for index, line in enumerate(lines):
            self._tell(f"listening at {written(line)}", wait_s + LISTEN_AGAIN_S * (len(lines) - index - 1))
            async with open_link(self._at(line)) as link:
                heard = await listen(link, wait_s)
            if not heard:
                return False  # nobody talks: a wrong baud rate would still give bytes
            profiles = {n: p for n, p in self.gauges.items() if p.frames.mode == "listen"}
            if matches := overheard(heard, profiles):
                self._add_gauge(line, matches, pushes=True)
                return True
            self.noise.append(line)
            wait_s = LISTEN_AGAIN_S
        return False

    async def _ask_gauges(self) -> None:
        """Those that answer in frames of their own, each at its factory line."""
        asking = {name: p for name, p in self.gauges.items() if p.frames.mode == "request"}
        for line in self._gauge_lines("request") if self._is_serial else [None]:
            async with open_link(self._at(line)) as link:
                for name, profile in asking.items():
                    if line in (None, profile.line):
                        await self._ask_gauge(link, name, profile, line)

    async def _ask_gauge(
        self, link: Link, name: str, profile: FrameInstrument, line: LineSettings | None
    ) -> None:
        self._tell(f"asking {name} at {written(line)}", 1.0)
        self.frames += 1
        if one := await asked(link, name, profile):
            self.frames += one.frames
            self._add_gauge(line, [one], pushes=False)

    def _gauge_lines(self, mode: str) -> list[LineSettings]:
        lines = lines_of(each for each in self.gauges.values() if each.frames.mode == mode)
        bauds = self.search.bauds
        return [line for line in lines if bauds is None or line.baud in bauds]

    def _add_gauge(self, line: LineSettings | None, ones: list[Overheard], *, pushes: bool) -> None:
        self._add(Found(line, None, tuple(_matches(ones)), pushes=pushes))

    # Searching

    async def _sweep(self, prober: Prober, sweep: Sweep) -> None:
        recent: deque[tuple[float, Ask]] = deque()
        rechecks = 0
        for index, ask in enumerate(sweep.asks):
            if (sweep.line, ask.unit) in self._marks:
                continue
            left_s = sweep.seconds(len(sweep.asks) - index)
            self._tell(f"{written(sweep.line)}, unit {ask.unit}", left_s)
            now = time.monotonic()
            recent.append((now, ask))
            while recent[0][0] < now - LATE_S:
                recent.popleft()
            turn = await prober.ask(ask, sweep.patience_s)
            await self._take(prober, sweep, turn)
            if turn.noise and rechecks < RECHECKS:
                rechecks += 1
                await self._recheck(prober, sweep, [each for _, each in recent])
        await self._take(prober, sweep, await prober.linger(LINGER_S))

    async def _take(self, prober: Prober, sweep: Sweep, turn: Turn) -> None:
        for heard in filter(None, (turn.answer, *turn.others)):
            await self._examine(prober, sweep, heard)

    async def _recheck(self, prober: Prober, sweep: Sweep, asks: list[Ask]) -> None:
        """Bytes that nobody understood may be a slow one's answer that met the next question."""
        await prober.link.settle(0.1)
        before = len(self.found)
        for ask in reversed(asks):
            if (sweep.line, ask.unit) not in self._marks:
                await self._take(prober, sweep, await prober.ask(ask, 1.0))
        if len(self.found) == before and sweep.line not in self.noise:
            self.noise.append(sweep.line)

    async def _examine(self, prober: Prober, sweep: Sweep, heard: Heard) -> None:
        place = (sweep.line, heard.unit)
        wanted = self.search.units is None or heard.unit in self.search.units
        if place in self._marks or not wanted:
            return
        self._agenda.found_on(sweep.line)
        self._tell(f"{written(sweep.line)}, unit {heard.unit}: asking what it is", 2.0)
        answers = await Examination(prober, heard.unit).run(self.modbus.values())
        matches = recognise(heard.unit, sweep.line, answers, self.modbus)
        self._marks[place] = mark = [(ask, type(said)) for ask, said in answers.said.items()]
        if sweep.line and (twin := self._twin(sweep.line, heard.unit, mark)) is not None:
            known = self.found[twin]
            self.found[twin] = replace(known, also=(*known.also, sweep.line))
        else:
            self._add(Found(sweep.line, heard.unit, tuple(matches), registers(answers.said)))

    def _twin(self, line: LineSettings, unit: int, mark: object) -> int | None:
        """The same unit id at the same baud rate that answers in the same way: one device, lax on parity."""
        for index, known in enumerate(self.found):
            is_same = known.unit == unit and known.line is not None and known.line.baud == line.baud
            if is_same and self._marks[known.line, unit] == mark:
                return index
        return None

    def _add(self, found: Found) -> None:
        self.found.append(found)
        self.watcher.found(found)


def written(line: LineSettings | None) -> str:
    """`9600 8N1`; a converter's settings are its own."""
    return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}" if line else "the converter's line"


def _matches(ones: list[Overheard]) -> Iterator[Match]:
    for one in ones:
        frames = f"{one.frames} frame{'s' if one.frames > 1 else ''} of its form"
        checked = ", each with a right checksum" if one.checksum else "; they carry no checksum"
        is_whole = all(reading.quality is not Quality.BAD for reading in one.readings)
        is_sure = one.checksum and is_whole and one.frames + len(one.readings) > 2
        verdict: Verdict = "certain" if is_sure else "likely"
        bits = (16.0 if one.checksum else 4.0) * one.frames
        yield Match(
            one.profile, verdict if one is ones[0] else "possible", bits, (frames + checked,), one.readings
        )
