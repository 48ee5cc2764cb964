"""polegate top: the whole station on one screen, drawn anew as it changes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli import client, screen, top_texts
from agent.cli.exits import Exit, Failed, talking

if TYPE_CHECKING:
    from agent.cli.panes.station import Station

EVERY_S = 2.0


@click.command("top")
@click.option(
    "--every", "every_s", type=click.FloatRange(0.5, 3600), default=EVERY_S, show_default=True, metavar="S",
    help="Seconds between two rounds; more over a slow link.",
)  # fmt: skip
@click.option(
    "--once", is_flag=True, help="Print one screen after two rounds and end; COLUMNS and LINES say how large."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a round; with --once one.")
@click.pass_obj
def command(paths: dict[str, Path], every_s: float, once: bool, as_json: bool) -> None:
    """The whole station on one screen: readings, buses, cameras, outbox, uplink, events, live.

    q ends it, ? says which keys there are. A daemon that is away or restarts is waited for.
    """
    socket = paths["socket"]
    if once:
        _print(socket, every_s, as_json=as_json)
    elif as_json:
        _stream(socket, every_s)
    else:
        _check_terminal()
        sys.exit(_watch(socket, every_s))


def _print(socket: Path, every_s: float, *, as_json: bool) -> None:
    from agent.cli.panes.asking import before, look
    from agent.cli.panes.station import Station

    station = Station()
    with talking(socket):
        station.look(look(socket))
        time.sleep(every_s)
        station.look(look(socket))
        for sample in before(socket):
            station.sample(sample)
    if as_json:
        screen.machine(station.facts())
    else:
        _draw(station)


def _draw(station: Station) -> None:
    from agent.cli.panes.layout import screen as drawn
    from agent.cli.panes.painting import in_ascii
    from agent.cli.plot import BRAILLE, fitting

    width, height = shutil.get_terminal_size()
    out = screen.console()
    lines = drawn(station, width, height)
    screen.show(*(lines if fitting(out) is BRAILLE else (in_ascii(each, out) for each in lines)))


def _stream(socket: Path, every_s: float) -> None:
    """A line a round until Ctrl-C; while no daemon answers it says so in `down`."""
    from agent.cli.panes.asking import before, look
    from agent.cli.panes.station import Station

    station = Station()
    try:
        while True:
            try:
                now, samples = look(socket), before(socket)
            except (client.NotRunning, OSError, ValueError) as error:
                station.down = str(error)
            else:
                station.look(now)
                station.begin()
                for sample in samples:
                    station.sample(sample)
            screen.machine(station.facts())
            time.sleep(every_s)
    except KeyboardInterrupt:
        return


def _check_terminal() -> None:
    """Raises Failed USAGE where no screen can be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed(top_texts.NO_TERMINAL, Exit.USAGE)
    if (term := os.environ.get("TERM", "")) in ("", "dumb", "unknown"):
        raise Failed(top_texts.DUMB.format(term=term), Exit.USAGE)


def _watch(socket: Path, every_s: float) -> int:
    import asyncio

    from agent.cli.panes.running import run

    return asyncio.run(run(socket, every_s))
