"""The kinds of rule a configuration may have: settings, units of the sources, what is fixed elsewhere.

Their code is imported when a rule of the kind is met: all of it would take a megabyte of memory, and most
stations have a few kinds or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pipelines.contracts import Rule

SAME = "@"
"""As a unit: that of the rule's first source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfRule:
    """How one kind of rule is written. `code` is where it lies: "water.rise:Rise" is RiseSettings, RiseRule.

    `sources` gives for a field of channels, or for one key of it, the UCUM units it may have (none: any),
    `units` the unit of a field whose name does not end with one, `names` the key of a field where its own
    would be another's, `fixed` the fields nobody writes: they follow from elsewhere.
    """

    purpose: str
    code: str
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()

    @property
    def settings(self) -> type:
        """Its settings."""
        settings: type = self._part("Settings")
        return settings

    @property
    def make(self) -> Callable[[Any], Rule]:
        """The rule from its settings."""
        rule: Callable[[Any], Rule] = self._part("Rule")
        return rule

    def _part(self, of: str) -> Any:  # noqa: ANN401  settings or rule of any kind
        module, _, name = self.code.partition(":")
        return getattr(import_module(f"pipelines.{module}"), f"{name}{of}")


METRES = ("m",)
RAIN = ("mm", "mm/h")

KINDS: dict[str, KindOfRule] = {
    "stage": KindOfRule(
        purpose="The river reaches its warning or guarantee stage, or low water",
        code="water.stage:Stage",
        sources={"source": METRES},
        fixed=frozenset({"span_low_m", "span_high_m"}),
    ),
    "rise": KindOfRule(
        purpose="The river rises fast, or will reach a stage within two hours",
        code="water.rise:Rise",
        sources={"source": METRES},
    ),
    "rain": KindOfRule(
        purpose="It rains hard, or has rained much within 1, 6, 12 or 24 hours",
        code="water.rain:Rain",
        sources={"source": RAIN},
        fixed=frozenset({"measure", "intensity", "accumulated", "warnings"}),
    ),
    "release": KindOfRule(
        purpose="The river rises without rain: a release, backwater, or rain upstream",
        code="water.release:Release",
        names={"answer_m": "answer_rise"},
        sources={"level": METRES, "source": RAIN, "neighbours": METRES, "flow": ("m/s", "m3/s")},
        fixed=frozenset({"measure"}),
    ),
    "waterlogging": KindOfRule(
        purpose="Water stands in an underpass",
        code="water.waterlogging:Waterlogging",
        sources={"source": METRES, "pump": ()},
    ),
    "air": KindOfRule(
        purpose="The air quality index reaches a class",
        code="city.aqi:AirQuality",
        sources={"channels": ("ug/m3",), "channels.co": ("mg/m3",), "humidity": ("%",)},
        units={"bias_humidity": "%"},
    ),
    "noise": KindOfRule(
        purpose="It is louder than the area may be by day or by night",
        code="city.noise:Noise",
        sources={"source": ("dB",)},
    ),
    "wind": KindOfRule(
        purpose="Mean wind or gusts reach a force; the cups are stuck",
        code="city.wind:Wind",
        sources={"speed": ("m/s",), "gust": ("m/s",), "direction": ("deg",)},
        units=dict.fromkeys(
            ("mean_warning", "mean_critical", "gust_warning", "gust_critical", "hysteresis", "stuck_speed"),
            "m/s",
        ),
    ),
    "battery": KindOfRule(
        purpose="The battery is low, is not charged, or wears out",
        code="city.supply:Battery",
        sources={"source": ("V",)},
    ),
    "mains": KindOfRule(
        purpose="The mains or a supply has failed",
        code="city.supply:Mains",
        sources={"source": ("V",)},
    ),
    "door": KindOfRule(purpose="A door stands open", code="city.contact:Door", sources={"source": ()}),
    "emergency": KindOfRule(
        purpose="Somebody presses the call button",
        code="city.contact:Emergency",
        sources={"source": ()},
    ),
    "tilt": KindOfRule(
        purpose="The pole was struck, or leans",
        code="city.tilt:Tilt",
        sources={"source": ("deg",), "cross_source": ("deg",)},
        names={"lean_hours": "lean_after", "cross_source": "across"},
    ),
    "agree": KindOfRule(
        purpose="Gauges of one quantity that must agree do not",
        code="cross.agreement:Agree",
        sources={"members": (SAME,)},
        units={"suspect": SAME, "fail": SAME},
    ),
    "pair": KindOfRule(
        purpose="One channel exceeds another that it cannot exceed",
        code="cross.pairs:Pair",
        sources={"greater": (SAME,), "humidity": ("%",)},
        units={"margin": SAME, "bias_humidity": "%"},
    ),
    "threshold": KindOfRule(
        purpose="A figure of one channel passes a limit, and whatever else you say holds",
        code="threshold:Threshold",
        sources={"source": ()},
        units={"above": SAME, "below": SAME, "outside": SAME, "hysteresis": SAME},
    ),
}
