"""polegate logs: what the daemon has written down, for people."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import click

from agent.cli import keeping_texts as say
from agent.cli import screen
from agent.cli.exits import Exit, Failed
from agent.keeping.journal import LEVELS, Entry, grave_enough, is_about

MOST = 100
"""Lines shown where neither a number nor a time is asked for."""


@click.command("logs")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@click.option(
    "--since", metavar="TIME", help="From then on: 2h, today, 2026-11-24, '2026-11-24 10:00' (UTC)."
)
@click.option(
    "--device", "devices", metavar="NAME", multiple=True, help="About this device; may be repeated."
)
@click.option(
    "--bus", "buses", metavar="NAME", multiple=True, help="About this port or address, and its devices."
)
@click.option(
    "--camera", "cameras", metavar="NAME", multiple=True, help="About this camera; may be repeated."
)
@click.option("--level", type=click.Choice(LEVELS), default="debug", help="This grave, or graver.")
@click.option("--lines", "-n", type=click.IntRange(min=1), help=f"The last so many.  [default: {MOST}]")
@click.option("--follow", "-f", is_flag=True, help="Go on as they come, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
@click.pass_obj
def command(paths: dict[str, Path], /, file: Path | None, as_json: bool, **asked: Any) -> None:  # noqa: ANN401  click's
    """What the daemon has written to the journal; or what is in FILE, - being standard input.

    Times are UTC. With --since all lines from then on are shown, else the last ones.
    """
    if file and asked["follow"]:
        raise click.UsageError(say.FOLLOW_FILE)
    since, lines = asked["since"], asked["lines"]
    named = chain(asked["devices"], asked["buses"], asked["cameras"])
    wish = Wish(
        names=frozenset({*named, *_devices_on(paths["config"], asked["buses"])}),
        from_ms=_since(since),
        level=asked["level"],
        most=lines or (None if since or str(file) == "-" else MOST),
        follow=asked["follow"],
    )
    if not _show(_source(file, wish), wish, _printer(as_json=as_json)) and not wish.follow:
        click.echo(say.NO_LINES, err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which lines are wanted; `most` None for all of them."""

    names: frozenset[str]
    from_ms: int | None
    level: str
    most: int | None
    follow: bool

    def fits(self, entry: Entry) -> bool:
        """Whether it is one of them; a line that does not say when may be."""
        in_time = self.from_ms is None or entry.at_ms is None or entry.at_ms >= self.from_ms
        return in_time and grave_enough(entry, self.level) and (not self.names or is_about(entry, self.names))

    @property
    def fetched(self) -> int | None:
        """How many to ask the journal for; of what is narrowed down the last are known at its end only."""
        narrowed = bool(self.names) or self.level != LEVELS[-1]
        return None if narrowed and not self.follow else self.most


def _since(written: str | None) -> int | None:
    from agent.cli.log_source import since_ms
    from agent.clock import Clock

    return since_ms(written, Clock().now()[0]) if written else None


def _source(file: Path | None, wish: Wish) -> AbstractContextManager[Iterator[Entry]]:
    from agent.cli import log_source

    if file:
        return nullcontext(log_source.from_file(file))
    return log_source.from_journal(since_ms=wish.from_ms, lines=wish.fetched, follow=wish.follow)


def _show(source: AbstractContextManager[Iterator[Entry]], wish: Wish, show: Callable[[Entry], None]) -> bool:
    """Whether there was anything."""
    shown = False
    with source as entries:
        found = filter(wish.fits, entries)
        try:
            for entry in found if wish.follow or wish.most is None else deque(found, wish.most):
                show(entry)
                shown = True
        except KeyboardInterrupt:
            if not wish.follow:
                raise
    return shown


def _printer(*, as_json: bool) -> Callable[[Entry], None]:
    from agent.cli import log_view

    if as_json:
        return lambda entry: screen.machine(entry.as_json())
    view = log_view.View(terminal=screen.console().is_terminal)

    def show(entry: Entry) -> None:
        log_view.show(entry, view)
        sys.stdout.flush()

    return show


def _devices_on(config: Path, buses: Collection[str]) -> Iterator[str]:
    """The devices of these buses, as far as the configuration can be read; ports also by their last word."""
    if not buses:
        return
    from agent.cli.exits import load_config

    try:
        plan = load_config(config).plan
    except Failed as error:
        if error.exit_code != Exit.CONFIG:
            raise
        return
    for bus in plan.buses:
        place = str(bus.endpoint)
        if any(place == name or place.endswith(f"/{name}") for name in buses):
            yield place
            yield from (device.name for device in bus.devices)
