"""A decoder process: several streams, a thread each, ordered about over a socket (see `wire`).

    python -m drivers.cameras.streams.decoder DESCRIPTOR

It ends when the other side of the socket closes, and the kernel ends it with its parent.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import av
import av.logging

from drivers.cameras.streams import wire
from drivers.cameras.streams.reading import Reader, StreamTrouble, connected
from drivers.cameras.streams.wire import Message, Trouble

LISTEN_S = 0.4
"""A grab hears so much of the stream, by its time stamps, to tell the frames per second."""

GOODBYE_S = 1.0
"""For the TEARDOWNs of all streams once the parent has left."""

_PR_SET_PDEATHSIG = 1
_decoding = threading.Semaphore(2)


class Job:
    """One stream, in a thread of its own."""

    def __init__(self, link: socket.socket, order: Message) -> None:
        self.closing = False
        self._link = link
        self._number: int = order["job"]
        self._url: str = order["url"]
        self._until: float = order["until"]
        self._timeout_s: float = order["timeout_s"]
        self._ask = 0
        self._ask_until = 0.0
        self._undecodable = False
        self._work = self._grab if order["order"] == "grab" else self._hold
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def take(self, order: Message) -> None:
        """Have the newest key frame sent."""
        self._ask_until = order["until"]
        self._ask = order["ask"]

    def _run(self) -> None:
        try:
            self._work()
        except StreamTrouble as trouble:
            self._tell({"ask": 0, "trouble": trouble.trouble, "code": trouble.code})
        finally:
            self._tell({"ended": True})

    def _grab(self) -> None:
        frame, at = None, 0.0
        with connected(self._url, max(0.1, self._until - time.monotonic())) as reader:
            for _ in reader.packets():
                if self.closing:
                    return
                if reader.key is not None and frame is None:
                    frame, at = self._decode(reader)
                if frame is None and reader.heard_at > self._until:
                    raise self._late()
                if frame is not None and (
                    reader.meter.span_s >= LISTEN_S or reader.heard_at >= at + 2 * LISTEN_S
                ):
                    break
            if frame is None:
                raise StreamTrouble(Trouble.CLOSED)
            self._give(reader, frame, at)

    def _hold(self) -> None:
        with connected(self._url, self._timeout_s) as reader:
            self._tell({"opened": True})
            for _ in reader.packets():
                if self.closing:
                    return
                if self._ask and reader.key is not None:
                    frame, at = self._decode(reader)
                    if frame is not None:
                        self._give(reader, frame, at)
                        reader.meter.reset()
                if self._ask and reader.heard_at > self._ask_until:
                    late, ask, self._ask = self._late(), self._ask, 0
                    self._tell({"ask": ask, "trouble": late.trouble, "code": 0})
        raise StreamTrouble(Trouble.CLOSED)

    def _decode(self, reader: Reader) -> tuple[av.VideoFrame | None, float]:
        """The newest picture, and when it came.

        Two decode at a time, which bounds the memory; none waits long for one that is stuck.
        """
        key, reader.key = reader.key, None
        assert key is not None  # noqa: S101  for the type checker
        turn = _decoding.acquire(timeout=GOODBYE_S)
        try:
            frame = reader.decode(key)
        finally:
            if turn:
                _decoding.release()
        self._undecodable = frame is None
        return frame, key.at

    def _late(self) -> StreamTrouble:
        return StreamTrouble(Trouble.UNDECODABLE if self._undecodable else Trouble.NO_KEY_FRAME)

    def _give(self, reader: Reader, frame: av.VideoFrame, at: float) -> None:
        ask, self._ask = self._ask, 0
        picture = {
            "codec": reader.codec,
            "width": frame.width,
            "height": frame.height,
            "fps": round(reader.meter.fps, 2),
            "damaged": reader.meter.damaged,
            "at": at,
        }
        memory = in_memory(frame)
        try:
            self._tell({"ask": ask, "picture": picture}, memory)
        finally:
            os.close(memory)

    def _tell(self, answer: Message, memory: int | None = None) -> None:
        with suppress(OSError):  # the parent has left; `serve` sees it too
            wire.send(self._link, {"job": self._number, **answer}, memory)


def in_memory(frame: av.VideoFrame) -> int:
    """A descriptor of memory that holds the picture, blue first, row after row."""
    plane = frame.reformat(format="bgr24").planes[0]
    row, step = 3 * frame.width, plane.line_size
    pixels = memoryview(plane)
    descriptor = os.memfd_create("picture")
    with open(descriptor, "wb", closefd=False) as file:
        if row == step:
            file.write(pixels[: row * frame.height])
        else:
            file.writelines(pixels[start : start + row] for start in range(0, step * frame.height, step))
    return descriptor


def serve(link: socket.socket) -> None:
    """Take orders until the other side leaves, then hang up on all cameras."""
    jobs: dict[int, Job] = {}
    wire.send(link, {"hello": os.getpid()})
    with suppress(ConnectionError):
        while (received := wire.receive(link)) is not None:
            attend(link, jobs, received[0])
    for job in jobs.values():
        job.closing = True
    until = time.monotonic() + GOODBYE_S
    for job in jobs.values():
        job.thread.join(max(0.0, until - time.monotonic()))


def attend(link: socket.socket, jobs: dict[int, Job], order: Message) -> None:
    """Do one order, and forget the jobs that have ended."""
    wire.send(link, {"seen": 1})
    for number in [number for number, job in jobs.items() if not job.thread.is_alive()]:
        del jobs[number]
    number = order["job"]
    match order["order"]:
        case "grab" | "hold":
            jobs[number] = Job(link, order)
        case "take" if number in jobs:
            jobs[number].take(order)
        case "close" if number in jobs:
            jobs[number].closing = True


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    logging.getLogger("libav").addHandler(logging.NullHandler())
    logging.getLogger("libav").propagate = False
    av.logging.set_level(av.logging.WARNING)
    av.logging.set_skip_repeated(False)  # or what one stream complains of would hide the same of the next
    serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)  # a thread may still be in FFmpeg


if __name__ == "__main__":
    main()
