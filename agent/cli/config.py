"""polegate config: check the configuration, print its schema."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from agent.amounts import listed, many
from agent.cli import screen, texts
from agent.cli.exits import Exit, unwritten

if TYPE_CHECKING:
    from agent.errors import ConfigError
    from agent.loaded import Loaded


@click.group("config")
def command() -> None:
    """Check the configuration, print its schema."""


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def check(paths: dict[str, Path], file: Path | None, as_json: bool) -> None:
    """Check FILE, by default that of --config, with its conf.d/ and the profiles it names.

    Ends with 0 when the daemon would run with it, warnings or not, and with 78 when it would not.
    """
    from agent.cli.config_summary import facts
    from agent.cli.config_warnings import warnings_of
    from agent.errors import ConfigError
    from agent.loading import load

    try:
        loaded = load(file or paths["config"])
    except ConfigError as error:
        _refuse(error, as_json=as_json)
    warnings = warnings_of(loaded)
    if as_json:
        screen.machine({"ok": True, "warnings": warnings, "buses": facts(loaded.plan)})
    else:
        _approve(loaded, warnings)


@command.command("schema")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@click.option("--json", "as_json", is_flag=True, help="On one line.")
def schema(out: Path | None, as_json: bool) -> None:
    """JSON Schema of the configuration file, for editors that complete and check while you type."""
    from agent.config_schema import json_schema

    text = json.dumps(json_schema(), indent=None if as_json else 2, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritten(out, error) from None


def _refuse(error: ConfigError, *, as_json: bool) -> NoReturn:
    """Every problem, and the exit that systemd does not restart on."""
    if as_json:
        problems = [{**asdict(problem), "text": str(problem)} for problem in error.problems]
        screen.machine({"ok": False, "problems": problems})
    else:
        count = many(len(error.problems), "problem")
        click.echo(f"{texts.CONFIG_BAD.format(count=count)}\n{error}", err=True)
    sys.exit(Exit.CONFIG)


def _approve(loaded: Loaded, warnings: list[str]) -> None:
    from agent.cli.config_summary import summary

    for warning in warnings:
        click.echo(texts.CONFIG_WARN.format(text=warning), err=True)
    plan = loaded.plan
    devices, buses = many(len(plan.devices), "device"), many(len(plan.buses), "bus", "buses")
    cameras = f", {many(len(plan.cameras), 'camera')}" if plan.cameras else ""
    files = listed(map(str, loaded.files))
    screen.line(texts.CONFIG_OK.format(files=files, devices=devices, buses=buses, cameras=cameras))
    if plan.devices:
        screen.show(*summary(plan), "", texts.LOAD_NOTE)
