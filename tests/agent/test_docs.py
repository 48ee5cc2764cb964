"""The pages for field engineers and operators say every key, command, option, fault and exit code there is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest
from click.testing import CliRunner

from agent import config, config_words
from agent.camera import config as camera_config
from agent.cli import texts
from agent.cli.exits import Exit
from agent.cli.main import VERBS, group
from agent.judge import config as judgement_config
from agent.loading import load
from agent.wire import FaultKind
from drivers.errors import DriverError
from firmware_profiles.declared import Strict, checked
from firmware_profiles.expectation import Shape, choices, keys_of
from firmware_profiles.points import LineSettings
from firmware_profiles.schema import ModbusSettings, RegisterPoint

DOCS = Path(__file__).parents[2] / "docs"
CONFIGURATION = (DOCS / "field-engineer" / "configuration.md").read_text(encoding="utf-8")
CLI = (DOCS / "operator" / "cli.md").read_text(encoding="utf-8")
OPERATOR = (DOCS / "operator" / "README.md").read_text(encoding="utf-8")

TABLES: dict[str, Any] = {
    "`[station]`": config.Station,
    "`[uplink]`": config.Uplink,
    "`[enrolment]`": config.Enrolment,
    "A secret: `password`, `key`, `code`": config_words.Secret,
    "`[outbox]`": config.Outbox,
    "`[clock]`": config.Clock,
    "`[control]`": config.Control,
    "`[health]`": config.Health,
    "`[metrics]`": config.Metrics,
    "`[ports.NAME]`": config.Port,
    "`line`": LineSettings,
    "`[devices.NAME]`": config.Device,
    "`[devices.NAME.channels.CHANNEL]`": config.ChannelOverride,
    "`report`": judgement_config.Report,
    "`aggregate`": judgement_config.Windows,
    "`[devices.NAME.modbus]`": ModbusSettings,
    "`[pictures]`": camera_config.Pictures,
    "`[cameras.NAME]`": camera_config.Camera,
    "`send` of a camera": camera_config.Sending,
    "`budget` of a camera": camera_config.Budget,
    "`[cameras.NAME.zones.ZONE]`": camera_config.Zone,
    "`marks` of a staff": camera_config.Mark,
    "`[cameras.NAME.models.MODEL]`": camera_config.Model,
    "`[cameras.NAME.file]`": camera_config.CameraFile,
    "`[judgement]`": judgement_config.Judgement,
    "`[limits.DEVICE.CHANNEL]`": judgement_config.ChannelLimits,
    "`seasons`": judgement_config.Season,
    "`attenuated`": judgement_config.Attenuated,
    "`neighbours`": judgement_config.Neighbours,
    "`together`": judgement_config.Together,
    "`[[devices.NAME.points]]`": RegisterPoint,
}
KEYS = [(heading, key) for heading, table in TABLES.items() for key in keys_of(Shape(table))]

BASE = """
[station]
site = "a"
gateway = "b"
[uplink]
url = "mqtt://localhost"
[devices.level]
instrument = "keller-36x"
port = "rs485-1"
[devices.gap]
instrument = "wl991-ultrasonic"
port = "/dev/ttyS9"
[devices.weather]
instrument = "renke-rs-fsxcs"
port = "rs485-2"
"""


def section(text: str, heading: str, level: str = "###") -> str:
    found = text.partition(f"\n{level} {heading}\n")[2]
    return re.split(rf"\n#{{2,{len(level)}}} ", found)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the first table, without its head."""
    lines = text.partition("\n|")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def documented(heading: str) -> dict[str, list[str]]:
    return {cells[0].strip("`"): cells[1:] for cells in rows(section(CONFIGURATION, heading))}


def default_of(table: Any, key: str) -> Any:
    field = table.__dataclass_fields__[key]
    return field.default if field.default_factory is MISSING else field.default_factory()


def same(default: Any, annotation: Any, written: str) -> bool:
    """Whether the default cell is what the table has, as TOML would be read."""
    if default is MISSING:
        return written == "required"
    if default is None or default in ((), {}):
        return written == "none"
    value = tomllib.loads(f"x = {written.strip('`')}")["x"]
    return bool(checked(annotation, value) == default)


def limits(shape: Shape) -> list[str]:
    """Every bound and every choice, as it must stand in the range cell."""
    inner = [limit for option in shape.options for limit in limits(option)]
    chosen = [f'"{each}"' if isinstance(each, str) else str(each) for each in choices(shape)]
    bounds = [f"{bound:g}" if bound < 1e6 else str(bound) for bound in shape.bounds.values()]
    return [*inner, *chosen, *bounds]


def tables_in(annotation: Any) -> set[type[Strict]]:
    """Every table in an annotation, and in those."""
    found: set[type[Strict]] = set()
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        found.add(annotation)
        for inner in get_type_hints(annotation).values():
            found |= tables_in(inner)
    for inner in getattr(annotation, "__args__", ()):
        found |= tables_in(inner)
    return found


def test_no_table_of_the_configuration_is_forgotten() -> None:
    documented_as: dict[Any, Any] = {config.ModbusOverride: ModbusSettings}
    found = tables_in(config.Config) - {config.Config}
    assert {documented_as.get(table, table) for table in found} == set(TABLES.values())


def test_what_is_laid_over_a_profile_has_its_keys_and_ranges() -> None:
    override, settings = keys_of(Shape(config.ModbusOverride)), keys_of(Shape(ModbusSettings))
    assert {key: limits(shape) for key, shape in override.items()} == {
        key: limits(shape) for key, shape in settings.items()
    }


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_lists_its_keys_in_order(heading: str) -> None:
    assert list(documented(heading)) == list(keys_of(Shape(TABLES[heading])))


@pytest.mark.parametrize(("heading", "key"), KEYS)
def test_a_key_is_explained_with_its_default_and_range(heading: str, key: str) -> None:
    table = TABLES[heading]
    actual = default_of(table, key)
    annotation = get_type_hints(table, include_extras=True)[key]
    meaning, default, accepted = documented(heading)[key]
    assert len(meaning) > 5
    assert same(actual, annotation, default), f"documented {default}, actual {actual}"
    numbers = re.findall(r'"[^"]*"|-?\d+(?:\.\d+)?', accepted)
    missing = [limit for limit in limits(keys_of(Shape(table))[key]) if limit not in numbers]
    assert not missing, f"{accepted} does not say {missing}"


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = merged(below[key], above[key])
    return both


@pytest.mark.parametrize("number", range(len(re.findall(r"```toml\n", CONFIGURATION))))
def test_an_example_holds_together(number: int, tmp_path: Path) -> None:
    """Laid over a small station, written out again, and read by the real loader."""
    example = tomllib.loads(re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)[number])
    whole = merged(tomllib.loads(BASE), example)
    (tmp_path / "polegate.toml").write_text(
        "".join(f"{key} = {inline(item)}\n" for key, item in whole.items())
    )
    load(tmp_path / "polegate.toml")


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {inline(item)}' for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def commands() -> dict[str, click.Command]:
    """Every command by its words: `config check`."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for verb in VERBS:
        command = group.get_command(context, verb)
        assert command is not None
        if isinstance(command, click.Group):
            found |= {f"{verb} {name}": inner for name, inner in command.commands.items()}
        else:
            found[verb] = command
    return found


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert set(re.findall(r"\n### `polegate ([a-z -]+)`\n", CLI)) == set(commands())


@pytest.mark.parametrize("words", commands())
def test_every_option_and_argument_of_a_command_is_explained(words: str) -> None:
    text = section(CLI, f"`polegate {words}`")
    cells = {name for cells in rows(text) for name in re.findall(r"`([^`]+)`", cells[0])}
    expected = set()
    for parameter in commands()[words].params:
        if isinstance(parameter, click.Option):
            expected |= set(parameter.opts)
        else:
            expected.add(parameter.make_metavar(click.Context(group)).strip("[]."))
    assert {cell.split()[0].strip("[].") for cell in cells} == expected
    assert "```" in text, "an example of its output"


def test_the_options_before_the_command_are_explained() -> None:
    cells = {
        name
        for cells in rows(section(CLI, "Before the command", "##"))
        for name in re.findall(r"`([^`]+)`", cells[0])
    }
    options = {name for parameter in group.params for name in parameter.opts}
    assert {cell.split()[0] for cell in cells} == options | {"--help", "-h"}


def test_the_help_shown_is_the_help_given() -> None:
    shown = section(CLI, "Before the command", "##").partition("```text\n")[2].partition("```")[0]
    assert shown == CliRunner().invoke(group, ["--help"], prog_name="polegate", terminal_width=80).output


def test_the_exit_codes_are_those_there_are() -> None:
    table = {int(cells[0]) for cells in rows(section(CLI, "Exit codes", "##"))}
    assert table == {int(code) for code in Exit} | {130}


def test_every_kind_of_fault_is_explained_and_advised_on() -> None:
    table = {cells[0].strip("`"): cells[1:] for cells in rows(section(OPERATOR, "Faults", "##"))}
    assert list(table) == [kind.value for kind in FaultKind]
    assert all(len(meaning) > 20 and len(remedy) > 20 for meaning, remedy in table.values())
    assert texts.FAULT_ADVICE.keys() | {FaultKind.DEVICE_UNREADABLE} == set(FaultKind)


def reasons(error: type[DriverError]) -> set[str]:
    return {error.reason}.union(*(reasons(each) for each in error.__subclasses__()))


def test_every_reason_a_device_cannot_be_read_for_is_explained_and_advised_on() -> None:
    general = {"driver", "link", "unauthorised"}  # nobody raises the first two, gauges never the last
    table = [cells[0].strip("`") for cells in rows(section(OPERATOR, "A device that cannot be read", "###"))]
    assert set(table) == set(texts.DEVICE_ADVICE) == reasons(DriverError) - general


def test_every_way_to_lose_a_message_is_explained() -> None:
    table = [cells[0].strip("`") for cells in rows(section(OPERATOR, "The backlog", "##"))]
    assert table == list(texts.LOSSES)


@pytest.mark.parametrize("page", [CONFIGURATION, CLI, OPERATOR])
def test_every_link_leads_somewhere(page: str) -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    }
    places = {CONFIGURATION: "field-engineer", CLI: "operator", OPERATOR: "operator"}
    for target in re.findall(r"\]\(([^)]+)\)", page):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (DOCS / places[page] / target.partition("#")[0]).exists(), target
