"""What ThingsBoard Gateway delivers and costs on Modbus TCP devices polled each second.

python -m bench.peers.thingsboard.measure --devices 50 --registers 40 --seconds 60 --json
python -m bench.peers.thingsboard.measure --rate 20000 --cpu 0
"""

import asyncio
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Collection

from bench.peers.modbus_farm import UNIT_ID, ModbusFarm, values
from bench.peers.thingsboard.gateway import Polling, TcpDevice, ThingsBoardGateway
from bench.peers.thingsboard.stub_platform import Platform, stub_platform
from bench.peers.throughput import Throughput, measure_throughput

START_TIMEOUT_S = 120.0


async def measure(
    *,
    devices: int = 50,
    registers: int = 40,
    seconds: float = 60.0,
    warm_up_s: float = 10.0,
    polling: Polling = Polling.TAGS,
    cpus: Collection[int] | None = None,
) -> Throughput:
    """Runs the gateway on a farm of its own; the window begins `warm_up_s` after the first value arrived.

    Raises `ValueError` if a wrong value was delivered, `ChildProcessError` if the gateway ended by itself
    and `TimeoutError` if it delivered nothing.
    """
    async with stub_platform() as platform:
        with ModbusFarm(devices=devices, registers=registers) as farm:
            fleet = [
                TcpDevice(name=host, host=host, port=farm.port, unit_id=UNIT_ID, registers=registers)
                for host in farm.hosts
            ]
            with ThingsBoardGateway(fleet, broker_port=platform.port, polling=polling, cpus=cpus) as gateway:
                await first_value(platform, gateway)
                await asyncio.sleep(warm_up_s)
                measured = await measure_throughput(
                    pid=gateway.pid,
                    delivered=lambda: platform.values,
                    offered_per_s=devices * registers,
                    seconds=seconds,
                )
                gateway.check()
                _check_values(platform, registers)
                return measured


async def first_value(platform: Platform, gateway: ThingsBoardGateway) -> None:
    """Waits for the first telemetry; if none comes, says what the gateway had to say."""
    try:
        await platform.until(lambda: platform.values > 0, timeout_s=START_TIMEOUT_S)
    except TimeoutError as error:
        gateway.check()
        lines = gateway.output()[-2000:]
        raise TimeoutError(f"no telemetry from the gateway in {START_TIMEOUT_S} s:\n{lines}") from error


def _check_values(platform: Platform, registers: int) -> None:
    expected = {f"r{address}": value for address, value in values(registers).items()}
    for device, last in platform.last.items():
        if last != expected:
            raise ValueError(f"{device} delivered {last}, expected {expected}")


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--registers", type=int, default=40, help="holding registers of each device")
    parser.add_argument("--rate", type=int, help="values/s to offer: as many devices as that takes")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the window")
    parser.add_argument("--warm-up", type=float, default=10.0, help="seconds from first value to window")
    parser.add_argument("--cpu", type=int, help="give the gateway this one processor")
    form = parser.add_mutually_exclusive_group()
    for polling in Polling:
        form.add_argument(f"--{polling}", dest="polling", action="store_const", const=polling)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured = asyncio.run(
        measure(
            devices=arguments.rate // arguments.registers if arguments.rate else arguments.devices,
            registers=arguments.registers,
            seconds=arguments.seconds,
            warm_up_s=arguments.warm_up,
            polling=arguments.polling or Polling.TAGS,
            cpus=None if arguments.cpu is None else {arguments.cpu},
        )
    )
    if arguments.json:
        print(json.dumps(measured.figures()))
    else:
        print("\n".join(f"{name:<18}{figure:>12}" for name, figure in measured.figures().items()))


if __name__ == "__main__":
    main()
