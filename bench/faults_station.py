"""A simulated station at work: its true configuration, the true judge, and everything that was told."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.faults import Faults
from agent.judge.judgement import JudgementPlan
from agent.judge.judging import Judging, Surroundings
from agent.loading import load
from agent.plan import StationPlan
from agent.telling import Message
from agent.wire import FaultKind, Leaf
from bench.faults_truth import MINUTE_MS, Truth
from drivers.readings import Quality, Reading, Sample
from pipelines.quality.learning import Learner
from pipelines.state import encode

if TYPE_CHECKING:
    from bench.faults_inject import Fault

DEVICE_APART_MS = 1_000
"""The devices of a station are read one after the other."""


class Told(NamedTuple):
    """A fault or happening as the platform heard of it, at the true time of the message."""

    known_ms: int
    began_ms: int
    fault: bool
    kind: str
    rule: str
    subject: str
    state: str
    severity: str
    id: str
    other: str
    caused: bool
    test: str


class Flag(NamedTuple):
    """A doubt about one value, and when it was said."""

    known_ms: int
    quality: int
    test: str


@dataclass(slots=True)
class Log:
    """All that came out of a run."""

    told: list[Told] = field(default_factory=list)
    flags: dict[tuple[str, int], Flag] = field(default_factory=dict)
    """By channel and the true time of the value."""
    readings: int = 0
    rereads: int = 0


def planned(config: str) -> StationPlan:
    """As the daemon reads it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "polegate.toml"
        file.write_text(config, encoding="utf-8")
        return load(file).plan


class Station:
    """One run. Time is the simulation's own; `fault` spoils what the gauges say from then on."""

    def __init__(self, truth: Truth, plan: JudgementPlan, fault: Fault | None = None) -> None:
        self.log = Log()
        self._truth = truth
        self._fault = fault
        self._true_ms = 0
        self._extra: list[tuple[int, str]] = []
        self._rows: dict[tuple[str, int], int] = {}
        self._seqs = dict.fromkeys(truth.every_s, 0)
        self._silent: set[str] = set()
        self._clock = 0, True
        around = Surroundings(
            now=self._now, show=self._show, send=self._send, tell=self._tell, hasten=self._hasten,
            explained=self._explained, keep=lambda: None,
        )  # fmt: skip
        self.judging = Judging(plan, "bench", around, {})
        self._faults = Faults("bench", self._publish, self._now, self.judging.note)

    def states(self) -> dict[str, bytes]:
        """What the daemon keeps on disk."""
        return {name: encode(stage.state()) for name, stage in self.judging.stages.items()}

    def run(self, from_ms: int, until_ms: int) -> Log:
        """Read all devices until then."""
        order = {device: place * DEVICE_APART_MS for place, device in enumerate(self._truth.every_s)}
        for minute_ms in range(from_ms, until_ms, MINUTE_MS):
            for device, every_s in self._truth.every_s.items():
                if minute_ms % (every_s * 1000) == 0:
                    self._read(minute_ms + order[device], device)
            while self._extra and self._extra[0][0] < minute_ms + MINUTE_MS:
                self._again(*heapq.heappop(self._extra))
            self._true_ms = minute_ms + 50_000
            self.judging.tick()
        return self.log

    def _again(self, at_ms: int, device: str) -> None:
        self.log.rereads += 1
        self._read(at_ms, device)

    def _read(self, at_ms: int, device: str) -> None:
        self._true_ms = at_ms
        if self._fault:
            self._look_at_clock()
        signals, fault = self._truth.signals[device], self._fault
        if fault is None or not fault.from_ms <= at_ms < fault.until_ms:
            readings = [Reading(channel, signal.read(at_ms)) for channel, signal in signals.items()]
        elif fault.silences(device):
            readings = [Reading(channel, None, Quality.MISSING, "timeout") for channel in signals]
        else:
            readings = [
                _reading(channel, fault.read(f"{device}.{channel}", at_ms, signal.read(at_ms)))
                for channel, signal in signals.items()
            ]
        self._hear(device, any(each.value is not None for each in readings))
        self._seqs[device] += 1
        self.log.readings += len(readings)
        stamp_ms, settled = self._now()
        self.judging.feed(Sample(device, stamp_ms, settled, self._seqs[device], tuple(readings)))

    def _look_at_clock(self) -> None:
        """What the agent itself notices of its clock."""
        now_ms, settled = self._now()
        before, self._clock = self._clock, (now_ms - self._true_ms, settled)
        if self._clock == before:
            return
        if settled and before[1]:
            self._faults.once(FaultKind.CLOCK_STEPPED, "clock", "stepped", "somebody set the clock")
        elif settled:
            self._faults.end(FaultKind.CLOCK_UNSYNCED, "clock")
        else:
            self._faults.begin(FaultKind.CLOCK_UNSYNCED, "clock", "unsynced", "no true time")

    def _hear(self, device: str, answers: bool) -> None:
        if answers and device in self._silent:
            self._silent.discard(device)
            self._faults.end(FaultKind.DEVICE_UNREADABLE, device)
        elif not answers and device not in self._silent:
            self._silent.add(device)
            self._faults.begin(FaultKind.DEVICE_UNREADABLE, device, "timeout", "no answer")

    def _now(self) -> tuple[int, bool]:
        return self._fault.stamp(self._true_ms) if self._fault else (self._true_ms, True)

    def _show(self, sample: Sample) -> None:
        for reading in sample.readings:
            if reading.quality in (Quality.SUSPECT, Quality.BAD):
                key = f"{sample.device}.{reading.channel}", self._true_ms
                self.log.flags[key] = Flag(self._true_ms, reading.quality, reading.test)

    def _send(self, sample: Sample) -> None:
        self._rows[sample.device, sample.seq] = self._true_ms

    def _tell(self, message: Message, _settled: bool) -> None:
        if message.leaf is Leaf.REVISIONS:
            for each in message.body["revisions"]:
                self._revise(each)
        elif message.leaf in (Leaf.FAULTS, Leaf.EVENTS):
            self._note(message.body, fault=message.leaf is Leaf.FAULTS)

    def _publish(self, body: Mapping[str, Any], _at: tuple[int, bool]) -> None:
        self._note(body, fault=True)

    def _note(self, body: Mapping[str, Any], *, fault: bool) -> None:
        detail = body.get("detail") or {}
        self.log.told.append(
            Told(
                known_ms=self._true_ms,
                began_ms=self._true_ms + body.get("began", 0),
                fault=fault,
                kind=str(body["kind"]),
                rule=body.get("rule", "station"),
                subject=body["subject"],
                state=str(body["state"]),
                severity=body["severity"],
                id=body["id"],
                other=str(detail.get("other", "")),
                caused=bool(body.get("caused_by")),
                test=str(detail.get("test", "")),
            )
        )

    def _revise(self, each: Mapping[str, Any]) -> None:
        key = f"{each['device']}.{each['channel']}", self._rows[each["device"], each["seq"]]
        if each["quality"] in (Quality.SUSPECT, Quality.BAD):
            self.log.flags[key] = Flag(self._true_ms, each["quality"], each["test"])
        else:
            self.log.flags.pop(key, None)

    def _hasten(self, device: str, every_s: float, times: int) -> None:
        if times == 1:  # while the water rises: each minute, as it is read anyhow
            return
        for time in range(1, times + 1):
            heapq.heappush(self._extra, (self._true_ms + round(1000 * every_s * time), device))

    def _explained(self, fault_id: str, caused_by: str) -> None:
        self._faults.explained(fault_id, caused_by)


def _reading(channel: str, value: float | None) -> Reading:
    """What a driver makes of it: nothing read, a number that is none, or a value."""
    if value is None:
        return Reading(channel, None, Quality.MISSING, "refused")
    if value - value != 0.0:
        return Reading(channel, None, Quality.BAD, "not_finite")
    return Reading(channel, value)


def learned(truth: Truth, plan: JudgementPlan, from_ms: int, until_ms: int) -> JudgementPlan:
    """The plan with what each channel's first weeks teach."""
    channels = []
    for channel in plan.channels:
        learner = Learner(channel.limits)
        device = channel.source.device
        signal = truth.signals[device][channel.source.channel]
        for at_ms in range(from_ms, until_ms, truth.every_s[device] * 1000):
            learner.feed(at_ms, signal.read(at_ms))
        channels.append(replace(channel, limits=learner.propose().limits))
    return replace(plan, channels=tuple(channels))


def opened(told: Iterable[Told]) -> list[Told]:
    """The first message of each event that began in this run."""
    return [each for each in told if each.state in ("opened", "once")]
