"""A serial gauge on a pty, in a thread: pushes frames at an interval, or answers requests with frames."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# A half request older than this is forgotten.
SILENCE_S = 0.05


class LineGauge:
    """A gauge on a pty of its own, or on `line`, the slave's end of a PtyBus; the driver opens `path`.

    `frames` are pushed in turn, one each `interval_s`. `answers` maps a whole request to its answer, or is a
    function of the bytes heard so far that returns the answer, or None while it is not a whole request.
    """

    def __init__(
        self,
        line: Path | None = None,
        *,
        frames: Sequence[bytes] = (),
        interval_s: float = 1.0,
        answers: Mapping[bytes, bytes] | Callable[[bytes], bytes | None] | None = None,
    ) -> None:
        if line is None:
            self._fd, self._held = os.openpty()
            tty.setraw(self._held)
            self.path = os.ttyname(self._held)
        else:
            self._fd, self._held = os.open(line, os.O_RDWR | os.O_NOCTTY), -1
            tty.setraw(self._fd)
            self.path = str(line)
        os.set_blocking(self._fd, False)
        self._wake, self._waker = os.pipe()
        self._lock = threading.Lock()
        self._answers = answers
        self._heard = bytearray()
        self._request = bytearray()
        self._heard_at_s = 0.0
        self._pushed = 0
        self.push(frames, interval_s)
        self._thread = threading.Thread(target=self._run, name="line-gauge", daemon=True)
        self._thread.start()

    def push(self, frames: Sequence[bytes], interval_s: float = 1.0) -> None:
        """Push these frames in turn from now on; none: be quiet."""
        with self._lock:
            self._frames = tuple(frames)
            self._interval_s = interval_s
            self._next_s = time.monotonic()
        os.write(self._waker, b"\0")

    def send(self, data: bytes) -> None:
        """Put these bytes on the line now; what does not fit in the reader's queue is lost."""
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            return

    @property
    def pushed(self) -> int:
        """Frames pushed so far."""
        return self._pushed

    @property
    def heard(self) -> bytes:
        """All that the driver has written."""
        return bytes(self._heard)

    def close(self) -> None:
        if self._thread.is_alive():
            os.close(self._waker)
            self._thread.join()
            for fd in (self._wake, self._fd, self._held):
                if fd >= 0:
                    os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            with self._lock:
                timeout_s = max(0.0, self._next_s - time.monotonic()) if self._frames else None
            ready, _, _ = select.select([self._fd, self._wake], [], [], timeout_s)
            if self._wake in ready and not os.read(self._wake, 64):
                return
            if self._fd in ready:
                self._hear()
            self._push_due()

    def _push_due(self) -> None:
        with self._lock:
            if self._frames and self._next_s <= time.monotonic():
                self.send(self._frames[self._pushed % len(self._frames)])
                self._pushed += 1
                self._next_s += self._interval_s

    def _hear(self) -> None:
        data = os.read(self._fd, 4096)
        now_s = time.monotonic()
        if now_s - self._heard_at_s > SILENCE_S:
            self._request.clear()
        self._heard_at_s = now_s
        self._heard += data
        self._request += data
        answer = self._answer(bytes(self._request))
        if answer is not None:
            self._request.clear()
            self.send(answer)

    def _answer(self, request: bytes) -> bytes | None:
        if self._answers is None:
            return None
        if callable(self._answers):
            return self._answers(request)
        return next((answer for known, answer in self._answers.items() if request.endswith(known)), None)
