"""Every pydantic error in the words of the person who wrote the file."""

from __future__ import annotations

import tomllib
from dataclasses import field, fields
from enum import Enum
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    ValidationError,
)

from firmware_profiles.declared import Limits, Strict, Then, Told, checked
from firmware_profiles.origins import origins_of
from firmware_profiles.problems import Problem
from firmware_profiles.schema import AnyInstrument, Board, ModbusInstrument
from firmware_profiles.validation import explain, explain_syntax

PROFILE = """
title = "A level gauge"
vendor = "Acme"
model = "L1"
confirmed = "documented"
source = "manual"
protocol = "modbus"

[[points]]
channel = "water_level"
address = 0
"""


class Colour(Enum):
    RED = "red"
    GREEN = "green"


def even(value: int) -> int:
    if value % 2:
        raise ValueError("an even number is needed")
    return value


class Tcp(Strict):
    kind: Literal["tcp"]
    host: str
    port: Annotated[int, Limits(ge=1, le=65535)] = 502


class Serial(Strict):
    kind: Literal["serial"]
    port: str
    baud: int = 9600


class Everything(Strict):
    """One field for each kind of expectation."""

    count: int = 0
    unit_id: Annotated[int, Limits(ge=0, le=255)] = 0
    wait_s: Annotated[float, Limits(gt=0, le=60)] = 1
    at_least: Annotated[int, Limits(ge=1)] = 1
    below: Annotated[float, Limits(lt=5)] = 1
    finite: float = 1
    flag: bool = False
    name: str = ""
    short: Annotated[str, Limits(max_length=4)] = ""
    filled: Annotated[str, Limits(min_length=1)] = "x"
    code: Annotated[str, Limits(min_length=2, max_length=8)] = "xx"
    topic: Annotated[str, Limits(pattern=r"^[a-z]+$")] = "x"
    parity: Literal["N", "E", "O"] = "N"
    bits: Literal[7, 8] = 8
    colour: Colour = Colour.RED
    pairs: Annotated[int, Then(even)] = 0
    home: Path = Path("x")
    address: IPv6Address | None = None
    limits: tuple[float, float] | None = None
    rows: Annotated[tuple[Tcp, ...], Limits(min_length=1)] = (Tcp(kind="tcp", host="x"),)
    numbers: list[int] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)
    either: float | str = 0
    auto: Annotated[int, Limits(ge=1)] | Literal["auto"] = 1
    text_or_table: str | Serial = ""
    table_or_table: Tcp | Serial | None = None
    even_or_text: Annotated[int, Then(even)] | Literal["none"] = 0
    link: Annotated[Tcp | Serial, Told("kind")] | None = None
    links: dict[str, Annotated[Tcp | Serial, Told("kind")]] = field(default_factory=dict)


def said(model: Any, data: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        checked(model, data)
    return [
        str(problem).removeprefix("polegate.toml: ")
        for problem in explain(caught.value, "polegate.toml", model)
    ]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('count = "many"', 'count: expected a whole number, got "many"'),
        ("count = 1.5", "count: expected a whole number, got 1.5"),
        ("count = [1]", "count: expected a whole number, got a list of 1"),
        ("unit_id = 300", "unit_id: expected a whole number from 0 to 255, got 300"),
        ("unit_id = -1", "unit_id: expected a whole number from 0 to 255, got -1"),
        ("wait_s = 0", "wait_s: expected a number above 0 and not above 60, got 0"),
        ("at_least = 0", "at_least: expected a whole number not below 1, got 0"),
        ("below = 5", "below: expected a number below 5, got 5"),
        ("finite = nan", "finite: expected a finite number, got nan"),
        ("wait_s = {}", "wait_s: expected a number above 0 and not above 60, got a table"),
        ("flag = 3", "flag: expected true or false, got 3"),
        ('flag = "ja"', 'flag: expected true or false, got "ja"'),
        ("name = 5", "name: expected a string, got 5"),
        ("name = true", "name: expected a string, got true"),
        ("name = 2026-01-01", "name: expected a string, got 2026-01-01"),
        ('short = "12345"', 'short: expected a string, at most 4 characters, got "12345"'),
        ('filled = ""', 'filled: expected a string that is not empty, got ""'),
        ('code = "1"', 'code: expected a string, 2 to 8 characters, got "1"'),
        ('topic = "A1"', 'topic: expected a string of the form ^[a-z]+$, got "A1"'),
        ('parity = "X"', 'parity: expected one of "N", "E", "O", got "X"'),
        ('parity = "e"', 'parity: expected one of "N", "E", "O", got "e"; did you mean "E"?'),
        ("bits = 9", "bits: expected one of 7, 8, got 9"),
        ('colour = "gren"', 'colour: expected one of "red", "green", got "gren"; did you mean "green"?'),
        ("pairs = 3", "pairs: got 3: an even number is needed"),
        ("home = 3", "home: expected a path, got 3"),
        ('address = "::g"', 'address: got "::g": Input is not a valid IPv6 address'),
        ("limits = [1.0, 2.0, 3.0]", "limits: expected a list of 2 items, got a list of 3"),
        ("limits = [1.0]", "limits[1]: missing; expected a number"),
        ('limits = "wide"', 'limits: expected a list of 2 items, got "wide"'),
        ("rows = []", "rows: expected a list of tables, at least 1, got an empty list"),
        (
            "[rows]\nhost = 1",
            "rows: expected a list of tables, at least 1, got a table; write [[rows]] with two brackets",
        ),
        ("numbers = 3", "numbers: expected a list of items, got 3"),
        ("numbers = [1, 'x']", 'numbers[1]: expected a whole number, got "x"'),
        ("labels = 3", "labels: expected a table, got 3"),
        ("labels = {one = 'x'}", 'labels.one: expected a key that is a whole number, got "one"'),
        ("labels = {1 = 5}", "labels.1: expected a string, got 5"),
        ("either = []", "either: expected a number or a string, got an empty list"),
        ('auto = "x"', 'auto: expected a whole number not below 1 or "auto", got "x"'),
        ("auto = 0", 'auto: expected a whole number not below 1 or "auto", got 0'),
        ("text_or_table = 3", "text_or_table: expected a string or a table, got 3"),
        ("text_or_table = {kind = 'serial', port = 3}", "text_or_table.port: expected a string, got 3"),
        ("table_or_table = {kind = 'serial', port = 3}", "table_or_table.port: expected a string, got 3"),
        ("even_or_text = 3", "even_or_text: got 3: an even number is needed"),
        ("link = {kind = 'serial', baud = 1, port = 2}", "link.port: expected a string, got 2"),
        ("link.kind = 'tpc'", 'link.kind: expected one of "tcp", "serial", got "tpc"; did you mean "tcp"?'),
        ("link = {host = 'a'}", 'link.kind: missing; expected one of "tcp", "serial"'),
        ("link = 3", "link: expected a table, got 3"),
        ("links.tcp = {kind = 'tcp', hots = 'a'}", 'links.tcp: unknown key "hots"; did you mean "host"?'),
        ("links.tcp = {kind = 'tcp'}", "links.tcp.host: missing; expected a string"),
        ("links.'a b' = {kind = 'tcp'}", 'links."a b".host: missing; expected a string'),
        ("cuont = 3", 'unknown key "cuont"; did you mean "count"?'),
        ("links.a = {kind = 'tcp', host = '', '[key]' = 1}",
         'links.a: unknown key "[key]"; the keys here are kind, host, port'),
        ("links.a = {kind = 'tcp', host = '', z = 1}",
         'links.a: unknown key "z"; the keys here are kind, host, port'),
        (f"count = '{'9' * 80}x'", f'count: expected a whole number, got "{"9" * 58}…'),
    ],
)  # fmt: skip
def test_one_mistake_is_one_sentence(toml, message):
    assert said(Everything, tomllib.loads(toml)) == [message]


@given(
    st.dictionaries(
        st.sampled_from(sorted(each.name for each in fields(Everything))),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["kind", "host", "port", "1", "x"]), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_whatever_is_wrong_no_field_is_forgotten_and_nothing_of_pydantic_shows(data):
    """Union tags, labels and validator names never show in a path; a problem is a full sentence."""
    try:
        checked(Everything, data)
    except ValidationError as error:
        refused = error
    else:
        return
    problems = explain(refused, "a.toml", Everything)
    assert {p.path.split(".")[0].split("[")[0] for p in problems} == {d["loc"][0] for d in refused.errors()}
    for problem in problems:
        assert problem.expected or problem.hint
        assert all(word not in str(problem) for word in ("function-", "[key]", "tagged", "Everything"))


def profile_problems(text):
    with pytest.raises(ValidationError) as caught:
        checked(AnyInstrument, tomllib.loads(text))
    return explain(caught.value, "a.toml", AnyInstrument, origins_of(text, "a.toml"))


def test_a_misspelt_required_key_is_one_problem_with_its_line():
    text = PROFILE.replace("address", "adress")
    assert list(map(str, profile_problems(text))) == [
        'a.toml:11: points[0]: unknown key "adress"; did you mean "address"?'
    ]


def test_a_missing_key_gives_the_line_of_its_table():
    problems = profile_problems(PROFILE + '\n[[points]]\nchannel = "voltage"\n')
    assert list(map(str, problems)) == [
        "a.toml:13: points[1].address: missing; expected a whole number from 0 to 65535"
    ]


def test_a_validator_of_the_profile_speaks_for_itself():
    text = PROFILE + '\n[[points]]\nchannel = "water_level"\naddress = 1\ntable = "coil"\n'
    assert [str(p) for p in profile_problems(text)] == [
        'a.toml:13: points[1]: table "coil" holds single bits: expected type = "bit", got "uint16"'
    ]
    twice = PROFILE + '\n[[points]]\nchannel = "water_level"\naddress = 1\n'
    assert "channel given twice: water_level" in str(profile_problems(twice)[0])


def test_a_bad_channel_shows_the_channel_and_the_nearest_property():
    text = PROFILE.replace("water_level", "watr_level")
    (problem,) = profile_problems(text)
    assert problem.path == "points[0].channel"
    assert problem.line == 10
    assert "unknown property" in str(problem)
    assert "water_level" in str(problem)


def test_bad_items_do_not_make_their_list_too_short_as_well():
    text = PROFILE.replace("address = 0", "address = -1")
    assert [p.path for p in profile_problems(text)] == ["points[0].address"]


def test_the_protocol_decides_and_never_shows_in_a_path():
    text = PROFILE + "\n[modbus]\nunit = 300\n"
    assert [p.path for p in profile_problems(text)] == ["modbus.unit"]


def test_problems_name_the_file_each_key_came_from():
    main, fragment = "[ports.a]\npath = 3\n", '[ports.b]\nrs485 = "no"\n'
    origins = {**origins_of(main, "main.toml"), **origins_of(fragment, "conf.d/b.toml")}
    data = {"title": "t", "vendor": "v", "source": "s"}
    data["ports"] = tomllib.loads(main)["ports"] | tomllib.loads(fragment)["ports"]
    with pytest.raises(ValidationError) as caught:
        checked(Board, data)
    assert [(p.file, p.line, p.path) for p in explain(caught.value, "main.toml", Board, origins)] == [
        ("conf.d/b.toml", 1, "ports.b.path"),
        ("conf.d/b.toml", 2, "ports.b.rs485"),
        ("main.toml", 2, "ports.a.path"),
    ]


def test_the_model_may_be_a_plain_model_too():
    assert said(ModbusInstrument, {"protocol": "modbus"})[0] == "title: missing; expected a string"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = \n", 2, "Invalid value"),
        ("a = 1\na = 2\n", 2, "Cannot overwrite a value"),
        ("[a\n", 1, "Expected ']'"),
        ("a = [1,\n", 0, "end of document"),
    ],
)
def test_a_syntax_error_has_its_line(text, line, words):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    problem = explain_syntax(caught.value, "a.toml")
    assert problem.line == line
    assert str(problem).startswith(f"a.toml:{line}: not valid TOML: " if line else "a.toml: not valid TOML: ")
    assert words in problem.hint


def test_a_problem_with_a_line_reads_like_a_compiler_message():
    problem = Problem("a.toml", "x.y", expected="a number", got='"z"', line=7)
    assert str(problem) == 'a.toml:7: x.y: expected a number, got "z"'
