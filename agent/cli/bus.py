"""polegate bus: what is on a line."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from agent.amounts import many, span
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, unwritten
from agent.cli.places import held_by_daemon, serial_endpoint, tcp_endpoint
from agent.cli.scan_file import facts
from agent.cli.scan_view import found_view, title
from agent.cli.typed import polegate
from drivers.errors import LinkClosed
from drivers.scanning.order import BAUDS, UNITS, Effort, Search, agenda
from drivers.scanning.scanner import LISTEN_S, Found, Scan, written
from firmware_profiles.loader import ProfileError, list_instruments, load_instrument
from firmware_profiles.schema import FrameInstrument, ModbusInstrument

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from drivers.endpoints import SerialEndpoint, TcpEndpoint


@click.group("bus")
def command() -> None:
    """Find what is on a line."""


@command.command("scan")
@click.argument("port", required=False)
@click.option("--tcp", metavar="HOST:PORT", help="Through a serial converter: only unit ids are tried.")
@click.option("--baud", "bauds", type=int, multiple=True, help="Only this baud rate; may be given again.")
@click.option(
    "--parity", "parities", type=click.Choice(["N", "E", "O"]), multiple=True, help="Only this parity."
)
@click.option("--units", metavar="LIST", help="Only these unit ids, such as 1-16,33.")
@click.option("--quick", "effort", flag_value="quick", help="Common settings and low unit ids: 15 s.")
@click.option(
    "--thorough", "effort", flag_value="thorough", help="Every setting, longer waits: an hour or more."
)
@click.option(
    "--timeout", "patience_s", type=click.FloatRange(0.02, 5), help="Wait so many seconds for an answer."
)
@click.option("--no-listen", is_flag=True, help="Do not listen for gauges that push first.")
@click.option("--registers", is_flag=True, help="Show the registers of what was recognised, too.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save it, for polegate device add."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def scan(paths: dict[str, Path], /, port: str | None, tcp: str | None, **given: Any) -> None:  # noqa: ANN401
    """Find the instruments on PORT: a name of the board, or a path. Nothing is ever written to them.

    Ends with 0 when something was found, 1 when not, 130 after Ctrl-C, with what was found until then.
    """
    if (port is None) == (tcp is None):
        raise click.UsageError(texts.SCAN_WHERE)
    endpoint = tcp_endpoint(tcp) if tcp else serial_endpoint(paths["config"], port or "")
    if tcp and (given["bauds"] or given["parities"]):
        raise click.UsageError(texts.SCAN_TCP_LINE)
    search = _search(given)
    modbus, gauges = _profiles((paths["config"].parent / "profiles",))
    if held_by_daemon(paths["socket"], endpoint):
        raise Failed(texts.SCAN_HELD.format(endpoint=endpoint), Exit.PROBLEM)
    with _progress(quiet=given["as_json"]) as watcher:
        work = Scan(endpoint, modbus, gauges, search, watcher)
        if not given["as_json"]:
            _say_plan(endpoint, search, modbus, listening=not given["no_listen"])
        asyncio.run(_run(work, listening=not given["no_listen"]))
    place = {"tcp": tcp} if tcp else {"port": port or ""}
    _report(work, place, given, paths["config"])
    sys.exit(130 if not work.complete else Exit.OK if work.found else Exit.PROBLEM)


def _search(given: Mapping[str, Any]) -> Search:
    effort: Effort = given["effort"] or "normal"
    if wrong := next((baud for baud in given["bauds"] if not 300 <= baud <= 4_000_000), None):
        raise click.UsageError(texts.SCAN_BAUD.format(got=wrong, usual=", ".join(map(str, sorted(BAUDS)))))
    return Search(
        effort=effort,
        bauds=given["bauds"] or None,
        parities=given["parities"] or None,
        units=_units(given["units"]) if given["units"] else None,
        patience_s=given["patience_s"],
    )


def _units(text: str) -> tuple[int, ...]:
    """`1-16,33` -> the ids in order.

    Raises:
        click.UsageError: another form, or an id that no slave has.
    """
    units: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or not (last.isdecimal() if dash else not last):
            raise click.UsageError(texts.SCAN_UNITS.format(got=text))
        units |= set(range(int(first), int(last if dash else first) + 1))
    if not units or not units <= set(UNITS):
        raise click.UsageError(texts.SCAN_UNITS.format(got=text))
    return tuple(sorted(units))


def _profiles(places: Sequence[Path]) -> tuple[dict[str, ModbusInstrument], dict[str, FrameInstrument]]:
    try:
        profiles = {name: load_instrument(name, places) for name in list_instruments(places)}
    except ProfileError as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    modbus = {name: each for name, each in profiles.items() if isinstance(each, ModbusInstrument)}
    return modbus, {name: each for name, each in profiles.items() if isinstance(each, FrameInstrument)}


def _say_plan(
    endpoint: SerialEndpoint | TcpEndpoint,
    search: Search,
    modbus: Mapping[str, ModbusInstrument],
    *,
    listening: bool,
) -> None:
    from drivers.endpoints import SerialEndpoint as Serial

    sweeps = agenda(modbus.values(), search, serial=isinstance(endpoint, Serial))
    takes = span(sweeps.left_s + (LISTEN_S if listening else 0))
    said = texts.SCAN_LISTENS if listening else ""
    click.echo(texts.SCAN_PLAN.format(endpoint=endpoint, listens=said, takes=takes), err=True)


async def _run(work: Scan, *, listening: bool) -> None:
    """The scan; Ctrl-C ends it and keeps what was found."""
    task = asyncio.ensure_future(work.run(listening=listening))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
    except LinkClosed as error:
        if not work.found:
            raise Failed(str(error), Exit.PROBLEM) from None
        click.echo(str(error), err=True)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


class _Quiet:
    """Nobody watches."""

    def at(self, what: str, done_s: float, left_s: float) -> None:
        """See Watcher."""

    def found(self, found: Found) -> None:
        """See Watcher."""


class _Bar:
    """A progress bar on standard error, and a line for each instrument as it is found."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID = bars.add_task("")
        self._count = 0

    def at(self, what: str, done_s: float, left_s: float) -> None:
        self._bars.update(self._task, description=what, completed=done_s, total=done_s + left_s)

    def found(self, found: Found) -> None:
        self._count += 1
        self._bars.console.print(title(self._count, found))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[_Quiet | _Bar]:
    if quiet or not sys.stderr.isatty():
        yield _Quiet()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(None), TimeRemainingColumn(compact=True))
    with Progress(
        *columns, console=Console(stderr=True, highlight=False), transient=True, expand=True
    ) as bars:
        yield _Bar(bars)


def _report(work: Scan, place: Mapping[str, str], given: Mapping[str, Any], config: Path) -> None:
    """What took minutes to find is shown, too, when the file cannot be written."""
    everything = facts(work, place)
    try:
        if given["out"]:
            _save(given["out"], everything)
    finally:
        screen.machine(everything) if given["as_json"] else _show(work, registers=given["registers"])
    if not given["as_json"]:
        screen.line(_next(work, given["out"], polegate(config)))


def _show(work: Scan, *, registers: bool) -> None:
    for number, found in enumerate(work.found, 1):
        screen.show(*found_view(number, found, registers=registers))
    if work.noise:
        screen.line(texts.SCAN_NOISE.format(lines=", ".join(map(written, work.noise))))
    if work.untried:
        screen.line(texts.SCAN_UNTRIED.format(lines=", ".join(map(written, work.untried))))
    count, sent = many(len(work.found), "instrument"), many(work.frames, "frame")
    ended = "" if work.complete else texts.SCAN_CUT
    screen.line(texts.SCAN_SUMMARY.format(count=count, sent=sent, took=span(work.seconds), ended=ended))


def _next(work: Scan, out: Path | None, command: str) -> str:
    if not work.found:
        return texts.SCAN_NOTHING if not work.noise else texts.SCAN_ONLY_NOISE
    if out is None:
        return texts.SCAN_NEXT.format(polegate=command)
    return texts.SCAN_NEXT_SAVED.format(polegate=command, out=quote(str(out)))


def _save(file: Path, everything: Mapping[str, Any]) -> None:
    from agent.writing import put

    try:
        put(file, f"{json.dumps(everything, indent=2)}\n".encode(), 0o644)
    except OSError as error:
        raise unwritten(file, error) from None
