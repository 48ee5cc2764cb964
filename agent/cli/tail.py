"""polegate tail: live readings, as a view that redraws itself or as one line a sample."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import click

from agent.amounts import instant
from agent.cli import client, screen, texts
from agent.cli.exits import Exit, Failed, ask, no_such, talking
from agent.cli.traces import Traces

REDRAW_S = 0.25

Item = Mapping[str, Any]


@click.command("tail")
@click.argument("devices", metavar="[DEVICE]...", nargs=-1)
@click.option("--channel", "channels", multiple=True, help="Only this channel; may be given again.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many samples.")
@click.option("--json", "as_json", is_flag=True, help="What the daemon sends, a line of JSON an item.")
@click.pass_obj
def command(
    paths: dict[str, Path],
    devices: tuple[str, ...],
    channels: tuple[str, ...],
    count: int | None,
    as_json: bool,
) -> None:
    """Live readings as they come in, of all devices or of those named, until Ctrl-C.

    On a terminal one row a channel with its latest values; into a file or a pipe one line a sample.
    """
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        items = stack.enter_context(closing(_items(paths["socket"], devices)))
        first = next(items)
        traces = Traces(first["channels"], channels)
        _check_names(paths["socket"], traces, devices, channels)
        samples = _samples(items, traces, count)
        if as_json:
            _write(first, samples)
        elif sys.stdout.isatty():
            stack.pop_all()  # from here on they belong to the thread that reads
            _draw(traces, samples)
        else:
            _print(traces, samples)


def _items(socket: Path, devices: tuple[str, ...]) -> Generator[Item]:
    """What the daemon sends, the channels first, for ever: its hanging up is a failure."""
    with talking(socket):
        for item in client.stream(socket, "tail", devices=devices):
            if not item.get("ok", True):
                raise Failed(str(item["error"]), Exit.PROBLEM)
            yield item
    raise Failed(texts.TAIL_ENDED, Exit.NOT_RUNNING)


def _samples(items: Iterator[Item], traces: Traces, count: int | None) -> Iterator[Item]:
    """Samples with the wanted readings, at most `count`."""
    number = 0
    for item in items:
        if readings := [each for each in item["readings"] if traces.find(item["device"], each[0])]:
            yield {**item, "readings": readings}
            number += 1
            if number == count:
                return


def _check_names(socket: Path, traces: Traces, devices: tuple[str, ...], channels: tuple[str, ...]) -> None:
    for device in set(devices) - traces.devices:
        known = [each["device"] for each in ask(socket, "status")["devices"]]
        raise no_such("device", device, known)
    for channel in set(channels) - traces.channels:
        raise no_such("channel", channel, sorted(traces.channels))


def _write(first: Item, samples: Iterator[Item]) -> None:
    screen.machine(first)
    for sample in samples:
        screen.machine(sample)


def _print(traces: Traces, samples: Iterator[Item]) -> None:
    """`2026-11-23T08:00:00.123Z level water_level=1.234 m, water_temperature=- (missing: timeout)`."""
    for sample in samples:
        screen.line(f"{instant(sample['at_ms'])} {sample['device']} {_readings(traces, sample)}")


def _readings(traces: Traces, sample: Item) -> str:
    """What is missing for one reason is said once."""
    judgements = {(quality, test) for _, _, quality, test in sample["readings"]}
    if len(judgements) == 1 and all(number is None for _, number, _, _ in sample["readings"]):
        return _judged("-", *judgements.pop())
    return ", ".join(
        _judged(f"{channel}={traces.text(sample['device'], channel, number)}", quality, test)
        for channel, number, quality, test in sample["readings"]
    )


def _judged(text: str, quality: int, test: str) -> str:
    """The text alone for a value nothing speaks against."""
    return text if quality in (1, 2) else f"{text} ({texts.QUALITY[quality]}: {test})"


def _draw(traces: Traces, samples: Iterator[Item]) -> None:
    """Redraw each REDRAW_S; a thread reads, so that ages go on while nothing comes."""
    queue: SimpleQueue[Item | Exception | None] = SimpleQueue()
    threading.Thread(target=_pump, args=(samples, queue), daemon=True).start()
    with screen.redrawn() as live:
        while _drain(queue, traces):
            live.update(traces.view(time.monotonic(), *live.console.size), refresh=True)
            time.sleep(REDRAW_S)
        live.update(traces.view(time.monotonic(), *live.console.size), refresh=True)


def _pump(samples: Iterator[Item], queue: SimpleQueue[Item | Exception | None]) -> None:
    """Every sample into the queue, then None, or what went wrong."""
    try:
        for sample in samples:
            queue.put(sample)
    except Failed as error:
        queue.put(error)
    else:
        queue.put(None)


def _drain(queue: SimpleQueue[Item | Exception | None], traces: Traces) -> bool:
    """Take what has come; False at the end."""
    with suppress(Empty):
        while (item := queue.get_nowait()) is not None:
            if isinstance(item, Exception):
                raise item
            traces.feed(item, time.monotonic())
        return False
    return True
