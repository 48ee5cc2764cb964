"""One decoder process as its parent has it: started, ordered about, listened to, and ended by its pid."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from drivers.cameras.streams import wire
from drivers.cameras.streams.wire import Message

PROGRAM = (sys.executable, "-m", "drivers.cameras.streams.decoder")

START_S = 15.0
"""Until a process says hello, on a busy machine."""

END_S = 2.0
"""From being told to end to being made to."""

_ENVIRONMENT = {
    # Frames of megabytes go back to the system when they are freed, and threads share their heaps.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


class DecoderProcess:
    """A child with a socket; `heard` gets its answers with their descriptors, `ended` its end, once."""

    def __init__(
        self,
        heard: Callable[[DecoderProcess, Message, int | None], None],
        ended: Callable[[DecoderProcess], None],
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._heard = heard
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._unseen: deque[float] = deque()
        self.awake = False
        """Whether it has said hello."""
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._child = subprocess.Popen(  # noqa: S603  our own module
                    [*program, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **_ENVIRONMENT},
                    pass_fds=[theirs.fileno()],
                )
        except OSError:
            self._link.close()
            raise
        self._exit = os.pidfd_open(self._child.pid)
        self._link.setblocking(False)
        self._loop.add_reader(self._link, self._read)
        self._loop.add_reader(self._exit, self._reap)
        self.gone = self._loop.create_future()
        """Done once the child has been reaped."""

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._child.pid

    def send(self, order: Message) -> None:
        """Order something; an order that cannot be handed over shows up as one that is not seen."""
        self._unseen.append(time.monotonic())
        with suppress(OSError):
            wire.send(self._link, order)

    @property
    def silent_s(self) -> float:
        """How long it has not looked at an order; 0 while it may still be starting."""
        waited_s = time.monotonic() - self._unseen[0] if self._unseen else 0.0
        return waited_s if self.awake or waited_s > START_S else 0.0

    def end(self) -> None:
        """Let it hang up on its cameras and end, by force after `END_S`."""
        self._close()
        if not self.gone.done():
            self._loop.call_later(END_S, self.kill)

    def kill(self) -> None:
        """End it now, whatever it is stuck in; nothing happens if it has ended."""
        self._close()
        if not self.gone.done():
            self._child.send_signal(signal.SIGKILL)

    def _read(self) -> None:
        try:
            received = wire.receive(self._link)
        except BlockingIOError:
            return
        except OSError:
            received = None
        if received is None:
            self._close()
            return
        message, memories = received
        try:
            if "seen" in message:
                self._unseen.popleft()
            elif "hello" in message:
                self.awake = True
                self._unseen = deque(time.monotonic() for _ in self._unseen)
            else:
                self._heard(self, message, memories[0] if memories else None)
        finally:
            for memory in memories:
                os.close(memory)

    def _reap(self) -> None:
        self._loop.remove_reader(self._exit)
        os.close(self._exit)
        self._child.wait()
        self._close()
        self.gone.set_result(None)
        self._ended(self)

    def _close(self) -> None:
        if self._link.fileno() >= 0:
            self._loop.remove_reader(self._link)
            self._link.close()
