"""What the daemon makes of a flat table by itself is what pydantic makes of it: same table, same words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.commands import AnyCommand
from agent.flat import Mistaken, read
from firmware_profiles.declared import First, Limits, Strict, Then, checked, entry
from firmware_profiles.validation import explain

TIMES = {"issued": "2026-11-23T08:00:00Z", "expires": "2026-11-23T09:00:00.5+00:30"}
RULE = {"id": "c-2", "by": "l.chen", **TIMES, "rule": "water_stage", "source": "level.water_level"}
COMMANDS: list[dict[str, Any]] = [
    {"id": "c-1", "verb": "acknowledge", "by": "l.chen", **TIMES, "event": "9f86", "reason": "on its way"},
    {"verb": "shelve", **RULE, "for_s": 3600, "reason": "gate test"},
    {"verb": "unshelve", **RULE},
]


def doubled(text: str) -> str:
    if "x" in text:
        raise ValueError("no x is wanted")
    return 2 * text


def length(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("no list is wanted")  # noqa: TRY004  as a check of a table raises
    return len(value) if isinstance(value, str) else value


class Parcel(Strict):
    """Every note and limit there is."""

    label: Annotated[str, Then(doubled), Limits(max_length=4)] = entry(min_length=1)
    code: str | None = entry(default=None, pattern=r"^[a-z]+$")
    way: Literal["road", "rail", "river"] = "road"
    size: Annotated[int, First(length), Limits(gt=0, strict=True)] = 1
    weight: int = entry(strict=True, ge=1, lt=10)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.way == "river" and self.weight > 5:
            raise ValueError("weight: too heavy for the river")


PARCEL = {"label": "ab", "code": "q", "way": "river", "size": "four", "weight": 5}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(), scalars, max_size=2)
words = st.text(st.sampled_from("abAB01_-./: \n\u2028é"), max_size=5)
lengths = st.sampled_from([0, 1, 64, 65, 128, 129, 160, 161, 200, 201]).map(lambda count: count * "a")
numbers = st.sampled_from([0, 1, 9, 10, 59, 60, 61, 86_399, 86_400, 86_401, 3600.0, "3600", True, 2**80])
moments = st.datetimes(datetime(2026, 11, 22), datetime(2026, 11, 25), timezones=st.just(UTC))  # noqa: DTZ001
values = anything | words | lengths | numbers | moments.map(datetime.isoformat)


@st.composite
def spoilt(draw: st.DrawFn, table: dict[str, Any], more: tuple[str, ...]) -> dict[str, Any]:
    """A table with keys that changed, went, came and were misspelt."""
    names = st.sampled_from([*table, *more]) | st.text(max_size=8)
    found = {**table, **draw(st.dictionaries(names, values, max_size=3))}
    for name in draw(st.lists(names, max_size=1)):
        found.pop(name, None)
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(list(table)))
        found[draw(st.sampled_from([name.upper(), name + "s", name[1:]]))] = found.pop(name, 1)
    return found


def by_pydantic(kind: Any, table: dict[str, Any]) -> object:
    try:
        return checked(kind, table)
    except ValidationError as error:
        return [str(problem) for problem in explain(error, "", kind)]


def by_ourselves(kind: Any, table: dict[str, Any]) -> object:
    try:
        return read(kind, table)
    except Mistaken as error:
        return [str(problem) for problem in error.problems]


@given(st.sampled_from(COMMANDS).flatmap(lambda table: spoilt(table, ("event", "for_s", "rule"))))
def test_a_command_is_read_as_pydantic_reads_it(table: dict[str, Any]) -> None:
    ours, pydantics = by_ourselves(AnyCommand, table), by_pydantic(AnyCommand, table)
    if isinstance(table.get("verb", ""), str):
        assert ours == pydantics
    else:
        assert str(ours).startswith("['verb: expected one of ")
        assert str(pydantics).startswith("['verb: expected one of ")


@given(spoilt(PARCEL, ()))
def test_a_table_is_read_as_pydantic_reads_it(table: dict[str, Any]) -> None:
    assert by_ourselves(Parcel, table) == by_pydantic(Parcel, table)


@pytest.mark.parametrize("table", COMMANDS)
def test_each_command_is_taken(table: dict[str, Any]) -> None:
    command = read(AnyCommand, table)
    assert (command.verb, command.issued, command.expires) == (
        table["verb"],
        1_795_420_800_000,
        1_795_422_600_500,
    )
