"""What a dead unit on an RTU bus costs the live one beside it, under ThingsBoard Gateway.

python -m bench.peers.thingsboard.rtu --seconds 60 --json
"""

import asyncio
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import asdict, dataclass

from fakes.modbus_slave import ModbusRtuSlave
from fakes.pty_bus import PtyBus

from bench.peers.thingsboard.gateway import Polling, RtuDevice, ThingsBoardGateway
from bench.peers.thingsboard.measure import first_value
from bench.peers.thingsboard.stub_platform import stub_platform

BAUD_RATE = 9600
TIMEOUT_S = 3
RETRIES = 1
UNITS = {"live": 1, "dead": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOfLine:
    """Readings of the live unit in `seconds`, polled each second."""

    seconds: float
    alone: int
    beside_dead: int

    @property
    def kept(self) -> float:
        return self.beside_dead / self.alone


async def head_of_line(*, seconds: float = 60.0) -> HeadOfLine:
    """Counts twice, without and with a unit that never answers (timeout 3 s, 1 retry)."""
    return HeadOfLine(
        seconds=seconds,
        alone=await _live_readings(["live"], seconds),
        beside_dead=await _live_readings(["live", "dead"], seconds),
    )


async def _live_readings(configured: list[str], seconds: float) -> int:
    """One register is one value is one reading; the window begins with the first of them."""
    async with stub_platform() as platform:
        with (
            PtyBus(baud=BAUD_RATE) as bus,
            ModbusRtuSlave({UNITS["live"]: {"holding": {0: 7}}}, bus.slave_path),
        ):
            devices = [
                RtuDevice(
                    name=name,
                    path=str(bus.master_path),
                    unit_id=UNITS[name],
                    registers=1,
                    baud_rate=BAUD_RATE,
                    timeout_s=TIMEOUT_S,
                    retries=RETRIES,
                )
                for name in configured
            ]
            with ThingsBoardGateway(devices, broker_port=platform.port, polling=Polling.TAGS) as gateway:
                await first_value(platform, gateway)
                already = platform.values_of["live"]
                await asyncio.sleep(seconds)
                gateway.check()
                return platform.values_of["live"] - already


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    counted = asyncio.run(head_of_line(seconds=arguments.seconds))
    if arguments.json:
        print(json.dumps(asdict(counted) | {"kept": round(counted.kept, 4)}))
    else:
        print(f"readings of the live unit in {counted.seconds:.0f} s, alone: {counted.alone}")
        print(f"beside a dead unit: {counted.beside_dead} ({counted.kept:.0%})")


if __name__ == "__main__":
    main()
