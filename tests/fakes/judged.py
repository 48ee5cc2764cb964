"""The real judge of a station without the station: what the gauges show goes in, messages come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.faults import Faults, OpenFault
from agent.judge.judging import Judging, Surroundings
from agent.loaded import Loaded
from agent.loading import load
from agent.telling import Message
from agent.wire import MESSAGES, Leaf, encode, seal
from buffer.envelope import Envelope
from drivers.readings import Quality, Reading, Sample, Value
from firmware_profiles.declared import checked_json

BEGIN_MS = 1_795_392_000_000 + 3600_000

HEAD = """\
[station]
site = "river"
gateway = "gw-1"
utc_offset = "+00:00"
[uplink]
url = "mqtt://localhost"
"""


def device(name: str, *channels: str, every_s: float = 10, unit: int = 1, line: str = "127.0.0.1") -> str:
    """A Modbus device of its own making with these channels."""
    points = "".join(
        f'[[devices.{name}.points]]\nchannel = "{channel}"\naddress = {n}\n'
        for n, channel in enumerate(channels)
    )
    return f'[devices.{name}]\ntcp = "{line}"\nunit = {unit}\nevery_s = {every_s}\n{points}'


DOCUMENTED = (
    device("level", "water_level", "water_temperature")
    + device("upstream", "water_level", unit=2)
    + device("staff", "water_level", unit=3)
    + device("rain", "rainfall_total", unit=4)
    + device("underpass", "water_depth", unit=5)
    + device("weather", "pm2_5", "pm10", "relative_humidity", "noise_level", "wind_speed", "wind_direction",
             "air_temperature", unit=6)
    + device("pole", "voltage.battery", "switch.door", "switch.pump", "status.call", "tilt.x", "tilt.y", unit=7)
    + device("meter", "voltage", unit=8)
)  # fmt: skip
"""The devices that the rules of docs/field-engineer/rules.md name."""


def loaded(folder: Path, text: str) -> Loaded:
    """The configuration below HEAD; raises ConfigError."""
    file = folder / "polegate.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return load(file)


class Judged:
    """`show` what a device shows at a time (seconds after BEGIN_MS); `pass_` time without it."""

    def __init__(
        self,
        found: Loaded,
        *,
        states: Mapping[str, bytes] | None = None,
        now: tuple[int, bool] = (BEGIN_MS, True),
    ) -> None:
        self.now_ms, self.settled = now
        self.told: list[tuple[Message, bool]] = []
        self.sent: list[Sample] = []
        self.shown: list[Sample] = []
        self.hastened: list[tuple[str, float, int]] = []
        self.kept = 0
        self.fault_bodies: list[dict[str, Any]] = []
        self.faults = Faults("e.1", self._publish, self._now, heard=self._heard)
        around = Surroundings(
            now=self._now,
            show=self.shown.append,
            send=self.sent.append,
            tell=lambda message, settled: self.told.append((message, settled)),
            hasten=lambda *words: self.hastened.append(words),
            explained=self.faults.explained,
            keep=self._keep,
        )
        self._seqs: dict[str, int] = {}
        self.judging = Judging(found.plan.judgement, found.revision, around, {})
        self.judging.remember(states or {})

    def show(self, at_s: float, device: str, **values: Value | None) -> None:
        """One sample; a value None is missing. Double underscores stand for dots."""
        self.now_ms = BEGIN_MS + round(at_s * 1000)
        self._seqs[device] = self._seqs.get(device, 0) + 1
        readings = tuple(
            Reading(name.replace("__", "."), value)
            if value is not None
            else Reading(name.replace("__", "."), None, Quality.MISSING, "timeout")
            for name, value in values.items()
        )
        self.judging.feed(Sample(device, self.now_ms, self.settled, self._seqs[device], readings))
        self.judging.tick()

    def play(
        self, device: str, until_s: float, every_s: float, shape: Callable[[float], dict[str, Any]]
    ) -> None:
        """`shape(seconds)` are the values, from where time stands now."""
        for at_s in steps((self.now_ms - BEGIN_MS) / 1000 + every_s, until_s, every_s):
            self.show(at_s, device, **shape(at_s))

    def pass_(self, at_s: float) -> None:
        """Only time goes on."""
        self.now_ms = BEGIN_MS + round(at_s * 1000)
        self.judging.tick()

    def on(self, leaf: Leaf, **facts: object) -> list[dict[str, Any]]:
        """Bodies on a topic with these facts, each held against the wire contract."""
        found = []
        for message, settled in self.told:
            if message.leaf is leaf and facts.items() <= message.body.items():
                checked(message, settled=settled)
                found.append(message.body)
        return found

    def states(self) -> dict[str, bytes]:
        """What a clean stop leaves on disk."""
        return {name: body for name, body in self.judging.due(everything=True).items() if body is not None}

    def _now(self) -> tuple[int, bool]:
        return self.now_ms, self.settled

    def _heard(self, fault: OpenFault, state: str) -> None:
        self.judging.note(fault, state)

    def _keep(self) -> None:
        self.kept += 1

    def _publish(self, body: dict[str, Any], _at: tuple[int, bool]) -> None:
        self.fault_bodies.append(body)


def checked(message: Message, *, settled: bool = True) -> Any:
    """The message as the platform reads it; raises ValidationError."""
    envelope = Envelope(
        key="abcdefgh.1-1", topic="t", priority=message.priority, at_ms=message.at_ms, settled=settled,
        items=0, expires_ms=None, body=encode(message.body),
    )  # fmt: skip
    return checked_json(MESSAGES[message.leaf], seal(envelope, message.at_ms + 5))


def steps(begin: float, end: float, step: float) -> Iterator[float]:
    """begin, begin + step, ... up to end."""
    count = round((end - begin) / step)
    for n in range(count + 1):
        yield begin + n * step
