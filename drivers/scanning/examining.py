"""Everything worth asking one unit that answered: the registers of all profiles, and some of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.modbus.plan import Block
from drivers.scanning.order import Ask
from drivers.scanning.prober import Prober
from drivers.scanning.recognition import Answers, Said, ask_of, blocks_of, parts_of
from firmware_profiles.schema import ModbusInstrument

ILLEGAL_ADDRESS = 2
PATIENCE_S = 0.5
"""Found, so it is given the time that a slow one takes."""

LEAST_PATIENCE_S, SLOWER = 0.15, 4.0
"""Once it is known how fast it answers, four times as long is enough for it."""

_CONTROL = (0xF3A1, 0xE5B7)
"""Addresses that no profile has: a device that answers there answers anywhere."""

_MANY_SILENCES, _KNOWN = 6, 3


@dataclass(slots=True)
class Examination:
    """Asks one unit and remembers what it said."""

    prober: Prober
    unit: int
    said: dict[Ask, Said] = field(default_factory=dict)
    silences: int = 0
    _took_s: list[float] = field(default_factory=list)

    async def run(self, profiles: Iterable[ModbusInstrument]) -> Answers:
        """Ask for the blocks of all profiles.

        Raises:
            LinkClosed: the link is gone.
        """
        controls = [await self._ask(Ask(self.unit, 3, address, 1)) for address in _CONTROL]
        for instrument in profiles:
            for block in blocks_of(instrument):
                await self._block(block)
        await self._look_around()
        strict = not any(isinstance(said, bytes) for said in controls)
        return Answers(self.said, strict)

    async def _block(self, block: Block) -> None:
        said = await self._ask(ask_of(self.unit, block))
        if said == ILLEGAL_ADDRESS or said is None:
            for part in parts_of(block):
                if not isinstance(await self._ask(ask_of(self.unit, part)), bytes):
                    return

    async def _look_around(self) -> None:
        """The first registers, for a device that no profile knows."""
        for function in (3, 4):
            for words in (10, 4, 2, 1):
                if isinstance(await self._ask(Ask(self.unit, function, 0, words)), bytes):
                    break

    @property
    def _patience_s(self) -> float:
        if len(self._took_s) < _KNOWN:
            return PATIENCE_S
        return min(PATIENCE_S, max(LEAST_PATIENCE_S, SLOWER * max(self._took_s)))

    async def _ask(self, ask: Ask) -> Said:
        """What it says, from memory if it was asked before; one that has been silent often is asked once."""
        if ask in self.said:
            return self.said[ask]
        said: Said = None
        tries = 2 if self.silences < _MANY_SILENCES else 1
        for _ in range(tries):
            began_s = time.monotonic()
            answer = (await self.prober.ask(ask, self._patience_s)).answer
            if answer is not None:
                self._took_s.append(time.monotonic() - began_s)
                said = answer.code or answer.data
                self.silences = 0
                break
        else:
            self.silences += 1
        self.said[ask] = said
        return said


def registers(said: Mapping[Ask, Said]) -> dict[tuple[int, int], int]:
    """Every register that was read, by function and address."""
    found: dict[tuple[int, int], int] = {}
    for ask, answer in said.items():
        if isinstance(answer, bytes):
            for at in range(ask.words):
                found[ask.function, ask.address + at] = int.from_bytes(answer[2 * at : 2 * at + 2], "big")
    return dict(sorted(found.items()))
