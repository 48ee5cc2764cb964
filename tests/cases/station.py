"""A made-up station with every kind of rule, and series with all that goes wrong in them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from agent.judge.judgement import ChannelPlan, JudgementPlan, RulePlan
from drivers.readings import Quality, Reading, Sample
from pipelines.anomaly.mix import MixSettings
from pipelines.city.aqi import AirQualitySettings
from pipelines.city.contact import DoorSettings, EmergencySettings
from pipelines.city.noise import NoiseSettings
from pipelines.city.supply import BatterySettings, MainsSettings
from pipelines.city.tilt import TiltSettings
from pipelines.city.wind import WindSettings
from pipelines.cross.agreement import AgreeSettings
from pipelines.cross.limits import Condition
from pipelines.cross.limits import Limits as Past
from pipelines.cross.pairs import PairSettings
from pipelines.events import Nature, Severity, Source
from pipelines.judge import LATE_MS
from pipelines.quality.across import JumpLimits, NeighbourLimits
from pipelines.quality.limits import Limits
from pipelines.reduction.aggregate import AggregateSettings
from pipelines.reduction.deadband import DeadbandSettings
from pipelines.reduction.forms import Form
from pipelines.threshold import Take, ThresholdSettings
from pipelines.water.rain import RainSettings
from pipelines.water.rainfall import Measure
from pipelines.water.release import RainGauge, ReleaseSettings
from pipelines.water.reread import RereadSettings
from pipelines.water.rise import RiseSettings
from pipelines.water.stage import StageSettings
from pipelines.water.waterlogging import WaterloggingSettings

T0_MS = 1_790_001_000_000
"""Half past an hour."""

LEVEL, TWIN, THIRD = Source("river", "level"), Source("twin", "level"), Source("third", "level")
RAIN, WET = Source("rain", "total"), Source("rain", "fallen")
PM25, PM10, HUMID = Source("air", "pm2_5"), Source("air", "pm10"), Source("air", "humidity")
SPEED, VANE, GUST = Source("wind", "speed"), Source("wind", "from"), Source("wind", "gust")
VOLTS, MAINS, DOOR, CALL = (Source("box", name) for name in ("battery", "mains", "door", "call"))
LEAN, LOUD, DEPTH = Source("pole", "lean"), Source("pole", "loud"), Source("under", "depth")

_INSTANT = Limits(
    gap_ms=180_000, sensor=(-50.0, 500.0), sentinels=(-9999.0,), spike_suspect=0.5, spike_fail=2.0,
    rate_suspect_per_s=0.05, flat_suspect_ms=1_200_000, flat_fail_ms=2_400_000, flat_eps=0.0005,
    attenuated_window_ms=3_600_000, attenuated_suspect=0.002,
)  # fmt: skip
_COUNTER = Limits(kind="counter", gap_ms=180_000, sensor=(0.0, 1e6), rollover=1000.0)
_CALM = Limits(gap_ms=180_000, sensor=(0.0, 400.0), not_flat_at=0.0)


def plan() -> JudgementPlan:
    """Every kind of rule at least once, and each stage of a channel on some channel."""
    return JudgementPlan(channels=tuple(_channels()), rules=tuple(_rules()), buses=_buses())


def _buses() -> dict[str, str]:
    return {"river": "a", "twin": "a", "third": "a", "rain": "b", "air": "b", "wind": "c", "box": "c"}


def _channels() -> list[ChannelPlan]:
    gauge = ChannelPlan(
        source=LEVEL, limits=_INSTANT, reread=RereadSettings(), slow=MixSettings(threshold=3.0),
        unusual=2.0, neighbours=((TWIN, THIRD), NeighbourLimits(suspect=0.4, fail=1.0)),
        together=((RAIN,), JumpLimits(k=2.0, floor=0.01)), deadband=DeadbandSettings(absolute=0.02),
        aggregate=AggregateSettings(window_ms=600_000, every_ms=10_000),
    )  # fmt: skip
    windowed = AggregateSettings(window_ms=12_000, every_ms=10_000)
    return [
        gauge,
        replace(gauge, source=TWIN, neighbours=None, together=None, deadband=None, aggregate=windowed),
        ChannelPlan(source=THIRD, limits=_INSTANT),
        ChannelPlan(
            source=RAIN, limits=_COUNTER,
            aggregate=AggregateSettings(
                window_ms=300_000, every_ms=60_000, form=Form.COUNTER, wraps_at=1000.0
            ),
            sends_raw=False,
        ),
        ChannelPlan(source=WET, limits=Limits(kind="interval", sensor=(0.0, 100.0))),
        *(ChannelPlan(source=each, limits=_CALM, reread=RereadSettings()) for each in (PM25, PM10)),
        *(ChannelPlan(source=each, limits=_CALM) for each in (HUMID, SPEED, VANE, GUST)),
        *(ChannelPlan(source=each, limits=_CALM, unusual=2.0) for each in (VOLTS, MAINS, LOUD, DEPTH)),
        ChannelPlan(source=LEAN, limits=_INSTANT, deadband=DeadbandSettings(percent=10.0)),
    ]  # fmt: skip


def _rules() -> list[RulePlan]:
    settings = {
        "stage": StageSettings(name="stage", source=LEVEL, warning_m=3.0, guarantee_m=5.0, low_m=0.2,
                               clear_ms=300_000),
        "rise": RiseSettings(name="rise", source=LEVEL, warning_m=3.0, guarantee_m=5.0),
        "rain": RainSettings(name="rain", source=RAIN, measure=Measure.TOTAL, interval_ms=60_000,
                             rollover_mm=1000.0),
        "release": ReleaseSettings(name="release", level=LEVEL, neighbours=(TWIN,), rise_m=0.3,
                                   rains=(RainGauge(source=RAIN, measure=Measure.TOTAL),
                                          RainGauge(source=WET)), lag_ms=3_600_000, dry_mm=1e6),
        "waterlogging": WaterloggingSettings(name="waterlogging", source=DEPTH),
        "air": AirQualitySettings(name="air", channels={"pm2_5": PM25, "pm10": PM10}, humidity=HUMID),
        "noise": NoiseSettings(name="noise", source=LOUD, period_ms=600_000),
        "wind": WindSettings(name="wind", speed=SPEED, direction=VANE, gust=GUST),
        "battery": BatterySettings(name="battery", source=VOLTS, clear_ms=60_000),
        "mains": MainsSettings(name="mains", source=MAINS),
        "door": DoorSettings(name="door", source=DOOR, raise_ms=20_000),
        "emergency": EmergencySettings(name="emergency", source=CALL),
        "tilt": TiltSettings(name="tilt", source=LEAN, learn_hours=1),
        "agree": AgreeSettings(name="agree", members=(LEVEL, TWIN, THIRD), raise_ms=30_000, clear_ms=30_000),
        "pair": PairSettings(name="pair", lesser=PM25, greater=PM10, raise_ms=20_000, clear_ms=20_000,
                             humidity=HUMID),
    }  # fmt: skip
    wet = Condition(source=WET, limits=Past(above=2.0))
    thresholds = [
        ThresholdSettings(name="at_once", source=SPEED, limits=Past(above=12.0, hysteresis=2.0)),
        ThresholdSettings(name="worn", source=VOLTS, limits=Past(below=11.0), nature=Nature.FAULT,
                          severity=Severity.CRITICAL),
        ThresholdSettings(name="mean", source=LEVEL, limits=Past(above=2.5), take=Take.MEAN, also=(wet,)),
        ThresholdSettings(name="steep", source=TWIN, limits=Past(above=1.0), take=Take.SLOPE,
                          unless=(wet,), nature=Nature.FAULT),
    ]  # fmt: skip
    found = [RulePlan(name, name, each) for name, each in settings.items()]
    return found + [RulePlan(each.name, "threshold", each) for each in thresholds]


_USUAL = {  # where a series begins, how far it steps, how far it jumps
    LEVEL: (2.0, 0.01, 4.0), TWIN: (2.0, 0.01, 1.0), THIRD: (2.0, 0.01, 1.0),
    RAIN: (990.0, 0.3, 20.0), WET: (0.0, 0.3, 20.0), PM25: (60.0, 3.0, 150.0), PM10: (70.0, 3.0, 200.0),
    HUMID: (80.0, 1.0, 20.0), SPEED: (8.0, 1.0, 20.0), VANE: (180.0, 20.0, 90.0), GUST: (12.0, 1.0, 20.0),
    VOLTS: (11.9, 0.1, 1.5), MAINS: (220.0, 2.0, -210.0), DOOR: (0, 0, 1), CALL: (0, 0, 1),
    LEAN: (1.0, 0.02, 5.0), LOUD: (60.0, 2.0, 30.0), DEPTH: (0.1, 0.01, 0.3),
}  # fmt: skip


class Channel:
    """One series: it wanders, and now and then it jumps, spikes, sticks, is missing or makes no sense."""

    def __init__(self, source: Source, random: Random, trouble: float) -> None:
        self._source, self._random, self._trouble = source, random, trouble
        self._value, self._step, self._jump = _USUAL[source]
        self._mood, self._left = "", 0

    def next(self) -> Reading:
        random, mood = self._random, self._mood
        if self._left:
            self._left -= 1
        elif random.random() < self._trouble:
            moods = ("stuck", "missing", "bad", "spike", "jump", "ramp", "absurd", "")
            self._mood, self._left = mood, _ = random.choice(moods), random.choice((0, 0, 1, 5, 40, 150))
        else:
            mood = self._mood = ""
        return self._read(mood)

    def _read(self, mood: str) -> Reading:
        random, channel = self._random, self._source.channel
        if mood == "missing":
            return Reading(channel, None, Quality.MISSING, random.choice(("timeout", "timeout", "empty")))
        if mood == "bad":
            return Reading(channel, None, Quality.BAD, "not_finite")
        if mood == "absurd":
            return Reading(channel, random.choice((-9999.0, 1e9, float("nan"))))
        if isinstance(self._value, int):
            return Reading(channel, int(mood in ("spike", "jump", "stuck")))
        if mood == "jump":
            self._value += self._jump * random.choice((-1, 1, 1)) * random.random()
            self._mood, self._left = "", 0
        elif mood == "ramp":
            self._value += self._step * 3
        elif mood != "stuck":
            self._value += self._step * random.uniform(-1, 1)
        if self._source == RAIN:
            self._value = abs(self._value) % 1000.0
        shown = self._value + (self._jump if mood == "spike" else 0.0)
        return Reading(channel, round(shown, 4))


def samples(random: Random, *, hours: float = 1.5, trouble: float = 0.02, pause_ms: int = 0) -> list[Sample]:
    """Of all devices, in the order of their time; `pause_ms`: nothing is read for so long in the middle."""
    found: list[Sample] = []
    end_ms = T0_MS + round(hours * 3_600_000)
    middle_ms = (T0_MS + end_ms) // 2
    devices: dict[str, list[Source]] = {}
    for source in _USUAL:
        devices.setdefault(source.device, []).append(source)
    for device, sources in devices.items():
        channels = [Channel(source, random, trouble) for source in sources]
        every_ms = random.choice((10_000, 10_000, 20_000, 60_000))
        at_ms, seq = T0_MS + random.randrange(every_ms), 0
        while at_ms < end_ms:
            seq += 1
            readings = tuple(channel.next() for channel in channels)
            if random.random() < trouble:
                readings = tuple(Reading(each.channel, None, Quality.MISSING, "timeout") for each in readings)
            shifted_ms = at_ms + (pause_ms if at_ms >= middle_ms else 0)
            found.append(Sample(device, shifted_ms, True, seq, readings))
            at_ms += every_ms + random.choice(
                (0, 0, random.randrange(-4000, 4000), 400_000 * (random.random() < trouble))
            )
    return sorted(found, key=lambda sample: (sample.at_ms, sample.device))


def shuffled(found: list[Sample], random: Random) -> list[Sample]:
    """The same as they may arrive: each up to LATE_MS late, those of one device in their order."""
    arrivals: list[tuple[int, int, Sample]] = []
    last: dict[str, int] = {}
    for n, sample in enumerate(found):
        arrival_ms = max(last.get(sample.device, 0), sample.at_ms + random.randint(0, LATE_MS))
        last[sample.device] = arrival_ms
        arrivals.append((arrival_ms, n, sample))
    # Two that arrive in one ms may come in either order, but for those of one device.
    key = {device: random.random() for device in last}
    return [each for *_, each in sorted(arrivals, key=lambda a: (a[0], key[a[2].device], a[1]))]
