"""polegate read: one device, once, without the daemon."""

from __future__ import annotations

import asyncio
import errno
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.amounts import many, span, value
from agent.cli import screen, texts
from agent.cli.exits import Exit, Failed, ask, load_config, no_such
from agent.cli.takes import Take, takes
from agent.plan import DevicePlan
from drivers.endpoints import SerialEndpoint
from drivers.errors import DriverError
from firmware_profiles.properties import property_of
from firmware_profiles.schema import ModbusInstrument

_IN_USE = (errno.EAGAIN, errno.EBUSY)


@click.command("read")
@click.argument("device")
@click.option("--raw", is_flag=True, help="Show the bytes that pass over the line, too.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, help="Read so many times, a second apart.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON each time.")
@click.pass_obj
def command(paths: dict[str, Path], device: str, raw: bool, repeat: int, as_json: bool) -> None:
    """Read a device once, without the daemon, which must not hold its port.

    Ends with 0 when it could be read each time, 1 when not.
    """
    plan = load_config(paths["config"]).plan
    if device not in plan.devices:
        raise no_such("device", device, sorted(plan.devices))
    session = _Session(paths["socket"], plan.devices[device], raw=raw, as_json=as_json)
    asyncio.run(session.run(repeat))
    sys.exit(Exit.PROBLEM if session.failed else Exit.OK)


@dataclass(slots=True)
class _Session:
    """What is read and how it is shown."""

    socket: Path
    device: DevicePlan
    raw: bool
    as_json: bool
    failed: int = 0

    async def run(self, times: int) -> None:
        if not self.as_json:
            screen.line(_heading(self.device))
            _say_wait(self.device)
        took: list[float] = []
        async with aclosing(takes(self.device, times)) as all_takes:
            async for take in all_takes:
                self.failed += take.error is not None
                took.append(take.took_s)
                self._write(take) if self.as_json else self._print(take)
        if times > 1 and not self.as_json:
            tries, between = many(len(took), "try", "tries"), f"{span(min(took))} to {span(max(took))}"
            screen.line(texts.READ_SUMMARY.format(tries=tries, failed=self.failed, between=between))

    def _print(self, take: Take) -> None:
        if take.error:
            click.echo(self._failure(take.error), err=True)
        else:
            rows = screen.table("channel", "value", "quality", right=["value"], whole=["value"])
            for each in take.readings:
                known = property_of(each.channel)
                quality = texts.QUALITY[each.quality] + (f": {each.test}" if each.test else "")
                rows.add_row(each.channel, value(each.value, known.unit, known.decimals), quality)
            screen.show(rows, texts.READ_TOOK.format(took=span(take.took_s)))
        for turn in take.heard if self.raw else ():
            screen.show(f"{texts.DIRECTION[turn.direction]} {turn.data.hex(' ')}")

    def _write(self, take: Take) -> None:
        item: dict[str, Any] = {"device": self.device.name, "took_ms": round(take.took_s * 1000)}
        if take.error:
            item |= {
                "reason": take.error.reason,
                "error": str(take.error),
                "advice": self._advice(take.error),
            }
        else:
            item["readings"] = [
                {
                    "channel": each.channel,
                    "value": each.value,
                    "unit": property_of(each.channel).unit,
                    "quality": int(each.quality),
                    "test": each.test,
                }
                for each in take.readings
            ]
        if self.raw:
            item["heard"] = [{"direction": turn.direction, "hex": turn.data.hex()} for turn in take.heard]
        screen.machine(item)

    def _failure(self, error: DriverError) -> str:
        failed = texts.READ_FAILED.format(error=error)
        return f"{failed}\n{self._advice(error)}".rstrip()

    def _advice(self, error: DriverError) -> str:
        serial = isinstance(self.device.endpoint, SerialEndpoint)
        in_use = getattr(error.__cause__, "errno", None) in _IN_USE
        if (in_use or not serial) and self._daemon_holds_link():
            text = texts.PORT_IN_USE_BY_DAEMON if serial else texts.TCP_SHARED_WITH_DAEMON
            return text.format(endpoint=self.device.endpoint, device=self.device.name)
        return texts.read_advice(error.reason, _medium(self.device)).format(settings=_settings(self.device))

    def _daemon_holds_link(self) -> bool:
        """Whether the running daemon has a device on this endpoint."""
        try:
            answer = ask(self.socket, "status")
        except Failed:
            return False
        return any(str(self.device.endpoint) == each["bus"] for each in answer["devices"])


def _heading(device: DevicePlan) -> str:
    """`level: Keller Series 36 X (keller-36x) on /dev/ttyS1, unit 1, 9600 8N1`."""
    return f"{device.name}: {device.title} ({device.profile}) on {device.endpoint}, {_settings(device)}"


def _settings(device: DevicePlan) -> str:
    """`unit 1, 9600 8N1`: what must agree with the device."""
    parts = [f"unit {device.unit}"] if isinstance(device.instrument, ModbusInstrument) else []
    if isinstance(device.endpoint, SerialEndpoint):
        line = device.endpoint.line
        parts.append(f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}")
    elif isinstance(device.instrument, ModbusInstrument):
        parts.append(f'framing "{device.framing}"')
    return ", ".join(parts)


def _medium(device: DevicePlan) -> texts.Medium:
    if device.listens:
        return "pushes"
    return "serial" if isinstance(device.endpoint, SerialEndpoint) else "tcp"


def _say_wait(device: DevicePlan) -> None:
    """Warn of a wait that looks like a hang."""
    timing = device.timing
    wait_s = timing.warm_up_s + (timing.timeout_s if device.listens else 0.0)
    if wait_s >= 5:
        click.echo(texts.READ_WAITS.format(wait=span(wait_s)), err=True)
