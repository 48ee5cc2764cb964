"""The property table: what each measured quantity is called, its unit and its codes elsewhere."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from firmware_profiles.declared import Limits, Strict, given

Kind = Literal["instant", "interval", "counter"]
Positive = Annotated[float, Limits(gt=0)]
Span = tuple[float, float]

_HOUR_MS = 3_600_000


class QualityLimits(Strict):
    """What values of a property are tested by at any site, in its unit; what is left out is not tested.

    Names and meanings are those of `pipelines.quality.limits.Limits`, but for the units of time.
    """

    sentinels: tuple[float, ...] = ()
    site: Span | None = None
    spike_suspect: Positive | None = None
    spike_fail: Positive | None = None
    rate_suspect_per_min: Positive | None = None
    rate_least: Annotated[float, Limits(ge=0)] = 0.0
    flat_suspect_h: Positive | None = None
    flat_fail_h: Positive | None = None
    flat_eps: Positive | None = None
    attenuated_window_h: Positive | None = None
    attenuated_suspect: Positive | None = None
    attenuated_fail: Positive | None = None
    not_flat_at: float | None = None
    not_flat_from: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.flat_suspect_h or self.flat_fail_h) and self.flat_eps is None:
            raise ValueError("flat_eps: expected a number beside flat_suspect_h or flat_fail_h, got none")

    def limits(self) -> dict[str, Any]:
        """What is set, under the names that Limits has: durations in ms, rates a second."""
        found: dict[str, Any] = {}
        for key, value in given(self).items():
            if key.endswith("_h"):
                found[f"{key.removesuffix('_h')}_ms"] = round(value * _HOUR_MS)
            elif key.endswith("_per_min"):
                found[f"{key.removesuffix('_per_min')}_per_s"] = value / 60
            else:
                found[key] = value
        return found


class Property(Strict):
    """One row of properties.toml.

    `unit` is UCUM, case sensitive; `cf` a CF standard name; `sl651` the guide byte of SL 651-2014 and
    `hj212` the factor code of HJ 212, both hex text, where one exists; `limits` what no instrument of
    this kind can exceed, in `unit`; `decimals` what is worth showing a person; `watched` whether a value out
    of the ordinary means something; `quality` what its values are tested by besides.
    """

    title: str
    unit: str
    kind: Kind = "instant"
    decimals: int = 2
    limits: tuple[float, float] | None = None
    cf: str | None = None
    sl651: str | None = None
    hj212: str | None = None
    weighting: Literal["A"] | None = None
    watched: bool = False
    quality: QualityLimits = QualityLimits()


@cache
def properties() -> dict[str, Property]:
    """The whole table by name, read once."""
    text = files(__package__).joinpath("properties.toml").read_text(encoding="utf-8")
    return {name: _property(row) for name, row in tomllib.loads(text).items()}


def _property(row: dict[str, Any]) -> Property:
    """Our own table, which the tests check: it is read wherever a channel is spoken of."""
    quality = QualityLimits(**_tuples(row.pop("quality", {})))
    return Property(**_tuples(row), quality=quality)


def _tuples(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}


def property_of(channel: str) -> Property:
    """The property of a channel written `property` or `property.qualifier`.

    Raises:
        KeyError: no such property; the message suggests the nearest name.
    """
    name = channel.partition(".")[0]
    table = properties()
    if name not in table:
        near = get_close_matches(name, table, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"unknown property {name!r}{hint}")
    return table[name]
