"""Station profiles: what a kind of station is made of, and what it sets in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from firmware_profiles.declared import Limits, Strict, Then
from firmware_profiles.properties import property_of

Table = dict[str, Any]


def _known_property(name: str) -> str:
    try:
        property_of(name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return name


Property = Annotated[str, Then(_known_property)]


class Expected(Strict):
    """A gauge that such a station has, by the name it shall get: one of these properties is what it is for.

    `every_s` is its cadence where the device says none, `limits` are by channel and as in the configuration.
    """

    title: str
    measures: Annotated[tuple[Property, ...], Limits(min_length=1)]
    required: bool = False
    every_s: Annotated[float, Limits(gt=0, le=86400)] | None = None
    limits: dict[str, Table] = field(default_factory=dict)
    note: str = ""


class Station(Strict):
    """A kind of station. `settings` and `rules` are tables of the configuration, which checks them.

    A rule counts where all the channels it names, DEVICE.CHANNEL, are there.
    """

    title: str
    source: str
    note: str = ""
    settings: dict[str, Table] = field(default_factory=dict)
    expects: dict[str, Expected]
    rules: dict[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, rule in self.rules.items():
            if not any(self._expected(text) for text in texts_of(rule)):
                raise ValueError(f"rules.{name} names no channel of what is expected: DEVICE.CHANNEL")

    def rules_for(self, channels: Mapping[str, tuple[str, ...]]) -> dict[str, Table]:
        """The rules whose channels are all there; `channels` by device."""
        return {
            name: rule
            for name, rule in self.rules.items()
            if all(
                channel in channels.get(device, ())
                for device, _, channel in (
                    text.partition(".") for text in texts_of(rule) if self._expected(text)
                )
            )
        }

    def limits_for(self, channels: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Table]]:
        """The limits of the channels that are there, by device and channel."""
        found = {
            device: {name: keys for name, keys in expected.limits.items() if name in channels.get(device, ())}
            for device, expected in self.expects.items()
        }
        return {device: limits for device, limits in found.items() if limits}

    def missing(self, channels: Mapping[str, tuple[str, ...]]) -> dict[str, Expected]:
        """What is expected and not there: no device of its name measures any of it."""
        return {
            device: expected
            for device, expected in self.expects.items()
            if not {name.partition(".")[0] for name in channels.get(device, ())} & set(expected.measures)
        }

    def _expected(self, text: str) -> bool:
        return text.partition(".")[0] in self.expects and "." in text


def texts_of(value: object) -> list[str]:
    """Every text inside, at any depth."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for each in inner for text in texts_of(each)]
