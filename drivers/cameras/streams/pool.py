"""Which stream is in which decoder process: places given out, answers handed on, stuck processes ended."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from drivers.cameras.streams.process import END_S, DecoderProcess
from drivers.cameras.streams.target import Target, error_of
from drivers.cameras.streams.wire import Message, Trouble
from drivers.errors import DriverError, Garbled, LinkClosed
from drivers.frames import Pixels

GRACE_S = 2.0
"""A decoder that does not look at an order, or does not end a job that is over, for this long is stuck."""

LIVES = 2
"""Decoder processes that may end under a job before it gives a picture and is given up."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grabbed:
    """A key frame; `at` is when its packet came, seconds of time.monotonic().

    `fps` by the packets' time stamps, 0 where too few came; `damaged` counts the packets that were lost or
    marked corrupt, and the pictures with errors, both since the picture before.
    """

    pixels: Pixels
    codec: str
    width: int
    height: int
    fps: float
    damaged: int
    at: float


@dataclass(slots=True, eq=False)
class Job:
    """One stream, for as long as somebody wants it."""

    target: Target
    held: bool
    timeout_s: float
    until: float
    number: int = 0
    process: DecoderProcess | None = None
    answer: asyncio.Future[Grabbed | None] | None = None
    ask: int = 0
    ask_until: float = 0.0
    ask_within_s: float = 0.0
    failed: DriverError | None = None
    lives: int = LIVES
    wanted: bool = True
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self) -> Message:
        return {
            "order": "hold" if self.held else "grab",
            "job": self.number,
            "url": self.target.url,
            "until": self.until,
            "timeout_s": self.timeout_s,
        }

    def settle(self, outcome: Grabbed | DriverError | None) -> None:
        """Give the one who waits what it waits for; nobody may be waiting any more."""
        if self.answer is None or self.answer.done():
            return
        if isinstance(outcome, DriverError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Pool:
    """At most `processes` decoder processes of `jobs` streams each; who finds no place waits in line.

    A stuck process takes no new job, its held streams move to another, and once no one waits for its other
    jobs it is ended by its pid. A process without jobs is ended after `idle_s`.
    """

    def __init__(self, processes: int, jobs: int, idle_s: float, program: Sequence[str]) -> None:
        self._most_processes = processes
        self._most_jobs = jobs
        self._idle_s = idle_s
        self._program = program
        self._numbers = count(1)
        self._jobs: dict[DecoderProcess, dict[int, Job]] = {}
        self._retired: set[DecoderProcess] = set()
        self._idle: dict[DecoderProcess, asyncio.TimerHandle] = {}
        self._line: deque[Job] = deque()
        self._shut = False

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [process.pid for process in self._jobs]

    async def shut(self) -> None:
        """Hang up on all cameras and end all processes, by force those that do not."""
        self._shut = True
        for job in [*self._line, *(job for jobs in self._jobs.values() for job in jobs.values())]:
            job.wanted = False
            self._give_up(job, _shut(job))
        self._line.clear()
        running = list(self._jobs)
        for process in running:
            self._end(process)
        if running:
            await asyncio.wait([process.gone for process in running], timeout=END_S + GRACE_S)

    def ask(self, job: Job, within_s: float) -> None:
        """Have a held stream's next picture sent."""
        job.ask, job.ask_until, job.ask_within_s = next(self._numbers), time.monotonic() + within_s, within_s
        self._order_take(job)

    def place(self, job: Job) -> None:
        """Into the line, and on at once if there is a place."""
        if self._shut:
            raise _shut(job)
        self._line.append(job)
        self._advance()

    def _advance(self) -> None:
        """Serve the line in its order; one that finds no place does not stop who asks for less."""
        for job in list(self._line):
            try:
                process = self._with_room(job)
            except OSError as error:
                self._line.remove(job)
                self._give_up(job, LinkClosed(f"{job.target}: no decoder can be started: {error.strerror}"))
                continue
            if process is not None:
                self._line.remove(job)
                self._assign(job, process)

    def _with_room(self, job: Job) -> DecoderProcess | None:
        """The fullest process with a place, so that few run, else a new one.

        The last place of each is kept for those who do not stay.
        """
        most = self._most_jobs - 1 if job.held and self._most_jobs > 1 else self._most_jobs
        open_ones = [each for each in self._jobs if each not in self._retired]
        if ready := [each for each in open_ones if len(self._jobs[each]) < most]:
            return max(ready, key=lambda each: len(self._jobs[each]))
        if len(open_ones) >= self._most_processes:
            return None
        process = DecoderProcess(self._heard, self._ended, self._program)
        self._jobs[process] = {}
        return process

    def _assign(self, job: Job, process: DecoderProcess) -> None:
        job.number = next(self._numbers)
        job.process = process
        self._jobs[process][job.number] = job
        if timer := self._idle.pop(process, None):
            timer.cancel()
        process.send(job.order())
        if job.held:
            self._order_take(job)

    def _order_take(self, job: Job) -> None:
        if job.ask and job.process is not None:
            order = {"order": "take", "job": job.number, "ask": job.ask, "until": job.ask_until}
            job.process.send(order)

    def drop(self, job: Job) -> None:
        """Nobody wants the job any more: it must end soon, or its process is stuck."""
        job.wanted = False
        if job in self._line:
            self._line.remove(job)
        if job.process is None or job.ended.is_set():
            return
        job.process.send({"order": "close", "job": job.number})
        wait_s = job.timeout_s + GRACE_S  # FFmpeg may wait so long for a packet
        asyncio.get_running_loop().call_later(wait_s, self._check_ended, job, job.process)

    def _heard(self, process: DecoderProcess, message: Message, memory: int | None) -> None:
        job = self._jobs[process].get(message["job"])
        if job is None:
            return
        if "ended" in message:
            self._forget(process, job)
            self._give_up(job, LinkClosed(f"{job.target}: its decoder gave up"))
        elif "trouble" in message:
            self._trouble(job, message)
        elif "opened" in message:
            if not job.ask:
                job.settle(None)
        elif message["ask"] == job.ask and memory is not None:
            job.ask, job.lives = 0, LIVES
            job.settle(_grabbed(message["picture"], memory))

    def _trouble(self, job: Job, message: Message) -> None:
        if message["ask"] not in (0, job.ask):
            return
        waited_s = job.ask_within_s if message["ask"] else job.timeout_s
        error = error_of(Trouble(message["trouble"]), message["code"], job.target, waited_s)
        if message["ask"]:
            job.ask = 0
            job.settle(error)
        else:
            self._give_up(job, error)

    def _give_up(self, job: Job, error: DriverError) -> None:
        if job.failed is None:
            job.failed = error
        job.settle(error)

    def _forget(self, process: DecoderProcess, job: Job) -> None:
        self._jobs[process].pop(job.number, None)
        job.ended.set()
        self._tidy(process)
        self._advance()

    def suspect(self, process: DecoderProcess) -> None:
        """Somebody has waited in vain: look whether the process still looks at its orders."""
        wait_s = max(0.1, GRACE_S + 0.1 - process.silent_s)
        asyncio.get_running_loop().call_later(wait_s, self._check_silent, process)

    def _check_silent(self, process: DecoderProcess) -> None:
        if process in self._jobs and process.silent_s >= GRACE_S:
            self._retire(process)

    def _check_ended(self, job: Job, process: DecoderProcess) -> None:
        if process in self._jobs and not job.ended.is_set():
            self._retire(process)

    def _retire(self, process: DecoderProcess) -> None:
        """Move what stays, let the others finish, then end it."""
        if process in self._retired:
            self._tidy(process)  # the last who waited for it may have left since
            return
        self._retired.add(process)
        for job in [job for job in self._jobs[process].values() if job.held and job.wanted]:
            process.send({"order": "close", "job": job.number})
            del self._jobs[process][job.number]
            self._move(job, _DEADLY)
        self._tidy(process)
        self._advance()

    def _move(self, job: Job, why: str) -> None:
        """Back to the head of the line; given up for `why` the second time."""
        job.process = None
        job.lives -= 1
        if job.lives > 0:
            self._line.appendleft(job)
        else:
            job.ended.set()
            self._give_up(job, Garbled(f"{job.target}: {why}"))

    def _tidy(self, process: DecoderProcess) -> None:
        """End a retired process once nobody waits for it, an idle one after a while."""
        if process in self._retired:
            if not any(job.wanted for job in self._jobs[process].values()):
                process.kill()
        elif not self._jobs[process]:
            loop = asyncio.get_running_loop()
            self._idle[process] = loop.call_later(self._idle_s, self._end, process)

    def _end(self, process: DecoderProcess) -> None:
        """In peace."""
        self._retired.add(process)
        if timer := self._idle.pop(process, None):
            timer.cancel()
        process.end()

    def _ended(self, process: DecoderProcess) -> None:
        """It crashed, or was ended: its jobs start anew elsewhere."""
        self._retired.discard(process)
        if timer := self._idle.pop(process, None):
            timer.cancel()
        for job in self._jobs.pop(process).values():
            if job.wanted:
                self._move(job, _DEADLY if process.awake else _STILLBORN)
            else:
                job.ended.set()
        self._advance()


def _grabbed(picture: Message, memory: int) -> Grabbed:
    pixels = np.empty((picture["height"], picture["width"], 3), np.uint8)
    os.preadv(memory, [pixels.data], 0)
    return Grabbed(pixels=pixels, **picture)


def _shut(job: Job) -> LinkClosed:
    return LinkClosed(f"{job.target}: the decoders are shut down")


_DEADLY = "the decoder ended each time it read this stream; choose another codec or profile in the camera"
_STILLBORN = "no decoder starts; the log tells why, perhaps the camera libraries are not installed"
