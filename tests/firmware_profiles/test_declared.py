"""Tables as dataclasses: what is declared of them holds wherever one is made or checked."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import ValidationError

from firmware_profiles.declared import (
    Guarded,
    Strict,
    checked,
    checked_json,
    entry,
    given,
    plain,
    schema_of,
    told,
)


class Colour(StrEnum):
    RED = "red"


class Inner(Strict):
    at: tuple[float, float] = (0.0, 0.0)


class Table(Guarded):
    low: int = entry(default=0, ge=0, description="The lower end")
    high: int = 9
    file: Path | None = None
    colour: Colour = Colour.RED
    inner: Inner = Inner()
    names: dict[int, str] = entry(default_factory=dict)

    @classmethod
    def guard(cls, keys: object) -> None:
        if isinstance(keys, dict) and isinstance(keys.get("file"), bytes):
            raise ValueError("file: not its content")  # noqa: TRY004  a table is refused by ValueErrors only

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise ValueError("low: above high")


def refused(keys: object) -> str:
    with pytest.raises(ValidationError) as caught:
        checked(Table, keys)
    return told(caught.value)


def test_what_the_keys_have_in_common_holds_for_a_copy_and_one_made_by_hand() -> None:
    with pytest.raises(ValueError, match="low: above high"):
        replace(Table(), low=10)
    with pytest.raises(ValueError, match="low: above high"):
        Table(low=10)
    assert refused({"low": 10}) == "low: above high"


def test_what_it_refuses() -> None:
    assert "greater than or equal to 0" in refused({"low": -1})
    assert "Unexpected keyword" in refused({"lower": 1})
    assert "finite" in refused({"inner": {"at": [0, float("nan")]}})
    assert refused({"file": b"hunter2", "low": -1}) == "file: not its content"


def test_it_is_frozen_and_shares_nothing_that_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        Table().low = 1  # type: ignore[misc]
    assert Table().names is not Table().names


def test_it_is_written_as_it_was_read() -> None:
    table = checked(Table, {"file": "/x", "inner": {"at": [1, 2]}, "names": {"1": "one"}})
    assert (table.file, table.inner.at, table.names) == (Path("/x"), (1.0, 2.0), {1: "one"})
    assert plain(table) == {
        "low": 0, "high": 9, "file": "/x", "colour": "red", "inner": {"at": [1.0, 2.0]}, "names": {1: "one"}
    }  # fmt: skip
    assert checked(Table, plain(table)) == table
    assert checked_json(Table, b'{"file": "/x", "inner": {"at": [1, 2]}, "names": {"1": "one"}}') == table


def test_what_is_given_is_what_differs_from_the_defaults() -> None:
    assert given(Table()) == {}
    assert given(Table(low=0, high=8, names={1: "one"})) == {"high": 8, "names": {1: "one"}}


def test_its_schema_has_descriptions_limits_and_defaults_that_a_factory_makes() -> None:
    keys = schema_of(Table)["properties"]
    assert keys["low"] == {
        "default": 0,
        "description": "The lower end",
        "minimum": 0,
        "title": "Low",
        "type": "integer",
    }
    assert keys["names"]["default"] == {}


def test_a_limit_that_there_is_none_of() -> None:
    with pytest.raises(TypeError, match="least"):
        entry(default=0, least=1)
