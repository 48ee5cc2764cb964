"""docs/driver-author/profiles.md says every key of the schema with its default, and its examples work."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from drivers.modbus.codec import reorder
from drivers.modbus.vectors import check_vectors
from firmware_profiles import frames, points, schema, stations
from firmware_profiles.loader import ProfileError, parse_instrument

TEXT = (Path(__file__).parents[2] / "docs" / "driver-author" / "profiles.md").read_text(encoding="utf-8")

MODELS = {
    "An instrument": (schema.ModbusInstrument, schema.FrameInstrument),
    "`[line]`": (points.LineSettings,),
    "`[timing]`": (points.Timing,),
    "`[modbus]`": (schema.ModbusSettings,),
    "`[[points]]` of a Modbus device": (schema.RegisterPoint,),
    "`[[vectors]]` of a Modbus device": (schema.ModbusVector,),
    "`[frames]`": (frames.FrameSpec,),
    "`[frames.checksum]`": (frames.Checksum,),
    "`[frames.length]`": (frames.LengthField,),
    "`[frames.stuffing]`": (frames.Stuffing,),
    "`[[points]]` of a frame": (frames.FramePoint,),
    "`[[vectors]]` of a frame": (schema.FrameVector,),
    "A board": (schema.Board,),
    "`[ports.NAME]`": (schema.BoardPort,),
    "A station": (stations.Station,),
    "`[expects.NAME]`": (stations.Expected,),
}


def section(heading: str) -> str:
    return TEXT.partition(f"### {heading}\n")[2].partition("\n#")[0]


def rows(text: str) -> list[list[str]]:
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def default(field: Any) -> str:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    if value is MISSING:
        return "required"
    if value is None:
        return "none"
    return "its own defaults" if is_dataclass(value) else f"`{json.dumps(value)}`"


def models_within(model: Any) -> set[type]:
    """The model and all it is made of."""
    found = {model}
    for annotation in get_type_hints(model).values():
        for part in re.findall(r"firmware_profiles\.(\w+)\.(\w+)", str(annotation)):
            modules = {"schema": schema, "points": points, "frames": frames, "stations": stations}
            kind = getattr(modules.get(part[0]), part[1], None)
            if isinstance(kind, type) and is_dataclass(kind) and kind not in found:
                found |= models_within(kind)
    return found


def test_no_model_of_the_schema_is_forgotten():
    every = set()
    for root in (schema.ModbusInstrument, schema.FrameInstrument, schema.Board, stations.Station):
        every |= models_within(root)
    assert every == {model for models in MODELS.values() for model in models}


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_stands_there_with_its_default(heading):
    documented = {row[0].strip("`"): row[1] for row in rows(section(heading))}
    actual = {field.name: default(field) for model in MODELS[heading] for field in fields(model)}
    assert documented == actual


def test_every_type_stands_there():
    table = TEXT.partition("| type | registers |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert sorted(named) == sorted(schema.RegisterType.__args__)


def test_the_byte_orders_are_as_shown():
    table = rows(TEXT.partition("met in |\n")[2].partition("\n\n")[0].join(["| a |\n", ""]))
    found = {row[0].strip("`"): (row[1], row[2]) for row in table}
    assert set(found) == set(schema.Order.__args__)
    for order, cells in found.items():
        sent = [reorder(bytes.fromhex(cell), order).hex() for cell in cells]
        assert sent == ["12345678", "41a40000"]


def test_the_worked_example_loads_and_its_vectors_decode():
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    outcomes = check_vectors(parse_instrument(example, "hl-20.toml"))
    assert len(outcomes) == 3
    assert [outcome for outcome in outcomes if not outcome.ok] == []


def test_the_mistakes_shown_are_what_is_said():
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    wrong = example.replace("address = 2", "adress = 2").replace('"CDAB"', '"cdab"')
    with pytest.raises(ProfileError) as caught:
        parse_instrument(wrong, "hl-20.toml")
    assert str(caught.value) == shown.strip()
