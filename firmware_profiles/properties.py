"""The property table: what each measured quantity is called, its unit and its codes elsewhere."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["instant", "interval", "counter"]


class Property(BaseModel):
    """One row of properties.toml.

    `unit` is UCUM, case sensitive; `cf` a CF standard name; `sl651` the guide byte of SL 651-2014 and
    `hj212` the factor code of HJ 212, both hex text, where one exists; `limits` what no instrument of
    this kind can exceed, in `unit`; `decimals` what is worth showing a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    unit: str
    kind: Kind = "instant"
    decimals: int = 2
    limits: tuple[float, float] | None = None
    cf: str | None = None
    sl651: str | None = None
    hj212: str | None = None
    weighting: Literal["A"] | None = None


@cache
def properties() -> dict[str, Property]:
    """The whole table by name, read once."""
    text = files(__package__).joinpath("properties.toml").read_text(encoding="utf-8")
    return {name: Property.model_validate(row) for name, row in tomllib.loads(text).items()}


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
