"""polegate outbox: what waits for the platform, and what was lost ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType
from rich.text import Text

from agent.amounts import ago, bar, instant, many, size
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, ask, load_config
from agent.cli.screen import BAD, BOLD

if TYPE_CHECKING:
    pass

Facts = Mapping[str, Any]


@click.command("outbox")
@click.option(
    "--peek", type=click.IntRange(min=0), default=0, metavar="N", help="Show the first N messages, too."
)
@click.option(
    "--path", type=click.Path(path_type=Path), help="Look into this file, whether a daemon runs or not."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def command(paths: dict[str, Path], peek: int, path: Path | None, as_json: bool) -> None:
    """What waits for the platform, against its bound, and what was lost ever and why.

    Asks the running daemon; without one it looks into the configured file, changing nothing.
    """
    from agent.clock import Clock

    figures = _from_file(path, None, peek, absent=Exit.USAGE) if path else _from_daemon(paths, peek)
    if as_json:
        screen.machine(figures)
    else:
        screen.show(*view(figures, Clock().now()[0]))


def view(figures: Facts, now_ms: int) -> Iterator[RenderableType]:
    """What to print, from top to bottom."""
    if figures["batches"]:
        yield _depth(figures, now_ms)
        yield _by_priority(figures["by_priority"])
    else:
        yield texts.EMPTY
    yield from _losses(figures)
    for message in figures["peek"]:
        head = f"{message['topic']}, {instant(message['at_ms'])}, {many(message['items'], 'reading')}"
        yield Text.assemble("\n", (message["key"], BOLD), f"\n{head}, {size(message['bytes'])}")
        yield json.dumps(message["body"], ensure_ascii=False, separators=(",", ":"))


def _depth(figures: Facts, now_ms: int) -> RenderableType:
    held = f"{many(figures['items'], 'reading')} in {many(figures['batches'], 'message')}"
    room = size(figures["bytes"])
    if most := figures["max_bytes"]:
        share = figures["bytes"] / most
        room += f" of {size(most)} ({share:.0%})\n{bar(share, 40)}"
    oldest_ms = figures["oldest_ms"]
    back = (
        f"{instant(oldest_ms)}, {ago(oldest_ms, now_ms)}" if oldest_ms is not None else texts.OLDEST_UNSETTLED
    )
    return screen.pairs(("waiting", held), ("size", room), ("oldest", back))


def _by_priority(depths: Mapping[str, Facts]) -> RenderableType:
    rows = screen.table("kind", "messages", "readings", "size", right=["messages", "readings", "size"])
    for kind, depth in depths.items():
        if depth["batches"]:
            rows.add_row(kind, f"{depth['batches']:,}", f"{depth['items']:,}", size(depth["bytes"]))
    return rows


def _losses(figures: Facts) -> Iterator[RenderableType]:
    for reason, why in texts.LOSSES.items():
        if count := figures[reason]:
            yield Text.assemble((f"{count:,} {reason}", BAD), f": {why}")
    if figures["dead_letters"]:
        yield texts.DEAD_LETTERS.format(messages=many(figures["dead_letters"], "message"))


def _from_daemon(paths: Mapping[str, Path], peek: int) -> Facts:
    try:
        return ask(paths["socket"], "outbox", peek=peek)
    except Failed:
        settings = load_config(paths["config"]).config.outbox
        return _from_file(settings.path, settings.max_size, peek)


def _from_file(path: Path, max_bytes: int | None, peek: int, absent: Exit = Exit.PROBLEM) -> Facts:
    from agent import backlog
    from buffer.errors import OutboxError
    from buffer.view import inspect

    if not path.exists():
        raise Failed(texts.NO_OUTBOX.format(path=path), absent)
    try:
        with inspect(path) as inspection:
            waiting = inspection.peek(peek) if peek else ()
            held = backlog.figures(inspection.stats(), max_bytes)
            return {**held, "dropped": 0, "peek": backlog.shown(waiting)}
    except (OutboxError, OSError) as error:
        raise Failed(str(error), Exit.PROBLEM) from None
