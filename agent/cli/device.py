"""polegate device: put a gauge into the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from agent.cli import scan_file, screen, texts
from agent.cli.exits import Exit, Failed, no_such
from agent.cli.laying import check_whole, lay
from agent.provisioning import confd
from firmware_profiles.declared import checked, plain, told
from firmware_profiles.loader import ProfileError, list_instruments, load_instrument
from firmware_profiles.schema import ModbusInstrument


@click.group("device")
def command() -> None:
    """Put a gauge into the configuration."""


@command.command("add")
@click.argument("name")
@click.option("--instrument", help="Its profile; see polegate profiles list.")
@click.option("--port", help="A name of the board or of [ports], or a path.")
@click.option("--tcp", metavar="HOST:PORT", help="A Modbus TCP device or a serial converter instead.")
@click.option("--framing", type=click.Choice(["tcp", "rtu"]), help="Over --tcp: rtu for a converter.")
@click.option("--unit", type=click.IntRange(0, 255), help="Modbus unit id; default: the factory's.")
@click.option("--baud", type=int, help="If it is not the factory's.")
@click.option("--parity", type=click.Choice(["N", "E", "O"]), help="If it is not the factory's.")
@click.option(
    "--every", "every_s", type=float, metavar="S", help="Seconds between samples; default: the profile's."
)
@click.option("--title", help="For people: River level, left bank.")
@click.option("--from-scan", type=int, metavar="N", help="What the saved scan found under this number.")
@click.option("--scan", type=click.Path(path_type=Path), default=Path("scan.json"), show_default=True,
              help="The scan that polegate bus scan --out saved.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Overwrite the fragment if there is one.")
@click.option("--dry-run", is_flag=True, help="Check and show it, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def add(paths: dict[str, Path], /, name: str, **given: Any) -> None:  # noqa: ANN401  click's options
    """Write conf.d/NAME.toml beside the configuration, if it holds together with all the rest.

    Ends with 78 when it would not, and writes nothing then.
    """
    config = paths["config"]
    _check_name(name)
    keys = _keys(given, config)
    file = config.parent / "conf.d" / f"{name}.toml"
    if file.exists() and not given["replace"]:
        raise Failed(texts.DEVICE_EXISTS.format(path=file), Exit.PROBLEM)
    text = _fragment(name, keys)
    check_whole(config, file, text, texts.DEVICE_REFUSED)
    if not given["dry_run"]:
        lay(file, text)
    if given["as_json"]:
        screen.machine({"file": str(file), "written": not given["dry_run"], "text": text})
        return
    screen.line(f"{file}:\n{text}")
    if keys.note:
        screen.line(keys.note)
    said = texts.DEVICE_DRY if given["dry_run"] else texts.DEVICE_NEXT
    screen.line(said.format(name=name))


@dataclass(slots=True)
class _Keys:
    """What the device's table will hold, why, and what a person should know about it."""

    table: dict[str, Any]
    reason: str = ""
    note: str = ""
    line: dict[str, Any] = field(default_factory=dict)


def _check_name(name: str) -> None:
    from agent.config_words import Name

    try:
        checked(Name, name)
    except ValidationError as error:
        raise click.UsageError(f"NAME: {told(error)}, got {name!r}") from None


def _keys(given: Mapping[str, Any], config: Path) -> _Keys:
    """The table from the options, laid over what a scan has found."""
    keys = _scanned(given) if given["from_scan"] is not None else _Keys({})
    if given["port"] and given["tcp"]:
        raise click.UsageError(texts.DEVICE_WHERE)
    if given["port"] or given["tcp"]:
        for key in ("port", "tcp", "framing"):
            keys.table.pop(key, None)
    for key in ("instrument", "port", "tcp", "framing", "unit", "every_s", "title"):
        if given[key] is not None:
            keys.table[key] = given[key]
    if "port" not in keys.table and "tcp" not in keys.table:
        raise click.UsageError(texts.DEVICE_WHERE)
    if "instrument" not in keys.table:
        raise click.UsageError(texts.DEVICE_WHAT)
    _fit(keys, given, (config.parent / "profiles",))
    return keys


def _fit(keys: _Keys, given: Mapping[str, Any], places: tuple[Path, ...]) -> None:
    """Unit id and line as this instrument needs them."""
    name = keys.table["instrument"]
    if name not in (known := list_instruments(places)):
        raise no_such("instrument", name, list(known))
    try:
        profile = load_instrument(name, places)
    except ProfileError as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    if isinstance(profile, ModbusInstrument):
        keys.table.setdefault("unit", profile.modbus.unit)
    elif keys.table.pop("unit", None) is not None and given["unit"] is not None:
        raise click.UsageError(texts.DEVICE_NO_UNIT.format(name=name))
    asked = {key: given[key] for key in ("baud", "parity") if given[key] is not None}
    line = {**(keys.line or (plain(profile.line) if asked else {})), **asked}
    if line and "port" in keys.table:
        ordinary = {"data_bits": 8, "parity": "N", "stop_bits": 1}
        keys.table["line"] = {key: each for key, each in line.items() if ordinary.get(key) != each}
    elif asked:
        raise click.UsageError(texts.DEVICE_TCP_LINE)


def _scanned(given: Mapping[str, Any]) -> _Keys:
    place, found = scan_file.load(given["scan"], given["from_scan"])
    table: dict[str, Any] = {}
    matches = found["matches"]
    best = matches[0] if matches else None
    note = reason = ""
    chosen = next((each for each in matches if each["profile"] == given["instrument"]), None)
    named = chosen if given["instrument"] else best if best and best["verdict"] != "possible" else None
    if named:
        table["instrument"] = named["profile"]
        others = ", ".join(each["profile"] for each in matches if each is not named)
        reason = f"{named['verdict']}: {'; '.join(named['reasons'])}"
        if named["verdict"] != "certain" and others and not given["instrument"]:
            note = texts.DEVICE_LIKELY.format(profile=named["profile"], others=others)
    elif not given["instrument"]:
        possible = ", ".join(each["profile"] for each in matches) or texts.DEVICE_NO_MATCH
        raise click.UsageError(texts.DEVICE_CHOOSE.format(number=given["from_scan"], possible=possible))
    table |= place
    if "tcp" in place:
        table["framing"] = "rtu"
    if found["unit"] is not None:
        table["unit"] = found["unit"]
    return _Keys(table, reason, note, found["line"] or {})


def _fragment(name: str, keys: _Keys) -> str:
    order = ("instrument", "title", "port", "tcp", "framing", "unit", "line", "every_s")
    lines = [f"{key} = {confd.toml(keys.table[key])}" for key in order if key in keys.table]
    reason = f"# {keys.reason}\n" if keys.reason else ""
    return f"{texts.DEVICE_HEAD}\n{reason}[devices.{name}]\n" + "\n".join(lines) + "\n"
