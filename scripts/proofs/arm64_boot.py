"""Entry point of scripts/boot-arm64: from power on to a reading that is acknowledged."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakes.certificates import Authority
from fakes.children import ChildError, MissingPackage, end, spawn
from fakes.mosquitto import Mosquitto
from fakes.waiting import wait_until

from scripts.proofs import arm64_image
from scripts.proofs.arm64_image import Image
from scripts.proofs.arm64_machine import BROKER, Failed, Machine

CHECKOUT = Path(__file__).resolve().parents[2]
POLEGATE = CHECKOUT / ".venv/bin/polegate"
GOAL_S = 30.0
READING_WITHIN_S = 300.0
SETTLE_S = 30.0
AWAY_GOAL_S = 30.0 + 15.0  # WatchdogSec and 15 s
INSTALL_WITHIN_S = 600.0
VALUE = 0.3521

CONFIG = """\
[station]
site = "boot-arm64"
gateway = "gateway-1"

[uplink]
url = "mqtts://broker:{port}"
ca = "/etc/polegate/ca.pem"

[clock]
source = "system" # as on a board with a battery behind its clock; no time server is in reach

[devices.level]
instrument = "keller-36x"
port = "{line}"
"""

_PUBLISHED = re.compile(r"Received PUBLISH from (\S+) \(d\d, q1, r\d, m(\d+), '[^']*/readings'")


@dataclass(slots=True)
class Boot:
    """What was measured of one boot; seconds from power on unless said otherwise."""

    started_s: float = 0.0
    ready_s: float = 0.0
    reading_s: float = 0.0
    worked_s: float = 0.0
    """Processor time of this host until that reading."""
    state: str = ""
    startup: str = ""
    memory: dict[str, float] = field(default_factory=dict)
    off_after_s: float = 0.0


class Bench:
    """The bundle, the broker, the gauge, and the disk of the machine."""

    def __init__(self, folder: Path, stack: ExitStack, bundle: Path) -> None:
        self._folder = folder
        self._ca = Authority(folder / "ca")
        certificate = self._ca.server(hosts=["broker"])
        self.broker = stack.enter_context(
            Mosquitto(folder / "broker", certificate=certificate, ca=self._ca.ca)
        )
        self._line = folder / "line"
        gauge = spawn(
            [
                *(str(POLEGATE), "simulate", "keller-36x", "--link", str(self._line), "--strict"),
                *("--delay", "20", "--value", f"water_pressure={VALUE}"),
            ]
        )
        stack.callback(end, gauge, grace_s=2)
        wait_until(self._line.exists, 30)
        self._bundle = folder / "bundle"
        content = bundle.read_bytes()
        self._size = len(content)
        self._bundle.write_bytes(content + bytes(-len(content) % 512))

    def install(self, image: Image) -> float:
        """Seconds that the bundle took; the machine is off then, configured, and has never run polegate."""
        with self._machine(image, self._bundle) as machine:
            machine.run(f"head -c {self._size} /dev/disk/by-id/virtio-bundle >/root/polegate.sh", 300)
            began_s = time.monotonic()
            machine.run("sh /root/polegate.sh", INSTALL_WITHIN_S)
            took_s = time.monotonic() - began_s
            line = machine.run("ls /dev/polegate/*")
            machine.write("/etc/polegate/polegate.toml", CONFIG.format(port=BROKER[1], line=line))
            machine.write("/etc/polegate/ca.pem", self._ca.ca.read_text())
            machine.run(f"echo {BROKER[0]} broker >>/etc/hosts; rm /root/polegate.sh")
            machine.run("polegate config check")
            machine.power_off()
        return took_s

    def boot(self, image: Image, *, hang: bool) -> tuple[Boot, float]:
        """Measure one boot; and, with `hang`, how long a daemon that hangs is away."""
        boot, away_s, logged = Boot(), 0.0, len(self.broker.log())
        with self._machine(image) as machine:
            self._acknowledged(logged)
            boot.reading_s = time.monotonic() - machine.began_s
            boot.worked_s = machine.worked_s()
            time.sleep(SETTLE_S)
            boot.started_s = _seconds(machine, "ExecMainStartTimestampMonotonic")
            boot.ready_s = _seconds(machine, "ActiveEnterTimestampMonotonic")
            boot.state = machine.run("systemctl is-system-running --wait || systemctl --failed --plain")
            boot.startup = machine.run("systemd-analyze time").splitlines()[0]
            boot.memory = _memory(machine)
            if hang:
                away_s = self._hang(machine)
            logged = len(self.broker.log())
            boot.off_after_s = machine.power_off()
        if "Received DISCONNECT" not in self.broker.log()[logged:]:
            raise Failed("the daemon did not take leave of the broker when the machine was switched off")
        done = subprocess.run(
            ["/usr/sbin/e2fsck", "-f", "-n", image.disk], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failed(f"the file system is not clean after the power-off:\n{done.stdout}")
        return boot, away_s

    def _machine(self, image: Image, bundle: Path | None = None) -> Machine:
        return Machine(image, self._folder, line=self._line, broker_port=self.broker.port, bundle=bundle)

    def _acknowledged(self, logged: int, within_s: float = READING_WITHIN_S) -> None:
        """Wait for the broker's PUBACK to readings, of those logged after the first `logged` characters."""

        def done() -> bool:
            log = self.broker.log()[logged:]
            return any(
                f"Sending PUBACK to {who} (m{number}," in log for who, number in _PUBLISHED.findall(log)
            )

        try:
            wait_until(done, within_s)
        except TimeoutError:
            raise Failed(f"no reading was acknowledged within {within_s:.0f} s") from None

    def _hang(self, machine: Machine) -> float:
        """Stop the daemon as a hang would, and wait for READY, and readings, of its successor."""
        pid, logged = _unit(machine, "MainPID"), len(self.broker.log())
        began_s = time.monotonic()
        machine.run(f"kill -STOP {pid}")
        machine.run(
            f"until [ $(systemctl show -P MainPID polegate) != {pid} ] && systemctl -q is-active polegate; "
            "do sleep 0.2; done"
        )
        away_s = time.monotonic() - began_s
        self._acknowledged(logged)
        return away_s


def _unit(machine: Machine, name: str) -> str:
    return machine.run(f"systemctl show -P {name} polegate")


def _seconds(machine: Machine, name: str) -> float:
    return int(_unit(machine, name)) / 1e6


def _memory(machine: Machine) -> dict[str, float]:
    """MiB, of the daemon's process and of its control group."""
    pid = _unit(machine, "MainPID")
    lines = machine.run(f"cat /proc/{pid}/smaps_rollup").splitlines()
    kib = {words[0]: int(words[1]) for line in lines if (words := line.split())[0] in ("Rss:", "Pss:")}
    return {
        "resident": kib["Rss:"] / 1024,
        "proportional": kib["Pss:"] / 1024,
        "control group": int(_unit(machine, "MemoryCurrent")) / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/boot-arm64", description=__doc__)
    parser.add_argument("bundle", type=Path, help="polegate-VERSION-arm64.sh")
    parser.add_argument("--boots", type=int, default=2, help="to measure, after the one that installs")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("boot-arm64: told to end"))
    try:
        with tempfile.TemporaryDirectory(prefix="polegate-boot-") as folder, ExitStack() as stack:
            _prove(Bench(Path(folder), stack, given.bundle), Path(folder), given.boots)
    except (ChildError, MissingPackage, RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"boot-arm64: {error}")


def _prove(bench: Bench, folder: Path, boots: int) -> None:
    """Raises Failed where something did not come to pass; a goal that is missed is only told."""
    kept = arm64_image.kept(CHECKOUT / "build/boot-arm64")
    image = replace(kept, disk=folder / "disk.img")
    subprocess.run(["cp", "--sparse=always", kept.disk, image.disk], check=True)
    print("installing, in a machine of its own", flush=True)
    installed_s = bench.install(image)
    measured, away_s = [], 0.0
    for number in range(1, boots + 1):
        print(f"boot {number} of {boots}", flush=True)
        boot, away_s = bench.boot(image, hang=number == boots)
        measured.append(boot)
    _show(measured, installed_s, away_s)
    if any(boot.state != "running" for boot in measured):
        raise Failed("systemd is not content")


def _show(measured: list[Boot], installed_s: float, away_s: float) -> None:
    rows = {
        "polegate started": [f"{boot.started_s:.1f} s" for boot in measured],
        "READY=1": [f"{boot.ready_s:.1f} s" for boot in measured],
        f"first reading acknowledged (goal: {GOAL_S:.0f} s)": [
            f"{boot.reading_s:.1f} s" for boot in measured
        ],
        "this host's processor time until then": [f"{boot.worked_s:.1f} s" for boot in measured],
        **{
            f"{kind} memory": [f"{boot.memory[kind]:.1f} MiB" for boot in measured]
            for kind in measured[0].memory
        },
        "systemctl is-system-running": [boot.state for boot in measured],
        "clean power-off took": [f"{boot.off_after_s:.1f} s" for boot in measured],
    }
    width = max(map(len, rows))
    print("\nEmulated (qemu-system-aarch64, cortex-a53, 2 cores); seconds since power on")
    for name, values in rows.items():
        print(f"{name:{width}}  {'  '.join(f'{value:>10}' for value in values)}")
    for boot in measured:
        print(boot.startup)
    print(f"the bundle was installed in {installed_s:.1f} s")
    print(f"a daemon that hangs: another is READY after {away_s:.1f} s, {_against(away_s, AWAY_GOAL_S)}")
    slowest_s = max(boot.reading_s for boot in measured)
    print(f"first reading acknowledged: {_against(slowest_s, GOAL_S)}; load {os.getloadavg()[0]:.1f} here")


def _against(took_s: float, goal_s: float) -> str:
    return f"goal {goal_s:.0f} s: {'met' if took_s <= goal_s else 'missed'}"


if __name__ == "__main__":
    main()
