"""polegate simulate: an instrument played from its profile, for training and tests."""

from __future__ import annotations

import asyncio
import signal
import time
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from agent.amounts import many, value
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, no_such, unread
from agent.config_words import split_host_port
from drivers.endpoints import Framing
from drivers.readings import Value
from drivers.simulation.instrument import SimulatedInstrument
from drivers.simulation.serving import on_pty, on_tcp
from drivers.simulation.story import Story, meant
from firmware_profiles.declared import checked
from firmware_profiles.loader import ProfileError, list_instruments, load_instrument
from firmware_profiles.origins import origins_of
from firmware_profiles.properties import property_of
from firmware_profiles.schema import FrameInstrument, ModbusInstrument
from firmware_profiles.validation import explain

if TYPE_CHECKING:
    from rich.live import Live

Profile = ModbusInstrument | FrameInstrument
EVERY_S = 1.0


@click.command("simulate")
@click.argument("profile")
@click.option("--pty", is_flag=True, help="Serve on a new pseudo terminal. This is the default.")
@click.option(
    "--tcp", metavar="HOST:PORT", help="Serve on this TCP address instead; port 0 takes a free one."
)
@click.option(
    "--framing", type=click.Choice(["tcp", "rtu"]), default=None,
    help="Modbus over --tcp: tcp as a device (default), rtu as a serial converter.",
)  # fmt: skip
@click.option("--link", type=click.Path(path_type=Path), help="Give the pty this name as well.")
@click.option("--unit", type=click.IntRange(1, 247), help="Modbus unit id; default: the factory's.")
@click.option(
    "--value", "values", metavar="CHANNEL=VALUE", multiple=True, help='Hold a channel; "none" is no value.'
)
@click.option("--story", type=click.Path(path_type=Path, dir_okay=False), help="TOML: what happens when.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same values.")
@click.option("--delay", "delay_ms", type=click.IntRange(0, 60_000), default=10, show_default=True,
              help="Milliseconds before an answer.")  # fmt: skip
@click.option("--strict", is_flag=True, help="On the pty: stay silent at any baud rate but the profile's.")
@click.option("--for", "for_s", type=click.FloatRange(min=0), help="End after so many seconds.")
@click.option(
    "--json", "as_json", is_flag=True, help="Where it listens, then its values: a line of JSON a second."
)
@click.pass_obj
def command(paths: dict[str, Path], /, profile: str, **given: Any) -> None:  # noqa: ANN401  click's options
    """Play the instrument PROFILE until Ctrl-C: it answers, or pushes, as the real one would.

    Its values swing around what is ordinary for each property, or are held by --value and --story.
    """
    if given["tcp"] and (given["pty"] or given["link"] or given["strict"]):
        raise click.UsageError(texts.SIMULATE_EITHER)
    if given["framing"] and not given["tcp"]:
        raise click.UsageError(texts.SIMULATE_FRAMING)
    instrument = _instrument(_profile(profile, [paths["config"].parent / "profiles"]), given)
    play = _Play(profile, instrument, given["as_json"], given["for_s"])
    try:
        asyncio.run(play.run(given))
    except OSError as error:
        where = given["tcp"] or given["link"] or "a pty"
        raise Failed(texts.SIMULATE_NOWHERE.format(where=where, why=error.strerror), Exit.PROBLEM) from None


def _profile(name: str, places: Sequence[Path]) -> Profile:
    if name not in (known := list_instruments(places)):
        raise no_such("profile", name, list(known))
    try:
        return load_instrument(name, places)
    except ProfileError as error:
        raise Failed(str(error), Exit.PROBLEM) from None


def _instrument(profile: Profile, given: Mapping[str, Any]) -> SimulatedInstrument:
    """The instrument with its values held; what it cannot say is refused before it is served."""
    if given["unit"] and isinstance(profile, FrameInstrument):
        raise click.UsageError(texts.SIMULATE_NO_UNIT)
    story = _story(given["story"], profile) if given["story"] else None
    framing: Framing = (given["framing"] or "tcp") if given["tcp"] else "rtu"
    instrument = SimulatedInstrument(
        profile, unit=given["unit"], framing=framing, seed=given["seed"], story=story
    )
    for channel, held in _held(given["values"], profile).items():
        instrument.scene.hold(channel, meant(held))
    try:
        instrument.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return instrument


def _held(values: Sequence[str], profile: Profile) -> dict[str, Value]:
    channels = [point.channel for point in profile.points]
    held: dict[str, Value] = {}
    for text in values:
        channel, equals, written = text.partition("=")
        if not equals:
            raise click.UsageError(texts.SIMULATE_VALUE.format(got=text))
        if channel not in channels:
            raise no_such("channel", channel, channels)
        held[channel] = _value(written)
    return held


def _value(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return {"on": True, "off": False, "true": True, "false": False}.get(text, text)


def _story(file: Path, profile: Profile) -> Story:
    """The story, each value of which the instrument can say."""
    try:
        text = file.read_text(encoding="utf-8")
        story = checked(Story, tomllib.loads(text))
    except OSError as error:
        raise Failed(texts.CANNOT_READ.format(path=file, why=error.strerror), unread(error)) from None
    except ValidationError as error:
        problems = explain(error, str(file), Story, origins_of(text, str(file)))
        raise Failed("\n".join(map(str, problems)), Exit.PROBLEM) from None
    except ValueError as error:
        raise Failed(f"{file}: {error}", Exit.PROBLEM) from None
    channels = [point.channel for point in profile.points]
    if unknown := next((name for name in story.channels if name not in channels), None):
        raise no_such("channel", unknown, channels)
    for step in story.step:
        rehearsal = SimulatedInstrument(profile)
        for channel, held in step.set.items():
            rehearsal.scene.hold(channel, meant(held))
        try:
            rehearsal.check()
        except ValueError as error:
            raise Failed(f"{file}: at {step.at_s:g} s: {error}", Exit.PROBLEM) from None
    return story


@dataclass(slots=True)
class _Play:
    """One performance."""

    name: str
    instrument: SimulatedInstrument
    as_json: bool
    for_s: float | None

    async def run(self, given: Mapping[str, Any]) -> None:
        done = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, done.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
        began_s = time.monotonic()
        async with self._line(given) as where:
            self._say_where(where)
            with self._view() as live:
                while not done.is_set() and not self._over(began_s):
                    self._show(live, time.monotonic() - began_s)
                    await self._rest(done, began_s)
        if not self.as_json:
            screen.line(texts.SIMULATE_END.format(counts=self._counts()))

    @asynccontextmanager
    async def _line(self, given: Mapping[str, Any]) -> AsyncIterator[str]:
        delay_s = given["delay_ms"] / 1000
        if given["tcp"]:
            try:
                host, port = _address(given["tcp"])
            except ValueError as error:
                raise click.UsageError(f"--tcp: {error}") from None
            async with on_tcp(self.instrument, host, port, delay_s=delay_s) as (host, port):
                yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        else:
            async with on_pty(
                self.instrument, link=given["link"], delay_s=delay_s, strict=given["strict"]
            ) as path:
                yield str(path)

    def _say_where(self, where: str) -> None:
        profile, unit = self.instrument.profile, self.instrument.unit
        line = profile.line
        settings = f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
        if self.as_json:
            first = {"profile": self.name, "listening": where, "unit": unit, "line": settings}
            screen.machine(first)
            return
        known = f"unit {unit}, {settings}" if unit is not None else settings
        said = {"name": self.name, "title": profile.title, "where": where, "known": known}
        screen.line(texts.SIMULATE_WHERE.format(**said))

    def _view(self) -> Any:  # noqa: ANN401  a Live, or nothing
        is_watched = not self.as_json and screen.console().is_terminal
        return screen.redrawn() if is_watched else nullcontext()

    def _show(self, live: Live | None, now_s: float) -> None:
        values = self.instrument.pass_time(now_s)
        if self.as_json:
            counts = {"requests": self.instrument.requests, "refusals": self.instrument.refusals}
            pushed = {"pushed": self.instrument.pushed, "silent": self.instrument.silent}
            screen.machine({"at_s": round(now_s, 1), "values": dict(values), **counts, **pushed})
        elif live:
            rows = screen.table("channel", "value", right=["value"], whole=["value"])
            for channel, number in values.items():
                known = property_of(channel)
                rows.add_row(channel, value(number, known.unit, known.decimals))
            rows.caption = self._counts()
            rows.caption_justify = "left"
            live.update(rows, refresh=True)

    def _counts(self) -> str:
        instrument = self.instrument
        if instrument.push_s is not None:
            counts = f"{many(instrument.pushed, 'frame')} pushed"
        else:
            refused = f", {instrument.refusals:,} refused" if instrument.refusals else ""
            counts = f"{many(instrument.requests, 'request')}{refused}"
        return counts + (texts.SIMULATE_SILENT if instrument.silent else "")

    def _over(self, began_s: float) -> bool:
        return self.for_s is not None and time.monotonic() - began_s >= self.for_s

    async def _rest(self, done: asyncio.Event, began_s: float) -> None:
        left_s = EVERY_S
        if self.for_s is not None:
            left_s = max(0.0, min(left_s, began_s + self.for_s - time.monotonic()))
        try:
            async with asyncio.timeout(left_s):
                await done.wait()
        except TimeoutError:
            return


def _address(text: str) -> tuple[str, int]:
    """As split_host_port, and port 0 for a free one."""
    if text.endswith(":0"):
        return split_host_port(text[:-1] + "1", 1)[0], 0
    return split_host_port(text, 502)
