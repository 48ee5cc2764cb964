"""The child process of mixed_bus."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from typing import TYPE_CHECKING, Any

from fakes.children import attend_call, be_child
from fakes.libmodbus import Engine, Request
from fakes.mixed_bus import CMSPAR, Slave

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

REQUEST_SIZE = 8
CSTOPB_BITS = 1
PIECE_S = 0.002
BAUDS = {getattr(termios, f"B{rate}"): rate for rate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)}


class Bus:
    """The servant: one pty, a libmodbus engine for each line setting."""

    def __init__(self, slaves: tuple[Slave, ...]) -> None:
        self._fd, self._held = os.openpty()
        tty.setraw(self._held)
        os.set_blocking(self._fd, False)
        self._engines: dict[tuple[int, str], Engine] = {}
        for place in {(each.baud, each.parity) for each in slaves}:
            here = [each for each in slaves if (each.baud, each.parity) == place]
            engine = Engine({each.unit: each.registers for each in here}, rtu=True)
            for each in here:
                engine.units[each.unit].delay_s = each.delay_s
            self._engines[place] = engine
        self._characters = 0
        self.greeting: Any = os.ttyname(self._held)

    def run(self, connection: Connection) -> None:
        waiting, heard_s = bytearray(), 0.0
        while True:
            watched: list[Any] = [connection, self._fd]
            ready, _, _ = select.select(watched, [], [])
            if self._fd in ready:
                if time.monotonic() - heard_s > 0.05:
                    waiting.clear()
                data = os.read(self._fd, 4096)
                heard_s = time.monotonic()
                self._characters += len(data)
                waiting += data
                while len(waiting) >= REQUEST_SIZE:
                    request = bytes(waiting[:REQUEST_SIZE])
                    del waiting[:REQUEST_SIZE]
                    self._serve(request)
            if connection in ready:
                attend_call(self, connection)

    def _serve(self, request: bytes) -> None:
        baud, parity, bits = self._line()
        engine = self._engines.get((baud, parity))
        if engine is None:
            return
        character_s = bits / baud
        time.sleep(len(request) * character_s)
        try:
            answer, due_s = engine.answer(request)
        except ValueError:
            return
        if not answer:
            return
        time.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        size = max(1, int(PIECE_S / character_s))
        for at in range(0, len(answer), size):
            piece = answer[at : at + size]
            time.sleep(max(0.0, began_s + (at + len(piece)) * character_s - time.monotonic()))
            os.write(self._fd, piece)

    def _line(self) -> tuple[int, str, int]:
        """Baud rate, parity and bits a character, as the master has set them."""
        _, _, control, _, _, speed, _ = termios.tcgetattr(self._held)
        parity = "O" if control & termios.PARODD else "E" if control & CMSPAR else "N"
        stop = 2 if control & termios.CSTOPB else CSTOPB_BITS
        return BAUDS.get(speed, 0), parity, 9 + (parity != "N") + stop

    # The controls, called by the parent.

    def requests(self) -> list[Request]:
        every = [request for engine in self._engines.values() for request in engine.log]
        return sorted(every, key=lambda request: request.at_ns)

    def characters(self) -> int:
        return self._characters


if __name__ == "__main__":
    be_child(Bus)
