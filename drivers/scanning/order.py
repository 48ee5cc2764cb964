"""In which order settings and unit ids are tried: what is common first. Pure."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from drivers.modbus.plan import plan_blocks
from drivers.modbus.transaction import answer_size, silence
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import ModbusInstrument

Effort = Literal["quick", "normal", "thorough"]
Parity = Literal["N", "E", "O"]

UNITS = range(1, 248)
"""The unit ids of Modbus over Serial Line V1.02, 2.2."""

LOW_UNITS = range(1, 17)
"""Where most instruments are put."""

BAUDS = (9600, 19200, 4800, 2400, 115200, 38400, 57600, 1200)
_COMMON: tuple[tuple[int, Parity], ...] = (
    (9600, "N"), (19200, "E"), (4800, "N"), (19200, "N"), (9600, "E"), (2400, "N"),
)  # fmt: skip
_RUSHED: tuple[tuple[int, Parity], ...] = ((9600, "N"), (19200, "E"), (4800, "N"), (19200, "N"))
_PATIENCE_S: Mapping[Effort, float] = {"quick": 0.1, "normal": 0.1, "thorough": 0.3}
_FIRST_PATIENCE_S = 0.25
"""For what a profile expects, which is asked only once or twice."""


class Ask(NamedTuple):
    """One read request: functions 3 and 4 only."""

    unit: int
    function: int
    address: int
    words: int

    @property
    def pdu(self) -> bytes:
        """Function, address, count."""
        return struct.pack(">BHH", self.function, self.address, self.words)


def question(unit: int) -> Ask:
    """What any slave answers, be it with an exception."""
    return Ask(unit, 3, 0, 1)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Questions at one setting, and how long each waits for its answer; `line` None is a converter's own."""

    line: LineSettings | None
    asks: tuple[Ask, ...]
    patience_s: float

    @property
    def char_s(self) -> float:
        """Seconds a character takes."""
        return char_s(self.line)

    def seconds(self, asks: int | None = None) -> float:
        """How long it takes if nobody answers; of so many of its questions."""
        count = len(self.asks) if asks is None else asks
        return count * ask_s(self.char_s, self.patience_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is to be tried; None is the order of this module."""

    effort: Effort = "normal"
    bauds: tuple[int, ...] | None = None
    parities: tuple[Parity, ...] | None = None
    units: tuple[int, ...] | None = None
    patience_s: float | None = None

    @property
    def wait_s(self) -> float:
        """The wait for an answer."""
        return self.patience_s or _PATIENCE_S[self.effort]


def char_s(line: LineSettings | None) -> float:
    """Seconds a character takes; behind a converter that of 9600 8N1, which nobody knows."""
    if line is None:
        return 10 / 9600
    return (1 + line.data_bits + (line.parity != "N") + line.stop_bits) / line.baud


def ask_s(char_s: float, patience_s: float) -> float:
    """Seconds an unanswered question takes: the silence before it, its 8 characters, the wait, an answer."""
    return silence(char_s) + (8 + answer_size(question(1).pdu)) * char_s + patience_s


@dataclass(slots=True)
class Agenda:
    """The sweeps still to be made, the most promising next.

    A line where something was found is swept to the end before others are begun.
    """

    sweeps: list[Sweep]
    promising: set[LineSettings | None] = field(default_factory=set)

    def found_on(self, line: LineSettings | None) -> None:
        """Somebody answered at these settings."""
        self.promising.add(line)

    def __iter__(self) -> Iterator[Sweep]:
        while self.sweeps:
            good = (i for i, sweep in enumerate(self.sweeps) if sweep.line in self.promising)
            yield self.sweeps.pop(next(good, 0))

    @property
    def left_s(self) -> float:
        """How long the rest takes if nobody answers."""
        return sum(sweep.seconds() for sweep in self.sweeps)


def agenda(profiles: Iterable[ModbusInstrument], search: Search, *, serial: bool = True) -> Agenda:
    """Profiles at their factory settings; then low unit ids on common lines; then all unit ids there.

    "quick" leaves out the last; "thorough" goes on through every baud rate and parity, waits longer, and
    asks for input registers as well.
    """
    known = list(profiles)
    lines = _lines(known, search) if serial else [None]
    first = [sweep for line in lines if (sweep := _factory(line, known, search)).asks]
    low = _chosen(search, (*LOW_UNITS, *sorted({each.modbus.unit for each in known} - set(LOW_UNITS))))
    rest = [unit for unit in _chosen(search, UNITS) if unit not in low]
    common = lines if search.effort == "thorough" else _narrowed(lines, known, search)
    sweeps = [*first, *(_sweep(line, low, search) for line in common)]
    if search.effort != "quick" or search.units:
        sweeps += [_sweep(line, rest, search) for line in common]
    if search.effort == "thorough":
        sweeps += [_sweep(line, [*low, *rest], search, function=4) for line in common]
    return Agenda(list(_once(sweeps)))


def _once(sweeps: Iterable[Sweep]) -> Iterator[Sweep]:
    """Without questions that an earlier sweep asks at the same setting."""
    asked: set[tuple[LineSettings | None, Ask]] = set()
    for sweep in sweeps:
        new = tuple(ask for ask in sweep.asks if (sweep.line, ask) not in asked)
        asked.update((sweep.line, ask) for ask in new)
        if new:
            yield replace(sweep, asks=new)


def _chosen(search: Search, units: Sequence[int]) -> list[int]:
    return [unit for unit in units if search.units is None or unit in search.units]


def _lines(known: Sequence[ModbusInstrument], search: Search) -> list[LineSettings | None]:
    """Every line to be tried, those of most profiles first, then the common ones, then the rest."""
    factory = Counter(each.line for each in known if each.line.data_bits == 8)
    lines = [line for line, _ in factory.most_common()]
    lines += [LineSettings(baud=baud, parity=parity) for baud, parity in _COMMON]
    if search.effort == "thorough" or search.bauds or search.parities:
        bauds, parities = search.bauds or BAUDS, search.parities or ("N", "E", "O")
        lines += [LineSettings(baud=baud, parity=parity) for parity in parities for baud in bauds]
    fitting = (
        line
        for line in lines
        if line.baud in (search.bauds or (line.baud,)) and line.parity in (search.parities or (line.parity,))
    )
    return list(dict.fromkeys(fitting))


def _narrowed(
    lines: Sequence[LineSettings | None], known: Sequence[ModbusInstrument], search: Search
) -> list[LineSettings | None]:
    """Without a second stop bit, which a slave hears as a pause; what is rare is left to "thorough"."""
    if search.bauds or search.parities:
        return [line for line in lines if line is None or line.stop_bits == 1]
    common = {LineSettings(baud=baud, parity=parity) for baud, parity in _COMMON}
    common |= {each.line for each in known}
    if search.effort == "quick":
        common = {LineSettings(baud=baud, parity=parity) for baud, parity in _RUSHED}
    return [line for line in lines if line is None or (line.stop_bits == 1 and line in common)]


def _factory(line: LineSettings | None, known: Sequence[ModbusInstrument], search: Search) -> Sweep:
    """What the profiles with this factory line would ask first; on a converter those of all."""
    asks: dict[Ask, None] = {}
    for each in known:
        if line is None or each.line == line:
            block = plan_blocks(each.points, each.modbus)[0]
            if block.function in (3, 4) and each.modbus.unit in (search.units or (each.modbus.unit,)):
                asks[Ask(each.modbus.unit, block.function, block.address, block.count)] = None
    ordered = sorted(asks, key=lambda ask: (ask.unit, ask.address, ask.words))
    return Sweep(line, tuple(ordered), max(_FIRST_PATIENCE_S, search.wait_s))


def _sweep(line: LineSettings | None, units: Sequence[int], search: Search, function: int = 3) -> Sweep:
    asks = (question(unit)._replace(function=function) for unit in units)
    return Sweep(line, tuple(asks), search.wait_s)
