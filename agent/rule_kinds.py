"""The kinds of rule a configuration may have: settings, units of the sources, what is fixed elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.city.aqi import AirQualityRule, AirQualitySettings
from pipelines.city.contact import DoorRule, DoorSettings, EmergencyRule, EmergencySettings
from pipelines.city.noise import NoiseRule, NoiseSettings
from pipelines.city.supply import BatteryRule, BatterySettings, MainsRule, MainsSettings
from pipelines.city.tilt import TiltRule, TiltSettings
from pipelines.city.wind import WindRule, WindSettings
from pipelines.contracts import Rule
from pipelines.cross.agreement import AgreeRule, AgreeSettings
from pipelines.cross.pairs import PairRule, PairSettings
from pipelines.threshold import ThresholdRule, ThresholdSettings
from pipelines.water.rain import RainRule, RainSettings
from pipelines.water.release import ReleaseRule, ReleaseSettings
from pipelines.water.rise import RiseRule, RiseSettings
from pipelines.water.stage import StageRule, StageSettings
from pipelines.water.waterlogging import WaterloggingRule, WaterloggingSettings

SAME = "@"
"""As a unit: that of the rule's first source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfRule:
    """How one kind of rule is written.

    `sources` gives for a field of channels, or for one key of it, the UCUM units it may have (none: any),
    `units` the unit of a field whose name does not end with one, `names` the key of a field where its own
    would be another's, `fixed` the fields nobody writes: they follow from elsewhere.
    """

    purpose: str
    settings: type
    make: Callable[[Any], Rule]
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


METRES = ("m",)
RAIN = ("mm", "mm/h")

KINDS: dict[str, KindOfRule] = {
    "stage": KindOfRule(
        purpose="The river reaches its warning or guarantee stage, or low water",
        settings=StageSettings,
        make=StageRule,
        sources={"source": METRES},
        fixed=frozenset({"span_low_m", "span_high_m"}),
    ),
    "rise": KindOfRule(
        purpose="The river rises fast, or will reach a stage within two hours",
        settings=RiseSettings,
        make=RiseRule,
        sources={"source": METRES},
    ),
    "rain": KindOfRule(
        purpose="It rains hard, or has rained much within 1, 6, 12 or 24 hours",
        settings=RainSettings,
        make=RainRule,
        sources={"source": RAIN},
        fixed=frozenset({"measure", "intensity", "accumulated", "warnings"}),
    ),
    "release": KindOfRule(
        purpose="The river rises without rain: a release, backwater, or rain upstream",
        settings=ReleaseSettings,
        make=ReleaseRule,
        names={"answer_m": "answer_rise"},
        sources={"level": METRES, "source": RAIN, "neighbours": METRES, "flow": ("m/s", "m3/s")},
        fixed=frozenset({"measure"}),
    ),
    "waterlogging": KindOfRule(
        purpose="Water stands in an underpass",
        settings=WaterloggingSettings,
        make=WaterloggingRule,
        sources={"source": METRES, "pump": ()},
    ),
    "air": KindOfRule(
        purpose="The air quality index reaches a class",
        settings=AirQualitySettings,
        make=AirQualityRule,
        sources={"channels": ("ug/m3",), "channels.co": ("mg/m3",), "humidity": ("%",)},
        units={"bias_humidity": "%"},
    ),
    "noise": KindOfRule(
        purpose="It is louder than the area may be by day or by night",
        settings=NoiseSettings,
        make=NoiseRule,
        sources={"source": ("dB",)},
    ),
    "wind": KindOfRule(
        purpose="Mean wind or gusts reach a force; the cups are stuck",
        settings=WindSettings,
        make=WindRule,
        sources={"speed": ("m/s",), "gust": ("m/s",), "direction": ("deg",)},
        units=dict.fromkeys(
            ("mean_warning", "mean_critical", "gust_warning", "gust_critical", "hysteresis", "stuck_speed"),
            "m/s",
        ),
    ),
    "battery": KindOfRule(
        purpose="The battery is low, is not charged, or wears out",
        settings=BatterySettings,
        make=BatteryRule,
        sources={"source": ("V",)},
    ),
    "mains": KindOfRule(
        purpose="The mains or a supply has failed",
        settings=MainsSettings,
        make=MainsRule,
        sources={"source": ("V",)},
    ),
    "door": KindOfRule(
        purpose="A door stands open", settings=DoorSettings, make=DoorRule, sources={"source": ()}
    ),
    "emergency": KindOfRule(
        purpose="Somebody presses the call button",
        settings=EmergencySettings,
        make=EmergencyRule,
        sources={"source": ()},
    ),
    "tilt": KindOfRule(
        purpose="The pole was struck, or leans",
        settings=TiltSettings,
        make=TiltRule,
        sources={"source": ("deg",), "cross_source": ("deg",)},
        names={"lean_hours": "lean_after", "cross_source": "across"},
    ),
    "agree": KindOfRule(
        purpose="Gauges of one quantity that must agree do not",
        settings=AgreeSettings,
        make=AgreeRule,
        sources={"members": (SAME,)},
        units={"suspect": SAME, "fail": SAME},
    ),
    "pair": KindOfRule(
        purpose="One channel exceeds another that it cannot exceed",
        settings=PairSettings,
        make=PairRule,
        sources={"greater": (SAME,), "humidity": ("%",)},
        units={"margin": SAME, "bias_humidity": "%"},
    ),
    "threshold": KindOfRule(
        purpose="A figure of one channel passes a limit, and whatever else you say holds",
        settings=ThresholdSettings,
        make=ThresholdRule,
        sources={"source": ()},
        units={"above": SAME, "below": SAME, "outside": SAME, "hysteresis": SAME},
    ),
}
