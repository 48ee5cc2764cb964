"""polegate profiles: list, show and check profiles of instruments, boards and kinds of station."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agent.amounts import many
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, no_such
from agent.cli.profile_view import (
    board_list,
    board_view,
    instrument_list,
    instrument_view,
    station_list,
    station_view,
)
from drivers.vectors import Outcome
from firmware_profiles.declared import plain
from firmware_profiles.loader import (
    ProfileError,
    list_boards,
    list_instruments,
    list_stations,
    load_board,
    load_instrument,
    load_station,
    parse_board,
    parse_instrument,
    parse_station,
)
from firmware_profiles.schema import Board, FrameInstrument, ModbusInstrument
from firmware_profiles.stations import Station

Profile = ModbusInstrument | FrameInstrument | Board | Station


@click.group("profiles")
def command() -> None:
    """List, show and check profiles of instruments, boards and kinds of station.

    Those in profiles/ beside the configuration file come before the built-in ones.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def list_(paths: dict[str, Path], as_json: bool) -> None:
    """All instruments, boards and kinds of station."""
    places = _places(paths)
    try:
        instruments = {name: load_instrument(name, places) for name in list_instruments(places)}
        boards = {name: load_board(name, places) for name in list_boards(places)}
        stations = {name: load_station(name, places) for name in list_stations(places)}
    except ProfileError as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    if as_json:
        names = {"instruments": _described(instruments), "boards": _described(boards)}
        screen.machine({**names, "stations": _described(stations)})
    else:
        screen.show(instrument_list(instruments), "", board_list(boards), "", station_list(stations))


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The whole profile as a line of JSON.")
@click.pass_obj
def show(paths: dict[str, Path], name: str, as_json: bool) -> None:
    """The register map or frame layout of an instrument, the ports of a board, what a station is made of."""
    places = _places(paths)
    boards, stations = list_boards(places), list_stations(places)
    known = [*list_instruments(places), *boards, *stations]
    if name not in known:
        raise no_such("profile", name, known)
    load = load_board if name in boards else load_station if name in stations else load_instrument
    try:
        profile: Profile = load(name, places)
    except ProfileError as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    if as_json:
        screen.machine(plain(profile))
    elif isinstance(profile, Board):
        screen.show(*board_view(name, profile))
    elif isinstance(profile, Station):
        screen.show(*station_view(name, profile))
    else:
        screen.show(*instrument_view(name, profile))


@command.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a file.")
def check(files: Sequence[Path], as_json: bool) -> None:
    """Check profile files: the form, and that each test vector decodes to what it says.

    Ends with 0 when all are good and 1 when not.
    """
    good = [_check(file, as_json=as_json) for file in files]
    sys.exit(Exit.OK if all(good) else Exit.PROBLEM)


def _check(file: Path, *, as_json: bool) -> bool:
    problems, outcomes, points = [], list[Outcome](), 0
    try:
        profile = _parse(file)
    except ProfileError as error:
        problems = [str(problem) for problem in error.problems]
    else:
        outcomes = _prove(profile)
        points = 0 if isinstance(profile, Board | Station) else len(profile.points)
    good = not problems and all(outcome.ok for outcome in outcomes)
    if as_json:
        vectors = [asdict(outcome) for outcome in outcomes]
        screen.machine({"file": str(file), "ok": good, "problems": problems, "vectors": vectors})
    elif problems:
        click.echo("\n".join(problems), err=True)
    else:
        _report(file, outcomes, points)
    return good


def _report(file: Path, outcomes: Sequence[Outcome], points: int) -> None:
    for outcome in outcomes:
        click.echo(
            f"{'pass' if outcome.ok else 'FAIL'}  {outcome.name}: {outcome.detail}", err=not outcome.ok
        )
    failed = sum(not outcome.ok for outcome in outcomes)
    vectors, said = many(len(outcomes), "vector"), many(points, "point")
    if failed:
        click.echo(texts.PROFILE_FAILED.format(file=file, failed=failed, vectors=vectors), err=True)
    elif outcomes:
        screen.line(texts.PROFILE_OK.format(file=file, points=said, vectors=vectors))
    elif points:
        screen.line(texts.PROFILE_NO_VECTORS.format(file=file, points=said))
    else:
        screen.line(texts.BOARD_OK.format(file=file))


def _parse(file: Path) -> Profile:
    """A board where it lies in boards/, a station in stations/, as the loader has it; else an instrument."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(texts.CANNOT_READ.format(path=file, why=error), Exit.PROBLEM) from None
    kinds: dict[str, Callable[[str, str], Profile]] = {"boards": parse_board, "stations": parse_station}
    return kinds.get(file.absolute().parent.name, parse_instrument)(text, str(file))


def _prove(profile: Profile) -> list[Outcome]:
    from drivers.modbus.vectors import check_vectors as check_registers
    from drivers.serialframes.vectors import check_vectors as check_frames

    if isinstance(profile, Board | Station):
        return []
    return check_registers(profile) if isinstance(profile, ModbusInstrument) else check_frames(profile)


def _described(profiles: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything but the maps themselves."""
    maps = {"points", "vectors", "frames"}
    return [
        {"id": name, **{key: value for key, value in plain(profile).items() if key not in maps}}
        for name, profile in profiles.items()
    ]


def _places(paths: dict[str, Path]) -> tuple[Path, ...]:
    return (paths["config"].parent / "profiles",)
